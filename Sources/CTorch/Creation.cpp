// Tensors from values, values from tensors, and changes of type, place and memory order.
#include "Device.hpp"
#include "Guard.hpp"

using namespace ct;

namespace {

int64_t product(const int64_t *shape, size_t rank) {
  int64_t count = 1;
  for (size_t i = 0; i < rank; i++) {
    TORCH_CHECK(shape[i] >= 0, "negative extent ", shape[i], " in the shape");
    TORCH_CHECK(!__builtin_mul_overflow(count, shape[i], &count), "the shape has too many elements");
  }
  return count;
}

CTDType dtype_of(const at::Tensor &tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat: return CT_FLOAT32;
    case at::kBFloat16: return CT_BFLOAT16;
    case at::kDouble: return CT_FLOAT64;
    case at::kByte: return CT_UINT8;
    case at::kLong: return CT_INT64;
    case at::kBool: return CT_BOOL;
    default: TORCH_CHECK(false, "elements of type ", tensor.scalar_type(), " are not supported");
  }
}

}  // namespace

CTError ct_from_data(const void *data, size_t byte_count, CTDType dtype, const int64_t *shape, size_t rank,
                     CTTensorRef *out) {
  return result(out, [&] {
    auto needed = static_cast<size_t>(product(shape, rank)) * c10::elementSize(scalar_type(dtype));
    TORCH_CHECK(needed == byte_count, "expected ", needed, " bytes for the shape, found ", byte_count);
    auto tensor = at::empty(ints(shape, rank), at::TensorOptions(scalar_type(dtype)));
    if (byte_count > 0) std::memcpy(tensor.data_ptr(), data, byte_count);
    return tensor.to(compute_device());
  });
}

CTError ct_full(double value, CTDType dtype, const int64_t *shape, size_t rank, CTTensorRef *out) {
  return result(out, [&] {
    product(shape, rank);
    auto options = at::TensorOptions(scalar_type(dtype)).device(compute_device());
    return value == 0 ? at::zeros(ints(shape, rank), options) : at::full(ints(shape, rank), value, options);
  });
}

CTError ct_arange(double start, double step, int64_t count, CTDType dtype, CTTensorRef *out) {
  return result(out, [&] {
    // By index, so that the count is exact whatever the step rounds to.
    auto index = at::arange(count, at::TensorOptions(at::kDouble).device(compute_device()));
    return (index * step + start).to(scalar_type(dtype));
  });
}

CTError ct_describe(CTTensorRef tensor, CTDescription *out) {
  return guard([&] {
    const auto &value = tensor->value;
    TORCH_CHECK(value.dim() <= CT_MAX_RANK, "rank ", value.dim(), " is above the supported ", int(CT_MAX_RANK));
    out->rank = value.dim();
    for (int64_t i = 0; i < value.dim(); i++) out->shape[i] = value.size(i);
    out->dtype = dtype_of(value);
    out->device = value.is_cuda() ? value.get_device() : -1;
    out->channels_last = value.dim() == 4 && value.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  });
}

CTError ct_copy_out(CTTensorRef tensor, CTDType dtype, void *buffer, size_t byte_count) {
  return guard([&] {
    auto value = tensor->value.detach().to(at::Device(at::kCPU), scalar_type(dtype)).contiguous();
    TORCH_CHECK(value.nbytes() == byte_count, "expected room for ", value.nbytes(), " bytes, found ", byte_count);
    if (byte_count > 0) std::memcpy(buffer, value.data_ptr(), byte_count);
  });
}

void ct_free(CTTensorRef tensor) { delete tensor; }

CTError ct_to_dtype(CTTensorRef tensor, CTDType dtype, CTTensorRef *out) {
  return result(out, [&] { return tensor->value.to(scalar_type(dtype)); });
}

CTError ct_to_device(CTTensorRef tensor, int32_t index, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(index < 0 || at::hasCUDA(), "this libtorch has no CUDA device");
    return tensor->value.to(device(index));
  });
}

CTError ct_channels_last(CTTensorRef tensor, CTTensorRef *out) {
  return result(out, [&] {
    TORCH_CHECK(tensor->value.dim() == 4, "expected rank 4, found ", tensor->value.dim());
    return tensor->value.contiguous(at::MemoryFormat::ChannelsLast);
  });
}

CTError ct_contiguous(CTTensorRef tensor, CTTensorRef *out) {
  return result(out, [&] { return tensor->value.contiguous(); });
}

CTError ct_detach(CTTensorRef tensor, CTTensorRef *out) {
  return result(out, [&] { return tensor->value.detach(); });
}
