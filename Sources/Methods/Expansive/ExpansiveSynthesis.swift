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
/// - *All classes at once.* Line 13 loops over classes; a classifier that sees one class at a time learns to answer that class.
/// - *Constant rates and no stretches that depend on the number of steps,* so that a run that is stopped is one of fewer steps.
public enum ExpansiveSynthesis {
  /// Weights α of the losses; 0 leaves one out.
  public struct Weights: Sendable, Equatable {
    /// α₀.
    public var reconstruction: Double
    /// α₁.
    public var classification: Double
    /// α₂.
    public var transport: Double
    /// α₃.
    public var covariance: Double
    /// α₄.
    public var attention: Double

    /// Weights; see the properties.
    public init(
      reconstruction: Double = 10, classification: Double = 0.1, transport: Double = 0.1, covariance: Double = 0.1,
      attention: Double = 0.1
    ) {
      self.reconstruction = reconstruction
      self.classification = classification
      self.transport = transport
      self.covariance = covariance
      self.attention = attention
    }
  }

  /// What can be chosen.
  public struct Options: Sendable {
    /// Which of the five settings.
    public var setting: ExpansiveModel.Setting
    /// L, even; divides the maps of the autoencoder.
    public var slots = 8
    /// P; divides the autoencoder's `multiple`.
    public var patch = 2
    /// φ and φ⁻¹.
    public var autoencoder: MapAutoencoderOptions
    /// Steps of the pre-training.
    public var pretrainingSteps = 1000
    /// Images of X″ per step.
    public var pretrainingBatch = 64
    /// Steps of the pre-training in which φ and φ⁻¹ learn alone; then the latents' statistics are taken, and again after two, four,
    /// eight, … times as many.
    public var warmUp = 200
    /// Rate of Adam in the pre-training.
    public var pretrainingRate = 1e-3
    /// Steps of the fine-tuning.
    public var steps = 300
    /// Samples per step of the fine-tuning, of all classes together, and as many copies.
    public var batch = 64
    /// Rate of Adam for γ and β; a tenth of it for the attention.
    public var learningRate = 1e-3
    /// Rate of the classifier's SGD.
    public var classifierLearningRate = 0.01
    /// Weights of the losses.
    public var weights = Weights()
    /// Steps that the graph of a sample makes when the sample is in the batch.
    public var graphSteps = 8
    /// ρ, the weight of the spectrum's preservation beside λ₂.
    public var preservation = 1.0
    /// How L_W is computed; nil for ε from 1 to 0.05 in 30 iterations and a cost of ‖·‖²/d.
    public var transport: Transport?
    /// What the classifier's images go through.
    public var augmentation = AugmentationStrategy.full
    /// What a sample and its lender go through before a copy is made of them, the same for both; nil for nothing.
    public var moving: AugmentationStrategy?
    /// How far a copy goes from its sample to what its recipe says: 1 arrives there, below 0 it goes the other way.
    public var reach = -0.3
    /// How much of what the model leaves out of a sample comes back in its copies, 0 to 1.
    public var detail = 1.0

    /// The defaults for one setting and kind of images.
    public init(_ setting: ExpansiveModel.Setting, autoencoder: MapAutoencoderOptions) {
      self.setting = setting
      self.autoencoder = autoencoder
    }
  }

  /// f, for images of one size.
  public static func classifier(for shape: ImageShape, classes: Int) -> Architecture {
    NetworkChoice(filters: 32).decided(
      for: CondensingTask(dataset: "samples", shape: shape, counts: Array(repeating: 1, count: classes), available: []))
  }

  // MARK: Pre-training

  /// A model before it has seen X, and how far the run went.
  public struct Pretraining: Sendable {
    /// The model.
    public var model: ExpansiveModel
    /// Steps completed; fewer than asked for when the run was stopped.
    public var steps: Int
    /// The report of the last step, if there was one.
    public var lastReport: StepReport?
  }

