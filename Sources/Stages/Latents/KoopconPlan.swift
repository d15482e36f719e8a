public import Datasets
import Methods
public import Networks
import Shards
public import Streaming
public import Tensors

/// What can be chosen of Koopcon: nil where the method's own default is in force.
public struct KoopconChoice: Sendable {
  /// How deep the autoencoder is.
  public var depth: AutoencoderOptions.Depth?
  /// Plain or variational.
  public var form: AutoencoderOptions.Form?
  /// Length of a latent.
  public var latent: Int?
  /// Heads of the attention.
  public var heads: Int?
  /// Weights α of the losses.
  public var weights:
    (reconstruction: Double?, classification: Double?, matching: Double?, transport: Double?, covariance: Double?)
  /// Weight of the transported pixels within the reconstruction loss.
  public var transportedPixels: Double?
  /// Rate of the linear map.
  public var mapLearningRate: Double?
  /// Steps that a classifier lives.
  public var classifierLife: Int?
  /// The share of the schedule before T begins.
  public var warmUp: Double?
  /// The share of the schedule in which the encoder stands still.
  public var settling: Double?
  /// Steps that the schedule is laid out for.
  public var schedule: Int?

  /// Every default.
  public init() { weights = (nil, nil, nil, nil, nil) }
}

extension CondenseRequest {
  /// Koopcon's options for images of one size, all but the steps.
  ///
  /// Throws where the images are too small for a network, or the latents cannot be split into the heads.
  func koopconOptions(
    shape: (channels: Int, height: Int, width: Int), classes: Int, of dataset: String
  ) throws(DataError) -> Koopcon.Options {
    let classifier = try network.options(shape: shape, classes: classes, of: dataset)
    let choice = koopcon
    let latent = choice.latent ?? 512
    var options = Koopcon.Options(
      autoencoder: AutoencoderOptions(
        channels: shape.channels, height: shape.height, width: shape.width,
        depth: choice.depth ?? .shallow, form: choice.form ?? .plain, latent: latent),
      network: classifier)
    options.heads = choice.heads ?? options.heads
    guard latent % options.heads == 0 else {
      throw DataError(
        .badInput, at: [dataset], "latents of \(latent) numbers cannot be split into \(options.heads) heads",
        remedy: "give --heads a divisor of \(latent)")
    }
    options.weights.reconstruction = choice.weights.reconstruction ?? options.weights.reconstruction
    options.weights.classification = choice.weights.classification ?? options.weights.classification
    options.weights.transport = choice.weights.transport ?? options.weights.transport
    options.weights.covariance = choice.weights.covariance ?? options.weights.covariance
    options.weights.matching = choice.weights.matching ?? options.weights.matching
    options.transportedPixels = choice.transportedPixels ?? options.transportedPixels
    options.mapLearningRate = choice.mapLearningRate ?? options.mapLearningRate
    options.classifierLife = choice.classifierLife ?? options.classifierLife
    options.warmUp = choice.warmUp ?? options.warmUp
    options.settling = min(choice.settling ?? options.settling, 1 - options.warmUp)
    options.batch = realBatch ?? options.batch
    options.learningRate = learningRate ?? options.learningRate
    options.augmentation = augmentation ?? (shape.channels == 1 ? .withoutFlip : .full)
    return options
  }
}

/// A fit of Koopcon with everything decided, and its execution.
public struct KoopconPlan {
  /// What is made of each class.
  public let counts: [Int]
  /// What fitting takes in memory, beside the decoded images.
  public let memoryNeed: MemoryNeed
  private let request: CondenseRequest
  private var options: Koopcon.Options
  /// Of one step, on average.
  private let operations: Double
  private let normalization: Methods.Normalization
  private let store: ClassStore
  private let info: DatasetInfo

  /// Decides; throws where the images are too small for a network, or a class has fewer samples than are to be made of it.
  public init(
    _ request: CondenseRequest, for store: ClassStore, of info: DatasetInfo, threads: Int
  ) throws(DataError) {
    let there = (0..<store.classCount).map(store.count(ofClass:))
    counts = try request.budget.counts(classNames: store.classNames, dataset: info.name)
    try request.checkCounts(counts, of: there, classNames: store.classNames, dataset: info.name)
    var options = try request.koopconOptions(shape: store.shape, classes: store.classCount, of: info.name)
    memoryNeed = .fitting(options, made: counts, of: there)
    operations = Self.operations(options, made: counts, of: there)
    let steps = request.steps ?? Self.defaultSteps(operations, threads: threads)
    options.steps = steps
    options.schedule = request.koopcon.schedule ?? steps
    self.request = request
    self.options = options
    self.store = store
    self.info = info
    normalization = Methods.Normalization.measured(on: store)
  }

  /// Operations of one step, `made` images of each class from `samples` real ones: the autoencoder and the classifier, forward and
  /// backward, on real and on condensed images; and a step's share of what happens every `refresh` steps.
  static func operations(_ options: Koopcon.Options, made: [Int], of samples: [Int]) -> Double {
    let coding = options.autoencoder.multiplications
    let forward = Work.forward(options.network).operations
    let real = Double(max(options.batch, samples.count))
    let condensed = Double(made.reduce(0) { $0 + min($1, options.decodedPerClass) })
    let sources = zip(made, samples).filter { $0.0 > 0 }.map(\.1)
    let maps = Double(made.reduce(0, +) * options.autoencoder.latent * 5000)
    var sum = real * (6 * (coding.encoder + coding.decoder) + 2 * coding.encoder + 3 * forward)
    sum += condensed * (8 * coding.decoder + 3 * forward) + 6 * maps
    // Features take real images of every class forward, and the condensed ones there and back.
    if options.weights.matching != 0 {
      let compared = Double(sources.reduce(0) { $0 + min($1, options.matchingSample) })
      sum += compared * forward + condensed * 3 * forward
    }
    // Between warm-up and settling all latents are computed anew every so many steps.
    let moving = max(0, 1 - options.warmUp - options.settling)
    sum += 2 * coding.encoder * Double(sources.reduce(0, +)) * moving / Double(options.refresh)
    return sum
  }

