internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

let runVerb = VerbRunner("run") { invocation in
  let file = invocation.arguments.operands[0]
  let plans = try DatasetPlan.plans(for: PipelineFile(path: file), at: file)
  var run = PipelineRun(invocation: invocation)
  for plan in plans {
    // Every dataset that is not made says why; the last word of a run with one dataset is that reason itself.
    do {
      try await run.make(plan)
    } catch is CancellationError {
      throw CancellationError()
    } catch is BrokenPipe {
      throw BrokenPipe()
    } catch  where plans.count > 1 || invocation.arguments.flag("json") {
      run.note(error, plan)
    }
    if invocation.interrupts.signal != nil { break }
  }
  if invocation.arguments.flag("json") { try invocation.output.write(run.reportJSON.rendered(indented: true) + "\n") }
  // SIGTERM that came after the last dataset had its name came too late to undo anything.
  let isDone = run.outcomes.count == plans.count && run.outcomes.allSatisfy { $0.failure == nil }
  if let signal = invocation.interrupts.signal, signal == SIGINT || !isDone { throw CancellationError() }
  if let code = run.firstFailure {
    let failures = run.outcomes.count { $0.failure != nil }
    throw DataError(.upstream(exitCode: code), at: [file], "\(failures) of \(plans.count) datasets could not be made")
  }
  return .ok
}

/// One `pipe run`: what was done so far, and what was read for it.
private struct PipelineRun {
  /// What became of a dataset.
  struct Outcome {
    var output: String
    var state: String
    var recipe: String?
    var generation: String?
    var failure: ErrorReport?
  }

  let invocation: Invocation
  private(set) var outcomes: [Outcome] = []
  private var contents = InputContents()

  init(invocation: Invocation) {
    self.invocation = invocation
  }

  private var report: Reporter { invocation.report }
  private var arguments: Arguments { invocation.arguments }

  /// The exit code of the first dataset that failed.
  var firstFailure: Int32? { outcomes.lazy.compactMap(\.failure?.exitCode).first }

  /// Makes a dataset, or says why there is nothing to do.
  mutating func make(_ plan: DatasetPlan) async throws {
    // While inputs are read there is no stream that could end early.
    invocation.interrupts.setInterruption(.stop)
    let isDry = invocation.arguments.flag("dry-run")
    let inputs: [InputContent]
    do {
      inputs = try plan.sources.map { try contents.content(of: $0) }
    } catch let error as DataError where isDry && error.fault == .noInput {
      // It may be what an earlier dataset of the file will have made.
      try preview(plan, "cannot be evaluated yet: \(error)")
      return
    }
    let recipe = Recipe(plan, inputs: inputs.map(\.digest))
    // Where the name leads: a link to a folder on another disk stays a link.
    let output = try resolvedOutput(plan.output)
    let state = try OutputState(of: output, for: recipe)
    let mayReplace = invocation.arguments.flag("replace")
    switch state {
    case .upToDate:
      if isDry { try preview(plan, "up to date") } else { report.log("\(plan.output): up to date") }
      if !isDry { outcomes.append(Outcome(output: plan.output, state: "up to date", recipe: recipe.digest)) }
      return
    case .foreign(let reason):
      throw DataError(
        .cannotCreate, at: [plan.output], reason,
        remedy: "name another output, or move it away; it is never overwritten")
    case .outdated(let reason) where !mayReplace:
      throw DataError(
        .cannotCreate, at: [plan.output], reason, remedy: "add --replace to make it anew, or name another output")
    case .outdated(let reason):
      if isDry { return try preview(plan, "to be replaced: it \(reason)") }
      report.log("\(plan.output): making it anew, because it \(reason)")
    case .absent:
      if isDry { return try preview(plan, "to be made") }
      report.log("\(plan.output): making it")
    }
    try Task.checkCancellation()
    try await produce(plan, at: output, recipe, inputs, replacing: state != .absent)
  }

