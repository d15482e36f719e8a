public import Datasets
public import Tensors

extension Normalization {
  /// MNIST's constants in the reference code.
  public static let mnist = Normalization(mean: [0.1307], std: [0.3081])
  /// Fashion-MNIST's constants in the reference code.
  public static let fashionMNIST = Normalization(mean: [0.2861], std: [0.3530])
  /// SVHN's constants in the reference code.
  public static let svhn = Normalization(mean: [0.4377, 0.4438, 0.4728], std: [0.1980, 0.2010, 0.1970])
  /// CIFAR-10's constants in the reference code (the deviations are those of single images, averaged).
  public static let cifar10 = Normalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010])
  /// CIFAR-100's constants in the reference code.
  public static let cifar100 = Normalization(mean: [0.5071, 0.4866, 0.4409], std: [0.2673, 0.2564, 0.2762])
  /// ImageNet's constants, which Tiny ImageNet shares.
  public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

  /// Mean and deviation of every channel over all pixels of the whole set; a constant channel gets deviation 1.
  ///
  /// The sums are exact integers, so the result does not depend on the order or the size of the pieces read; those of spectrograms are sums
  /// of doubles in the order of classes and images.
  public static func measured(on real: some RealImages) -> Normalization {
    if real.isSpectrogram { return measured(onFloats: real) }
    let (channels, height, width) = (real.shape.channels, real.shape.height, real.shape.width)
    var sums = PixelSums(channels: channels)
    for label in 0..<real.classCount {
      let count = real.count(ofClass: label)
      for start in stride(from: 0, to: count, by: 500) {
        let indices = Array(start..<min(start + 500, count))
        real.images(ofClass: label, at: indices).bytes().withUnsafeBufferPointer { sums.add($0, plane: height * width) }
      }
    }
    return sums.normalization
  }

  private static func measured(onFloats real: some RealImages) -> Normalization {
    let (channels, plane) = (real.shape.channels, real.shape.height * real.shape.width)
    var (sums, squares, pixels) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels), 0)
    for label in 0..<real.classCount {
      for start in stride(from: 0, to: real.count(ofClass: label), by: 500) {
        let indices = Array(start..<min(start + 500, real.count(ofClass: label)))
        real.images(ofClass: label, at: indices).floats().withUnsafeBufferPointer { values in
          for (position, value) in values.enumerated() {
            let channel = position / plane % channels
            sums[channel] += Double(value)
            squares[channel] += Double(value) * Double(value)
          }
        }
        pixels += indices.count * plane
      }
    }
    precondition(pixels > 0, "a dataset without images has no mean")
    let means = sums.map { $0 / Double(pixels) }
    let deviations = zip(squares, means).map { square, mean -> Float in
      let variance = square / Double(pixels) - mean * mean
      return variance > 1e-12 ? Float(variance.squareRoot()) : 1
    }
    return Normalization(mean: means.map(Float.init), std: deviations)
  }

  /// Stored images to what networks see: uint8 or float32 (n, C, H, W) → float32 (n, C, H, W).
  public func normalized(bytes images: Tensor) throws(TensorError) -> Tensor { try normalized(images.unitValues) }

  /// Values in [0, 1], or of spectrograms, to what networks see, (n, C, H, W); differentiable.
  public func normalized(_ images: Tensor) throws(TensorError) -> Tensor {
    (images - column(mean)) / column(std)
  }

  /// What networks see to values in [0, 1]; the inverse of `normalized` up to rounding, not clamped.
  public func restored(_ images: Tensor) throws(TensorError) -> Tensor {
    images * column(std) + column(mean)
  }

  private func column(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, values.count, 1, 1]) }
}

extension Tensor {
  /// The values of stored images: bytes divided by 255, floats as they are.
  var unitValues: Tensor { dtype == .uint8 ? to(.float32) / 255 : self }
}
