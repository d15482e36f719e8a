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

/// Runs the tasks [first, last) of a job; a task's number is image · blocks + block of channels.
template <typename Scalar>
static void run_forward(const Forward<Scalar> &job, int64_t first, int64_t last) {
  const int64_t blocks = (job.channels + block_channels - 1) / block_channels;
  for (int64_t number = first; number < last; number++) {
    const int64_t start = number % blocks * block_channels;
    const int64_t end = start + block_channels < job.channels ? start + block_channels : job.channels;
    Part part{number / blocks, start, width};
    for (; part.channel + registers * width <= end; part.channel += registers * width)
      forward_part<registers, false>(job, part);
    for (; part.channel + width <= end; part.channel += width) forward_part<1, false>(job, part);
    part.lanes = int(end - part.channel);
    if (part.lanes > 0) forward_part<1, true>(job, part);
  }
}

/// Runs the tasks [first, last) of a job; a task's number is image · blocks + block of channels.
template <typename Scalar>
static void run_backward(const Backward<Scalar> &job, int64_t first, int64_t last) {
  const int64_t blocks = (job.channels + block_channels - 1) / block_channels;
  for (int64_t number = first; number < last; number++) {
    const int64_t start = number % blocks * block_channels;
    const int64_t end = start + block_channels < job.channels ? start + block_channels : job.channels;
    Part part{number / blocks, start, width};
    for (; part.channel + registers * width <= end; part.channel += registers * width)
      backward_part<registers, false>(job, part);
    for (; part.channel + width <= end; part.channel += width) backward_part<1, false>(job, part);
    part.lanes = int(end - part.channel);
    if (part.lanes > 0) backward_part<1, true>(job, part);
  }
}
