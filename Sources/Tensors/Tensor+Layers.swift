// The operations that networks are made of. Images are (n, c, h, w) in shape, in whichever memory order.

extension Tensor {
  /// Cross-correlation of images with `weight` (out, c / groups, kh, kw), plus `bias` (out), zeros beyond the border.
  public func convolution2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
  ) throws(TensorError) -> Tensor {
    let strides = [Int64(stride), Int64(stride)]
    let paddings = [Int64(padding), Int64(padding)]
    return try Tensor.make("convolution2d", Tensor.given(self, weight, bias)) {
      C.convolution2d(reference, weight.reference, bias?.reference, strides, paddings, Int64(groups), &$0)
    }
  }

  /// The adjoint of `convolution2d` with `weight` (c, out, kh, kw), plus `bias` (out).
  public func transposedConvolution2d(
    _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0
  ) throws(TensorError) -> Tensor {
    let strides = [Int64(stride), Int64(stride)]
    let paddings = [Int64(padding), Int64(padding)]
    let extra = [Int64(outputPadding), Int64(outputPadding)]
    return try Tensor.make("transposedConvolution2d", Tensor.given(self, weight, bias)) {
      C.transposedConvolution2d(reference, weight.reference, bias?.reference, strides, paddings, extra, &$0)
    }
  }

  /// Mean of each kernel × kernel window; the stride is the kernel when none is given.
  ///
  /// Padding counts as zeros in the mean.
  public func averagePool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) throws(TensorError) -> Tensor {
    try Tensor.make("averagePool2d", [self]) {
      C.averagePool2d(reference, Int64(kernel), Int64(stride ?? kernel), Int64(padding), &$0)
    }
  }

  /// Maximum of each kernel × kernel window; the stride is the kernel when none is given.
  public func maxPool2d(_ kernel: Int, stride: Int? = nil, padding: Int = 0) throws(TensorError) -> Tensor {
    try Tensor.make("maxPool2d", [self]) {
      C.maxPool2d(reference, Int64(kernel), Int64(stride ?? kernel), Int64(padding), &$0)
    }
  }

  /// Each image's groups of channels to mean 0 and variance 1 (biased, plus eps), then per channel times weight plus bias.
  public func groupNorm(
    groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
  ) throws(TensorError) -> Tensor {
    try Tensor.make("groupNorm", Tensor.given(self, weight, bias)) {
      C.groupNorm(reference, Int64(groups), weight?.reference, bias?.reference, eps, &$0)
    }
  }

  /// Group norm with one group per channel.
  public func instanceNorm(
    weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
  ) throws(TensorError) -> Tensor {
    guard rank >= 2 else { throw TensorError("instanceNorm", [shape], "expected (n, c, ...)") }
    return try groupNorm(groups: shape[1], weight: weight, bias: bias, eps: eps)
  }

  /// Each channel to mean 0 and variance 1 over the batch, or by `statistics` (c each) when given, then times weight plus bias.
  public func batchNorm(
    weight: Tensor? = nil, bias: Tensor? = nil, statistics: (mean: Tensor, variance: Tensor)? = nil, eps: Double = 1e-5
  ) throws(TensorError) -> Tensor {
    try Tensor.make("batchNorm", Tensor.given(self, weight, bias, statistics?.mean, statistics?.variance)) {
      C.batchNorm(
        reference, weight?.reference, bias?.reference, statistics?.mean.reference, statistics?.variance.reference, eps,
        &$0)
    }
  }

  /// Each channel to mean 0 and variance 1 over the batch, then times weight plus bias (torch: batch_norm in training).
  ///
  /// `statistics` (c each) move by `momentum` towards the batch's mean and unbiased variance; no gradient flows into
  /// them. Throws when the batch has one value per channel.
  public func batchNorm(
    weight: Tensor? = nil, bias: Tensor? = nil, updating statistics: inout (mean: Tensor, variance: Tensor),
    momentum: Double, eps: Double = 1e-5
  ) throws(TensorError) -> Tensor {
    let (mean, variance) = statistics
    let results = try Tensor.make(3, "batchNorm", Tensor.given(self, weight, bias, mean, variance)) {
      C.batchNormTraining(
        reference, weight?.reference, bias?.reference, mean.reference, variance.reference, momentum, eps, $0, $0 + 1,
        $0 + 2)
    }
    statistics = (results[1], results[2])
    return results[0]
  }

  /// Images resized bilinearly with half-pixel centres, without antialiasing (torch: align_corners = false).
  public func upsampled(toHeight height: Int, width: Int) throws(TensorError) -> Tensor {
    try Tensor.make("upsampled", [self]) { C.upsampleBilinear(reference, Int64(height), Int64(width), &$0) }
  }

  /// Images sampled bilinearly under affine maps: the pixel at p of image i comes from theta[i] · (p, 1), both in coordinates
  /// where the image spans [-1, 1]; zeros outside (torch: affine_grid and grid_sample, align_corners = false).
  ///
  /// - Parameter theta: (n, 2, 3).
  public func gridSample(_ theta: Tensor) throws(TensorError) -> Tensor {
    try Tensor.make("gridSample", [self, theta]) { C.affineSample(reference, theta.reference, &$0) }
  }

  private static func given(_ tensors: Tensor?...) -> [Tensor] { tensors.compactMap(\.self) }
}
