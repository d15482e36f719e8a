public import Datasets
internal import Foundation
public import Networks
public import Tensors

/// Expansive Synthesis: a few samples become many, by putting together features of a class's samples in a latent space.
///
/// Claim: in a space where an encoder makes structure linear, new samples of a class are sums of features that attention finds in
/// its samples, placed through a well connected graph with few edges; distribution and labels are kept by the losses.
///
///     pre-training on X″       minimises  ‖φ⁻¹(φ(x)) − x‖² + ‖φ⁻¹(y'_0) − x‖²                  over W of φ, φ⁻¹, and the attention
///     fine-tuning on X         minimises  α₀ L_re + α₁ L_ce + α₂ L_W + α₃ L_cov + α₄ L_att     over γ, β, the attention and f  [equation 4]
///     expansion                y'_(i,e) by the recipe of copy e of sample i (`ExpansiveModel.composed`), x' = φ⁻¹(y')
///
///   X    the samples (n, C, H, W), normalised           X″   a similar, larger set
///   Y    their latents (n, maps, h, w), standardised    f    a ConvNet of the classes of X
///   y'_0 copy 0: the sample through the attention       γ, β a scale and a shift for each filter of φ and φ⁻¹  [equation 1]
///
///   L_re   mean (φ⁻¹(φ(x)) − x)² + mean (φ⁻¹(y'_0) − x)²
///   L_ce   mean cross entropy of f on X and that on X', augmented                             [equation 7]
///   L_W    Sinkhorn divergence of Y_c and Y'_c, mean over classes; see `Transport`            [equation 6]
///   L_cov  ‖Cov(Y'_c) − I‖² / maps, mean over classes; the covariance of maps between samples [equation 8]
///   L_att  the same two for the latents y'_0, which attention has refined                     [equation 17]
///
/// Each is reported by itself, and one whose weight is 0 is not computed.
/// Graphs (section 3.3): each sample has one on its L slots, which learns from its spectrum alone (`ExpanderGraph`); that of the largest
/// λ₂ is its class's codeword Ĝ.
/// Reference: Jebraeeli, Jiang, Cansever, Krim: "Expansive Synthesis: Generating Large-Scale Datasets from Minimal Samples", 2024,
/// Algorithms 1 and 2. No code is published.
/// Deviations: equation 1 as printed adds β to the weights, which is not what its left side and its text say: here γ_i scales filter
/// i's output and β_i is added. Equation 5 is a variational bound; here, as in line 18, a squared error.
/// Decisions:
/// - *Latents are maps*, 64×8×8 for images of 32×32, patches 2×2, L = 8 slots; standardised map by map with the statistics of X″, so
///   that transport is free of scale and the identity in L_cov means something.
/// - *Statistics are taken again* after 2, 4, 8, … times the warm-up, as the encoder goes on learning.
/// - *The attention is pre-trained too.* Ten samples per class cannot teach four matrices of 256×256. In fine-tuning it goes on at a
///   tenth of the rate; of φ and φ⁻¹ only γ and β move.
/// - *Each set is normalised by itself:* X with its own mean and deviation, not with those of X″.
/// - *Where copies differ.* The paper does not say what makes n' of n. Copy e takes half of its slots from the sample and half from
///   its e-th neighbour (`SampleExpander`), has its slots turned by e on the graph, and keeps another share in the crop. A skip
///   connection is split in the same way: each slot brings its own group of maps. Fine-tuning draws such copies at random, so that a
///   fit does not depend on how many will be made. With one sample in a class there is no neighbour; turning and cropping stay.
/// - *Samples are moved before they are encoded* (`moving`; ours): sample and neighbour go through one draw of classical augmentation,
///   so that features are located elsewhere (section 3.3), not only taken from elsewhere. Copy 0 as well.
/// - *How far copies go* (`reach`; ours): y' = y'_0 + r (y'_e − y'_0). With r = 1, the paper's, a copy is half another sample: between
///   samples, where a classifier learns little. Below 0 it has less of its neighbour than the sample itself, and lies outside.
/// - *What the model leaves out comes back* (`detail`; ours): x' = φ⁻¹(y') + d (x_s − φ⁻¹(y'_0)), a skip connection past the whole
///   model, as the paper has one past the attention: else every copy is a little blurred. With d = 1 copy 0 is its sample, and
///   a copy differs from it by what the model makes of the neighbour, and by nothing else.
/// - *What the crop is measured by* is the mean attention that a patch receives in the sample that the feature is of; the mask is soft.
/// - *Which spectrum is preserved:* that of the sample's own graph, whose edges are the cosines between where its slots' features
///   have their energy, with the same total weight.
/// - *Covariance between maps.* A few samples of 4,096 numbers have a covariance of rank n' − 1, which is nearest to the identity when
///   their spread all but vanishes: the opposite of diversity. So each place of a latent counts as an observation of the 64 maps, less
///   the class's mean at that place: what remains is how samples differ. 0 for n' = 1.
/// - *The network sees Â as a constant,* and transport moves Y' alone: else collapsing the data would be a solution.
/// - *Two means.* Cross entropies of X and X' are averaged apart.
/// - *Who classifies* (`classifiers`; `snapshots` is ours): f, which learns along as in the paper and sees a few dozen samples a step, or a snapshot
///   of networks that were trained on X beforehand (`Teachers`), another one in each step. These stay as they are, and L_ce is of X' alone.
/// - *All classes at once.* Line 13 loops over classes; a classifier that sees one class at a time learns to answer that class.
/// - *Constant rates and no phases that depend on the number of steps,* so that a run that is stopped is one of fewer steps.
public struct ExpansiveSynthesis: ExpandingMethod {
  /// See `ExpandingMethod`.
  public static let name = "expansive"
  /// See `ExpandingMethod`.
  public static let settings: [Setting<Self>] = [
    Setting("setting", \.setting), Setting("pretrain-steps", \.pretrainingSteps), Setting("steps", \.steps),
    Setting("batch", \.batch), Setting("lr", \.learningRate), Setting("augment", \.augmentation),
    Setting("sources", \.sources), Setting("reach", \.reach), Setting("detail", \.detail),
    Setting("classify-by", \.classifiers), Setting("weight-re", \.weights.reconstruction),
    Setting("weight-ce", \.weights.classification), Setting("weight-w", \.weights.transport),
    Setting("weight-cov", \.weights.covariance),
    Setting("weight-att", \.weights.attention),
  ]

