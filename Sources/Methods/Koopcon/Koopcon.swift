public import Networks
public import Tensors

/// Koopcon: condensation by a linear map between latents, learned together with an autoencoder and a classifier.
///
/// Claim: where the encoder makes the data's structure linear (a Koopman space), n samples of a class can be packed into n' by one
/// linear map, if the result keeps the distribution of the latents and what a classifier needs.
///
///     Y = φ(X)      Y'_c = T_c · SA(Y_c)      X' = φ⁻¹(Y')                                    per class c
///     minimises     α₀ L_re + α₁ L_ce + α₁′ L_fm + α₂ L_W + α₃ L_cov        over φ, φ⁻¹, SA, T and the classifier f
///
///   X    real images (n, C, H, W), normalised        Y    their latents (n, d), standardised
///   SA   self-attention of samples                   T_c  (n'_c, n_c): acts on the sample axis
///   X'   condensed images (n', C, H, W)              f    a ConvNet
///
///   L_re   mean over images and values of (φ⁻¹(φ(x)) − x)², and a tenth of Σ_ij π_ij mean (x'_j − x_i)²
///          variational: y ~ N(μ(x), σ²(x)), and β KL(N(μ, σ²) ‖ N(0, 1)) / (values of an image)          [equation 4]
///   L_ce   mean cross entropy of f on X, and that on X'                                                      [equation 6]
///   L_fm   ‖mean ψ(A(x')) − mean ψ(A(x))‖² / mean ‖ψ(A(x))‖², mean over classes                              see below
///   L_W    Sinkhorn divergence of Y_c and Y'_c, mean over classes; see `Transport`                          [equation 5]
///   L_cov  (‖Cov(Y'_c) − I‖² − (d − n' + 1)) / d, mean over classes                                         [equation 7]
///
/// Each is reported by itself, and one whose weight is 0 is not computed: leaving one out leaves out nothing else.
/// Reference: Jebraeeli, Jiang, Cansever, Krim: "Koopcon: A new approach towards smarter and less complex learning", 2024,
/// Algorithms 1 and 2. No code is published.
/// Deviations: the paper writes one sum over samples for the cross entropy, and ‖X' − X‖² for sets of different size; both as decided
/// below. Its numbers (weights, epochs, sizes) are not given.
/// Decisions:
/// - *Three stretches of steps.* A k-means of latents that mean nothing is no start for T, so first only φ, φ⁻¹ and f learn
///   (`warmUp`); then all learn together; at last (`settling`) φ and SA stand still, and T and φ⁻¹ learn on exactly the latents that
///   Algorithm 2 will see. The lengths are shares of `schedule`, not of the steps made: a run that is stopped equals one with that
///   number of steps and the same schedule.
/// - *One update for all classes.* Line 21 stands inside the loop over classes; a classifier that sees one class at a time learns to
///   answer that class. Each step visits every class and then updates once.
/// - *Latents are standardised* in each number, with mean and deviation over the training set that are taken when the warm-up ends
///   and then belong to the model: transport is then free of scale, and the identity in L_cov means something.
/// - *The sample axis has a fixed order*, that of the archive: reshuffled, T could learn nothing but the sum of its rows. T
///   starts as the block averages of a k-means of Y_c into n' groups, which is the best start for W₂; then it is free. It is
///   learned as P = n_c · T, so that a step moves Y' alike for all n_c and n'.
/// - *Attention* is between consecutive samples of a class, `KoopconModel.attentionChunk` at a time, and begins as the identity.
/// - *Gradients through some columns.* In each step one chunk of each class is attended with fresh latents of some of its
///   samples; all others come from latents that were computed at most `refresh` steps ago and are constants.
/// - *Transport moves Y'.* Y is its target and gets no gradient from it: else collapsing the data would be a solution. The target is
///   a sample of `transportSample` latents.
/// - *Which pixels X' is compared with.* With those that transport assigns: π couples Y_c and Y'_c, is constant, and at
///   n' = n it is the identity, which makes the term line 15 of Algorithm 1.
/// - *Two means.* Cross entropies of X and X' are averaged apart: n'/n would drown X'. Both are augmented as classifiers that are
///   trained on X' will augment.
/// - *Features are matched.* The cross entropy of X' asks for images that f knows already, which any typical image is. The paper
///   wants f to answer as if it were trained on X (section III) and "the difference in inference to adapt the condensed data"
///   (section I): so the mean of f's embeddings ψ is to be that of the real images of the class, under one augmentation A for both
///   sides, drawn per class and step. This L_fm acts on what makes X', not on f; it has a weight of its own and is reported apart.
/// - *f learns for whoever asks it.* Without L_ce but with L_fm it still learns X, at its own rate; only X' is then not judged by it.
/// - *A classifier lives for some steps* (`classifierLife`), and is then drawn anew: one that has learned the data has no more to say
///   of what is missing in X'.
/// - *What cannot be less is taken off.* n' latents have a covariance of rank n' − 1 at most, so ‖Cov − I‖² is at least d − n' + 1.
///   Divided by d; 0 for n' = 1, where there is no covariance.
public enum Koopcon {
  /// Weights α of the losses; 0 leaves one out.
  public struct Weights: Sendable, Equatable {
    /// α₀.
    public var reconstruction: Double
    /// α₁.
    public var classification: Double
    /// α₁′.
    public var matching: Double
    /// α₂.
    public var transport: Double
    /// α₃.
    public var covariance: Double

