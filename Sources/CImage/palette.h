// Colours by number, as GIF, BMP, PNG and TIFF files have them.
#ifndef CIMAGE_PALETTE_H
#define CIMAGE_PALETTE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t count;  // at most 256
  uint8_t colours[256][3];
} cimage_palette;

/// 1 where every colour is a grey, so that one channel says all; else 3.
static inline uint32_t cimage_palette_channels(const cimage_palette *palette) {
  for (uint32_t i = 0; i < palette->count; i++) {
    const uint8_t *colour = palette->colours[i];
    if (colour[0] != colour[1] || colour[1] != colour[2]) return 3;
  }
  return 1;
}

/// Writes the colours of `width` numbers; `numbers` may be the beginning of `out`. 0 where a number has no colour.
static inline int cimage_palette_expand(const cimage_palette *palette, const uint8_t *numbers, size_t width,
                                        uint32_t channels, uint8_t *out) {
  // From the end, so that nothing is overwritten before it was read.
  for (size_t i = width; i-- > 0;) {
    uint8_t number = numbers[i];
    if (number >= palette->count) return 0;
    const uint8_t *colour = palette->colours[number];
    for (uint32_t channel = channels; channel-- > 0;) out[i * channels + channel] = colour[channel];
  }
  return 1;
}

#endif
