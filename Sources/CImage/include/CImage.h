// Pixels in and out of PNG and JPEG files.
//
// libpng reports errors by longjmp, which must not cross Swift frames, so setjmp and longjmp both stay inside this target.
// Plain PNG files are read and written through libdeflate (png_plain.c, png_encode.c), the other kinds read through libpng.
// Every function returns 0 on success; otherwise it returns 1 and leaves a NUL-terminated sentence in `error`.
#ifndef CIMAGE_H
#define CIMAGE_H

#include <stddef.h>
#include <stdint.h>

#define CIMAGE_ERROR_SIZE 256

/// What the first bytes of a file say about its pixels as they will be decoded: 8 bits, no alpha, palette resolved.
typedef struct {
  uint32_t width;
  uint32_t height;
  uint32_t channels;  // 1 (grey) or 3 (RGB)
} cimage_info;

/// Reads the header; allocates nothing that depends on the image's size.
int cimage_png_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]);
/// Decodes the whole file, checksums and end chunk included, into exactly width * height * channels bytes, interleaved.
int cimage_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                      char error[CIMAGE_ERROR_SIZE]);
/// Encodes interleaved 8-bit pixels. The same pixels and level (0 to 12) give the same bytes. `*out` is freed with cimage_free.
int cimage_png_encode(const uint8_t *pixels, cimage_info info, int level, uint8_t **out, size_t *out_count,
                      char error[CIMAGE_ERROR_SIZE]);

/// Reads the header; CMYK and YCCK files are an error.
int cimage_jpeg_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]);
/// Decodes without EXIF rotation; any damage that libjpeg only warns about is an error here, but for stray bytes
/// between segments, which cameras write.
int cimage_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
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
