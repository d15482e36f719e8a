// Compiles the file CT_KERNELS once for each instruction set, in the namespaces portable, avx2 and avx512.
//
// A source file defines CT_KERNELS, declares what the kernels share, and includes this once, inside its own namespace. No include
// guard, and nothing included but kernels: see Vectors.hpp.

namespace portable {
constexpr int width = 4;
#include "Vectors.hpp"
#include CT_KERNELS
}  // namespace portable

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
constexpr int width = 8;
#include "Vectors.hpp"
#include CT_KERNELS
}  // namespace avx2
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), apply_to = function)
namespace avx512 {
constexpr int width = 16;
#define CT_NATIVE_BFLOAT16(values) _mm512_cvtneps_pbh(__builtin_bit_cast(__m512, values))
#include "Vectors.hpp"
#include CT_KERNELS
#undef CT_NATIVE_BFLOAT16
}  // namespace avx512
#pragma clang attribute pop

/// Calls a kernel in the namespace of the instructions.
#define CT_DISPATCH(instructions, call)                                         \
  do {                                                                          \
    if ((instructions) == CT_INSTRUCTIONS_AVX512) { avx512::call; }             \
    else if ((instructions) == CT_INSTRUCTIONS_AVX2) { avx2::call; }            \
    else { portable::call; }                                                    \
  } while (0)
#else
#define CT_DISPATCH(instructions, call) portable::call
#endif
