// The common kind of PNG, read without libpng.
#ifndef CIMAGE_PNG_PLAIN_H
#define CIMAGE_PNG_PLAIN_H

#include "CImage.h"

/// Reads the header of a file that consists of IHDR, IDAT and IEND chunks, as far as their lengths tell; 1 when it is one.
int cimage_png_info_plain(const uint8_t *bytes, size_t count, cimage_info *info);
/// Decodes an 8-bit grey or RGB file without interlacing that consists of IHDR, IDAT and IEND chunks and is sound to its last
/// byte. 1 when it did; 0 for every other file, which libpng decodes or refuses.
int cimage_png_decode_plain(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                            cimage_info *info);

#endif
