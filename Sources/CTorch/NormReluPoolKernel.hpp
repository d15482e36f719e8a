// The arithmetic of `ct_norm_relu_pool`, written once in the compiler's portable vectors.
//
// NormReluPool.cpp includes this file once for each instruction set: see Vectors.hpp.
//
// Images are in memory order h, w, c. One task is one image and up to `lanes` of its channels: its values (at 32 × 32 pixels
// 256 KiB of float32, and as much gradient) stay in the second-level cache from the first pass over them to the second.

#include "Vectors.hpp"

/// Registers that one task works on side by side, and the channels that they hold.
constexpr int registers = 4;
constexpr int64_t lanes = registers * width;

/// What a task knows about its channels. Full tasks have `registers` full registers; the rest go one register at a time, the last
/// one `partial`, with `count` lanes.
struct Task {
  int64_t height, width, channels;  // of the whole image
  int64_t image, first;             // which image, first channel of the task
  int count;
};

/// Mean and 1 / sqrt(variance + eps) of each channel, then max(a·x + b, 0) averaged over 2 × 2 pixels, where
/// a = γ / σ and b = β - a·mean.
///
/// The sums are of x - k and (x - k)², k the mean of the first row. Cancellation stays small whatever the mean is, because
/// (k - mean)² is at most height · variance. Each row is summed apart, so the error does not grow with the area.
template <typename Scalar, int count, bool partial>
CT_INLINE void forward_task(const Forward<Scalar> &job, const Task &task) {
  const int64_t step = task.channels, row = task.width * step;
  const Scalar *x = job.x + task.image * task.height * row + task.first;

  Floats shift[count], sum[count], squares[count];
  for (int r = 0; r < count; r++) shift[r] = sum[r] = squares[r] = 0;
  for (int64_t j = 0; j < task.width; j++)
    for (int r = 0; r < count; r++) shift[r] += load<partial>(x + j * step + r * width, task.count);
  for (int r = 0; r < count; r++) shift[r] /= float(task.width);
  for (int64_t i = 0; i < task.height; i++) {
    Floats row_sum[count], row_squares[count];
    for (int r = 0; r < count; r++) row_sum[r] = row_squares[r] = 0;
    const Scalar *at = x + i * row;
    for (int64_t j = 0; j < task.width; j++, at += step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats distance = load<partial>(at + r * width, task.count) - shift[r];
        row_sum[r] += distance;
        row_squares[r] = multiply_add(distance, distance, row_squares[r]);
      }
    }
    for (int r = 0; r < count; r++) {
      sum[r] += row_sum[r];
      squares[r] += row_squares[r];
    }
  }

  Floats scale[count], offset[count];
  const float area = float(task.height * task.width);
  const int64_t statistics = task.image * task.channels + task.first;
  for (int r = 0; r < count; r++) {
    Floats mean = sum[r] / area;
    Floats variance = squares[r] / area - mean * mean;
    variance = keep_where(!(variance <= 0), variance);  // not below 0, and a NaN stays one
    mean += shift[r];
    Floats inverse = 1 / __builtin_elementwise_sqrt(variance + job.eps);
    store<partial>(job.mean + statistics + r * width, mean, task.count);
    store<partial>(job.inverse + statistics + r * width, inverse, task.count);
    scale[r] = inverse * load<partial>(job.gamma + task.first + r * width, task.count);
    offset[r] = load<partial>(job.beta + task.first + r * width, task.count) - scale[r] * mean;
  }

  const int64_t pooled_height = task.height / 2, pooled_width = task.width / 2;
  Scalar *y = job.y + task.image * pooled_height * pooled_width * step + task.first;
  for (int64_t i = 0; i < pooled_height; i++) {
    const Scalar *at = x + 2 * i * row;
    for (int64_t j = 0; j < pooled_width; j++, at += 2 * step, y += step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats total = 0;
        for (int64_t pixel : {int64_t(0), step, row, row + step}) {
          Floats z = multiply_add(scale[r], load<partial>(at + pixel + r * width, task.count), offset[r]);
          total += keep_where(!(z <= 0), z);  // as the library's ReLU: a NaN stays one
        }
        store<partial>(y + r * width, total * 0.25f, task.count);
      }
    }
  }
}

