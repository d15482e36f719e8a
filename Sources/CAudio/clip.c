#include "CAudio.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A file in memory, as libsndfile reads it.
typedef struct {
  const uint8_t *bytes;
  sf_count_t count;
  sf_count_t position;
} memory_file;

static sf_count_t memory_size(void *user) { return ((memory_file *)user)->count; }

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user) {
  memory_file *file = user;
  sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->position : file->count;
  if (offset < -base || offset > file->count - base) return -1;
  return file->position = base + offset;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *user) {
  memory_file *file = user;
  sf_count_t left = file->count - file->position;
  if (count > left) count = left;
  if (count <= 0) return 0;
  memcpy(out, file->bytes + file->position, (size_t)count);
  file->position += count;
  return count;
}

static sf_count_t memory_tell(void *user) { return ((memory_file *)user)->position; }

static int fail(char error[CAUDIO_ERROR_SIZE], const char *sentence) {
  snprintf(error, CAUDIO_ERROR_SIZE, "%s", sentence);
  return CAUDIO_DAMAGED;
}

// libsndfile and the codecs that it brings take 4 ms to load, as long as the start of the program itself: that is for those who read sound.
static struct {
  __typeof__(sf_open_virtual) *open_virtual;
  __typeof__(sf_readf_float) *readf_float;
  __typeof__(sf_error) *error;
  __typeof__(sf_strerror) *strerror;
  __typeof__(sf_close) *close;
  char problem[CAUDIO_ERROR_SIZE];
} library;

static void load(void) {
  void *handle = dlopen("libsndfile.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle) {
    library.open_virtual = (__typeof__(sf_open_virtual) *)dlsym(handle, "sf_open_virtual");
    library.readf_float = (__typeof__(sf_readf_float) *)dlsym(handle, "sf_readf_float");
    library.error = (__typeof__(sf_error) *)dlsym(handle, "sf_error");
    library.strerror = (__typeof__(sf_strerror) *)dlsym(handle, "sf_strerror");
    library.close = (__typeof__(sf_close) *)dlsym(handle, "sf_close");
    if (library.open_virtual && library.readf_float && library.error && library.strerror && library.close) return;
  }
  const char *reason = dlerror();
  snprintf(library.problem, sizeof library.problem, "sound needs libsndfile (Debian's libsndfile1): %s",
           reason ? reason : "it lacks a function");
}

static int unavailable(char error[CAUDIO_ERROR_SIZE], const char *sentence) {
  fail(error, sentence);
  return CAUDIO_UNAVAILABLE;
}

static int need_library(char error[CAUDIO_ERROR_SIZE]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return library.problem[0] ? unavailable(error, library.problem) : CAUDIO_OK;
}

static uint64_t number(const uint8_t *bytes, int size, int is_big_endian) {
  uint64_t value = 0;
  for (int i = 0; i < size; i++) value |= (uint64_t)bytes[i] << 8 * (is_big_endian ? size - 1 - i : i);
  return value;
}

// Sizes from here on are what programs write into a pipe, where they cannot come back to write the true one: sox 0x7ffff000, others
// 0x7fffffff or all ones. No file that is read is so large.
#define UNKNOWN_SIZE 0x7ffff000u

// libsndfile takes what there is of a WAV file that was cut. A size of 0 is that of a program which did not know it, too.
// RIFX files are big-endian, and RF64 files have the size of large data in a chunk of its own.
static int check_size(const uint8_t *bytes, size_t count, char error[CAUDIO_ERROR_SIZE]) {
  if (count < 12) return CAUDIO_OK;
  int is_big_endian = memcmp(bytes, "RIFX", 4) == 0, is_rf64 = memcmp(bytes, "RF64", 4) == 0;
  if (!is_big_endian && !is_rf64 && memcmp(bytes, "RIFF", 4) != 0) return CAUDIO_OK;
  uint64_t large_size = 0;
  size_t position = 12;
  while (position + 8 <= count) {
    const uint8_t *chunk = bytes + position;
    uint64_t size = number(chunk + 4, 4, is_big_endian);
    size_t left = count - position - 8;
    if (memcmp(chunk, "data", 4) == 0) {
      if (size == UINT32_MAX && is_rf64) size = large_size;
      else if (size >= UNKNOWN_SIZE) size = 0;
      if (size == 0 || size == UINT64_MAX || size <= left) return CAUDIO_OK;
      snprintf(error, CAUDIO_ERROR_SIZE, "it is cut short: its header announces %llu bytes of samples, and %zu are there",
               (unsigned long long)size, left);
      return CAUDIO_DAMAGED;
    }
    if (size > left) break;
    // The size of the file, that of the data, and others.
    if (is_rf64 && memcmp(chunk, "ds64", 4) == 0 && size >= 16) large_size = number(chunk + 16, 8, 0);
    position += 8 + (size_t)size + (size & 1);
  }
  return CAUDIO_OK;
}

