internal import Catalog
internal import Datasets
internal import Shards

extension PipelineRun {
  /// Runs the steps, and leaves a whole dataset with its recipe in the folder.
  ///
  /// What an earlier run kept may be what a step fails on. Then it is removed, and the steps are run once more without it.
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
    let checkpoints = plan.checkpoints(of: output, for: recipe)
    for place in checkpoints.values { place.removeOthers() }
    let commands = commands(of: plan, into: folder, checkpoints, afresh: afresh)
    // A kept result and a checkpoint may both be at fault.
    var attempts = 3
    while true {
      attempts -= 1
      let cached = cached(plan, inputs, afresh: afresh)
      // Steps that were not started need not be ended.
      if invocation.interrupts.signal != nil { throw CancellationError() }
      let goOn = checkpoints.values.filter(\.exists)
      let recordings = Dictionary(uniqueKeysWithValues: cached.recordings.map { ($0.key - cached.skipped, $0.value) })
      // On a terminal this process draws the stages of all steps.
      let processes = try StepProcesses(
        Array(commands[cached.skipped...]), fed: cached.start?.found.descriptor, recordings: recordings,
        makes: plan.output, drawnBy: report)
      let codes = try await codes(of: processes)
      let isInterrupted = invocation.interrupts.signal != nil
      let changed = zip(plan.sources, inputs).first { !$1.isCurrent(at: $0) }
      if !isInterrupted, changed == nil { keep(cached, codes: codes) }
      // Told to end, the run takes what a step made that ended early. Where only the step was told, it is less than was asked for.
      let faults = isInterrupted ? codes.map { $0 == StepProcesses.endedEarly ? 0 : $0 } : codes
      if let index = StepProcesses.culprit(faults) {
        if isInterrupted { throw CancellationError() }
        if attempts > 0, changed == nil, removesCause(of: codes, in: cached, beganAt: goOn) {
          report.log("\(plan.output): beginning anew without it")
          continue
        }
        throw failure(
          of: plan.steps[cached.skipped + index].verb, "nothing was published: ", code: codes[index], for: plan)
      }
      // A step that was done when the signal came has made what was asked for.
      let isCut = codes.contains(StepProcesses.endedEarly)
      if isCut, replacing {
        report.warn("\(plan.output): ended early, so the old dataset stays")
        throw CancellationError()
      }
      if isCut, plan.check != nil || plan.publish != nil {
        report.warn("\(plan.output): ended early, so it is neither checked nor published")
        throw CancellationError()
      }
      if let (path, _) = changed {
        throw DataError(.temporary, at: [path], "changed while it was read", remedy: "try again; nothing was published")
      }
      let manifest = try Manifest(inFolder: folder.dataset)
      try folder.add(RecipeFile(recipe, generation: manifest.generation, complete: !isCut))
      return (isCut, cached.start.map { plan.steps[$0.step].verb })
    }
  }

  /// What each step is started with.
  private func commands(
    of plan: DatasetPlan, into folder: MakingFolder, _ checkpoints: [Int: CheckpointPlace], afresh: Bool
  ) -> [[String]] {
    var commands = plan.commands(into: folder.dataset).map { $0 + terminalOptions }
    for (index, step) in plan.steps.enumerated() {
      if let place = checkpoints[index] {
        commands[index].removeAll { $0.hasPrefix("--checkpoint=") }
        commands[index].append("--checkpoint=\(place.path)")
      }
      // What is said last holds.
      commands[index] += cacheWords(for: step, afresh: afresh)
      if arguments.choice("on-term") == "keep", Catalog.verb(step.verb)?.option("on-term") != nil {
        commands[index].append("--on-term=keep")
      }
    }
    // The last one would name a folder that nobody shall see.
    if !report.verbose { commands[commands.count - 1].append("--quiet") }
    return commands
  }

  /// Removes a kept result that the first step could not read, and tells whether it is gone, or a step has removed the checkpoint that it could
  /// not go on from.
  ///
  /// - Parameter checkpoints: those that were there when the steps began.
  private func removesCause(
    of codes: [Int32], in cached: CachedSteps, beganAt checkpoints: [CheckpointPlace]
  ) -> Bool {
    let unread = [ExitStatus.badInput.rawValue, ExitStatus.temporary.rawValue]
    if let start = cached.start, let code = codes.first, unread.contains(code), let cache {
      let path = cache.steps.path(of: start.found)
      if !isWholeStream(path), cache.steps.remove(start.found) {
        report.warn("\(path) cannot be read, though it is as it was kept; it is removed")
        return true
      }
    }
    return codes.contains(ExitStatus.temporary.rawValue) && checkpoints.contains { !$0.exists }
  }
}

/// Whether a stream can be read to its end; the sum of a kept one only tells that it is what was kept.
private func isWholeStream(_ path: String) -> Bool {
  do throws(DataError) {
    let source = try openSamples([Input(path: path)], options: ReadOptions(), log: { _ in })
    while try source.next() != nil {}
    return true
  } catch {
    return error.fault != .badInput && error.fault != .temporary
  }
}
