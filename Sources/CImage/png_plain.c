#include "png_plain.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "scratch.h"

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// The data of the chunk of that kind at `*position`, which moves behind it; null when there is no such sound chunk.
static const uint8_t *take_chunk(const uint8_t *bytes, size_t count, size_t *position, const char kind[4], size_t *size) {
  size_t at = *position;
  if (count - at < 12 || memcmp(bytes + at + 4, kind, 4) != 0) return NULL;
  *size = get_u32(bytes + at);
  if (*size > count - at - 12) return NULL;
  if (libdeflate_crc32(0, bytes + at + 4, 4 + *size) != get_u32(bytes + at + 8 + *size)) return NULL;
  *position = at + 12 + *size;
  return bytes + at + 8;
}

static uint8_t paeth(int left, int up, int corner) {
  int by_left = abs(up - corner), by_up = abs(left - corner), by_corner = abs(left + up - 2 * corner);
  int guess = by_left <= by_up ? left : up;
  return (uint8_t)((by_left <= by_up ? by_left : by_up) <= by_corner ? guess : corner);
}

#if defined(__SSE2__)
static __m128i load_pixel(const uint8_t *at) {
  int32_t bytes;
  memcpy(&bytes, at, sizeof bytes);
  return _mm_unpacklo_epi8(_mm_cvtsi32_si128(bytes), _mm_setzero_si128());
}

static __m128i magnitude(__m128i value) { return _mm_max_epi16(value, _mm_sub_epi16(_mm_setzero_si128(), value)); }

static __m128i chosen(__m128i mask, __m128i one, __m128i other) {
  return _mm_or_si128(_mm_and_si128(mask, one), _mm_andnot_si128(mask, other));
}

static __m128i guess_left(__m128i left, __m128i up, __m128i corner) {
  (void)up;
  (void)corner;
  return left;
}

static __m128i guess_average(__m128i left, __m128i up, __m128i corner) {
  (void)corner;
  return _mm_srli_epi16(_mm_add_epi16(left, up), 1);
}

static __m128i guess_paeth(__m128i left, __m128i up, __m128i corner) {
  __m128i by_left = _mm_sub_epi16(up, corner), by_up = _mm_sub_epi16(left, corner);
  __m128i by_corner = magnitude(_mm_add_epi16(by_left, by_up));
  by_left = magnitude(by_left);
  by_up = magnitude(by_up);
  __m128i least = _mm_min_epi16(by_corner, _mm_min_epi16(by_left, by_up));
  return chosen(_mm_cmpeq_epi16(least, by_left), left, chosen(_mm_cmpeq_epi16(least, by_up), up, corner));
}

// An RGB row, all three channels of a pixel at once and the pixel on the left in a register, from the second pixel to the one
// before the last: four bytes are read and written for three. Returns how many bytes are done.
static inline __attribute__((always_inline)) size_t unfilter_rgb(__m128i guess(__m128i, __m128i, __m128i), const uint8_t *in,
                                                                 const uint8_t *above, uint8_t *out, size_t stride) {
  __m128i left = _mm_setr_epi16(out[0], out[1], out[2], 0, 0, 0, 0, 0);
  __m128i corner = _mm_setr_epi16(above[0], above[1], above[2], 0, 0, 0, 0, 0);
  size_t i = 3;
  for (; i + 4 <= stride; i += 3) {
    __m128i up = load_pixel(above + i);
    // The upper bytes are zeros, and a sum of bytes carries nothing into them.
    left = _mm_add_epi8(load_pixel(in + i), guess(left, up, corner));
    corner = up;
    int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(left, left));
    memcpy(out + i, &bytes, sizeof bytes);
  }
  return i;
}
#define UNFILTER_RGB(guess) \
  if (pixel == 3) done = unfilter_rgb(guess, in, above, out, stride)
#else
#define UNFILTER_RGB(guess)
#endif

