// The first frame of a GIF file by giflib, as browsers and Pillow show it, but for transparency: where the frame leaves the screen
// free, or is transparent, the colour with the transparent number stands, or number 0.
#include "library.h"
#include "palette.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

#define FUNCTION(name) __typeof__(name) *name
static struct {
  FUNCTION(DGifOpen);
  FUNCTION(DGifCloseFile);
  FUNCTION(DGifGetRecordType);
  FUNCTION(DGifGetImageDesc);
  FUNCTION(DGifGetLine);
  FUNCTION(DGifGetExtension);
  FUNCTION(DGifGetExtensionNext);
  FUNCTION(GifErrorString);
  char problem[CIMAGE_ERROR_SIZE];
} library;

static void load(void) {
#define SYMBOL(name) {(void **)&library.name, #name}
  static const cimage_symbol symbols[] = {
      SYMBOL(DGifOpen),    SYMBOL(DGifCloseFile),    SYMBOL(DGifGetRecordType),    SYMBOL(DGifGetImageDesc),
      SYMBOL(DGifGetLine), SYMBOL(DGifGetExtension), SYMBOL(DGifGetExtensionNext), SYMBOL(GifErrorString)};
  cimage_load("libgif.so.7", "libgif7", symbols, sizeof symbols / sizeof *symbols, library.problem);
}

static int loaded(char error[CIMAGE_ERROR_SIZE]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (library.problem[0]) cimage_fail(CIMAGE_UNAVAILABLE, error, "%s", library.problem);
  return !library.problem[0];
}

typedef struct {
  const uint8_t *bytes;
  size_t left;
} memory_file;

static int read_bytes(GifFileType *gif, GifByteType *into, int wanted) {
  memory_file *file = gif->UserData;
  size_t size = wanted < 0 ? 0 : (size_t)wanted < file->left ? (size_t)wanted : file->left;
  memcpy(into, file->bytes, size);
  file->bytes += size;
  file->left -= size;
  return (int)size;
}

static int damaged(int code, char error[CIMAGE_ERROR_SIZE]) {
  const char *sentence = library.GifErrorString(code);
  int is_memory = code == D_GIF_ERR_NOT_ENOUGH_MEM;
  return cimage_fail(is_memory ? CIMAGE_UNAVAILABLE : CIMAGE_DAMAGED, error, "%s", sentence ? sentence : "it is invalid");
}

// Goes to the next image; `*transparent` is the number that an extension before it makes transparent. 1 where there is one, 0 at the
// end, -1 where the file is damaged.
static int next_image(GifFileType *gif, int *transparent) {
  GifRecordType record;
  while (library.DGifGetRecordType(gif, &record) == GIF_OK && record != TERMINATE_RECORD_TYPE) {
    if (record == IMAGE_DESC_RECORD_TYPE) return 1;
    int kind = 0;
    GifByteType *block = NULL;
    if (record != EXTENSION_RECORD_TYPE || library.DGifGetExtension(gif, &kind, &block) != GIF_OK) return -1;
    if (block && kind == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4) *transparent = block[1] & 1 ? block[4] : -1;
    while (block) {
      if (library.DGifGetExtensionNext(gif, &block) != GIF_OK) return -1;
    }
  }
  return gif->Error ? -1 : 0;
}

static int read_header(GifFileType *gif, cimage_palette *palette, int *transparent, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  *transparent = -1;
  switch (next_image(gif, transparent)) {
    case 1:
      if (library.DGifGetImageDesc(gif) == GIF_OK) break;
      return damaged(gif->Error, error);
    case 0:
      return cimage_fail(CIMAGE_DAMAGED, error, "it holds no image");
    default:
      return damaged(gif->Error, error);
  }
  const GifImageDesc *frame = &gif->Image;
  const ColorMapObject *map = frame->ColorMap ? frame->ColorMap : gif->SColorMap;
  palette->count = map ? (uint32_t)map->ColorCount : 256;
  for (uint32_t i = 0; i < palette->count && i < 256; i++) {
    // A file without colours leaves them to the reader, who takes greys.
    const uint8_t grey = (uint8_t)i;
    const GifColorType *colour = map ? &map->Colors[i] : NULL;
    const uint8_t rgb[3] = {colour ? colour->Red : grey, colour ? colour->Green : grey, colour ? colour->Blue : grey};
    memcpy(palette->colours[i], rgb, sizeof rgb);
  }
  // Frames that stand over enlarge the screen.
  uint32_t right = (uint32_t)frame->Left + (uint32_t)frame->Width, bottom = (uint32_t)frame->Top + (uint32_t)frame->Height;
  info->width = (uint32_t)gif->SWidth > right ? (uint32_t)gif->SWidth : right;
  info->height = (uint32_t)gif->SHeight > bottom ? (uint32_t)gif->SHeight : bottom;
  info->channels = cimage_palette_channels(palette);
  info->traits = CIMAGE_PALETTE | (*transparent >= 0 ? CIMAGE_ALPHA : 0);
  return CIMAGE_OK;
}

