// 3 × 3 convolutions of many channels by Winograd's F(4 × 4, 3 × 3): a quarter of the multiplications.
//
// The library's float32 convolutions run at the speed of the machine's multipliers, so only fewer multiplications are faster. Sums
// are in float32 throughout: the results differ from the library's by about 1e-6 of the largest, a thousandth of
// what one rounding to bfloat16 costs.
#include <torch/csrc/autograd/custom_function.h>

#include "Convolution.hpp"
#include "Device.hpp"
#include "Guard.hpp"
#include "Team.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ct {
namespace {

/// Points of a transformed tile.
constexpr int64_t points = 36;
/// Tiles of one block of a convolution: its transforms fit the second-level cache; a multiple of all `product_rows`.
constexpr int64_t block_tiles = 24;
/// Tiles of one chunk of a filter gradient: a panel of its transforms fits the first-level cache.
constexpr int64_t gradient_tiles = 128;
/// Channels must be multiples of it: the widest panel.
constexpr int64_t channel_step = 32;

/// Images in memory order h, w, c.
struct Images {
  int64_t height, width, channels;
};

/// Position of a tile of 4 × 4 pixels.
struct Tile {
  int64_t image, top, left;
};

/// Filters of 3 × 3 values, wherever they stand in a weight.
struct Filters {
  int64_t inputs, outputs;
  const float *plain;
  int64_t input_step, output_step;  // from one filter to the next, in `plain`
  bool flipped;                     // whether each filter is read from its end
  float *transformed;               // (36, outputs / panel, inputs, panel)
};

struct FilterSums {
  int64_t inputs, outputs;
  const float *transformed;  // as in Filters
  float *plain;              // (3, 3, inputs, outputs)
};

template <typename Scalar>
struct Convolution {
  int64_t tiles, height, width, inputs, outputs;
  const Scalar *x, *zeros;  // zeros: max(inputs, outputs) of them
  const float *filters, *bias;
  Scalar *y;
};

template <typename Scalar>
struct FilterGradient {
  int64_t height, width, inputs, outputs;
  const Scalar *x, *dy, *zeros;
  float *inputs_at;     // (36, gradient_tiles, inputs)
  float *gradients_at;  // (36, outputs / panel, gradient_tiles, panel)
  float *transformed;   // as in Filters
  int64_t start, count;
};

#define CT_KERNELS "ConvolutionKernel.hpp"
#include "InstructionSets.hpp"

/// Outputs of one panel of transformed filters: two registers.
int64_t panel_width(CTInstructions instructions) {
  return instructions == CT_INSTRUCTIONS_AVX512 ? 32 : instructions == CT_INSTRUCTIONS_AVX2 ? 16 : 8;
}

/// Runs `body` with a value of the type that x is stored in.
template <typename Body>
void with_scalar(const at::Tensor &x, Body &&body) {
  x.scalar_type() == at::kBFloat16 ? body(BFloat16()) : body(float());
}

/// Weight (outputs, inputs, 3, 3) transformed; with `adjoint` the filters that carry a gradient back, from outputs to inputs.
at::Tensor transformed_filters(const at::Tensor &weight, bool adjoint, CTInstructions instructions) {
  auto plain = weight.detach().to(at::kFloat).contiguous();
  const int64_t inputs = weight.size(adjoint ? 0 : 1), outputs = weight.size(adjoint ? 1 : 0), row = 9 * weight.size(1);
  auto transformed = at::empty({points, inputs, outputs}, plain.options());
  const Filters job{inputs,  outputs, data<float>(plain), adjoint ? row : 9, adjoint ? 9 : row,
                    adjoint, data<float>(transformed)};
  in_parallel(inputs, [&](int64_t first, int64_t last, int64_t) {
    CT_DISPATCH(instructions, run_filters(job, first, last));
  });
  return transformed;
}

int64_t tile_count(const at::Tensor &x) { return x.size(0) * ((x.size(2) + 3) / 4) * ((x.size(3) + 3) / 4); }

at::Tensor convolve(const at::Tensor &x_any, const at::Tensor &filters, const at::Tensor &bias,
                    CTInstructions instructions) {
  auto x = x_any.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t inputs = filters.size(1), outputs = filters.size(2), wide = std::max(inputs, outputs);
  auto y = at::empty({x.size(0), outputs, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  auto floats = x.options().dtype(at::kFloat).memory_format(c10::nullopt);
  auto shift = bias.defined() ? bias.detach().to(at::kFloat).contiguous() : bias;
  auto zeros = at::zeros({wide}, floats);
  const int64_t tiles = tile_count(x), blocks = (tiles + block_tiles - 1) / block_tiles;
  const int64_t scratch_size = (points * block_tiles + 16) * wide;
  auto scratch = at::empty({team_size(blocks), scratch_size}, floats);
  with_scalar(x, [&](auto scalar) {
    using Scalar = decltype(scalar);
    const Convolution<Scalar> job{tiles,
                                  x.size(2),
                                  x.size(3),
                                  inputs,
                                  outputs,
                                  data<Scalar>(x),
                                  data<Scalar>(zeros),
                                  data<float>(filters),
                                  shift.defined() ? data<float>(shift) : nullptr,
                                  data<Scalar>(y)};
    in_parallel(blocks, [&](int64_t first, int64_t last, int64_t thread) {
      float *mine = data<float>(scratch) + thread * scratch_size;
      CT_DISPATCH(instructions, run_convolution(job, mine, first, last));
    });
  });
  return y;
}

at::Tensor weight_gradient(const at::Tensor &x_any, const at::Tensor &dy_any, CTInstructions instructions) {
  auto x = x_any.contiguous(at::MemoryFormat::ChannelsLast);
  auto dy = dy_any.to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t inputs = x.size(1), outputs = dy.size(1), tiles = tile_count(x);
  auto floats = x.options().dtype(at::kFloat).memory_format(c10::nullopt);
  auto zeros = at::zeros({std::max(inputs, outputs)}, floats);
  auto inputs_at = at::empty({points, gradient_tiles, inputs}, floats);
  auto gradients_at = at::empty({points, gradient_tiles, outputs}, floats);
  auto transformed = at::empty({points, inputs, outputs}, floats);
  auto plain = at::empty({3, 3, inputs, outputs}, floats);
  with_scalar(x, [&](auto scalar) {
    using Scalar = decltype(scalar);
    FilterGradient<Scalar> job{x.size(2),
                               x.size(3),
                               inputs,
                               outputs,
                               data<Scalar>(x),
                               data<Scalar>(dy),
                               data<Scalar>(zeros),
                               data<float>(inputs_at),
                               data<float>(gradients_at),
                               data<float>(transformed),
                               0,
                               0};
    for (job.start = 0; job.start < tiles; job.start += gradient_tiles) {
      job.count = std::min(gradient_tiles, tiles - job.start);
      in_parallel(job.count, [&](int64_t first, int64_t last, int64_t) {
        CT_DISPATCH(instructions, run_gradient_transforms(job, first, last));
      });
      in_parallel(points * outputs / panel_width(instructions), [&](int64_t first, int64_t last, int64_t) {
        CT_DISPATCH(instructions, run_gradient_products(job, first, last));
      });
    }
  });
  const FilterSums job{inputs, outputs, data<float>(transformed), data<float>(plain)};
  in_parallel(inputs, [&](int64_t first, int64_t last, int64_t) {
    CT_DISPATCH(instructions, run_filter_gradients(job, first, last));
  });
  return plain.permute({3, 2, 0, 1});
}

at::Tensor apply_convolution(const at::Tensor &x, const at::Tensor &weight, CTInstructions instructions);

/// The filters that carry a gradient back: turned by half, from outputs to inputs.
at::Tensor adjoint_filters(const at::Tensor &weight) {
  const int64_t area[] = {2, 3};
  return weight.flip(area).transpose(0, 1);
}

/// The gradient with respect to the weight as an operation of x and dy: ⟨v, dw(x, dy)⟩ = ⟨dy, convolution(x, v)⟩.
struct WeightGradient3x3 : torch::autograd::Function<WeightGradient3x3> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &dy,
                            int64_t code) {
    context->save_for_backward({x, dy});
    context->saved_data["instructions"] = code;
    return weight_gradient(x, dy, static_cast<CTInstructions>(code));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto &v = gradients[0];
    if (!v.defined()) return {at::Tensor(), at::Tensor(), at::Tensor()};
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &dy = saved[1];
    const auto instructions = static_cast<CTInstructions>(context->saved_data["instructions"].toInt());
    at::Tensor at_x, at_dy;
    if (context->needs_input_grad(0)) at_x = apply_convolution(dy, adjoint_filters(v), instructions).to(x.scalar_type());
    if (context->needs_input_grad(1)) at_dy = apply_convolution(x, v, instructions).to(dy.scalar_type());
    return {at_x, at_dy, at::Tensor()};
  }
};

struct Convolution3x3 : torch::autograd::Function<Convolution3x3> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
                            const c10::optional<at::Tensor> &bias, int64_t code) {
    const auto instructions = static_cast<CTInstructions>(code);
    context->save_for_backward({x, weight});
    context->saved_data["instructions"] = code;
    context->saved_data["with_bias"] = bias.has_value();
    return convolve(x, transformed_filters(weight, false, instructions), bias.value_or(at::Tensor()), instructions);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto &dy = gradients[0];
    if (!dy.defined()) return {at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto instructions = static_cast<CTInstructions>(context->saved_data["instructions"].toInt());
    const bool with_dx = context->needs_input_grad(0), with_dweight = context->needs_input_grad(1);
    const bool with_dbias = context->saved_data["with_bias"].toBool() && context->needs_input_grad(2);
    at::Tensor dx, dweight, dbias;
    if (at::GradMode::is_enabled()) {
      const auto narrow = dy.to(x.scalar_type());
      if (with_dx) dx = apply_convolution(narrow, adjoint_filters(weight), instructions);
      if (with_dweight)
        dweight = WeightGradient3x3::apply(x, narrow, static_cast<int64_t>(instructions)).to(weight.scalar_type());
    } else {
      if (with_dx)
        dx = convolve(dy.to(x.scalar_type()), transformed_filters(weight, true, instructions), {}, instructions);
      if (with_dweight) dweight = weight_gradient(x, dy, instructions).to(weight.scalar_type());
    }
    const int64_t all_but_channels[] = {0, 2, 3};
    if (with_dbias) dbias = dy.sum(all_but_channels, false, at::kFloat).to(weight.scalar_type());
    return {dx, dweight, dbias, at::Tensor()};
  }
};

