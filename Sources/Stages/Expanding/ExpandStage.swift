public import Datasets
import Methods
import Networks
import Shards
public import Streaming
import Synchronization
import Tensors

/// What a method begins with that learns from other images first.
public enum ExpansionPrior: Sendable {
  /// A model that was pre-trained before, and that the method of the request has taken.
  case model(PretrainedModel)
  /// A larger set to pre-train one on, with its description.
  case images(ClassStore, DatasetInfo)

  /// Throws with both shapes where images of `shape`, from `place`, are of another.
  public func check(imageShape shape: [Int], of place: String) throws(DataError) {
    switch self {
    case .model(let model): try model.check(imageShape: shape, of: place)
    case .images(let store, let info):
      let own = [store.shape.channels, store.shape.height, store.shape.width]
      try Stages.check(imageShape: shape, of: place, against: own, "those of \(info.name) are")
    }
  }
}

/// A few samples in, many out.
///
/// Takes in the whole upstream, sorted by class (`ClassStore`), learns what the method needs on the compute thread, then makes
/// the new samples as they are pulled, some 64 at a time, class by class in index order with keys counted through. They are
/// 8-bit images: clamped, and rounded to the nearest level.
public struct ExpandStage: Stage {
  /// `expand`.
  public let name = "expand"
  private let request: ExpandRequest
  private let prior: (@Sendable () async throws -> ExpansionPrior)?
  private let info: DatasetInfo
  private let tool: String
  let context: RunContext
  private let announce: @Sendable (ExpansionEstimate) -> Void
  private let state = State()

  /// A stage for one dataset: `info` describes the samples that come, `tool` stands in the provenance.
  ///
  /// - Precondition: A method that begins with a model has a prior, and another has none.
  public init(
    _ request: ExpandRequest, prior: ExpansionPrior?, of info: DatasetInfo, tool: String,
    in context: RunContext, announce: @escaping @Sendable (ExpansionEstimate) -> Void = { _ in }
  ) {
    let reading = prior.map { prior in { @Sendable () async throws -> ExpansionPrior in prior } }
    self.init(request, reading: reading, of: info, tool: tool, in: context, announce: announce)
  }

  /// The same with a prior that is read when the first sample is asked for: by then the reader of the stream knows what comes.
  public init(
    _ request: ExpandRequest, reading prior: (@Sendable () async throws -> ExpansionPrior)?, of info: DatasetInfo,
    tool: String, in context: RunContext,
    announce: @escaping @Sendable (ExpansionEstimate) -> Void = { _ in }
  ) {
    precondition(
      (request.method is any PretrainedMethod) == (prior != nil), "\(request.name) cannot begin with that")
    self.request = request
    self.prior = prior
    self.info = info
    self.tool = tool
    self.context = context
    self.announce = announce
  }

  /// What the emitted samples are; known from the first of them on.
  public var described: DatasetInfo? { state.value.withLock { $0?.info } }

  /// Mean distance of the new images to the nearest sample of their class; nil before there was one.
  ///
  /// Root mean square over values, in deviations of the data. Of a class with more than 256 samples the first of them count.
  public var meanDistance: Double? {
    state.value.withLock { $0.flatMap { $0.compared > 0 ? $0.distances / Double($0.compared) : nil } }
  }

  private final class State: Sendable {
    let value = Mutex<Progress?>(nil)
  }

  /// An expansion, and how far its samples have been emitted.
  private struct Progress: Sendable {
    var info: DatasetInfo
    var expansion: any Expansion
    /// What gives soft labels; nil for hard ones.
    var teachers: Trajectories?
    var store: ClassStore
    var counts: [Int]
    var label = 0
    var position = 0
    var emitted = 0
    var ready: ArraySlice<Sample> = []
    var distances = 0.0
    var compared = 0
  }

