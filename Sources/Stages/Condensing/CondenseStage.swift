public import Datasets
import Methods
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
  /// `condense`.
  public let name = "condense"
  private let request: CondenseRequest
  private let info: DatasetInfo
  private let tool: String
  private let context: RunContext
  private let description = Described()

  /// A stage for one dataset: `info` describes the samples that come, `tool` stands in the provenance.
  public init(_ request: CondenseRequest, of info: DatasetInfo, tool: String, in context: RunContext) {
    self.request = request
    self.info = info
    self.tool = tool
    self.context = context
  }

  /// What the emitted samples are; known from the first of them on.
  public var described: DatasetInfo? { description.value.withLock { $0 } }

  /// Connects the stage; the first element pulled runs everything.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let pending = Pending()
    return Flow { () async throws(PipelineError) -> Sample? in
      if let next = pending.next() { return next.sample }
      let (info, samples) = try await computed(upstream, condense)
      description.value.withLock { $0 = info }
      pending.fill(samples)
      return pending.next()?.sample
    }
  }

  /// What a run over these samples will take; nothing is made.
  public func estimate(_ upstream: Flow<Sample>) async throws(PipelineError) -> Estimate {
    try await computed(upstream) { store in try plan(store).estimate }
  }

  /// `body` of the whole upstream, on the compute thread.
  private func computed<Result: Sendable>(
    _ upstream: Flow<Sample>, _ body: @escaping @Sendable (ClassStore) throws -> Result
  ) async throws(PipelineError) -> Result {
    // A class of which none is asked for may be empty; a budget that does not fit is refused with the plan.
    let budget = request.budget
    // Where only the part's classes come, the plan knows whether one of them is empty.
    let readsPart = request.whole != nil
    let store = try await filledStore(
      from: upstream, of: info, stage: name, in: context,
      mayLack: { readsPart || (budget.named[$0] ?? budget.rest) == 0 })
    let result: Swift.Result<Result, any Error> = await context.computeThread.run { Swift.Result { try body(store) } }
    do {
      return try result.get()
    } catch {
      throw PipelineError(stage: name, underlying: forgivingMemory(error, for: request.purpose))
    }
  }

  // MARK: On the compute thread

  private func plan(_ store: ClassStore) throws -> CondensePlan {
    let plan = try CondensePlan(request, for: store, of: info, in: context)
    if info.labelKind != .hard { context.log("its soft labels are left out: what is made has one class each") }
    context.detail("the real images have the SHA-256 \(store.digest)")
    context.detail("in force: \(plan.options)")
    return plan
  }

  private func condense(_ store: ClassStore) throws -> (DatasetInfo, [Sample]) {
    let plan = try plan(store)
    context.announce(plan.estimate)
    let start = context.clock()
    let (result, reused) = try plan.run(tool: tool, in: context) { step, synthetic in
      context.snapshot(
        step, describe(synthetic, steps: step, plan),
        samples(from: synthetic, selectedFrom: plan.real, countedFrom: plan.firstImage))
    }
    let seconds = context.clock() - start
    let validated = try plan.validate(result, in: context)
    plan.report(validated?.accuracy, afterStep: result.steps, in: context)
    context.log(conclusion(images: result.synthetic.labels.count, seconds: seconds, validated))
    if let validated, let initial = validated.initial, validated.accuracy < initial {
      context.log("the learned images train worse than those that they began with: try a lower --lr, or fewer --steps")
    }
    let described = describe(result.synthetic, steps: result.steps, plan, validated, reused: reused)
    return (described, samples(from: result.synthetic, selectedFrom: plan.real, countedFrom: plan.firstImage))
  }

  /// One line: what was made, in what time, and how well it trains.
  private func conclusion(images: Int, seconds: Double, _ validated: ValidationResult?) -> String {
    let made = "\(request.name): \(images) images in \((seconds / 6).rounded() / 10) minutes"
    guard let validated else {
      return request.validation == nil ? made : "\(made); the time was up before they were tried"
    }
    let first = validated.initial.map { "its first images reach \(percentText($0)) and " } ?? ""
    return
      "\(made): \(percentText(validated.accuracy)) right on \(validated.images) held-out images, where \(first)as many random "
      + "images reach \(percentText(validated.random))"
  }

  private func describe(
    _ synthetic: Synthetic, steps: Int, _ plan: CondensePlan, _ validated: ValidationResult? = nil,
    reused: [String] = []
  ) -> DatasetInfo {
    let store = plan.real
    var described = info
    described.kind = .samples
    (described.labelKind, described.learnedLearningRate) = (.hard, nil)
    described.shape = [store.shape.channels, store.shape.height, store.shape.width]
    described.countPerClass = synthetic.labels.reduce(into: Array(repeating: 0, count: store.classCount)) {
      $0[$1] += 1
    }
    described.normalization = plan.normalization
    described.formation = synthetic.formation.factor == 1 ? nil : synthetic.formation
    described.provenance.append(
      plan.step("condense", tool: tool, stepsReached: steps, validated: validated, reused: reused))
    return described
  }
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
