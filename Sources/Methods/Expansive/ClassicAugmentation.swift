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
public struct ClassicAugmentation: ExpandingMethod {
  /// See `ExpandingMethod`.
  public static let name = "augment"
  /// See `ExpandingMethod`.
  public static let settings = [Setting("augment", \Self.strategy)]

  /// What is drawn from; nil for all operations but cutout, without flip where images may not be mirrored.
  public var strategy: AugmentationStrategy?

  /// See `ExpandingMethod`.
  public init() {}

  /// It has none.
  public var steps: Int? {
    get { nil }
    set {}
  }

  /// See `ExpandingMethod`.
  public mutating func decide(for task: MethodTask) {
    strategy = strategy ?? AugmentationStrategy.usual(flip: task.keepsClassesMirrored).without(.cutout)
  }

  /// See `ExpandingMethod`.
  public func cost(of task: MethodTask) -> ExpandingCost { ExpandingCost(memory: .copying(task.shape)) }

  /// See `ExpandingMethod`.
  public func expansion(
    of real: some RealImages, normalization: Normalization, using random: RandomSource, control: RunControl
  ) throws -> Expanded {
    var decided = self
    decided.decide(for: MethodTask(real, counts: (0..<real.classCount).map { _ in 0 }))
    return Expanded(
      AugmentedCopies(
        real: real, strategy: decided.strategy ?? .none, normalization: normalization, random: random))
  }
}

/// Copies of samples, each augmented by itself.
private struct AugmentedCopies<Real: RealImages>: Expansion {
  let real: Real
  let strategy: AugmentationStrategy
  /// What comes in from outside of an image is the mean.
  let normalization: Normalization
  let random: RandomSource

  func images(ofClass label: Int, at positions: Range<Int>) throws(TensorError) -> Tensor {
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
