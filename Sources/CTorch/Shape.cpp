// The same elements in another arrangement.
#include "Guard.hpp"

using namespace ct;

CTError ct_reshape(CTTensorRef x, const int64_t *shape, size_t rank, CTTensorRef *out) {
  return result(out, [&] { return x->value.reshape(ints(shape, rank)); });
}

CTError ct_flatten(CTTensorRef x, int64_t from, CTTensorRef *out) {
  return result(out, [&] { return x->value.flatten(from); });
}

CTError ct_transpose(CTTensorRef x, int64_t a, int64_t b, CTTensorRef *out) {
  return result(out, [&] { return x->value.transpose(a, b); });
}

CTError ct_permute(CTTensorRef x, const int64_t *axes, size_t count, CTTensorRef *out) {
  return result(out, [&] { return x->value.permute(ints(axes, count)); });
}

CTError ct_unsqueeze(CTTensorRef x, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return x->value.unsqueeze(axis); });
}

CTError ct_squeeze(CTTensorRef x, int64_t axis, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(x->value.size(axis) == 1, "expected extent 1 at axis ", axis, ", found ", x->value.size(axis));
    return x->value.squeeze(axis);
  });
}

CTError ct_expand(CTTensorRef x, const int64_t *shape, size_t rank, CTTensorRef *out) {
  return result(out, [&] { return x->value.expand(ints(shape, rank)); });
}

CTError ct_slice(CTTensorRef x, int64_t axis, int64_t from, int64_t to, int64_t step, CTTensorRef *out) {
  return result(out, [&] {
    auto extent = x->value.size(axis);
    // The library clamps silently; a range outside the tensor is a mistake here.
    TORCH_CHECK(0 <= from && from <= to && to <= extent, "expected a range within 0..<", extent, ", found ", from,
                "..<", to);
    TORCH_CHECK(step > 0, "expected a positive step, found ", step);
    return x->value.slice(axis, from, to, step);
  });
}

CTError ct_index_select(CTTensorRef x, int64_t axis, CTTensorRef indices, CTTensorRef *out) {
  return result(out, [&] { return at::index_select(x->value, axis, indices->value); });
}

CTError ct_gather(CTTensorRef x, int64_t axis, CTTensorRef indices, CTTensorRef *out) {
  return result(out, [&] { return at::gather(x->value, axis, indices->value); });
}

CTError ct_concatenate(const CTTensorRef *tensors, size_t count, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return at::cat(list(tensors, count), axis); });
}

CTError ct_stack(const CTTensorRef *tensors, size_t count, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return at::stack(list(tensors, count), axis); });
}

CTError ct_pad(CTTensorRef x, const int64_t *pads, size_t count, double value, CTTensorRef *out) {
  return result(out, [&] { return at::constant_pad_nd(x->value, ints(pads, count), value); });
}

CTError ct_flip(CTTensorRef x, const int64_t *axes, size_t count, CTTensorRef *out) {
  return result(out, [&] { return at::flip(x->value, ints(axes, count)); });
}

CTError ct_roll(CTTensorRef x, int64_t shift, int64_t axis, CTTensorRef *out) {
  return result(out, [&] { return at::roll(x->value, shift, axis); });
}
