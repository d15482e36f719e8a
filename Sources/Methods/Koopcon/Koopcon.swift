public import Datasets
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
///   X'   condensed images (n', C, H, W)              f    a classifier, ψ its embedding
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
/// - *φ and φ⁻¹ begin as a linear autoencoder*, the principal directions of a sample of images, to which their convolutions add 0 at
///   first. Such a pair gives images of up to 32 pixels a side back nearly as they are (with 512 latents all but 2.3 % of CIFAR-10's
///   variance), where one that is drawn has to learn it in the few steps there are, and blurs X' until then. The pixels among the
///   observables are what extended dynamic mode decomposition has in its dictionary, too (Williams et al., 2015).
/// - *Three phases of steps.* First only φ, φ⁻¹ and f learn
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
/// - *f is a snapshot* of a network that was trained on X beforehand, after any of its epochs, as in `Guided`: it gives the features and
///   the cross entropy of X' in one pass, serves `stepsPerWitness` steps, and learns nothing meanwhile. L_ce is then that of X' alone,
///   and A is IDC's combination. T begins with the samples that stand for the groups of a k-means in such a network, not with averages:
///   an average of latents is a blur.
/// - *f may be drawn instead* (`guidance`), as in the paper: it learns X as the run goes on, at its own rate, also where L_fm alone asks
///   for it, lives for some steps (`classifierLife`), and is drawn anew: one that has learned the data has no more to say of what is
///   missing in X'.
/// - *What cannot be less is subtracted.* n' latents have a covariance of rank n' − 1 at most, so ‖Cov − I‖² is at least d − n' + 1.
///   Divided by d; 0 for n' = 1, where there is no covariance.
/// - *A formation shrinks what is made.* T makes as many latents of a class as its stored images have tiles, f²·n' at factor f and f·n'
///   along time; their images are shrunk and put together tile by tile. f sees X' as a trainer will, shrunk and enlarged; pixels are
///   compared before that. Of a class with fewer samples than tiles, T begins with means of two for what is left. A formation of several
///   scales is refused: what its coarser grids show, several images beside one another, nothing here would learn.
public struct Koopcon: CondensingMethod {
  /// See `CondensingMethod`.
  public static let name = "koopcon"
  /// See `CondensingMethod`.
  public static let traits = MethodTraits(
    learns: true, isBoundedBySamples: true, acceptsFormation: true,
    learningRates: ["lr", "map-lr"])
  /// See `CondensingMethod`.
  public static let settings: [Setting<Self>] =
    [
      Setting("steps", \.steps), Setting("batch", \.batch), Setting("lr", \.learningRate),
      Setting("augment", \.augmentation), Setting("autoencoder", \.depth), Setting("reconstruction", \.form),
      Setting("latent", \.latent), Setting("heads", \.heads), Setting("weight-re", \.weights.reconstruction),
      Setting("weight-ce", \.weights.classification), Setting("weight-w", \.weights.transport),
      Setting("weight-fm", \.weights.matching), Setting("weight-cov", \.weights.covariance),
      Setting("transported-pixels", \.transportedPixels), Setting("map-lr", \.mapLearningRate),
      Setting("classifier-life", \.classifierLife), Setting("warm-up", \.warmUp), Setting("settling", \.settling),
      Setting("schedule", \.schedule), Setting("factor", \.formation.factor), Setting("formation", \.formation.kind),
      Setting("reuse", \.stepsPerWitness),
    ] + Guidance.networkSettings.map { $0.within(\Self.guidance) }
    + NetworkChoice.settings.map { $0.within(\Self.network) }

