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
    let (_, height, width) = real.shape
    var set = try ImageOptimization(
      real, counts: counts, initialization: options.initialization, formation: options.formation,
      normalization: normalization, learningRate: options.learningRate, momentum: options.momentum, random: random)
    var last: StepReport?
    for step in 0..<options.steps {
      if control.shouldStop() { break }
      var draw = random.split("network", step)
      let network = ConvNet(options.network, using: &draw)  // θ ~ P₀
      var loss = 0.0
      var gradients: [Tensor] = []
      for (place, label) in set.classes.enumerated() {
        var draw = random.split("class batch", step, label)
        let batch = try realBatch(  // B_T ~ T_c
          options.realBatch, ofClass: label, of: real, normalization: normalization, using: &draw)
        let augmentation = options.augmentation.drawOne(rows: 1, height: height, width: width, using: &draw)  // ω_c
        let target = try embedded(augmented(batch, by: augmentation), in: network).mean(axes: [0])  // (d)
        let (value, gradient) = try valueAndGradients(at: [set.images[place]]) { images throws(TensorError) in
          let decoded = try options.formation.decoded(images[0], padding: normalization.grey)
          let mean = try embeddedKeepingGraph(augmented(decoded, by: augmentation), in: network).mean(axes: [0])
          return squaredLength(target - mean)
        }
        loss += value.item
        gradients += gradient
      }
      let report = try set.step(gradients, loss: loss, number: step, of: options.steps)  // S ← S − η ∇L
      last = report
      control.progress(report)
      if report.hasDiverged { break }
      if control.snapshotSteps.contains(step + 1) { control.snapshot(step + 1, try set.synthetic()) }
    }
    return Condensation(synthetic: try set.synthetic(), steps: last?.step ?? 0, lastReport: last)
  }

  /// The loss of one class on given embeddings: ‖mean of (n, d) − mean of (m, d)‖², a scalar.
  public static func loss(real: Tensor, synthetic: Tensor) throws(TensorError) -> Tensor {
    try squaredLength(real.mean(axes: [0]) - synthetic.mean(axes: [0]))
  }

  private static func squaredLength(_ vector: Tensor) -> Tensor { vector.squared().sum() }
}