  /// Learns φ, φ⁻¹ and the attention on a larger set; of its labels nothing is used.
  public static func pretrained(
    on real: some RealImages, normalization: Normalization, options: Options, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws(TensorError) -> Pretraining {
    var draw = random.split("expansive model")
    var model = ExpansiveModel(
      options.setting, options.autoencoder, slots: options.slots, patch: options.patch, using: &draw)
    var codingAdam = Adam(learningRate: options.pretrainingRate, beta2: 0.99)
    var attentionAdam = Adam(learningRate: options.pretrainingRate, beta2: 0.99)
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    func images(_ count: Int, using draw: inout RandomSource) throws(TensorError) -> Tensor {
      let total = counts.reduce(0, +)
      var places = (0..<count).map { _ in draw.integer(below: total) }.sorted()[...]
      var parts: [Tensor] = []
      var before = 0
      for (label, count) in counts.enumerated() {
        let own = places.prefix { $0 < before + count }.map { $0 - before }
        places = places.dropFirst(own.count)
        before += count
        if !own.isEmpty { parts.append(real.images(ofClass: label, at: own)) }
      }
      return try normalization.normalized(bytes: Tensor.concatenated(parts))
    }
    func takeStatistics() throws(TensorError) {
      var draw = random.split("latent statistics")
      let images = try images(512, using: &draw)
      let raw = try inFixedChunks(images) { chunk throws(TensorError) in try model.autoencoder.encode(chunk) }
      model.mean = try raw.mean(axes: [0, 2, 3])
      model.deviation = try raw.variance(axes: [0, 2, 3]).sqrt() + 1e-4
    }
    // The encoder goes on learning, and its latents drift.
    func isDue(_ step: Int) -> Bool {
      let times = step / max(1, options.warmUp)
      return step == times * options.warmUp && times > 0 && times & (times - 1) == 0
    }
    let graphs = adjacency([ExpanderGraph.circleWithDiameters(options.slots)], rows: [0])
    let itself = (0..<options.pretrainingBatch).map { ExpansiveModel.Recipe.itself($0, slots: options.slots) }
    var last: StepReport?
    for step in 0..<options.pretrainingSteps {
      if control.shouldStop() { break }
      if isDue(step) { try takeStatistics() }
      var draw = random.split("pre-training step", step)
      let batch = try images(options.pretrainingBatch, using: &draw)
      let coding = model.autoencoder.weights
      let refining = step < options.warmUp ? [] : model.refiningParameters
      let (loss, found) = try valueAndGradients(at: coding + refining) { points throws(TensorError) in
        var model = model
        model.autoencoder = model.autoencoder.with(weights: Array(points[..<coding.count]))
        guard !refining.isEmpty else {
          return try (model.autoencoder.decode(model.autoencoder.encode(batch)) - batch).squared().mean()
        }
        model.refiningParameters = Array(points[coding.count...])
        let latents = try model.latents(batch)
        let refined = try model.composed(latents, model.attention(latents), itself, graphs: graphs)
        let both = try model.images(Tensor.concatenated([latents, refined]))
        return try (both - Tensor.concatenated([batch, batch])).squared().mean() * 2
      }
      var weights = coding
      try codingAdam.step(&weights, Array(found[..<coding.count]))
      model.autoencoder = model.autoencoder.with(weights: weights)
      if !refining.isEmpty {
        var parameters = refining
        try attentionAdam.step(&parameters, Array(found[coding.count...]))
        model.refiningParameters = parameters
      }
      let report = StepReport(
        step: step + 1, steps: options.pretrainingSteps, loss: loss.item, gradientNorm: norm(found),
        terms: [LossTerm(name: "re", value: loss.item)])
      last = report
      control.progress(report)
      if report.hasDiverged { break }
    }
    if (last?.step ?? 0) <= options.warmUp { try takeStatistics() }
    return Pretraining(model: model, steps: last?.step ?? 0, lastReport: last)
  }

  // MARK: Algorithm 1

  /// A model that has been fine-tuned to the samples of `Real`, and their expansion.
  public struct Fit<Real: RealImages>: Sendable {
    /// The model; of φ and φ⁻¹ only γ and β have changed.
    public var model: ExpansiveModel
    /// Ĝ of each class.
    public var codewords: [ExpanderGraph]
    /// The samples.
    public let real: Real
    /// What they are normalised by.
    public let normalization: Normalization
    /// Steps completed; fewer than asked for when the run was stopped.
    public var steps: Int
    /// The report of the last step, if there was one.
    public var lastReport: StepReport?
    /// What samples go through before copies are made of them.
    let moving: AugmentationStrategy?
    /// How far a copy goes.
    let reach: Double
    /// How much of what the autoencoder leaves out comes back.
    let detail: Double
    fileprivate let expanders: [SampleExpander]
    fileprivate let random: RandomSource
  }

  /// Fine-tunes a model to samples.
  ///
  /// - Precondition: The model is for images of their shape.
  public static func fit<Real: RealImages>(
    _ model: ExpansiveModel, to real: Real, normalization: Normalization, options: Options, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws(TensorError) -> Fit<Real> {
    let shape = model.autoencoder.options
    precondition(
      real.shape == ImageShape(channels: shape.channels, height: shape.height, width: shape.width),
      "a model for \(shape.channels)×\(shape.height)×\(shape.width) images cannot be fine-tuned to others")
    // What the model is has been decided when it was pre-trained.
    var options = options
    options.autoencoder = shape
    (options.slots, options.patch) = (model.attention.slots, model.attention.patch)
    var tuning = FineTuning(model, real, normalization, options, random)
    var last: StepReport?
    for step in 0..<options.steps {  // line 12
      if control.shouldStop() { break }
      let report = try tuning.step(step)  // lines 13-24
      last = report
      control.progress(report)
      if report.hasDiverged { break }
    }
    let expanders = (0..<real.classCount).map { label in
      var draw = random.split("sample expander", label)
      return SampleExpander(max(1, real.count(ofClass: label)), using: &draw)
    }
    return Fit(
      model: tuning.model, codewords: tuning.codewords, real: real, normalization: normalization,
      steps: last?.step ?? 0, lastReport: last, moving: options.moving,
      reach: options.reach, detail: options.detail, expanders: expanders,
      random: random)
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

extension ExpansiveModel {
  /// The matrices of the attention, and W.
  var refiningParameters: [Tensor] {
    get { attention.attention.parameters + (placement.map { [$0] } ?? []) }
    set {
      attention = attention.with(parameters: Array(newValue[..<4]))
      if placement != nil { placement = newValue[4] }
    }
  }
}

private func norm(_ gradients: [Tensor]) -> Double {
  gradients.reduce(0) { $0 + $1.squared().sum().item }.squareRoot()
}

// MARK: One step of the fine-tuning

private struct FineTuning<Real: RealImages> {
  private(set) var model: ExpansiveModel
  private let real: Real
  private let normalization: Normalization
  private let options: ExpansiveSynthesis.Options
  private let random: RandomSource
  private let transport: Transport

  private var classifier: Network
  private var graphs: [[ExpanderGraph]]
  private var gaps: [[Double]]

  private var scalesAdam: Adam
  private var attentionAdam: Adam
  private var classifierSGD: SGD

  init(
    _ model: ExpansiveModel, _ real: Real, _ normalization: Normalization, _ options: ExpansiveSynthesis.Options,
    _ random: RandomSource
  ) {
    self.model = model
    self.real = real
    self.normalization = normalization
    self.options = options
    self.random = random
    let (maps, slots) = (model.autoencoder.options, options.slots)
    transport =
      options.transport ?? Transport(iterations: 30, scale: 1 / Double(maps.maps * maps.mapHeight * maps.mapWidth))
    var draw = random.split("classifier")
    classifier = Network(ExpansiveSynthesis.classifier(for: real.shape, classes: real.classCount), using: &draw)
    graphs = (0..<real.classCount).map { label in
      (0..<max(1, real.count(ofClass: label))).map { index in
        var draw = random.split("graph", label, index)
        return .circleWithDiameters(slots, noise: draw.normal(slots * (slots - 1) / 2).map { 0.3 * Double($0) })
      }
    }
    gaps = graphs.map { model.setting.hasGraph ? $0.map(\.gap) : [] }
    scalesAdam = Adam(learningRate: options.learningRate, beta2: 0.99)
    attentionAdam = Adam(learningRate: options.learningRate / 10, beta2: 0.99)
    classifierSGD = SGD(learningRate: options.classifierLearningRate, momentum: 0.9, weightDecay: 5e-4)
  }

  /// Ĝ of each class: of its samples' graphs the one with the largest λ₂, of equal ones the first.
  var codewords: [ExpanderGraph] {
    zip(graphs, gaps).map { graphs, gaps in
      graphs[gaps.indices.max { (gaps[$0], $1) < (gaps[$1], $0) } ?? 0]
    }
  }

  /// Samples of some classes, and the recipes of what is made of them.
  private struct Batch {
    var labels: [Int]
    /// Places in each class, and rows of the batch.
    var places: [[Int]]
    var rows: [Range<Int>]
    var images: Tensor
    var itself: [ExpansiveModel.Recipe]
    var drawn: [ExpansiveModel.Recipe]
  }

  private func drawBatch(using random: inout RandomSource) throws(TensorError) -> Batch {
    let all = (0..<real.classCount).filter { real.count(ofClass: $0) > 0 }
    let visited = min(all.count, max(1, options.batch / 2))
    let labels = random.choice(visited, of: all.count).map { all[$0] }.sorted()
    let share = max(1, options.batch / visited)
    var batch = Batch(labels: labels, places: [], rows: [], images: Tensor(0), itself: [], drawn: [])
    var images: [Tensor] = []
    for label in labels {
      let total = real.count(ofClass: label)
      let places = random.choice(min(share, total), of: total)
      let start = batch.itself.count
      let step = places.count > 1 ? 1 + random.integer(below: places.count - 1) : 0
      for row in places.indices {
        batch.itself.append(.itself(start + row, slots: options.slots))
        let rotation = random.integer(below: options.slots)
        batch.drawn.append(
          .drawn(
            start + row, lender: start + (row + step) % places.count, rotation: rotation, slots: options.slots,
            using: &random))
      }
      batch.places.append(places)
      batch.rows.append(start..<(start + places.count))
      images.append(real.images(ofClass: label, at: places))
    }
    batch.images = try normalization.normalized(bytes: Tensor.concatenated(images))
    return batch
  }

  /// One step, counted from 0.
  mutating func step(_ number: Int) throws(TensorError) -> StepReport {
    var draw = random.split("fine-tuning step", number)
    let batch = try drawBatch(using: &draw)
    let weights = options.weights
    let count = batch.itself.count
    let codewords = codewords
    let labels = zip(batch.labels, batch.rows).flatMap { Array(repeating: $0, count: $1.count) }
    let adjacency =
      model.setting.hasGraph ? ExpansiveSynthesis.adjacency(codewords, rows: labels) : nil
    let transformations = options.augmentation.drawOne(
      rows: 2 * count, height: real.shape.height, width: real.shape.width, using: &draw)
    let targets = Tensor(integers: labels + labels)
    let scales = model.autoencoder.scales
    let refining = model.refiningParameters
    let judging = weights.classification == 0 ? [] : classifier.parameters
    var terms: [LossTerm] = []
    var features: Tensor?
    let (total, found) = try valueAndGradients(at: scales + refining + judging) { points throws(TensorError) in
      var model = model
      model.autoencoder = model.autoencoder.with(scales: Array(points[..<scales.count]))
      model.refiningParameters = Array(points[scales.count..<(scales.count + refining.count)])
      let latents = try model.latents(batch.images)  // line 14
      let seen = try model.attention(latents)  // line 15
      features = seen.features.detached()
      let refined = try model.composed(latents, seen, batch.itself, graphs: adjacency)
      let made = try model.composed(latents, seen, batch.drawn, graphs: adjacency)  // line 16
      var loss = Tensor(0)
      func add(_ name: String, _ value: Tensor, _ weight: Double) {
        terms.append(LossTerm(name: name, value: value.item))
        loss = loss + value * weight
      }
      let needsOwn = weights.reconstruction != 0
      if needsOwn || weights.classification != 0 {
        let images = try model.images(Tensor.concatenated(needsOwn ? [latents, refined, made] : [made]))  // line 17
        if needsOwn {  // line 18
          let own = try images.slice(from: 0, to: 2 * count)
          let wanted = try Tensor.concatenated([batch.images, batch.images])
          add("re", (own - wanted).squared().mean() * 2, weights.reconstruction)
        }
        if weights.classification != 0 {  // lines 19 and 20
          let new = try images.slice(from: images.shape[0] - count, to: images.shape[0])
          let shown = try augmented(Tensor.concatenated([batch.images, new]), by: transformations)
          let classifier = self.classifier.with(parameters: Array(points[(scales.count + refining.count)...]))
          add("ce", try classifier(shown).crossEntropy(labels: targets) * 2, weights.classification)
        }
      }
      if weights.transport != 0 {  // line 21
        add("w", try divergence(of: made, from: latents.detached(), batch.rows), weights.transport)
      }
      if weights.covariance != 0 { add("cov", try spread(of: made, batch.rows), weights.covariance) }  // line 22
      if weights.attention != 0 {
        let own = try divergence(of: refined, from: latents.detached(), batch.rows) + spread(of: refined, batch.rows)
        add("att", own, weights.attention)
      }
      return loss  // line 23
    }
    try update(Array(found), scales: scales, refining: refining)  // line 24
    if let features, model.setting.hasGraph, total.item.isFinite {
      try improveGraphs(features, batch)
      let now = self.codewords
      terms.append(
        LossTerm(name: "gap", value: batch.labels.reduce(0) { $0 + now[$1].gap } / Double(batch.labels.count)))
    }
    return StepReport(
      step: number + 1, steps: options.steps, loss: total.item,
      gradientNorm: norm(Array(found[..<(scales.count + refining.count)])), terms: terms)
  }

  /// Mean over the classes of S_ε between what was made and the latents it was made of; the gradient reaches the former.
  private func divergence(
    of made: Tensor, from latents: Tensor, _ rows: [Range<Int>]
  ) throws(TensorError) -> Tensor {
    var between: [Tensor] = []
    var within: [Tensor] = []
    var own: [Tensor] = []
    for range in rows {
      let new = try made.slice(from: range.lowerBound, to: range.upperBound).flattened(from: 1)
      let old = try latents.slice(from: range.lowerBound, to: range.upperBound).flattened(from: 1)
      between.append(try transport.costs(old, new))
      within.append(try transport.costs(new, new))
      own.append(try transport.costs(old, old))
    }
    let outer = try transport.solve(between)
    let inner = try transport.solve(within + own, isSymmetric: true)
    var sum = Tensor(0)
    for place in rows.indices {
      sum =
        sum + transport.value(between[place], outer[place])
        - transport.value(within[place], inner[place]) * 0.5 - inner[rows.count + place].value / 2
    }
    return sum / Double(rows.count)
  }

  /// Mean over the classes of L_cov.
  private func spread(of made: Tensor, _ rows: [Range<Int>]) throws(TensorError) -> Tensor {
    var sum = Tensor(0)
    for range in rows {
      sum = try sum + ExpansiveSynthesis.covarianceLoss(made.slice(from: range.lowerBound, to: range.upperBound))
    }
    return sum / Double(rows.count)
  }

  /// Line 24.
  private mutating func update(_ found: [Tensor], scales: [Tensor], refining: [Tensor]) throws(TensorError) {
    var newScales = scales
    try scalesAdam.step(&newScales, Array(found[..<scales.count]))
    model.autoencoder = model.autoencoder.with(scales: newScales)
    var newRefining = refining
    try attentionAdam.step(&newRefining, Array(found[scales.count..<(scales.count + refining.count)]))
    model.refiningParameters = newRefining
    guard found.count > scales.count + refining.count else { return }
    var judging = classifier.parameters
    try classifierSGD.step(&judging, Array(found[(scales.count + refining.count)...]))
    classifier = classifier.with(parameters: judging)
  }

  /// Some steps of the graphs of the batch's samples.
  private mutating func improveGraphs(_ features: Tensor, _ batch: Batch) throws(TensorError) {
    let slots = options.slots
    let energies = try features.squared().sum(axes: [2]).flattened(from: 2)  // (n, L, h·w)
    let (values, places) = (energies.floats(), energies.shape[2])
    for (label, (indices, rows)) in zip(batch.labels, zip(batch.places, batch.rows)) {
      for (index, row) in zip(indices, rows) {
        let parts = (0..<slots).map { slot in
          values[((row * slots + slot) * places)..<((row * slots + slot + 1) * places)]
        }
        let own = ExpansiveSynthesis.featureGraph(parts, edges: graphs[label][index].edges)
        let target = ExpanderGraph.spectrum(own, vertices: slots)
        for _ in 0..<options.graphSteps {
          graphs[label][index].improve(target: target, preservation: options.preservation)
        }
        gaps[label][index] = graphs[label][index].gap
      }
    }
  }
}

// MARK: Algorithm 2

extension ExpansiveSynthesis.Fit: Expansion {
  /// Lines 14 to 17 for some positions; see `Expansion`.
  public func images(ofClass label: Int, at positions: Range<Int>) throws(TensorError) -> Tensor {
    let slots = model.attention.slots
    let sources = real.count(ofClass: label)
    let adjacency =
      model.setting.hasGraph ? ExpansiveSynthesis.adjacency([codewords[label]], rows: [0]) : nil
    var results: [Tensor] = []
    // Chunks of one shape that begin at the same positions always: on some processors the last digits of a row of a product
    // depend on where in it the row is.
    let first = positions.lowerBound / chunkSize * chunkSize
    for start in stride(from: first, to: positions.upperBound, by: chunkSize) {
      let places = (0..<chunkSize).map { ExpansionPlace(position: start + $0, sources: sources) }
      var recipes: [ExpansiveModel.Recipe] = []
      var lenders: [Int] = []
      for (row, place) in places.enumerated() {
        lenders.append(expanders[label].lender(to: place.source, copy: place.copy))
        guard place.copy > 0 else {
          recipes.append(.itself(row, slots: slots))
          continue
        }
        var draw = random.split("copy", label, place.source, place.copy)
        recipes.append(
          .drawn(row, lender: chunkSize + row, rotation: place.copy % slots, slots: slots, using: &draw))
      }
      var images = try normalization.normalized(
        bytes: real.images(ofClass: label, at: places.map(\.source) + lenders))
      if let moving { images = try moved(images, places, label, by: moving) }
      let latents = try inFixedChunks(images) { chunk throws(TensorError) in try model.latents(chunk) }
      let seen = try model.attention(latents)
      var composed = try model.composed(latents, seen, recipes, graphs: adjacency)
      var leftOut: Tensor?
      if reach != 1 || detail != 0 {
        let itself = recipes.map { ExpansiveModel.Recipe.itself($0.source, slots: slots) }
        let refined = try model.composed(latents, seen, itself, graphs: adjacency)
        if reach != 1 { composed = refined + (composed - refined) * reach }
        if detail != 0 { leftOut = try (images.slice(from: 0, to: chunkSize) - model.images(refined)) * detail }
      }
      var made = try model.images(composed)
      if let leftOut { made = made + leftOut }
      let wanted = positions.clamped(to: start..<start + chunkSize)
      results.append(try made.slice(from: wanted.lowerBound - start, to: wanted.upperBound - start))
    }
    return try normalization.restored(Tensor.concatenated(results))
  }

  /// Samples (64) and their lenders (64), each pair through transformations of its own.
  private func moved(
    _ images: Tensor, _ places: [ExpansionPlace], _ label: Int, by strategy: AugmentationStrategy
  ) throws(TensorError) -> Tensor {
    var pairs: [Tensor] = []
    for (row, place) in places.enumerated() {
      var draw = random.split("moved copy", label, place.source, place.copy)
      let transformations = strategy.drawCombined(
        rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
      let pair = try images.indexed(by: Tensor(integers: [row, places.count + row]))
      pairs.append(try augmented(pair, by: transformations).unsqueezed(1))
    }
    return try Tensor.concatenated(pairs, axis: 1).reshaped(images.shape)
  }
}