  /// Steps; nil for a number that suits the machine.
  public var steps: Int?
  /// Steps that the phases and the fall of the learning rates are laid out for; nil for `steps`.
  public var schedule: Int?
  /// The share of the schedule in which only autoencoder and classifier learn.
  public var warmUp = 0.25
  /// The share at the end in which encoder and attention stand still.
  public var settling = 0.5
  /// Real images per step, of all classes together; at least one of each.
  public var batch = 100
  /// Condensed images per class and step, drawn anew, whose pixels are computed.
  public var decodedPerClass = 20
  /// Real images, of all classes together, whose principal directions the autoencoder begins with.
  public var directionSample = 2048
  /// Steps after which all latents are computed anew.
  public var refresh = 100
  /// Real images per class and step, of the whole class, whose mean features X' is to have.
  public var matchingSample = 64
  /// Latents per class that transport has for a target.
  public var transportSample = 512
  /// Weights α₀, α₁, α₁′, α₂ and α₃ of the losses.
  public var weights = LossWeights(
    reconstruction: 10, classification: 1, matching: 100, transport: 1, covariance: 0.01)
  /// Weight of the transported pixels within L_re.
  public var transportedPixels = 0.1
  /// β, the weight of the divergence from the prior within the variational L_re.
  public var prior = 1e-3
  /// Learning rate of Adam for autoencoder and attention, at first; it falls to a tenth along a cosine.
  public var learningRate = 1e-3
  /// Learning rate of Adam for P = n_c · T, at first; it falls alike.
  ///
  /// A step of 0.01 moves Y' by about 0.008 along its gradient, where Y' has a length of about 10.
  public var mapLearningRate = 0.3
  /// Learning rate of the classifier's SGD.
  public var classifierLearningRate = 0.01
  /// Which networks f is: snapshots of networks that were trained on X beforehand, or one that learns X as the run goes on.
  public var guidance = Guidance(.snapshots)
  /// Steps that a classifier lives, which learns X as the run goes on; nil for 20.
  public var classifierLife: Int?
  /// Steps that share a snapshot, its features of real images, and the augmentations; nil for 4.
  public var stepsPerWitness: Int?
  /// Heads of the attention.
  public var heads = 4
  /// How L_W is computed; nil for ε from 1 to 0.05 and a cost of ‖·‖²/d.
  public var transport: Transport?
  /// What the classifier's images go through; nil for what suits the images.
  public var augmentation: AugmentationStrategy?
  /// How deep the autoencoder is.
  public var depth = AutoencoderOptions.Depth.shallow
  /// A latent per image, or a normal distribution of latents.
  public var form = AutoencoderOptions.Form.plain
  /// Length of a latent.
  public var latent = 512
  /// Feature maps of the autoencoder at full size.
  public var filters = 32
  /// The classifier.
  public var network = NetworkChoice()
  /// How a stored image becomes training images.
  public var formation = Formation(factor: 2)

  /// See `CondensingMethod`.
  public init() {}

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    let isTrained = guidance.encoders == .snapshots
    try network.decide(for: task, isTrained: isTrained)
    guidance.decide(for: task, network: network)
    guidance.crossEntropyWeight = nil
    classifierLife = isTrained ? nil : classifierLife ?? 20
    stepsPerWitness = isTrained ? stepsPerWitness ?? 4 : nil
    guard latent % heads == 0 else {
      throw DataError(
        .badInput, at: [task.dataset], "latents of \(latent) numbers cannot be split into \(heads) heads",
        remedy: "give --heads a divisor of \(latent)")
    }
    guard min(task.shape.height, task.shape.width) > 1 else {
      throw DataError(
        .badInput, at: [task.dataset],
        "images of \(task.shape.height)×\(task.shape.width) pixels are too small for the autoencoder",
        remedy: "enlarge them with --resize")
    }
    try checkFormation(task)
    settling = min(settling, 1 - warmUp)
    schedule = schedule ?? steps
    augmentation = augmentation ?? (isTrained ? task.combinedAugmentation : task.usualAugmentation)
  }

  /// The autoencoder for images of one size.
  public func autoencoder(for shape: ImageShape) -> AutoencoderOptions {
    AutoencoderOptions(
      channels: shape.channels, height: shape.height, width: shape.width, depth: depth, form: form, latent: latent,
      filters: filters)
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

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    let fit = try fit(real, counts: counts, normalization: normalization, using: random, control: control)
    return Condensation(
      synthetic: try fit.model.condensed(real, formation: formation), steps: fit.steps, lastReport: fit.lastReport)
  }

  /// Throws where the formation is one that this method cannot make, or has tiles without a pixel.
  private func checkFormation(_ task: MethodTask) throws(DataError) {
    guard formation.factor > 1 else { return }
    guard formation.kind != .multi else {
      throw DataError(
        .usage, at: [task.dataset], "koopcon makes no formation of several scales",
        remedy: "give --formation uniform or time")
    }
    try formation.checkTiles(task)
  }

  /// The task of making the tiles.
  private func ofTiles(_ task: MethodTask) -> MethodTask {
    var task = task
    task.counts = task.counts.map { $0 * formation.finest.count }
    return task
  }

  // MARK: Algorithm 1

  /// Fits a model that makes the tiles of `counts[c]` images of each class c.
  ///
  /// - Precondition: No class has fewer real images than are to be made of it.
  public func fit(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Fit {
    var options = self
    options.steps = steps ?? 1000
    let task = MethodTask(real, counts: counts)
    try options.decide(for: task)
    let recipe = options.steps == 0 ? nil : options.guidance.trajectories(of: options.network, for: task)
    let trajectories = try recipe?.trajectories(on: real, normalization: normalization, using: random, control: control)
    var state = try KoopconFit(
      real, counts: imagesPerClass(counts, of: real).map { $0 * formation.finest.count }, trajectories: trajectories,
      normalization: normalization, options: options, random: random)
    var last: StepReport?
    for step in 0..<(options.steps ?? 0) {  // line 10
      if control.shouldStop() { break }
      let report = try state.step(step)  // lines 11-21
      last = report
      control.progress(report)
      if report.hasDiverged { break }
    }
    return Fit(model: try state.model(), steps: last?.step ?? 0, lastReport: last)
  }
}

