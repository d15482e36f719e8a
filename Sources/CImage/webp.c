// WebP by libwebp; the first frame of an animation by libwebpdemux, on a transparent ground.
#include "library.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#define FUNCTION(name) __typeof__(name) *name
static struct {
  FUNCTION(WebPGetFeaturesInternal);
  FUNCTION(WebPDecodeRGBInto);
  FUNCTION(WebPAnimDecoderOptionsInitInternal);
  FUNCTION(WebPAnimDecoderNewInternal);
  FUNCTION(WebPAnimDecoderGetNext);
  FUNCTION(WebPAnimDecoderDelete);
  char problem[CIMAGE_ERROR_SIZE];
} library;

static void load(void) {
#define SYMBOL(name) {(void **)&library.name, #name}
  static const cimage_symbol decoder[] = {SYMBOL(WebPGetFeaturesInternal), SYMBOL(WebPDecodeRGBInto)};
  static const cimage_symbol demuxer[] = {SYMBOL(WebPAnimDecoderOptionsInitInternal), SYMBOL(WebPAnimDecoderNewInternal),
                                          SYMBOL(WebPAnimDecoderGetNext), SYMBOL(WebPAnimDecoderDelete)};
  if (!cimage_load("libwebp.so.7", "libwebp7", decoder, sizeof decoder / sizeof *decoder, library.problem)) return;
  cimage_load("libwebpdemux.so.2", "libwebpdemux2", demuxer, sizeof demuxer / sizeof *demuxer, library.problem);
}

static int loaded(char error[CIMAGE_ERROR_SIZE]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (library.problem[0]) cimage_fail(CIMAGE_UNAVAILABLE, error, "%s", library.problem);
  return !library.problem[0];
}

static uint32_t get_u32(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

// Orientation that the EXIF chunk gives.
static uint32_t orientation(const uint8_t *bytes, size_t count) {
  size_t at = 12;
  while (count > at && count - at >= 8) {
    size_t size = get_u32(bytes + at + 4);
    const uint8_t *data = bytes + at + 8;
    if (size > count - at - 8) return 1;
    if (memcmp(bytes + at, "EXIF", 4) == 0) {
      // Some programs write JPEG's mark in front.
      int is_marked = size >= 6 && memcmp(data, "Exif\0", 6) == 0;
      return cimage_exif_orientation(data + 6 * is_marked, size - 6 * (size_t)is_marked);
    }
    at += 8 + size + (size & 1);
  }
  return 1;
}

static int read_header(const uint8_t *bytes, size_t count, WebPBitstreamFeatures *features, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  if (!loaded(error)) return CIMAGE_UNAVAILABLE;
  VP8StatusCode status = library.WebPGetFeaturesInternal(bytes, count, features, WEBP_DECODER_ABI_VERSION);
  switch (status) {
    case VP8_STATUS_OK:
      break;
    case VP8_STATUS_OUT_OF_MEMORY:
      return cimage_no_memory(error);
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return cimage_fail(CIMAGE_DAMAGED, error, "it ends in the middle of the image");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return cimage_fail(CIMAGE_UNSUPPORTED, error, "a feature that libwebp does not know");
    default:
      return cimage_fail(CIMAGE_DAMAGED, error, "its header is invalid");
  }
  info->width = (uint32_t)features->width;
  info->height = (uint32_t)features->height;
  info->channels = 3;
  if (features->has_alpha) info->traits |= CIMAGE_ALPHA;
  if (features->has_animation) info->traits |= CIMAGE_SEVERAL;
  info->orientation = orientation(bytes, count);
  return CIMAGE_OK;
}

int cimage_webp_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  WebPBitstreamFeatures features;
  return read_header(bytes, count, &features, info, error);
}

static int decode_first_frame(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t area,
                              char error[CIMAGE_ERROR_SIZE]) {
  WebPAnimDecoderOptions options;
  WebPData data = {bytes, count};
  if (!library.WebPAnimDecoderOptionsInitInternal(&options, WEBP_DEMUX_ABI_VERSION)) {
    return cimage_fail(CIMAGE_UNAVAILABLE, error, "libwebpdemux is of another version");
  }
  WebPAnimDecoder *decoder = library.WebPAnimDecoderNewInternal(&data, &options, WEBP_DEMUX_ABI_VERSION);
  if (!decoder) return cimage_fail(CIMAGE_DAMAGED, error, "its frames are invalid");
  uint8_t *frame = NULL;
  int time = 0, is_read = library.WebPAnimDecoderGetNext(decoder, &frame, &time);
  for (size_t i = 0; is_read && i < area; i++) memcpy(pixels + 3 * i, frame + 4 * i, 3);
  library.WebPAnimDecoderDelete(decoder);
  return is_read ? CIMAGE_OK : cimage_fail(CIMAGE_DAMAGED, error, "its first frame is invalid, or it ends too early");
}

int cimage_webp_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  WebPBitstreamFeatures features;
  int status = read_header(bytes, count, &features, info, error);
  if (status != CIMAGE_OK) return status;
  if (!cimage_has_size(info, pixel_count)) return cimage_wrong_size(error);
  if (features.has_animation) return decode_first_frame(bytes, count, pixels, pixel_count / 3, error);
  if (library.WebPDecodeRGBInto(bytes, count, pixels, pixel_count, (int)info->width * 3)) return CIMAGE_OK;
  return cimage_fail(CIMAGE_DAMAGED, error, "its data is invalid, or ends too early");
}
