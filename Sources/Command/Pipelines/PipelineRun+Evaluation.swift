internal import Catalog
internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The tables that a pipeline file asks for, by place.
struct ResultsTables: Sendable {
  private var tables: [(path: String, entries: [(plan: DatasetPlan, results: [EvaluationResult?])])] = []

  /// Tables without results.
  init(_ plans: [DatasetPlan]) {
    for plan in plans {
      guard let path = plan.table else { continue }
      let entry = (plan: plan, results: plan.evaluations.map { _ in EvaluationResult?.none })
      if let index = tables.firstIndex(where: { $0.path == path }) {
        tables[index].entries.append(entry)
      } else {
        tables.append((path, [entry]))
      }
    }
  }

  /// Takes results, and writes their table anew.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  mutating func add(_ results: [EvaluationResult?], of plan: DatasetPlan) throws(DataError) {
    take(results, of: plan)
    if let path = plan.table { try write(path) }
  }

  /// Takes results, and writes nothing.
  mutating func take(_ results: [EvaluationResult?], of plan: DatasetPlan) {
    for (index, table) in tables.enumerated() where table.path == plan.table {
      for number in table.entries.indices where table.entries[number].plan.output == plan.output {
        tables[index].entries[number].results = results
      }
    }
  }

  /// Writes all tables.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func write() throws(DataError) {
    for table in tables { try write(table.path) }
  }

  private func write(_ path: String) throws(DataError) {
    guard let table = tables.first(where: { $0.path == path }) else { return }
    let content = ResultsTable(
      entries: table.entries.map {
        .init(
          index: $0.plan.origin.index, coordinates: $0.plan.origin.cell?.coordinates ?? [], output: $0.plan.output,
          results: $0.results)
      })
    var places: [(place: String, text: String)] = []
    for (name, text) in [("\(path).csv", content.csv), ("\(path).md", content.markdown)] {
      let place = try replacedFile(name)
      places.append((place, text))
      guard access(place, F_OK) == 0 else { continue }
      guard let data = try? Data(contentsOf: URL(filePath: place)),
        ResultsTable.isTable(String(decoding: data.prefix(4096), as: UTF8.self))
      else {
        throw DataError(
          .cannotCreate, at: [name], "was not written by pipe run, which would put a table there",
          remedy: "name another table, or move the file away")
      }
    }
    let folders = try CreatedFolders(parentFolder(of: path))
    for (place, text) in places {
      let file = try NewFile(place)
      try file.write(Array(text.utf8))
      try file.publish(replacing: true)
    }
    folders.keep()
  }
}

extension PipelineRun {
  /// What makes an evaluation this very one.
  private struct Identity: Codable {
    var tool: String
    var options: [String]
    var inputs: [String]
    var generation: String
  }

  /// Evaluates a dataset that is there, as far as that was not done before, and keeps the results in its folder.
  ///
  /// - Throws: `DataError`: `.upstream` with the exit code of an evaluation that failed; what was evaluated before is kept.
  mutating func evaluate(_ plan: DatasetPlan) async throws {
    guard !plan.evaluations.isEmpty else { return }
    let folder = try resolvedOutput(plan.output)
    guard let (generation, digests, known) = try kept(plan) else { return }
    var entries = known
    try tables.add(entries.map { $0?.result }, of: plan)
    for index in entries.indices where entries[index] == nil {
      log.state("evaluating", plan)
      let result = try await run(plan.evaluations[index], of: plan)
      entries[index] = EvaluationFile.Entry(
        digest: digests[index], options: plan.evaluations[index].recordedWords, result: result)
      try EvaluationFile(generation: generation, evaluations: entries.compactMap(\.self)).write(toFolder: folder)
      try tables.add(entries.map { $0?.result }, of: plan)
      if let row = result.rows.first, let mean = row.mean {
        report.log("\(plan.output): \(fixed(100 * mean, 1)) % on \(result.test), \(result.protocol), \(row.network)")
      }
    }
  }

  /// Lists what is known of a dataset before it is looked at: a table keeps what it has while its rows are made anew.
  mutating func list(_ plan: DatasetPlan) throws {
    guard plan.table != nil else { return }
    if plan.evaluations.flatMap(\.sources).allSatisfy({ access($0, F_OK) == 0 }) {
      do {
        if let entries = try kept(plan)?.entries { tables.take(entries.map { $0?.result }, of: plan) }
        return
      } catch is DataError {
        // Who makes or evaluates the dataset says so. The others need not wait for that.
      }
    }
    // Whether real data is still what it was cannot be seen where it is gone; what was found with it stays in the table.
    let folder = try resolvedOutput(plan.output)
    guard let generation = (try? Manifest(inFolder: folder))?.generation,
      let known = EvaluationFile(inFolder: folder, of: generation)?.evaluations
    else { return }
    tables.take(
      plan.evaluations.map { evaluation in known.first { $0.options == evaluation.recordedWords }?.result }, of: plan)
  }

  /// The lines for a shell that run the evaluations that are missing.
  mutating func missingEvaluationLines(_ plan: DatasetPlan) throws -> [String] {
    let known = plan.evaluations.isEmpty ? nil : try kept(plan)?.entries
    return plan.evaluations.indices.filter { known?[$0] == nil }.map { line(plan.evaluations[$0], plan) }
  }

  /// Which evaluations of a dataset were run before, in the order of the file; nil where there is no dataset.
  mutating func kept(
    _ plan: DatasetPlan
  ) throws -> (generation: String, digests: [String], entries: [EvaluationFile.Entry?])? {
    let folder = try resolvedOutput(plan.output)
    guard let generation = (try? Manifest(inFolder: folder))?.generation else { return nil }
    let known = EvaluationFile(inFolder: folder, of: generation)?.evaluations ?? []
    var digests: [String] = []
    for evaluation in plan.evaluations {
      if let missing = evaluation.missing { throw missing }
      let inputs = try evaluation.sources.map { try contents.content(of: $0).digest }
      let identity = Identity(
        tool: toolVersion, options: evaluation.identity, inputs: inputs, generation: generation)
      digests.append(sha256(encodeJSON(identity)))
    }
    return (generation, digests, digests.map { digest in known.first { $0.digest == digest } })
  }

  private func line(_ evaluation: EvaluationPlan, _ plan: DatasetPlan) -> String {
    (["pipe"] + evaluation.command(train: plan.output)).map(shellQuoted).joined(separator: " ")
  }

  /// Runs an evaluation of a dataset.
  private func run(_ evaluation: EvaluationPlan, of plan: DatasetPlan) async throws -> EvaluationResult {
    invocation.interrupts.setInterruption(.waitForUpstream)
    var command = evaluation.command(train: plan.output) + terminalOptions
    // Networks are kept for baselines alone.
    if let cache, cache.isTyped, evaluation.recorded["baselines"] != nil, evaluation.written.isEmpty {
      command.append("--cache=\(cache.steps.folder.path)")
    }
    if evaluation.recorded["baselines"] != nil, arguments.flag("no-cache") { command.append("--cache=-") }
    let text = try await output(of: [command], "is made, and its evaluation", for: plan)
    return try decodeJSON(EvaluationResult.self, from: text, at: [plan.output, "pipe evaluate"])
  }
}

/// Everything that a file holds, from its start.
func wholeFile(_ descriptor: Int32) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = pread(descriptor, &chunk, chunk.count, bytes.count), count > 0 { bytes += chunk[..<count] }
  return bytes
}
