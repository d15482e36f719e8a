// The tasks of `ct_norm_relu_pool`.
//
// NormReluPool.cpp includes this file once for each instruction set: see InstructionSets.hpp.
//
// One task is one image and up to `block_channels` of its channels: its values (at 32 × 32 pixels 256 KiB of float32, and as much
// gradient) stay in the second-level cache from the first pass over them to the second.

#include "NormReluPoolPasses.hpp"

/// Registers that a pass works on side by side.
constexpr int registers = 4;

/// A part of a task. Full parts have `registers` full registers; the rest go one register at a time, the last one with
/// fewer `lanes`.
struct Part {
  int64_t image, channel;
  int lanes;
};

template <int count, bool partial, typename Scalar>
CT_INLINE void forward_part(const Forward<Scalar> &job, const Part &part) {
  const Extent extent{job.height, job.width};
  const int64_t step = job.channels, row = job.width * step;
  const Plane<const Scalar> x{job.x + part.image * job.height * row + part.channel, step, row};
  const int64_t numbers = part.image * job.channels + part.channel;
  Floats mean[count], inverse[count], scale[count], offset[count];
  statistics_pass<count, partial>(x, extent, job.eps, part.lanes, mean, inverse);
  for (int r = 0; r < count; r++) {
    store<partial>(job.mean + numbers + r * width, mean[r], part.lanes);
    store<partial>(job.inverse + numbers + r * width, inverse[r], part.lanes);
    scale[r] = inverse[r] * load<partial>(job.gamma + part.channel + r * width, part.lanes);
    offset[r] = load<partial>(job.beta + part.channel + r * width, part.lanes) - scale[r] * mean[r];
  }
  Scalar *y = job.y + part.image * (job.height / 2) * (job.width / 2) * step + part.channel;
  pool_pass<count, partial>(x, extent, part.lanes, scale, offset, y, step);
}

template <int count, bool partial, typename Scalar>
CT_INLINE void backward_part(const Backward<Scalar> &job, const Part &part) {
  const Extent extent{job.height, job.width};
  const int64_t step = job.channels, row = job.width * step;
  const int64_t start = part.image * job.height * row + part.channel;
  const Plane<const Scalar> x{job.x + start, step, row};
  const Scalar *dy = job.dy + part.image * (job.height / 2) * (job.width / 2) * step + part.channel;
  const int64_t numbers = part.image * job.channels + part.channel;
  Floats mean[count], inverse[count], scale[count], offset[count], sum[count], products[count];
  for (int r = 0; r < count; r++) {
    mean[r] = load<partial>(job.mean + numbers + r * width, part.lanes);
    inverse[r] = load<partial>(job.inverse + numbers + r * width, part.lanes);
    scale[r] = inverse[r] * load<partial>(job.gamma + part.channel + r * width, part.lanes);
    offset[r] = load<partial>(job.beta + part.channel + r * width, part.lanes) - scale[r] * mean[r];
  }
  gradient_sums_pass<count, partial>(x, extent, part.lanes, mean, inverse, scale, offset, dy, step, sum, products);
  for (int r = 0; r < count; r++) {
    store<partial>(job.sum + numbers + r * width, sum[r], part.lanes);
    store<partial>(job.products + numbers + r * width, products[r], part.lanes);
  }
  if (job.dx)
    input_gradient_pass<count, partial>(x, extent, part.lanes, mean, inverse, scale, offset, sum, products, dy, step,
                                        job.dx + start);
}

template <int count, bool partial, typename Scalar>
CT_INLINE void second_part(const Second<Scalar> &job, const Part &part) {
  const Extent extent{job.height, job.width};
  const int64_t step = job.channels, row = job.width * step;
  const int64_t start = part.image * job.height * row + part.channel;
  const int64_t pooled = part.image * (job.height / 2) * (job.width / 2) * step + part.channel;
  const Plane<const Scalar> x{job.x + start, step, row};
  const int64_t numbers = part.image * job.channels + part.channel;
  Floats mean[count], inverse[count], scale[count], offset[count], sum[count], products[count];
  Floats u_sum[count], u_products[count], matches[count];
  for (int r = 0; r < count; r++) {
    mean[r] = load<partial>(job.mean + numbers + r * width, part.lanes);
    inverse[r] = load<partial>(job.inverse + numbers + r * width, part.lanes);
    sum[r] = load<partial>(job.sum + numbers + r * width, part.lanes);
    products[r] = load<partial>(job.products + numbers + r * width, part.lanes);
    scale[r] = inverse[r] * load<partial>(job.gamma + part.channel + r * width, part.lanes);
    offset[r] = load<partial>(job.beta + part.channel + r * width, part.lanes) - scale[r] * mean[r];
  }
  second_sums_pass<count, partial>(x, job.u + start, extent, part.lanes, mean, inverse, scale, offset, job.dy + pooled,
                                   step, u_sum, u_products, matches);
  second_gradient_pass<count, partial>(x, job.u + start, extent, part.lanes, mean, inverse, scale, offset, sum, products,
                                       u_sum, u_products, matches, job.dy + pooled, step, job.dx + start,
                                       job.ddy + pooled);
}

/// Runs the tasks [first, last) of a job; a task's number is image · blocks + block of channels. `part` does one part.
#define CT_RUN_PARTS(job, part)                                                                              \
  const int64_t blocks = ((job).channels + block_channels - 1) / block_channels;                             \
  for (int64_t number = first; number < last; number++) {                                                    \
    const int64_t start = number % blocks * block_channels;                                                  \
    const int64_t end = start + block_channels < (job).channels ? start + block_channels : (job).channels;   \
    Part of{number / blocks, start, width};                                                                  \
    for (; of.channel + registers * width <= end; of.channel += registers * width)                           \
      part<registers, false>(job, of);                                                                       \
    for (; of.channel + width <= end; of.channel += width) part<1, false>(job, of);                          \
    of.lanes = int(end - of.channel);                                                                        \
    if (of.lanes > 0) part<1, true>(job, of);                                                                \
  }

template <typename Scalar>
static void run_forward(const Forward<Scalar> &job, int64_t first, int64_t last) {
  CT_RUN_PARTS(job, forward_part)
}

template <typename Scalar>
static void run_backward(const Backward<Scalar> &job, int64_t first, int64_t last) {
  CT_RUN_PARTS(job, backward_part)
}

template <typename Scalar>
static void run_second(const Second<Scalar> &job, int64_t first, int64_t last) {
  CT_RUN_PARTS(job, second_part)
}

#undef CT_RUN_PARTS
