// Writes the one kind of PNG that this program makes: 8-bit grey or RGB, not interlaced, one IDAT chunk.
//
// libpng spends most of its time in zlib, and most of the rest on making its state anew for each image; libdeflate compresses
// a 32 x 32 image in a third of the time (docs/design/0009-streaming-speed.md).
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CImage.h"
#include "scratch.h"

// The five filters of the format, for one row; `above` is a row of zeros for the first. The first pixel has no left neighbour.

static void filter_sub(const uint8_t *restrict row, uint8_t *restrict out, size_t stride, size_t pixel) {
  memcpy(out, row, pixel);
  for (size_t i = pixel; i < stride; i++) out[i] = (uint8_t)(row[i] - row[i - pixel]);
}

static void filter_up(const uint8_t *restrict row, const uint8_t *restrict above, uint8_t *restrict out, size_t stride) {
  for (size_t i = 0; i < stride; i++) out[i] = (uint8_t)(row[i] - above[i]);
}

static void filter_average(const uint8_t *restrict row, const uint8_t *restrict above, uint8_t *restrict out, size_t stride,
                           size_t pixel) {
  for (size_t i = 0; i < pixel; i++) out[i] = (uint8_t)(row[i] - above[i] / 2);
  for (size_t i = pixel; i < stride; i++) out[i] = (uint8_t)(row[i] - (row[i - pixel] + above[i]) / 2);
}

static void filter_paeth(const uint8_t *restrict row, const uint8_t *restrict above, uint8_t *restrict out, size_t stride,
                         size_t pixel) {
  for (size_t i = 0; i < pixel; i++) out[i] = (uint8_t)(row[i] - above[i]);
  for (size_t i = pixel; i < stride; i++) {
    int16_t left = row[i - pixel], up = above[i], corner = above[i - pixel];
    int16_t by_left = up - corner, by_up = left - corner, by_corner = by_left + by_up;
    by_left = by_left < 0 ? -by_left : by_left;
    by_up = by_up < 0 ? -by_up : by_up;
    by_corner = by_corner < 0 ? -by_corner : by_corner;
    int16_t guess = by_left <= by_up ? left : up;
    int16_t best = by_left <= by_up ? by_left : by_up;
    guess = best <= by_corner ? guess : corner;
    out[i] = (uint8_t)(row[i] - guess);
  }
}

// The usual measure of how well a filtered row will compress: the sum of its bytes' distances from 0, where 255 is -1.
static uint32_t cost(const uint8_t *row, size_t stride) {
  uint32_t sum = 0;
  for (size_t i = 0; i < stride; i++) {
    uint8_t value = row[i], negative = (uint8_t)-value;
    sum += value < negative ? value : negative;
  }
  return sum;
}

/// Filters all rows into `out`, each with the filter that makes it cheapest, behind the filter's number. `work` has room
/// for four rows and one of zeros.
static void filter(const uint8_t *pixels, cimage_info info, uint8_t *out, uint8_t *work) {
  size_t pixel = info.channels, stride = (size_t)info.width * pixel;
  uint8_t *zeros = work + 4 * stride;
  memset(zeros, 0, stride);
  for (size_t y = 0; y < info.height; y++) {
    const uint8_t *row = pixels + y * stride, *above = y ? row - stride : zeros;
    filter_sub(row, work, stride, pixel);
    filter_up(row, above, work + stride, stride);
    filter_average(row, above, work + 2 * stride, stride, pixel);
    filter_paeth(row, above, work + 3 * stride, stride, pixel);
    const uint8_t *best = row;
    uint32_t least = cost(row, stride);
    *out = 0;
    for (uint8_t kind = 1; kind <= 4; kind++) {
      const uint8_t *candidate = work + (size_t)(kind - 1) * stride;
      uint32_t price = cost(candidate, stride);
      if (price < least) {
        least = price;
        best = candidate;
        *out = kind;
      }
    }
    memcpy(out + 1, best, stride);
    out += stride + 1;
  }
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = (uint8_t)(value >> shift);
  return at;
}

// Closes the chunk whose kind and data stand at `start`, behind room for the length.
static uint8_t *end_chunk(uint8_t *start, size_t data) {
  put_u32(start - 4, (uint32_t)data);
  return put_u32(start + 4 + data, libdeflate_crc32(0, start, 4 + data));
}

int cimage_png_encode(const uint8_t *pixels, cimage_info info, int level, uint8_t **out, size_t *out_count,
                      char error[CIMAGE_ERROR_SIZE]) {
  snprintf(error, CIMAGE_ERROR_SIZE, "out of memory");
  size_t stride = (size_t)info.width * info.channels, filtered = (stride + 1) * info.height;
  cimage_scratch *scratch = cimage_thread_scratch();
  if (!scratch) return 1;
  struct libdeflate_compressor *compressor = cimage_scratch_compressor(scratch, level);
  uint8_t *rows = cimage_scratch_bytes(scratch, filtered + 5 * stride);
  if (!compressor || !rows) {
    cimage_scratch_trim(scratch);
    return 1;
  }
  filter(pixels, info, rows, rows + filtered);

  static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  size_t bound = libdeflate_zlib_compress_bound(compressor, filtered);
  uint8_t *file = bound > INT_MAX ? NULL : malloc(sizeof signature + 25 + 12 + bound + 12);
  if (!file) {
    cimage_scratch_trim(scratch);
    return 1;
  }
  memcpy(file, signature, sizeof signature);
  uint8_t *chunk = file + sizeof signature + 4;
  memcpy(chunk, "IHDR", 4);
  put_u32(put_u32(chunk + 4, info.width), info.height);
  const uint8_t kind[5] = {8, info.channels == 3 ? 2 : 0, 0, 0, 0};
  memcpy(chunk + 12, kind, sizeof kind);
  chunk = end_chunk(chunk, 13) + 4;
  memcpy(chunk, "IDAT", 4);
  size_t packed = libdeflate_zlib_compress(compressor, rows, filtered, chunk + 4, bound);
  chunk = end_chunk(chunk, packed) + 4;
  memcpy(chunk, "IEND", 4);
  *out_count = (size_t)(end_chunk(chunk, 0) - file);
  *out = file;
  cimage_scratch_trim(scratch);
  return 0;
}

void cimage_free(uint8_t *bytes) { free(bytes); }
