// PBM, PGM and PPM files (P1 to P6), by a parser of our own: Debian's library for them ends the program at the first error.
//
// Values are scaled from 0…maximum to 0…255 and rounded, to the even one where two are equally near, as Pillow scales them. Of several
// images in a file the first is read.
#include "codec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const uint8_t *bytes;
  size_t count;
  size_t at;
} cursor;

typedef struct {
  uint8_t kind;  // 1 to 6
  uint32_t maximum;
} header;

static int is_space(uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

// Passes white space and comments, which go to the end of their line.
static void skip(cursor *cursor) {
  while (cursor->at < cursor->count) {
    uint8_t byte = cursor->bytes[cursor->at];
    if (byte == '#') {
      while (cursor->at < cursor->count && cursor->bytes[cursor->at] != '\n' && cursor->bytes[cursor->at] != '\r') cursor->at++;
    } else if (is_space(byte)) {
      cursor->at++;
    } else {
      return;
    }
  }
}

// A number in decimal digits, at most `digits` of them; 0 where there is none.
static int take_number(cursor *cursor, int digits, uint32_t *value) {
  skip(cursor);
  size_t start = cursor->at;
  uint64_t number = 0;
  while (cursor->at < cursor->count && cursor->bytes[cursor->at] >= '0' && cursor->bytes[cursor->at] <= '9') {
    if (cursor->at - start >= (size_t)digits) return 0;
    number = number * 10 + (cursor->bytes[cursor->at++] - '0');
  }
  *value = (uint32_t)number;
  return cursor->at > start && number <= INT32_MAX;
}

static size_t row_size(const header *header, const cimage_info *info) {
  if (header->kind == 4) return ((size_t)info->width + 7) / 8;
  return (size_t)info->width * info->channels * (header->maximum > 255 ? 2 : 1);
}

static int read_header(cursor *cursor, header *header, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  if (cursor->count < 3 || cursor->bytes[0] != 'P' || cursor->bytes[1] < '1' || cursor->bytes[1] > '6') {
    return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  header->kind = (uint8_t)(cursor->bytes[1] - '0');
  header->maximum = 1;
  cursor->at = 2;
  int is_bitmap = header->kind == 1 || header->kind == 4;
  if (!take_number(cursor, 10, &info->width) || !take_number(cursor, 10, &info->height) ||
      (!is_bitmap && !take_number(cursor, 10, &header->maximum)) || info->width == 0 || info->height == 0) {
    return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  if (header->maximum == 0 || header->maximum > 65535) {
    return cimage_fail(CIMAGE_DAMAGED, error, "a greatest value of %u; 1 to 65535 are possible", header->maximum);
  }
  // One character of white space stands before the pixels.
  if (cursor->at >= cursor->count || !is_space(cursor->bytes[cursor->at])) {
    return cimage_fail(CIMAGE_DAMAGED, error, "it ends in its header");
  }
  cursor->at++;
  info->channels = header->kind == 3 || header->kind == 6 ? 3 : 1;
  if (is_bitmap) info->traits |= CIMAGE_SHALLOW;
  if (header->maximum > 255) info->traits |= CIMAGE_DEEP;
  // Every pixel takes room, so that a header alone cannot ask for memory.
  size_t left = cursor->count - cursor->at;
  size_t least = header->kind > 3 ? row_size(header, info) : (size_t)info->width * info->channels;
  if (left / least < info->height) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
  return CIMAGE_OK;
}

// What each value becomes; 65,536 of them.
static uint8_t *scale(uint32_t maximum) {
  uint8_t *table = malloc((size_t)maximum + 1);
  for (uint32_t value = 0; table && value <= maximum; value++) table[value] = (uint8_t)nearbyint((double)value / maximum * 255);
  return table;
}

static int too_large(char error[CIMAGE_ERROR_SIZE]) {
  return cimage_fail(CIMAGE_DAMAGED, error, "a value is larger than its header allows");
}

// Digits of a bitmap may stand side by side.
static int decode_digits(cursor *cursor, size_t count, uint8_t *out, char error[CIMAGE_ERROR_SIZE]) {
  for (size_t i = 0; i < count; i++) {
    skip(cursor);
    uint8_t digit = cursor->at < cursor->count ? cursor->bytes[cursor->at++] : 0;
    if (digit != '0' && digit != '1') return cimage_fail(CIMAGE_DAMAGED, error, "pixel %zu is missing or invalid", i + 1);
    out[i] = digit == '1' ? 0 : 255;
  }
  return CIMAGE_OK;
}

static int decode_words(cursor *cursor, const header *header, const uint8_t *table, size_t count, uint8_t *out,
                        char error[CIMAGE_ERROR_SIZE]) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value = 0;
    if (!take_number(cursor, 10, &value)) {
      return cimage_fail(CIMAGE_DAMAGED, error, "value %zu is missing or invalid", i + 1);
    }
    if (value > header->maximum) return too_large(error);
    out[i] = table[value];
  }
  return CIMAGE_OK;
}

static int decode_bytes(cursor *cursor, const header *header, const uint8_t *table, const cimage_info *info, uint8_t *out,
                        char error[CIMAGE_ERROR_SIZE]) {
  size_t values = (size_t)info->width * info->channels;
  for (size_t y = 0; y < info->height; y++, cursor->at += row_size(header, info), out += values) {
    const uint8_t *row = cursor->bytes + cursor->at;
    for (size_t i = 0; i < values; i++) {
      if (header->kind == 4) {
        out[i] = row[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
        continue;
      }
      uint32_t value = header->maximum > 255 ? (uint32_t)row[2 * i] << 8 | row[2 * i + 1] : row[i];
      if (value > header->maximum) return too_large(error);
      out[i] = table[value];
    }
  }
  return CIMAGE_OK;
}

int cimage_pnm_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  cursor cursor = {bytes, count, 0};
  header header;
  return read_header(&cursor, &header, info, error);
}

int cimage_pnm_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                      char error[CIMAGE_ERROR_SIZE]) {
  cursor cursor = {bytes, count, 0};
  header header;
  int status = read_header(&cursor, &header, info, error);
  if (status != CIMAGE_OK) return status;
  if (!cimage_has_size(info, pixel_count)) return cimage_wrong_size(error);
  uint8_t *table = scale(header.maximum);
  if (!table) return cimage_no_memory(error);
  status = header.kind == 1   ? decode_digits(&cursor, pixel_count, pixels, error)
           : header.kind <= 3 ? decode_words(&cursor, &header, table, pixel_count, pixels, error)
                              : decode_bytes(&cursor, &header, table, info, pixels, error);
  free(table);
  return status;
}
