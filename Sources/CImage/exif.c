#include "codec.h"

static uint32_t get(const uint8_t *at, int size, int is_big) {
  uint32_t value = 0;
  for (int i = 0; i < size; i++) value |= (uint32_t)at[i] << 8 * (is_big ? size - 1 - i : i);
  return value;
}

uint32_t cimage_exif_orientation(const uint8_t *bytes, size_t count) {
  if (count < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M')) return 1;
  int is_big = bytes[0] == 'M';
  size_t at = get(bytes + 4, 4, is_big);
  if (get(bytes + 2, 2, is_big) != 42 || at > count || count - at < 2) return 1;
  size_t entries = get(bytes + at, 2, is_big);
  at += 2;
  for (; entries > 0 && count - at >= 12; entries--, at += 12) {
    if (get(bytes + at, 2, is_big) != 0x0112) continue;
    uint32_t kind = get(bytes + at + 2, 2, is_big);
    uint32_t value = kind == 3 ? get(bytes + at + 8, 2, is_big) : kind == 4 ? get(bytes + at + 8, 4, is_big) : 1;
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}
