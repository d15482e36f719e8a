import Datasets
import Methods
import Networks
import Streaming
import Tensors

/// A condensation with everything decided: the method's options after typed options, defaults and the size of the work.
struct CondensePlan {
  let request: CondenseRequest
  private let dataset: String
  let counts: [Int]
  /// The network that embeds; nil for Random, which needs none.
  let network: ConvNetOptions?
  let normalization: Methods.Normalization
  /// Options of DM or M3D; nil for selections.
  private(set) var matching: Matching?
  /// Beside the decoded images.
  let memoryNeed: MemoryNeed
  private let work: Work?
  /// How the network of Herding and K-Center is made; nil for other methods.
  private let features: FeatureRecipe?
  private let storedImages: Int
  private let storedBytes: Int
  private let spilledBytes: Int

  /// Options of a method that learns images.
  enum Matching {
    case distributionMatching(DistributionMatching.Options)
    case m3d(M3D.Options)

    /// The method's defaults, with what was asked for in their place; nil for a selection.
    init?(_ request: CondenseRequest, network: ConvNetOptions, isGrey: Bool) {
      func chosen<Options: MatchingOptions>(_ defaults: Options) -> Options {
        var options = defaults
        options.augmentation = request.augmentation ?? (isGrey ? .withoutFlip : .full)
        if let value = request.realBatch { options.realBatch = value }
        if let value = request.learningRate { options.learningRate = value }
        if let value = request.momentum { options.momentum = value }
        if let value = request.initialization { options.initialization = value }
        if let value = request.factor { options.formation = Methods.Formation(factor: value) }
        return options
      }
      switch request.method {
      case .random, .herding, .kCenter, .koopcon: return nil
      case .distributionMatching:
        self = .distributionMatching(chosen(DistributionMatching.Options(network: network)))
      case .m3d:
        var options = chosen(M3D.Options(network: network))
        let width = request.kernelWidth ?? M3D.width(forFactor: options.formation.factor)
        options.kernel = (request.kernel ?? options.kernel).with(width: width)
        if let value = request.linearUnits { options.linearUnits = value }
        if let value = request.stepsPerNetwork { options.stepsPerNetwork = value }
        self = .m3d(options)
      }
    }

    /// What every such method has.
    var common: any MatchingOptions {
      switch self {
      case .distributionMatching(let options): options
      case .m3d(let options): options
      }
    }

    /// The same with another number of steps.
    func with(steps: Int) -> Matching {
      switch self {
      case .distributionMatching(var options):
        options.steps = steps
        return .distributionMatching(options)
      case .m3d(var options):
        options.steps = steps
        return .m3d(options)
      }
    }

    /// Values that the kernel makes of so many embeddings: squares of distances, and for every Gaussian two matrices.
    func kernelValues(rows: Double) -> Double {
      guard case .m3d(let options) = self, options.kernel != .linear else { return 0 }
      return 12 * rows * rows
    }
  }

  init(
    _ request: CondenseRequest, for store: ClassStore, named dataset: String, counts: [Int], threads: Int,
    cacheDirectory: String?
  ) throws(DataError) {
    self.request = request
    self.dataset = dataset
    self.counts = counts
    let network: ConvNetOptions? =
      request.method == .random
      ? nil : try request.network.options(shape: store.shape, classes: store.classCount, of: dataset)
    self.network = network
    memoryNeed = request.memoryNeed(
      shape: store.shape, counts: counts, network: network, largestClass: store.largestClass)
    normalization = Methods.Normalization.measured(on: store)
    storedImages = store.count
    storedBytes = store.residentBytes
    spilledBytes = store.spilledBytes
    try request.checkCounts(
      counts, of: (0..<store.classCount).map(store.count(ofClass:)), classNames: store.classNames,
      dataset: dataset)
    guard let network, let matching = Matching(request, network: network, isGrey: store.shape.channels == 1) else {
      work = nil
      features = network.map {
        FeatureRecipe(
          for: store, network: $0, seed: request.seed, steps: request.featureSteps, cacheDirectory: cacheDirectory)
      }
      return
    }
    features = nil
    let (batch, formation) = (matching.common.realBatch, matching.common.formation)
    guard formation.fits(height: store.shape.height, width: store.shape.width) else {
      throw DataError(
        .badInput, at: [dataset],
        "\(formation.factor) tiles per side leave tiles without a pixel in images of "
          + "\(store.shape.height)×\(store.shape.width)",
        remedy: "give a smaller --factor, or enlarge the images with --resize")
    }
    let step = Work.matchingStep(
      network: network,
      realPerClass: counts.indices.filter { counts[$0] > 0 }.map { min(batch, store.count(ofClass: $0)) },
      syntheticPerClass: counts, factor: formation.factor)
    work = step
    self.matching = matching.with(steps: request.steps ?? step.defaultSteps(threads: threads))
  }

  /// Steps that it will make: of learning images, or of training the network whose features are compared.
  var steps: Int { matching?.common.steps ?? features?.training.steps ?? 0 }

