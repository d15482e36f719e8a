// The first block of a convolutional network: few input channels, and the largest maps of all.
//
// The library takes longer to write its convolution, and five times longer for the gradient of the images, than the arithmetic
// does. Here each image's maps live in the cache only; the gradient computes them again.
#include "FirstBlock.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "Convolution.hpp"
#include "Device.hpp"
#include "Guard.hpp"
#include "NormReluPool.hpp"
#include "Team.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ct {
namespace {

constexpr int64_t most_channels = 4;
/// Outputs come in multiples of it: two of the widest registers.
constexpr int64_t output_step = 32;
/// Images whose weight gradients are added up in one place. Fixed, so that no sum depends on the number of threads.
constexpr int64_t group_images = 4;

struct FirstBlock {
  int64_t height, width, channels, outputs;  // of the convolution
  int64_t row_pixels;                        // width, rounded up to the pixels computed at a time
  int64_t block;                             // outputs of a task: four of the widest registers, or two
  const float *x;                            // (n, height + 2, width + 2, channels), with zeros around
  const float *weights;                      // (3, 3, channels, outputs)
  const float *bias, *gamma, *beta;
  float eps;
  float *mean, *inverse;  // (n, outputs)
};

struct FirstBlockGradient {
  float *sum, *products;  // (n, outputs): Σd and Σd·x̂
  int64_t padding;
  float *dx;             // (n, h, w, channels), or NULL
  const float *weights;  // (outputs, columns), a row being (3, 3, channels) and zeros
  int64_t columns;       // 9 · channels, rounded up to the widest panel
};

#define CT_KERNELS "FirstBlockKernel.hpp"
#include "InstructionSets.hpp"

/// The arguments in the form that the kernels read.
struct Operands {
  at::Tensor x, weights, bias, gamma, beta, mean, inverse;
  int64_t images, height, width, channels, outputs, row_pixels, block;

  Operands(const at::Tensor &image, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &gamma,
           const at::Tensor &beta, int64_t padding)
      : bias(bias.contiguous()), gamma(gamma.contiguous()), beta(beta.contiguous()) {
    images = image.size(0);
    channels = image.size(1);
    height = image.size(2) + 2 * padding - 2;
    width = image.size(3) + 2 * padding - 2;
    outputs = weight.size(0);
    row_pixels = (width + 3) / 4 * 4;
    block = outputs % (2 * output_step) == 0 ? 2 * output_step : output_step;
    weights = weight.permute({2, 3, 1, 0}).contiguous();
    // A row may be computed up to three pixels beyond its end, the last one beyond the last image: they are read, and not used.
    const int64_t size = images * (height + 2) * (width + 2) * channels;
    x = at::zeros({size + 4 * most_channels}, image.options().memory_format(c10::nullopt));
    x.narrow(0, 0, size)
        .view({images, height + 2, width + 2, channels})
        .narrow(1, padding, image.size(2))
        .narrow(2, padding, image.size(3))
        .copy_(image.permute({0, 2, 3, 1}));
  }

  FirstBlock job(double eps) const {
    return {height,
            width,
            channels,
            outputs,
            row_pixels,
            block,
            data<float>(x),
            data<float>(weights),
            data<float>(bias),
            data<float>(gamma),
            data<float>(beta),
            float(eps),
            data<float>(mean),
            data<float>(inverse)};
  }

  at::TensorOptions options() const { return x.options(); }