  /// Connects the stage; the first element pulled learns everything.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let (state, thread) = (state, context.computeThread)
    return Flow { () async throws(PipelineError) -> Sample? in
      if let sample = state.value.withLock({ $0?.ready.popFirst() }) { return sample }
      var work: Progress
      if let begun = state.value.withLock({ $0 }) {
        work = begun
      } else {
        let prior = try await readPrior()
        var context = context
        // The larger set stays in memory beside the samples.
        if case .images(let similar, _) = prior {
          context.memoryLimit = max(0, context.memoryLimit - similar.residentBytes)
        }
        let store = try await filledStore(
          from: upstream, of: info, stage: name, in: context, mayLack: mayLack, admit: admit)
        work = try await onThread(thread) { try begin(store, prior) }
      }
      let next: Progress? = try await onThread(thread) { [work] in try advanced(work) }
      guard let next else { return nil }
      return state.value.withLock { value in
        value = next
        return value?.ready.popFirst()
      }
    }
  }

  private func readPrior() async throws(PipelineError) -> ExpansionPrior? {
    do {
      return try await prior?()
    } catch {
      throw error as? PipelineError ?? PipelineError(stage: name, underlying: error)
    }
  }

  private func onThread<Result: Sendable>(
    _ thread: BlockingThread, _ body: @escaping @Sendable () throws -> Result
  ) async throws(PipelineError) -> Result {
    let result: Swift.Result<Result, any Error> = await thread.run { Swift.Result { try body() } }
    do {
      return try result.get()
    } catch {
      throw PipelineError(stage: name, underlying: forgivingMemory(error, for: .expanding))
    }
  }

  /// What a run over these samples will take; nothing is made.
  public func estimate(_ upstream: Flow<Sample>) async throws(PipelineError) -> ExpansionEstimate {
    let prior = try await readPrior()
    let store = try await filledStore(
      from: upstream, of: info, stage: name, in: context, mayLack: mayLack, admit: admit)
    return try await onThread(context.computeThread) { try plan(store, prior).estimate }
  }

  /// Whether nothing is made of a class, which then needs no samples.
  private func mayLack(_ className: String) -> Bool {
    guard case .perClass(let budget) = request.amount else { return false }
    return (budget.named[className] ?? budget.rest) == 0
  }

  private func admit(_ sample: Sample) throws(DataError) {
    guard case .floats = sample.content else { return }
    throw DataError(
      .badInput, at: ["sample \(sample.key)"], "holds float values, and 8-bit images are expanded",
      remedy: "expand images that were selected or read, not learned ones")
  }

  // MARK: On the compute thread

  /// What is to be learned, decided.
  private struct Plan {
    var counts: [Int]
    var estimate: ExpansionEstimate
    var method: any ExpandingMethod
    var pretraining: PretrainingPlan?
    /// What is trained on the samples first.
    var teachers: TrajectoryRecipe?
  }

  private func plan(_ store: ClassStore, _ prior: ExpansionPrior?) throws -> Plan {
    let present = (0..<store.classCount).map { store.count(ofClass: $0) }
    let counts = try request.counts(of: present, classNames: store.classNames, dataset: info.name)
    try prior?.check(imageShape: [store.shape.channels, store.shape.height, store.shape.width], of: info.name)
    let task = MethodTask(
      dataset: info.name, shape: store.shape, keepsClassesMirrored: store.keepsClassesMirrored, counts: counts,
      available: present)
    var method = request.method
    try method.decide(for: task)
    let cost = method.cost(of: task)
    var estimate = ExpansionEstimate(
      images: counts.reduce(0, +), phases: [], decodedBytes: store.residentBytes, spilledBytes: store.spilledBytes)
    var needs = [cost.memory]
    var pretraining: PretrainingPlan?
    if case .images(let similar, let similarInfo) = prior, let pretrained = method as? any PretrainedMethod {
      let first = try PretrainingPlan(
        pretrained, seed: request.seed, for: similar, of: similarInfo, until: nil, in: context)
      estimate.phases.append(first.estimate)
      estimate.decodedBytes += similar.residentBytes
      estimate.spilledBytes += similar.spilledBytes
      needs.append(first.memoryNeed)
      pretraining = first
    }
    let teachers = request.softLabels ? Teachers.recipe(for: task) : cost.teachers
    if let teachers {
      let rate = try Work.measuredRate(Probe(teachers.network), clock: context.clock)
      let cache = TrajectoryCache(
        teachers, for: store, normalization: nil, seed: request.seed, directory: context.cacheDirectory,
        log: context.log)
      estimate.teachers = .init(teachers, missingEpochs: cache.missingEpochs, on: store, atRate: rate)
      needs.append(.training(teachers, for: .expanding))
    }
    if let probe = cost.probe {
      let rate = try Work.measuredRate(probe, clock: context.clock)
      if let phase = cost.phase { estimate.phases.append(phase.phase(atRate: rate, threads: context.threads)) }
      // Images are made 64 at a time, of one class.
      estimate.makingSeconds =
        cost.operationsPerImage / rate * Double(counts.reduce(0) { $0 + ($1 + 63) / 64 * 64 })
    }
    if let phase = cost.phase {
      takeTime(&estimate, isFree: phase.steps == nil && pretraining.map { !$0.hasSteps } ?? true)
      method.steps = estimate.phases.last?.steps
    }
    if let first = estimate.phases.first { pretraining?.take(steps: first.steps) }
    try take(needs, &estimate)
    return Plan(counts: counts, estimate: estimate, method: method, pretraining: pretraining, teachers: teachers)
  }

  /// Checks what computing takes, one after the other.
  private func take(_ needs: [MemoryNeed], _ estimate: inout ExpansionEstimate) throws(DataError) {
    for need in needs {
      try need.check(decoded: estimate.decodedBytes, machine: context.machineMemory, dataset: info.name)
      estimate.workingBytes = max(estimate.workingBytes, Int(need.total))
    }
  }

  /// Learns what is to be learned.
  private func begin(_ store: ClassStore, _ prior: ExpansionPrior?) throws -> Progress {
    let plan = try plan(store, prior)
    let estimate = plan.estimate
    announce(estimate)
    var digests = ["source": store.digest]
    var options: [String: String] = [:]
    var method = plan.method
    let teachers = try plan.teachers.map { try trained($0, on: store) }
    if case .model(let model) = prior { digests["model"] = model.digest }
    if let pretraining = plan.pretraining, case .images(let similar, _) = prior {
      let steps = method.steps
      let learned = try pretraining.run(
        tool: tool, verb: "fit", shouldStop: stopAtShare(of: estimate), in: context)
      method = learned.method
      method.steps = steps
      digests["pretrain"] = similar.digest
      digests["model"] = learned.model.digest
      options["pretrain-steps"] = String(learned.steps)
      let asked = estimate.phases.first?.steps ?? learned.steps
      if learned.steps < asked {
        context.log("the pre-training was ended after \(grouped(learned.steps)) of \(counted(asked, "step"))")
      }
    }
    var control = RunControl(
      reporting: estimate.phases.last?.name ?? name, to: context.progress, shouldStop: stopBeforeMaking(estimate))
    if let teachers { control.trajectories = { _, _ in teachers } }
    let result = try method.expansion(
      of: store, normalization: .measured(on: store), using: RandomSource(seed: request.seed), control: control)
    if let steps = result.steps {
      try checkLearned(result.lastReport, method: request.name, dataset: info.name, remedy: "lower --lr")
      options["steps"] = String(steps)
      if Runtime.device != .cpu { options["device"] = Runtime.device.description }
    }
    options.merge(request.amountOption) { _, new in new }
    options["method"] = request.name
    options["seed"] = String(request.seed)
    if request.keepsOriginals { options["originals"] = "true" }
    if request.softLabels { options["soft-labels"] = "true" }
    var described = info
    described.labelKind = request.labelKind
    described.kind = .samples
    described.learnedLearningRate = nil
    described.formation = nil
    described.shape = [store.shape.channels, store.shape.height, store.shape.width]
    described.countPerClass = plan.counts
    described.normalization = result.expansion.normalization
    described.provenance.append(
      ProvenanceStep(
        verb: name, tool: tool,
        options: request.reading.merging(method.recorded) { _, new in new }.merging(options) { _, new in new },
        digests: digests))
    return Progress(
      info: described, expansion: result.expansion, teachers: request.softLabels ? teachers : nil, store: store,
      counts: plan.counts)
  }

  /// Trains the networks that classify copies and give soft labels.
  private func trained(_ recipe: TrajectoryRecipe, on store: ClassStore) throws -> Trajectories {
    var control = RunControl(reporting: name, to: context.progress, shouldStop: context.shouldStop)
    control.trajectories = TrajectoryCache.source(for: store, normalization: nil, seed: request.seed, in: context)
    let trained = try recipe.trajectories(
      on: store, normalization: .measured(on: store), using: RandomSource(seed: request.seed), control: control)
    guard trained.epochs > 0 else { throw stoppedBeforeFirstStep(name, info.name) }
    guard trained.isFinite else {
      throw DataError(
        .usage, at: [info.name],
        "the networks that are trained on the samples diverged: their weights are NaN or infinite")
    }
    return trained
  }

  /// The work after the next piece has been made; nil after the last.
  private func advanced(_ work: Progress) throws -> Progress? {
    var work = work
    while work.label < work.counts.count, work.position >= work.counts[work.label] {
      work.label += 1
      work.position = 0
    }
    guard work.label < work.counts.count else { return nil }
    let (label, first) = (work.label, work.position)
    let end = min(first + 64, work.counts[label])
    let images = try work.expansion.images(ofClass: label, at: first..<end)
    // The last step of a run may have gone too far, which no loss tells any more.
    guard try images.min().item.isFinite, try images.max().item.isFinite else {
      throw DataError(
        .usage, at: [info.name], "\(request.name) diverged: its images have values that are not finite",
        remedy: "lower --lr")
    }
    let levels = (images * 255).rounded().clamped(min: 0, max: 255)
    let sources = work.store.count(ofClass: label)
    let original = request.keepsOriginals ? max(0, min(sources, end) - first) : 0
    let bytes = try levels.permuted([0, 2, 3, 1]).contiguous().to(.uint8).bytes()
    let (channels, height, width) = (work.store.shape.channels, work.store.shape.height, work.store.shape.width)
    let size = channels * height * width
    let labels = try softLabels(of: levels, original: original, work)
    var samples: [Sample] = []
    for row in 0..<(end - first) {
      let pixels =
        row < original
        ? work.store.pixels(ofClass: label, at: first + row)
        : Pixels(height: height, width: width, channels: channels, bytes: Array(bytes[row * size..<(row + 1) * size]))
      samples.append(
        Sample(key: numberKey(work.emitted + row), content: .pixels(pixels), label: label, softLabel: labels?[row]))
    }
    if original < end - first {
      let made = try work.expansion.normalization.normalized(levels.slice(from: original, to: end - first) / 255)
      let flat = try made.flattened(from: 1)
      var nearest: Tensor?
      for start in stride(from: 0, to: min(sources, 256), by: 64) {
        let compared = try work.expansion.normalization.normalized(
          bytes: work.store.images(ofClass: label, at: Array(start..<min(start + 64, sources))))
        let distances = try flat.squaredDistances(to: compared.flattened(from: 1)).min(axes: [1], keepDims: true)
        nearest =
          try nearest.map { try Tensor.concatenated([$0, distances], axis: 1).min(axes: [1], keepDims: true) }
          ?? distances
      }
      work.distances += (nearest.map { ($0 / Double(size)).clamped(min: 0).sqrt().sum().item }) ?? 0
      work.compared += end - first - original
    }
    work.ready = samples[...]
    work.emitted += end - first
    work.position = end
    return work
  }

  /// Soft labels of the next images as they are written, row by row; nil where labels are hard.
  ///
  /// - Parameters:
  ///   - levels: the images, in whole numbers from 0 to 255.
  ///   - original: how many of them are samples as they are.
  private func softLabels(of levels: Tensor, original: Int, _ work: Progress) throws -> [[Float]]? {
    guard let teachers = work.teachers else { return nil }
    let normalization = work.expansion.normalization
    var shown = try normalization.normalized(levels / 255)
    if original > 0 {
      let samples = try normalization.normalized(
        bytes: work.store.images(ofClass: work.label, at: Array(work.position..<work.position + original)))
      shown = try Tensor.concatenated([samples, shown.slice(from: original, to: levels.shape[0])])
    }
    let labels = try Teachers.softLabels(of: shown, label: work.label, by: teachers)
    let (values, classes) = (labels.floats(), labels.shape[1])
    return (0..<levels.shape[0]).map { Array(values[$0 * classes..<($0 + 1) * classes]) }
  }
}
