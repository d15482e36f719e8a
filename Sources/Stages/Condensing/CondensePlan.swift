public import Datasets
import Methods
import Networks
import Streaming
import Tensors

/// A condensation with everything decided: the method's options after typed options, defaults and the size of the work.
public struct CondensePlan: Sendable {
  private let request: CondenseRequest
  private let info: DatasetInfo
  private let digest: String
  private let task: MethodTask
  private let method: any CondensingMethod
  private let cache: FeatureCache?
  private let givenFeatures: Network?
  let normalization: Normalization
  /// What the run will take on this machine.
  public let estimate: Estimate

  /// Decides, and measures this machine on one chunk of images.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit. On the compute thread.
  ///
  /// - Throws: `DataError` where the request does not fit the data, or the machine has not the memory for it.
  public init(_ request: CondenseRequest, for store: ClassStore, of info: DatasetInfo, in context: RunContext) throws {
    self.request = request
    self.info = info
    digest = store.digest
    let counts = try request.budget.counts(classNames: store.classNames, dataset: info.name)
    let available = (0..<store.classCount).map(store.count(ofClass:))
    try request.checkCounts(counts, of: available, classNames: store.classNames, dataset: info.name)
    let task = MethodTask(
      dataset: info.name, shape: store.shape, isSpectrogram: store.isSpectrogram, counts: counts, available: available)
    var method = request.method
    try method.decide(for: task)
    let cost = method.cost(of: task)
    try cost.memory.check(decoded: store.residentBytes, machine: context.machineMemory, dataset: info.name)
    cache = cost.features.map {
      FeatureCache($0, for: store, seed: request.seed, directory: context.cacheDirectory)
    }
    givenFeatures = try request.givenFeatures(for: cost, classNames: store.classNames)
    if let file = request.trajectories, file.description.source != store.digest {
      context.log("the given networks were trained on other images than these, those of \(file.description.dataset)")
    }
    var estimate = Estimate(
      images: counts.reduce(0, +), steps: nil, decodedBytes: store.residentBytes, spilledBytes: store.spilledBytes,
      workingBytes: Int(cost.memory.total))
    let rate = try cost.probe.map { probe throws(TensorError) in
      try Work.measuredRate(probe, clock: context.clock)
    }
    if request.trajectories == nil, let rate {
      estimate.trajectories = cost.trajectories.map { recipe in
        let cache = TrajectoryCache(
          recipe, for: store, seed: request.seed, directory: context.cacheDirectory, log: context.log)
        return .init(recipe, missingEpochs: cache.missingEpochs, on: store, atRate: rate)
      }
    }
    if let operations = cost.operationsPerStep, let rate {
      let seconds = cost.slowness * operations / rate
      if let deadline = context.deadline, method.steps == nil {
        let before = estimate.trajectories.reduce(0) { $0 + $1.seconds }
        method.steps = Work.steps(of: seconds, in: deadline - context.clock() - before)
      }
      method.steps = method.steps ?? cost.usualSteps?.steps(of: operations, threads: context.threads)
      try method.decide(for: task)
      (estimate.steps, estimate.secondsPerStep) = (method.steps, seconds)
    }
    if let features = cost.features, let rate, let cache {
      let passes = cache.isKept || givenFeatures != nil ? 0 : features.training.steps
      let training = Work.training(network: features.network, images: features.training.batchSize, passes: passes)
      estimate.features = .init(
        steps: passes,
        seconds: training.trainingSeconds(atRate: rate) + features.network.operations * Double(store.count) / rate)
    }
    self.task = task
    self.method = method
    self.estimate = estimate
    normalization = Normalization.measured(on: store)
  }

  /// The options in force, for who wants to know.
  var options: String {
    provenance(stepsReached: method.steps).sorted { $0.key < $1.key }.map { "--\($0) \($1)" }.joined(separator: " ")
  }

