// The arithmetic of 3 × 3 convolutions by Winograd's F(4 × 4, 3 × 3), written once in the compiler's portable vectors.
//
// Convolution.cpp includes this file once for each instruction set: see InstructionSets.hpp.
//
// Each tile of 4 × 4 results comes from 6 × 6 values d and a filter g as Aᵀ[(G g Gᵀ) ∘ (Bᵀ d B)]A: 36 multiplications where
// the sum as written has 144. Over many tiles and channels they are 36 products of matrices, one for each `point` of the
// transformed tile. Points 0, ±1, ±2, ∞ (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016).

#include "Product.hpp"

/// Rows of a product that are summed in registers at a time. 24 of AVX-512's 32 registers, 12 of the 16 of the others.
constexpr int64_t product_rows = width == 16 ? 12 : 6;
/// As above where the rows are channels, whose number has to be a multiple of it.
constexpr int64_t gradient_rows = width == 16 ? 8 : 4;

/// Bᵀ d for one column or row of six values, in place.
CT_INLINE void transform_input(Floats &d0, Floats &d1, Floats &d2, Floats &d3, Floats &d4, Floats &d5) {
  Floats even = d4 - 4 * d2, odd = d3 - 4 * d1;
  Floats even2 = d4 - d2, odd2 = 2 * (d3 - d1);
  Floats first = 4 * d0 - 5 * d2 + d4, last = 4 * d1 - 5 * d3 + d5;
  d0 = first, d1 = even + odd, d2 = even - odd, d3 = even2 + odd2, d4 = even2 - odd2, d5 = last;
}

/// Aᵀ m for six values: four results in m0 to m3.
CT_INLINE void transform_output(Floats &m0, Floats &m1, Floats &m2, Floats &m3, Floats m4, Floats m5) {
  Floats sum = m1 + m2, difference = m1 - m2, sum2 = m3 + m4, difference2 = m3 - m4;
  m0 = m0 + sum + sum2, m1 = difference + 2 * difference2, m2 = sum + 4 * sum2;
  m3 = difference + 8 * difference2 + m5;
}

/// A y for four values: the transpose of `transform_output`.
CT_INLINE void transform_gradient(Floats &y0, Floats &y1, Floats &y2, Floats &y3, Floats &y4, Floats &y5) {
  Floats even = y0 + y2, odd = y1 + y3, even2 = y0 + 4 * y2, odd2 = 2 * y1 + 8 * y3;
  y5 = y3, y1 = even + odd, y2 = even - odd, y3 = even2 + odd2, y4 = even2 - odd2;
}

/// G g for three values: six results.
CT_INLINE void transform_filter(const Floats g[3], Floats u[6]) {
  Floats outer = g[0] + g[2], outer2 = g[0] + 4 * g[2];
  u[0] = g[0] * (1.0f / 4);
  u[1] = (outer + g[1]) * (-1.0f / 6), u[2] = (outer - g[1]) * (-1.0f / 6);
  u[3] = (outer2 + 2 * g[1]) * (1.0f / 24), u[4] = (outer2 - 2 * g[1]) * (1.0f / 24);
  u[5] = g[2];
}

/// Gᵀ u: the transpose of `transform_filter`.
CT_INLINE void transform_filter_gradient(const Floats u[6], Floats g[3]) {
  Floats sum = (u[1] + u[2]) * (-1.0f / 6), difference = (u[1] - u[2]) * (-1.0f / 6);
  Floats sum2 = (u[3] + u[4]) * (1.0f / 24), difference2 = (u[3] - u[4]) * (1.0f / 24);
  g[0] = u[0] * (1.0f / 4) + sum + sum2;
  g[1] = difference + 2 * difference2;
  g[2] = sum + 4 * sum2 + u[5];
}

/// The place of tile `number` in the batch.
CT_INLINE Tile tile_at(const Images &of, int64_t number) {
  const int64_t across = (of.width + 3) / 4, down = (of.height + 3) / 4;
  return {number / (across * down), number / across % down * 4, number % across * 4};
}

