import Datasets
import Foundation
import Methods
import Networks
import Synchronization
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct ExpansiveSynthesisTests {
  private let similar = Toy(counts: [30, 20], side: 16, seed: 5)
  private let real = Toy(counts: [5, 3, 4], side: 16)

  /// As `KoopconTests` says: a thread that the library has not met begins with another number of threads.
  init() throws { try Runtime.configure(threads: 2) }

  private func options(_ setting: ExpansiveModel.Setting = .expanderGraph) -> ExpansiveSynthesis {
    var options = ExpansiveSynthesis()
    (options.setting, options.filters, options.maps, options.sources) = (setting, 4, 8, .plain)
    options.slots = 4
    options.pretrainingSteps = 30
    options.pretrainingBatch = 16
    options.warmUp = 12
    options.steps = 6
    options.batch = 12
    options.transport = Transport(iterations: 10, scale: 1 / 128)
    return options
  }

  private final class Seen: Sendable { let reports = Mutex<[StepReport]>([]) }

  private func control(_ seen: Seen, stopAfter: Int = .max) -> RunControl {
    RunControl(
      progress: { report in seen.reports.withLock { $0.append(report) } },
      shouldStop: { seen.reports.withLock { $0.count } >= stopAfter })
  }

  private func pretrained(
    _ options: ExpansiveSynthesis, seed: UInt64 = 1, stopAfter: Int = .max
  ) throws -> (model: ExpansiveModel, reports: [StepReport]) {
    let seen = Seen()
    let result = try options.pretrained(
      on: similar, normalization: .measured(on: similar), using: RandomSource(seed: seed),
      control: control(seen, stopAfter: stopAfter))
    return (result.model, seen.reports.withLock { $0 })
  }

  private func fit(
    _ model: ExpansiveModel, _ options: ExpansiveSynthesis, to real: Toy? = nil, seed: UInt64 = 1,
    stopAfter: Int = .max
  ) throws -> (fit: ExpansiveSynthesis.Fit<Toy>, reports: [StepReport]) {
    let seen = Seen()
    let real = real ?? self.real
    let fit = try options.fit(
      model, to: real, normalization: .measured(on: real), using: RandomSource(seed: seed),
      control: control(seen, stopAfter: stopAfter))
    return (fit, seen.reports.withLock { $0 })
  }

  private func bytes(_ model: ExpansiveModel) -> [[Float]] {
    (model.autoencoder.weights + model.autoencoder.scales + model.attention.attention.parameters
      + (model.placement.map { [$0] } ?? []) + [model.mean, model.deviation]).map { $0.floats() }
  }

  /// Each image's values.
  private func rows(_ images: Tensor) -> [[Float]] {
    let values = images.floats()
    let size = values.count / images.shape[0]
    return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<($0 + size)]) }
  }

  // MARK: Pre-training

  @Test func `pre-training lowers the reconstruction loss`() throws {
    var options = options()
    options.pretrainingSteps = 120
    let reports = try pretrained(options).reports
    // After the warm-up the loss counts both ways through the network.
    #expect((reports[11].loss) < reports[0].loss)
    #expect((reports.last?.loss ?? .infinity) < 0.7 * reports[13].loss)
  }

  /// The encoder goes on learning after the warm-up, and its statistics with it: the last ones are a step old here.
  @Test(arguments: [12, 97]) func `latents are standardised with the statistics of the larger set`(steps: Int) throws {
    var options = options()
    options.pretrainingSteps = steps
    let model = try pretrained(options).model
    let images = try Normalization.measured(on: similar).normalized(
      bytes: Tensor.concatenated([
        similar.images(ofClass: 0, at: Array(0..<30)), similar.images(ofClass: 1, at: Array(0..<20)),
      ]))
    let latents = try model.latents(images)
    #expect(try latents.mean(axes: [0, 2, 3]).floats().allSatisfy { abs($0) < 0.1 })
    #expect(try latents.variance(axes: [0, 2, 3]).floats().allSatisfy { abs($0 - 1) < 0.2 })
    options.pretrainingSteps = options.warmUp
    let early = try pretrained(options).model.deviation.floats()
    #expect((early == model.deviation.floats()) == (steps == options.warmUp))
  }

  @Test(arguments: ExpansiveModel.Setting.allCases)
  func `the same seed gives the same model and another seed another`(setting: ExpansiveModel.Setting) throws {
    let options = options(setting)
    let first = try pretrained(options).model
    #expect(bytes(first) == bytes(try pretrained(options).model))
    #expect(bytes(first) != bytes(try pretrained(options, seed: 2).model))
    let tuned = bytes(try fit(first, options).fit.model)
    #expect(tuned == bytes(try fit(first, options).fit.model))
    #expect(tuned != bytes(try fit(first, options, seed: 2).fit.model))
  }

  @Test(arguments: [1, 12, 13, 20])
  func `a pre-training that is stopped equals one of that many steps`(steps: Int) throws {
    var short = options()
    short.pretrainingSteps = steps
    #expect(bytes(try pretrained(options(), stopAfter: steps).model) == bytes(try pretrained(short).model))
  }

  // MARK: Fine-tuning

  @Test func `fine-tuning moves scales and shifts and leaves the weights alone`() throws {
    let options = options()
    let model = try pretrained(options).model
    let tuned = try fit(model, options).fit.model
    #expect(tuned.autoencoder.weights.map { $0.floats() } == model.autoencoder.weights.map { $0.floats() })
    for (before, after) in zip(model.autoencoder.scales, tuned.autoencoder.scales) {
      #expect(before.floats() != after.floats())
    }
    #expect(tuned.mean.floats() == model.mean.floats() && tuned.deviation.floats() == model.deviation.floats())
  }

  @Test func `a first step moves scales and shifts by the rate and the attention by a tenth of it`() throws {
    var options = options()
    let model = try pretrained(options).model
    options.steps = 1
    let tuned = try fit(model, options).fit.model
    func greatest(_ before: [Tensor], _ after: [Tensor]) -> Float {
      zip(before, after).flatMap { zip($0.floats(), $1.floats()).map { abs($0 - $1) } }.max() ?? 0
    }
    // Adam's first step is the rate, whatever the gradient.
    let rate = Float(options.learningRate)
    #expect(abs(greatest(model.autoencoder.scales, tuned.autoencoder.scales) / rate - 1) < 0.02)
    let attention = (model.attention.attention.parameters, tuned.attention.attention.parameters)
    #expect(abs(greatest(attention.0, attention.1) / rate - 0.1) < 0.002)
  }

  @Test func `fine-tuning lowers the losses that it is told to lower`() throws {
    var options = options()
    let model = try pretrained(options).model
    options.weights = LossWeights(
      reconstruction: 1, classification: 0, transport: 0, covariance: 0, attention: 0)
    options.steps = 80
    options.learningRate = 1e-2
    let losses = try fit(model, options).reports.map(\.loss)
    let (first, last): (Double, Double) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
    #expect(last < 0.95 * first)
  }

  /// A file may hold a model of other slots, patches and sizes than the defaults are.
  @Test func `what the model is decides what is fitted, not the options`() throws {
    let model = try pretrained(options()).model
    var other = options()
    other.slots = 8
    (other.filters, other.maps) = (16, 64)
    let fit = try fit(model, other).fit
    #expect(fit.codewords.allSatisfy { $0.vertices == 4 })
    #expect(try fit.images(ofClass: 0, at: 0..<3).shape == [3, 3, 16, 16])
  }

  @Test func `without a step the model is the pre-trained one`() throws {
    var options = options()
    let model = try pretrained(options).model
    options.steps = 0
    #expect(bytes(try fit(model, options).fit.model) == bytes(model))
  }

  @Test func `a fine-tuning that is stopped equals one of that many steps`() throws {
    let model = try pretrained(options()).model
    let stopped = try fit(model, options(), stopAfter: 4).fit
    var short = options()
    short.steps = 4
    let whole = try fit(model, short).fit
    #expect(stopped.steps == 4 && bytes(stopped.model) == bytes(whole.model))
    #expect(stopped.codewords == whole.codewords)
    #expect(
      try stopped.images(ofClass: 0, at: 0..<9).floats() == whole.images(ofClass: 0, at: 0..<9).floats())
  }

  @Test func `losses are reported one by one, and one with weight zero is not computed`() throws {
    let model = try pretrained(options()).model
    let names = ["re", "ce", "w", "cov", "att"]
    #expect(try fit(model, options()).reports.last?.terms.map(\.name) == names + ["gap"])
    let paths: [WritableKeyPath<LossWeights, Double>] = [
      \.reconstruction, \.classification, \.transport, \.covariance, \.attention,
    ]
    for (name, path) in zip(names, paths) {
      var without = options()
      without.weights[keyPath: path] = 0
      let last = try #require(try fit(model, without).reports.last)
      #expect(last.terms.map(\.name) == names.filter { $0 != name } + ["gap"])
      let all = without.weights
      let weights = [all.reconstruction, all.classification, all.transport, all.covariance, all.attention]
      let sum = zip(names, weights).reduce(0) { sum, pair in
        sum + pair.1 * (last.terms.first { $0.name == pair.0 }?.value ?? 0)
      }
      #expect(abs(last.loss - sum) < 1e-3 * abs(sum) + 1e-5)
    }
  }

  /// With snapshots the cross entropy is that of networks that stay as they are: the same at a rate of 0 whichever step comes before.
  @Test func `snapshots classify the copies alone and learn nothing`() throws {
    let model = try pretrained(options()).model
    var method = options()
    method.classifiers = .snapshots
    method.learningRate = 0
    let recipe = Teachers.recipe(
      for: MethodTask(dataset: "toy", shape: real.shape, counts: [0, 0, 0], available: [5, 3, 4]))
    #expect(recipe.training.networks == 3 && recipe.training.epochs == 60 && recipe.training.batchSize == 4)
    let normalization = Normalization.measured(on: real)
    let teachers = try recipe.trajectories(
      on: real, normalization: normalization, using: RandomSource(seed: 1), control: RunControl())
    let before = teachers.tensors.map { $0.floats() }
    let seen = Seen()
    _ = try method.fit(
      model, to: real, normalization: normalization, classifiedBy: teachers, using: RandomSource(seed: 1),
      control: control(seen))
    #expect(teachers.tensors.map { $0.floats() } == before)
    // By itself, the method trains the same networks and classifies by them.
    let own = Seen()
    method.take(model)
    _ = try method.expansion(
      of: real, normalization: normalization, using: RandomSource(seed: 1), control: control(own))
    func entropies(_ seen: Seen) -> [Double] {
      seen.reports.withLock { $0.compactMap { $0.terms.first { $0.name == "ce" }?.value } }
    }
    #expect(entropies(own).count == 6 && entropies(seen).count == 6 && entropies(seen).allSatisfy { $0 > 0 })
    #expect(own.reports.withLock { $0.contains { $0.phase == "trajectories" } })
  }

  @Test func `labels are half the class and half the mean of what the networks see`() throws {
    let recipe = Teachers.recipe(
      for: MethodTask(dataset: "toy", shape: real.shape, counts: [0, 0, 0], available: [5, 3, 4]))
    let networks = (0..<2).map { number in
      var random = RandomSource(seed: UInt64(number))
      return Network(recipe.network, using: &random)
    }
    let images = try Normalization.measured(on: real).normalized(bytes: real.images(ofClass: 1, at: [0, 1, 2]))
    let labels = try Teachers.softLabels(of: images, label: 1, by: Trajectories(networks.map { [$0] })).floats()
    let seen = try networks.map { try $0(images).floats() }
    for row in 0..<3 {
      let shares = seen.map { logits -> [Double] in
        let exponentials = (0..<3).map { exp(Double(logits[row * 3 + $0])) }
        return exponentials.map { $0 / exponentials.reduce(0, +) }
      }
      for place in 0..<3 {
        let expected = (place == 1 ? 0.5 : 0) + (shares[0][place] + shares[1][place]) / 4
        #expect(abs(Double(labels[row * 3 + place]) - expected) < 1e-5)
      }
    }
  }

  @Test func `the covariance loss is that of the maps between samples`() throws {
    let latents = wave([5, 3, 2, 2], 0.9, 0.3, 2)
    let values = latents.doubles()
    var covariance = [Double](repeating: 0, count: 9)
    for place in 0..<4 {
      func value(_ sample: Int, _ map: Int) -> Double { values[(sample * 3 + map) * 4 + place] }
      let means = (0..<3).map { map in (0..<5).reduce(0) { $0 + value($1, map) } / 5 }
      for sample in 0..<5 {
        for pair in 0..<9 {
          let (row, column) = (pair / 3, pair % 3)
          covariance[pair] += (value(sample, row) - means[row]) * (value(sample, column) - means[column]) / 16
        }
      }
    }
    let expected = covariance.enumerated().reduce(0.0) {
      $0 + ($1.element - ($1.offset % 4 == 0 ? 1 : 0)) * ($1.element - ($1.offset % 4 == 0 ? 1 : 0)) / 3
    }
    #expect(abs(try ExpansiveSynthesis.covarianceLoss(latents).item - expected) < 1e-4)
    #expect(try ExpansiveSynthesis.covarianceLoss(wave([1, 3, 2, 2], 0.9, 0.3)).item == 0)
  }

  @Test func `the codeword is a connected graph with the fixed number of edges`() throws {
    let options = options()
    let fit = try fit(try pretrained(options).model, options).fit
    #expect(fit.codewords.count == 3)
    for graph in fit.codewords {
      #expect(graph.gap > 0 && graph.weights.filter { $0 > 0 }.count == 6)
    }
  }

  @Test func `graphs learn a larger gap in more steps`() throws {
    var options = options()
    let model = try pretrained(options).model
    options.preservation = 0
    func gaps(_ steps: Int) throws -> [Double] {
      options.graphSteps = steps
      return try fit(model, options).fit.codewords.map(\.gap)
    }
    for (few, many) in zip(try gaps(0), try gaps(20)) { #expect(many > few) }
  }

  // MARK: Expansion

  /// φ⁻¹(y'_e) + d (x − φ⁻¹(y'_0)): what d adds depends on the sample alone, and copies that go nowhere are their samples.
  @Test func `detail gives back what the model leaves out, and reach is how far a copy goes`() throws {
    var options = options()
    let model = try pretrained(options).model
    func images(reach: Double, detail: Double) throws -> [[Float]] {
      (options.reach, options.detail) = (reach, detail)
      return rows(try fit(model, options).fit.images(ofClass: 1, at: 0..<9))
    }
    let (plain, whole) = (try images(reach: 1, detail: 0), try images(reach: 1, detail: 1))
    let added = zip(plain, whole).map { zip($0, $1).map { $1 - $0 } }
    for copy in 0..<9 {
      #expect(zip(added[copy], added[copy % 3]).allSatisfy { abs($0 - $1) < 1e-4 })
      #expect(added[copy].contains { abs($0) > 1e-3 })
    }
    let (none, half) = (try images(reach: 0, detail: 1), try images(reach: 0.5, detail: 0))
    #expect(none[3] == none[0] && none[7] == none[1])
    #expect(half[3] != plain[3] && half[0] == plain[0])
    let sources = rows(real.images(ofClass: 1, at: [0, 1, 2]).to(.float32) / 255)
    for copy in 0..<9 { #expect(zip(none[copy], sources[copy % 3]).allSatisfy { abs($0 - $1) < 1e-4 }) }
    #expect(zip(plain, sources).allSatisfy { zip($0, $1).contains { abs($0 - $1) > 1e-2 } })
  }

  @Test func `samples are moved with their lenders, each copy in its own way`() throws {
    var options = options()
    let model = try pretrained(options).model
    (options.reach, options.sources, options.moving) = (0, .augmented, .full)
    let fit = try fit(model, options).fit
    let all = rows(try fit.images(ofClass: 0, at: 0..<20))
    #expect(Set(all).count == 20)
    #expect(rows(try fit.images(ofClass: 0, at: 7..<9)) == Array(all[7..<9]))
    options.moving = AugmentationStrategy.none
    options.reach = 1
    let still = rows(try self.fit(model, options).fit.images(ofClass: 0, at: 0..<20))
    (options.sources, options.moving) = (.plain, nil)
    let plain = rows(try self.fit(model, options).fit.images(ofClass: 0, at: 0..<20))
    #expect(zip(still, plain).allSatisfy { zip($0, $1).allSatisfy { abs($0 - $1) < 1e-4 } })
  }

  @Test(arguments: ExpansiveModel.Setting.allCases)
  func `new images differ from one another and from their sources`(setting: ExpansiveModel.Setting) throws {
    let options = options(setting)
    // The last class has one sample alone.
    let real = Toy(counts: [5, 3, 1], side: 16)
    let fit = try fit(try pretrained(options).model, options, to: real).fit
    for label in 0..<3 {
      let count = 4 * real.count(ofClass: label)
      let images = try fit.images(ofClass: label, at: 0..<count)
      #expect(images.shape == [count, 3, 16, 16])
      let made = rows(images)
      #expect(made.allSatisfy { $0.allSatisfy(\.isFinite) })
      let sources = real.images(ofClass: label, at: Array(0..<real.count(ofClass: label))).to(.float32) / 255
      let all = made + rows(sources)
      #expect(Set(all).count == all.count)
    }
  }

  @Test func `an image depends on its position alone`() throws {
    let options = options()
    let fit = try fit(try pretrained(options).model, options).fit
    let all = rows(try fit.images(ofClass: 0, at: 0..<70))
    let first = rows(try fit.images(ofClass: 0, at: 0..<3))
    let later = rows(try fit.images(ofClass: 0, at: 61..<66))
    #expect(first == Array(all[..<3]) && later == Array(all[61..<66]))
  }

  @Test func `numbers are the ratio's, rounded, and at least one`() {
    #expect(expandedCounts([10, 7, 1, 0], ratio: 10) == [100, 70, 10, 0])
    #expect(expandedCounts([10, 7, 1, 0], ratio: 2.5) == [25, 18, 3, 0])
    #expect(expandedCounts([10, 7, 1, 0], ratio: 0.1) == [1, 1, 1, 0])
    #expect((0..<7).map { ExpansionPlace(position: $0, sources: 3).source } == [0, 1, 2, 0, 1, 2, 0])
    #expect((0..<7).map { ExpansionPlace(position: $0, sources: 3).copy } == [0, 0, 0, 1, 1, 1, 2])
  }

  @Test func `augmented copies differ, and each depends on its place alone`() throws {
    func expansion(_ seed: UInt64, _ method: ClassicAugmentation = ClassicAugmentation()) throws -> any Expansion {
      try method.expansion(
        of: real, normalization: .measured(on: real), using: RandomSource(seed: seed), control: RunControl()
      ).expansion
    }
    let images = try expansion(1).images(ofClass: 1, at: 0..<20)
    let made = rows(images)
    #expect(Set(made).count == 20)
    let piece = rows(try expansion(1).images(ofClass: 1, at: 7..<12))
    #expect(piece == Array(made[7..<12]))
    let other = rows(try expansion(2).images(ofClass: 1, at: 0..<20))
    #expect(other != made)
    var none = ClassicAugmentation()
    none.strategy = AugmentationStrategy.none
    let same = try expansion(1, none).images(ofClass: 1, at: 0..<3) * 255
    #expect(
      zip(same.floats(), real.images(ofClass: 1, at: [0, 1, 2]).floats()).allSatisfy { abs($0 - $1) < 1e-2 })
  }
}
