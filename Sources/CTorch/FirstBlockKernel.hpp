// The tasks of a network's first block: 3 × 3 convolution of a few channels, instance norm, ReLU, 2 × 2 average pool.
//
// FirstBlock.cpp includes this file once for each instruction set: see InstructionSets.hpp.
//
// The convolution of one image to `block` channels is computed into a buffer that stays in the second-level cache (at
// 32 × 32 pixels 256 KiB) and is consumed there, both ways: computing it again costs less than writing and reading it.
// `registers` registers of channels are computed side by side, 4 or 2; a block is what they hold.

#include "Product.hpp"
#include "NormReluPoolPasses.hpp"

/// Pixels whose convolutions are summed in registers at a time; buffers hold whole multiples of it in a row.
constexpr int64_t convolution_pixels = width == 16 ? 4 : 2;
/// As above for the products that carry a gradient back.
constexpr int64_t gradient_pixels = width == 16 ? 12 : 6;

typedef float Four __attribute__((ext_vector_type(4)));

/// Channels [channel, channel + block) of the convolution of one image, to out[(h · pixels in a row + w) · block ...].
template <int registers>
CT_INLINE void convolution_pass(const FirstBlock &job, int64_t image, int64_t channel, float *out) {
#pragma clang fp contract(fast)
  constexpr int64_t block = registers * width;
  const int64_t padded_row = (job.width + 2) * job.channels, run = 3 * job.channels;
  const float *x = job.x + image * (job.height + 2) * padded_row;
  Floats bias[registers];
  for (int r = 0; r < registers; r++) bias[r] = load_all(job.bias + channel + r * width);
  for (int64_t h = 0; h < job.height; h++) {
    for (int64_t w = 0; w < job.row_pixels; w += convolution_pixels, out += convolution_pixels * block) {
      Floats sum[convolution_pixels][registers];
#pragma clang loop unroll(full)
      for (int p = 0; p < convolution_pixels; p++)
        for (int r = 0; r < registers; r++) sum[p][r] = bias[r];
      const float *weights = job.weights + channel;
      for (int64_t i = 0; i < 3; i++) {
        const float *from = x + (h + i) * padded_row + w * job.channels;
        for (int64_t k = 0; k < run; k++, weights += job.outputs) {
          Floats weight[registers];
#pragma clang loop unroll(full)
          for (int r = 0; r < registers; r++) weight[r] = load_all(weights + r * width);
#pragma clang loop unroll(full)
          for (int p = 0; p < convolution_pixels; p++) {
            const Floats value = from[p * job.channels + k];
            for (int r = 0; r < registers; r++) sum[p][r] = value * weight[r] + sum[p][r];
          }
        }
      }
#pragma clang loop unroll(full)
      for (int p = 0; p < convolution_pixels; p++)
        for (int r = 0; r < registers; r++) store_all(out + p * block + r * width, sum[p][r]);
    }
  }
}

template <int registers>
CT_INLINE void scale_and_offset(const FirstBlock &job, int64_t channel, const Floats *mean, const Floats *inverse,
                                Floats *scale, Floats *offset) {
  for (int r = 0; r < registers; r++) {
    scale[r] = inverse[r] * load_all(job.gamma + channel + r * width);
    offset[r] = load_all(job.beta + channel + r * width) - scale[r] * mean[r];
  }
}

/// Blocks [first, last); a block's number is image · blocks + block of channels. `scratch` holds the convolution.
template <int registers, typename Result>
CT_INLINE void run_blocks(const FirstBlock &job, Result *y, float *scratch, int64_t first, int64_t last) {
  constexpr int64_t block = registers * width;
  const int64_t blocks = job.outputs / block;
  const Extent extent{job.height, job.width};
  for (int64_t number = first; number < last; number++) {
    const int64_t image = number / blocks, channel = number % blocks * block;
    convolution_pass<registers>(job, image, channel, scratch);
    const Plane<const float> maps{scratch, block, job.row_pixels * block};
    Floats mean[registers], inverse[registers], scale[registers], offset[registers];
    statistics_pass<registers, false>(maps, extent, job.eps, width, mean, inverse);
    for (int r = 0; r < registers; r++) {
      store_all(job.mean + image * job.outputs + channel + r * width, mean[r]);
      store_all(job.inverse + image * job.outputs + channel + r * width, inverse[r]);
    }
    scale_and_offset<registers>(job, channel, mean, inverse, scale, offset);
    Result *to = y + image * (job.height / 2) * (job.width / 2) * job.outputs + channel;
    pool_pass<registers, false>(maps, extent, width, scale, offset, to, job.outputs);
  }
}

/// Tasks [first, last): one is an image and `job.block` of its outputs, however many registers they fill.
template <typename Result>
static void run_first_block(const FirstBlock &job, Result *y, float *scratch, int64_t first, int64_t last) {
  const int64_t parts = 16 / width;
  if (job.block == output_step)
    run_blocks<2>(job, y, scratch, parts * first, parts * last);
  else
    run_blocks<4>(job, y, scratch, parts * first, parts * last);
}

