public import Datasets
public import Tensors

/// Expansion by classical augmentation: every copy of a sample is the sample, moved, enlarged, turned, mirrored and recoloured at random.
///
///     x'_(i,e) = a_(i,e)(x_i)        a: brightness, saturation, contrast and flip, then one of crop, scale, rotate
///
/// Shapes: x (C, H, W) normalised; see `AugmentationStrategy` for the operations and their ranges.
/// Reference: the "Classically Augmented" column of Jebraeeli et al., "Expansive Synthesis", 2024, table 3, which does not say what it was
/// augmented with.
/// Decisions: IDC's combination of operations without cutout, which removes what a small set has little of; what a class's position gets is
/// drawn from the class, the sample and the number of the copy alone; copy 0 is augmented like the others.
public struct ClassicAugmentation<Real: RealImages>: Expansion {
  /// The samples.
  public let real: Real
  /// What is drawn from.
  public let strategy: AugmentationStrategy
  /// What images are shifted and scaled by: what comes in from outside of an image is the mean.
  public let normalization: Normalization
  private let random: RandomSource

  /// An expansion of `real` with everything drawn from `random`.
  public init(
    _ real: Real, strategy: AugmentationStrategy, normalization: Normalization, using random: RandomSource
  ) {
    self.real = real
    self.strategy = strategy
    self.normalization = normalization
    self.random = random
  }

  /// The operations for images of so many channels: all but cutout, and no flip where they are grey.
  public static func usualStrategy(channels: Int) -> AugmentationStrategy {
    (channels == 1 ? AugmentationStrategy.withoutFlip : .full).without(.cutout)
  }

  /// See `Expansion`.
  public func images(ofClass label: Int, at positions: Range<Int>) throws(TensorError) -> Tensor {
    let places = positions.map { ExpansionPlace(position: $0, sources: real.count(ofClass: label)) }
    let images = try normalization.normalized(bytes: real.images(ofClass: label, at: places.map(\.source)))
    var results: [Tensor] = []
    for (row, place) in places.enumerated() {
      var draw = random.split("augmented copy", label, place.source, place.copy)
      let transformations = strategy.drawCombined(
        rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
      results.append(try augmented(images.slice(from: row, to: row + 1), by: transformations))
    }
    return try normalization.restored(Tensor.concatenated(results))
  }
}
