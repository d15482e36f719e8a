internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards
internal import Streaming

/// A dataset whose check is at hand.
struct CheckSubject {
  /// What is made.
  var plan: DatasetPlan
  /// What is asked.
  var check: CheckPlan
  /// Where the dataset lies.
  var folder: String
  /// The digests of the test archives, where networks are trained.
  var test: [String]
  /// The same of what `real` names.
  var real: [String]
  /// Where the dataset lies that it is compared with; nil where there is none.
  var last: String?

  /// How accuracies are found; nil where none are.
  var evaluation: CheckFile.Evaluation? {
    check.evaluates
      ? CheckFile.Evaluation(tool: toolVersion, options: check.recorded, test: test, real: real.isEmpty ? nil : real)
      : nil
  }
}

extension PipelineRun {
  /// Checks a dataset and writes into its folder what was found.
  ///
  /// What was found before, under the same evaluation, is not looked for again.
  ///
  /// - Returns: what was found; look at `passed`.
  /// - Throws: what reading the dataset or training networks throws; then nobody knows whether it would pass.
  mutating func checked(_ subject: CheckSubject) async throws -> CheckFile {
    let generation = try Manifest(inFolder: subject.folder).generation
    let known = CheckFile(inFolder: subject.folder).flatMap { $0.generation == generation ? $0 : nil }
    var file = CheckFile(
      output: HeldDataset.lastName(of: try resolvedOutput(subject.plan.output)), generation: generation,
      evaluation: subject.evaluation, asked: subject.check.conditions)
    if let known, known.asked == file.asked, known.evaluation == file.evaluation, isCurrent(known.last, subject) {
      return known
    }
    if let known, known.evaluation == subject.evaluation {
      (file.figures, file.classes, file.last) = (known.figures, known.classes, known.last)
    } else if subject.check.evaluates {
      (file.figures, file.classes) = try await figures(of: subject.folder, subject)
      // The longest work is done. Without conditions it says that nothing was asked yet, so that it is not taken for the end.
      var draft = file
      draft.asked = nil
      try draft.write(inFolder: subject.folder)
    }
    if subject.last != nil, subject.check.conditions.notWorseThanLast != nil {
      do {
        file.last = try await last(of: subject, known: file.last)
      } catch let error as DataError {
        var problem = "the last generation cannot be evaluated under this check"
        switch error.fault {
        case .upstream(let code) where code < ExitStatus.io.rawValue: problem += " (exit code \(code))"
        case .badInput where error.place.first == subject.last.map({ "\($0)/\(Manifest.fileName)" }):
          problem += ": its manifest \(error.problem)"
        default: throw error
        }
        problem += "; leave the condition out for one night"
        file.last = nil
        file.conditions.append(ConditionResult(condition: "not-worse-than-last", problem: problem, passed: false))
      }
    }
    if subject.check.conditions.verify { file.conditions.append(try await verified(subject.folder)) }
    file.conditions += file.results(subject.check.conditions)
    file.passed = file.conditions.allSatisfy(\.passed)
    if file != known { try file.write(inFolder: subject.folder) }
    return file
  }

  /// Whether a dataset was compared with the one that it is to be compared with now.
  private func isCurrent(_ last: CheckFile.Last?, _ subject: CheckSubject) -> Bool {
    guard let folder = subject.last, subject.check.conditions.notWorseThanLast != nil else { return true }
    return (try? Manifest(inFolder: folder))?.generation == last?.generation
  }

  /// The figures of the dataset before, under the same evaluation; nil where there is none to compare with.
  private mutating func last(of subject: CheckSubject, known: CheckFile.Last?) async throws -> CheckFile.Last? {
    guard let folder = subject.last, access("\(folder)/\(Manifest.fileName)", F_OK) == 0 else { return nil }
    let manifest = try Manifest(inFolder: folder)
    let generation = manifest.generation
    if let known, known.generation == generation { return known }
    let own = try Manifest(inFolder: subject.folder)
    if own.labelNames != manifest.labelNames {
      report.warn("\(subject.plan.output): has other classes than the last generation, and is not compared with it")
      return nil
    }
    // The output may have been looked at since it was published.
    // Where it is said now that images may be mirrored, or no longer, its figures were found under another augmentation.
    let mirror = subject.check.recorded["mirror"] == nil && own.info.isMirrored != manifest.info.isMirrored
    for place in [folder, try resolvedOutput(subject.plan.output)] where !mirror {
      if let file = CheckFile(inFolder: place), file.generation == generation, file.evaluation == subject.evaluation {
        return CheckFile.Last(generation: generation, figures: file.figures)
      }
    }
    report.log("\(subject.plan.output): finding the accuracy of the last generation under this check")
    return CheckFile.Last(
      generation: generation,
      figures: try await figures(of: folder, subject, mirrored: mirror ? own.info.isMirrored : nil).figures)
  }

  private func verified(_ folder: String) async throws -> ConditionResult {
    let found = try await verifyDataset(at: folder) { done, total in
      report.progress(ProgressEvent(stage: "verify", done: done, total: total, unit: "samples"))
    }
    guard let first = found.damage.first else { return ConditionResult(condition: "verify", passed: true) }
    let rest = found.damage.count > 1 ? ", and \(found.damage.count - 1) more" : ""
    let key = first.key.map { "sample \($0): " } ?? ""
    return ConditionResult(condition: "verify", problem: "\(first.file): \(key)\(first.problem)\(rest)", passed: false)
  }

