// The first page of a TIFF file by libtiff: grey, palette, RGB and CMYK of up to 16 bits, in strips or tiles, and whatever libtiff
// turns into RGB itself among the YCbCr ones.
//
// The orientation tag says in which order rows and columns stand in the file, so it is always obeyed, as Pillow does.
#include "palette.h"
#include "tiff_file.h"

#include <stdlib.h>
#include <string.h>

// Which of the ways of storing pixels the page has.
typedef struct {
  uint32_t width, height;  // as they are stored
  uint16_t bits, samples, photometric, compression, orientation;
  int is_separate;   // each sample in a plane of its own
  int by_libtiff;    // libtiff makes RGB of it
  uint32_t colours;  // samples that are colour: 1, 3 or 4
  int is_multiplied;  // colours were multiplied by the transparency that follows them
  cimage_palette palette;
} page;

static int read_palette(TIFF *tiff, page *page, char error[CIMAGE_ERROR_SIZE]) {
  uint16_t *red = NULL, *green = NULL, *blue = NULL;
  if (!cimage_tiff.TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) {
    return cimage_fail(CIMAGE_DAMAGED, error, "it has no palette");
  }
  page->palette.count = 1u << page->bits;
  // Some programs wrote 8 bits where 16 belong.
  uint16_t all = 0;
  for (uint32_t i = 0; i < page->palette.count; i++) all |= red[i] | green[i] | blue[i];
  int shift = all > 255 ? 8 : 0;
  for (uint32_t i = 0; i < page->palette.count; i++) {
    const uint8_t rgb[3] = {(uint8_t)(red[i] >> shift), (uint8_t)(green[i] >> shift), (uint8_t)(blue[i] >> shift)};
    memcpy(page->palette.colours[i], rgb, sizeof rgb);
  }
  return CIMAGE_OK;
}

// What stands beside the colours: transparency, or samples that mean nothing here.
static void read_extras(TIFF *tiff, page *page, cimage_info *info) {
  uint16_t count = 0, *kinds = NULL;
  if (page->samples <= page->colours) return;
  info->traits |= CIMAGE_ALPHA;
  if (!cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) || count == 0 || !kinds) return;
  page->is_multiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA && page->colours != 4 && page->photometric != PHOTOMETRIC_PALETTE;
}

static int read_kind(TIFF *tiff, page *page, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  switch (page->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
      page->colours = 1;
      break;
    case PHOTOMETRIC_RGB:
      page->colours = 3;
      break;
    case PHOTOMETRIC_PALETTE:
      page->colours = 1;
      info->traits |= CIMAGE_PALETTE;
      break;
    case PHOTOMETRIC_SEPARATED: {
      uint16_t inks = INKSET_CMYK;
      cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_INKSET, &inks);
      if (inks != INKSET_CMYK) return cimage_fail(CIMAGE_UNSUPPORTED, error, "inks other than CMYK");
      page->colours = 4;
      info->traits |= CIMAGE_CMYK;
      break;
    }
    case PHOTOMETRIC_YCBCR:
      page->colours = 3;
      // libjpeg turns its own colours into RGB; libtiff does it with the others.
      if (page->compression == COMPRESSION_JPEG && !page->is_separate) {
        cimage_tiff.TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      } else {
        page->by_libtiff = 1;
      }
      break;
    default:
      return cimage_fail(CIMAGE_UNSUPPORTED, error, "colour space number %u", page->photometric);
  }
  return CIMAGE_OK;
}

static int read_page(TIFF *tiff, page *page, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  memset(page, 0, sizeof *page);
  uint16_t format = SAMPLEFORMAT_UINT, planes = PLANARCONFIG_CONTIG;
  if (!cimage_tiff.TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width) ||
      !cimage_tiff.TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->height) || page->width - 1 >= INT32_MAX ||
      page->height - 1 >= INT32_MAX) {
    return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  if (!cimage_tiff.TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page->photometric)) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "it does not say what its values mean (no photometric interpretation)");
  }
  cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
  cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
  cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page->compression);
  cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &format);
  cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
  if (!cimage_tiff.TIFFGetField(tiff, TIFFTAG_ORIENTATION, &page->orientation) || page->orientation - 1u >= 8) page->orientation = 1;
  page->is_separate = planes == PLANARCONFIG_SEPARATE && page->samples > 1;
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "values that are not unsigned integers");
  }
  int status = read_kind(tiff, page, info, error);
  if (status != CIMAGE_OK) return status;
  int is_numbered = page->photometric == PHOTOMETRIC_PALETTE;
  int has_bits = page->bits == 8 || (page->bits == 16 && !is_numbered && !page->by_libtiff) ||
                 (page->colours == 1 && (page->bits == 1 || page->bits == 2 || page->bits == 4));
  if (!has_bits || page->samples < page->colours || page->samples > 5 + page->colours) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "%u values of %u bits per pixel", page->samples, page->bits);
  }
  if (is_numbered) status = read_palette(tiff, page, error);
  read_extras(tiff, page, info);
  if (page->bits == 16) info->traits |= CIMAGE_DEEP;
  if (page->bits < 8 && !is_numbered) info->traits |= CIMAGE_SHALLOW;
  if (!cimage_tiff.TIFFLastDirectory(tiff)) info->traits |= CIMAGE_SEVERAL;
  int is_swapped = page->orientation >= 5;
  info->width = is_swapped ? page->height : page->width;
  info->height = is_swapped ? page->width : page->height;
  info->channels = is_numbered ? cimage_palette_channels(&page->palette) : page->colours == 1 ? 1 : 3;
  return status;
}

