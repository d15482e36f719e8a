// Samples out of WAV and FLAC files, by libsndfile; Fourier transforms, by kissfft.
//
// Functions that can fail return CAUDIO_OK on success; otherwise they leave a NUL-terminated sentence in `error`.
#ifndef CAUDIO_H
#define CAUDIO_H

#include <stddef.h>
#include <stdint.h>

#define CAUDIO_ERROR_SIZE 256

#define CAUDIO_OK 0
/// The file is damaged or none that is read.
#define CAUDIO_DAMAGED 1
/// This machine lacks the library, or memory; the file may be whole.
#define CAUDIO_UNAVAILABLE 2

/// What the header of a file says.
typedef struct {
  uint32_t sample_rate;  // hertz
  uint32_t channels;
  int64_t frames;  // samples of each channel; -1 where a FLAC file does not say
} caudio_info;

/// Reads the header; a WAV, RIFX or RF64 file that is shorter than its header says is an error.
int caudio_read_info(const uint8_t *bytes, size_t count, caudio_info *info, char error[CAUDIO_ERROR_SIZE]);
/// Decodes the whole file, so that damage anywhere in it is found, and keeps the first `wanted` frames: the mean of the channels,
/// full scale 1, zeros after the end. `*frames` is how many frames the file has.
int caudio_decode(const uint8_t *bytes, size_t count, float *samples, size_t wanted, int64_t *frames,
                  char error[CAUDIO_ERROR_SIZE]);

/// What a transform of one length needs; never changed, so that several threads may use one.
typedef struct caudio_transform caudio_transform;

/// A transform of `length` complex values; NULL without memory.
caudio_transform *caudio_transform_make(size_t length);
void caudio_transform_free(caudio_transform *transform);
/// out[k] = sum over j of in[j] exp(-2 pi i j k / length); real and imaginary parts alternate, and `in` is not `out`.
void caudio_transform_apply(const caudio_transform *transform, const float *in, float *out);

#endif
