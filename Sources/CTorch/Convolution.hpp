// 3 × 3 convolutions with fewer multiplications than the library's.
#pragma once

#include <ATen/ATen.h>

#include "CTorch.h"

namespace ct {

/// The convolution with stride 1 and padding 1 by Winograd's F(4 × 4, 3 × 3), all arithmetic in float32; the result is in memory
/// order n, h, w, c. Its gradients of every order with respect to x and weight are computed the same way. An image's result depends neither on the batch around it nor on the number of threads.
at::Tensor convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                          CTInstructions instructions);

/// NULL if `convolution3x3` takes these arguments, else what it expects.
const char *takes_convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

/// Whether a convolution is one that `convolution3x3` computes, and in less than two thirds of the library's time. Whatever the
/// answer depends on, the number of images is not in it.
bool gains_from_convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                               at::IntArrayRef stride, at::IntArrayRef padding, int64_t groups);

}  // namespace ct
