#include "tiff_file.h"

#include "library.h"

#include <string.h>

cimage_tiff_functions cimage_tiff;
static char problem[CIMAGE_ERROR_SIZE];

static void load(void) {
#define SYMBOL(name) {(void **)&cimage_tiff.name, #name}
  static const cimage_symbol symbols[] = {SYMBOL(TIFFClientOpenExt),
                                          SYMBOL(TIFFClose),
                                          SYMBOL(TIFFGetField),
                                          SYMBOL(TIFFGetFieldDefaulted),
                                          SYMBOL(TIFFIsTiled),
                                          SYMBOL(TIFFLastDirectory),
                                          SYMBOL(TIFFOpenOptionsAlloc),
                                          SYMBOL(TIFFOpenOptionsFree),
                                          SYMBOL(TIFFOpenOptionsSetErrorHandlerExtR),
                                          SYMBOL(TIFFOpenOptionsSetMaxSingleMemAlloc),
                                          SYMBOL(TIFFOpenOptionsSetWarningHandlerExtR),
                                          SYMBOL(TIFFReadEncodedStrip),
                                          SYMBOL(TIFFReadEncodedTile),
                                          SYMBOL(TIFFReadRGBAImageOriented),
                                          SYMBOL(TIFFScanlineSize64),
                                          SYMBOL(TIFFSetField),
                                          SYMBOL(TIFFTileRowSize64)};
  cimage_load("libtiff.so.6", "libtiff6", symbols, sizeof symbols / sizeof *symbols, problem);
}

int cimage_load_tiff(char error[CIMAGE_ERROR_SIZE]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (problem[0]) cimage_fail(CIMAGE_UNAVAILABLE, error, "%s", problem);
  return !problem[0];
}

static tmsize_t read_bytes(thandle_t user, void *into, tmsize_t wanted) {
  cimage_tiff_file *file = user;
  uint64_t left = file->at < file->count ? file->count - file->at : 0;
  size_t size = wanted < 0 ? 0 : (uint64_t)wanted < left ? (size_t)wanted : (size_t)left;
  if (size > 0) memcpy(into, file->bytes + file->at, size);
  file->at += size;
  return (tmsize_t)size;
}

static tmsize_t write_nothing(thandle_t user, void *from, tmsize_t size) {
  (void)user, (void)from, (void)size;
  return 0;
}

static toff_t seek(thandle_t user, toff_t offset, int whence) {
  cimage_tiff_file *file = user;
  file->at = (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->at : file->count) + offset;
  return file->at;
}

static int close_nothing(thandle_t user) {
  (void)user;
  return 0;
}

static toff_t size_of(thandle_t user) { return ((cimage_tiff_file *)user)->count; }

// The bytes are there already: libtiff reads strips from where they stand.
static int map_file(thandle_t user, void **base, toff_t *size) {
  cimage_tiff_file *file = user;
  *base = (void *)(uintptr_t)file->bytes;
  *size = file->count;
  return 1;
}

static void unmap_file(thandle_t user, void *base, toff_t size) { (void)user, (void)base, (void)size; }

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
  (void)tiff, (void)module;
  char *error = ((cimage_tiff_file *)user)->error;
  if (!error[0]) vsnprintf(error, CIMAGE_ERROR_SIZE, format, values);
  return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list values) {
  cimage_tiff_file *file = user;
  // These decoders warn of damaged data and go on, with wrong pixels. What is said of tags is harmless.
  int is_damage = strcmp(module, "JPEGLib") == 0 || strncmp(module, "Fax", 3) == 0 || strcmp(module, "PackBitsDecode") == 0;
  return file->is_reading && is_damage ? on_error(tiff, user, module, format, values) : 1;
}

static uint64_t number(const uint8_t *bytes, int size, int is_big_endian) {
  uint64_t value = 0;
  for (int i = 0; i < size; i++) value |= (uint64_t)bytes[i] << 8 * (is_big_endian ? size - 1 - i : i);
  return value;
}

int cimage_tiff_is_palette(const uint8_t *bytes, uint64_t count) {
  if (count < 16) return 0;
  int is_big_endian = bytes[0] == 'M';
  // In a BigTIFF file numbers of entries and places take 8 bytes.
  int is_bigtiff = number(bytes + 2, 2, is_big_endian) == 43;
  int place_size = is_bigtiff ? 8 : 4, count_size = is_bigtiff ? 8 : 2;
  uint64_t entry_size = is_bigtiff ? 20 : 12;
  uint64_t at = number(bytes + (is_bigtiff ? 8 : 4), place_size, is_big_endian);
  if (at > count || count - at < (uint64_t)count_size) return 0;
  uint64_t entries = number(bytes + at, count_size, is_big_endian);
  at += (uint64_t)count_size;
  for (; entries > 0 && count - at >= entry_size; entries--, at += entry_size) {
    // Tag, type, number of values, value.
    const uint8_t *entry = bytes + at;
    if (number(entry, 2, is_big_endian) != TIFFTAG_PHOTOMETRIC) continue;
    uint64_t type = number(entry + 2, 2, is_big_endian);
    int size = type == TIFF_BYTE ? 1 : type == TIFF_SHORT ? 2 : 4;
    return number(entry + 4 + place_size, size, is_big_endian) == PHOTOMETRIC_PALETTE;
  }
  return 0;
}

TIFF *cimage_open_tiff(cimage_tiff_file *file) {
  TIFFOpenOptions *options = cimage_tiff.TIFFOpenOptionsAlloc();
  if (!options) return NULL;
  cimage_tiff.TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
  cimage_tiff.TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
  cimage_tiff.TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)1 << 30);
  TIFF *tiff = cimage_tiff.TIFFClientOpenExt("image", "r", file, read_bytes, write_nothing, seek, close_nothing, size_of, map_file,
                                         unmap_file, options);
  cimage_tiff.TIFFOpenOptionsFree(options);
  return tiff;
}
