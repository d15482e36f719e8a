internal import Datasets
internal import Shards
internal import Streaming

let catVerb = VerbRunner("cat") { invocation in
  let arguments = invocation.arguments
  let folder = arguments.operands[0]
  guard folder != "-" else {
    throw UsageError(
      "cat reads a dataset's folder, and - is a stream", hint: "a stream is what cat writes: leave it out")
  }
  try await writeStream(invocation) { writer in
    let reader = try DatasetReader(folder)
    invocation.report.detail(reader.info)
    invocation.report.detail(reader.manifest)
    let times = invocation.report.workTimes()
    let scores = try arguments.path("lowest").map { try ByteSource(Input(path: $0)).readAll(limit: 1 << 30) }
    let selection = try SampleSelection(arguments, scores: scores, of: reader, in: folder) { invocation.report.log($0) }
    let isFormed = arguments.flag("form") && (reader.info.formation?.multiplicity ?? 1) > 1
    if arguments.flag("form"), !isFormed { invocation.report.log("every stored sample is one training sample") }
    var step = ProvenanceStep(
      verb: "cat", tool: toolVersion, options: arguments.recorded, digests: ["source": reader.manifest.generation])
    if let scores { step.digests["scores"] = sha256(scores) }
    let selected = selection.map { SelectedSource(reader, $0, adding: isFormed ? nil : step) }
    if let selected, selected.count == 0 {
      throw DataError(
        .badInput, at: [folder], "has no sample of these classes", remedy: "see its counts with pipe inspect \(folder)")
    }
    if isFormed {
      try await copyFormed(FormedSource(selected ?? reader, adding: step), to: writer, times: times, invocation)
    } else if let selected {
      try await selected.copy(to: writer, times: times, progress: invocation.report.progressHandler)
    } else {
      try await reader.copy(to: writer, times: times, progress: invocation.report.progressHandler)
    }
    invocation.report.detail(times)
  }
  return .ok
}

/// Writes the training images of a dataset with a formation.
private func copyFormed(
  _ source: FormedSource, to writer: WireWriter, times: WorkTimes?, _ invocation: Invocation
) async throws {
  let info = source.info
  let stages = pipeline {
    Pack(forStreamOf: info, times: times)
    Counted<PackedChunk>(
      as: "cat", total: info.countPerClass?.reduce(0, +), units: \.count, progress: invocation.report.progressHandler)
  }
  // Asked after the flow has ended, when nobody else touches it.
  nonisolated(unsafe) let counted = source
  let sink = WireSink(named: "cat", to: writer, info: info, times: times) {
    counted.info == info ? nil : counted.info
  }
  _ = try await stages.run(from: chunks(of: source, stage: "cat", times: times), into: sink)
}

extension SampleSelection {
  /// What the options of the group “Selection” ask for; nil where they ask for nothing.
  ///
  /// `log` is told where a word could have been meant otherwise.
  ///
  /// - Throws: `UsageError` for a filter that cannot be read, `DataError` (`.badInput`) for a class that the dataset does not have, and for scores
  ///   of another one.
  fileprivate init?(
    _ arguments: Arguments, scores: [UInt8]?, of reader: DatasetReader, in folder: String, log: (String) -> Void
  ) throws {
    let info = reader.info
    guard ["filter", "drop-class", "per-class", "take", "relabel"].contains(where: arguments.given) else { return nil }
    let names = ClassWords(info, in: folder)
    let renumbering = arguments.flag("relabel")
    // Alone, --relabel leaves out the classes that have no samples.
    var keeps = info.classNames.map { _ in true }
    if arguments.given("filter") {
      let wanted = try names.indices(of: arguments.classFilter("filter"), log: log)
      keeps = keeps.indices.map(wanted.contains)
    }
    for index in try names.indices(of: arguments.texts("drop-class"), log: log) { keeps[index] = false }
    if renumbering, !arguments.given("filter"), !arguments.given("drop-class"), let counts = info.countPerClass {
      keeps = counts.map { $0 > 0 }
    }
    guard keeps.contains(true) else {
      throw UsageError("--filter and --drop-class leave no class", hint: "keep at least one")
    }
    var easiest: EasyImages?
    if let scores, let perClass = arguments.integer("per-class") {
      easiest = try EasyImages(
        scores, file: arguments.path("lowest") ?? "", perClass: perClass, counts: reader.manifest.countsPerClass)
    }
    self.init(
      classes: ClassSelection(keeping: keeps, renumbering: renumbering), perClass: arguments.integer("per-class"),
      easiest: easiest, take: arguments.integer("take"))
  }
}

extension Arguments {
  /// The classes of every `class=NAME,…` that was typed, each as one text.
  fileprivate func classFilter(_ option: String) throws(UsageError) -> [String] {
    var words: [String] = []
    for text in texts(option) {
      guard text.hasPrefix("class="), text != "class=" else {
        throw UsageError("--\(option) takes class=NAME,…, not \(quoted(text))", hint: "as in --\(option) class=cat,dog")
      }
      words.append(String(text.dropFirst("class=".count)))
    }
    return words
  }
}