  /// A buffer for each thread: the maps of one block of channels, with room for `columns` more values for each pixel.
  at::Tensor scratch(int64_t tasks, int64_t columns) const {
    const int64_t pixels = height * row_pixels + 12;
    return at::empty({team_size(tasks), pixels * (block + columns) + 16}, options());
  }
};

template <typename Body>
void with_scalar(at::ScalarType type, Body &&body) {
  type == at::kBFloat16 ? body(BFloat16()) : body(float());
}

/// What carries dy back through the convolution with a weight, to x of size (n, c, h, w): one matrix product of all pixels, whose
/// 9 taps are then added up. The library takes several times as long for so few channels.
at::Tensor carried_back(const at::Tensor &dy, const at::Tensor &weight, int64_t padding, at::IntArrayRef size) {
  const int64_t images = size[0], channels = size[1], height = dy.size(2), width = dy.size(3);
  auto taps = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), 9 * channels});
  auto parts = at::mm(dy.permute({0, 2, 3, 1}).reshape({images * height * width, weight.size(0)}), taps)
                   .view({images, height, width, 9, channels});
  auto padded = at::zeros({images, height + 2, width + 2, channels}, parts.options());
  for (int64_t i = 0; i < 3; i++)
    for (int64_t j = 0; j < 3; j++) padded.narrow(1, i, height).narrow(2, j, width).add_(parts.select(3, 3 * i + j));
  return padded.narrow(1, padding, size[2]).narrow(2, padding, size[3]).permute({0, 3, 1, 2}).contiguous();
}

at::Tensor convolved(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t padding) {
  const int64_t ones[] = {1, 1}, pads[] = {padding, padding};
  return at::conv2d(x.contiguous(at::MemoryFormat::ChannelsLast), weight, bias, ones, pads);
}

/// The gradient of the convolution at its weight, as an operation of x and dy that can be differentiated again.
struct FirstWeightGradient : torch::autograd::Function<FirstWeightGradient> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &dy,
                            int64_t padding) {
    context->save_for_backward({x, dy});
    context->saved_data["padding"] = padding;
    const int64_t ones[] = {1, 1}, pads[] = {padding, padding}, none[] = {0, 0};
    const auto weight = at::empty({dy.size(1), x.size(1), 3, 3}, x.options().memory_format(c10::nullopt));
    return std::get<1>(at::convolution_backward(dy, x.contiguous(at::MemoryFormat::ChannelsLast), weight, c10::nullopt,
                                                ones, pads, ones, false, none, 1, {false, true, false}));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto &v = gradients[0];
    torch::autograd::variable_list results(3);
    if (!v.defined()) return results;
    const auto saved = context->get_saved_variables();
    const int64_t padding = context->saved_data["padding"].toInt();
    if (context->needs_input_grad(0)) results[0] = carried_back(saved[1], v, padding, saved[0].sizes());
    if (context->needs_input_grad(1)) results[1] = convolved(saved[0], v, {}, padding);
    return results;
  }
};

/// A convolution of 3 × 3, with gradients of every order for which there is a quicker way than the library's.
struct FirstConvolution : torch::autograd::Function<FirstConvolution> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["padding"] = padding;
    return convolved(x, weight, bias, padding);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto &dy = gradients[0];
    torch::autograd::variable_list results(4);
    if (!dy.defined()) return results;
    const auto saved = context->get_saved_variables();
    const int64_t padding = context->saved_data["padding"].toInt(), all_but_channels[] = {0, 2, 3};
    if (context->needs_input_grad(0)) results[0] = carried_back(dy, saved[1], padding, saved[0].sizes());
    if (context->needs_input_grad(1)) results[1] = FirstWeightGradient::apply(saved[0], dy, padding);
    if (context->needs_input_grad(2)) results[2] = dy.sum(all_but_channels);
    return results;
  }
};

