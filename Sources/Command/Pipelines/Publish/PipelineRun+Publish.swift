internal import Datasets
internal import Glibc
internal import Shards
internal import Streaming

extension PipelineRun {
  /// Lets readers find the dataset of an output, unless they do already.
  ///
  /// - Parameter output: the folder of the dataset, as it is resolved.
  /// - Returns: what was done, as a word for reports; nil where nothing was to do.
  /// - Throws: `DataError`: `.temporary` when another run publishes there or a command fails, `.cannotCreate`, `.io` also when
  ///   what arrived is damaged. Readers find what they found before.
  mutating func publish(_ plan: DatasetPlan, at output: String) async throws -> String? {
    guard let publish = plan.publish else { return nil }
    let generation = try Manifest(inFolder: output).generation
    var states: [String?] = []
    if let to = publish.to {
      states.append(
        try await self.publish(plan, at: output, generation, to: Generations(folder: to), keep: publish.keep))
    }
    if let command = publish.command { states.append(try await send(plan, at: output, generation, by: command)) }
    return states.compactMap(\.self).first
  }

  private func publish(
    _ plan: DatasetPlan, at output: String, _ generation: String, to generations: Generations, keep: Int
  ) async throws -> String? {
    if case .published = try generations.state(of: generation), try !generations.needsPruning(keep: keep) { return nil }
    let folder = try MakingFolder(for: generations.lockPath)
    defer { withExtendedLifetime(folder) {} }
    // Again, now that nobody else publishes there.
    let found: Generations.Generation
    var state: String?
    switch try generations.state(of: generation) {
    case .rolledBack(let taken):
      let current = try generations.current()?.name ?? "nothing"
      report.log("\(plan.output): generation \(taken.name) was rolled back; readers find \(current)")
      return nil
    case .published(let there): found = there
    case .ready(let there):
      (found, state) = (there, "published")
    case .missing(let number):
      found = Generations.Generation(number: number, generation: generation)
      do {
        try copyDataset(at: output, to: folder.dataset, beside: pipelineRecords)
        try await verify(folder.dataset, is: generation, "the copy for \(generations.folder)")
      } catch let error as DataError {
        guard (try? Manifest(inFolder: output))?.generation != generation else { throw error }
        throw DataError(.temporary, at: [output], "was replaced while it was published", remedy: "try again")
      }
      try folder.publish(as: generations.path(of: found))
      state = "published"
    }
    if state != nil {
      try Task.checkCancellation()
      try generations.makeCurrent(found)
      report.log("\(plan.output): published as \(generations.path(of: found))")
    }
    if let taken = try generations.rolledBack(), taken != found {
      try generations.noteTakenBack(taken)
      generations.forgetRolledBack()
    }
    // Who removed `rolled-back` wants it again.
    try generations.forgetTakenBack(found)
    for remark in try generations.prune(keep: keep) { report.warn(remark) }
    return state
  }

  private func send(
    _ plan: DatasetPlan, at output: String, _ generation: String, by command: PublishCommand
  ) async throws -> String? {
    let wanted = SentFile(generation: generation, command: command)
    if SentFile(inFolder: output) == wanted { return nil }
    let lock = try MakingFolder(for: output)
    defer { withExtendedLifetime(lock) {} }
    try await verify(output, is: generation, "the dataset")
    let fetched = try NewFolder("\(output).read-back")
    defer { fetched.discard() }
    let name = String(plan.output.split(separator: "/").last ?? "")
    // From the root: with CDPATH a relative path may lead elsewhere.
    let place = PublishCommand.quoted(try absolute(command.folder))
    func shell(_ template: String, _ folder: String, _ what: String) async throws {
      let line = command.line(template, folder: try absolute(folder), generation: generation, name: name)
      report.detail("\(plan.output): \(what): \(line)")
      do {
        let words = ["-c", "cd -- \(place) && { \(line)\n}"]
        try await run(StepProcesses([words], program: "/bin/sh", output: 2), "was not published: \(what)", for: plan)
      } catch let error as DataError {
        guard case .upstream = error.fault else { throw error }
        throw DataError(.temporary, at: error.place, error.problem, remedy: "the next run tries again")
      }
    }
    try await shell(command.send, output, "publish.command")
    try await shell(command.readBack, fetched.temporary, "publish.read-back")
    try await verify(fetched.temporary, is: generation, "what publish.read-back fetched")
    if let line = command.switchLine { try await shell(line, output, "publish.switch") }
    try wanted.write(inFolder: output)
    report.log("\(plan.output): sent, and read back whole")
    return "published"
  }

  /// Reads every byte of a dataset.
  ///
  /// - Throws: `DataError` (`.io`) when it is damaged, or another one.
  private func verify(_ folder: String, is generation: String, _ what: String) async throws {
    let found: VerifyReport
    do {
      found = try await verifyDataset(at: folder) { done, total in
        report.progress(ProgressEvent(stage: "verify", done: done, total: total, unit: "samples"))
      }
    } catch let error as DataError where error.fault == .noInput {
      throw DataError(.io, at: [folder], "\(what) is no dataset: \(error.problem)")
    }
    if let first = found.damage.first {
      throw DataError(
        .io, at: [folder, first.file], "\(what) is damaged: \(first.problem)", remedy: "nothing was published")
    }
    guard found.generation == generation else {
      throw DataError(.io, at: [folder], "\(what) is another generation than was sent", remedy: "nothing was published")
    }
  }

  /// Leads readers to the generation before.
  ///
  /// - Throws: `DataError`: `.noInput` where there is none that is whole; `.usage` for a dataset that has none.
  mutating func rollBack(_ plan: DatasetPlan) async throws {
    guard let to = plan.publish?.to else {
      throw DataError(
        .usage, at: [plan.output], "is not published to a folder, so there is nothing to roll back",
        remedy: "choose others with --only")
    }
    let generations = Generations(folder: to)
    let lock = try MakingFolder(for: generations.lockPath)
    defer { withExtendedLifetime(lock) {} }
    guard let current = try generations.current() else {
      throw DataError(.noInput, at: [to], "nothing is published there")
    }
    let all = try generations.list()
    var passed: [Generations.Generation] = []
    for generation in all.reversed() where generation.number < current.number {
      if try generations.wasTakenBack(generation) {
        passed.append(generation)
        continue
      }
      guard generations.isWhole(generation) else { continue }
      let found = try await verifyDataset(at: generations.path(of: generation))
      guard found.damage.isEmpty else {
        report.warn("\(generations.path(of: generation)): is damaged, and is not taken")
        continue
      }
      try Task.checkCancellation()
      for newer in all where newer.number > generation.number { try generations.noteTakenBack(newer) }
      if let newest = all.last { try generations.noteRolledBack(newest) }
      try generations.makeCurrent(generation)
      report.log("\(plan.output): readers find \(generation.name) again, no longer \(current.name)")
      note(RunOutcome(output: plan.output, state: "rolled back", generation: found.generation))
      return
    }
    let rest = passed.isEmpty ? "" : ", except what was taken back: \(passed.map(\.name).joined(separator: ", "))"
    throw DataError(
      .noInput, at: [generations.currentPath], "there is no whole generation before \(current.name)\(rest)",
      remedy: passed.first.map { "to lead there nevertheless, remove \(generations.markPath(of: $0)) and run again" })
  }
}

/// A path from the root.
private func absolute(_ path: String) throws(DataError) -> String {
  guard let real = realpath(path, nil) else {
    throw DataError(.io, at: [path], "cannot be found: \(String(cString: strerror(errno)))")
  }
  defer { free(real) }
  return String(cString: real)
}
