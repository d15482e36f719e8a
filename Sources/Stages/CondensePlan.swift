import Datasets
import Methods
import Networks
import Streaming
import Tensors

/// A condensation with everything decided: the method's options after typed options, defaults and the size of the work.
struct CondensePlan {
  let request: CondenseRequest
  let counts: [Int]
  /// The network that embeds; nil for Random, which needs none.
  let network: ConvNetOptions?
  let normalization: Methods.Normalization
  /// Options of DM or M3D; nil for selections.
  private(set) var matching: Matching?
  private let work: Work?
  private let storedBytes: Int
  private let spilledBytes: Int

  enum Matching {
    case distributionMatching(DistributionMatching.Options)
    case m3d(M3D.Options)

    var steps: Int {
      switch self {
      case .distributionMatching(let options): options.steps
      case .m3d(let options): options.steps
      }
    }
  }

  init(
    _ request: CondenseRequest, for store: ClassStore, named dataset: String, counts: [Int], threads: Int
  ) throws(DataError) {
    self.request = request
    self.counts = counts
    let network: ConvNetOptions? =
      request.method == .random
      ? nil : try request.network.options(shape: store.shape, classes: store.classCount, of: dataset)
    self.network = network
    normalization = Methods.Normalization.measured(on: store)
    storedBytes = store.residentBytes
    spilledBytes = store.spilledBytes
    if request.method.isSelection {
      for (label, count) in counts.enumerated() where count > store.count(ofClass: label) {
        throw DataError(
          .badInput, at: [dataset],
          "class \(store.classNames[label]) has \(store.count(ofClass: label)) samples, fewer than the \(count) asked for",
          remedy: "lower --ipc, or give this class its own number")
      }
    }
    let augmentation = request.augmentation ?? (store.shape.channels == 1 ? .withoutFlip : .full)
    var matching: Matching?
    switch (request.method, network) {
    case (.random, _), (.herding, _), (.kCenter, _), (_, nil): break
    case (.distributionMatching, let network?):
      var options = DistributionMatching.Options(network: network)
      options.augmentation = augmentation
      if let value = request.realBatch { options.realBatch = value }
      if let value = request.learningRate { options.learningRate = value }
      if let value = request.momentum { options.momentum = value }
      if let value = request.initialization { options.initialization = value }
      if let value = request.factor { options.formation = Methods.Formation(factor: value) }
      matching = .distributionMatching(options)
    case (.m3d, let network?):
      var options = M3D.Options(network: network)
      options.augmentation = augmentation
      if let value = request.realBatch { options.realBatch = value }
      if let value = request.learningRate { options.learningRate = value }
      if let value = request.momentum { options.momentum = value }
      if let value = request.initialization { options.initialization = value }
      if let value = request.factor { options.formation = Methods.Formation(factor: value) }
      if let value = request.kernel { options.kernel = value }
      if let value = request.linearUnits { options.linearUnits = value }
      if let value = request.stepsPerNetwork { options.stepsPerNetwork = value }
      matching = .m3d(options)
    }
    guard let matching, let network else {
      work = nil
      return
    }
    let (batch, formation) =
      switch matching {
      case .distributionMatching(let options): (options.realBatch, options.formation)
      case .m3d(let options): (options.realBatch, options.formation)
      }
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
    let steps = request.steps ?? step.defaultSteps(threads: threads)
    switch matching {
    case .distributionMatching(var options):
      options.steps = steps
      self.matching = .distributionMatching(options)
    case .m3d(var options):
      options.steps = steps
      self.matching = .m3d(options)
    }
  }

  /// What the run will take on this machine, measured on one chunk of images.
  func estimate(clock: () -> Double) throws(TensorError) -> Estimate {
    var estimate = Estimate(
      images: counts.reduce(0, +), steps: matching?.steps, decodedBytes: storedBytes, spilledBytes: spilledBytes,
      workingBytes: workingBytes)
    if let work, let network {
      // The measured rate is that of a forward pass alone; augmentation and the loss take about a quarter more.
      estimate.secondsPerStep = try 1.25 * work.operations / Work.measuredRate(network: network, clock: clock)
    }
    return estimate
  }

  /// Activations of one chunk and its gradients, weights and the library itself.
  private var workingBytes: Int {
    guard let network else { return 350 << 20 }
    let largestMap =
      network.filters * (network.height + 2) * (network.width + 2) * (network.precision == .bfloat16 ? 2 : 4)
    return 350 << 20 + 64 * 4 * largestMap
  }

  /// Carries it out, on the compute thread; `snapshot` receives what there is every so many steps.
  func run(
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
        surroundings.snapshotEvery.map { Array(stride(from: $0, through: matching?.steps ?? 0, by: $0)) } ?? []),
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
      guard let network else { preconditionFailure("\(name) has no network, and only random needs none") }
      let features = try featureNetwork(
        for: store, network: network, normalization: normalization, seed: request.seed,
        cacheDirectory: surroundings.cacheDirectory, shouldStop: surroundings.shouldStop, log: surroundings.log,
        progress: surroundings.progress)
      if method == .herding {
        return try Herding.select(
          from: store, counts: counts, network: features, normalization: normalization, control: control)
      }
      return try KCenter.select(
        from: store, counts: counts, network: features, normalization: normalization, using: random, control: control)
    }
  }

  /// Every option in force, for the manifest.
  func provenance(stepsReached: Int) -> [String: String] {
    var options = [
      "method": request.method.rawValue, "ipc": request.budget.text, "seed": String(request.seed),
    ]
    if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    if let network {
      options["net"] = "convnet"
      options["width"] = String(network.filters)
      options["depth"] = String(network.depth)
      options["precision"] = network.precision.rawValue
    }
    func add(
      _ steps: Int, _ batch: Int, _ rate: Double, _ momentum: Double, _ start: Initialization,
      _ augmentation: AugmentationStrategy, _ factor: Int
    ) {
      options["steps"] = String(stepsReached)
      options["batch"] = String(batch)
      options["lr"] = "\(rate)"
      options["momentum"] = "\(momentum)"
      options["init"] = start.rawValue
      options["augment"] = augmentation.description
      options["factor"] = String(factor)
    }
    switch matching {
    case .distributionMatching(let chosen):
      add(
        chosen.steps, chosen.realBatch, chosen.learningRate, chosen.momentum, chosen.initialization,
        chosen.augmentation,
        chosen.formation.factor)
    case .m3d(let chosen):
      add(
        chosen.steps, chosen.realBatch, chosen.learningRate, chosen.momentum, chosen.initialization,
        chosen.augmentation,
        chosen.formation.factor)
      options["kernel"] = chosen.kernel.description
      options["linear-units"] = String(chosen.linearUnits)
      options["iterations-per-model"] = String(chosen.stepsPerNetwork)
    case nil: break
    }
    return options
  }
}