  /// Carries it out, on the compute thread; `snapshot` receives what there is every so many steps.
  func run(
    on store: ClassStore, in context: RunContext, snapshot: @escaping @Sendable (Int, Synthetic) -> Void
  ) throws -> Condensation {
    var control = control(for: store, in: context)
    control.snapshot = snapshot
    control.snapshotSteps = Set(
      context.snapshotEvery.map { Array(stride(from: $0, through: method.steps ?? 0, by: $0)) } ?? [])
    let result = try method.condense(
      store, counts: task.counts, normalization: normalization, using: RandomSource(seed: request.seed),
      control: control)
    try check(steps: result.steps, result.lastReport)
    return result
  }

  /// Fits the method's model and packs it as a file, on the compute thread.
  ///
  /// - Parameter tool: stands in the provenance, as `verb` does.
  /// - Throws: `DataError` where nothing was learned.
  public func fit(on store: ClassStore, tool: String, verb: String, in context: RunContext) throws -> FittedModel {
    guard let fitted = method as? any FittedMethod else {
      preconditionFailure("the catalogue offers to fit \(request.name), which has no model")
    }
    let control = control(for: store, in: context)
    return try fitted.fitted(
      to: store, of: info, counts: task.counts, normalization: normalization,
      using: RandomSource(seed: request.seed), control: control
    ) { steps, report in
      try check(steps: steps, report)
      return step(verb, tool: tool, stepsReached: steps)
    }
  }

  private func control(for store: ClassStore, in context: RunContext) -> RunControl {
    let (name, learns) = (request.name, request.traits.learns)
    var control = RunControl(shouldStop: context.shouldStop)
    control.progress = { report in
      let isCounted = learns || report.phase != nil
      context.progress(
        ProgressEvent(
          stage: report.phase ?? name, done: report.step, total: report.steps,
          unit: report.unit ?? (isCounted ? "steps" : "classes"),
          loss: isCounted ? report.loss : nil, gradientNorm: learns ? report.gradientNorm : nil, note: report.note,
          terms: report.terms.map { .init(name: $0.name, value: $0.value) }))
    }
    if let network = givenFeatures {
      // As far as it was trained, which the file tells.
      control.featureNetwork = { recipe, _ in (network, recipe.training.steps) }
    } else if let cache {
      control.featureNetwork = { _, train throws(TensorError) in try cache.made(log: context.log, train) }
    }
    if let file = request.trajectories {
      control.trajectories = { recipe, _ in
        do throws(DataError) {
          return try file.trajectories(for: recipe, classNames: store.classNames)
        } catch {
          preconditionFailure("\(name) asks for networks that its cost did not name: \(error)")
        }
      }
    } else {
      control.trajectories = TrajectoryCache.source(for: store, seed: request.seed, in: context)
    }
    return control
  }

  /// Throws where nothing was learned.
  private func check(steps: Int, _ report: StepReport?) throws(DataError) {
    let asked = method.steps ?? 0
    if request.traits.learns {
      let rates = request.traits.learningRates.map { "--\($0)" }.joined(separator: " or ")
      try checkLearned(report, method: request.name, dataset: info.name, remedy: "lower \(rates)")
    } else if asked > 0, steps == 0 {
      throw stoppedBeforeFirstStep("the training of the network for \(request.name)", info.name)
    }
  }

  /// The history of what was made.
  func step(_ verb: String, tool: String, stepsReached: Int) -> ProvenanceStep {
    var digests = ["source": digest]
    digests["trajectories"] = request.trajectories?.digest
    return ProvenanceStep(
      verb: verb, tool: tool, options: provenance(stepsReached: stepsReached), digests: digests)
  }

  /// Every option in force, as it would be typed; those of reading where they were typed.
  private func provenance(stepsReached: Int?) -> [String: String] {
    var options = request.reading.merging(method.recorded) { _, new in new }
    options["method"] = request.name
    options["ipc"] = request.budget.text
    options["seed"] = String(request.seed)
    if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    // Given networks are trained already.
    let hasSteps = method.steps != nil && givenFeatures == nil
    if !hasSteps { options[type(of: method).stepsOption] = nil }
    if hasSteps { options[type(of: method).stepsOption] = stepsReached.map { String($0) } }
    return options
  }
}