extension Koopcon {
  /// See `CondensingMethod`.
  public mutating func share(_ budget: TimeBudget) { guidance.share(budget) }

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost {
    let task = ofTiles(task)
    var cost = Cost(memory: memoryNeed(task))
    // The autoencoder is most of a step: a small classifier's rate says little about it.
    var probed = network
    if probed.entry.usualSize != nil { (probed.filters, probed.depth) = (nil, nil) }
    cost.probe = Probe(probed.decided(for: task))
    cost.operationsPerStep = operations(task)
    // The autoencoder's strided convolutions run at half the speed of the classifier's.
    cost.slowness = 1.6
    cost.usualSteps = UsualSteps(allowance: 1e14, range: 300...3000)
    guard steps != 0, let recipe = guidance.trajectories(of: network, for: task) else { return cost }
    cost.trajectories = [recipe]
    cost.memory = cost.memory.covering(.training(recipe, for: .fitting))
    return cost
  }

  /// Of one step: the autoencoder and the classifier, forward and backward, on real and on condensed images; and a step's share of
  /// what happens every `refresh` steps.
  func operations(_ task: MethodTask) -> Double {
    let coding = autoencoder(for: task.shape).multiplications
    let forward = network.decided(for: task).operations
    let real = Double(max(batch, task.classes))
    let condensed = Double(task.counts.reduce(0) { $0 + min($1, decodedPerClass) })
    let sources = zip(task.counts, task.available).filter { $0.0 > 0 }.map(\.1)
    let maps = Double(task.counts.reduce(0, +) * latent * 5000)
    let isDrawn = guidance.encoders == .drawn
    var sum = real * (6 * (coding.encoder + coding.decoder) + 2 * coding.encoder + (isDrawn ? 3 * forward : 0))
    sum += condensed * (6 * coding.decoder + (isDrawn ? 3 * forward : 0)) + 6 * maps
    // Features take real images of every class forward, and the condensed ones there and back.
    if weights.matching != 0 || !isDrawn {
      let compared = Double(sources.reduce(0) { $0 + min($1, matchingSample) })
      sum += compared * forward / Double(stepsPerWitness ?? 1) + condensed * 3 * forward
    }
    // Between warm-up and settling all latents are computed anew every so many steps.
    let moving = max(0, 1 - warmUp - settling)
    sum += 2 * coding.encoder * Double(sources.reduce(0, +)) * moving / Double(refresh)
    return sum
  }

  private func memoryNeed(_ task: MethodTask) -> MemoryNeed {
    let network = network.decided(for: task)
    let coding = autoencoder(for: task.shape)
    var need = MemoryNeed.training(network, images: 0, for: .fitting)
    let width = Double(latent)
    let (made, samples) = (task.counts, task.available)
    let (real, most) = (samples.reduce(0) { $0 + Double($1) }, Double(made.max() ?? 0))
    // Of each learned number: itself, its gradient, two moments, and what is new of them.
    need.weights += 4 * 7 * (weightCount(coding.parameterShapes.map(\.shape)) + 4 * width * width)
    // Chunks of 64 images there and back through the autoencoder, and from there through the classifier.
    need.maps += 4 * 2 * coding.mapValues * 64
    // The sample whose principal directions are sought, its products with them, and twice the directions.
    let sample = max(min(Double(directionSample), real), Double(samples.count { $0 > 0 }))
    need.images += 4 * (2 * sample * Double(coding.linearCount) + 2 * width * (sample + Double(coding.linearCount)))
    // Latents as they are and as they were attended to, and both once more while they are computed anew.
    need.embeddings = 4 * 4 * width * real
    // Every class is compared with its target at once.
    need.embeddings += 4 * 3 * Double(transportSample) * made.reduce(0) { $0 + Double($1) }
    need.images += 4 * 7 * zip(made, samples).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let pixels = task.pixels
    // A batch of every class; the real and the condensed images of one class, whose features are compared.
    need.images += 4 * 4 * pixels * (Double(max(batch, samples.count)) + Double(matchingSample) + most)
    // For every condensed image what transport assigns to it, and a gradient.
    need.images += 4 * 2 * pixels * made.reduce(0) { $0 + Double($1) }
    return need
  }
}

extension AutoencoderOptions.Depth: SettingValue {}
extension AutoencoderOptions.Form: SettingValue {}
