// Sums, extremes, losses and products.
#include "Guard.hpp"

using namespace ct;

CTError ct_reduce(CTReduction operation, CTTensorRef x, const int64_t *axes, size_t axis_count, bool keep_dims,
                  CTTensorRef *out) {
  return result(out, [&] {
    std::vector<int64_t> all;
    auto chosen = ints(axes, axis_count);
    if (axis_count == 0) {
      for (int64_t i = 0; i < x->value.dim(); i++) all.push_back(i);
      chosen = all;
    }
    switch (operation) {
      case CT_SUM: return at::sum(x->value, chosen, keep_dims);
      case CT_MEAN: return at::mean(x->value, chosen, keep_dims);
      case CT_MAX: return at::amax(x->value, chosen, keep_dims);
      case CT_MIN: return at::amin(x->value, chosen, keep_dims);
      case CT_LOG_SUM_EXP: return at::logsumexp(x->value, chosen, keep_dims);
    }
    TORCH_CHECK(false, "unknown reduction");
  });
}

CTError ct_argmax(CTTensorRef x, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return at::argmax(x->value, axis); });
}

CTError ct_softmax(CTTensorRef x, int64_t axis, bool logarithm, CTTensorRef *out) {
  return result(out, [&] { return logarithm ? at::log_softmax(x->value, axis) : at::softmax(x->value, axis); });
}

CTError ct_cumulative_sum(CTTensorRef x, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return at::cumsum(x->value, axis); });
}

CTError ct_top_k(CTTensorRef x, int64_t k, bool largest, CTTensorRef *values, CTTensorRef *indices) {
  return guard([&] {
    auto [value, index] = at::topk(x->value, k, -1, largest, true);
    CTTensorRef both[2];
    box_all({value, index}, both);
    *values = both[0];
    *indices = both[1];
  });
}

CTError ct_cross_entropy(CTTensorRef logits, CTTensorRef labels, CTTensorRef *out) {
  return result(out, [&] {
    const auto &scores = logits->value;
    const auto &target = labels->value;
    TORCH_CHECK(scores.dim() == 2, "expected logits of rank 2 (n, classes), found rank ", scores.dim());
    if (at::isFloatingType(target.scalar_type())) {
      TORCH_CHECK(target.sizes() == scores.sizes(), "soft labels must have the shape of the logits");
    } else {
      TORCH_CHECK(target.dim() == 1 && target.size(0) == scores.size(0), "expected one label per row of the logits");
      // The library's own check is an assertion on some devices; this one names the range.
      if (target.numel() > 0) {
        auto low = target.min().item<int64_t>(), high = target.max().item<int64_t>();
        TORCH_CHECK(low >= 0 && high < scores.size(1), "labels must lie in 0..<", scores.size(1), ", found ", low,
                    " to ", high);
      }
    }
    return at::cross_entropy_loss(scores, target);
  });
}

CTError ct_matmul(CTTensorRef a, CTTensorRef b, CTTensorRef *out) {
  return result(out, [&] { return at::matmul(a->value, b->value); });
}

CTError ct_linear(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTTensorRef *out) {
  return result(out, [&] { return at::linear(x->value, weight->value, optional(bias)); });
}

CTError ct_orthonormal_columns(CTTensorRef x, CTTensorRef *out) {
  return result(out, [&] { return std::get<0>(at::linalg_qr(x->value)); });
}

CTError ct_symmetric_eigen(CTTensorRef x, CTTensorRef *values, CTTensorRef *vectors) {
  return guard([&] {
    auto [found, columns] = at::linalg_eigh(x->value);
    CTTensorRef both[2];
    box_all({found, columns}, both);
    *values = both[0];
    *vectors = both[1];
  });
}

CTError ct_squared_distances(CTTensorRef a, CTTensorRef b, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(a->value.dim() == 2 && b->value.dim() == 2, "expected two tensors of rank 2");
    TORCH_CHECK(a->value.size(1) == b->value.size(1), "expected rows of one length, found ", a->value.size(1), " and ",
                b->value.size(1));
    auto wide = [](const at::Tensor &x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); };
    auto x = wide(a->value), y = wide(b->value);
    auto squares = at::sum(x * x, 1, true) + at::sum(y * y, 1).unsqueeze(0);
    // Cancellation leaves tiny negative numbers between equal rows.
    return at::clamp_min(at::addmm(squares, x, y.t(), 1, -2), 0);
  });
}
