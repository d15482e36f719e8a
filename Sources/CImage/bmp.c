// Windows bitmaps, by a parser of our own: Debian has no small library that reads them.
//
// Rows of 1, 2, 4, 8, 16, 24 or 32 bits, uncompressed, run-length coded (RLE4, RLE8) or with bit masks; from the top or from the
// bottom. A fourth byte that no mask names is no transparency.
#include "codec.h"
#include "palette.h"

#include <stdlib.h>
#include <string.h>

enum { plain = 0, rle8 = 1, rle4 = 2, masked = 3, masked_alpha = 6 };

typedef struct {
  uint32_t width, height, bits, method;
  int is_top_down;
  size_t data;  // where the pixels begin
  uint32_t masks[4];  // red, green, blue, alpha
  cimage_palette palette;
} header;

static uint32_t get_u16(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8; }
static uint32_t get_u32(const uint8_t *at) { return get_u16(at) | get_u16(at + 2) << 16; }

static size_t row_size(const header *header) { return ((size_t)header->width * header->bits + 31) / 32 * 4; }

// Whether a mask is a run of bits.
static int is_run(uint32_t mask) {
  uint32_t low = mask & (0u - mask);
  return mask != 0 && (mask & (mask + low)) == 0;
}

static int read_masks(const uint8_t *bytes, size_t count, size_t size, header *header, char error[CIMAGE_ERROR_SIZE]) {
  static const uint32_t five[3] = {0x7c00, 0x03e0, 0x001f}, eight[3] = {0xff0000, 0xff00, 0xff};
  memcpy(header->masks, header->bits == 16 ? five : eight, sizeof five);
  if (header->method != masked && header->method != masked_alpha) return CIMAGE_OK;
  // They follow the 40 bytes of the first version, as part of the header or after it.
  size_t masks = header->method == masked_alpha || size >= 56 ? 4 : 3;
  if (count < 54 + 4 * masks) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in its header");
  for (size_t i = 0; i < masks; i++) header->masks[i] = get_u32(bytes + 54 + 4 * i);
  uint32_t all = 0;
  for (size_t i = 0; i < 4; i++) {
    uint32_t mask = header->masks[i];
    if ((i < 3 || mask != 0) && (!is_run(mask) || all & mask)) {
      return cimage_fail(CIMAGE_DAMAGED, error, "its bit masks are invalid");
    }
    all |= mask;
  }
  return CIMAGE_OK;
}

static int read_palette(const uint8_t *bytes, size_t count, size_t size, header *header, char error[CIMAGE_ERROR_SIZE]) {
  size_t at = 14 + size, entry = size == 12 ? 3 : 4;
  uint32_t most = 1u << header->bits, stated = size == 12 ? 0 : get_u32(bytes + 46);
  if (stated > 256) return cimage_fail(CIMAGE_DAMAGED, error, "a palette of %u colours", stated);
  uint32_t colours = stated ? stated : most;
  // Old programs announce more colours than there is room for before the pixels.
  if (header->data > at && (header->data - at) / entry < colours) colours = (uint32_t)((header->data - at) / entry);
  if (count < at || (count - at) / entry < colours) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in its palette");
  header->palette.count = colours;
  for (uint32_t i = 0; i < colours; i++) {
    const uint8_t *blue = bytes + at + i * entry;
    const uint8_t rgb[3] = {blue[2], blue[1], blue[0]};
    memcpy(header->palette.colours[i], rgb, sizeof rgb);
  }
  return CIMAGE_OK;
}

static int read_header(const uint8_t *bytes, size_t count, header *header, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  memset(header, 0, sizeof *header);
  size_t size = count < 18 ? 0 : get_u32(bytes + 14);
  if (count < 26 || bytes[0] != 'B' || bytes[1] != 'M' || (size != 12 && size < 40) || count < 14 + size) {
    return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  header->data = get_u32(bytes + 10);
  uint32_t planes;
  if (size == 12) {
    header->width = get_u16(bytes + 18);
    header->height = get_u16(bytes + 20);
    planes = get_u16(bytes + 22);
    header->bits = get_u16(bytes + 24);
  } else {
    header->width = get_u32(bytes + 18);
    header->height = get_u32(bytes + 22);
    planes = get_u16(bytes + 26);
    header->bits = get_u16(bytes + 28);
    header->method = get_u32(bytes + 30);
    if (header->height > INT32_MAX) {
      header->height = 0u - header->height;
      header->is_top_down = 1;
    }
  }
  if (header->width - 1 >= INT32_MAX || header->height - 1 >= INT32_MAX || planes != 1) {
    return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  int is_numbered = header->bits == 1 || header->bits == 2 || header->bits == 4 || header->bits == 8;
  if (!is_numbered && header->bits != 16 && header->bits != 24 && header->bits != 32) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "pixels of %u bits", header->bits);
  }
  int is_masked = header->method == masked || header->method == masked_alpha;
  if ((header->method > rle4 && !is_masked) || (is_masked && header->bits != 16 && header->bits != 32)) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "compression number %u of pixels of %u bits", header->method, header->bits);
  }
  int is_coded = header->method == rle8 || header->method == rle4;
  if (is_coded && (header->bits != (header->method == rle8 ? 8u : 4u) || header->is_top_down)) {
    return cimage_fail(CIMAGE_DAMAGED, error, "run-length coding of pixels of %u bits", header->bits);
  }
  int status = is_numbered ? read_palette(bytes, count, size, header, error) : read_masks(bytes, count, size, header, error);
  if (status != CIMAGE_OK) return status;
  if (header->data > count) return cimage_fail(CIMAGE_DAMAGED, error, "it ends before its pixels");
  // The last row need not be filled up.
  if (!is_coded && (count - header->data) / row_size(header) < header->height - 1) {
    return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
  }
  info->width = header->width;
  info->height = header->height;
  info->channels = is_numbered ? cimage_palette_channels(&header->palette) : 3;
  if (is_numbered) info->traits |= CIMAGE_PALETTE;
  if (!is_numbered && header->masks[3] && header->bits == 32) info->traits |= CIMAGE_ALPHA;
  return CIMAGE_OK;
}

