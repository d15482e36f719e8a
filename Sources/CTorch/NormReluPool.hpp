// Instance norm, ReLU and 2 × 2 average pool as one differentiable operation.
#pragma once

#include <ATen/ATen.h>

#include "CTorch.h"

namespace ct {

/// avgpool2(relu(instance_norm(x)·γ + β)) of x (n, c, h, w) with γ and β (c). On the CPU in float32 and bfloat16 (statistics and
/// arithmetic in float32; the result is in memory order n, h, w, c) by a kernel of our own; elsewhere by the library.
at::Tensor norm_relu_pool(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta, double eps,
                          CTInstructions instructions);

/// Gradients of `norm_relu_pool`.
struct NormReluPoolGradients {
  at::Tensor dx, dgamma, dbeta;
};

/// Its gradients by our kernels, for a graph that is differentiated again: at x and dy by a kernel, too, where only dx is
/// differentiated. Takes what `norm_relu_pool` takes on the CPU; `mean` and `inverse` are (n, c).
NormReluPoolGradients norm_relu_pool_gradient(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta,
                                              const at::Tensor &mean, const at::Tensor &inverse, double eps,
                                              const at::Tensor &dy, CTInstructions instructions);

/// Its gradients in operations of the library, so that they can be differentiated in dy, x, γ and β.
NormReluPoolGradients differentiable_norm_relu_pool_backward(const at::Tensor &x, const at::Tensor &gamma,
                                                             const at::Tensor &beta, double eps, const at::Tensor &dy,
                                                             bool with_dx);

}  // namespace ct
