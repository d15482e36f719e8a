// A whole block of a convolutional network as one operation.
#pragma once

#include <ATen/ATen.h>

#include "CTorch.h"

namespace ct {

/// norm_relu_pool(convolution(x, weight (outputs, c, 3, 3), bias, stride 1), γ, β), as `type`. Up to four input channels on the CPU go
/// through one kernel, which reads x and weight in float32 and does not keep the convolution; all else is the two
/// operations one after the other, in `type`.
at::Tensor convolution_norm_relu_pool(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                                      const at::Tensor &gamma, const at::Tensor &beta, int64_t padding, double eps,
                                      at::ScalarType type, CTInstructions instructions);

}  // namespace ct