// Undoes one row's filter. Each pixel waits for the one on its left.
static int unfilter(uint8_t kind, const uint8_t *restrict in, const uint8_t *restrict above, uint8_t *restrict out,
                    size_t stride, size_t pixel) {
  size_t done = pixel;
  switch (kind) {
    case 0:
      memcpy(out, in, stride);
      return 1;
    case 1:
      memcpy(out, in, pixel);
      UNFILTER_RGB(guess_left);
      for (size_t i = done; i < stride; i++) out[i] = (uint8_t)(in[i] + out[i - pixel]);
      return 1;
    case 2:
      for (size_t i = 0; i < stride; i++) out[i] = (uint8_t)(in[i] + above[i]);
      return 1;
    case 3:
      for (size_t i = 0; i < pixel; i++) out[i] = (uint8_t)(in[i] + above[i] / 2);
      UNFILTER_RGB(guess_average);
      for (size_t i = done; i < stride; i++) out[i] = (uint8_t)(in[i] + (out[i - pixel] + above[i]) / 2);
      return 1;
    case 4:
      for (size_t i = 0; i < pixel; i++) out[i] = (uint8_t)(in[i] + above[i]);
      UNFILTER_RGB(guess_paeth);
      for (size_t i = done; i < stride; i++) out[i] = (uint8_t)(in[i] + paeth(out[i - pixel], above[i], above[i - pixel]));
      return 1;
    default:
      return 0;
  }
}

static int read_plain_header(const uint8_t *bytes, size_t count, cimage_info *info) {
  static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (count < sizeof signature || memcmp(bytes, signature, sizeof signature) != 0) return 0;
  size_t position = sizeof signature, size = 0;
  const uint8_t *header = take_chunk(bytes, count, &position, "IHDR", &size);
  if (!header || size != 13 || count - position < 8 || memcmp(bytes + position + 4, "IDAT", 4) != 0) return 0;
  info->width = get_u32(header);
  info->height = get_u32(header + 4);
  info->channels = header[9] == 2 ? 3 : 1;
  info->orientation = 1;
  int is_plain = header[8] == 8 && (header[9] == 0 || header[9] == 2) && !header[10] && !header[11] && !header[12];
  return is_plain && info->width - 1 < 0x7fffffff && info->height - 1 < 0x7fffffff;
}

int cimage_png_info_plain(const uint8_t *bytes, size_t count, cimage_info *info) {
  if (!read_plain_header(bytes, count, info)) return 0;
  // What stands after the pixels may still turn the image, or be damaged.
  size_t position = 8 + 25;
  while (count - position >= 12 && memcmp(bytes + position + 4, "IDAT", 4) == 0) {
    size_t size = get_u32(bytes + position);
    if (size > count - position - 12) return 0;
    position += 12 + size;
  }
  return count - position == 12 && memcmp(bytes + position + 4, "IEND", 4) == 0;
}

int cimage_png_decode_plain(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info) {
  if (!read_plain_header(bytes, count, info)) return 0;
  size_t width = info->width, height = info->height, pixel = info->channels, stride = width * pixel;
  if (stride * height != pixel_count) return 0;
  // All rows stand in memory twice here, and libpng needs two of them: the gain is with small images.
  if (pixel_count > CIMAGE_SCRATCH_KEPT) return 0;

  // Behind signature and IHDR.
  size_t position = 8 + 25, size = 0;
  const uint8_t *packed = take_chunk(bytes, count, &position, "IDAT", &size);
  if (!packed) return 0;
  size_t filtered = (stride + 1) * height, packed_size = size, next = position;
  while (take_chunk(bytes, count, &next, "IDAT", &size)) packed_size += size;
  cimage_scratch *scratch = cimage_thread_scratch();
  struct libdeflate_decompressor *decompressor = scratch ? cimage_scratch_decompressor(scratch) : NULL;
  int is_split = next != position;
  uint8_t *rows = decompressor ? cimage_scratch_bytes(scratch, filtered + stride + (is_split ? packed_size : 0)) : NULL;
  if (!rows) return 0;
  uint8_t *zeros = rows + filtered;
  memset(zeros, 0, stride);
  if (is_split) {
    // Several chunks are one stream.
    uint8_t *joined = zeros + stride;
    size_t done = (size_t)(bytes + position - 4 - packed);
    memcpy(joined, packed, done);
    const uint8_t *part;
    while ((part = take_chunk(bytes, count, &position, "IDAT", &size))) {
      memcpy(joined + done, part, size);
      done += size;
    }
    packed = joined;
  }
  int is_sound = take_chunk(bytes, count, &position, "IEND", &size) && size == 0 && position == count;
  size_t used = 0;
  is_sound = is_sound && libdeflate_zlib_decompress_ex(decompressor, packed, packed_size, rows, filtered, &used, NULL) ==
                             LIBDEFLATE_SUCCESS && used == packed_size;
  const uint8_t *above = zeros;
  for (size_t y = 0; is_sound && y < height; y++) {
    const uint8_t *row = rows + y * (stride + 1);
    uint8_t *out = pixels + y * stride;
    is_sound = unfilter(*row, row + 1, above, out, stride, pixel);
    above = out;
  }
  cimage_scratch_trim(scratch);
  return is_sound;
}
