public import Datasets
public import Methods
import Networks
import Shards
public import Streaming
public import Tensors

/// A pre-training of Expansive Synthesis with everything decided, and its execution.
public struct ExpansivePretraining {
  private var options: ExpansiveSynthesis.Options
  private let normalization: Normalization
  private let seed: UInt64
  private let reading: [String: String]
  private let store: ClassStore
  private let info: DatasetInfo
  /// Whether nobody asked for a number of steps.
  private let leavesSteps: Bool

  /// Decides, for the larger set in `store` that `info` describes.
  public init(
    _ choice: ExpansiveChoice, seed: UInt64, reading: [String: String] = [:], for store: ClassStore,
    of info: DatasetInfo, threads: Int
  ) {
    var options = ExpansiveSynthesis.Options(choice.setting ?? .expanderGraph, autoencoder: autoencoder(store.shape))
    options.pretrainingBatch = choice.pretrainingBatch ?? options.pretrainingBatch
    options.pretrainingRate = choice.pretrainingRate ?? options.pretrainingRate
    let work = Self.operations(options)
    options.pretrainingSteps =
      choice.pretrainingSteps ?? min(4000, max(400, Int((2.5e13 * Double(threads) / work / 50).rounded()) * 50))
    self.options = options
    leavesSteps = choice.pretrainingSteps == nil
    self.seed = seed
    self.reading = reading
    self.store = store
    self.info = info
    normalization = Normalization.measured(on: store)
  }

  private static func operations(_ options: ExpansiveSynthesis.Options) -> Double {
    let coding = options.autoencoder.multiplications
    return 6 * Double(options.pretrainingBatch) * (coding.encoder + 2 * coding.decoder + refining(options))
  }

  /// Steps, and seconds for each as measured on this machine now.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit.
  public mutating func estimate(
    until deadline: Double?, clock: () -> Double
  ) throws(TensorError) -> (steps: Int, secondsPerStep: Double) {
    let seconds = Self.operations(options) / (try measuredRate(options.autoencoder, clock: clock))
    if let deadline, leavesSteps { take(steps: Work.steps(of: seconds, in: deadline - clock())) }
    return (options.pretrainingSteps, seconds)
  }

  /// Takes another number of steps.
  mutating func take(steps: Int) { options.pretrainingSteps = steps }

  /// What computing takes: maps of a batch, gradients, weights and the library.
  public var memoryNeed: MemoryNeed { .expanding(options, images: options.pretrainingBatch) }
  /// Throws where the machine has not the memory for it.
  public func checkMemory(machine: Int) throws(DataError) {
    try memoryNeed.check(decoded: store.residentBytes, machine: machine, dataset: info.name)
  }

  /// Pre-trains the model, on the compute thread.
  public func run(
    tool: String, verb: String, shouldStop: @escaping @Sendable () -> Bool, progress: @escaping ProgressHandler
  ) throws -> ExpansiveFile {
    let result = try ExpansiveSynthesis.pretrained(
      on: store, normalization: normalization, options: options, using: RandomSource(seed: seed).split("pre-training"),
      control: RunControl(reporting: "pre-training", to: progress, shouldStop: shouldStop))
    try checkLearned(
      result.lastReport, method: "expansive", dataset: info.name, remedy: "lower the rate of pipe fit, --lr")
    var record = [
      "method": "expansive", "setting": options.setting.rawValue, "seed": String(seed), "steps": String(result.steps),
      "batch": String(options.pretrainingBatch), "lr": "\(options.pretrainingRate)",
    ]
    if Runtime.device != .cpu { record["device"] = Runtime.device.description }
    return ExpansiveFile(
      result.model, of: info, normalization: normalization,
      provenance: ProvenanceStep(
        verb: verb, tool: tool, options: record.merging(reading) { first, _ in first },
        digests: ["source": store.digest]))
  }
}

/// A fine-tuning of Expansive Synthesis with everything decided, and its execution.
struct ExpansiveFineTuning {
  private(set) var options: ExpansiveSynthesis.Options
  private let store: ClassStore
  private let dataset: String

  /// Decides, for samples in `store`; `model` is nil where it is still to be pre-trained.
  ///
  /// Throws where the images are too small for a classifier.
  init(
    _ request: ExpandRequest, model: ExpansiveModel?, for store: ClassStore, of info: DatasetInfo, threads: Int
  ) throws(DataError) {
    let choice = request.expansive
    let setting = model?.setting ?? choice.setting ?? .expanderGraph
    _ = try NetworkChoice(filters: 32).architecture(for: store.shape, classes: store.classCount, of: info.name)
    var options = ExpansiveSynthesis.Options(
      setting, autoencoder: model?.autoencoder.options ?? autoencoder(store.shape))
    if let model { (options.slots, options.patch) = (model.attention.slots, model.attention.patch) }
    options.batch = choice.batch ?? options.batch
    options.learningRate = choice.learningRate ?? options.learningRate
    options.weights.reconstruction = choice.weights.reconstruction ?? options.weights.reconstruction
    options.weights.classification = choice.weights.classification ?? options.weights.classification
    options.weights.transport = choice.weights.transport ?? options.weights.transport
    options.weights.covariance = choice.weights.covariance ?? options.weights.covariance
    options.weights.attention = choice.weights.attention ?? options.weights.attention
    options.augmentation = request.augmentation ?? (store.shape.channels == 1 ? .withoutFlip : .full)
    options.moving = choice.movesSources ?? true ? options.augmentation.without(.cutout) : nil
    options.reach = choice.reach ?? options.reach
    options.detail = choice.detail ?? options.detail
    options.steps =
      choice.steps
      ?? min(600, max(100, Int((1e13 * Double(threads) / Self.operations(options) / 50).rounded()) * 50))
    self.options = options
    self.store = store
    dataset = info.name
  }

