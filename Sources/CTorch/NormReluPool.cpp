// avgpool2(relu(γ·(x - mean)/σ + β)), statistics over the pixels of each channel of each image, as one operation.
//
// As three operations of the library, each pass and its gradient read and write the whole output of a convolution; here the
// forward pass reads x and writes a quarter of it, the backward pass reads x and writes dx, and only x and two numbers per channel
// are kept in between.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "Device.hpp"
#include "Guard.hpp"
#include "NormReluPool.hpp"
#include "Team.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ct {
namespace {

template <typename Scalar>
struct Forward {
  int64_t images, height, width, channels;
  const Scalar *x;
  const float *gamma, *beta;
  float eps;
  Scalar *y;
  float *mean, *inverse;  // images × channels
};

template <typename Scalar>
struct Backward {
  int64_t images, height, width, channels;
  const Scalar *x, *dy;
  const float *gamma, *beta, *mean, *inverse;
  float *sum, *products;  // images × channels: Σd and Σd·x̂
  Scalar *dx;             // or NULL
};

template <typename Scalar>
struct Second {
  int64_t images, height, width, channels;
  const Scalar *x, *dy, *u;
  const float *gamma, *beta, *mean, *inverse, *sum, *products;  // the last two of the gradient
  Scalar *dx, *ddy;
};

/// Channels of one task: four of the widest registers.
constexpr int64_t block_channels = 64;

#define CT_KERNELS "NormReluPoolKernel.hpp"
#include "InstructionSets.hpp"

template <typename Scalar>
void run(const Forward<Scalar> &job, CTInstructions instructions, int64_t first, int64_t last) {
  CT_DISPATCH(instructions, run_forward(job, first, last));
}

template <typename Scalar>
void run(const Backward<Scalar> &job, CTInstructions instructions, int64_t first, int64_t last) {
  CT_DISPATCH(instructions, run_backward(job, first, last));
}

template <typename Scalar>
void run(const Second<Scalar> &job, CTInstructions instructions, int64_t first, int64_t last) {
  CT_DISPATCH(instructions, run_second(job, first, last));
}

/// Runs all tasks of a job. No task writes what another one reads, so the result does not depend on the number of threads.
template <typename Job>
void run_all(const Job &job, CTInstructions instructions) {
  const int64_t tasks = job.images * ((job.channels + block_channels - 1) / block_channels);
  in_parallel(tasks, [&](int64_t first, int64_t last, int64_t) { run(job, instructions, first, last); });
}

/// The arguments in the form that the kernels read.
struct Operands {
  at::Tensor x, gamma, beta;

  Operands(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta)
      : x(x.contiguous(at::MemoryFormat::ChannelsLast)),
        gamma(gamma.to(at::kFloat).contiguous()),
        beta(beta.to(at::kFloat).contiguous()) {}

