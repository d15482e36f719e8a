// libtiff, loaded when the first file is read, and files in memory as it reads them.
#ifndef CIMAGE_TIFF_FILE_H
#define CIMAGE_TIFF_FILE_H

#include "codec.h"

#include <tiffio.h>

#define CIMAGE_TIFF_FUNCTION(name) __typeof__(name) *name
/// The functions of libtiff that are used, once `cimage_load_tiff` has found them.
typedef struct {
  CIMAGE_TIFF_FUNCTION(TIFFClientOpenExt);
  CIMAGE_TIFF_FUNCTION(TIFFClose);
  CIMAGE_TIFF_FUNCTION(TIFFGetField);
  CIMAGE_TIFF_FUNCTION(TIFFGetFieldDefaulted);
  CIMAGE_TIFF_FUNCTION(TIFFIsTiled);
  CIMAGE_TIFF_FUNCTION(TIFFLastDirectory);
  CIMAGE_TIFF_FUNCTION(TIFFOpenOptionsAlloc);
  CIMAGE_TIFF_FUNCTION(TIFFOpenOptionsFree);
  CIMAGE_TIFF_FUNCTION(TIFFOpenOptionsSetErrorHandlerExtR);
  CIMAGE_TIFF_FUNCTION(TIFFOpenOptionsSetMaxSingleMemAlloc);
  CIMAGE_TIFF_FUNCTION(TIFFOpenOptionsSetWarningHandlerExtR);
  CIMAGE_TIFF_FUNCTION(TIFFReadEncodedStrip);
  CIMAGE_TIFF_FUNCTION(TIFFReadEncodedTile);
  CIMAGE_TIFF_FUNCTION(TIFFReadRGBAImageOriented);
  CIMAGE_TIFF_FUNCTION(TIFFScanlineSize64);
  CIMAGE_TIFF_FUNCTION(TIFFSetField);
  CIMAGE_TIFF_FUNCTION(TIFFTileRowSize64);
} cimage_tiff_functions;
extern cimage_tiff_functions cimage_tiff;

/// A file in memory; the first thing that libtiff complains of stays in `error`.
typedef struct {
  const uint8_t *bytes;
  uint64_t count, at;
  char *error;
  int is_reading;  // whether what libtiff warns of is about pixels
} cimage_tiff_file;

/// 0, with a sentence, where there is no libtiff.
int cimage_load_tiff(char error[CIMAGE_ERROR_SIZE]);
/// The file's first page; NULL where its header is damaged. `file` must stay where it is.
TIFF *cimage_open_tiff(cimage_tiff_file *file);
/// Whether the first page's pixels are numbers of colours by its own words. libtiff says that they are grey, or RGB, where the colours
/// cannot be read.
int cimage_tiff_is_palette(const uint8_t *bytes, uint64_t count);

#endif
