public import Networks
public import Tensors

/// DM: condensation by matching mean embeddings under randomly drawn networks.
///
/// minimises over S:   E_{θ ~ P₀, ω}  Σ_c ‖ mean_{x ∈ T_c} ψ_θ(A(x, ω)) − mean_{s ∈ S_c} ψ_θ(A(s, ω)) ‖²
///
///   S_c  synthetic images of class c, (count_c, C, H, W)      T_c  real images of class c
///   ψ_θ  embedding of a ConvNet that is drawn anew for every step and never trained, d = 2048 at 32×32
///   A    siamese augmentation: one operation with one set of parameters for both sides, drawn per class and step
///
/// The norm is the sum over the d dimensions, not their mean, and the classes are summed.
/// Reference: Zhao & Bilen, "Dataset Condensation with Distribution Matching", WACV 2023, Algorithm 1, and its code.
/// Deviations: none at factor 1. A factor applies multi-formation before the augmentation, as IDM and M3D do.
/// Decisions: a class with fewer real images than a batch gives all of them. The images are optimised in normalised
/// units and never clamped, as in the code.
public enum DistributionMatching {
  /// What can be chosen; the defaults are the paper's, except for the number of steps.
  public struct Options: MatchingOptions {
    /// Steps, each with a network of its own.
    ///
    /// The paper takes 20,000; most of the gain comes in the first hundreds.
    public var steps = 1000
    /// Real images per class and step.
    public var realBatch = 256
    /// Rate of the images' SGD.
    ///
    /// The paper takes 1, and 10 from 100 images per class on.
    public var learningRate = 1.0
    /// Momentum of the images' SGD.
    public var momentum = 0.5
    /// What the images are at first.
    public var initialization = Initialization.real
    /// Siamese augmentation; take `withoutFlip` for digits and letters.
    public var augmentation = AugmentationStrategy.full
    /// Tiles per side of a stored image; 1 is the paper's.
    public var formation = Formation(factor: 1)
    /// The networks to draw.
    public var network: ConvNetOptions

    /// The defaults for one kind of network.
    public init(network: ConvNetOptions) { self.network = network }
  }

  /// Condenses `counts[c]` images of each class c; classes are independent of each other given the seed.
  public static func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, options: Options,
    using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> Condensation {
    try learnImages(
      real, counts: counts, normalization: normalization, options: options, network: options.network, using: random,
      control: control, loss: loss)
  }

  /// The loss of one class on given embeddings: ‖mean of (n, d) − mean of (m, d)‖², a scalar.
  public static func loss(real: Tensor, synthetic: Tensor) throws(TensorError) -> Tensor {
    try (real.mean(axes: [0]) - synthetic.mean(axes: [0])).squared().sum()
  }
}