/// With d = dL/dz (a quarter of dL/dy where z > 0, else 0), n the area and x̂ = (x - mean) / σ:
/// dβ = Σd, dγ = Σd·x̂, dx = γ/σ · (d - Σd/n - x̂·Σ(d·x̂)/n), the last written as a·d + p·x + q.
template <typename Scalar, int count, bool partial>
CT_INLINE void backward_task(const Backward<Scalar> &job, const Task &task) {
  const int64_t step = task.channels, row = task.width * step;
  const int64_t pooled_height = task.height / 2, pooled_width = task.width / 2;
  const int64_t start = task.image * task.height * row + task.first;
  const Scalar *x = job.x + start;
  const Scalar *dy = job.dy + task.image * pooled_height * pooled_width * step + task.first;
  const int64_t statistics = task.image * task.channels + task.first;

  Floats mean[count], inverse[count], scale[count], offset[count], sum[count], products[count];
  for (int r = 0; r < count; r++) {
    mean[r] = load<partial>(job.mean + statistics + r * width, task.count);
    inverse[r] = load<partial>(job.inverse + statistics + r * width, task.count);
    scale[r] = inverse[r] * load<partial>(job.gamma + task.first + r * width, task.count);
    offset[r] = load<partial>(job.beta + task.first + r * width, task.count) - scale[r] * mean[r];
    sum[r] = products[r] = 0;
  }

  const Scalar *gradient = dy;
  for (int64_t i = 0; i < pooled_height; i++) {
    Floats row_sum[count], row_products[count];
    for (int r = 0; r < count; r++) row_sum[r] = row_products[r] = 0;
    const Scalar *at = x + 2 * i * row;
    for (int64_t j = 0; j < pooled_width; j++, at += 2 * step, gradient += step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats open = 0, distances = 0;
        for (int64_t pixel : {int64_t(0), step, row, row + step}) {
          Floats value = load<partial>(at + pixel + r * width, task.count);
          Ints mask = multiply_add(scale[r], value, offset[r]) > 0;
          open += keep_where(mask, Floats(1));
          distances += keep_where(mask, value - mean[r]);
        }
        Floats d = load<partial>(gradient + r * width, task.count);
        row_sum[r] = multiply_add(d, open, row_sum[r]);
        row_products[r] = multiply_add(d, distances, row_products[r]);
      }
    }
    for (int r = 0; r < count; r++) {
      sum[r] += row_sum[r];
      products[r] += row_products[r];
    }
  }
  for (int r = 0; r < count; r++) {
    sum[r] *= 0.25f;
    products[r] *= 0.25f * inverse[r];
    store<partial>(job.sum + statistics + r * width, sum[r], task.count);
    store<partial>(job.products + statistics + r * width, products[r], task.count);
  }
  if (!job.dx) return;

  Floats slope[count], constant[count], quarter[count];
  const float area = float(task.height * task.width);
  for (int r = 0; r < count; r++) {
    slope[r] = -scale[r] * inverse[r] * products[r] / area;
    constant[r] = -scale[r] * sum[r] / area - slope[r] * mean[r];
    quarter[r] = 0.25f * scale[r];
  }
  Scalar *dx = job.dx + start;
  gradient = dy;
  for (int64_t i = 0; i < pooled_height; i++) {
    const int64_t line = 2 * i * row;
    for (int64_t j = 0; j < pooled_width; j++, gradient += step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats d = quarter[r] * load<partial>(gradient + r * width, task.count);
        for (int64_t pixel : {int64_t(0), step, row, row + step}) {
          const int64_t at = line + 2 * j * step + pixel + r * width;
          Floats value = load<partial>(x + at, task.count);
          Ints mask = multiply_add(scale[r], value, offset[r]) > 0;
          Floats result = multiply_add(slope[r], value, constant[r]) + keep_where(mask, d);
          store<partial>(dx + at, result, task.count);
        }
      }
    }
  }
  // An odd last column or row is not in any window; it still moves the statistics.
  for (int64_t i = 0; i < task.height; i++) {
    for (int64_t j = i < 2 * pooled_height ? 2 * pooled_width : 0; j < task.width; j++) {
      for (int r = 0; r < count; r++) {
        const int64_t at = i * row + j * step + r * width;
        store<partial>(dx + at, multiply_add(slope[r], load<partial>(x + at, task.count), constant[r]), task.count);
      }
    }
  }
}

/// Runs the tasks [first, last) of a job; a task's number is image · blocks + block of channels.
template <typename Scalar>
static void run_forward(const Forward<Scalar> &job, int64_t first, int64_t last) {
  const int64_t blocks = (job.channels + block_channels - 1) / block_channels;
  for (int64_t number = first; number < last; number++) {
    int64_t channel = number % blocks * block_channels;
    const int64_t end = channel + block_channels < job.channels ? channel + block_channels : job.channels;
    Task task{job.height, job.width, job.channels, number / blocks, channel, width};
    for (; task.first + lanes <= end; task.first += lanes) forward_task<Scalar, registers, false>(job, task);
    for (; task.first + width <= end; task.first += width) forward_task<Scalar, 1, false>(job, task);
    task.count = int(end - task.first);
    if (task.count > 0) forward_task<Scalar, 1, true>(job, task);
  }
}

template <typename Scalar>
static void run_backward(const Backward<Scalar> &job, int64_t first, int64_t last) {
  const int64_t blocks = (job.channels + block_channels - 1) / block_channels;
  for (int64_t number = first; number < last; number++) {
    int64_t channel = number % blocks * block_channels;
    const int64_t end = channel + block_channels < job.channels ? channel + block_channels : job.channels;
    Task task{job.height, job.width, job.channels, number / blocks, channel, width};
    for (; task.first + lanes <= end; task.first += lanes) backward_task<Scalar, registers, false>(job, task);
    for (; task.first + width <= end; task.first += width) backward_task<Scalar, 1, false>(job, task);
    task.count = int(end - task.first);
    if (task.count > 0) backward_task<Scalar, 1, true>(job, task);
  }
}