  /// What the run will take on this machine, measured on one chunk of images.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit.
  mutating func estimate(until deadline: Double?, clock: () -> Double) throws(TensorError) -> Estimate {
    var estimate = Estimate(
      images: counts.reduce(0, +), steps: matching?.common.steps, decodedBytes: storedBytes, spilledBytes: spilledBytes,
      workingBytes: Int(memoryNeed.total))
    if let work, let network {
      // The measured rate is that of a forward pass alone; augmentation and the loss take about a quarter more.
      let seconds = try 1.25 * work.operations / Work.measuredRate(network: network, clock: clock)
      estimate.secondsPerStep = seconds
      if let deadline, request.steps == nil, let matching {
        let steps = Work.steps(of: seconds, in: deadline - clock())
        self.matching = matching.with(steps: steps)
        estimate.steps = steps
      }
    }
    if let features {
      let rate = try Work.measuredRate(network: features.network, clock: clock)
      estimate.features = .init(
        steps: features.isKept ? 0 : features.training.steps,
        seconds: features.trainingWork.trainingSeconds(atRate: rate)
          + Work.forward(features.network).operations * Double(storedImages) / rate)
    }
    return estimate
  }

  /// Carries it out, on the compute thread; `snapshot` receives what there is every so many steps.
  func run(
    on store: ClassStore, in surroundings: CondenseStage.Surroundings,
    snapshot: @escaping @Sendable (Int, Synthetic) -> Void
  ) throws -> Condensation {
    let name = request.method.rawValue
    let result = try made(on: store, in: surroundings, snapshot: snapshot)
    if matching != nil {
      try checkLearned(result.lastReport, method: name, dataset: dataset, remedy: "lower --lr")
    } else if let features, features.training.steps > 0, result.steps == 0 {
      throw stoppedBeforeFirstStep("the training of the network for \(name)", dataset)
    }
    return result
  }

  private func made(
    on store: ClassStore, in surroundings: CondenseStage.Surroundings,
    snapshot: @escaping @Sendable (Int, Synthetic) -> Void
  ) throws -> Condensation {
    let random = RandomSource(seed: request.seed)
    let name = request.method.rawValue
    let control = RunControl(
      progress: { report in
        surroundings.progress(
          .init(
            stage: name, done: report.step, total: report.steps, unit: request.method.isSelection ? "classes" : "steps",
            loss: request.method.isSelection ? nil : report.loss,
            gradientNorm: request.method.isSelection ? nil : report.gradientNorm, note: report.note))
      }, shouldStop: surroundings.shouldStop,
      snapshotSteps: Set(
        surroundings.snapshotEvery.map { Array(stride(from: $0, through: matching?.common.steps ?? 0, by: $0)) } ?? []),
      snapshot: snapshot)
    switch (request.method, matching) {
    case (_, .distributionMatching(let options)):
      return try DistributionMatching.condense(
        store, counts: counts, normalization: normalization, options: options, using: random, control: control)
    case (_, .m3d(let options)):
      return try M3D.condense(
        store, counts: counts, normalization: normalization, options: options, using: random, control: control)
    case (.random, nil):
      return try RandomSelection.select(from: store, counts: counts, using: random)
    case (let method, nil):
      guard let features else { preconditionFailure("\(name) has no network, and only random needs none") }
      let trained = try features.made(
        on: store, normalization: normalization, shouldStop: surroundings.shouldStop, log: surroundings.log,
        progress: surroundings.progress)
      var result =
        if method == .herding {
          try Herding.select(
            from: store, counts: counts, network: trained.network, normalization: normalization, control: control)
        } else {
          try KCenter.select(
            from: store, counts: counts, network: trained.network, normalization: normalization, using: random,
            control: control)
        }
      result.steps = trained.steps
      return result
    }
  }

  /// Every option in force, for the manifest, as it would be typed; those of reading where they were typed.
  func provenance(stepsReached: Int) -> [String: String] {
    var options = request.reading
    options["method"] = request.method.rawValue
    options["ipc"] = request.budget.text
    options["seed"] = String(request.seed)
    if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    if let network {
      options["net"] = request.network.architecture.rawValue
      options["width"] = String(network.filters)
      options["depth"] = String(network.depth)
      options["precision"] = network.precision.rawValue
    }
    if features != nil { options["feature-steps"] = String(stepsReached) }
    if let common = matching?.common {
      options["steps"] = String(stepsReached)
      options["batch"] = String(common.realBatch)
      options["lr"] = "\(common.learningRate)"
      options["momentum"] = "\(common.momentum)"
      options["init"] = common.initialization.rawValue
      options["augment"] = common.augmentation.description
      options["factor"] = String(common.formation.factor)
    }
    if case .m3d(let chosen) = matching {
      options["kernel"] = chosen.kernel.name
      if let width = chosen.kernel.width { options["bandwidth"] = "\(width)" }
      options["units"] = chosen.linearUnits ? "linear" : "kernel"
      options["iterations-per-model"] = String(chosen.stepsPerNetwork)
    }
    return options
  }
}
