// What libFuzzer runs over the reader of EXIF data. See Scripts/fuzz.
#include <stdlib.h>

#include "../../Sources/CImage/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  if (cimage_exif_orientation(bytes, count) - 1 > 7) abort();
  return 0;
}
