// Where tensors are created, and which of them kernels of our own may take.
#pragma once

#include <ATen/ATen.h>

#include <atomic>

namespace ct {

/// See ct_set_device.
inline std::atomic<int32_t> compute_device_index{-1};
/// See ct_use_library_operations.
inline thread_local bool only_library_operations = false;

inline at::Device device(int32_t index) {
  return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

/// The device that new tensors are created on.
inline at::Device compute_device() { return device(compute_device_index); }

/// Whether kernels of our own may work on a tensor; where they may not, the library's operations compute the same.
inline bool takes_own_kernels(const at::Tensor &tensor) { return tensor.is_cpu() && !only_library_operations; }

}  // namespace ct