static int open_file(memory_file *file, SNDFILE **sound, SF_INFO *info, char error[CAUDIO_ERROR_SIZE]) {
  static SF_VIRTUAL_IO functions = {memory_size, memory_seek, memory_read, NULL, memory_tell};
  int status = need_library(error);
  if (status == CAUDIO_OK) status = check_size(file->bytes, (size_t)file->count, error);
  if (status != CAUDIO_OK) return status;
  memset(info, 0, sizeof *info);
  *sound = library.open_virtual(&functions, SFM_READ, info, file);
  if (!*sound) return fail(error, library.strerror(NULL));
  const char *problem = NULL;
  switch (info->format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
    case SF_FORMAT_FLAC:
      if (info->samplerate <= 0 || info->channels <= 0) problem = "its header has no sample rate or no channel";
      break;
    default:
      problem = "neither a WAV nor a FLAC file";
  }
  if (!problem) return CAUDIO_OK;
  library.close(*sound);
  return fail(error, problem);
}

static int64_t known_frames(const SF_INFO *info) { return info->frames == SF_COUNT_MAX ? -1 : info->frames; }

int caudio_read_info(const uint8_t *bytes, size_t count, caudio_info *info, char error[CAUDIO_ERROR_SIZE]) {
  memory_file file = {bytes, (sf_count_t)count, 0};
  SF_INFO found;
  SNDFILE *sound;
  int status = open_file(&file, &sound, &found, error);
  if (status != CAUDIO_OK) return status;
  library.close(sound);
  info->sample_rate = (uint32_t)found.samplerate;
  info->channels = (uint32_t)found.channels;
  info->frames = known_frames(&found);
  return CAUDIO_OK;
}

// Keeps the mean of the channels of as many frames as are wanted.
static int keep(const float *in, sf_count_t frames, int channels, float *samples, char error[CAUDIO_ERROR_SIZE]) {
  for (sf_count_t frame = 0; frame < frames; frame++) {
    float sum = 0;
    for (int channel = 0; channel < channels; channel++) sum += in[frame * channels + channel];
    if (!isfinite(sum)) return fail(error, "it contains NaN or infinity");
    samples[frame] = sum / (float)channels;
  }
  return CAUDIO_OK;
}

int caudio_decode(const uint8_t *bytes, size_t count, float *samples, size_t wanted, int64_t *frames,
                  char error[CAUDIO_ERROR_SIZE]) {
  enum { chunk = 4096 };
  memory_file file = {bytes, (sf_count_t)count, 0};
  SF_INFO info;
  SNDFILE *sound;
  int status = open_file(&file, &sound, &info, error);
  if (status != CAUDIO_OK) return status;
  memset(samples, 0, wanted * sizeof *samples);
  float *buffer = malloc(sizeof *buffer * chunk * (size_t)info.channels);
  if (!buffer) status = unavailable(error, "out of memory");
  sf_count_t total = 0;
  while (status == CAUDIO_OK) {
    sf_count_t read = library.readf_float(sound, buffer, chunk);
    if (read <= 0) break;
    sf_count_t left = (sf_count_t)wanted - total;
    if (left > 0) status = keep(buffer, read < left ? read : left, info.channels, samples + total, error);
    total += read;
  }
  if (status == CAUDIO_OK && library.error(sound) != SF_ERR_NO_ERROR) status = fail(error, library.strerror(sound));
  if (status == CAUDIO_OK && known_frames(&info) >= 0 && total != info.frames) {
    snprintf(error, CAUDIO_ERROR_SIZE, "it is cut short or damaged: its header announces %lld samples, and %lld can be read",
             (long long)info.frames, (long long)total);
    status = CAUDIO_DAMAGED;
  }
  free(buffer);
  library.close(sound);
  *frames = total;
  return status;
}
