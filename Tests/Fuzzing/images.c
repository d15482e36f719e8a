// What libFuzzer runs over the codecs of CImage: one binary for each format, `-DFORMAT=CIMAGE_PNG` and so on. See Scripts/fuzz.
//
// Beside memory errors it finds pixels that depend on how a file was read: whatever is left uninitialised, and PNG files that the two
// readers decode differently.
#include <stdlib.h>
#include <string.h>

#include "../../Sources/CImage/codec.h"
#include "../../Sources/CImage/png_plain.h"

#include <libdeflate.h>

// Larger images take time and find nothing more.
static const size_t max_area = 1 << 16;

// Decodes onto a ground; NULL where the file is refused.
static uint8_t *decoded(const uint8_t *bytes, size_t count, const cimage_info *info, int ground) {
  char error[CIMAGE_ERROR_SIZE] = "";
  size_t size = (size_t)info->width * info->height * info->channels;
  uint8_t *pixels = malloc(size);
  cimage_info found;
  if (!pixels) abort();
  memset(pixels, ground, size);
  if (cimage_decode(FORMAT, bytes, count, pixels, size, &found, error) != CIMAGE_OK) {
    if (!error[0]) abort();
    free(pixels);
    return NULL;
  }
  if (found.width != info->width || found.height != info->height || found.channels != info->channels) abort();
  return pixels;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  char error[CIMAGE_ERROR_SIZE] = "";
  cimage_info info;
  if (cimage_read_info(FORMAT, bytes, count, &info, error) != CIMAGE_OK) {
    if (!error[0]) abort();
    return 0;
  }
  if (info.orientation - 1 > 7 || (info.channels != 1 && info.channels != 3)) abort();
  if (info.width == 0 || info.height == 0 || info.width > max_area / info.height) return 0;
  uint8_t *one = decoded(bytes, count, &info, 0), *other = decoded(bytes, count, &info, 255);
  size_t size = (size_t)info.width * info.height * info.channels;
  if (!one != !other || (one && memcmp(one, other, size) != 0)) abort();
  if (FORMAT == CIMAGE_PNG && one) {
    // A remark sends the file past the quick reader.
    static const uint8_t remark[] = "\0\0\0\3tEXta\0b\x2f\x2b\x6f\x8f";
    uint8_t *longer = malloc(count + 15);
    if (!longer) abort();
    memcpy(longer, bytes, 33);
    memcpy(longer + 33, remark, 15);
    for (int i = 0; i < 4; i++) longer[33 + 11 + i] = (uint8_t)(libdeflate_crc32(0, longer + 37, 7) >> (24 - 8 * i));
    memcpy(longer + 48, bytes + 33, count - 33);
    uint8_t *third = decoded(longer, count + 15, &info, 0);
    if (!third || memcmp(one, third, size) != 0) abort();
    free(third);
    free(longer);
  }
  free(one);
  free(other);
  return 0;
}

#if IS_PNG
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most);

static uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_u32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

// Makes checksums right again, without which nothing behind them is ever reached: of the pixels, and of all chunks, but now and then of none.
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed) {
  static uint8_t rows[1 << 18];
  count = LLVMFuzzerMutate(bytes, count, most);
  if (seed % 16 == 0) return count;
  struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
  for (size_t at = 8; count > at && count - at >= 12;) {
    size_t size = get_u32(bytes + at), used = 0, length = 0;
    if (size > count - at - 12) break;
    uint8_t *data = bytes + at + 8;
    if (memcmp(bytes + at + 4, "IDAT", 4) == 0 && size > 6 &&
        libdeflate_deflate_decompress_ex(decompressor, data + 2, size - 6, rows, sizeof rows, &used, &length) ==
            LIBDEFLATE_SUCCESS &&
        used == size - 6) {
      put_u32(data + size - 4, libdeflate_adler32(1, rows, length));
    }
    put_u32(data + size, libdeflate_crc32(0, bytes + at + 4, 4 + size));
    at += 12 + size;
  }
  libdeflate_free_decompressor(decompressor);
  return count;
}
#endif