  private mutating func produce(
    _ plan: DatasetPlan, at output: String, _ recipe: Recipe, _ inputs: [InputContent], replacing: Bool
  ) async throws {
    let folder = try MakingFolder(for: output)
    invocation.interrupts.setInterruption(.waitForUpstream)
    var commands = plan.commands(into: folder.dataset).map { $0 + terminalOptions }
    if arguments.choice("on-term") == "keep" {
      for (index, step) in plan.steps.enumerated() where Catalog.verb(step.verb)?.option("on-term") != nil {
        commands[index].append("--on-term=keep")
      }
    }
    let checkpoint = CheckpointPlace(of: output, for: recipe)
    if let index = plan.steps.firstIndex(where: \.takesCheckpoint) {
      commands[index].append("--checkpoint=\(checkpoint.path)")
    }
    checkpoint.removeOthers()
    // The last one would name a folder that nobody shall see.
    if !report.verbose { commands[commands.count - 1].append("--quiet") }
    // Steps that were not started need not be ended.
    if invocation.interrupts.signal != nil { throw CancellationError() }
    let processes = try StepProcesses(commands)
    invocation.interrupts.forwardTermination { processes.send($0) }
    defer { invocation.interrupts.forwardTermination(nil) }
    let codes = await withTaskCancellationHandler {
      processes.wait()
    } onCancel: {
      processes.kill()
    }
    try Task.checkCancellation()
    let isInterrupted = invocation.interrupts.signal != nil
    if let index = StepProcesses.culprit(codes) {
      if isInterrupted { throw CancellationError() }
      let (verb, code) = (plan.steps[index].verb, codes[index])
      throw DataError(
        .upstream(exitCode: code), at: [plan.output], "nothing was published: \(verb) ended with exit code \(code)")
    }
    let isCut = isInterrupted && plan.steps.contains(where: \.canEndEarly)
    if isCut, replacing {
      report.warn("\(plan.output): ended early, so the old dataset stays")
      throw CancellationError()
    }
    for (path, content) in zip(plan.sources, inputs) where !content.isCurrent(at: path) {
      throw DataError(.temporary, at: [path], "changed while it was read", remedy: "try again; nothing was published")
    }
    // What has come into the old dataset meanwhile is somebody's.
    if case .foreign(let reason) = try OutputState(of: output, for: recipe) {
      throw DataError(.cannotCreate, at: [plan.output], reason, remedy: "move it away; it is never overwritten")
    }
    let manifest = try Manifest(inFolder: folder.dataset)
    try folder.add(RecipeFile(recipe, generation: manifest.generation, complete: !isCut))
    if let remark = try folder.publish(replacing: replacing) { report.warn(remark) }
    // What ended early goes on from there when it is made again.
    if !isCut { checkpoint.remove() }
    let size = "\(grouped(manifest.samples)) \(manifest.kind.rawValue) of \(grouped(manifest.labelNames.count)) classes"
    report.log("\(plan.output): \(replacing ? "replaced" : "made"), \(size)\(isCut ? ", ended early" : "")")
    outcomes.append(
      Outcome(
        output: plan.output, state: replacing ? "replaced" : isCut ? "ended early" : "made", recipe: recipe.digest,
        generation: manifest.generation))
  }

  /// What was typed after `pipe run` about the terminal holds for the steps.
  private var terminalOptions: [String] {
    var words = ["--progress=\(arguments.choice("progress") ?? "auto")"]
    for name in ["quiet", "verbose"] where arguments.flag(name) { words.append("--\(name)") }
    return words
  }

  private mutating func preview(_ plan: DatasetPlan, _ state: String) throws {
    outcomes.append(Outcome(output: plan.output, state: state))
    guard !invocation.arguments.flag("json") else { return }
    try invocation.output.write("\(plan.output): \(state)\n  \(plan.line)\n")
  }

  /// Records and says why a dataset was not made.
  mutating func note(_ error: any Error, _ plan: DatasetPlan) {
    let failure = ErrorReport(error, verb: "run", signal: invocation.interrupts.signal)
    outcomes.append(Outcome(output: plan.output, state: "failed", failure: failure))
    if let sentence = failure.sentence { report.fail(sentence, exitCode: failure.exitCode) }
  }

  /// Everything, for programs.
  var reportJSON: JSONText {
    let datasets = outcomes.map { outcome -> JSONText in
      var members: [(key: String, value: JSONText)] = [
        ("output", .string(outcome.output)), ("state", .string(outcome.state)),
        ("exit_code", .integer(Int(outcome.failure?.exitCode ?? 0))),
      ]
      if let recipe = outcome.recipe { members.append(("recipe", .string(recipe))) }
      if let generation = outcome.generation { members.append(("generation", .string(generation))) }
      if let sentence = outcome.failure?.sentence { members.append(("message", .string(sentence))) }
      return .object(members)
    }
    return .object([("datasets", .array(datasets))])
  }
}
