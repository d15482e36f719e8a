// The passes over one image that instance norm, ReLU and 2 × 2 average pool are made of, and their gradients.
//
// See Vectors.hpp for how this file is included. Each pass handles `count` registers of channels, side by side; with `partial` only
// the first `lanes` channels of one register.

/// Channels of one image in memory order h, w, c: from pixel to pixel and from row to row.
template <typename Scalar>
struct Plane {
  Scalar *at;
  int64_t step, row;
};

struct Extent {
  int64_t height, width;
};

/// Mean and 1 / sqrt(variance + eps) of each channel.
///
/// The sums are of x - k and (x - k)², k the mean of the first row. Cancellation stays small whatever the mean is, because
/// (k - mean)² is at most height · variance. Each row is summed apart, so the error does not grow with the area.
template <int count, bool partial, typename Scalar>
CT_INLINE void statistics_pass(Plane<const Scalar> x, Extent of, float eps, int lanes, Floats *mean, Floats *inverse) {
  Floats shift[count], sum[count], squares[count];
  for (int r = 0; r < count; r++) shift[r] = sum[r] = squares[r] = 0;
  for (int64_t j = 0; j < of.width; j++)
    for (int r = 0; r < count; r++) shift[r] += load<partial>(x.at + j * x.step + r * width, lanes);
  for (int r = 0; r < count; r++) shift[r] /= float(of.width);
  for (int64_t i = 0; i < of.height; i++) {
    Floats row_sum[count], row_squares[count];
    for (int r = 0; r < count; r++) row_sum[r] = row_squares[r] = 0;
    const Scalar *at = x.at + i * x.row;
    for (int64_t j = 0; j < of.width; j++, at += x.step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats distance = load<partial>(at + r * width, lanes) - shift[r];
        row_sum[r] += distance;
        row_squares[r] = multiply_add(distance, distance, row_squares[r]);
      }
    }
    for (int r = 0; r < count; r++) {
      sum[r] += row_sum[r];
      squares[r] += row_squares[r];
    }
  }
  const float area = float(of.height * of.width);
  for (int r = 0; r < count; r++) {
    Floats distance = sum[r] / area;
    Floats variance = squares[r] / area - distance * distance;
    variance = keep_where(!(variance <= 0), variance);  // not below 0, and a NaN stays one
    mean[r] = shift[r] + distance;
    inverse[r] = 1 / __builtin_elementwise_sqrt(variance + eps);
  }
}

/// max(scale·x + offset, 0) averaged over 2 × 2 pixels, to pixels of y that are `y_step` apart.
template <int count, bool partial, typename Scalar, typename Result>
CT_INLINE void pool_pass(Plane<const Scalar> x, Extent of, int lanes, const Floats *scale, const Floats *offset, Result *y,
                         int64_t y_step) {
  for (int64_t i = 0; i < of.height / 2; i++) {
    const Scalar *at = x.at + 2 * i * x.row;
    for (int64_t j = 0; j < of.width / 2; j++, at += 2 * x.step, y += y_step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats total = 0;
        for (int64_t pixel : {int64_t(0), x.step, x.row, x.row + x.step}) {
          Floats z = multiply_add(scale[r], load<partial>(at + pixel + r * width, lanes), offset[r]);
          total += keep_where(!(z <= 0), z);  // as the library's ReLU: a NaN stays one
        }
        store<partial>(y + r * width, total * 0.25f, lanes);
      }
    }
  }
}