// One value of a row of packed values, as 8 bits; numbers of colours stay as they are.
static uint8_t value(const uint8_t *row, size_t index, const page *page) {
  if (page->bits == 8) return row[index];
  if (page->bits == 16) {
    uint16_t wide;
    memcpy(&wide, row + 2 * index, sizeof wide);
    return (uint8_t)(wide >> 8);
  }
  size_t bit = index * page->bits;
  uint32_t most = (1u << page->bits) - 1, found = row[bit / 8] >> (8 - page->bits - bit % 8) & most;
  return (uint8_t)(page->photometric == PHOTOMETRIC_PALETTE ? found : found * 255 / most);
}

// Copies `rows` rows of `columns` pixels of a strip or tile into the planes at (left, top): `kept` values for each pixel.
static void place(const uint8_t *unit, size_t unit_row, size_t columns, size_t rows, size_t left, size_t top, uint32_t sample,
                  uint32_t kept, const page *page, uint8_t *values) {
  for (size_t y = 0; y < rows; y++) {
    const uint8_t *row = unit + y * unit_row;
    uint8_t *out = values + ((top + y) * page->width + left) * kept;
    for (size_t x = 0; x < columns; x++) {
      if (page->is_separate) {
        out[x * kept + sample] = value(row, x, page);
      } else {
        for (uint32_t i = 0; i < kept; i++) out[x * kept + i] = value(row, x * page->samples + i, page);
      }
    }
  }
}

static int read_units(TIFF *tiff, const page *page, uint32_t kept, uint8_t *values, char error[CIMAGE_ERROR_SIZE]) {
  uint32_t unit_width = page->width, unit_height = page->height;
  int is_tiled = cimage_tiff.TIFFIsTiled(tiff);
  if (is_tiled) {
    if (!cimage_tiff.TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &unit_width) ||
        !cimage_tiff.TIFFGetField(tiff, TIFFTAG_TILELENGTH, &unit_height)) {
      return cimage_fail(CIMAGE_DAMAGED, error, "its tiles have no size");
    }
  } else {
    cimage_tiff.TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &unit_height);
    if (unit_height > page->height) unit_height = page->height;
  }
  // Tiles may stand over, but not take more memory than the image.
  uint64_t area = (uint64_t)page->width * page->height;
  if (unit_width == 0 || unit_height == 0 || (uint64_t)unit_width * unit_height > 4 * area + (1 << 20)) {
    return cimage_fail(CIMAGE_DAMAGED, error, "tiles of %u×%u pixels", unit_width, unit_height);
  }
  uint32_t together = page->is_separate ? 1 : page->samples;
  uint64_t unit_row = ((uint64_t)unit_width * together * page->bits + 7) / 8;
  if (unit_row != (is_tiled ? cimage_tiff.TIFFTileRowSize64(tiff) : cimage_tiff.TIFFScanlineSize64(tiff))) {
    return cimage_fail(CIMAGE_UNSUPPORTED, error, "subsampled or padded rows");
  }
  uint8_t *unit = malloc(unit_row * unit_height);
  if (!unit) return cimage_no_memory(error);
  uint32_t planes = page->is_separate ? kept : 1, number = 0;
  for (uint32_t plane = 0; plane < planes; plane++) {
    for (uint64_t top = 0; top < page->height; top += unit_height) {
      for (uint64_t left = 0; left < page->width; left += unit_width) {
        size_t rows = top + unit_height > page->height ? page->height - top : unit_height;
        size_t columns = left + unit_width > page->width ? page->width - left : unit_width;
        tmsize_t wanted = (tmsize_t)(unit_row * (is_tiled ? unit_height : rows));
        tmsize_t found = is_tiled ? cimage_tiff.TIFFReadEncodedTile(tiff, number, unit, wanted)
                                  : cimage_tiff.TIFFReadEncodedStrip(tiff, number, unit, wanted);
        number++;
        // libtiff may give as many bytes as were wanted, and say that they are wrong.
        if (found != wanted || error[0]) {
          free(unit);
          return error[0] ? CIMAGE_DAMAGED : cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
        }
        place(unit, unit_row, columns, rows, left, top, plane, kept, page, values);
      }
    }
  }
  free(unit);
  return CIMAGE_OK;
}

