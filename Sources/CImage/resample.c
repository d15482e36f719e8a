// A resize: weighted sums of neighbouring pixels, first down the columns, then along the rows.
//
// Weights have 14 bits behind the point. Between the passes a value keeps six, so that rounding happens once. The plain loops are what is computed;
// the AVX2 ones compute the same sums, so that the same image comes out on every machine.
#include <string.h>

#include "CImage.h"

// The first pass goes from 14 bits behind the point to 6, the second from 20 to none.
#define FIRST_SHIFT (CIMAGE_WEIGHT_BITS - 6)
#define FIRST_HALF (1 << (FIRST_SHIFT - 1))
#define SECOND_SHIFT (CIMAGE_WEIGHT_BITS + 6)
#define SECOND_HALF (1 << (SECOND_SHIFT - 1))

static void rows_plain(const uint8_t *in, size_t stride, size_t width, const cimage_taps *taps, size_t y, size_t from,
                       int16_t *out) {
  const int16_t *weights = taps->weights + y * taps->stride;
  const uint8_t *top = in + taps->first[y] * stride;
  for (size_t x = from; x < width; x++) {
    int32_t sum = FIRST_HALF;
    for (size_t tap = 0; tap < taps->used[y]; tap++) sum += top[tap * stride + x] * weights[tap];
    out[x] = (int16_t)(sum >> FIRST_SHIFT);
  }
}

static void columns_plain(const int16_t *row, size_t channels, const cimage_taps *taps, size_t from, uint8_t *out) {
  for (size_t x = from; x < taps->count; x++) {
    const int16_t *weights = taps->weights + x * taps->stride;
    for (size_t channel = 0; channel < channels; channel++) {
      const int16_t *pixel = row + taps->first[x] * channels + channel;
      int32_t sum = SECOND_HALF;
      for (size_t tap = 0; tap < taps->used[x]; tap++) sum += pixel[tap * channels] * weights[tap];
      sum >>= SECOND_SHIFT;
      out[x * channels + channel] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static int32_t two_weights(const int16_t *weights) {
  int32_t pair;
  memcpy(&pair, weights, sizeof pair);
  return pair;
}

// Sixteen bytes of a row and two taps at a time. Returns how many bytes are done.
AVX2 static size_t rows_avx2(const uint8_t *in, size_t stride, size_t width, const cimage_taps *taps, size_t y,
                             int16_t *out) {
  const int16_t *weights = taps->weights + y * taps->stride;
  const uint8_t *top = in + taps->first[y] * stride;
  size_t used = taps->used[y], x = 0;
  for (; x + 16 <= width; x += 16) {
    __m256i low = _mm256_set1_epi32(FIRST_HALF), high = low;
    for (size_t tap = 0; tap < used; tap += 2) {
      const uint8_t *at = top + tap * stride + x;
      __m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
      // A missing last row has weight 0.
      __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(tap + 1 < used ? at + stride : at));
      __m256i pair = _mm256_set1_epi32(two_weights(weights + tap));
      low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b)), pair));
      high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b)), pair));
    }
    __m256i both = _mm256_packs_epi32(_mm256_srai_epi32(low, FIRST_SHIFT), _mm256_srai_epi32(high, FIRST_SHIFT));
    _mm256_storeu_si256((__m256i *)(void *)(out + x), _mm256_permute4x64_epi64(both, 0xd8));
  }
  return x;
}

// Two rows of RGB at once, one in each half of a register; two taps at a time. Returns the first output pixel for which the
// eight values that are loaded would reach beyond `end`.
AVX2 static size_t columns_avx2(const int16_t *upper, const int16_t *lower, const int16_t *end, const cimage_taps *taps,
                                uint8_t *out_upper, uint8_t *out_lower) {
  // Values of two pixels side by side by channel: 0 and 3, 1 and 4, 2 and 5.
  const __m256i pairs = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1));
  for (size_t x = 0; x < taps->count; x++) {
    const int16_t *weights = taps->weights + x * taps->stride;
    size_t at = taps->first[x] * 3, used = taps->used[x];
    if ((size_t)(end - lower) < at + (used + 1) / 2 * 6 + 2) return x;
    __m256i sum = _mm256_set1_epi32(SECOND_HALF);
    for (size_t tap = 0; tap < used; tap += 2, at += 6) {
      __m256i pixels = _mm256_inserti128_si256(
          _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(upper + at))),
          _mm_loadu_si128((const __m128i *)(const void *)(lower + at)), 1);
      __m256i products =
          _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, pairs), _mm256_set1_epi32(two_weights(weights + tap)));
      sum = _mm256_add_epi32(sum, products);
    }
    sum = _mm256_srai_epi32(sum, SECOND_SHIFT);
    sum = _mm256_packs_epi32(sum, sum);
    sum = _mm256_packus_epi16(sum, sum);
    int32_t up = _mm256_extract_epi32(sum, 0), low = _mm256_extract_epi32(sum, 4);
    // The fourth byte falls on the next pixel, which is still to be written; there is none behind the last.
    size_t size = x + 1 < taps->count ? 4 : 3;
    memcpy(out_upper + 3 * x, &up, size);
    memcpy(out_lower + 3 * x, &low, size);
  }
  return taps->count;
}
#endif

int cimage_has_wide_resample(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return 0;
#endif
}

static void one_row(const uint8_t *in, size_t stride, size_t width, const cimage_taps *taps, size_t y, int wide,
                    int16_t *out) {
  size_t done = 0;
#if defined(__x86_64__)
  if (wide) done = rows_avx2(in, stride, width, taps, y, out);
#endif
  rows_plain(in, stride, width, taps, y, done, out);
  (void)wide;
}

void cimage_resample(const uint8_t *in, size_t stride, size_t width, size_t channels, const cimage_taps *down,
                     const cimage_taps *along, int wide, int16_t *between, uint8_t *out) {
  size_t values = width * channels, out_stride = along->count * channels;
  int16_t *upper = between, *lower = between + values;
  for (size_t y = 0; y < down->count; y += 2) {
    // An odd last row is computed twice.
    size_t next = y + 1 < down->count ? y + 1 : y;
    one_row(in, stride, values, down, y, wide, upper);
    one_row(in, stride, values, down, next, wide, lower);
    uint8_t *out_upper = out + y * out_stride, *out_lower = out + next * out_stride;
    size_t done = 0;
#if defined(__x86_64__)
    if (wide && channels == 3) done = columns_avx2(upper, lower, lower + values, along, out_upper, out_lower);
#endif
    columns_plain(upper, channels, along, done, out_upper);
    columns_plain(lower, channels, along, done, out_lower);
  }
}