/// Σd and Σd·x̂ of each channel, where d is a quarter of dy where scale·x + offset > 0, else 0, and x̂ = (x - mean) · inverse.
template <int count, bool partial, typename Scalar, typename Result>
CT_INLINE void gradient_sums_pass(Plane<const Scalar> x, Extent of, int lanes, const Floats *mean, const Floats *inverse,
                                  const Floats *scale, const Floats *offset, const Result *dy, int64_t dy_step, Floats *sum,
                                  Floats *products) {
  for (int r = 0; r < count; r++) sum[r] = products[r] = 0;
  for (int64_t i = 0; i < of.height / 2; i++) {
    Floats row_sum[count], row_products[count];
    for (int r = 0; r < count; r++) row_sum[r] = row_products[r] = 0;
    const Scalar *at = x.at + 2 * i * x.row;
    for (int64_t j = 0; j < of.width / 2; j++, at += 2 * x.step, dy += dy_step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats open = 0, distances = 0;
        for (int64_t pixel : {int64_t(0), x.step, x.row, x.row + x.step}) {
          Floats value = load<partial>(at + pixel + r * width, lanes);
          Ints mask = multiply_add(scale[r], value, offset[r]) > 0;
          open += keep_where(mask, Floats(1));
          distances += keep_where(mask, value - mean[r]);
        }
        Floats d = load<partial>(dy + r * width, lanes);
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
  }
}

/// dx = scale · (d - Σd/n - x̂·Σ(d·x̂)/n), n the area, computed as scale·d + slope·x + constant. dx has the strides of x and may be x.
template <int count, bool partial, typename Scalar, typename Result>
CT_INLINE void input_gradient_pass(Plane<const Scalar> x, Extent of, int lanes, const Floats *mean, const Floats *inverse,
                                   const Floats *scale, const Floats *offset, const Floats *sum, const Floats *products,
                                   const Result *dy, int64_t dy_step, Scalar *dx) {
  Floats slope[count], constant[count], quarter[count];
  const float area = float(of.height * of.width);
  for (int r = 0; r < count; r++) {
    slope[r] = -scale[r] * inverse[r] * products[r] / area;
    constant[r] = -scale[r] * sum[r] / area - slope[r] * mean[r];
    quarter[r] = 0.25f * scale[r];
  }
  const int64_t pooled_height = of.height / 2, pooled_width = of.width / 2;
  for (int64_t i = 0; i < pooled_height; i++) {
    for (int64_t j = 0; j < pooled_width; j++, dy += dy_step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats d = quarter[r] * load<partial>(dy + r * width, lanes);
        for (int64_t pixel : {int64_t(0), x.step, x.row, x.row + x.step}) {
          const int64_t at = 2 * i * x.row + 2 * j * x.step + pixel + r * width;
          Floats value = load<partial>(x.at + at, lanes);
          Ints mask = multiply_add(scale[r], value, offset[r]) > 0;
          store<partial>(dx + at, multiply_add(slope[r], value, constant[r]) + keep_where(mask, d), lanes);
        }
      }
    }
  }
  // An odd last column or row is not in any window; it still moves the statistics.
  for (int64_t i = 0; i < of.height; i++) {
    for (int64_t j = i < 2 * pooled_height ? 2 * pooled_width : 0; j < of.width; j++) {
      for (int r = 0; r < count; r++) {
        const int64_t at = i * x.row + j * x.step + r * width;
        store<partial>(dx + at, multiply_add(slope[r], load<partial>(x.at + at, lanes), constant[r]), lanes);
      }
    }
  }
}

/// Sums of each channel for the gradient of dx: Σu, Σu·x̂ and Σu·d, where u is what arrives at dx; d and x̂ as above.
template <int count, bool partial, typename Scalar, typename Result>
CT_INLINE void second_sums_pass(Plane<const Scalar> x, const Scalar *u, Extent of, int lanes, const Floats *mean,
                                const Floats *inverse, const Floats *scale, const Floats *offset, const Result *dy,
                                int64_t dy_step, Floats *sum, Floats *products, Floats *matches) {
  for (int r = 0; r < count; r++) sum[r] = products[r] = matches[r] = 0;
  const int64_t pooled_height = of.height / 2, pooled_width = of.width / 2;
  for (int64_t i = 0; i < pooled_height; i++) {
    Floats row_sum[count], row_products[count], row_matches[count];
    for (int r = 0; r < count; r++) row_sum[r] = row_products[r] = row_matches[r] = 0;
    for (int64_t j = 0; j < pooled_width; j++, dy += dy_step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats open = 0;
        for (int64_t pixel : {int64_t(0), x.step, x.row, x.row + x.step}) {
          const int64_t at = 2 * i * x.row + 2 * j * x.step + pixel + r * width;
          Floats value = load<partial>(x.at + at, lanes), arriving = load<partial>(u + at, lanes);
          row_sum[r] += arriving;
          row_products[r] = multiply_add(arriving, value - mean[r], row_products[r]);
          open += keep_where(multiply_add(scale[r], value, offset[r]) > 0, arriving);
        }
        row_matches[r] = multiply_add(load<partial>(dy + r * width, lanes), open, row_matches[r]);
      }
    }
    for (int r = 0; r < count; r++) {
      sum[r] += row_sum[r];
      products[r] += row_products[r];
      matches[r] += row_matches[r];
    }
  }
  for (int64_t i = 0; i < of.height; i++) {
    for (int64_t j = i < 2 * pooled_height ? 2 * pooled_width : 0; j < of.width; j++) {
      for (int r = 0; r < count; r++) {
        const int64_t at = i * x.row + j * x.step + r * width;
        Floats arriving = load<partial>(u + at, lanes);
        sum[r] += arriving;
        products[r] = multiply_add(arriving, load<partial>(x.at + at, lanes) - mean[r], products[r]);
      }
    }
  }
  for (int r = 0; r < count; r++) {
    products[r] *= inverse[r];
    matches[r] *= 0.25f;
  }
}