/// Writes Bᵀ d B of each channel of the tile whose values start one pixel above and to the left of it.
/// Channel c of point p goes to out[p · stride + c].
template <typename Scalar>
CT_INLINE void input_tile(const Images &of, const Scalar *x, Tile tile, const Scalar *zeros, float *out, int64_t stride) {
  const Scalar *from[6][6];
  for (int64_t i = 0; i < 6; i++) {
    for (int64_t j = 0; j < 6; j++) {
      const int64_t h = tile.top + i - 1, w = tile.left + j - 1;
      const bool inside = h >= 0 && h < of.height && w >= 0 && w < of.width;
      from[i][j] = inside ? x + ((tile.image * of.height + h) * of.width + w) * of.channels : zeros;
    }
  }
  for (int64_t c = 0; c < of.channels; c += width) {
    // The pixels that the next tile has and this one has not: six rows and 36 points are too many streams for the hardware to
    // see. An address beyond the images does nothing.
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) {
#pragma clang loop unroll(full)
      for (int j = 2; j < 6; j++) __builtin_prefetch(from[i][j] + 4 * of.channels + c, 0, 2);
    }
    Floats d[6][6];
#pragma clang loop unroll(full)
    for (int j = 0; j < 6; j++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) d[i][j] = load<false>(from[i][j] + c, 0);
      transform_input(d[0][j], d[1][j], d[2][j], d[3][j], d[4][j], d[5][j]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) {
      transform_input(d[i][0], d[i][1], d[i][2], d[i][3], d[i][4], d[i][5]);
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; j++) store_all(out + (6 * i + j) * stride + c, d[i][j]);
    }
  }
}

/// Writes Aᵀ m A + bias of each output of the tile; m of point p, output o is in[p · stride + o].
template <typename Scalar>
CT_INLINE void output_tile(const Images &of, const float *in, int64_t stride, const float *bias, Tile tile, Scalar *y) {
  Scalar *start = y + ((tile.image * of.height + tile.top) * of.width + tile.left) * of.channels;
  const int64_t rows = of.height - tile.top, columns = of.width - tile.left;
  for (int64_t c = 0; c < of.channels; c += width) {
    Floats m[6][6];
#pragma clang loop unroll(full)
    for (int j = 0; j < 6; j++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; i++) m[i][j] = load_all(in + (6 * i + j) * stride + c);
      transform_output(m[0][j], m[1][j], m[2][j], m[3][j], m[4][j], m[5][j]);
    }
    const Floats shift = bias ? load_all(bias + c) : Floats(0);
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      transform_output(m[i][0], m[i][1], m[i][2], m[i][3], m[i][4], m[i][5]);
#pragma clang loop unroll(full)
      for (int j = 0; j < 4; j++)
        if (i < rows && j < columns) store<false>(start + (i * of.width + j) * of.channels + c, m[i][j] + shift, 0);
    }
  }
}

/// Writes A dy Aᵀ of each output of the tile: output o of point p goes to out[p · stride + o / panel · panel_stride + o % panel].
template <typename Scalar>
CT_INLINE void gradient_tile(const Images &of, const Scalar *dy, Tile tile, const Scalar *zeros, float *out, int64_t stride,
                             int64_t panel_stride) {
  const Scalar *from[4][4];
  for (int64_t i = 0; i < 4; i++) {
    for (int64_t j = 0; j < 4; j++) {
      const int64_t h = tile.top + i, w = tile.left + j;
      const bool inside = h < of.height && w < of.width;
      from[i][j] = inside ? dy + ((tile.image * of.height + h) * of.width + w) * of.channels : zeros;
    }
  }
  for (int64_t c = 0; c < of.channels; c += width) {
    Floats d[6][6];
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) d[i][j] = load<false>(from[i][j] + c, 0);
      transform_gradient(d[0][j], d[1][j], d[2][j], d[3][j], d[4][j], d[5][j]);
    }
    float *to = out + c / panel * panel_stride + c % panel;
#pragma clang loop unroll(full)
    for (int i = 0; i < 6; i++) {
      transform_gradient(d[i][0], d[i][1], d[i][2], d[i][3], d[i][4], d[i][5]);
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; j++) store_all(to + (6 * i + j) * stride, d[i][j]);
    }
  }
}

/// Transforms the filters of inputs [first, last).
static void run_filters(const Filters &job, int64_t first, int64_t last) {
  const int64_t plane = job.inputs * job.outputs;
  for (int64_t input = first; input < last; input++) {
    for (int64_t c = 0; c < job.outputs; c += width) {
      Floats taps[9];
      for (int64_t lane = 0; lane < width; lane++) {
        const float *filter = job.plain + input * job.input_step + (c + lane) * job.output_step;
        for (int64_t tap = 0; tap < 9; tap++) taps[tap][lane] = filter[job.flipped ? 8 - tap : tap];
      }
      Floats half[3][6];
      for (int i = 0; i < 3; i++) transform_filter(taps + 3 * i, half[i]);
      float *out = job.transformed + (c / panel * job.inputs + input) * panel + c % panel;
      for (int j = 0; j < 6; j++) {
        Floats g[3] = {half[0][j], half[1][j], half[2][j]}, u[6];
        transform_filter(g, u);
        for (int i = 0; i < 6; i++) store_all(out + (6 * i + j) * plane, u[i]);
      }
    }
  }
}

