// The library's thread team and the machine's instructions, for kernels of our own.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>

#include "CTorch.h"

// libgomp's own entry points. Swift's clang has no OpenMP of its own, which makes at::parallel_for serial in our files, and
// the library's thread team is this very one; a second runtime would compete with it for the cores.
extern "C" void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern "C" int omp_get_thread_num(void);
extern "C" int omp_get_num_threads(void);
extern "C" int omp_in_parallel(void);

namespace ct {

/// bfloat16 as bits; arithmetic is in float32.
struct BFloat16 {
  uint16_t bits;
};

/// Threads that `in_parallel` uses for so many tasks.
inline int64_t team_size(int64_t tasks) {
  return omp_in_parallel() ? 1 : std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), tasks));
}

/// Runs body(first, last, thread) over [0, tasks), a fixed range for each thread. `body` must not throw.
template <typename Body>
void in_parallel(int64_t tasks, const Body &body) {
  const int64_t threads = team_size(tasks);
  if (threads == 1) return body(int64_t(0), tasks, int64_t(0));
  struct Call {
    const Body &body;
    int64_t tasks;
  } call{body, tasks};
  GOMP_parallel(
      [](void *data) {
        const auto &call = *static_cast<Call *>(data);
        const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
        call.body(call.tasks * thread / threads, call.tasks * (thread + 1) / threads, thread);
      },
      &call, unsigned(threads), 0);
}

/// The best instructions that this machine has.
inline CTInstructions best_instructions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bf16"))
    return CT_INSTRUCTIONS_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CT_INSTRUCTIONS_AVX2;
#endif
  return CT_INSTRUCTIONS_PORTABLE;
}

template <typename Scalar>
Scalar *data(const at::Tensor &tensor) {
  return static_cast<Scalar *>(tensor.data_ptr());
}

}  // namespace ct