/// The gradient of dx at dy and at x. With ū, a, ḋ, b, c the means of u, u·x̂, d, d·x̂ and u·d over the area n, and s = scale · inverse,
///
///     ddy = ¼ scale · Σ (u - ū - a·x̂)                                  over the pixels of the window that are open
///     dx  = -s · (x̂·(c - ū·ḋ - 3ab) + b·(u - ū) + a·(d - ḋ))
///
/// dx has the strides of x.
template <int count, bool partial, typename Scalar, typename Result>
CT_INLINE void second_gradient_pass(Plane<const Scalar> x, const Scalar *u, Extent of, int lanes, const Floats *mean,
                                    const Floats *inverse, const Floats *scale, const Floats *offset, const Floats *sum,
                                    const Floats *products, const Floats *u_sum, const Floats *u_products,
                                    const Floats *matches, const Result *dy, int64_t dy_step, Scalar *dx, Result *ddy) {
  const float area = float(of.height * of.width);
  Floats slope[count], arriving_slope[count], open_slope[count], constant[count], quarter[count];
  Floats window_slope[count], window_constant[count];
  for (int r = 0; r < count; r++) {
    const Floats d = sum[r] / area, b = products[r] / area, u_mean = u_sum[r] / area, a = u_products[r] / area;
    const Floats steep = -scale[r] * inverse[r];
    slope[r] = steep * inverse[r] * (matches[r] / area - u_mean * d - 3 * a * b);
    arriving_slope[r] = steep * b;
    open_slope[r] = 0.25f * steep * a;
    constant[r] = -steep * (b * u_mean + a * d) - slope[r] * mean[r];
    quarter[r] = 0.25f * scale[r];
    window_slope[r] = -a * inverse[r];
    window_constant[r] = a * inverse[r] * mean[r] - u_mean;
  }
  const int64_t pooled_height = of.height / 2, pooled_width = of.width / 2;
  for (int64_t i = 0; i < pooled_height; i++) {
    for (int64_t j = 0; j < pooled_width; j++, dy += dy_step, ddy += dy_step) {
#pragma clang loop unroll(full)
      for (int r = 0; r < count; r++) {
        Floats d = open_slope[r] * load<partial>(dy + r * width, lanes), total = 0;
        for (int64_t pixel : {int64_t(0), x.step, x.row, x.row + x.step}) {
          const int64_t at = 2 * i * x.row + 2 * j * x.step + pixel + r * width;
          Floats value = load<partial>(x.at + at, lanes), arriving = load<partial>(u + at, lanes);
          Ints mask = multiply_add(scale[r], value, offset[r]) > 0;
          Floats part = multiply_add(arriving_slope[r], arriving, multiply_add(slope[r], value, constant[r]));
          store<partial>(dx + at, part + keep_where(mask, d), lanes);
          total += keep_where(mask, multiply_add(window_slope[r], value, window_constant[r]) + arriving);
        }
        store<partial>(ddy + r * width, quarter[r] * total, lanes);
      }
    }
  }
  for (int64_t i = 0; i < of.height; i++) {
    for (int64_t j = i < 2 * pooled_height ? 2 * pooled_width : 0; j < of.width; j++) {
      for (int r = 0; r < count; r++) {
        const int64_t at = i * x.row + j * x.step + r * width;
        Floats value = load<partial>(x.at + at, lanes), arriving = load<partial>(u + at, lanes);
        store<partial>(dx + at,
                       multiply_add(arriving_slope[r], arriving, multiply_add(slope[r], value, constant[r])), lanes);
      }
    }
  }
}
