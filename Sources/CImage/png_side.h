// What stands in a PNG file beside its pixels.
#ifndef CIMAGE_PNG_SIDE_H
#define CIMAGE_PNG_SIDE_H

#include "CImage.h"

/// Looks at all chunks but those of the pixels. Adds CIMAGE_SIDE_DATA and CIMAGE_SEVERAL to the traits where some reader may refuse the
/// file, or show another image than the one in IDAT, and sets the orientation from eXIf.
void cimage_png_look_aside(const uint8_t *bytes, size_t count, cimage_info *info);

#endif
