#include "scratch.h"

#include <pthread.h>
#include <stdlib.h>

static const size_t kept = CIMAGE_SCRATCH_KEPT;
static pthread_key_t key;
static int has_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void destroy(void *pointer) {
  cimage_scratch *scratch = pointer;
  libdeflate_free_compressor(scratch->compressor);
  libdeflate_free_decompressor(scratch->decompressor);
  free(scratch->bytes);
  free(scratch);
}

static void make_key(void) { has_key = pthread_key_create(&key, destroy) == 0; }

cimage_scratch *cimage_thread_scratch(void) {
  pthread_once(&once, make_key);
  if (!has_key) return NULL;
  cimage_scratch *scratch = pthread_getspecific(key);
  if (scratch) return scratch;
  scratch = calloc(1, sizeof *scratch);
  if (scratch && pthread_setspecific(key, scratch) != 0) {
    free(scratch);
    return NULL;
  }
  return scratch;
}

uint8_t *cimage_scratch_bytes(cimage_scratch *scratch, size_t count) {
  if (scratch->capacity < count) {
    free(scratch->bytes);
    scratch->bytes = malloc(count);
    scratch->capacity = scratch->bytes ? count : 0;
  }
  return scratch->bytes;
}

void cimage_scratch_trim(cimage_scratch *scratch) {
  if (scratch->capacity <= kept) return;
  free(scratch->bytes);
  scratch->bytes = NULL;
  scratch->capacity = 0;
}

struct libdeflate_compressor *cimage_scratch_compressor(cimage_scratch *scratch, int level) {
  if (scratch->compressor && scratch->level == level) return scratch->compressor;
  libdeflate_free_compressor(scratch->compressor);
  scratch->compressor = libdeflate_alloc_compressor(level);
  scratch->level = level;
  return scratch->compressor;
}

struct libdeflate_decompressor *cimage_scratch_decompressor(cimage_scratch *scratch) {
  if (!scratch->decompressor) scratch->decompressor = libdeflate_alloc_decompressor();
  return scratch->decompressor;
}