  /// Steps by default: about as much work as two cores do in some minutes; counted, not timed.
  private static func defaultSteps(_ operations: Double, threads: Int) -> Int {
    let allowance = 1e14 * Double(threads)
    let steps = allowance / operations
    return min(3000, max(300, Int((steps / 50).rounded()) * 50))
  }

  /// Throws where the machine has not the memory for it.
  public func checkMemory(machine: Int) throws(DataError) {
    try memoryNeed.check(decoded: store.residentBytes, machine: machine, dataset: info.name)
  }

  /// What the run will take on this machine, measured on one chunk of images.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit, and lays its schedule out for them.
  public mutating func estimate(until deadline: Double?, clock: () -> Double) throws(TensorError) -> Estimate {
    var estimate = Estimate(
      images: counts.reduce(0, +), steps: options.steps, decodedBytes: store.residentBytes,
      spilledBytes: store.spilledBytes, workingBytes: Int(memoryNeed.total))
    let rate = try Work.measuredRate(network: options.network, clock: clock)
    // The autoencoder's strided convolutions run at half the speed of the classifier's.
    let seconds = 1.6 * operations / rate
    estimate.secondsPerStep = seconds
    if let deadline, request.steps == nil {
      options.steps = Work.steps(of: seconds, in: deadline - clock())
      options.schedule = request.koopcon.schedule ?? options.steps
      estimate.steps = options.steps
    }
    return estimate
  }

  /// Fits the model, on the compute thread.
  ///
  /// Throws a `DataError` where the run diverged, and a `TensorError` where the library fails.
  public func fit(
    tool: String, verb: String, shouldStop: @escaping @Sendable () -> Bool, progress: @escaping ProgressHandler
  ) throws -> KoopconFile {
    let fit = try Koopcon.fit(
      store, counts: counts, normalization: normalization, options: options, using: RandomSource(seed: request.seed),
      control: RunControl(reporting: KoopconFile.method, to: progress, shouldStop: shouldStop))
    try checkLearned(
      fit.lastReport, method: KoopconFile.method, dataset: info.name, remedy: "lower --lr or --map-lr")
    return KoopconFile(
      fit.model, of: info, fittedTo: store,
      provenance: ProvenanceStep(
        verb: verb, tool: tool, options: provenance(stepsReached: fit.steps), digests: ["source": store.digest]))
  }

  /// Every option in force, as it would be typed; those of reading where they were typed.
  public func provenance(stepsReached: Int) -> [String: String] {
    var record = [
      "method": request.method.rawValue, "ipc": request.budget.text, "seed": String(request.seed),
      "steps": String(stepsReached), "schedule": String(options.schedule ?? options.steps),
      "autoencoder": options.autoencoder.depth.rawValue, "reconstruction": options.autoencoder.form.rawValue,
      "latent": String(options.autoencoder.latent), "heads": String(options.heads),
      "weight-re": "\(options.weights.reconstruction)", "weight-ce": "\(options.weights.classification)",
      "weight-w": "\(options.weights.transport)", "weight-cov": "\(options.weights.covariance)",
      "weight-fm": "\(options.weights.matching)", "transported-pixels": "\(options.transportedPixels)",
      "map-lr": "\(options.mapLearningRate)", "classifier-life": String(options.classifierLife),
      "warm-up": "\(options.warmUp)", "settling": "\(options.settling)", "batch": String(options.batch),
      "lr": "\(options.learningRate)", "augment": options.augmentation.description, "net": "convnet",
      "width": String(options.network.filters), "depth": String(options.network.depth),
      "precision": options.network.precision.rawValue,
    ]
    if Runtime.device != .cpu { record["device"] = Runtime.device.description }
    return record.merging(request.reading) { first, _ in first }
  }
}

extension KoopconFile {
  /// Encode, attend, condense and decode, one after the other, as the verbs do it in a shell pipe.
  public func condensed(
    _ upstream: Flow<Sample>, computeThread: BlockingThread, limits: Limits = Limits()
  ) -> Flow<Sample> {
    var surroundings = LatentSurroundings(self, computeThread: computeThread)
    surroundings.limits = limits
    let stages = pipeline {
      EncodeStage(surroundings)
      AttendStage(surroundings)
      CondenseLatentsStage(surroundings)
      RenderStage(surroundings)
    }
    var wiring = Wiring()
    return stages.connect(upstream, &wiring)
  }
}

extension ClassStore {
  /// The samples as they came, in the order of the archive.
  public var samples: Flow<Sample> {
    let places = archiveOrder
    return .elements(
      places.lazy.map { place in
        Sample(
          key: self.key(ofClass: place.label, at: place.index),
          content: .pixels(self.pixels(ofClass: place.label, at: place.index)), label: place.label)
      })
  }
}