/// The transpose of `run_filters`, for gradients: from (36, outputs / panel, inputs, panel) to (3, 3, inputs, outputs).
static void run_filter_gradients(const FilterSums &job, int64_t first, int64_t last) {
  const int64_t plane = job.inputs * job.outputs;
  for (int64_t input = first; input < last; input++) {
    for (int64_t c = 0; c < job.outputs; c += width) {
      const float *in = job.transformed + (c / panel * job.inputs + input) * panel + c % panel;
      Floats half[6][3];
      for (int i = 0; i < 6; i++) {
        Floats u[6];
        for (int j = 0; j < 6; j++) u[j] = load_all(in + (6 * i + j) * plane);
        transform_filter_gradient(u, half[i]);
      }
      for (int j = 0; j < 3; j++) {
        Floats u[6], g[3];
        for (int i = 0; i < 6; i++) u[i] = half[i][j];
        transform_filter_gradient(u, g);
        for (int i = 0; i < 3; i++) store_all(job.plain + (3 * i + j) * plane + input * job.outputs + c, g[i]);
      }
    }
  }
}

/// Blocks [first, last) of `block_tiles` tiles each. `scratch` holds (36, block_tiles, max(inputs, outputs)) for the thread: the
/// transformed input, which its products replace row by row, and product_rows rows of input.
template <typename Scalar>
static void run_convolution(const Convolution<Scalar> &job, float *scratch, int64_t first, int64_t last) {
  const Images in{job.height, job.width, job.inputs}, out{job.height, job.width, job.outputs};
  const int64_t wide = job.inputs > job.outputs ? job.inputs : job.outputs;
  const int64_t point_stride = block_tiles * wide;
  float *rows = scratch + points * point_stride;
  for (int64_t block = first; block < last; block++) {
    const int64_t start = block * block_tiles;
    const int64_t count = job.tiles - start < block_tiles ? job.tiles - start : block_tiles;
    const int64_t padded = (count + product_rows - 1) / product_rows * product_rows;
    for (int64_t t = 0; t < count; t++)
      input_tile(in, job.x, tile_at(in, start + t), job.zeros, scratch + t * wide, point_stride);
    for (int64_t point = 0; point < points; point++) {
      float *matrix = scratch + point * point_stride;
      const float *filters = job.filters + point * job.inputs * job.outputs;
      __builtin_memset(matrix + count * wide, 0, sizeof(float) * (padded - count) * wide);
      for (int64_t t = 0; t < padded; t += product_rows) {
        for (int64_t r = 0; r < product_rows; r++)
          __builtin_memcpy(rows + r * job.inputs, matrix + (t + r) * wide, sizeof(float) * job.inputs);
        for (int64_t c = 0; c < job.outputs; c += panel)
          product<product_rows, false>(rows, job.inputs, 1, filters + c * job.inputs, panel, job.inputs,
                                       matrix + t * wide + c, wide);
      }
    }
    for (int64_t t = 0; t < count; t++)
      output_tile(out, scratch + t * wide, point_stride, job.bias, tile_at(out, start + t), job.y);
  }
}

/// First half of the filters' gradient: both transforms of tiles [first, last) of a chunk that starts at job.start.
template <typename Scalar>
static void run_gradient_transforms(const FilterGradient<Scalar> &job, int64_t first, int64_t last) {
  const Images in{job.height, job.width, job.inputs}, out{job.height, job.width, job.outputs};
  for (int64_t t = first; t < last; t++) {
    const Tile tile = tile_at(in, job.start + t);
    input_tile(in, job.x, tile, job.zeros, job.inputs_at + t * job.inputs, gradient_tiles * job.inputs);
    gradient_tile(out, job.dy, tile, job.zeros, job.gradients_at + t * panel, gradient_tiles * job.outputs,
                  gradient_tiles * panel);
  }
}

/// Second half: adds the products of the chunk's `job.count` tiles to the panels [first, last) of all points.
template <typename Scalar>
static void run_gradient_products(const FilterGradient<Scalar> &job, int64_t first, int64_t last) {
  const int64_t panels = job.outputs / panel;
  for (int64_t number = first; number < last; number++) {
    const int64_t point = number / panels, p = number % panels;
    const float *gradients = job.gradients_at + (point * job.outputs + p * panel) * gradient_tiles;
    const float *inputs = job.inputs_at + point * gradient_tiles * job.inputs;
    float *sums = job.transformed + (point * job.outputs + p * panel) * job.inputs;
    for (int64_t c = 0; c < job.inputs; c += gradient_rows) {
      if (job.start == 0)
        product<gradient_rows, false>(inputs + c, 1, job.inputs, gradients, panel, job.count, sums + c * panel, panel);
      else
        product<gradient_rows, true>(inputs + c, 1, job.inputs, gradients, panel, job.count, sums + c * panel, panel);
    }
  }
}
