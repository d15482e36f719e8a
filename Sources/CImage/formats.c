#include "codec.h"

#include <string.h>

typedef struct {
  int (*info)(const uint8_t *, size_t, cimage_info *, char *);
  int (*decode)(const uint8_t *, size_t, uint8_t *, size_t, cimage_info *, char *);
} codec;

#define ENTRY(format, name) [format] = {cimage_##name##_info, cimage_##name##_decode}
static const codec codecs[] = {
    ENTRY(CIMAGE_PNG, png), ENTRY(CIMAGE_JPEG, jpeg), ENTRY(CIMAGE_WEBP, webp), ENTRY(CIMAGE_GIF, gif),
    ENTRY(CIMAGE_BMP, bmp), ENTRY(CIMAGE_TIFF, tiff), ENTRY(CIMAGE_PNM, pnm),
};

int cimage_read_info(cimage_format format, const uint8_t *bytes, size_t count, cimage_info *info,
                     char error[CIMAGE_ERROR_SIZE]) {
  *info = (cimage_info){.orientation = 1};
  return codecs[format].info(bytes, count, info, error);
}

int cimage_decode(cimage_format format, const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                  cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  *info = (cimage_info){.orientation = 1};
  return codecs[format].decode(bytes, count, pixels, pixel_count, info, error);
}

// Where a pixel of the upright image comes from: along which side it starts, and which way it goes.
void cimage_turn(const uint8_t *in, uint32_t width, uint32_t height, uint32_t channels, uint32_t orientation,
                 uint8_t *out) {
  const int is_swapped = orientation >= 5;
  const int is_from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const int is_from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const size_t columns = is_swapped ? height : width, rows = is_swapped ? width : height;
  for (size_t y = 0; y < rows; y++) {
    for (size_t x = 0; x < columns; x++) {
      size_t from_x = is_swapped ? y : x, from_y = is_swapped ? x : y;
      if (is_from_right) from_x = width - 1 - from_x;
      if (is_from_below) from_y = height - 1 - from_y;
      memcpy(out + (y * columns + x) * channels, in + (from_y * width + from_x) * channels, channels);
    }
  }
}
