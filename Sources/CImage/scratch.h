// What a thread keeps from one image to the next: what libdeflate allocates for a call takes as long as compressing a small
// image. It holds no result, and goes with its thread.
#ifndef CIMAGE_SCRATCH_H
#define CIMAGE_SCRATCH_H

#include <libdeflate.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  struct libdeflate_compressor *compressor;
  int level;  // of the compressor
  struct libdeflate_decompressor *decompressor;
  uint8_t *bytes;
  size_t capacity;
} cimage_scratch;

/// Bytes that a thread keeps at most.
#define CIMAGE_SCRATCH_KEPT ((size_t)4 << 20)

/// The calling thread's; null when there is no memory.
cimage_scratch *cimage_thread_scratch(void);
/// `count` bytes, whose content is lost with the next call; null when there is no memory.
uint8_t *cimage_scratch_bytes(cimage_scratch *scratch, size_t count);
/// Gives back what only a very large image needs.
void cimage_scratch_trim(cimage_scratch *scratch);
/// Null when there is no memory.
struct libdeflate_compressor *cimage_scratch_compressor(cimage_scratch *scratch, int level);
struct libdeflate_decompressor *cimage_scratch_decompressor(cimage_scratch *scratch);

#endif