// Fields of a pixel, spread to 0…255.
static uint8_t field(uint32_t pixel, uint32_t mask) {
  int shift = __builtin_ctz(mask);
  return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / (mask >> shift));
}

static int decode_row(const uint8_t *in, const header *header, uint32_t channels, uint8_t *out,
                      char error[CIMAGE_ERROR_SIZE]) {
  size_t width = header->width;
  switch (header->bits) {
    case 24:
      for (size_t x = 0; x < width; x++, in += 3) {
        const uint8_t rgb[3] = {in[2], in[1], in[0]};
        memcpy(out + 3 * x, rgb, sizeof rgb);
      }
      return CIMAGE_OK;
    case 16:
    case 32:
      for (size_t x = 0; x < width; x++) {
        uint32_t pixel = header->bits == 16 ? get_u16(in + 2 * x) : get_u32(in + 4 * x);
        for (int i = 0; i < 3; i++) out[3 * x + (size_t)i] = field(pixel, header->masks[i]);
      }
      return CIMAGE_OK;
    default:
      for (size_t x = 0; x < width; x++) {
        size_t bit = x * header->bits;
        out[x] = (uint8_t)(in[bit / 8] >> (8 - header->bits - bit % 8) & ((1u << header->bits) - 1));
      }
      if (cimage_palette_expand(&header->palette, out, width, channels, out)) return CIMAGE_OK;
      return cimage_fail(CIMAGE_DAMAGED, error, "a pixel has a colour that is not in the palette");
  }
}

// Run-length codes: a count and a number; or 0 and 0 (end of row), 1 (end of image), 2 (move), or as many numbers as that.
static int decode_runs(const uint8_t *in, size_t count, const header *header, uint32_t channels, uint8_t *pixels,
                       char error[CIMAGE_ERROR_SIZE]) {
  size_t width = header->width, height = header->height, stride = width * channels, x = 0, y = 0, at = 0;
  size_t bits = header->bits;
  int is_ended = 0;
  for (size_t row = 0; row < height; row++) memset(pixels + row * stride, 0, width);
  while (!is_ended && y < height) {
    if (count - at < 2) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
    size_t run = in[at], code = in[at + 1];
    at += 2;
    if (run > 0 || code > 2) {
      const int is_literal = run == 0;
      const size_t length = is_literal ? code : run, bytes = is_literal ? (length * bits + 7) / 8 : 0;
      if (bytes > count - at) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
      uint8_t *row = pixels + (height - 1 - y) * stride;
      // What reaches over the right edge is not shown.
      for (size_t i = 0; i < length && x < width; i++, x++) {
        uint8_t byte = is_literal ? in[at + i * bits / 8] : (uint8_t)code;
        row[x] = bits == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
      }
      at += bytes + (bytes & 1);
      if (at > count) at = count;
    } else if (code == 0) {
      x = 0;
      y++;
    } else if (code == 1) {
      is_ended = 1;
    } else {
      if (count - at < 2) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
      x += in[at];
      y += in[at + 1];
      at += 2;
      if (x > width) x = width;
    }
  }
  for (size_t row = 0; row < height; row++) {
    uint8_t *start = pixels + row * stride;
    if (!cimage_palette_expand(&header->palette, start, width, channels, start)) {
      return cimage_fail(CIMAGE_DAMAGED, error, "a pixel has a colour that is not in the palette");
    }
  }
  return CIMAGE_OK;
}

int cimage_bmp_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  header header;
  return read_header(bytes, count, &header, info, error);
}

int cimage_bmp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                      char error[CIMAGE_ERROR_SIZE]) {
  header header;
  int status = read_header(bytes, count, &header, info, error);
  if (status != CIMAGE_OK) return status;
  if (!cimage_has_size(info, pixel_count)) return cimage_wrong_size(error);
  if (header.method == rle8 || header.method == rle4) {
    return decode_runs(bytes + header.data, count - header.data, &header, info->channels, pixels, error);
  }
  size_t stride = (size_t)info->width * info->channels, size = row_size(&header);
  for (size_t y = 0; status == CIMAGE_OK && y < info->height; y++) {
    size_t at = header.data + y * size, used = ((size_t)header.width * header.bits + 7) / 8;
    if (used > count - at) return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
    size_t row = header.is_top_down ? y : info->height - 1 - y;
    status = decode_row(bytes + at, &header, info->channels, pixels + row * stride, error);
  }
  return status;
}
