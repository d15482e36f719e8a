public import Networks
public import Tensors

/// M3D: condensation by minimising the maximum mean discrepancy between embeddings, which matches all their moments.
///
/// minimises over S:   E_{θ ~ P₀, ω}  Σ_c MMD²_K( ψ_θ(A(T_c, ω)), ψ_θ(A(decode(S_c), ω)) )
///
///   S_c     synthetic images of class c, (count_c, C, H, W)         T_c  real images of class c
///   decode  multi-formation: each stored image gives factor² enlarged tiles
///   ψ_θ     embedding of a randomly drawn ConvNet, kept for `stepsPerNetwork` steps
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
///   for DM, whose loss is MMD² under the linear kernel. `linearUnits = false` turns it off.
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
/// - *Where.* See `learnImages`. The update inside the class loop
///   (Algorithm 1, line 9) and one update after it are the same thing, as classes share no pixels.
/// - *Initial images.* Real ones; with a factor each tile is a different real image, shrunk.
public enum M3D {
  /// What can be chosen.
  public struct Options: MatchingOptions {
    /// Steps.
    ///
    /// The paper takes 10,000 for small images and 1,000 for ImageNet.
    public var steps = 1000
    /// Steps that share one network (IPM in the paper).
    ///
    /// The paper takes 5.
    public var stepsPerNetwork = 1
    /// Real images per class and step.
    public var realBatch = 256
    /// The kernel on embeddings; its default suits the default formation, see `width(forFactor:)` for others.
    public var kernel = Kernel.gaussianMixture()
    /// Whether the loss is measured in the linear kernel's units, so that `learningRate` means the same for all kernels.
    public var linearUnits = true
    /// Rate of the images' SGD.
    public var learningRate = 1.0
    /// Momentum of the images' SGD.
    public var momentum = 0.5
    /// What the images are at first.
    public var initialization = Initialization.mixed
    /// Siamese augmentation; take `withoutFlip` for digits and letters.
    public var augmentation = AugmentationStrategy.full
    /// Tiles per side of a stored image.
    ///
    /// The paper takes 2 for small images and 3 for ImageNet.
    public var formation = Formation(factor: 2)
    /// The networks to draw.
    public var network: ConvNetOptions

    /// The defaults for one kind of network.
    public init(network: ConvNetOptions) { self.network = network }
  }

  /// The width of a Gaussian kernel that suits a formation, in mean squared distances of the batch.
  public static func width(forFactor factor: Int) -> Double {
    factor == 1 ? 16 : 1
  }

  /// Condenses `counts[c]` stored images of each class c; classes are independent of each other given the seed.
  public static func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, options: Options,
    using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> Condensation {
    try learnImages(
      real, counts: counts, normalization: normalization, options: options, network: options.network,
      stepsPerNetwork: options.stepsPerNetwork, using: random, control: control
    ) { target, embeddings throws(TensorError) in
      try options.kernel.squaredMMD(target, embeddings, inLinearUnits: options.linearUnits)  // line 8
    }
  }
}
