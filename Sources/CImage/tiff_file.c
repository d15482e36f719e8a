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
  (void)tiff, (void)user, (void)module, (void)format, (void)values;
  return 1;
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
