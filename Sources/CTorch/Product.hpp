// A small product of matrices that is summed in registers; see Vectors.hpp for how this file is included.

/// Outputs of one panel of transformed filters: two registers.
constexpr int64_t panel = 2 * width;

CT_INLINE Floats load_all(const float *from) { return load<false>(from, 0); }
CT_INLINE void store_all(float *to, Floats values) { store<false>(to, values, 0); }

/// c[r · c_row ...] = Σ_k a[r · row + k · step] · b[k · b_step ...], `panel` values for each of `rows` rows; added to c with `add`.
template <int64_t rows, bool add>
CT_INLINE void product(const float *a, int64_t row, int64_t step, const float *b, int64_t b_step, int64_t length,
                       float *c, int64_t c_row) {
#pragma clang fp contract(fast)
  Floats sum[rows][2];
#pragma clang loop unroll(full)
  for (int64_t r = 0; r < rows; r++) {
    sum[r][0] = add ? load_all(c + r * c_row) : Floats(0);
    sum[r][1] = add ? load_all(c + r * c_row + width) : Floats(0);
  }
  for (int64_t k = 0; k < length; k++, a += step, b += b_step) {
    const Floats b0 = load_all(b), b1 = load_all(b + width);
#pragma clang loop unroll(full)
    for (int64_t r = 0; r < rows; r++) {
      const Floats value = a[r * row];
      sum[r][0] = value * b0 + sum[r][0];
      sum[r][1] = value * b1 + sum[r][1];
    }
  }
#pragma clang loop unroll(full)
  for (int64_t r = 0; r < rows; r++) {
    store_all(c + r * c_row, sum[r][0]);
    store_all(c + r * c_row + width, sum[r][1]);
  }
}