/// Adds Σ_pixels x[pixel + tap] · dz[pixel] to sums (9 · channels, outputs), for one block of channels of one image.
template <int64_t channels, int64_t block>
CT_INLINE void weight_gradient_pass(const FirstBlock &job, int64_t image, const float *dz, float *sums) {
  const int64_t padded_row = (job.width + 2) * channels;
  const float *x = job.x + image * (job.height + 2) * padded_row;
  for (int64_t i = 0; i < 3; i++)
    for (int64_t c = 0; c < block; c += panel)
      for (int64_t h = 0; h < job.height; h++)
        product<3 * channels, true>(x + (h + i) * padded_row, 1, channels, dz + h * job.row_pixels * block + c, block,
                                    job.width, sums + 3 * i * channels * job.outputs + c, job.outputs);
}

/// Images [first, last): Σd and Σd·x̂ for every channel, and where asked for the gradients of the images and, added up over these
/// images, of the weights. `scratch` holds the convolution and, after it, the products of its gradient with the weights.
template <int registers, typename Result>
CT_INLINE void run_gradient_blocks(const FirstBlock &job, const FirstBlockGradient &to, const Result *dy_all,
                                   float *weight_sums, float *scratch, int64_t first, int64_t last) {
  constexpr int64_t block = registers * width;
  const Extent extent{job.height, job.width};
  const int64_t pixels = job.height * job.row_pixels, taps = 9 * job.channels;
  const int64_t padded_pixels = (pixels + gradient_pixels - 1) / gradient_pixels * gradient_pixels;
  float *columns = scratch + padded_pixels * block;
  for (int64_t image = first; image < last; image++) {
    for (int64_t channel = 0; channel < job.outputs; channel += block) {
      convolution_pass<registers>(job, image, channel, scratch);
      const Plane<const float> maps{scratch, block, job.row_pixels * block};
      const Result *dy = dy_all + image * (job.height / 2) * (job.width / 2) * job.outputs + channel;
      const int64_t numbers = image * job.outputs + channel;
      Floats mean[registers], inverse[registers], scale[registers], offset[registers];
      Floats sum[registers], products[registers];
      for (int r = 0; r < registers; r++) {
        mean[r] = load_all(job.mean + numbers + r * width);
        inverse[r] = load_all(job.inverse + numbers + r * width);
      }
      scale_and_offset<registers>(job, channel, mean, inverse, scale, offset);
      gradient_sums_pass<registers, false>(maps, extent, width, mean, inverse, scale, offset, dy, job.outputs, sum,
                                           products);
      for (int r = 0; r < registers; r++) {
        store_all(to.sum + numbers + r * width, sum[r]);
        store_all(to.products + numbers + r * width, products[r]);
      }
      if (!to.dx && !weight_sums) continue;
      input_gradient_pass<registers, false>(maps, extent, width, mean, inverse, scale, offset, sum, products, dy,
                                            job.outputs, scratch);
      if (weight_sums) {
        float *sums = weight_sums + channel;
        if (job.channels == 1) weight_gradient_pass<1, block>(job, image, scratch, sums);
        if (job.channels == 2) weight_gradient_pass<2, block>(job, image, scratch, sums);
        if (job.channels == 3) weight_gradient_pass<3, block>(job, image, scratch, sums);
        if (job.channels == 4) weight_gradient_pass<4, block>(job, image, scratch, sums);
      }
      if (!to.dx) continue;
      for (int64_t p = 0; p < padded_pixels; p += gradient_pixels) {
        for (int64_t c = 0; c < taps; c += panel) {
          const float *weights = to.weights + channel * to.columns + c;
          float *out = columns + p * to.columns + c;
          if (channel == 0)
            product<gradient_pixels, false>(scratch + p * block, block, 1, weights, to.columns, block, out, to.columns);
          else
            product<gradient_pixels, true>(scratch + p * block, block, 1, weights, to.columns, block, out, to.columns);
        }
      }
    }
    if (!to.dx) continue;
    // Pixel (h, w) of the padded image takes part in the convolutions at (h - i, w - j).
    const int64_t height = job.height + 2 - 2 * to.padding, width = job.width + 2 - 2 * to.padding;
    float *dx = to.dx + image * height * width * job.channels;
    for (int64_t y = 0; y < height; y++) {
      for (int64_t x = 0; x < width; x++, dx += job.channels) {
        const int64_t h = y + to.padding, w = x + to.padding;
        Four sum = 0;
        for (int64_t i = h < job.height ? 0 : h - job.height + 1; i < 3 && i <= h; i++) {
          for (int64_t j = w < job.width ? 0 : w - job.width + 1; j < 3 && j <= w; j++) {
            Four part;
            __builtin_memcpy(&part, columns + ((h - i) * job.row_pixels + w - j) * to.columns + (3 * i + j) * job.channels,
                             sizeof part);
            sum += part;
          }
        }
        __builtin_memcpy(dx, &sum, sizeof(float) * job.channels);
      }
    }
  }
}

/// Images [first, last), as above.
template <typename Result>
static void run_first_block_gradient(const FirstBlock &job, const FirstBlockGradient &to, const Result *dy,
                                     float *weight_sums, float *scratch, int64_t first, int64_t last) {
  if (job.block == output_step)
    run_gradient_blocks<2>(job, to, dy, weight_sums, scratch, first, last);
  else
    run_gradient_blocks<4>(job, to, dy, weight_sums, scratch, first, last);
}
