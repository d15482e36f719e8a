public import Datasets
import Methods
import Networks
import Shards
public import Streaming
import Synchronization
import Tensors

/// Real samples in, condensed samples out.
///
/// Takes in the whole upstream, decoded and sorted by class (`ClassStore`), runs the method on the compute thread,
/// then emits its
/// result. What the result is (class counts, formation, the step reached) is known only then: see `described`.
public struct CondenseStage: Stage {
  /// What the stage needs from its surroundings.
  public struct Surroundings: Sendable {
    /// The thread that all tensors live on.
    public var computeThread: BlockingThread
    /// Threads that the tensor library uses there.
    public var threads = 1
    /// Bytes of decoded images that may stay in RAM.
    public var memoryLimit = 4 << 30
    /// Bytes of memory that there are for everything.
    public var machineMemory = Int.max
    /// Where the rest goes.
    public var spillDirectory = "/tmp"
    /// Where trained feature networks are kept; nil for nowhere.
    public var cacheDirectory: String?
    /// Bounds on images.
    public var limits = Limits()
    /// Whether to stop after the estimate.
    public var dryRun = false
    /// Steps between two snapshots; nil for none.
    public var snapshotEvery: Int?
    /// Receives snapshots, on the compute thread: the step, and the set reached with its description.
    public var snapshot: @Sendable (Int, DatasetInfo, [Sample]) -> Void = { _, _, _ in }
    /// Asked between steps; true ends the run with what it has reached.
    public var shouldStop: @Sendable () -> Bool = { false }
    /// Receives progress.
    public var progress: ProgressHandler = { _ in }
    /// Receives the estimate, before the first step.
    public var announce: @Sendable (Estimate) -> Void = { _ in }
    /// Receives sentences for the log.
    public var log: @Sendable (String) -> Void = { _ in }
    /// Receives sentences for who wants to know more.
    public var detail: @Sendable (String) -> Void = { _ in }
    /// Seconds from some fixed moment: for estimates, and to share out the time.
    public var clock: @Sendable () -> Double = { 0 }
    /// The moment of `clock` from which on `shouldStop` is true because the time is up; nil for none.
    public var deadline: Double?

    /// Surroundings with a compute thread and otherwise defaults.
    public init(computeThread: BlockingThread) { self.computeThread = computeThread }
  }

  /// `condense`.
  public let name = "condense"
  private let request: CondenseRequest
  private let info: DatasetInfo
  private let tool: String
  private let surroundings: Surroundings
  private let description = Described()

  /// A stage for one dataset: `info` describes the samples that come, `tool` stands in the provenance.
  public init(_ request: CondenseRequest, of info: DatasetInfo, tool: String, in surroundings: Surroundings) {
    self.request = request
    self.info = info
    self.tool = tool
    self.surroundings = surroundings
  }

  /// What the emitted samples are; known from the first of them on.
  public var described: DatasetInfo? { description.value.withLock { $0 } }

