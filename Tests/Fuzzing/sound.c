// What libFuzzer runs over the reader of sound files. See Scripts/fuzz.
#include "../../Sources/CAudio/include/CAudio.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  char error[CAUDIO_ERROR_SIZE] = "";
  caudio_info info;
  if (caudio_read_info(bytes, count, &info, error) != 0) return 0;
  static float samples[4096];
  int64_t frames = 0;
  if (caudio_decode(bytes, count, samples, 4096, &frames, error) != 0 && !error[0]) abort();
  return 0;
}
