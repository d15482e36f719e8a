public import Datasets
public import Tensors

/// M3D: condensation by minimising the maximum mean discrepancy between embeddings, which matches all their moments.
///
/// minimises over S:   E_{θ ~ P₀, ω}  Σ_c MMD²_K( ψ_θ(A(T_c, ω)), ψ_θ(A(decode(S_c), ω)) )
///
///   S_c     synthetic images of class c, (count_c, C, H, W)         T_c  real images of class c
///   decode  multi-formation: each stored image gives factor² enlarged tiles; see `Formation` for other kinds
///   ψ_θ     embedding of a randomly drawn network, kept for `stepsPerNetwork` steps
///   K       a kernel on embeddings, see `Kernel`
///
/// Reference: Zhang et al., "M3D: Dataset Condensation by Minimizing Maximum Mean Discrepancy", AAAI 2024, Eq. 8–10 and Algorithm 1.
/// Deviations: the default kernel is the mixture of five Gaussians around a multiple of the batch's mean squared distance, which
/// is 1 in the published implementations, where the paper writes one Gaussian of unnamed width. The default step is in linear
/// units, next paragraph. The paper's numbers for small images are 10,000 steps, five to a network, at rate 1 with
/// one Gaussian and no such units; it names no width, for which the batch's mean squared distance is taken then too.
/// Decisions:
/// - *The step.* A Gaussian kernel of bandwidth b has about 1/b of the linear kernel's slope, and b is several hundred for
///   2048-dimensional embeddings: with the paper's rate of 1 the images do not move. By default the loss is multiplied by the
///   constant that gives the kernel the linear kernel's slope at the distance b (0.413 b for the mixture; derivation at
///   `Kernel.linearUnits`). It is computed from each batch, depends on nothing else, and makes the rate mean what it means
///   for DM, whose loss is MMD² under the linear kernel. `units = .kernel` turns it off.
/// - *The kernel's width.* Ten images cannot have all moments of five thousand: with factor 1 a kernel as narrow as the
///   published ones stands still after 300 steps, where DM, which asks for the mean alone, goes on. The wider a kernel, the
///   less it asks beyond the mean; with factor 1 it is `width(forFactor:)` = 16 mean squared distances, with more tiles the
///   published 1, which is then the better one. Chosen on held-out data, see docs/design/0014-what-was-tried.md.
/// - *Networks.* Every step draws its own, where the paper keeps one for five: a fresh network costs nothing here, since real
///   embeddings are made anew in each step, and five steps in a row fit the images to the accidents of one network.
/// - *Batches.* Each step draws a new real batch and a new augmentation, also under the same network: the paper
///   says mini-batches are sampled inside the loop. 256 real images per class, as DM (the paper does not say); the
///   synthetic side is always all of the class.
/// - *Augmentation, momentum.* One siamese DSA operation and momentum 0.5, as DM (the paper does not say).
/// - *Where.* See `LearnedImages`. The update inside the class loop
///   (Algorithm 1, line 9) and one update after it are the same thing, as classes share no pixels.
/// - *Initial images.* Real ones; with a factor each tile is a different real image, shrunk.
public struct M3D: EmbeddingMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "m3d"
  /// See `CondensingMethod`.
  public static let settings =
    sharedSettings + [
      Setting("kernel", \.kernel), Setting("bandwidth", \.bandwidth), Setting("units", \.units),
      Setting("iterations-per-model", \.stepsPerNetwork),
    ]

  /// How images are learned.
  ///
  /// The paper takes 10,000 steps for small images and 1,000 for ImageNet; factor 2 for small images and 3 for ImageNet.
  public var images = LearnedImages(initialization: .mixed, factor: 2)
  /// Which networks embed, and whether they also classify the images.
  public var guidance = Guidance(.drawn)
  /// The kernel on embeddings, whose own width is not looked at.
  public var kernel = Kernel.gaussianMixture()
  /// The width of a Gaussian kernel, in mean squared distances of the batch; nil for the one that suits the formation.
  public var bandwidth: Double?
  /// What the loss is measured in.
  public var units = Units.linear
  /// Steps that share one network (IPM in the paper, which takes 5).
  public var stepsPerNetwork = 1

  /// What a loss is measured in.
  public enum Units: String, Sendable, CaseIterable, SettingValue {
    /// The linear kernel's units, so that a learning rate means the same for all kernels.
    case linear
    /// The kernel's own.
    case kernel
  }

  /// See `SettingValue`.
  public init() {}

  /// The width of a Gaussian kernel that suits a formation, in mean squared distances of the batch.
  public static func width(forFactor factor: Int) -> Double { factor == 1 ? 16 : 1 }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    try decideShared(for: task)
    kernel = kernel.with(width: bandwidth ?? Self.width(forFactor: images.formation.factor))
    bandwidth = kernel.width
  }

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost {
    // Squares of distances, and for every Gaussian two matrices.
    guidance.cost(of: task, images: images) { rows in kernel == .linear ? 0 : 12 * rows * rows }
  }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    var method = self
    try method.decide(for: MethodTask(real, counts: counts))
    return try method.guidance.learned(
      method.images, from: real, counts: counts, normalization: normalization, stepsPerNetwork: stepsPerNetwork,
      using: random,
      control: control
    ) { target, embeddings throws(TensorError) in
      try method.kernel.squaredMMD(target, embeddings, inLinearUnits: units == .linear)  // line 8
    }
  }
}

extension Kernel: SettingValue {
  /// See `SettingValue`.
  public init?(settingText: String) {
    guard
      let kernel = [Kernel.gaussianMixture(), .gaussian(), .linear, .polynomial].first(where: { $0.name == settingText }
      )
    else { return nil }
    self = kernel
  }
  /// See `SettingValue`.
  public var settingText: String? { name }
  /// See `SettingValue`.
  public static var settingForm: String { "one of gaussian-mixture, gaussian, linear, polynomial" }
}