// Reads the frame's numbers into the first third, or all, of each row of pixels.
static int read_frame(GifFileType *gif, int ground, const cimage_info *info, uint8_t *pixels,
                      char error[CIMAGE_ERROR_SIZE]) {
  static const struct {
    int first, step;
  } interlaced[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}}, straight[] = {{0, 1}};
  const GifImageDesc *frame = &gif->Image;
  size_t stride = (size_t)info->width * info->channels;
  for (size_t y = 0; y < info->height; y++) memset(pixels + y * stride, ground, info->width);
  for (int pass = 0; pass < (frame->Interlace ? 4 : 1); pass++) {
    int step = frame->Interlace ? interlaced[pass].step : straight[pass].step;
    for (int y = frame->Interlace ? interlaced[pass].first : 0; y < frame->Height; y += step) {
      uint8_t *row = pixels + (size_t)(frame->Top + y) * stride + (size_t)frame->Left;
      if (library.DGifGetLine(gif, row, frame->Width) != GIF_OK) return damaged(gif->Error, error);
    }
  }
  return CIMAGE_OK;
}

static int read_pixels(GifFileType *gif, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                       char error[CIMAGE_ERROR_SIZE]) {
  cimage_palette palette;
  int transparent = -1;
  int status = read_header(gif, &palette, &transparent, info, error);
  if (status != CIMAGE_OK) return status;
  if (!cimage_has_size(info, pixel_count)) return cimage_wrong_size(error);
  status = read_frame(gif, transparent < 0 ? 0 : transparent, info, pixels, error);
  size_t stride = (size_t)info->width * info->channels;
  for (size_t y = 0; status == CIMAGE_OK && y < info->height; y++) {
    uint8_t *row = pixels + y * stride;
    if (!cimage_palette_expand(&palette, row, info->width, info->channels, row)) {
      return cimage_fail(CIMAGE_DAMAGED, error, "a pixel has a colour that is not in the palette");
    }
  }
  if (status == CIMAGE_OK && next_image(gif, &transparent) == 1) info->traits |= CIMAGE_SEVERAL;
  return status;
}

static GifFileType *open_file(memory_file *file, char error[CIMAGE_ERROR_SIZE]) {
  if (!loaded(error)) return NULL;
  int code = 0;
  GifFileType *gif = library.DGifOpen(file, read_bytes, &code);
  if (!gif) damaged(code, error);
  return gif;
}

int cimage_gif_info(const uint8_t *bytes, size_t count, cimage_info *info, char error[CIMAGE_ERROR_SIZE]) {
  memory_file file = {bytes, count};
  GifFileType *gif = open_file(&file, error);
  if (!gif) return library.problem[0] ? CIMAGE_UNAVAILABLE : CIMAGE_DAMAGED;
  cimage_palette palette;
  int transparent = -1, status = read_header(gif, &palette, &transparent, info, error);
  library.DGifCloseFile(gif, NULL);
  return status;
}

int cimage_gif_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, size_t pixel_count, cimage_info *info,
                      char error[CIMAGE_ERROR_SIZE]) {
  memory_file file = {bytes, count};
  GifFileType *gif = open_file(&file, error);
  if (!gif) return library.problem[0] ? CIMAGE_UNAVAILABLE : CIMAGE_DAMAGED;
  int status = read_pixels(gif, pixels, pixel_count, info, error);
  library.DGifCloseFile(gif, NULL);
  return status;
}
