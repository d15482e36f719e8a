public import Datasets
internal import Foundation
public import Tensors

/// Guided matching: features of snapshots of trained networks are matched, and the same snapshots must recognise the images.
///
/// minimises over S:   E_{θ, ω}  Σ_c  MMD²( ψ_θ(A(T_c, ω)), ψ_θ(A(decode(S_c), ω)) )  +  α · mean CE( f_θ(A(decode(S_c), ω)), c )
///
///   S_c     synthetic images of class c, (count_c, C, H, W), at first a tile for each group of a k-means
///   MMD²    under M3D's mixture of Gaussians, see `Kernel`
///   θ       a snapshot of a network that was trained on the real images, after any of its epochs, see `Guidance`
///   decode  multi-formation, factor 2; of many small grey images 1
///
/// repeats `steps` times, N steps in all:
///   every `reuse` steps:  θ, ω and a real batch of each class anew; their embeddings are kept
///   S ← S − ½ η (1 + cos(π step / N)) ∇L, momentum 0.5; pixels clamped to black and white
///
/// Reference: nobody's method as a whole. Features of trained networks with the cross entropy of such a network: DANCE (Zhang et
/// al., IJCAI 2024). Every epoch of one trajectory, and both losses in one step: TGDD (AAAI 2026). One decision apart from both:
/// the same snapshot gives the features and the cross entropy, in one pass. Tiles by k-means: DREAM (Liu et al., ICCV 2023) picks
/// real images so; formation and the combination of augmentations: IDC.
/// Decisions, on held-out data, see docs/design/0019:
/// - *The distance* is that of M3D, under its kernel; of mean features, as in DANCE and TGDD, it is as good for photographs and worse for
///   grey images. `distance` has both, and KR-dual's potential.
/// - *α* and *the rate* go by the images per class: the more images, the less a step moves each of them. So does *the factor* of small
///   grey images.
/// - *One image per class* is guided by younger networks.
public struct Guided: EmbeddingMatchingMethod {
  /// See `CondensingMethod`.
  public static let name = "guided"
  /// See `CondensingMethod`.
  public static let settings =
    sharedSettings.map { $0.option == "factor" ? Setting("factor", \.factor) : $0 } + [
      Setting("distance", \.distance), Setting("decay", \.images.decay),
      Setting("schedule", \.images.schedule), Setting("pixels", \.images.pixels),
    ]

  /// How images are learned.
  public var images: LearnedImages
  /// Which networks embed, and how much their cross entropy weighs.
  public var guidance = Guidance(.snapshots) { ipc in ipc <= 20 ? 2.5 : 0.5 }
  /// How embeddings are compared.
  public var distance = Distance.kernel
  /// Tiles per side of a stored image; nil where the data decides, see `usualFactor`.
  public var factor: Int? {
    get { decidesFactor ? nil : images.formation.factor }
    set {
      decidesFactor = newValue == nil
      images.formation.factor = newValue ?? images.formation.factor
    }
  }
  private var decidesFactor = true

  /// How the embeddings of a class are compared.
  public enum Distance: String, Sendable, CaseIterable, SettingValue {
    /// By their means, as in DM.
    case mean
    /// By M3D's kernel.
    case kernel
    /// By KR-dual's potential.
    case dual
  }

  /// See `CondensingMethod`.
  public init() {
    images = LearnedImages(
      initialization: .kMeans, factor: 2, learningRate: nil, combinesAugmentations: true, pixels: .clamped)
    images.realBatch = 128
    images.stepsPerBatch = 4
    images.decay = .cosine
  }

  /// The learning rate for so many images per class.
  public static func rate(ipc: Int) -> Double { (2 * pow(Double(max(1, ipc)), 0.7) * 10).rounded() / 10 }

  /// Tiles per side for so many images per class: 2, and 1 for many small grey images.
  ///
  /// A tile of a digit has 14 pixels a side. A few hundred of them teach less than a quarter as many whole digits do.
  public static func usualFactor(for task: MethodTask) -> Int {
    let isSmall = task.shape.channels == 1 && max(task.shape.height, task.shape.width) <= 32
    return isSmall && !task.isSpectrogram && (task.counts.max() ?? 1) >= wholeImagesFrom ? 1 : 2
  }

  /// Images per class from which on small grey images are not cut into tiles.
  public static let wholeImagesFrom = 20

  /// The width of the kernel, in mean squared distances of a batch: that of M3D, and its narrow one for many whole images, too.
  static func width(forFactor factor: Int, ipc: Int) -> Double {
    M3D.width(forFactor: ipc >= wholeImagesFrom ? max(2, factor) : factor)
  }

  /// Epochs of the networks for one image per class: a sixth of the usual work on the real images; nil for more images.
  ///
  /// On held-out images of CIFAR-10, 2 epochs were better than 12, see docs/design/0019.
  private func epochsForOne(_ task: MethodTask) -> Int? {
    guard (task.counts.max() ?? 1) == 1 else { return nil }
    return Guidance.usualEpochs(of: images.network.decided(for: task), for: task, share: 1 / 6)
  }

  /// What the rate is multiplied with for spectrograms: nothing augments them, so that every step pulls the same way.
  public static let rateOfSpectrograms = 0.2

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    images.augmentation = images.augmentation ?? task.combinedAugmentation
    if decidesFactor, images.formation == Formation(factor: 2) {
      images.formation.factor = Self.usualFactor(for: task)
    }
    decidesFactor = false
    let rate = Self.rate(ipc: task.counts.max() ?? 1) * (task.isSpectrogram ? Self.rateOfSpectrograms : 1)
    images.learningRate = images.learningRate ?? rate
    guidance.epochs = guidance.epochs ?? epochsForOne(task)
    try decideShared(for: task)
  }

  /// See `CondensingMethod`; where a time has no room for one epoch on the real images, networks are drawn as in M3D, and so are the first
  /// images.
  public mutating func share(_ budget: TimeBudget) {
    guard guidance.isTooShort(budget) else {
      return guidance.share(budget, mostEpochs: epochsForOne(budget.task) ?? Guidance.mostEpochs)
    }
    guidance.encoders = .drawn
    if images.initialization == .kMeans { images.initialization = .mixed }
  }

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost {
    var cost = guidance.cost(of: task, images: images, keptRows: distance == .mean ? 1 : .max) { rows in
      switch distance {
      case .mean: 0
      case .kernel: 12 * rows * rows
      case .dual: KRDual().comparedValues(rows)
      }
    }
    if distance == .dual { KRDual().add(to: &cost, of: task, images: images) }
    // Its augmentation has four operations where DM's has one.
    cost.slowness = 1.45
    cost.usualSteps = images.usualSteps(allowance: 1.3e14, range: 200...2000, for: task)
    return cost
  }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    var method = self
    try method.decide(for: MethodTask(real, counts: counts))
    let kernel = Kernel.gaussianMixture(
      width: Self.width(forFactor: method.images.formation.factor, ipc: counts.max() ?? 1))
    return try method.guidance.learned(
      method.images, from: real, counts: counts, normalization: normalization, using: random, control: control,
      keeping: { real throws(TensorError) in distance == .mean ? try DistributionMatching.mean(real) : real }
    ) { real, synthetic throws(TensorError) in
      switch distance {
      case .mean: try DistributionMatching.loss(real: real, synthetic: synthetic)
      case .kernel: try kernel.squaredMMD(real, synthetic, inLinearUnits: true)
      case .dual: try KRDual().loss(real: real, synthetic: synthetic, using: random)
      }
    }
  }
}
