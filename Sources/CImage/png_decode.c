#include "CImage.h"
#include "png_plain.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
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
  char *error;
} codec;

static void on_error(png_structp png, png_const_charp message) {
  codec *state = png_get_error_ptr(png);
  snprintf(state->error, CIMAGE_ERROR_SIZE, "%s", message);
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep into, size_t wanted) {
  codec *state = png_get_io_ptr(png);
  if (state->count - state->position < wanted) png_error(png, "the file ends in the middle of the image");
  memcpy(into, state->bytes + state->position, wanted);
  state->position += wanted;
}

// Reads up to the first image data and fixes the conversions, so that rows come out as 8-bit grey or RGB.
static void read_header(codec *state, cimage_info *info) {
  png_structp png = state->png;
  // An ancillary chunk (a text, a colour profile) may not claim more memory than this.
  png_set_chunk_malloc_max(png, 8 << 20);
  png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
  png_set_read_fn(png, state, read_bytes);
  png_read_info(png, state->info);
  int colour = png_get_color_type(png, state->info);
  int depth = png_get_bit_depth(png, state->info);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (depth == 16) png_set_scale_16(png);
  png_set_strip_alpha(png);
  info->width = png_get_image_width(png, state->info);
  info->height = png_get_image_height(png, state->info);
  info->channels = (colour & PNG_COLOR_MASK_COLOR) ? 3 : 1;
}

static int begin_reading(codec *state) {
  state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, state, on_error, on_warning);
  if (!state->png) return 1;
  state->info = png_create_info_struct(state->png);
  return state->info ? 0 : 1;
}

static void end_reading(codec *state) {
  png_destroy_read_struct(&state->png, state->info ? &state->info : NULL, NULL);
  free(state->rows);
}

int cimage_png_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  if (cimage_png_info_plain(bytes, count, info)) return 0;
  codec state = {.bytes = bytes, .count = count, .error = error};
  snprintf(error, CIMAGE_ERROR_SIZE, "out of memory");
  int failed = begin_reading(&state);
  if (!failed) {
    if (setjmp(png_jmpbuf(state.png)) == 0) {
      read_header(&state, info);
    } else {
      failed = 1;
    }
  }
  end_reading(&state);
  return failed;
}

static void read_pixels(codec *state, uint8_t *pixels, size_t pixel_count) {
  cimage_info info;
  read_header(state, &info);
  size_t stride = (size_t)info.width * info.channels;
  if (stride * info.height != pixel_count) png_error(state->png, "the image's size is not the announced one");
  png_set_interlace_handling(state->png);
  png_read_update_info(state->png, state->info);
  if (png_get_rowbytes(state->png, state->info) != stride) png_error(state->png, "an unknown kind of pixels");
  state->rows = malloc(info.height * sizeof(png_bytep));
  if (!state->rows) png_error(state->png, "out of memory");
  for (size_t row = 0; row < info.height; row++) state->rows[row] = pixels + row * stride;
  png_read_image(state->png, state->rows);
  png_read_end(state->png, NULL);
}

int cimage_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                      char error[CIMAGE_ERROR_SIZE]) {
  if (cimage_png_decode_plain(bytes, count, pixels, pixel_count)) return 0;
  codec state = {.bytes = bytes, .count = count, .error = error};
  snprintf(error, CIMAGE_ERROR_SIZE, "out of memory");
  int failed = begin_reading(&state);
  if (!failed) {
    if (setjmp(png_jmpbuf(state.png)) == 0) {
      read_pixels(&state, pixels, pixel_count);
    } else {
      failed = 1;
    }
  }
  end_reading(&state);
  return failed;
}