at::Tensor apply_convolution(const at::Tensor &x, const at::Tensor &weight, CTInstructions instructions) {
  return Convolution3x3::apply(x, weight, c10::nullopt, static_cast<int64_t>(instructions));
}

}  // namespace

const char *takes_convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  const auto type = x.scalar_type();
  auto same = [&](const at::Tensor &other) { return other.is_cpu() && other.scalar_type() == type; };
  if (x.dim() != 4 || weight.dim() != 4 || weight.size(2) != 3 || weight.size(3) != 3 || x.size(1) != weight.size(1) ||
      (bias.defined() && (bias.dim() != 1 || bias.size(0) != weight.size(0))))
    return "expected x (n, c, h, w), weight (outputs, c, 3, 3) and bias (outputs)";
  if (!x.is_cpu() || (type != at::kFloat && type != at::kBFloat16) || !same(weight) || (bias.defined() && !same(bias)))
    return "expected float32 or bfloat16, the same for all, on the CPU";
  if (weight.size(1) % channel_step != 0 || weight.size(0) % channel_step != 0)
    return "expected multiples of 32 channels and outputs";
  return nullptr;
}

bool gains_from_convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                               at::IntArrayRef stride, at::IntArrayRef padding, int64_t groups) {
  auto ones = [](at::IntArrayRef values) { return values.size() == 2 && values[0] == 1 && values[1] == 1; };
  if (best_instructions() == CT_INSTRUCTIONS_PORTABLE || !ones(stride) || !ones(padding) || groups != 1) return false;
  if (!takes_own_kernels(x)) return false;
  if (takes_convolution3x3(x, weight, bias) != nullptr || x.numel() == 0) return false;
  const int64_t pixels = x.size(2) * x.size(3), tiles = tile_count(x) / x.size(0);
  return tiles * points * 2 <= pixels * 9;
}

at::Tensor convolution3x3(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
                          CTInstructions instructions) {
  const char *mistake = takes_convolution3x3(x, weight, bias);
  TORCH_CHECK(!mistake, mistake, ", found shapes ", x.sizes(), " and ", weight.sizes());
  const auto best = best_instructions();
  if (instructions == CT_INSTRUCTIONS_BEST) instructions = best;
  TORCH_CHECK(instructions <= best, "this machine has not the instructions asked for");
  // Function::apply asks every plain tensor for its device; "not given" has none.
  const auto given = bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt;
  return Convolution3x3::apply(x, weight, given, static_cast<int64_t>(instructions));
}

}  // namespace ct

CTError ct_convolution3x3(CTTensorRef x, CTTensorRef weight, CTTensorRef bias, CTInstructions instructions,
                          CTTensorRef *out) {
  return ct::result(
      out, [&] { return ct::convolution3x3(x->value, weight->value, ct::optional(bias), instructions); });
}