static uint8_t undone(uint8_t value, uint8_t alpha) {
  if (alpha == 0) return 0;
  uint32_t whole = value * 255u / alpha;
  return whole > 255 ? 255 : (uint8_t)whole;
}

// The values of all pixels to grey or RGB.
static int convert(const page *page, const uint8_t *values, uint32_t kept, const cimage_info *info, uint8_t *pixels,
                   char error[CIMAGE_ERROR_SIZE]) {
  size_t area = (size_t)page->width * page->height;
  for (size_t i = 0; i < area; i++, values += kept, pixels += info->channels) {
    switch (page->photometric) {
      case PHOTOMETRIC_PALETTE:
        if (!cimage_palette_expand(&page->palette, values, 1, info->channels, pixels)) {
          return cimage_fail(CIMAGE_DAMAGED, error, "a pixel has a colour that is not in the palette");
        }
        break;
      case PHOTOMETRIC_SEPARATED:
        cimage_cmyk_to_rgb(values[0], values[1], values[2], values[3], pixels);
        break;
      default:
        for (uint32_t channel = 0; channel < info->channels; channel++) {
          uint8_t found = page->photometric == PHOTOMETRIC_MINISWHITE ? 255 - values[channel] : values[channel];
          pixels[channel] = page->is_multiplied ? undone(found, values[page->colours]) : found;
        }
    }
  }
  return CIMAGE_OK;
}

// Raster words have red in the lowest byte.
static int read_by_libtiff(TIFF *tiff, const page *page, uint8_t *pixels, char error[CIMAGE_ERROR_SIZE]) {
  size_t area = (size_t)page->width * page->height;
  uint32_t *raster = malloc(area * sizeof *raster);
  if (!raster) return cimage_no_memory(error);
  cimage_tiff.TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  int is_read = cimage_tiff.TIFFReadRGBAImageOriented(tiff, page->width, page->height, raster, ORIENTATION_TOPLEFT, 1);
  for (size_t i = 0; is_read && i < area; i++) {
    for (int channel = 0; channel < 3; channel++) pixels[3 * i + (size_t)channel] = (uint8_t)(raster[i] >> 8 * channel);
  }
  free(raster);
  if (is_read && !error[0]) return CIMAGE_OK;
  return error[0] ? CIMAGE_DAMAGED : cimage_fail(CIMAGE_DAMAGED, error, "its pixels are invalid");
}

static int read_pixels(TIFF *tiff, const page *page, const cimage_info *info, uint8_t *pixels,
                       char error[CIMAGE_ERROR_SIZE]) {
  if (page->by_libtiff) return read_by_libtiff(tiff, page, pixels, error);
  uint32_t kept = page->colours + (page->is_multiplied ? 1 : 0);
  uint8_t *values = malloc((size_t)page->width * page->height * kept);
  if (!values) return cimage_no_memory(error);
  int status = read_units(tiff, page, kept, values, error);
  if (status == CIMAGE_OK) status = convert(page, values, kept, info, pixels, error);
  free(values);
  return status;
}

static int read_upright(TIFF *tiff, const page *page, const cimage_info *info, uint8_t *pixels, size_t pixel_count,
                        char error[CIMAGE_ERROR_SIZE]) {
  if (page->orientation == 1) return read_pixels(tiff, page, info, pixels, error);
  uint8_t *stored = malloc(pixel_count);
  if (!stored) return cimage_no_memory(error);
  int status = read_pixels(tiff, page, info, stored, error);
  if (status == CIMAGE_OK) cimage_turn(stored, page->width, page->height, info->channels, page->orientation, pixels);
  free(stored);
  return status;
}

static int read_file(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                     char error[CIMAGE_ERROR_SIZE]) {
  if (!cimage_load_tiff(error)) return CIMAGE_UNAVAILABLE;
  error[0] = 0;
  cimage_tiff_file file = {bytes, count, 0, error, 0};
  TIFF *tiff = cimage_open_tiff(&file);
  if (!tiff) return error[0] ? CIMAGE_DAMAGED : cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  page page;
  // What libtiff says of tags that do not matter here is no reason to refuse the file.
  int status = read_page(tiff, &page, info, error);
  if (status == CIMAGE_OK && page.photometric != PHOTOMETRIC_PALETTE && cimage_tiff_is_palette(bytes, count)) {
    status = cimage_fail(CIMAGE_DAMAGED, error, "its palette is missing or cut short");
  }
  if (status == CIMAGE_OK) {
    error[0] = 0;
    file.is_reading = 1;
    if (pixels && !cimage_has_size(info, pixel_count)) status = cimage_wrong_size(error);
    if (pixels && status == CIMAGE_OK) status = read_upright(tiff, &page, info, pixels, pixel_count, error);
  }
  cimage_tiff.TIFFClose(tiff);
  return status;
}

int cimage_tiff_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  return read_file(bytes, count, NULL, 0, info, error);
}

int cimage_tiff_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  return read_file(bytes, count, pixels, pixel_count, info, error);
}
