internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards
internal import Streaming

let mergeVerb = VerbRunner("merge") { invocation in
  let arguments = invocation.arguments
  let output = arguments.path("output") ?? "-"
  if try isStreamPlace(output) {
    // Whatever is wrong with the parts, the next process is told.
    try await writeStream(invocation) { writer in try await mergeParts(invocation, to: writer) }
  } else {
    try await mergeParts(invocation, to: try ShardOptions(arguments, directory: resolvedOutput(output)))
  }
  return .ok
}

private func mergeParts(_ invocation: Invocation, to writer: WireWriter) async throws {
  for option in OptionGroup.shardOptionNames where invocation.arguments.given(option) {
    throw UsageError("--\(option) is for shards, and the output is a stream", hint: "name a folder with -o")
  }
  let (samples, source, times) = try merged(invocation)
  _ = try await samples.write(named: "merge", times: times, invocation.report) { _ in
    WireSink(named: "merge", to: writer, info: source.info, times: times)
  }
  sayTwins(source.twins, invocation.report)
  invocation.report.detail(times)
}

private func mergeParts(_ invocation: Invocation, to options: ShardOptions) async throws {
  var options = options
  try options.checkDirectory()
  var (samples, source, times) = try merged(invocation)
  options.fields = source.fields
  options.namePrefix = source.info.folderName
  samples.pack = try Pack(for: options, info: source.info, times: times)
  let manifest = try await samples.writeShards(
    options, invocation.arguments, named: "merge", times: times, invocation.report)
  sayTwins(source.twins, invocation.report)
  invocation.report.detail(manifest)
  invocation.report.detail(times)
  invocation.report.log(summary(of: manifest, in: options.directory))
}

/// The samples of all parts in their order, packed for a stream.
private func merged(_ invocation: Invocation) throws -> (OrderedSamples, MergedSource, WorkTimes?) {
  let arguments = invocation.arguments
  let unrelated = Set(OptionGroup.shardOptionNames)
  let source = try MergedSource(
    arguments.operands, mayShareKeys: arguments.flag("renumber"), name: arguments.text("name"), tool: toolVersion,
    options: arguments.recorded.filter { !unrelated.contains($0.key) })
  sayWhatIsMerged(source, arguments.operands, invocation.report)
  let byClass = arguments.choice("order").map { $0 == "class" } ?? source.areMade
  let times = invocation.report.workTimes()
  let samples = OrderedSamples(
    source: source, pack: Pack(forStreamOf: source.info, times: times), order: byClass ? .byClass : .unchanged,
    isRenumbered: arguments.flag("renumber"))
  return (samples, source, times)
}

/// Whether the samples go to a stream that is open or a device; anything else is a folder to make.
private func isStreamPlace(_ path: String) throws -> Bool {
  if openDescriptor(named: path) != nil { return true }
  var status = stat()
  guard stat(try resolvedOutput(path), &status) == 0 else { return false }
  return status.st_mode & S_IFMT == S_IFIFO || status.st_mode & S_IFMT == S_IFCHR
}

private func sayWhatIsMerged(_ source: MergedSource, _ folders: [String], _ report: Reporter) {
  for (manifest, folder) in zip(source.parts, folders) {
    let classes = manifest.countsPerClass.count { $0 > 0 }
    report.log(
      "\(folder): \(manifest.kind.counted(manifest.samples)) of \(counted(classes, "class")), generation "
        + manifest.generation.prefix(12))
    if manifest.dataset != source.info.name {
      report.log("\(folder): it is called \(manifest.dataset), and the result \(source.info.name)")
    }
  }
  report.detail(source.info)
}

private func sayTwins(_ twins: MergedSource.Twins, _ report: Reporter) {
  guard twins.count > 0 else { return }
  report.log(
    "\(counted(twins.count, "sample")) have the content of one before, and are kept; the first is \(twins.first[1]), which is "
      + twins.first[0])
}
