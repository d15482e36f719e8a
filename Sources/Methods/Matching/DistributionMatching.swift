public import Datasets
public import Tensors

/// DM: condensation by matching mean embeddings under randomly drawn networks.
///
/// minimises over S:   E_{θ ~ P₀, ω}  Σ_c ‖ mean_{x ∈ T_c} ψ_θ(A(x, ω)) − mean_{s ∈ S_c} ψ_θ(A(s, ω)) ‖²
///
///   S_c  synthetic images of class c, (count_c, C, H, W)      T_c  real images of class c
///   ψ_θ  embedding of a network that is drawn anew for every step and never trained, d = 2048 at 32×32 for a ConvNet
///   A    siamese augmentation: one operation with one set of parameters for both sides, drawn per class and step
///
/// The norm is the sum over the d dimensions, not their mean, and the classes are summed.
/// Reference: Zhao & Bilen, "Dataset Condensation with Distribution Matching", WACV 2023, Algorithm 1, and its code.
/// Deviations: none at factor 1. A factor applies multi-formation before the augmentation, as IDM and M3D do.
/// Decisions: a class with fewer real images than a batch gives all of them. The images are optimised in normalised
/// units and never clamped, as in the code.
public struct DistributionMatching: EmbeddingMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "dm"
  /// See `CondensingMethod`.
  public static let settings = sharedSettings

  /// How images are learned; the values are the paper's, except for the number of steps.
  ///
  /// The paper takes 20,000 steps; most of the gain comes in the first hundreds. It takes a learning rate of 1, and 10 from
  /// 100 images per class on.
  public var images = LearnedImages(initialization: .real, factor: 1)
  /// Which networks embed, and whether they also classify the images.
  public var guidance = Guidance(.drawn)

  /// See `CondensingMethod`.
  public init() {}

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost { guidance.cost(of: task, images: images, keptRows: 1) }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    var method = self
    try method.decide(for: MethodTask(real, counts: counts))
    return try method.guidance.learned(
      method.images, from: real, counts: counts, normalization: normalization, using: random, control: control,
      keeping: Self.mean, distance: Self.loss)
  }

  /// All that the loss asks of real embeddings (n, d): their mean, (1, d).
  static func mean(_ real: Tensor) throws(TensorError) -> Tensor { try real.mean(axes: [0], keepDims: true) }

  /// The loss of one class on given embeddings: ‖mean of (n, d) − mean of (m, d)‖², a scalar.
  public static func loss(real: Tensor, synthetic: Tensor) throws(TensorError) -> Tensor {
    try (real.mean(axes: [0]) - synthetic.mean(axes: [0])).squared().sum()
  }
}
