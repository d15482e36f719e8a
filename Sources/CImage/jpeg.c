// Every image gets a handle of its own: libjpeg keeps tables from one image to the next, and an image without its tables would
// be decoded with another one's instead of being refused.
#include "CImage.h"

#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

static int fail(tjhandle handle, char error[CIMAGE_ERROR_SIZE]) {
  snprintf(error, CIMAGE_ERROR_SIZE, "%s", handle ? tjGetErrorStr2(handle) : "out of memory");
  return 1;
}

static int read_header(tjhandle handle, const uint8_t *bytes, size_t count, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  int width = 0, height = 0, subsampling = 0, colour = 0;
  if (!handle || tjDecompressHeader3(handle, bytes, count, &width, &height, &subsampling, &colour) != 0) {
    return fail(handle, error);
  }
  if (colour == TJCS_CMYK || colour == TJCS_YCCK) {
    snprintf(error, CIMAGE_ERROR_SIZE, "a CMYK image; only grey and RGB ones are read");
    return 1;
  }
  info->width = (uint32_t)width;
  info->height = (uint32_t)height;
  info->channels = colour == TJCS_GRAY ? 1 : 3;
  return 0;
}

int cimage_jpeg_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  tjhandle handle = tjInitDecompress();
  int failed = read_header(handle, bytes, count, info, error);
  if (handle) tjDestroy(handle);
  return failed;
}

int cimage_jpeg_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count,
                       char error[CIMAGE_ERROR_SIZE]) {
  tjhandle handle = tjInitDecompress();
  cimage_info info;
  int failed = read_header(handle, bytes, count, &info, error);
  if (!failed && (size_t)info.width * info.height * info.channels != pixel_count) {
    snprintf(error, CIMAGE_ERROR_SIZE, "the image's size is not the announced one");
    failed = 1;
  }
  if (!failed) {
    int format = info.channels == 3 ? TJPF_RGB : TJPF_GRAY;
    // The limit on scans stops a small progressive file from taking hours.
    int flags = TJFLAG_LIMITSCANS;
    if (tjDecompress2(handle, bytes, count, pixels, (int)info.width, 0, (int)info.height, format,
                      flags | TJFLAG_STOPONWARNING) != 0) {
      if (strstr(tjGetErrorStr2(handle), "extraneous bytes before marker") == NULL) {
        failed = fail(handle, error);
      } else if (tjDecompress2(handle, bytes, count, pixels, (int)info.width, 0, (int)info.height, format, flags) != 0 &&
                 strstr(tjGetErrorStr2(handle), "extraneous bytes before marker") == NULL) {
        failed = fail(handle, error);
      }
    }
  }
  if (handle) tjDestroy(handle);
  return failed;
}
