#include "codec.h"
#include "palette.h"
#include "png_plain.h"
#include "png_side.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// One call's state: libpng's handles, the cursor in the file, and where an error's sentence goes.
typedef struct {
  png_structp png;
  png_infop info;
  const uint8_t *bytes;
  size_t count;
  size_t position;
  png_bytep *rows;
  cimage_palette palette;
  int has_side_damage;
  char *error;
} codec;

static void on_error(png_structp png, png_const_charp message) {
  codec *state = png_get_error_ptr(png);
  snprintf(state->error, CIMAGE_ERROR_SIZE, "%s", message);
  longjmp(png_jmpbuf(png), 1);
}

// What libpng remarks about colour spaces is about chunks that nobody obeys, and half of all photographs have such.
static void on_warning(png_structp png, png_const_charp message) {
  static const char harmless[][5] = {"iCCP", "sRGB", "gAMA", "cHRM"};
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
    if (strncmp(message, harmless[i], 4) == 0) return;
  }
  codec *state = png_get_error_ptr(png);
  state->has_side_damage = 1;
}

static void read_bytes(png_structp png, png_bytep into, size_t wanted) {
  codec *state = png_get_io_ptr(png);
  if (state->count - state->position < wanted) png_error(png, "the file ends in the middle of the image");
  memcpy(into, state->bytes + state->position, wanted);
  state->position += wanted;
}

static void read_palette(codec *state) {
  png_colorp colours = NULL;
  int count = 0;
  if (!png_get_PLTE(state->png, state->info, &colours, &count)) png_error(state->png, "it has no palette");
  state->palette.count = (uint32_t)count;
  for (int i = 0; i < count && i < 256; i++) {
    const uint8_t colour[3] = {colours[i].red, colours[i].green, colours[i].blue};
    memcpy(state->palette.colours[i], colour, sizeof colour);
  }
}

// Reads up to the first image data and fixes the conversions, so that rows come out as 8-bit grey, RGB or numbers of colours.
static void read_header(codec *state, cimage_info *info) {
  png_structp png = state->png;
  // An ancillary chunk (a text, a colour profile) may not claim more memory than this.
  png_set_chunk_malloc_max(png, 8 << 20);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_read_fn(png, state, read_bytes);
  png_read_info(png, state->info);
  int colour = png_get_color_type(png, state->info);
  int depth = png_get_bit_depth(png, state->info);
  int is_palette = colour == PNG_COLOR_TYPE_PALETTE;
  if (is_palette) {
    read_palette(state);
    png_set_packing(png);
    info->traits |= CIMAGE_PALETTE;
  } else if (depth < 8) {
    png_set_expand_gray_1_2_4_to_8(png);
    info->traits |= CIMAGE_SHALLOW;
  }
  if (depth == 16) {
    // The upper byte, as every reader of photographs takes it.
    png_set_strip_16(png);
    info->traits |= CIMAGE_DEEP;
  }
  png_set_strip_alpha(png);
  if (colour & PNG_COLOR_MASK_ALPHA || png_get_valid(png, state->info, PNG_INFO_tRNS)) info->traits |= CIMAGE_ALPHA;
  info->width = png_get_image_width(png, state->info);
  info->height = png_get_image_height(png, state->info);
  info->channels = is_palette ? cimage_palette_channels(&state->palette) : colour & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

static void read_pixels(codec *state, uint8_t *pixels, size_t pixel_count, cimage_info *info) {
  size_t stride = (size_t)info->width * info->channels;
  int is_palette = info->traits & CIMAGE_PALETTE;
  if (!cimage_has_size(info, pixel_count)) png_error(state->png, "the image's size is not the announced one");
  png_set_interlace_handling(state->png);
  png_read_update_info(state->png, state->info);
  if (png_get_rowbytes(state->png, state->info) != (is_palette ? info->width : stride)) {
    png_error(state->png, "an unknown kind of pixels");
  }
  state->rows = malloc(info->height * sizeof(png_bytep));
  if (!state->rows) png_error(state->png, "out of memory");
  for (size_t row = 0; row < info->height; row++) state->rows[row] = pixels + row * stride;
  png_read_image(state->png, state->rows);
  png_read_end(state->png, NULL);
  for (size_t row = 0; is_palette && row < info->height; row++) {
    uint8_t *at = state->rows[row];
    if (!cimage_palette_expand(&state->palette, at, info->width, info->channels, at)) {
      png_error(state->png, "a pixel has a colour that is not in the palette");
    }
  }
}

// Whether every chunk is as long as it says; libpng would take memory for one that is not.
static int has_whole_chunks(const uint8_t *bytes, size_t count) {
  size_t at = 8;
  while (count > at && count - at >= 12) {
    size_t size = png_get_uint_32(bytes + at);
    if (size > count - at - 12) return 0;
    if (memcmp(bytes + at + 4, "IEND", 4) == 0) return 1;
    at += 12 + size;
  }
  return 0;
}

// Reads the header, and the pixels where there is a place for them.
static int read_file(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                     char error[CIMAGE_ERROR_SIZE]) {
  if (!has_whole_chunks(bytes, count)) return cimage_fail(CIMAGE_DAMAGED, error, "the file ends in the middle of the image");
  codec state = {.bytes = bytes, .count = count, .error = error};
  state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  state.info = state.png ? png_create_info_struct(state.png) : NULL;
  int status = CIMAGE_OK;
  if (!state.info) {
    status = cimage_no_memory(error);
  } else if (setjmp(png_jmpbuf(state.png)) == 0) {
    read_header(&state, info);
    if (pixels) read_pixels(&state, pixels, pixel_count, info);
    cimage_png_look_aside(bytes, count, info);
    if (state.has_side_damage) info->traits |= CIMAGE_SIDE_DATA;
  } else {
    status = CIMAGE_DAMAGED;
  }
  if (state.png) png_destroy_read_struct(&state.png, state.info ? &state.info : NULL, NULL);
  free(state.rows);
  return status;
}

int cimage_png_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  if (cimage_png_info_plain(bytes, count, info)) return CIMAGE_OK;
  return read_file(bytes, count, NULL, 0, info, error);
}

int cimage_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                      char error[CIMAGE_ERROR_SIZE]) {
  if (cimage_png_decode_plain(bytes, count, pixels, pixel_count, info)) return CIMAGE_OK;
  *info = (cimage_info){.orientation = 1};
  return read_file(bytes, count, pixels, pixel_count, info, error);
}