  int64_t images() const { return x.size(0); }
  int64_t channels() const { return x.size(1); }
  int64_t height() const { return x.size(2); }
  int64_t width() const { return x.size(3); }
  bool is_bfloat16() const { return x.scalar_type() == at::kBFloat16; }
};

struct ForwardResult {
  at::Tensor y, mean, inverse;
};

ForwardResult forward(const Operands &on, double eps, CTInstructions instructions) {
  auto floats = on.x.options().dtype(at::kFloat);
  ForwardResult result{
      at::empty({on.images(), on.channels(), on.height() / 2, on.width() / 2}, on.x.options(),
                at::MemoryFormat::ChannelsLast),
      at::empty({on.images(), on.channels()}, floats), at::empty({on.images(), on.channels()}, floats)};
  auto launch = [&](auto scalar) {
    using Scalar = decltype(scalar);
    run_all(
        Forward<Scalar>{on.images(), on.height(), on.width(), on.channels(), data<Scalar>(on.x), data<float>(on.gamma),
                        data<float>(on.beta), float(eps), data<Scalar>(result.y), data<float>(result.mean),
                        data<float>(result.inverse)},
        instructions);
  };
  on.is_bfloat16() ? launch(BFloat16()) : launch(float());
  return result;
}

/// Σd and Σd·x̂ of every image and channel, which the gradients with respect to β and γ are the sums of, and dx.
struct BackwardResult {
  at::Tensor dx, sum, products;
};

BackwardResult backward(const Operands &on, const at::Tensor &mean, const at::Tensor &inverse, const at::Tensor &dy,
                        bool with_dx, CTInstructions instructions) {
  auto gradient = dy.to(on.x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
  BackwardResult result{at::Tensor(), at::empty_like(mean), at::empty_like(mean)};
  if (with_dx) result.dx = at::empty(on.x.sizes(), on.x.options(), at::MemoryFormat::ChannelsLast);
  auto launch = [&](auto scalar) {
    using Scalar = decltype(scalar);
    run_all(
        Backward<Scalar>{on.images(), on.height(), on.width(), on.channels(), data<Scalar>(on.x), data<Scalar>(gradient),
                         data<float>(on.gamma), data<float>(on.beta), data<float>(mean), data<float>(inverse),
                         data<float>(result.sum), data<float>(result.products),
                         with_dx ? data<Scalar>(result.dx) : nullptr},
        instructions);
  };
  on.is_bfloat16() ? launch(BFloat16()) : launch(float());
  return result;
}

/// The gradient of dx, where u arrives at it, at x and at dy.
struct SecondResult {
  at::Tensor dx, ddy;
};

SecondResult second(const Operands &on, const at::Tensor &mean, const at::Tensor &inverse, const BackwardResult &first,
                    const at::Tensor &dy, const at::Tensor &u, CTInstructions instructions) {
  const auto order = at::MemoryFormat::ChannelsLast;
  auto gradient = dy.to(on.x.scalar_type()).contiguous(order), arriving = u.to(on.x.scalar_type()).contiguous(order);
  SecondResult result{at::empty(on.x.sizes(), on.x.options(), order),
                      at::empty(gradient.sizes(), gradient.options(), order)};
  auto launch = [&](auto scalar) {
    using Scalar = decltype(scalar);
    run_all(
        Second<Scalar>{on.images(), on.height(), on.width(), on.channels(), data<Scalar>(on.x), data<Scalar>(gradient),
                       data<Scalar>(arriving), data<float>(on.gamma), data<float>(on.beta), data<float>(mean),
                       data<float>(inverse), data<float>(first.sum), data<float>(first.products),
                       data<Scalar>(result.dx), data<Scalar>(result.ddy)},
        instructions);
  };
  on.is_bfloat16() ? launch(BFloat16()) : launch(float());
  return result;
}

/// The gradient as an operation of x, γ, β and dy, for gradients of gradients. Those at x and dy of what arrives at dx alone,
/// which is what a distance of the gradients of convolutions needs, are a kernel; all else is the library's.
struct NormReluPoolGradient : torch::autograd::Function<NormReluPoolGradient> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext *context, const at::Tensor &x,
                                                const at::Tensor &gamma, const at::Tensor &beta, const at::Tensor &mean,
                                                const at::Tensor &inverse, const at::Tensor &dy, double eps,
                                                int64_t instructions) {
    context->set_materialize_grads(false);
    auto result = ct::backward(Operands(x, gamma, beta), mean, inverse, dy, true, static_cast<CTInstructions>(instructions));
    context->save_for_backward({x, gamma, beta, mean, inverse, dy, result.sum, result.products});
    context->saved_data["eps"] = eps;
    context->saved_data["instructions"] = instructions;
    return {result.dx, result.products.sum(0), result.sum.sum(0)};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list arriving) {
    torch::autograd::variable_list results(8);
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &gamma = saved[1], &beta = saved[2], &dy = saved[5];
    const bool plain = !arriving[1].defined() && !arriving[2].defined() && !context->needs_input_grad(1) &&
                       !context->needs_input_grad(2) && !at::GradMode::is_enabled();
    if (plain) {
      if (!arriving[0].defined()) return results;
      auto found = second(Operands(x, gamma, beta), saved[3], saved[4], {at::Tensor(), saved[6], saved[7]}, dy,
                          arriving[0], static_cast<CTInstructions>(context->saved_data["instructions"].toInt()));
      results[0] = found.dx;
      results[5] = found.ddy.to(dy.scalar_type());
      return results;
    }
    // Aliases: what each of them is made of is not part of this gradient.
    at::AutoGradMode enabled(true);
    auto alias = [](const at::Tensor &value) {
      return value.requires_grad() ? value.view_as(value) : value.detach().requires_grad_(true);
    };
    const std::vector<at::Tensor> points{alias(x), alias(gamma), alias(beta), alias(dy)};
    const auto found = differentiable_norm_relu_pool_backward(points[0], points[1], points[2],
                                                              context->saved_data["eps"].toDouble(), points[3], true);
    std::vector<at::Tensor> outputs, incoming;
    for (const auto &[output, gradient] : {std::pair(found.dx, arriving[0]), std::pair(found.dgamma, arriving[1]),
                                           std::pair(found.dbeta, arriving[2])}) {
      if (!gradient.defined()) continue;
      outputs.push_back(output);
      incoming.push_back(gradient.to(output.scalar_type()));
    }
    if (outputs.empty()) return results;
    const auto gradients = torch::autograd::grad(outputs, points, incoming, /*retain_graph=*/true,
                                                 /*create_graph=*/true, /*allow_unused=*/true);
    results[0] = gradients[0];
    results[1] = gradients[1];
    results[2] = gradients[2];
    results[5] = gradients[3];
    return results;
  }
};

