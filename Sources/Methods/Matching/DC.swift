internal import Tensors

/// DC: condensation by matching the gradients of networks that learn from the synthetic images.
///
/// repeats:
///   θ ~ P₀
///   repeats `iterations-per-model` times:
///     S ← S − η ∇_S Σ_c D( ∇_θ ℓ(θ; T_c), ∇_θ ℓ(θ; S_c) )          D: one minus the cosine, output by output, layer by layer
///     θ ← `inner-loop` passes of SGD on S
///
/// Reference: Zhao, Mopuri & Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021, Algorithm 1 and Eq. 9–10, and its
/// code: 256 real images per class, image rate 0.1 with momentum 0.5, from noise, no augmentation.
/// Deviations: none in a step. The paper draws 1,000 networks; see `LearnedImages.steps`.
/// Decisions: images per class for which the code has no loop lengths get those of the rule in `NetworkSchedule.decide`. The
/// images are optimised in normalised units and never clamped, as in the code.
public struct DC: GradientMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "dc"
  /// A class changes the networks that the others are compared under.
  public static let traits = MethodTraits(
    learns: true, isBoundedBySamples: false, acceptsFormation: true, resumes: true)

  /// How gradients are matched.
  public var matching = GradientMatching(
    images: LearnedImages(
      initialization: .noise, factor: 1, learningRate: 0.1, augmentation: AugmentationStrategy.none),
    distance: .cosine, layers: .all, schedule: NetworkSchedule(.synthetic))

  /// See `CondensingMethod`.
  public init() {}
}
