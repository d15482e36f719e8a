// JPEG by libjpeg itself and not by its turbojpeg interface, which gives no more than the text of the last warning: which warning
// it is decides whether the data is damaged.
//
// Every image gets a handle of its own: libjpeg keeps tables from one image to the next, and an image without its tables would
// be decoded with another one's instead of being refused.
#include "codec.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

// More scans than any encoder writes: a small progressive file could take hours.
static const int max_scans = 500;

typedef struct {
  struct jpeg_error_mgr manager;  // first: libjpeg hands out a pointer to it
  struct jpeg_decompress_struct jpeg;
  struct jpeg_progress_mgr progress;
  jmp_buf way_out;
  const uint8_t *bytes;  // the file
  size_t count;
  uint8_t *row;
  char *error;
  int status;
} codec;

static void leave(codec *state, int status) {
  state->status = status;
  longjmp(state->way_out, 1);
}

// What is said of the file's kind, and not of its state.
static int is_of_another_kind(int message) {
  switch (message) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
      return 1;
    default:
      return 0;
  }
}

static void on_error(j_common_ptr jpeg) {
  codec *state = (codec *)jpeg->err;
  char message[JMSG_LENGTH_MAX];
  state->manager.format_message(jpeg, message);
  snprintf(state->error, CIMAGE_ERROR_SIZE, "%s", message);
  int code = state->manager.msg_code;
  leave(state, code == JERR_OUT_OF_MEMORY ? CIMAGE_UNAVAILABLE : is_of_another_kind(code) ? CIMAGE_UNSUPPORTED : CIMAGE_DAMAGED);
}

// Whether bytes that libjpeg passed over belong to no pixel: it has just read past them, in the one buffer that holds the file.
//
// Before the first scan they are strays between segments, which cameras write. Behind data of a scan they are what a decoder that
// went astray did not use, unless an encoder filled up its buffer: with one value, or to the end of a word of four bytes with
// whatever stood there. Damage leaves some 50 bytes as a rule, and hardly ever fewer than 4.
static int are_strays(const struct jpeg_decompress_struct *jpeg) {
  const size_t most_strays = 3;
  if (jpeg->input_scan_number == 0) return 1;
  size_t count = (size_t)jpeg->err->msg_parm.i[0];
  if (count <= most_strays) return 1;
  const codec *state = (const codec *)jpeg->err;
  const uint8_t *end = jpeg->src->next_input_byte;
  if (end < state->bytes || end > state->bytes + state->count || count > (size_t)(end - state->bytes)) return 0;
  for (const uint8_t *byte = end - count; byte < end; byte++) {
    if (*byte != end[-1]) return 0;
  }
  return 1;
}

// Headers that are not as they should be, and stray bytes, change no pixel. All other warnings are about data that is missing or
// wrong.
static void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
      if (!are_strays((j_decompress_ptr)jpeg)) on_error(jpeg);
      return;
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      on_error(jpeg);
  }
}

static void on_progress(j_common_ptr jpeg) {
  codec *state = (codec *)jpeg->err;
  if (state->jpeg.input_scan_number <= max_scans) return;
  snprintf(state->error, CIMAGE_ERROR_SIZE, "more than %d scans", max_scans);
  leave(state, CIMAGE_DAMAGED);
}

// Orientation that the first EXIF segment gives.
static uint32_t orientation(const uint8_t *bytes, size_t count) {
  static const uint8_t mark[6] = "Exif\0";
  size_t at = 2;
  while (count - at >= 4) {
    // Stray bytes and fill bytes are passed.
    if (bytes[at] != 0xff || bytes[at + 1] == 0xff || bytes[at + 1] == 0) {
      at++;
      continue;
    }
    uint8_t marker = bytes[at + 1];
    if (marker == 0xda || marker == 0xd9) return 1;
    at += 2;
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];
    if (size < 2 || size > count - at) return 1;
    if (marker == 0xe1 && size >= 2 + sizeof mark && memcmp(bytes + at + 2, mark, sizeof mark) == 0) {
      return cimage_exif_orientation(bytes + at + 2 + sizeof mark, size - 2 - sizeof mark);
    }
    at += size;
  }
  return 1;
}

static void read_header(codec *state, const uint8_t *bytes, size_t count, cimage_info *info) {
  struct jpeg_decompress_struct *jpeg = &state->jpeg;
  jpeg_mem_src(jpeg, bytes, count);
  jpeg_read_header(jpeg, TRUE);
  switch (jpeg->num_components) {
    case 1:
      jpeg->out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      jpeg->out_color_space = JCS_RGB;
      break;
    case 4:
      jpeg->out_color_space = JCS_CMYK;
      info->traits |= CIMAGE_CMYK;
      break;
    default:
      snprintf(state->error, CIMAGE_ERROR_SIZE, "%d components; 1, 3 and 4 are read", jpeg->num_components);
      leave(state, CIMAGE_UNSUPPORTED);
  }
  info->width = jpeg->image_width;
  info->height = jpeg->image_height;
  info->channels = jpeg->num_components == 1 ? 1 : 3;
  info->orientation = orientation(bytes, count);
}

static void read_pixels(codec *state, uint8_t *pixels, size_t pixel_count, cimage_info *info) {
  struct jpeg_decompress_struct *jpeg = &state->jpeg;
  if (!cimage_has_size(info, pixel_count)) leave(state, cimage_wrong_size(state->error));
  state->progress.progress_monitor = on_progress;
  jpeg->progress = &state->progress;
  jpeg_start_decompress(jpeg);
  size_t stride = (size_t)info->width * info->channels;
  if (info->traits & CIMAGE_CMYK) {
    state->row = malloc((size_t)info->width * 4);
    if (!state->row) leave(state, cimage_no_memory(state->error));
  }
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *out = pixels + jpeg->output_scanline * stride;
    JSAMPROW row = state->row ? state->row : out;
    if (jpeg_read_scanlines(jpeg, &row, 1) != 1) leave(state, cimage_fail(CIMAGE_DAMAGED, state->error, "it ends too early"));
    if (!state->row) continue;
    // Files with four components come from Adobe's programs, or follow them: 255 is no ink.
    for (size_t x = 0; x < info->width; x++) {
      const uint8_t *inks = state->row + 4 * x;
      cimage_cmyk_to_rgb(255 - inks[0], 255 - inks[1], 255 - inks[2], 255 - inks[3], out + 3 * x);
    }
  }
  jpeg_finish_decompress(jpeg);
}

// Reads the header, and the pixels where there is a place for them.
static int read_file(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                     char error[CIMAGE_ERROR_SIZE]) {
  codec state = {.bytes = bytes, .count = count, .error = error};
  state.jpeg.err = jpeg_std_error(&state.manager);
  state.manager.error_exit = on_error;
  state.manager.emit_message = on_message;
  if (setjmp(state.way_out) == 0) {
    jpeg_create_decompress(&state.jpeg);
    read_header(&state, bytes, count, info);
    if (pixels) read_pixels(&state, pixels, pixel_count, info);
  }
  jpeg_destroy_decompress(&state.jpeg);
  free(state.row);
  return state.status;
}

int cimage_jpeg_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  return read_file(bytes, count, NULL, 0, info, error);
}

int cimage_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  return read_file(bytes, count, pixels, pixel_count, info, error);
}