  /// Which of the five settings.
  public var setting = ExpansiveModel.Setting.expanderGraph
  /// L, even; divides the maps of the autoencoder.
  public var slots = 8
  /// P; divides the autoencoder's `multiple`.
  public var patch = 2
  /// Feature maps of the autoencoder at full size.
  public var filters = 16
  /// Feature maps of a latent.
  public var maps = 64
  /// Steps of the pre-training; nil for a number that suits the machine.
  public var pretrainingSteps: Int?
  /// Images of X″ per step.
  public var pretrainingBatch = 64
  /// Steps of the pre-training in which φ and φ⁻¹ learn alone; then the latents' statistics are taken, and again after two, four,
  /// eight, … times as many.
  public var warmUp = 200
  /// Learning rate of Adam in the pre-training.
  public var pretrainingRate = 1e-3
  /// Steps of the fine-tuning; nil for a number that suits the machine.
  public var steps: Int?
  /// Samples per step of the fine-tuning, of all classes together, and as many copies.
  public var batch = 64
  /// Learning rate of Adam for γ and β; a tenth of it for the attention.
  public var learningRate = 1e-3
  /// Learning rate of the classifier's SGD.
  public var classifierLearningRate = 0.01
  /// Weights α₀ to α₄ of the losses.
  public var weights = LossWeights(
    reconstruction: 10, classification: 0.1, transport: 0.1, covariance: 0.1, attention: 0.1)
  /// Steps that the graph of a sample makes when the sample is in the batch.
  public var graphSteps = 8
  /// ρ, the weight of the spectrum's preservation beside λ₂.
  public var preservation = 1.0
  /// How L_W is computed; nil for ε from 1 to 0.05 in 30 iterations and a cost of ‖·‖²/d.
  public var transport: Transport?
  /// What the classifier's images go through; nil for what suits the images.
  public var augmentation: AugmentationStrategy?
  /// Whether a sample and its lender are moved before a copy is made of them.
  public var sources = Sources.augmented
  /// What they go through then, the same for both; nil for `augmentation` without cutout.
  public var moving: AugmentationStrategy?
  /// How far a copy goes from its sample to what its recipe says: 1 arrives there, below 0 it goes the other way.
  public var reach = -0.3
  /// How much of what the model leaves out of a sample comes back in its copies, 0 to 1.
  public var detail = 1.0

  /// Who tells the classes of copies apart while the model learns.
  public var classifiers = Classifiers.learned

  /// Who tells the classes of copies apart.
  public enum Classifiers: String, Sendable, CaseIterable, SettingValue {
    /// A classifier that learns along, from samples and copies.
    case learned
    /// Snapshots of networks that were trained on the samples before.
    case snapshots
  }

  /// What features are taken of.
  public enum Sources: String, Sendable, CaseIterable, SettingValue {
    /// The samples as they are.
    case plain
    /// Samples that were augmented first.
    case augmented
  }

