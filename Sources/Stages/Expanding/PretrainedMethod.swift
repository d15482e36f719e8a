public import Datasets
public import Methods
public import Tensors

/// A method of expansion that begins with a model of a similar, larger set, which `pipe fit` keeps in a file.
public protocol PretrainedMethod: ExpandingMethod {
  /// Options of the pre-training alone.
  static var pretrainingSettings: [Setting<Self>] { get }

  /// Begins with the model in a file.
  ///
  /// - Throws: `DataError` where it is missing, damaged, or of another method.
  mutating func begin(withModelAt path: String) throws(DataError) -> PretrainedModel

  /// Learns a model from a larger set, and begins with it; of its labels nothing is used.
  ///
  /// - Parameter history: gives the step that made it; throws where nothing was learned.
  mutating func pretrain(
    on similar: ClassStore, of info: DatasetInfo, using random: RandomSource, control: RunControl,
    history: FittedHistory
  ) throws -> PretrainedModel

  /// Cost of the pre-training on images of one size.
  func pretrainingCost(for shape: ImageShape) -> PhaseCost

  /// With what the machine is measured.
  func probe(for shape: ImageShape) -> Probe
}

extension PretrainedMethod {
  /// Every option of the pre-training in force.
  var recordedPretraining: [String: String] {
    Self.pretrainingSettings.reduce(into: [:]) { record, setting in record[setting.option] = setting.text(of: self) }
  }
}

/// A model that a method of expansion begins with.
public struct PretrainedModel: Sendable {
  /// Its file.
  public var file: FittedModel
  /// SHA-256 of it.
  public var digest: String
  /// C×H×W of the images that it is for.
  public var shape: [Int]

  /// Throws with both shapes where images of `shape`, from `place`, are of another.
  public func check(imageShape shape: [Int], of place: String) throws(DataError) {
    try Stages.check(imageShape: shape, of: place, against: self.shape, "the model takes")
  }
}

/// A pre-training with everything decided.
public struct PretrainingPlan: Sendable {
  private var method: any PretrainedMethod
  private let seed: UInt64
  private let reading: [String: String]
  private let store: ClassStore
  private let info: DatasetInfo
  private let cost: PhaseCost
  /// What it takes on this machine.
  public private(set) var estimate: ExpansionEstimate.Phase
  /// Memory beside the decoded images.
  public var memoryNeed: MemoryNeed { cost.memory }
  /// Whether a number of steps was asked for.
  var hasSteps: Bool { cost.steps != nil }

  /// Decides, for the larger set in `store` that `info` describes, and measures this machine.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit. On the compute thread.
  ///
  /// - Throws: `DataError` where the machine has not the memory for it.
  public init(
    _ method: any PretrainedMethod, seed: UInt64, reading: [String: String] = [:], for store: ClassStore,
    of info: DatasetInfo, until deadline: Double?, in context: RunContext
  ) throws {
    cost = method.pretrainingCost(for: store.shape)
    try cost.memory.check(decoded: store.residentBytes, machine: context.machineMemory, dataset: info.name)
    let rate = try Work.measuredRate(method.probe(for: store.shape), clock: context.clock)
    estimate = cost.phase(atRate: rate, threads: context.threads)
    self.method = method
    self.seed = seed
    self.reading = reading
    self.store = store
    self.info = info
    if let deadline, cost.steps == nil {
      estimate.steps = Work.steps(of: estimate.secondsPerStep, in: deadline - context.clock())
    }
  }

  /// Takes another number of steps.
  mutating func take(steps: Int) { estimate.steps = steps }

  /// Learns the model, on the compute thread; with it the method that begins with it, and the steps that were made.
  public func run(
    tool: String, verb: String, shouldStop: @escaping @Sendable () -> Bool, in context: RunContext
  ) throws -> (method: any PretrainedMethod, model: PretrainedModel, steps: Int) {
    var method = method
    do throws(SettingError) {
      try method.set(cost.stepsOption, to: String(estimate.steps))
    } catch {
      preconditionFailure("\(error)")
    }
    let name = type(of: method).name
    let record = method.recordedPretraining
    var reached = 0
    let model = try method.pretrain(
      on: store, of: info, using: RandomSource(seed: seed).split("pre-training"),
      control: RunControl(reporting: cost.name, to: context.progress, shouldStop: shouldStop)
    ) { steps, report in
      try checkLearned(report, method: name, dataset: info.name, remedy: "lower the rate of pipe fit, --lr")
      reached = steps
      var options = reading.merging(record) { _, new in new }
      (options["method"], options["seed"], options["steps"]) = (name, String(seed), String(steps))
      if Runtime.device != .cpu { options["device"] = Runtime.device.description }
      return ProvenanceStep(verb: verb, tool: tool, options: options, digests: ["source": store.digest])
    }
    return (method, model, reached)
  }
}

extension PhaseCost {
  /// Steps and seconds of the phase on a machine of that rate.
  func phase(atRate rate: Double, threads: Int) -> ExpansionEstimate.Phase {
    .init(
      name: name, steps: steps ?? usualSteps.steps(of: operationsPerStep, threads: threads),
      secondsPerStep: secondsBeside + operationsPerStep / rate)
  }
}
