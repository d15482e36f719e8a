internal import Catalog
internal import Datasets
internal import Shards

extension PipelineRun {
  /// Runs the steps, and leaves a whole dataset with its recipe in the folder.
  ///
  /// - Parameters:
  ///   - replacing: an old dataset is there, which one that was ended early does not replace.
  ///   - afresh: no result is taken from the cache.
  /// - Returns: whether they were ended early, and the verb of the last step whose result was in the cache.
  mutating func runSteps(
    of plan: DatasetPlan, into folder: MakingFolder, at output: String, _ recipe: Recipe, _ inputs: [InputContent],
    replacing: Bool, afresh: Bool
  ) async throws -> (isCut: Bool, fromCache: String?) {
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
    if let cache, cache.isTyped {
      for (index, step) in plan.steps.enumerated() where step.takesCache {
        commands[index].append("--cache=\(cache.steps.folder.path)")
      }
    }
    // The last one would name a folder that nobody shall see.
    if !report.verbose { commands[commands.count - 1].append("--quiet") }
    let cached = cached(plan, inputs, afresh: afresh)
    // Steps that were not started need not be ended.
    if invocation.interrupts.signal != nil { throw CancellationError() }
    let recordings = Dictionary(uniqueKeysWithValues: cached.recordings.map { ($0.key - cached.skipped, $0.value) })
    // On a terminal this process draws the stages of all steps.
    let processes = try StepProcesses(
      Array(commands[cached.skipped...]), fed: cached.start?.found.descriptor, recordings: recordings,
      makes: plan.output, drawnBy: report)
    let codes = try await codes(of: processes)
    let isInterrupted = invocation.interrupts.signal != nil
    let isCurrent = zip(plan.sources, inputs).allSatisfy { $1.isCurrent(at: $0) }
    if !isInterrupted, isCurrent { keep(cached, codes: codes) }
    // Told to end, the run takes what a step made that ended early. Where only the step was told, it is less than was asked for.
    if let index = StepProcesses.culprit(isInterrupted ? codes.map { $0 == StepProcesses.endedEarly ? 0 : $0 } : codes)
    {
      if isInterrupted { throw CancellationError() }
      throw failure(
        of: plan.steps[cached.skipped + index].verb, "nothing was published: ", code: codes[index], for: plan)
    }
    let isCut = isInterrupted && plan.steps[cached.skipped...].contains(where: \.canEndEarly)
    if isCut, replacing {
      report.warn("\(plan.output): ended early, so the old dataset stays")
      throw CancellationError()
    }
    if isCut, plan.check != nil || plan.publish != nil {
      report.warn("\(plan.output): ended early, so it is neither checked nor published")
      throw CancellationError()
    }
    for (path, content) in zip(plan.sources, inputs) where !content.isCurrent(at: path) {
      throw DataError(.temporary, at: [path], "changed while it was read", remedy: "try again; nothing was published")
    }
    let manifest = try Manifest(inFolder: folder.dataset)
    try folder.add(RecipeFile(recipe, generation: manifest.generation, complete: !isCut))
    return (isCut, cached.start.map { plan.steps[$0.step].verb })
  }
}