struct FirstBlockFunction : torch::autograd::Function<FirstBlockFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const at::Tensor &gamma, const at::Tensor &beta, int64_t padding,
                            double eps, at::ScalarType type, int64_t code) {
    const auto instructions = static_cast<CTInstructions>(code);
    Operands on(x, weight, bias, gamma, beta, padding);
    on.mean = at::empty({on.images, on.outputs}, on.options());
    on.inverse = at::empty_like(on.mean);
    auto y = at::empty({on.images, on.outputs, on.height / 2, on.width / 2}, on.options().dtype(type),
                       at::MemoryFormat::ChannelsLast);
    const int64_t tasks = on.images * (on.outputs / on.block);
    auto scratch = on.scratch(tasks, 0);
    with_scalar(type, [&](auto scalar) {
      const auto job = on.job(eps);
      auto *result = data<decltype(scalar)>(y);
      in_parallel(tasks, [&](int64_t first, int64_t last, int64_t thread) {
        float *mine = data<float>(scratch) + thread * scratch.size(1);
        CT_DISPATCH(instructions, run_first_block(job, result, mine, first, last));
      });
    });
    context->save_for_backward({x, weight, bias, gamma, beta, on.mean, on.inverse});
    context->saved_data["padding"] = padding;
    context->saved_data["eps"] = eps;
    context->saved_data["instructions"] = code;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    torch::autograd::variable_list results(9);
    const auto &dy_any = gradients[0];
    if (!dy_any.defined()) return results;
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &bias = saved[2], &gamma = saved[3], &beta = saved[4];
    const int64_t padding = context->saved_data["padding"].toInt();
    const double eps = context->saved_data["eps"].toDouble();
    const bool with_dx = context->needs_input_grad(0), with_dweight = context->needs_input_grad(1);

    if (at::GradMode::is_enabled()) {
      const auto maps = FirstConvolution::apply(x, weight, bias, padding);
      const auto norm = norm_relu_pool_gradient(maps, gamma, beta, saved[5], saved[6], eps, dy_any.to(at::kFloat),
                                                static_cast<CTInstructions>(context->saved_data["instructions"].toInt()));
      const int64_t all_but_channels[] = {0, 2, 3};
      if (with_dx) results[0] = carried_back(norm.dx, weight, padding, x.sizes());
      if (with_dweight) results[1] = FirstWeightGradient::apply(x, norm.dx, padding);
      if (context->needs_input_grad(2)) results[2] = norm.dx.sum(all_but_channels);
      results[3] = norm.dgamma;
      results[4] = norm.dbeta;
      return results;
    }

    const auto instructions = static_cast<CTInstructions>(context->saved_data["instructions"].toInt());
    Operands on(x, weight, bias, gamma, beta, padding);
    on.mean = saved[5];
    on.inverse = saved[6];
    auto dy = dy_any.contiguous(at::MemoryFormat::ChannelsLast);
    auto sum = at::empty_like(on.mean), products = at::empty_like(on.mean);
    const int64_t taps = 9 * on.channels, columns = (taps + 31) / 32 * 32;
    at::Tensor dx, rows, weight_sums;
    if (with_dx) {
      dx = at::empty({on.images, x.size(2), x.size(3), on.channels}, on.options());
      rows = at::constant_pad_nd(weight.permute({0, 2, 3, 1}).reshape({on.outputs, taps}), {0, columns - taps});
    }
    const int64_t groups = (on.images + group_images - 1) / group_images;
    if (with_dweight) weight_sums = at::zeros({groups, taps, on.outputs}, on.options());
    auto scratch = on.scratch(groups, with_dx ? columns : 0);
    const FirstBlockGradient to{data<float>(sum),
                                data<float>(products),
                                padding,
                                with_dx ? data<float>(dx) : nullptr,
                                with_dx ? data<float>(rows) : nullptr,
                                columns};
    with_scalar(dy.scalar_type(), [&](auto scalar) {
      const auto job = on.job(eps);
      auto *gradient = data<decltype(scalar)>(dy);
      in_parallel(groups, [&](int64_t first, int64_t last, int64_t thread) {
        float *mine = data<float>(scratch) + thread * scratch.size(1);
        for (int64_t group = first; group < last; group++) {
          float *sums = with_dweight ? data<float>(weight_sums) + group * taps * on.outputs : nullptr;
          const int64_t start = group * group_images, end = std::min(on.images, start + group_images);
          CT_DISPATCH(instructions, run_first_block_gradient(job, to, gradient, sums, mine, start, end));
        }
      });
    });
    if (with_dx) results[0] = dx.permute({0, 3, 1, 2});
    if (with_dweight) results[1] = weight_sums.sum(0).view({3, 3, on.channels, on.outputs}).permute({3, 2, 0, 1});
    // The norm takes the mean away, and the bias with it.
    if (context->needs_input_grad(2)) results[2] = at::zeros_like(bias);
    if (context->needs_input_grad(3)) results[3] = products.sum(0);
    if (context->needs_input_grad(4)) results[4] = sum.sum(0);
    return results;
  }
};

}  // namespace