struct NormReluPool : torch::autograd::Function<NormReluPool> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &gamma,
                            const at::Tensor &beta, double eps, int64_t instructions) {
    Operands operands(x, gamma, beta);
    auto result = ct::forward(operands, eps, static_cast<CTInstructions>(instructions));
    context->save_for_backward({x, gamma, beta, result.mean, result.inverse});
    context->saved_data["eps"] = eps;
    context->saved_data["instructions"] = instructions;
    return result.y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &gamma = saved[1], &beta = saved[2];
    const bool with_dx = context->needs_input_grad(0);
    NormReluPoolGradients result;
    if (!gradients[0].defined()) return {at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    const double eps = context->saved_data["eps"].toDouble();
    const auto instructions = static_cast<CTInstructions>(context->saved_data["instructions"].toInt());
    if (at::GradMode::is_enabled()) {
      result = with_dx ? norm_relu_pool_gradient(x, gamma, beta, saved[3], saved[4], eps, gradients[0], instructions)
                       : differentiable_norm_relu_pool_backward(x, gamma, beta, eps, gradients[0], false);
    } else {
      const auto found = ct::backward(Operands(x, gamma, beta), saved[3], saved[4], gradients[0], with_dx, instructions);
      result.dx = found.dx;
      if (context->needs_input_grad(1)) result.dgamma = found.products.sum(0);
      if (context->needs_input_grad(2)) result.dbeta = found.sum.sum(0);
    }
    auto as = [](const at::Tensor &gradient, const at::Tensor &of) {
      return gradient.defined() ? gradient.to(of.scalar_type()) : gradient;
    };
    return {result.dx, as(result.dgamma, gamma), as(result.dbeta, beta), at::Tensor(), at::Tensor()};
  }
};

/// The same in operations of the library; statistics and arithmetic in float32 at least.
at::Tensor composite(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta, double eps) {
  const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto normal = at::group_norm(x.to(wide), x.size(1), gamma.to(wide), beta.to(wide), eps);
  return at::avg_pool2d(at::relu(normal), 2, 2).to(x.scalar_type());
}

}  // namespace

NormReluPoolGradients norm_relu_pool_gradient(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta,
                                              const at::Tensor &mean, const at::Tensor &inverse, double eps,
                                              const at::Tensor &dy, CTInstructions instructions) {
  auto results = NormReluPoolGradient::apply(x, gamma, beta, mean, inverse, dy, eps, static_cast<int64_t>(instructions));
  return {results[0], results[1], results[2]};
}

NormReluPoolGradients differentiable_norm_relu_pool_backward(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta, double eps,
                                       const at::Tensor &dy, bool with_dx) {
  auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  auto per_channel = [&](const at::Tensor &values) { return values.to(wide).view({1, -1, 1, 1}); };
  const int64_t area[] = {2, 3}, all_but_channels[] = {0, 2, 3};
  auto value = x.to(wide);
  auto centred = value - value.mean(area, true);
  auto inverse = (centred.square().mean(area, true) + eps).rsqrt();
  auto normal = centred * inverse;
  auto z = normal * per_channel(gamma) + per_channel(beta);
  auto d = at::avg_pool2d_backward(dy.to(wide), z.detach(), 2, 2, 0, false, true, c10::nullopt) * (z > 0);
  NormReluPoolGradients result;
  result.dbeta = d.sum(all_but_channels);
  result.dgamma = (d * normal).sum(all_but_channels);
  if (with_dx) {
    auto residue = d - d.mean(area, true) - normal * (d * normal).mean(area, true);
    result.dx = (residue * (inverse * per_channel(gamma))).to(x.scalar_type());
  }
  return result;
}

at::Tensor norm_relu_pool(const at::Tensor &x, const at::Tensor &gamma, const at::Tensor &beta, double eps,
                          CTInstructions instructions) {
  TORCH_CHECK(x.dim() == 4, "expected rank 4 (n, c, h, w), found shape ", x.sizes());
  TORCH_CHECK(x.size(2) >= 2 && x.size(3) >= 2, "expected at least 2 × 2 pixels, found shape ", x.sizes());
  TORCH_CHECK(gamma.dim() == 1 && gamma.size(0) == x.size(1) && beta.dim() == 1 && beta.size(0) == x.size(1),
              "expected one weight and one bias for each of ", x.size(1), " channels, found shapes ", gamma.sizes(),
              " and ", beta.sizes());
  const auto best = best_instructions();
  if (instructions == CT_INSTRUCTIONS_BEST) instructions = best;
  TORCH_CHECK(instructions <= best, "this machine has not the instructions asked for");
  const bool fast = takes_own_kernels(x) && gamma.is_cpu() && beta.is_cpu() &&
                    (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  if (!fast) return composite(x, gamma, beta, eps);
  return NormReluPool::apply(x, gamma, beta, eps, static_cast<int64_t>(instructions));
}

}  // namespace ct

bool ct_supports_instructions(CTInstructions instructions) { return instructions <= ct::best_instructions(); }

CTError ct_norm_relu_pool(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, double eps, CTInstructions instructions,
                          CTTensorRef *out) {
  return ct::result(out, [&] { return ct::norm_relu_pool(x->value, weight->value, bias->value, eps, instructions); });
}
