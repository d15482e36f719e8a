public import Datasets
internal import Foundation
internal import Networks
public import Tensors

extension ExpansiveSynthesis {
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
  public func pretrained(
    on real: some RealImages, normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws(TensorError) -> Pretraining {
    let pretrainingSteps = pretrainingSteps ?? 1000
    var draw = random.split("expansive model")
    var model = ExpansiveModel(
      setting, autoencoder(for: real.shape), slots: slots, patch: patch, using: &draw)
    var codingAdam = Adam(learningRate: pretrainingRate, beta2: 0.99)
    var attentionAdam = Adam(learningRate: pretrainingRate, beta2: 0.99)
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
      let times = step / max(1, warmUp)
      return step == times * warmUp && times > 0 && times & (times - 1) == 0
    }
    let graphs = Self.adjacency([ExpanderGraph.circleWithDiameters(slots)], rows: [0])
    let itself = (0..<pretrainingBatch).map { ExpansiveModel.Recipe.itself($0, slots: slots) }
    var last: StepReport?
    for step in 0..<pretrainingSteps {
      if control.shouldStop() { break }
      if isDue(step) { try takeStatistics() }
      var draw = random.split("pre-training step", step)
      let batch = try images(pretrainingBatch, using: &draw)
      let coding = model.autoencoder.weights
      let refining = step < warmUp ? [] : model.refiningParameters
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
        step: step + 1, steps: pretrainingSteps, loss: loss.item, gradientNorm: norm(found),
        terms: [LossTerm(name: "re", value: loss.item)])
      last = report
      control.progress(report)
      if report.hasDiverged { break }
    }
    if (last?.step ?? 0) <= warmUp { try takeStatistics() }
    return Pretraining(model: model, steps: last?.step ?? 0, lastReport: last)
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

func norm(_ gradients: [Tensor]) -> Double {
  gradients.reduce(0) { $0 + $1.squared().sum().item }.squareRoot()
}
