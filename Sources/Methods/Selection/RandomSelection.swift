public import Datasets
public import Tensors

/// Random: the baseline that keeps real images drawn at random, per class, without repetition.
///
/// Shapes: a class with m images and a budget k gives min(m, k) images.
/// Reference: the "Random" row of every table in the literature; IDC's code takes the first k images instead.
/// Deviations: none.
public struct RandomSelection: CondensingMethod {
  /// See `CondensingMethod`.
  public static let name = "random"
  /// See `CondensingMethod`.
  public static let traits = MethodTraits(learns: false, isBoundedBySamples: true)
  /// See `CondensingMethod`.
  public static let settings: [Setting<Self>] = []

  /// See `CondensingMethod`.
  public init() {}

  /// It has none.
  public var steps: Int? {
    get { nil }
    set {}
  }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) {}

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost {
    var need = MemoryNeed(for: .selecting)
    need.images = 11 * task.pixels * task.images
    return Cost(memory: need)
  }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    try Self.select(from: real, counts: counts, using: random)
  }

  /// Selects `counts[c]` images of each class c; all of a class that has fewer.
  public static func select(
    from real: some RealImages, counts: [Int], using random: RandomSource
  ) throws(TensorError) -> Condensation {
    var chosen: [SourceImage] = []
    for (label, count) in imagesPerClass(counts, of: real).enumerated() where count > 0 {
      var random = random.split("random selection", label)
      let total = real.count(ofClass: label)
      chosen += random.choice(min(count, total), of: total).map { SourceImage(label: label, index: $0) }
    }
    return Condensation(synthetic: try Synthetic(selecting: chosen, from: real), steps: chosen.count)
  }
}

extension Synthetic {
  /// Real images as they are, in the order given, which must be ascending in class.
  public init(selecting chosen: [SourceImage], from real: some RealImages) throws(TensorError) {
    precondition(!chosen.isEmpty, "a selection needs at least one image")
    var images: [Tensor] = []
    for image in chosen { images.append(real.images(ofClass: image.label, at: [image.index])) }
    self.init(
      images: try Tensor.concatenated(images, axis: 0).unitValues, labels: chosen.map(\.label),
      sources: chosen)
  }
}
