// Vectors of floats in the compiler's portable form, for kernels that are compiled once for each instruction set.
//
// This file and the kernels that use it have no include guards and include nothing but each other: InstructionSets.hpp includes them
// once for each instruction set, inside a namespace that defines `width` (floats in a register) and under a `target`
// attribute. So no function of a standard header is compiled for instructions that the machine may not have.

typedef float Floats __attribute__((ext_vector_type(width)));
typedef int32_t Ints __attribute__((ext_vector_type(width)));
typedef uint32_t Words __attribute__((ext_vector_type(width)));
typedef uint16_t Halves __attribute__((ext_vector_type(width)));

#undef CT_INLINE
#define CT_INLINE static inline __attribute__((always_inline))

/// Reads `width` floats; with `partial` only `count`, the other lanes are 0.
template <bool partial>
CT_INLINE Floats load(const float *from, int count) {
  Floats values = 0;
  __builtin_memcpy(&values, from, partial ? sizeof(float) * count : sizeof values);
  return values;
}

template <bool partial>
CT_INLINE Floats load(const BFloat16 *from, int count) {
  Halves halves = 0;
  __builtin_memcpy(&halves, from, partial ? sizeof(uint16_t) * count : sizeof halves);
  return __builtin_bit_cast(Floats, __builtin_convertvector(halves, Words) << 16);
}

template <bool partial>
CT_INLINE void store(float *to, Floats values, int count) {
  __builtin_memcpy(to, &values, partial ? sizeof(float) * count : sizeof values);
}

/// Rounds to nearest, ties to even; a NaN stays one.
template <bool partial>
CT_INLINE void store(BFloat16 *to, Floats values, int count) {
#ifdef CT_NATIVE_BFLOAT16
  auto halves = __builtin_bit_cast(Halves, CT_NATIVE_BFLOAT16(values));
#else
  Words bits = __builtin_bit_cast(Words, values);
  Words rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  Words quiet = (bits >> 16) | 0x40;
  auto halves = __builtin_convertvector(values == values ? rounded : quiet, Halves);
#endif
  __builtin_memcpy(to, &halves, partial ? sizeof(uint16_t) * count : sizeof halves);
}

/// a·x + b; one rounding where the machine has it.
CT_INLINE Floats multiply_add(Floats a, Floats x, Floats b) {
#pragma clang fp contract(fast)
  return a * x + b;
}

CT_INLINE Floats keep_where(Ints mask, Floats values) {
  return __builtin_bit_cast(Floats, mask & __builtin_bit_cast(Ints, values));
}
