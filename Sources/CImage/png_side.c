#include "png_side.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "scratch.h"

// Pillow refuses texts and colour profiles that are longer when they are unpacked.
static const size_t max_text = 1 << 20;

typedef struct {
  const uint8_t *kind;
  const uint8_t *data;
  size_t size;
} chunk;

static int is(const chunk *chunk, const char kind[4]) { return memcmp(chunk->kind, kind, 4) == 0; }

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

// Whether a zlib stream unpacks to no more than the limit. No stream unpacks to more than 1,032 times its size.
static int unpacks_small(const uint8_t *packed, size_t size) {
  if (size < max_text / 1032) return 1;
  cimage_scratch *scratch = cimage_thread_scratch();
  struct libdeflate_decompressor *decompressor = scratch ? cimage_scratch_decompressor(scratch) : NULL;
  uint8_t *text = decompressor ? cimage_scratch_bytes(scratch, max_text) : NULL;
  size_t used = 0;
  return text && libdeflate_zlib_decompress(decompressor, packed, size, text, max_text, &used) == LIBDEFLATE_SUCCESS;
}

// A name, a zero, the number of the method, which is 0, then the packed text.
static int is_sound_packed(const chunk *chunk) {
  const uint8_t *zero = memchr(chunk->data, 0, chunk->size);
  if (!zero) return 0;
  size_t head = (size_t)(zero - chunk->data) + 2;
  return head <= chunk->size && zero[1] == 0 && unpacks_small(chunk->data + head, chunk->size - head);
}

static int is_sound_international(const chunk *chunk) {
  const uint8_t *zero = memchr(chunk->data, 0, chunk->size);
  if (!zero) return 0;
  size_t head = (size_t)(zero - chunk->data) + 3;
  if (head > chunk->size) return 0;
  // The language and the translated name stand before the text: looked at as a whole, it is a bound for it.
  return zero[1] == 0 || (zero[2] == 0 && chunk->size - head < max_text / 1032);
}

static int is_sound(const chunk *chunk) {
  static const struct {
    char kind[5];
    size_t size;
  } fixed[] = {{"gAMA", 4}, {"cHRM", 32}, {"sRGB", 1}, {"pHYs", 9}, {"tIME", 7}};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
    if (is(chunk, fixed[i].kind)) return chunk->size == fixed[i].size;
  }
  if (is(chunk, "iCCP") || is(chunk, "zTXt")) return is_sound_packed(chunk);
  if (is(chunk, "iTXt")) return is_sound_international(chunk);
  // Animations, whose first frame need not be the image in IDAT.
  return !is(chunk, "acTL") && !is(chunk, "fcTL") && !is(chunk, "fdAT");
}

void cimage_png_look_aside(const uint8_t *bytes, size_t count, cimage_info *info) {
  size_t at = 8, texts = 0;
  while (count > at && count - at >= 12) {
    chunk chunk = {.kind = bytes + at + 4, .data = bytes + at + 8, .size = get_u32(bytes + at)};
    if (chunk.size > count - at - 12) return;
    at += 12 + chunk.size;
    if (is(&chunk, "IEND")) return;
    int is_ancillary = chunk.kind[0] & 0x20;
    if (!is_ancillary) continue;
    int is_intact = libdeflate_crc32(0, chunk.kind, 4 + chunk.size) == get_u32(chunk.data + chunk.size);
    texts += chunk.size;
    if (!is_intact || !is_sound(&chunk) || texts > 8 * max_text) info->traits |= CIMAGE_SIDE_DATA;
    if (!is_intact) continue;
    if (is(&chunk, "acTL") && chunk.size == 8 && get_u32(chunk.data) > 1) info->traits |= CIMAGE_SEVERAL;
    if (is(&chunk, "eXIf")) info->orientation = cimage_exif_orientation(chunk.data, chunk.size);
  }
}
