// Settings of the whole process.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstdio>
#include <unistd.h>

#include "Device.hpp"
#include "Guard.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace ct;

namespace {

int64_t resident_bytes() {
  long long pages = 0, resident = 0;
  if (FILE *file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%lld %lld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * sysconf(_SC_PAGESIZE);
}

const int64_t resident_at_load = resident_bytes();

}  // namespace

int64_t ct_resident_at_load(void) { return resident_at_load; }

bool ct_keep_freed_memory(void) {
#ifdef __GLIBC__
  // Results of 10 to 200 MB come and go with every step. By default each is mapped and unmapped, and every page of it faults again.
  // One arena, because the heaps of the others end at 64 MB and send larger blocks to mmap whatever the threshold says.
  bool arena = mallopt(M_ARENA_MAX, 1) == 1;
  bool map = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1;
  bool trim = mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 1;
  return arena && map && trim;
#else
  return false;
#endif
}

CTError ct_set_threads(int32_t count) {
  return guard([&] {
    TORCH_CHECK(count > 0, "expected at least one thread, found ", count);
    at::set_num_threads(count);
  });
}

int32_t ct_threads(void) { return at::get_num_threads(); }

CTError ct_set_deterministic(bool deterministic) {
  return guard([&] {
    at::globalContext().setDeterministicCuDNN(deterministic);
    at::globalContext().setBenchmarkCuDNN(!deterministic);
    // Float32 means float32 on every device.
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
  });
}

CTError ct_set_device(int32_t index) {
  return guard([&] {
    TORCH_CHECK(index < 0 || ct_has_cuda(), "this libtorch finds no CUDA device");
    // Fails here, and not at some first operation, where there are fewer devices.
    at::empty({1}, at::TensorOptions(device(index)));
    compute_device_index = index < 0 ? -1 : index;
  });
}

int32_t ct_device(void) { return compute_device_index; }

void ct_use_library_operations(bool only) { only_library_operations = only; }

bool ct_has_cuda(void) {
  try {
    return at::hasCUDA();
  } catch (...) {
    return false;
  }
}

const char *ct_library_version(void) { return TORCH_VERSION; }
