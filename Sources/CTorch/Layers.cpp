// The operations that networks are made of.
#include "Convolution.hpp"
#include "Guard.hpp"

using namespace ct;

CTError ct_convolution2d(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, const int64_t *stride,
                         const int64_t *padding, int64_t groups, CTTensorRef *out) {
  return result(out, [&] {
    if (gains_from_convolution3x3(x->value, weight->value, optional(bias), ints(stride, 2), ints(padding, 2), groups))
      return convolution3x3(x->value, weight->value, optional(bias), CT_INSTRUCTIONS_BEST);
    return at::conv2d(x->value, weight->value, optional(bias), ints(stride, 2), ints(padding, 2), 1, groups);
  });
}

CTError ct_transposed_convolution2d(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, const int64_t *stride,
                                    const int64_t *padding, const int64_t *output_padding, CTTensorRef *out) {
  return result(out, [&] {
    return at::conv_transpose2d(x->value, weight->value, optional(bias), ints(stride, 2), ints(padding, 2),
                                ints(output_padding, 2));
  });
}

CTError ct_average_pool2d(CTTensorRef x, int64_t kernel, int64_t stride, int64_t padding, CTTensorRef *out) {
  return result(out, [&] { return at::avg_pool2d(x->value, kernel, stride, padding); });
}

CTError ct_max_pool2d(CTTensorRef x, int64_t kernel, int64_t stride, int64_t padding, CTTensorRef *out) {
  return result(out, [&] { return at::max_pool2d(x->value, kernel, stride, padding); });
}

CTError ct_group_norm(CTTensorRef x, int64_t groups, CTTensorRef weight, CTTensorRef bias, double eps,
                      CTTensorRef *out) {
  return result(out, [&] {
    const auto &maps = x->value;
    auto order = maps.suggest_memory_format();
    // With a group per channel the library takes ten times as long for small maps in memory order n, h, w, c as for
    // copies in the other order and back.
    bool copies = order == at::MemoryFormat::ChannelsLast && maps.device().is_cpu() && groups == maps.size(1) &&
                  maps.size(2) * maps.size(3) < 1024;
    auto normal =
        at::group_norm(copies ? maps.contiguous() : maps, groups, optional(weight), optional(bias), eps);
    return copies ? normal.contiguous(order) : normal;
  });
}

CTError ct_batch_norm(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTTensorRef mean, CTTensorRef variance,
                      double eps, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK((mean == nullptr) == (variance == nullptr), "give both statistics or neither");
    return at::batch_norm(x->value, optional(weight), optional(bias), optional(mean), optional(variance),
                          /*training=*/mean == nullptr, /*momentum=*/0, eps, /*cudnn_enabled=*/true);
  });
}

CTError ct_batch_norm_training(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTTensorRef mean,
                               CTTensorRef variance, double momentum, double eps, CTTensorRef *out,
                               CTTensorRef *new_mean, CTTensorRef *new_variance) {
  return guard([&] {
    TORCH_CHECK(x->value.dim() >= 2, "expected (n, c, ...), found rank ", x->value.dim());
    TORCH_CHECK(x->value.numel() > x->value.size(1), "the batch has one value per channel, which has no variance");
    // The library writes to the statistics that it is given.
    auto moved_mean = mean->value.detach().clone(), moved_variance = variance->value.detach().clone();
    auto normal = at::batch_norm(x->value, optional(weight), optional(bias), moved_mean, moved_variance,
                                 /*training=*/true, momentum, eps, /*cudnn_enabled=*/true);
    CTTensorRef all[3];
    box_all({normal, moved_mean, moved_variance}, all);
    *out = all[0];
    *new_mean = all[1];
    *new_variance = all[2];
  });
}

CTError ct_upsample_bilinear(CTTensorRef x, int64_t height, int64_t width, CTTensorRef *out) {
  return result(out, [&] { return at::upsample_bilinear2d(x->value, {height, width}, /*align_corners=*/false); });
}

CTError ct_affine_sample(CTTensorRef x, CTTensorRef theta, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(x->value.dim() == 4, "expected images of rank 4, found rank ", x->value.dim());
    auto grid = at::affine_grid_generator(theta->value, x->value.sizes(), /*align_corners=*/false);
    return at::grid_sampler(x->value, grid, /*bilinear*/ 0, /*zeros*/ 0, /*align_corners=*/false);
  });
}

CTError ct_norm_relu_pool_composite(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, double eps,
                                    CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(x->value.dim() == 4, "expected rank 4 (n, c, h, w), found rank ", x->value.dim());
    auto normal = at::group_norm(x->value, x->value.size(1), weight->value, bias->value, eps);
    return at::avg_pool2d(at::relu(normal), 2, 2);
  });
}
