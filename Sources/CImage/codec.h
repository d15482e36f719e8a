// What the codecs of this target share.
#ifndef CIMAGE_CODEC_H
#define CIMAGE_CODEC_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "CImage.h"

/// Leaves a sentence and passes the status on.
__attribute__((format(printf, 3, 4)))
static inline int cimage_fail(int status, char error[CIMAGE_ERROR_SIZE], const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(error, CIMAGE_ERROR_SIZE, format, values);
  va_end(values);
  return status;
}

static inline int cimage_no_memory(char error[CIMAGE_ERROR_SIZE]) {
  return cimage_fail(CIMAGE_UNAVAILABLE, error, "out of memory");
}

static inline int cimage_wrong_size(char error[CIMAGE_ERROR_SIZE]) {
  return cimage_fail(CIMAGE_DAMAGED, error, "the image's size is not the announced one");
}

/// Whether the pixels of a header take exactly that many bytes.
static inline int cimage_has_size(const cimage_info *info, size_t pixel_count) {
  return (size_t)info->width * info->height * info->channels == pixel_count;
}

/// The two functions of each format; see `cimage_read_info` and `cimage_decode`.
#define CIMAGE_CODEC(name)                                                                                           \
  int cimage_##name##_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]);    \
  int cimage_##name##_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,               \
                             cimage_info *info, char error[CIMAGE_ERROR_SIZE])
CIMAGE_CODEC(png);
CIMAGE_CODEC(jpeg);
CIMAGE_CODEC(webp);
CIMAGE_CODEC(gif);
CIMAGE_CODEC(bmp);
CIMAGE_CODEC(tiff);
CIMAGE_CODEC(pnm);

/// Orientation 1 to 8 in a block of EXIF data, which begins as a TIFF file does; 1 where there is none.
uint32_t cimage_exif_orientation(const uint8_t *bytes, size_t count);

/// CMYK to RGB, full ink at 255, as Pillow computes it: without a colour profile.
static inline void cimage_cmyk_to_rgb(uint8_t c, uint8_t m, uint8_t y, uint8_t k, uint8_t out[3]) {
  const uint32_t light = 255u - k;
  const uint8_t inks[3] = {c, m, y};
  for (int i = 0; i < 3; i++) {
    uint32_t product = inks[i] * light;
    uint32_t absorbed = (product + 128 + ((product + 128) >> 8)) >> 8;
    out[i] = (uint8_t)(light > absorbed ? light - absorbed : 0);
  }
}

#endif
