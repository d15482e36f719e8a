public import Datasets
internal import Foundation
internal import Networks
public import Tensors

extension ExpansiveSynthesis {
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
    let expanders: [SampleExpander]
    let random: RandomSource
  }

  /// Fine-tunes a model to samples.
  ///
  /// - Precondition: The model is for images of their shape.
  /// - Parameter snapshots: of networks that classify the copies; nil for a classifier that learns along.
  public func fit<Real: RealImages>(
    _ model: ExpansiveModel, to real: Real, normalization: Normalization, classifiedBy snapshots: Trajectories? = nil,
    using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> Fit<Real> {
    let shape = model.autoencoder.options
    precondition(
      real.shape == ImageShape(channels: shape.channels, height: shape.height, width: shape.width),
      "a model for \(shape.channels)×\(shape.height)×\(shape.width) images cannot be fine-tuned to others")
    var options = self
    options.take(model)
    options.steps = steps ?? 300
    options.augmentation = augmentation ?? .usual(flip: real.keepsClassesMirrored)
    if options.sources == .augmented { options.moving = moving ?? options.augmentation?.without(.cutout) }
    var tuning = FineTuning(model, real, normalization, options, snapshots, random)
    var last: StepReport?
    for step in 0..<(options.steps ?? 0) {  // line 12
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
}

// MARK: One step of the fine-tuning

private struct FineTuning<Real: RealImages> {
  private(set) var model: ExpansiveModel
  private let real: Real
  private let normalization: Normalization
  private let options: ExpansiveSynthesis
  private let random: RandomSource
  private let transport: Transport
  /// Of networks that classify the copies in place of the classifier.
  private let snapshots: Trajectories?

  private var classifier: Network
  private var graphs: [[ExpanderGraph]]
  private var gaps: [[Double]]

  private var scalesAdam: Adam
  private var attentionAdam: Adam
  private var classifierSGD: SGD

  init(
    _ model: ExpansiveModel, _ real: Real, _ normalization: Normalization, _ options: ExpansiveSynthesis,
    _ snapshots: Trajectories?, _ random: RandomSource
  ) {
    self.model = model
    self.snapshots = snapshots
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
    var snapshotDraw = random.split("classifying snapshot", number)
    let snapshot = snapshots?.snapshot(using: &snapshotDraw)
    // A classifier that learns along is shown the samples, too.
    let targets = Tensor(integers: snapshot == nil ? labels + labels : labels)
    let transformations = (options.augmentation ?? .none).drawOne(
      rows: targets.shape[0], height: real.shape.height, width: real.shape.width, using: &draw)
    let scales = model.autoencoder.scales
    let refining = model.refiningParameters
    let learning = weights.classification == 0 || snapshot != nil ? [] : classifier.parameters
    var terms: [LossTerm] = []
    var features: Tensor?
    let (total, found) = try valueAndGradients(at: scales + refining + learning) { points throws(TensorError) in
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
          if let snapshot {
            add(
              "ce", try snapshot(augmented(new, by: transformations)).crossEntropy(labels: targets),
              weights.classification
            )
          } else {
            let shown = try augmented(Tensor.concatenated([batch.images, new]), by: transformations)
            let classifier = self.classifier.with(parameters: Array(points[(scales.count + refining.count)...]))
            add("ce", try classifier(shown).crossEntropy(labels: targets) * 2, weights.classification)
          }
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
      step: number + 1, steps: options.steps ?? 0, loss: total.item,
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
