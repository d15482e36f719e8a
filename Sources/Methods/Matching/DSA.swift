internal import Tensors

/// DSA: DC under differentiable siamese augmentation.
///
/// minimises over S as DC does, with one augmentation A(·, ω) on both sides of every comparison; the networks learn from augmented
/// synthetic images, each batch through one operation with parameters for each image.
///
/// Reference: Zhao & Bilen, "Dataset Condensation with Differentiable Siamese Augmentation", ICML 2021, Algorithm 1, and its code:
/// as DC, from real images.
/// Deviations: none in a step. The paper draws 1,000 networks; see `LearnedImages.steps`.
/// Decisions: as DC; the rate is 1, ten times that of the code: 30 steps on held-out images of CIFAR-10 gave 39.7 at 1, 38.0 at 0.1 and 37.2 at 5.
public struct DSA: GradientMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "dsa"
  /// A class changes the networks that the others are compared under.
  public static let traits = MethodTraits(
    learns: true, isBoundedBySamples: false, acceptsFormation: true, resumes: true)

  /// How gradients are matched.
  public var matching = GradientMatching(
    images: LearnedImages(initialization: .real, factor: 1, learningRate: 1), distance: .cosine, layers: .all,
    schedule: NetworkSchedule(.synthetic))

  /// See `CondensingMethod`.
  public init() {}
}