    /// Weights; see the properties.
    public init(
      reconstruction: Double = 10, classification: Double = 0.1, matching: Double = 100, transport: Double = 1,
      covariance: Double = 0.01
    ) {
      self.reconstruction = reconstruction
      self.classification = classification
      self.matching = matching
      self.transport = transport
      self.covariance = covariance
    }
  }

  /// What can be chosen.
  public struct Options: Sendable {
    /// Steps.
    public var steps = 1000
    /// Steps that the stretches and the fall of the rates are laid out for; nil for `steps`.
    public var schedule: Int?
    /// The share of the schedule in which only autoencoder and classifier learn.
    public var warmUp = 0.25
    /// The share at the end in which encoder and attention stand still.
    public var settling = 0.5
    /// Real images per step, of all classes together; at least one of each.
    public var batch = 100
    /// Condensed images per class and step, drawn anew, whose pixels are computed.
    public var decodedPerClass = 20
    /// Steps after which all latents are computed anew.
    public var refresh = 100
    /// Real images per class and step, of the whole class, whose mean features X' is to have.
    public var matchingSample = 64
    /// Latents per class that transport has for a target.
    public var transportSample = 512
    /// Weights of the losses.
    public var weights = Weights()
    /// Weight of the transported pixels within L_re.
    public var transportedPixels = 0.1
    /// β, the weight of the divergence from the prior within the variational L_re.
    public var prior = 1e-3
    /// Rate of Adam for autoencoder and attention, at first; it falls to a tenth along a cosine.
    public var learningRate = 1e-3
    /// Rate of Adam for P = n_c · T, at first; it falls alike.
    ///
    /// A step of 0.01 moves Y' by about 0.008 along its gradient, where Y' has a length of about 10.
    public var mapLearningRate = 0.3
    /// Rate of the classifier's SGD.
    public var classifierLearningRate = 0.01
    /// Steps that a classifier lives.
    public var classifierLife = 20
    /// Heads of the attention.
    public var heads = 4
    /// How L_W is computed; nil for ε from 1 to 0.05 and a cost of ‖·‖²/d.
    public var transport: Transport?
    /// What the classifier's images go through.
    public var augmentation = AugmentationStrategy.full
    /// The autoencoder.
    public var autoencoder: AutoencoderOptions
    /// The classifier.
    public var network: ConvNetOptions

    /// The defaults for one kind of autoencoder and classifier.
    public init(autoencoder: AutoencoderOptions, network: ConvNetOptions) {
      self.autoencoder = autoencoder
      self.network = network
    }
  }

  /// The losses of a step, unweighted; nil for one that was not computed.
  public struct Losses: Sendable, Equatable {
    /// L_re.
    public var reconstruction: Double?
    /// L_ce.
    public var classification: Double?
    /// L_fm.
    public var matching: Double?
    /// L_W.
    public var transport: Double?
    /// L_cov.
    public var covariance: Double?

    /// No losses.
    public init() {}

    /// L_total.
    public func total(_ weights: Weights) -> Double {
      (reconstruction ?? 0) * weights.reconstruction + (classification ?? 0) * weights.classification
        + (matching ?? 0) * weights.matching + (transport ?? 0) * weights.transport
        + (covariance ?? 0) * weights.covariance
    }

    var terms: [LossTerm] {
      [
        ("re", reconstruction), ("ce", classification), ("fm", matching), ("w", transport), ("cov", covariance),
      ].compactMap { name, value in value.map { LossTerm(name: name, value: $0) } }
    }
  }

  /// A fitted model and how far the run went.
  public struct Fit: Sendable {
    /// The model.
    public var model: KoopconModel
    /// Steps completed; fewer than asked for when the run was stopped.
    public var steps: Int
    /// The report of the last step, if there was one.
    public var lastReport: StepReport?
  }

  /// L_cov of one class's condensed latents (n', d): 0 for n' = 1.
  ///
  /// Through the Gram matrix of the n' centred latents, G = Z Zᵀ / (n' − 1): ‖Cov‖² = ‖G‖² and tr Cov = tr G.
  public static func covarianceLoss(_ latents: Tensor) throws(TensorError) -> Tensor {
    let (count, width) = (latents.shape[0], latents.shape[1])
    guard count > 1 else { return Tensor(0) }
    let centred = try latents - latents.mean(axes: [0], keepDims: true)
    let gram = try centred.matmul(centred.transposed()) / Double(count - 1)
    let trace = centred.squared().sum() / Double(count - 1)
    let least = Double(max(0, width - (count - 1)))
    return (gram.squared().sum() - trace * 2 + (Double(width) - least)) / Double(width)
  }

  /// L_fm of one class: embeddings of its condensed images (n', k), the mean of those of real ones (k), and their mean squared
  /// length.
  public static func matchingLoss(
    _ embeddings: Tensor, to mean: Tensor, squaredLength: Double
  ) throws(TensorError) -> Tensor {
    try (embeddings.mean(axes: [0]) - mean).squared().sum() / squaredLength
  }

  // MARK: Algorithm 1

  /// Fits a model that makes `counts[c]` images of each class c.
  ///
  /// - Precondition: No class has fewer real images than are to be made of it.
  public static func fit(
    _ real: some RealImages, counts: [Int], normalization: Normalization, options: Options,
    using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> Fit {
    var state = try KoopconFit(
      real, counts: imagesPerClass(counts, of: real), normalization: normalization, options: options, random: random)
    var last: StepReport?
    for step in 0..<options.steps {  // line 10
      if control.shouldStop() { break }
      let report = try state.step(step)  // lines 11-21
      last = report
      control.progress(report)
      if report.hasDiverged { break }
    }
    return Fit(model: try state.model(), steps: last?.step ?? 0, lastReport: last)
  }
}
