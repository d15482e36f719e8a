public import Datasets
public import Methods
import Networks
import Streaming
import Tensors

/// A training of trajectories with everything decided.
public struct TrajectoryPlan: Sendable {
  private let recipe: TrajectoryRecipe
  private let seed: UInt64
  private let reading: [String: String]
  private let store: ClassStore
  private let info: DatasetInfo
  /// What it takes on this machine.
  public let estimate: Estimate.Trajectories
  /// Memory beside the decoded images.
  public let memoryNeed: MemoryNeed

  /// Decides, and measures this machine; on the compute thread.
  ///
  /// - Parameters:
  ///   - reading: how the images were read, for the history.
  ///   - deadline: the plan takes as many epochs as fit; nil for the number that was asked for.
  /// - Throws: `DataError` where the options do not fit the images, or the machine has not the memory for it.
  public init(
    _ training: TrajectoryTraining, seed: UInt64, reading: [String: String] = [:], for store: ClassStore,
    of info: DatasetInfo, until deadline: Double?, in context: RunContext
  ) throws {
    let available = (0..<store.classCount).map(store.count(ofClass:))
    let task = MethodTask(
      dataset: info.name, shape: store.shape, isSpectrogram: store.isSpectrogram,
      keepsClassesMirrored: store.keepsClassesMirrored, counts: available,
      available: available)
    var training = training
    try training.decide(for: task)
    func check() throws(DataError) -> MemoryNeed {
      let need = Self.memoryNeed(training.recipe(for: task))
      try need.check(decoded: store.residentBytes, machine: context.machineMemory, dataset: info.name)
      return need
    }
    var need = try check()
    let network = training.recipe(for: task).network
    let rate = try Work.measuredRate(Probe(network), clock: context.clock)
    if let deadline {
      let work = Work.training(network: network, images: store.count, passes: training.networks)
      // As many as the time has room for, and the memory, which keeps every snapshot.
      var fitting = 1..<Work.steps(of: work.trainingSeconds(atRate: rate), in: deadline - context.clock()) + 1
      while fitting.count > 1 {
        training.epochs = fitting.lowerBound + fitting.count / 2
        fitting =
          (try? check()) == nil ? fitting.lowerBound..<training.epochs : training.epochs..<fitting.upperBound
      }
      training.epochs = fitting.lowerBound
      need = try check()
    }
    recipe = training.recipe(for: task)
    memoryNeed = need
    let cache = TrajectoryCache(
      recipe, for: store, normalization: nil, seed: seed, directory: context.cacheDirectory, log: context.log)
    estimate = .init(recipe, missingEpochs: cache.missingEpochs, on: store, atRate: rate)
    self.seed = seed
    self.reading = reading
    self.store = store
    self.info = info
  }

  /// Throws where described images cannot be trained on with the machine's memory; nothing where their size is not known yet.
  public static func check(_ training: TrajectoryTraining, for info: DatasetInfo, machine: Int) throws(DataError) {
    guard let shape = info.shape, shape.count == 3 else { return }
    let counts = info.countPerClass ?? info.classNames.map { _ in 0 }
    let task = MethodTask(
      dataset: info.name, shape: ImageShape(channels: shape[0], height: shape[1], width: shape[2]),
      isSpectrogram: info.spectrogram != nil, keepsClassesMirrored: info.keepsClassesMirrored(channels: shape[0]),
      counts: counts, available: counts)
    var training = training
    try training.decide(for: task)
    try memoryNeed(training.recipe(for: task)).check(decoded: 0, machine: machine, dataset: info.name)
  }

  /// Training, and the file in two forms beside the snapshots.
  private static func memoryNeed(_ recipe: TrajectoryRecipe) -> MemoryNeed {
    var need = MemoryNeed.training(recipe)
    need.weights += 2 * 4 * recipe.network.weightCount * Double(recipe.training.networks * (recipe.training.epochs + 1))
    return need
  }

  /// Trains the networks and packs them as a file, on the compute thread.
  ///
  /// - Throws: `DataError` where it was stopped before the end of the first epoch.
  public func run(tool: String, verb: String, in context: RunContext) throws -> FittedModel {
    let normalization = Normalization.measured(on: store)
    var control = RunControl(shouldStop: context.shouldStop)
    control.progress = { report in
      context.progress(
        ProgressEvent(
          stage: report.phase ?? TrajectoryTraining.name, done: report.step, total: report.steps,
          unit: report.unit ?? "steps", loss: report.loss))
    }
    control.trajectories = TrajectoryCache.source(for: store, normalization: nil, seed: seed, in: context)
    let trajectories = try recipe.trajectories(
      on: store, normalization: normalization, using: RandomSource(seed: seed), control: control)
    guard trajectories.epochs > 0 else { throw stoppedBeforeFirstStep(TrajectoryTraining.name, info.name) }
    guard trajectories.isFinite else {
      throw DataError(
        .usage, at: [info.name], "\(TrajectoryTraining.name) diverged: the weights are NaN or infinite",
        remedy: "lower --lr")
    }
    var reached = recipe.training
    reached.epochs = trajectories.epochs
    var options = reading
    for setting in TrajectoryTraining.settings { options[setting.option] = setting.text(of: reached) }
    (options["method"], options["seed"]) = (TrajectoryTraining.name, String(seed))
    if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    let file = try TrajectoryFile(
      trajectories, by: recipe, on: store, of: info, normalization: normalization,
      provenance: ProvenanceStep(verb: verb, tool: tool, options: options, digests: ["source": store.digest]))
    return FittedModel(bytes: file.bytes, summary: file.summary)
  }
}
