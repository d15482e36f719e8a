// Pixels out of image files, and into PNG files.
//
// libpng and libjpeg report errors by longjmp, which must not cross Swift frames, so setjmp and longjmp both stay inside this target.
// Plain PNG files are read and written through libdeflate (png_plain.c, png_encode.c), the other kinds read through libpng. libwebp,
// giflib and libtiff are loaded when the first file of their kind is read.
#ifndef CIMAGE_H
#define CIMAGE_H

#include <stddef.h>
#include <stdint.h>

#define CIMAGE_ERROR_SIZE 256

typedef enum {
  CIMAGE_PNG,
  CIMAGE_JPEG,
  CIMAGE_WEBP,
  CIMAGE_GIF,
  CIMAGE_BMP,
  CIMAGE_TIFF,
  CIMAGE_PNM,
} cimage_format;

/// What a function returns; in all cases but the first it leaves a NUL-terminated sentence in `error`.
enum {
  CIMAGE_OK,
  CIMAGE_DAMAGED,
  CIMAGE_UNSUPPORTED,  // sound as far as can be seen, but of a kind that is not read
  CIMAGE_UNAVAILABLE,  // no memory, or no library
};

/// How a file differs from its decoded pixels; a PNG or JPEG file without any of these gives every reader the same pixels.
enum {
  CIMAGE_PALETTE = 1,
  CIMAGE_ALPHA = 2,    // it has transparency, which is dropped
  CIMAGE_DEEP = 4,     // more than 8 bits per channel
  CIMAGE_SHALLOW = 8,  // grey of fewer than 8 bits
  CIMAGE_CMYK = 16,
  CIMAGE_SEVERAL = 32,  // the first of several frames or pages
  CIMAGE_SIDE_DATA = 64,  // damaged or oversized chunks beside the pixels, for which some readers refuse the file
};

/// What a file says about its pixels as they will be decoded: 8 bits, no alpha, palette resolved.
typedef struct {
  uint32_t width;
  uint32_t height;
  uint32_t channels;  // 1 (grey) or 3 (RGB)
  uint32_t traits;
  uint32_t orientation;  // 1 to 8, as EXIF counts; 1 is upright
} cimage_info;

/// Reads the header; allocates nothing that depends on the image's size.
int cimage_read_info(cimage_format format, const uint8_t *bytes, size_t count, cimage_info *info,
                     char error[CIMAGE_ERROR_SIZE]);
/// Decodes the first image of the file, to its last byte, into exactly width * height * channels bytes, interleaved; not turned by its
/// EXIF data. `info` has the traits that show only then, too.
int cimage_decode(cimage_format format, const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                  cimage_info *info, char error[CIMAGE_ERROR_SIZE]);
/// Writes an image of that orientation upright: of 5 and more, columns become rows. `out` is not `in`.
void cimage_turn(const uint8_t *in, uint32_t width, uint32_t height, uint32_t channels, uint32_t orientation,
                 uint8_t *out);

/// Encodes interleaved 8-bit pixels; returns 0 on success. The same pixels and level (0 to 12) give the same bytes. `*out` is freed with cimage_free.
int cimage_png_encode(const uint8_t *pixels, cimage_info info, int level, uint8_t **out, size_t *out_count,
                      char error[CIMAGE_ERROR_SIZE]);

void cimage_free(uint8_t *bytes);

/// Fixed point of the weights: 1 is 1 << 14.
#define CIMAGE_WEIGHT_BITS 14

/// Which input pixels make each of `count` output pixels, and with what weight.
typedef struct {
  size_t count;
  const size_t *first;     // the first input index of each
  const size_t *used;      // how many follow one another
  const int16_t *weights;  // `stride` for each, zeros behind those that are used
  size_t stride;           // even
} cimage_taps;

/// Whether this processor has the instructions of the wide loops.
int cimage_has_wide_resample(void);
/// `down->count` rows of `along->count` pixels from rows that are `stride` bytes apart and of which `width` pixels are read.
/// `between` has room for two such rows; `wide` only where the processor can.
void cimage_resample(const uint8_t *in, size_t stride, size_t width, size_t channels, const cimage_taps *down,
                     const cimage_taps *along, int wide, int16_t *between, uint8_t *out);

#endif
