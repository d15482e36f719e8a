// The one place where a C++ exception becomes an error string, and the box behind CTTensorRef.
#pragma once

#include <ATen/ATen.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "CTorch.h"

/// What a CTTensorRef points to.
struct CTTensor {
  at::Tensor value;
};

namespace ct {

/// A copy that the caller frees; on exhausted memory still not NULL would be impossible, so the process may see success
/// only if even these few bytes cannot be had, and then the out-pointer is NULL.
inline char *copy_message(const char *text) noexcept { return strdup(text); }

/// The message of exhausted memory; `text` is libtorch's, which tells how much was asked for.
inline char *exhausted_message(const char *text) noexcept {
  try {
    std::string message = CT_MEMORY_EXHAUSTED;
    constexpr char mark[] = "to allocate ";
    if (const char *amount = std::strstr(text, mark)) {
      amount += sizeof mark - 1;
      const char *end = amount + std::strspn(amount, "0123456789.");
      if (*end == ' ') end += 1 + std::strcspn(end + 1, " .,;(");
      message.append(": ").append(amount, end).append(" were asked for at once");
    }
    return copy_message(message.c_str());
  } catch (...) {
    return copy_message(CT_MEMORY_EXHAUSTED);
  }
}

/// Runs `body`; every exception becomes its message, without a backtrace.
template <typename Body>
CTError guard(Body &&body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &error) {
    try {
      const char *text = error.what_without_backtrace();
      // The allocator of the processor's memory throws no type of its own.
      const bool exhausted =
          dynamic_cast<const c10::OutOfMemoryError *>(&error) || std::strstr(text, "DefaultCPUAllocator");
      return exhausted ? exhausted_message(text) : copy_message(text);
    } catch (...) {
      return copy_message("an error of libtorch without a message");
    }
  } catch (const std::bad_alloc &) {
    return copy_message(CT_MEMORY_EXHAUSTED);
  } catch (const std::exception &error) {
    return copy_message(error.what());
  } catch (...) {
    return copy_message("an unknown C++ exception");
  }
}

/// A new reference for the caller.
inline CTTensorRef box(at::Tensor value) { return new CTTensor{std::move(value)}; }

/// Runs `body`, which returns a tensor, and hands its result out as a new reference.
template <typename Body>
CTError result(CTTensorRef *out, Body &&body) noexcept {
  return guard([&] { *out = box(body()); });
}

inline at::IntArrayRef ints(const int64_t *values, size_t count) { return at::IntArrayRef(values, count); }

/// An undefined tensor stands for "not given" in ATen.
inline at::Tensor optional(CTTensorRef tensor) { return tensor ? tensor->value : at::Tensor(); }

inline std::vector<at::Tensor> list(const CTTensorRef *tensors, size_t count) {
  std::vector<at::Tensor> values;
  values.reserve(count);
  for (size_t i = 0; i < count; i++) values.push_back(tensors[i]->value);
  return values;
}

/// Hands out several results: all of them or, on an exception, none.
inline void box_all(std::vector<at::Tensor> values, CTTensorRef *out) {
  std::vector<std::unique_ptr<CTTensor>> boxes;
  boxes.reserve(values.size());
  for (auto &value : values) boxes.push_back(std::make_unique<CTTensor>(CTTensor{std::move(value)}));
  for (size_t i = 0; i < boxes.size(); i++) out[i] = boxes[i].release();
}

inline at::ScalarType scalar_type(CTDType dtype) {
  switch (dtype) {
    case CT_FLOAT32: return at::kFloat;
    case CT_BFLOAT16: return at::kBFloat16;
    case CT_FLOAT64: return at::kDouble;
    case CT_UINT8: return at::kByte;
    case CT_INT64: return at::kLong;
    case CT_BOOL: return at::kBool;
  }
  TORCH_CHECK(false, "unknown element type ", static_cast<int>(dtype));
}

}  // namespace ct