  /// See `SettingValue`.
  public init() {}

  /// See `ExpandingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    // The classifier must fit the images.
    var classifier = NetworkChoice(filters: 32)
    try classifier.decide(for: task)
    augmentation = augmentation ?? .usual(flip: task.keepsClassesMirrored)
  }

  /// φ and φ⁻¹ for images of one size.
  public func autoencoder(for shape: ImageShape) -> MapAutoencoderOptions {
    MapAutoencoderOptions(
      channels: shape.channels, height: shape.height, width: shape.width, filters: filters, maps: maps)
  }

  /// Of the pre-training alone, which `pipe fit` makes.
  public static let pretrainingSettings: [Setting<Self>] = [
    Setting("setting", \.setting), Setting("steps", \.pretrainingSteps), Setting("batch", \.pretrainingBatch),
    Setting("lr", \.pretrainingRate),
  ]

  /// The model to begin with; see `pretrained`.
  public private(set) var model: ExpansiveModel?

  /// Begins with a model that was pre-trained: the method goes on as it was decided then.
  public mutating func take(_ model: ExpansiveModel) {
    self.model = model
    pretrainingSteps = nil
    setting = model.setting
    (slots, patch) = (model.attention.slots, model.attention.patch)
    (filters, maps) = (model.autoencoder.options.filters, model.autoencoder.options.maps)
  }

  /// See `ExpandingMethod`.
  public func expansion(
    of real: some RealImages, normalization: Normalization, using random: RandomSource, control: RunControl
  ) throws -> Expanded {
    guard let model else { preconditionFailure("Expansive Synthesis begins with a model, and was given none") }
    let task = MethodTask(real, counts: (0..<real.classCount).map { _ in 0 })
    let snapshots = try teachers(for: task)?.trajectories(
      on: real, normalization: normalization, using: random, control: control)
    let fit = try fit(
      model, to: real, normalization: normalization, classifiedBy: snapshots, using: random.split("fine-tuning"),
      control: control)
    return Expanded(fit, steps: fit.steps, lastReport: fit.lastReport)
  }

  /// The networks that classify copies; nil where a classifier learns along, or nothing is classified.
  func teachers(for task: MethodTask) -> TrajectoryRecipe? {
    classifiers == .snapshots && weights.classification != 0 ? Teachers.recipe(for: task) : nil
  }

  /// f, for images of one size.
  public static func classifier(for shape: ImageShape, classes: Int) -> Architecture {
    NetworkChoice(filters: 32).decided(
      for: MethodTask(dataset: "samples", shape: shape, counts: Array(repeating: 1, count: classes), available: []))
  }

  /// L_cov of one class's latents (n', maps, h, w): ‖C − I‖² / maps with C = Σ (y − ȳ)(y − ȳ)ᵀ / ((n' − 1) h w) over samples and places.
  public static func covarianceLoss(_ latents: Tensor) throws(TensorError) -> Tensor {
    let (count, maps) = (latents.shape[0], latents.shape[1])
    guard count > 1 else { return Tensor(0) }
    let centred = try (latents - latents.mean(axes: [0], keepDims: true)).permuted([1, 0, 2, 3]).flattened(from: 1)
    let places = latents.shape[2] * latents.shape[3]
    let covariance = try centred.matmul(centred.transposed()) / Double((count - 1) * places)
    let identity = Tensor((0..<maps * maps).map { $0 % (maps + 1) == 0 ? 1 : 0 }, shape: [maps, maps])
    return (covariance - identity).squared().sum() / Double(maps)
  }

  /// Â of the graphs that rows belong to, (rows, L, L).
  static func adjacency(_ graphs: [ExpanderGraph], rows: [Int]) -> Tensor {
    let matrices = graphs.map { $0.normalizedAdjacency.map(Float.init) }
    let slots = graphs[0].vertices
    return Tensor(rows.flatMap { matrices[$0] }, shape: [rows.count, slots, slots])
  }

  /// Weights of the graph between the slots of one sample: cosines of their energies, scaled to the total `edges`.
  ///
  /// `energies` has one row for each slot: the square of its features at every place.
  static func featureGraph(_ energies: [ArraySlice<Float>], edges: Int) -> [Double] {
    func product(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let cosines = ExpanderGraph.pairs(energies.count).map { u, v -> Double in
      let lengths = (product(energies[u], energies[u]) * product(energies[v], energies[v])).squareRoot()
      return lengths > 0 ? product(energies[u], energies[v]) / lengths : 0
    }
    let sum = cosines.reduce(0, +)
    return cosines.map { sum > 0 ? Double(edges) * $0 / sum : Double(edges) / Double(cosines.count) }
  }
}

extension ExpansiveModel.Setting: SettingValue {}
