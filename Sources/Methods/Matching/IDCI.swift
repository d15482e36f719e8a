public import Datasets
internal import Tensors

/// IDC-I: matching the gradients of networks that learn from the real images, without multi-formation.
///
/// repeats:
///   θ ~ P₀, or a snapshot from the early phase of training on T
///   repeats `iterations-per-model` times:
///     for each class c:   S_c ← S_c − η ∇_{S_c} ‖ ∇_θ ℓ(θ; A(T_c)) − ∇_θ ℓ(θ; A(S_c)) ‖         of convolutions alone
///     θ ← `inner-loop` batches of SGD on CutMix(A'(T))
///
/// Reference: Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022, §4 and Algorithm 1, and
/// its code: sums of squares for small colour images, of absolute values for others; 64 real images per class; at most 128
/// synthetic ones in a comparison; one siamese set of color, crop and cutout (grey images: color and crop).
/// Deviations:
/// - *Networks.* By default no network is trained inside the loop: every step takes a snapshot. The authors of Acc-DD
///   reach 65.1 so in a twentieth of the steps in which IDC reaches 67.5; see `NetworkSchedule`. `--train-on real` is Algorithm 1.
/// - *Momentum.* The code steps after every class with one momentum for all, which moves the images of each class by about twice
///   its gradient before its next turn; here all classes step at once, with momentum 0.5, and twice the gradient is spread
///   over the steps that follow.
/// Decisions:
/// - *The rate.* The code's 0.005 · ipc / 10 is for pixels in [0, 1] and 200,000 steps; divided by the variance of normalised pixels
///   it is 0.12 for squares. A run of some hundred steps needs more: 1, chosen on held-out data. For absolute values the code's 1e-4
///   is 0.001 likewise, and the default 0.008. `ipc / 10` is applied class by class, see `GradientMatching.isScaledByCount`.
/// - *Pixels* are clamped to black and white after each step; the code does so before each network.
public struct IDCI: IDCMethod {
  /// See `CondensingMethod`.
  public static let name = "idc-i"

  /// How gradients are matched.
  public var matching = Self.usual(factor: 1)

  /// See `CondensingMethod`.
  public init() {}
}

/// IDC and IDC-I, which differ in the formation.
public protocol IDCMethod: GradientMatchingMethod {}

extension IDCMethod {
  /// Networks learn from the real images, so that classes know nothing of each other.
  public static var traits: MethodTraits {
    MethodTraits(
      learns: true, isBoundedBySamples: false, acceptsFormation: true, resumes: true)
  }

  static func usual(factor: Int) -> GradientMatching {
    var images = LearnedImages(
      initialization: .mixed, factor: factor, learningRate: nil, combinesAugmentations: true, pixels: .clamped)
    images.realBatch = 64
    return GradientMatching(
      images: images, distance: nil, layers: .convolutions, schedule: NetworkSchedule(.snapshots),
      syntheticBatch: 128, isScaledByCount: true)
  }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    guard matching.schedule.training != .synthetic else {
      throw DataError(
        .usage, at: [task.dataset], "\(Self.name) compares networks that learn from real images",
        remedy: "give --train-on real, or take --method dsa")
    }
    matching.images.augmentation =
      matching.images.augmentation
      ?? (task.isSpectrogram
        ? .none : AugmentationStrategy(task.shape.channels == 1 ? [.color, .crop] : [.color, .crop, .cutout]))
    try matching.decide(for: task)
    matching.images.learningRate = matching.images.learningRate ?? (matching.distance == .absolute ? 0.008 : 1)
  }
}
