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
    _ plan: DatasetPlan, after earlier: [EarlierPlan]
  ) async throws -> (report: PlanReport, described: EarlierPlan) {
    let comesFromEarlier = plan.inputs.contains { input in
      earlier.contains { Place($0.plan.output).isSame(as: Place(input)) } && !isFolder(input)
    }
    let before = earlier.first { $0.changes && plan.isMade(from: $0.plan) }
    var inputs: [InputContent]?
    var state = "to be made, after those that it reads"
    var changes = true
    if let missing = plan.missing { throw missing }
    do {
      let contents = try plan.sources.map { try self.contents.content(of: $0) }
      inputs = contents
      (state, changes) = try self.state(of: plan, contents)
      if let before {
        // What it reads is not yet what it will be.
        inputs = nil
        if state == upToDate {
          changes = true
          state = plan.madeAnew(after: before.plan.output, mayReplace: arguments.flag("replace"))
        }
      }
    } catch let error as DataError {
      guard error.fault == .noInput, comesFromEarlier else { throw error }
    }
    let isDone = state == upToDate
    let digests = inputs?.map(\.digest)
    let cached = plan.keepableSteps.map { index in
      digests.map { cache?.steps.holds(plan.digest(afterStep: index, inputs: $0)) ?? false } ?? false
    }
    let firstMissing = (cached.lastIndex(of: true) ?? -1) + 1
    var (flow, isRead, problem) = self.flow(into: plan, earlier, isWaiting: before != nil)
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
      EarlierPlan(plan: plan, flow: flow, changes: changes)
    )
  }

  private var upToDate: String { "up to date" }

  /// What a run would do, as a clause, and whether it would change what is there.
  private func state(of plan: DatasetPlan, _ inputs: [InputContent]) throws -> (text: String, changes: Bool) {
    let recipe = Recipe(plan, inputs: inputs.map(\.digest))
    let needs = arguments.flag("replace") ? "" : "; needs --replace"
    return switch try OutputState(of: try resolvedOutput(plan.output), for: recipe) {
    case .upToDate: (upToDate, false)
    case .absent: ("to be made", true)
    case .outdated(let reason): ("to be replaced: it \(reason)\(needs)", true)
    case .foreign(let reason): ("cannot be made: \(reason)", false)
    }
  }

  /// What the first step of a dataset reads, and whether that is after its own options of reading; nil with the reason where it is not
  /// known.
  private func flow(
    into plan: DatasetPlan, _ earlier: [EarlierPlan], isWaiting: Bool
  ) -> (flow: StepFlow?, isRead: Bool, problem: String?) {
    if plan.inputs.count == 1, isWaiting || !isFolder(plan.inputs[0]),
      let made = earlier.first(where: { Place($0.plan.output).isSame(as: Place(plan.inputs[0])) })
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
    commands[index] += ["--dry-run"] + cacheWords(for: plan.steps[index])
    let processes = try StepProcesses(commands, output: output, errors: errors)
    let codes = try await codes(of: processes)
    return StepEstimate(events: wholeFile(errors), succeeded: codes.last == 0)
  }
}

/// A dataset that comes earlier in a file, as far as a plan tells.
struct EarlierPlan {
  var plan: DatasetPlan
  /// What it will hold; nil where that is not known.
  var flow: StepFlow?
  /// Whether a run would make it.
  var changes: Bool
}

extension DatasetPlan {
  /// Whether something that decides this dataset is what another one makes or publishes.
  func isMade(from earlier: DatasetPlan) -> Bool {
    var made = [Place(earlier.output)]
    if let to = earlier.publish?.to { made.append(Place(to)) }
    return sources.contains { source in
      let place = Place(source)
      return made.contains { place.isSame(as: $0) || place.isInside($0) }
    }
  }

  /// What is said of a dataset that is up to date only until an earlier one is made.
  func madeAnew(after output: String, mayReplace: Bool) -> String {
    "to be made anew after \(output), unless that comes out the same" + (mayReplace ? "" : "; needs --replace")
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
