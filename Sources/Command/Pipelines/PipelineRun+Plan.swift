internal import Catalog
internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

extension PipelineRun {
  /// Looks at a dataset, its inputs and the cache; nothing is made.
  ///
  /// - Parameter earlier: what the datasets before it will have made.
  /// - Returns: what there is to say, and what the dataset will hold.
  mutating func describe(
    _ plan: DatasetPlan, after earlier: [(output: String, flow: StepFlow?)]
  ) async throws -> (report: PlanReport, flow: StepFlow?) {
    let comesFromEarlier = plan.inputs.contains { input in
      earlier.contains { Place($0.output).isSame(as: Place(input)) } && !isFolder(input)
    }
    var inputs: [InputContent]?
    var state = "to be made, after those that it reads"
    do {
      let contents = try plan.sources.map { try self.contents.content(of: $0) }
      inputs = contents
      state = try self.state(of: plan, contents)
    } catch let error as DataError {
      guard error.fault == .noInput, comesFromEarlier else { throw error }
    }
    let isDone = state == upToDate
    let digests = inputs?.map(\.digest)
    let cached = plan.keepableSteps.map { index in
      digests.map { cache?.steps.holds(plan.digest(afterStep: index, inputs: $0)) ?? false } ?? false
    }
    let firstMissing = (cached.lastIndex(of: true) ?? -1) + 1
    var (flow, isRead, problem) = self.flow(into: plan, earlier)
    let input = flow
    var steps: [PlanReport.Step] = []
    for (index, step) in plan.steps.enumerated() {
      guard let verb = Catalog.verb(step.verb) else { continue }
      let arguments = try Arguments(step.words, for: verb)
      flow = flow?.after(verb, arguments, isRead: index == 0 && isRead)
      var entry = PlanReport.Step(verb: step.verb, flow: flow, isCached: index < firstMissing)
      let isAsked = verb.option("dry-run") != nil && !isDone && index >= firstMissing && inputs != nil
      if isAsked, !steps.contains(where: { $0.estimate != nil }) {
        entry.estimate = try await estimate(of: plan, step: index)
      }
      steps.append(entry)
    }
    let missing = isDone ? try missingEvaluations(of: plan) : plan.evaluations.count
    if input == nil, comesFromEarlier { problem = "what an earlier dataset of the file will have made" }
    return (
      PlanReport(
        output: plan.output, state: state, input: input, problem: problem, steps: steps,
        evaluations: (plan.evaluations.count, missing), line: plan.line),
      flow
    )
  }

  private var upToDate: String { "up to date" }

  /// What a run would do, as a clause.
  private func state(of plan: DatasetPlan, _ inputs: [InputContent]) throws -> String {
    let recipe = Recipe(plan, inputs: inputs.map(\.digest))
    return switch try OutputState(of: try resolvedOutput(plan.output), for: recipe) {
    case .upToDate: upToDate
    case .absent: "to be made"
    case .outdated(let reason): "to be replaced: it \(reason)" + (arguments.flag("replace") ? "" : "; needs --replace")
    case .foreign(let reason): "cannot be made: \(reason)"
    }
  }

  /// What the first step of a dataset reads, and whether that is after its own options of reading; nil with the reason where it is not
  /// known.
  private func flow(
    into plan: DatasetPlan, _ earlier: [(output: String, flow: StepFlow?)]
  ) -> (flow: StepFlow?, isRead: Bool, problem: String?) {
    if plan.inputs.count == 1, !isFolder(plan.inputs[0]),
      let made = earlier.first(where: { Place($0.output).isSame(as: Place(plan.inputs[0])) })
    {
      return (made.flow, false, nil)
    }
    do {
      guard let verb = Catalog.verb(plan.steps[0].verb) else { return (nil, false, nil) }
      let options = try ReadOptions(Arguments(plan.steps[0].words, for: verb))
      let source = try openSamples(plan.inputs.map(Input.init(path:)), options: options, log: { _ in })
      return (StepFlow(source.info), true, nil)
    } catch {
      return (nil, false, "what cannot be read: \(error)")
    }
  }

  private mutating func missingEvaluations(of plan: DatasetPlan) throws -> Int {
    guard !plan.evaluations.isEmpty, let found = try kept(plan) else { return plan.evaluations.count }
    return found.entries.count { $0 == nil }
  }

  /// What a step says with `--dry-run`, fed by those before it.
  private func estimate(of plan: DatasetPlan, step index: Int) async throws -> StepEstimate {
    let (output, errors) = (openSpillFile(in: temporaryFolder()), openSpillFile(in: temporaryFolder()))
    defer {
      close(output)
      close(errors)
    }
    guard output >= 0, errors >= 0 else { return StepEstimate(problem: "no temporary file could be made") }
    var commands = Array(plan.commands(into: plan.output)[...index]).map { $0 + ["--progress=json"] }
    commands[index] += ["--dry-run"] + (plan.steps[index].takesCache ? cacheOption : [])
    let processes = try StepProcesses(commands, output: output, errors: errors)
    let codes = try await codes(of: processes)
    return StepEstimate(events: wholeFile(errors), succeeded: codes.last == 0)
  }

  /// What tells steps the cache of this run, where it was typed.
  private var cacheOption: [String] {
    cache.map { $0.isTyped ? ["--cache=\($0.steps.folder.path)"] : [] } ?? []
  }
}

extension StepEstimate {
  /// A line of `--progress=json`.
  private struct Event: Decodable {
    var event: String
    var message: String?
    var seconds: Double?
    var memory_bytes: Int?
  }

  /// What a step reported.
  init(events: [UInt8], succeeded: Bool) {
    self.init()
    for line in events.split(separator: UInt8(ascii: "\n")) {
      guard let event = try? JSONDecoder().decode(Event.self, from: Data(line)) else { continue }
      switch event.event {
      case "estimate": (seconds, memory) = (event.seconds, event.memory_bytes)
      case "error" where !succeeded: problem = problem ?? event.message
      default: continue
      }
    }
    if seconds == nil, memory == nil, problem == nil { problem = "the step does not tell" }
  }
}