  /// Trains networks on the dataset in a folder.
  ///
  /// - Throws: `DataError`: `.upstream` with the exit code of `pipe evaluate`; `.badInput` when the dataset was tested on what
  ///   it was made from; `CancellationError`.
  private mutating func figures(
    of folder: String, _ subject: CheckSubject, mirrored: Bool? = nil
  ) async throws -> (figures: [CheckFile.Figures], classes: [String]) {
    let plan = subject.plan
    let mirror = mirrored.map { ["--mirror=\($0 ? "yes" : "no")"] } ?? []
    let text = try await output(
      of: [subject.check.command(on: folder) + mirror + terminalOptions], "its accuracy could not be found: evaluate",
      for: plan)
    let result = try decodeJSON(EvaluationResult.self, from: text, at: [plan.output, "pipe evaluate"])
    guard let figures = CheckFile.Figures.list(result) else {
      throw DataError(
        .temporary, at: [plan.output], "its accuracy could not be found: not every network was trained",
        remedy: "give the check more time, or fewer networks")
    }
    let inputs = try plan.inputs.map { try contents.content(of: $0).digest }
    let read = zip(subject.check.test + subject.check.real, subject.test + subject.real)
    for (path, digest) in read where try contents.content(of: path).digest != digest {
      throw DataError(.temporary, at: [path], "changed while it was read", remedy: "try again; nothing was published")
    }
    if result.testSplit != .test, !Set(inputs).isDisjoint(with: subject.test) {
      throw DataError(
        .badInput, at: [plan.output], "would be tested on what it was made from: \(result.test) has no test part",
        remedy: "name other data under check.test, or say which samples are for testing, as with test-pattern")
    }
    return (figures, result.classes)
  }

  /// Runs processes and returns what the last one prints.
  ///
  /// - Throws: `DataError` (`.upstream`) with the exit code of one that failed; `CancellationError` after a signal.
  func output(of commands: [[String]], _ failure: String, for plan: DatasetPlan) async throws -> [UInt8] {
    let folder = parentFolder(of: try resolvedOutput(plan.output))
    let descriptor = openSpillFile(in: folder)
    guard descriptor >= 0 else {
      throw DataError(.cannotCreate, at: [folder], "cannot be written to: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    try await run(StepProcesses(commands, output: descriptor, makes: plan.output, drawnBy: report), failure, for: plan)
    return wholeFile(descriptor)
  }

  /// Waits until processes have ended, and kills them when the run is to end; a SIGTERM that does not end it is handed on to them.
  ///
  /// - Returns: the exit code of each.
  /// - Throws: `CancellationError` when the run is to end.
  func codes(of processes: StepProcesses) async throws -> [Int32] {
    invocation.interrupts.forwardTermination { processes.send($0) }
    defer { invocation.interrupts.forwardTermination(nil) }
    let codes = await withTaskCancellationHandler {
      processes.wait()
    } onCancel: {
      processes.kill()
    }
    try Task.checkCancellation()
    // A signal to all of them may have ended a step before this process has noted it; where it came to the step alone, nothing is lost.
    if codes.contains(where: { [SIGHUP, SIGINT, SIGTERM].contains($0 - 128) }) {
      for _ in 0..<100 where invocation.interrupts.signal == nil { usleep(1000) }
      try Task.checkCancellation()
    }
    return codes
  }

  /// Waits for processes that were started for a dataset.
  ///
  /// - Throws: `DataError` (`.upstream`) with the exit code of one that failed; `CancellationError` after a signal.
  func run(_ start: @autoclosure () throws -> StepProcesses, _ name: String, for plan: DatasetPlan) async throws {
    if invocation.interrupts.signal != nil { throw CancellationError() }
    let codes = try await codes(of: start())
    if invocation.interrupts.signal != nil { throw CancellationError() }
    guard let index = StepProcesses.culprit(codes) else { return }
    throw failure(of: name, code: codes[index], for: plan)
  }

  /// What is said of a process that failed, or that a signal ended which came to it alone.
  ///
  /// The run itself got no signal, so its exit code must not say so: trying again can help.
  func failure(of name: String, _ result: String = "", code: Int32, for plan: DatasetPlan) -> DataError {
    let problem: String
    switch code {
    case StepProcesses.endedEarly: problem = "a signal that came to \(name) alone ended it early"
    case 128 + SIGKILL: problem = "\(name) was killed (signal 9), as happens where memory is short"
    case 128 + SIGILL, 128 + SIGTRAP, 128 + SIGABRT, 128 + SIGBUS, 128 + SIGFPE, 128 + SIGSEGV:
      problem = "\(name) crashed (signal \(code - 128))"
    case ExitStatus.brokenPipe.rawValue: problem = "\(name) lost its reader"
    case 129...192: problem = "\(name) was ended by a signal that came to it alone (signal \(code - 128))"
    default:
      return DataError(.upstream(exitCode: code), at: [plan.output], "\(result)\(name) ended with exit code \(code)")
    }
    return DataError(.temporary, at: [plan.output], result + problem, remedy: "run it again")
  }
}
