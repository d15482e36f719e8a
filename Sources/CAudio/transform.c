#include "CAudio.h"

#include <kissfft/kiss_fft.h>

_Static_assert(sizeof(kiss_fft_cpx) == 2 * sizeof(float), "kissfft is built for another type than float");

caudio_transform *caudio_transform_make(size_t length) {
  return (caudio_transform *)kiss_fft_alloc((int)length, 0, NULL, NULL);
}

void caudio_transform_free(caudio_transform *transform) { kiss_fft_free(transform); }

void caudio_transform_apply(const caudio_transform *transform, const float *in, float *out) {
  kiss_fft((kiss_fft_cfg)transform, (const kiss_fft_cpx *)in, (kiss_fft_cpx *)out);
}