  private static func operations(_ options: ExpansiveSynthesis.Options) -> Double {
    let (coding, shape) = (options.autoencoder.multiplications, options.autoencoder)
    let classifier = ExpansiveSynthesis.classifier(
      for: ImageShape(channels: shape.channels, height: shape.height, width: shape.width), classes: 10)
    return Double(options.batch)
      * (6 * (coding.encoder + 3 * coding.decoder + 2 * refining(options))
        + (options.weights.classification == 0 ? 0 : 6 * classifier.operations))
  }

  func estimate(
    clock: () -> Double
  ) throws(TensorError) -> (steps: Int, secondsPerStep: Double, secondsPerImage: Double) {
    let rate = try measuredRate(options.autoencoder, clock: clock)
    // Transport takes its time for clouds of any size.
    return (options.steps, 0.1 + Self.operations(options) / rate, Self.making(options) / rate)
  }

  /// Of one new image: a sample and its neighbour are encoded and attended to, the sum of features and, for a reach, the sample itself
  /// go through the graph, and the result and, for the detail, the sample are decoded.
  private static func making(_ options: ExpansiveSynthesis.Options) -> Double {
    let coding = options.autoencoder.multiplications
    return 2 * (2 * coding.encoder + 2 * refining(options) + (options.detail == 0 ? 1 : 2) * coding.decoder)
  }

  /// Takes another number of steps.
  mutating func take(steps: Int) { options.steps = steps }

  /// Samples and as many copies.
  var memoryNeed: MemoryNeed { .expanding(options, images: 2 * options.batch) }

  /// Fine-tunes the model, on the compute thread.
  func run(
    _ model: ExpansiveModel, seed: UInt64, shouldStop: @escaping @Sendable () -> Bool,
    progress: @escaping ProgressHandler
  ) throws -> ExpansiveSynthesis.Fit<ClassStore> {
    let fit = try ExpansiveSynthesis.fit(
      model, to: store, normalization: .measured(on: store), options: options,
      using: RandomSource(seed: seed).split("fine-tuning"),
      control: RunControl(reporting: "fine-tuning", to: progress, shouldStop: shouldStop))
    try checkLearned(fit.lastReport, method: "expansive", dataset: dataset, remedy: "lower --lr")
    return fit
  }

  /// Every option in force.
  func provenance(stepsReached: Int) -> [String: String] {
    [
      "steps": String(stepsReached), "setting": options.setting.rawValue, "batch": String(options.batch),
      "lr": "\(options.learningRate)", "augment": options.augmentation.description,
      "sources": options.moving == nil ? "plain" : "augmented", "reach": "\(options.reach)",
      "detail": "\(options.detail)",
      "weight-re": "\(options.weights.reconstruction)", "weight-ce": "\(options.weights.classification)",
      "weight-w": "\(options.weights.transport)", "weight-cov": "\(options.weights.covariance)",
      "weight-att": "\(options.weights.attention)",
    ].merging(Runtime.device == .cpu ? [:] : ["device": Runtime.device.description]) { first, _ in first }
  }
}

private func autoencoder(_ shape: ImageShape) -> MapAutoencoderOptions {
  MapAutoencoderOptions(channels: shape.channels, height: shape.height, width: shape.width)
}

/// Multiplications of one latent's way through attention and graph.
private func refining(_ options: ExpansiveSynthesis.Options) -> Double {
  let shape = options.autoencoder
  let places = Double(shape.mapHeight * shape.mapWidth)
  let width = Double(PatchAttention.width(options.setting.kind, channels: shape.maps, patch: options.patch))
  let tokens = places * Double(shape.maps) / width
  return 4 * tokens * width * width
    + (options.setting.hasGraph ? 9 * places * Double(options.slots * shape.maps * shape.maps) : 0)
}

/// Operations per second of this machine, now: a chunk of images through an autoencoder, best of three after a warm-up.
private func measuredRate(
  _ options: MapAutoencoderOptions, clock: () -> Double
) throws(TensorError) -> Double {
  var random = RandomSource(seed: 0)
  let network = MapAutoencoder(options, using: &random)
  let images = Tensor.zeros([32, options.channels, options.height, options.width])
  var best = Double.infinity
  for round in 0..<4 {
    let start = clock()
    _ = try network.decode(network.encode(images)).floats()
    if round > 0 { best = min(best, clock() - start) }
  }
  let work = options.multiplications
  return 2 * (work.encoder + work.decoder) * 32 / best
}
