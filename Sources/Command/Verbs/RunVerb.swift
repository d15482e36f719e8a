internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

let runVerb = VerbRunner("run") { invocation in
  if invocation.arguments.flag("schema") {
    try invocation.output.write(PipelineSchema.json.rendered(indented: true) + "\n")
    return .ok
  }
  guard let file = invocation.arguments.operands.first else {
    throw UsageError("run needs FILE: a pipeline file", hint: "see pipe run --help")
  }
  var log = RunLog(invocation, file)
  try log.begin()
  let status: ExitStatus
  do {
    status = try await run(file, invocation, &log)
  } catch {
    try? log.end(ErrorReport(error, verb: "run", signal: invocation.interrupts.signal).exitCode)
    throw error
  }
  try log.end(nil)
  return status
}

private func run(_ file: String, _ invocation: Invocation, _ log: inout RunLog) async throws -> ExitStatus {
  let typed = try typedVariables(invocation.arguments)
  let all = try DatasetPlan.plans(for: PipelineFile(path: file, typed: typed), at: file)
  log.plans(all)
  let plans = try chosen(all, invocation.arguments, in: file)
  let cache = try RunCache(plans, invocation.arguments)
  var run = PipelineRun(invocation: invocation, log: log, tables: ResultsTables(all), cache: cache)
  defer { log = run.log }
  let rollsBack = invocation.arguments.flag("rollback")
  if invocation.arguments.flag("plan") {
    try await describe(plans, &run)
    return .ok
  }
  let makesNothing = rollsBack || invocation.arguments.flag("dry-run")
  defer { if !makesNothing { run.limitCache() } }
  if !makesNothing {
    for plan in all { try run.list(plan) }
    try run.tables.write()
  }
  for plan in plans {
    run.log.beginDataset(plan)
    // Every dataset that is not made says why; the last word of a run with one dataset is that reason itself.
    do {
      if rollsBack { try await run.rollBack(plan) } else { try await run.make(plan) }
    } catch is CancellationError {
      throw CancellationError()
    } catch is BrokenPipe {
      throw BrokenPipe()
    } catch  where plans.count > 1 || invocation.arguments.flag("json") {
      run.note(error, plan)
    } catch {
      run.noteSilently(error, plan)
      throw error
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

/// The datasets of `--only`, in the order of the file.
private func chosen(_ plans: [DatasetPlan], _ arguments: Arguments, in file: String) throws(UsageError) -> [DatasetPlan]
{
  let names = arguments.list("only")
  guard !names.isEmpty else { return plans }
  for name in names where !plans.contains(where: { $0.isCalled(name) }) {
    let near = nearest(to: name, among: plans.map(\.name)).map { "did you mean \($0)?" }
    throw UsageError(
      "--only: \(file) has no output \(quoted(name))",
      hint: near ?? "it has \(plans.map(\.name).joined(separator: ", "))")
  }
  return plans.filter { plan in names.contains { plan.isCalled($0) } }
}

/// Says what a run would do, dataset by dataset.
private func describe(_ plans: [DatasetPlan], _ run: inout PipelineRun) async throws {
  run.invocation.interrupts.setInterruption(.stop)
  let output = run.invocation.output
  let isJSON = run.arguments.flag("json")
  var earlier: [EarlierPlan] = []
  var reports: [JSONText] = []
  for plan in plans {
    let (report, described) = try await run.describe(plan, after: earlier)
    earlier.append(described)
    if isJSON { reports.append(report.json) } else { try output.write(report.text) }
  }
  if isJSON { try output.write(JSONText.object([("datasets", .array(reports))]).rendered(indented: true) + "\n") }
}

/// What `--set NAME=VALUE` gives to variables; of several values of one name the last one.
private func typedVariables(_ arguments: Arguments) throws(UsageError) -> [String: String] {
  var typed: [String: String] = [:]
  for word in arguments.texts("set") {
    guard let mark = word.firstIndex(of: "="), mark > word.startIndex else {
      throw UsageError("--set takes NAME=VALUE, not \(quoted(word))", hint: "such as --set ipc=10")
    }
    typed[String(word[..<mark])] = String(word[word.index(after: mark)...])
  }
  return typed
}

/// One `pipe run`: what was done so far, and what was read for it.
struct PipelineRun {
  let invocation: Invocation
  private(set) var outcomes: [RunOutcome] = []
  var contents = InputContents()
  var log: RunLog
  var tables: ResultsTables
  var cache: RunCache?
  /// The datasets that a dry run found would be made anew.
  private var pending: [DatasetPlan] = []

  init(invocation: Invocation, log: RunLog, tables: ResultsTables, cache: RunCache?) {
    self.invocation = invocation
    self.log = log
    self.tables = tables
    self.cache = cache
  }

  var report: Reporter { invocation.report }
  var arguments: Arguments { invocation.arguments }

  /// The exit code of the first dataset that failed.
  var firstFailure: Int32? { outcomes.lazy.compactMap(\.failure?.exitCode).first }

  /// Makes a dataset, or says why there is nothing to do.
  mutating func make(_ plan: DatasetPlan) async throws {
    // While inputs are read there is no stream that could end early.
    invocation.interrupts.setInterruption(.stop)
    let isDry = invocation.arguments.flag("dry-run")
    let inputs: [InputContent]
    do {
      if let missing = plan.missing { throw missing }
      inputs = try plan.sources.map { try contents.content(of: $0) }
      for path in plan.check?.test ?? [] { _ = try contents.content(of: path) }
    } catch let error as DataError where isDry && error.fault == .noInput {
      // It may be what an earlier dataset of the file will have made.
      pending.append(plan)
      try preview(plan, "cannot be evaluated yet: \(error)")
      return
    }
    let recipe = Recipe(plan, inputs: inputs.map(\.digest))
    // Where the name leads: a link to a folder on another disk stays a link.
    let output = try resolvedOutput(plan.output)
    let state = try OutputState(of: output, for: recipe)
    let held = try plan.check.map { _ in try HeldDataset(beside: output, for: recipe) }
    let mayReplace = invocation.arguments.flag("replace")
    // It does not have to be made again.
    let known = invocation.arguments.flag("retry") ? nil : held.flatMap { $0.isWanted ? $0.path : nil }
    let keptText = known.map { "it was made before and is kept in \($0)" }
    switch state {
    case .upToDate:
      if isDry {
        let before = pending.first { plan.isMade(from: $0) }
        if before != nil { pending.append(plan) }
        return try preview(plan, before.map { plan.madeAnew(after: $0.output, mayReplace: mayReplace) } ?? "up to date")
      }
      held?.removeLeftover()
      MakingFolder.removeLeftovers(of: output)
      return try await keepUp(plan, at: output, recipe)
    case .foreign(let reason):
      throw occupied(plan, reason, "name another output, or move it away; it is never overwritten")
    case .outdated(let reason) where !mayReplace:
      throw DataError(
        .cannotCreate, at: [plan.output], reason, remedy: "add --replace to make it anew, or name another output")
    case .outdated(let reason):
      if isDry {
        pending.append(plan)
        return try preview(plan, "to be replaced: it \(reason)" + (keptText.map { "; \($0)" } ?? ""))
      }
      report.log("\(plan.output): \(keptText ?? "making it anew, because it \(reason)")")
    case .absent:
      if isDry {
        pending.append(plan)
        return try preview(plan, "to be made" + (keptText.map { "; \($0)" } ?? ""))
      }
      report.log("\(plan.output): \(keptText ?? "making it")")
    }
    try Task.checkCancellation()
    if known == nil { log.state("making", plan) }
    let isMade = try await produce(plan, at: output, recipe, inputs, held, isKnown: known != nil, inPlaceOf: state)
    if !isMade { try await keepUp(plan, at: output, recipe) }
  }

  /// Checks and publishes a dataset that is up to date, as far as that was not done.
  private mutating func keepUp(_ plan: DatasetPlan, at output: String, _ recipe: Recipe) async throws {
    var outcome = RunOutcome(output: plan.output, state: "up to date", recipe: recipe.digest)
    if let check = plan.check {
      // It is the last one itself.
      let file = try await checked(try subject(plan, check, at: output, last: nil))
      outcome.take(file)
      guard file.passed else {
        throw NotPassed(output: plan.output, held: nil, conditions: file.conditions, isKnown: true)
      }
    }
    report.log("\(plan.output): up to date")
    try await finish(plan, at: output, outcome)
  }

  /// Publishes a dataset that is in place, evaluates it, and notes what became of it.
  private mutating func finish(_ plan: DatasetPlan, at output: String, _ outcome: RunOutcome) async throws {
    var outcome = outcome
    if let manifest = try? Manifest(inFolder: output) { outcome.take(manifest) }
    if plan.publish != nil {
      log.state("publishing", plan)
      if let state = try await publish(plan, at: output), outcome.state == "up to date" { outcome.state = state }
    }
    if outcome.state != "ended early" { try await evaluate(plan) }
    note(outcome)
  }

  private mutating func subject(
    _ plan: DatasetPlan, _ check: CheckPlan, at folder: String, last: String?
  ) throws -> CheckSubject {
    let test = try check.test.map { try contents.content(of: $0).digest }
    let real = try check.real.map { try contents.content(of: $0).digest }
    return CheckSubject(plan: plan, check: check, folder: folder, test: test, real: real, last: last)
  }

  /// Makes a dataset and gives it its name.
  ///
  /// - Parameter state: what was there when it was looked at.
  /// - Returns: false where another run has made it meanwhile; then nothing was done.
  private mutating func produce(
    _ plan: DatasetPlan, at output: String, _ recipe: Recipe, _ inputs: [InputContent], _ held: HeldDataset?,
    isKnown: Bool, inPlaceOf state: OutputState
  ) async throws -> Bool {
    let replacing = state != .absent
    let folder = try MakingFolder(for: output)
    // The lock stays until the end.
    defer { withExtendedLifetime(folder) {} }
    // Before the lock was there, another run may have made it.
    switch try OutputState(of: output, for: recipe) {
    case state: break
    case .upToDate: return false
    case .foreign(let reason): throw occupied(plan, reason, "move it away; it is never overwritten")
    case .absent, .outdated:
      throw DataError(
        .temporary, at: [plan.output], "was changed meanwhile, as by another pipe run", remedy: "try again")
    }
    var isCut = false
    var fromCache: String?
    if isKnown {
      // Before the lock was there, another run may have taken it.
      guard try HeldDataset(beside: output, for: recipe).isWanted else {
        throw DataError(.temporary, at: [plan.output], "was being made by another pipe run", remedy: "try again")
      }
    } else {
      // What did not pass may come from the cache, too.
      let afresh = held?.isWanted ?? false
      (isCut, fromCache) = try await runSteps(
        of: plan, into: folder, at: output, recipe, inputs, replacing: replacing, afresh: afresh)
    }
    var outcome = RunOutcome(
      output: plan.output, state: replacing ? "replaced" : isCut ? "ended early" : "made", recipe: recipe.digest)
    outcome.fromCache = fromCache
    if let check = plan.check, let held {
      if !isKnown {
        let generation = try Manifest(inFolder: folder.dataset).generation
        try folder.add(CheckFile(output: HeldDataset.lastName(of: output), generation: generation))
        try folder.hold(at: held.path)
        // It is whole, whatever the check says.
        for place in plan.checkpoints(of: output, for: recipe).values { place.remove() }
      }
      log.state("checking", plan)
      invocation.interrupts.setInterruption(.waitForUpstream)
      let current = plan.publish?.to.map { Generations(folder: $0).currentPath }
      let last = current.flatMap { isFolder($0) ? $0 : nil } ?? output
      let file = try await checked(try subject(plan, check, at: held.path, last: last))
      outcome.take(file)
      guard file.passed else {
        if let manifest = try? Manifest(inFolder: held.path) { outcome.take(manifest) }
        log.unpublished = outcome
        throw NotPassed(output: plan.output, held: held.path, conditions: file.conditions, isKnown: isKnown)
      }
      for (path, content) in zip(plan.sources, inputs) where !content.isCurrent(at: path) {
        throw DataError(.temporary, at: [path], "changed meanwhile", remedy: "try again; nothing was published")
      }
    }
    // What has come into the old dataset meanwhile is somebody's.
    if case .foreign(let reason) = try OutputState(of: output, for: recipe) {
      throw occupied(plan, reason, "move it away; it is never overwritten")
    }
    try Task.checkCancellation()
    if let remark = try folder.publish(replacing: replacing, from: held?.path) { report.warn(remark) }
    // What ended early goes on from there when it is made again.
    if !isCut { for place in plan.checkpoints(of: output, for: recipe).values { place.remove() } }
    let manifest = try Manifest(inFolder: output)
    let size = "\(manifest.kind.counted(manifest.samples)) of \(counted(manifest.labelNames.count, "class"))"
    report.log("\(plan.output): \(replacing ? "replaced" : "made"), \(size)\(isCut ? ", ended early" : "")")
    try await finish(plan, at: output, outcome)
    return true
  }

  /// Something is in the way that no run removes.
  private func occupied(_ plan: DatasetPlan, _ reason: String, _ remedy: String) -> DataError {
    DataError(.cannotCreate, at: [plan.output], reason, remedy: remedy)
  }

  /// Keeps what is in the cache within `--cache-size`: steps put networks and classes there, too.
  fileprivate func limitCache() {
    guard let cache else { return }
    do throws(DataError) {
      _ = try cache.steps.folder.collect(maxBytes: cache.steps.maxBytes, now: secondsSince1970())
    } catch {
      report.log("the cache could not be kept within its size: \(error)")
    }
  }

  /// What was typed after `pipe run` about the terminal holds for the steps.
  var terminalOptions: [String] {
    var words = ["--progress=\(report.isDrawing ? "json" : arguments.choice("progress") ?? "auto")"]
    for name in ["quiet", "verbose"] where arguments.flag(name) { words.append("--\(name)") }
    return words
  }

  private mutating func preview(_ plan: DatasetPlan, _ state: String) throws {
    note(RunOutcome(output: plan.output, state: state))
    guard !invocation.arguments.flag("json") else { return }
    var text = "\(plan.output): \(state)\n  \(plan.line)\n"
    for line in plan.furtherLines + (try missingEvaluationLines(plan)) { text += "  \(line)\n" }
    try invocation.output.write(text)
  }

  /// Records what became of a dataset.
  mutating func note(_ outcome: RunOutcome) {
    outcomes.append(outcome)
    log.endDataset(outcome)
  }

  /// Records and says why a dataset was not made.
  mutating func note(_ error: any Error, _ plan: DatasetPlan) {
    let failure = noteSilently(error, plan)
    if let sentence = failure.sentence { report.fail(sentence, exitCode: failure.exitCode) }
  }

  /// Records why a dataset was not made.
  @discardableResult
  mutating func noteSilently(_ error: any Error, _ plan: DatasetPlan) -> ErrorReport {
    let failure = ErrorReport(error, verb: "run", signal: invocation.interrupts.signal)
    var outcome = log.unpublished ?? RunOutcome(output: plan.output, state: "failed")
    log.unpublished = nil
    if let error = error as? NotPassed {
      outcome.state = "not passed"
      (outcome.conditions, outcome.held) = (error.conditions, error.held)
    }
    outcome.failure = failure
    note(outcome)
    return failure
  }

  /// Everything, for programs.
  var reportJSON: JSONText { .object([("datasets", .array(outcomes.map(\.json)))]) }
}