  /// Connects the stage; the first element pulled runs everything.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let pending = Pending()
    return Flow { () async throws(PipelineError) -> Sample? in
      if let ready = pending.next() { return ready.sample }
      let store = try await filledStore(from: upstream, of: info, stage: name, in: surroundings)
      let surroundings = surroundings
      if request.method == .koopcon {
        pending.fill(try await condenseThroughLatents(store))
        return pending.next()?.sample
      }
      let result: Result<(DatasetInfo, [Sample]), any Error> = await surroundings.computeThread.run {
        Result { try condense(store) }
      }
      switch result {
      case .success(let (info, samples)):
        description.value.withLock { $0 = info }
        pending.fill(samples)
        return pending.next()?.sample
      case .failure(let error):
        throw PipelineError(
          stage: name, underlying: forgivingMemory(error, for: request.method.isSelection ? .selecting : .making))
      }
    }
  }

  /// Koopcon: fits a model, then does what the latent verbs do one after the other.
  private func condenseThroughLatents(_ store: ClassStore) async throws(PipelineError) -> [Sample] {
    let (request, surroundings, info, tool, name) = (request, surroundings, info, tool, name)
    let fitted: Result<KoopconFile, any Error> = await surroundings.computeThread.run {
      Result {
        var plan = try KoopconPlan(request, for: store, of: info, threads: surroundings.threads)
        try plan.checkMemory(machine: surroundings.machineMemory)
        surroundings.announce(try plan.estimate(until: surroundings.deadline, clock: surroundings.clock))
        if surroundings.dryRun { throw DryRunEnded() }
        return try plan.fit(
          tool: tool, verb: "condense", shouldStop: surroundings.shouldStop, progress: surroundings.progress)
      }
    }
    let file: KoopconFile
    do {
      file = try fitted.get()
    } catch {
      throw PipelineError(stage: name, underlying: forgivingMemory(error, for: .fitting))
    }
    let flow = file.condensed(
      store.samples, computeThread: surroundings.computeThread, limits: surroundings.limits)
    var samples: [Sample] = []
    for try await sample in flow { samples.append(sample) }
    var described = info
    described.kind = .samples
    described.shape = file.description.shape
    described.countPerClass = file.description.condensedPerClass
    described.normalization = file.description.normalization
    described.formation = nil
    described.provenance = file.description.provenance
    description.value.withLock { $0 = described }
    return samples
  }

  /// On the compute thread.
  private func condense(_ store: ClassStore) throws -> (DatasetInfo, [Sample]) {
    let counts = try request.budget.counts(classNames: store.classNames, dataset: info.name)
    var plan = try CondensePlan(
      request, for: store, named: info.name, counts: counts, threads: surroundings.threads,
      cacheDirectory: surroundings.cacheDirectory)
    try plan.memoryNeed.check(decoded: store.residentBytes, machine: surroundings.machineMemory, dataset: info.name)
    let estimate = try plan.estimate(until: surroundings.deadline, clock: surroundings.clock)
    surroundings.detail("the real images have the SHA-256 \(store.digest)")
    let options = plan.provenance(stepsReached: plan.steps).sorted { $0.key < $1.key }
    surroundings.detail("in force: \(options.map { "--\($0) \($1)" }.joined(separator: " "))")
    surroundings.announce(estimate)
    if surroundings.dryRun { throw DryRunEnded() }
    let result = try plan.run(on: store, in: surroundings) { [plan] step, synthetic in
      surroundings.snapshot(
        step, describe(synthetic, steps: step, plan, store), samples(from: synthetic, selectedFrom: store))
    }
    let described = describe(result.synthetic, steps: result.steps, plan, store)
    return (described, samples(from: result.synthetic, selectedFrom: store))
  }

  private func describe(
    _ synthetic: Synthetic, steps: Int, _ plan: CondensePlan, _ store: ClassStore
  ) -> DatasetInfo {
    var described = info
    described.kind = .samples
    described.shape = [store.shape.channels, store.shape.height, store.shape.width]
    described.countPerClass = synthetic.labels.reduce(into: Array(repeating: 0, count: plan.counts.count)) {
      $0[$1] += 1
    }
    described.normalization = Datasets.Normalization(mean: plan.normalization.mean, std: plan.normalization.deviation)
    let factor = synthetic.formation.factor
    described.formation = factor == 1 ? nil : Datasets.Formation(factor: factor)
    described.provenance.append(
      ProvenanceStep(
        verb: "condense", tool: tool, options: plan.provenance(stepsReached: steps),
        digests: ["source": store.digest]))
    return described
  }
}

/// Thrown in place of a result when only the estimate was asked for.
public struct DryRunEnded: Error {
  /// Makes the error.
  public init() {}
}

/// The description of what a stage emitted, once it is known.
private final class Described: Sendable {
  let value = Mutex<DatasetInfo?>(nil)
}

/// Finished samples that wait to be pulled.
private final class Pending: Sendable {
  private let samples = Mutex<(filled: Bool, rest: ArraySlice<Sample>)>((false, []))

  func fill(_ result: [Sample]) { samples.withLock { $0 = (true, result[...]) } }

  /// The next sample, nil inside after the last; nil itself before there was a result.
  func next() -> (sample: Sample?, Void)? {
    samples.withLock { state in state.filled ? (state.rest.popFirst(), ()) : nil }
  }
}