at::Tensor convolution_norm_relu_pool(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                                      const at::Tensor &gamma, const at::Tensor &beta, int64_t padding, double eps,
                                      at::ScalarType type, CTInstructions instructions) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(1) == x.size(1),
              "expected images (n, c, h, w) and weight (outputs, c, k, k), found shapes ", x.sizes(), " and ",
              weight.sizes());
  const int64_t outputs = weight.size(0);
  for (const auto *values : {&bias, &gamma, &beta})
    TORCH_CHECK(values->dim() == 1 && values->size(0) == outputs, "expected bias, scale and shift of shape [", outputs,
                "], found ", values->sizes());
  TORCH_CHECK(padding >= 0, "expected no negative padding, found ", padding);
  const auto best = best_instructions();
  if (instructions == CT_INSTRUCTIONS_BEST) instructions = best;
  TORCH_CHECK(instructions <= best, "this machine has not the instructions asked for");

  auto narrow = [](const at::Tensor &values) {
    return takes_own_kernels(values) && (values.scalar_type() == at::kFloat || values.scalar_type() == at::kBFloat16);
  };
  const bool fast = narrow(x) && narrow(weight) && narrow(bias) && narrow(gamma) && narrow(beta) &&
                    (type == at::kFloat || type == at::kBFloat16) && x.numel() > 0 && x.size(1) <= most_channels &&
                    weight.size(2) == 3 && weight.size(3) == 3 && outputs % output_step == 0 &&
                    x.size(2) + 2 * padding >= 4 && x.size(3) + 2 * padding >= 4;
  if (!fast) {
    // Channels innermost, as our kernels want them and as they leave them.
    const auto order = at::MemoryFormat::ChannelsLast;
    const auto images = x.to(type).contiguous(order), filters = weight.to(type), shift = bias.to(type);
    const int64_t ones[] = {1, 1}, pads[] = {padding, padding};
    // The library of Debian 12 fails at gradients of gradients of convolutions in bfloat16.
    const bool lacks_second_gradient = images.is_cpu() && type == at::kBFloat16 && weight.size(2) == 3 && weight.size(3) == 3;
    const auto maps = gains_from_convolution3x3(images, filters, shift, ones, pads, 1)
                          ? convolution3x3(images, filters, shift, instructions)
                      : lacks_second_gradient
                          ? FirstConvolution::apply(images, filters.contiguous(order), shift, padding)
                          : at::conv2d(images, filters.contiguous(order), shift, ones, pads);
    return norm_relu_pool(maps, gamma, beta, eps, instructions);
  }
  return FirstBlockFunction::apply(x.to(at::kFloat), weight.to(at::kFloat), bias.to(at::kFloat), gamma.to(at::kFloat),
                                   beta.to(at::kFloat), padding, eps, type, static_cast<int64_t>(instructions));
}

}  // namespace ct

CTError ct_convolution_norm_relu_pool(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTTensorRef scale,
                                      CTTensorRef shift, int64_t padding, double eps, CTDType dtype,
                                      CTInstructions instructions, CTTensorRef *out) {
  return ct::result(out, [&] {
    return ct::convolution_norm_relu_pool(x->value, weight->value, bias->value, scale->value, shift->value, padding, eps,
                                          ct::scalar_type(dtype), instructions);
  });
}
