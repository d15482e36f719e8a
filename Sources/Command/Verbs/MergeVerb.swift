internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards
internal import Streaming

let mergeVerb = VerbRunner("merge") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let output = arguments.path("output") ?? "-"
  let isStream = try isStreamPlace(output)
  var options = try ShardOptions(arguments, directory: isStream ? "" : resolvedOutput(output))
  if !isStream { try options.checkDirectory() }
  let unrelated = Set(OptionGroup.shardOptionNames)
  let source = try MergedSource(
    arguments.operands, mayShareKeys: arguments.flag("renumber"), name: arguments.text("name"), tool: toolVersion,
    options: arguments.recorded.filter { !unrelated.contains($0.key) })
  sayWhatIsMerged(source, arguments.operands, report)
  let byClass = arguments.choice("order").map { $0 == "class" } ?? source.areMade
  options.fields = source.fields
  options.namePrefix = source.info.folderName
  let times = report.workTimes()
  var samples = OrderedSamples(source: source, pack: Pack(forStreamOf: source.info, times: times))
  samples.order = byClass ? .byClass : .unchanged
  samples.isRenumbered = arguments.flag("renumber")
  let twins = { [name = arguments.operands.count] in sayTwins(source.twins, of: name, report) }
  if isStream {
    for option in OptionGroup.shardOptionNames where arguments.given(option) {
      throw UsageError("--\(option) is for shards, and the output is a stream", hint: "name a folder with -o")
    }
    try await writeStream(invocation) { writer in
      _ = try await samples.write(named: "merge", times: times, report) { _ in
        WireSink(named: "merge", to: writer, info: source.info, times: times)
      }
    }
    twins()
  } else {
    samples.pack = try Pack(for: options, info: source.info, times: times)
    let manifest = try await samples.writeShards(options, arguments, named: "merge", times: times, report)
    twins()
    report.detail(manifest)
    report.log(summary(of: manifest, in: options.directory))
  }
  report.detail(times)
  return .ok
}

/// Whether the samples go to a stream that is open or a device; anything else is a folder to make.
private func isStreamPlace(_ path: String) throws -> Bool {
  if openDescriptor(named: path) != nil { return true }
  var status = stat()
  guard stat(try resolvedOutput(path), &status) == 0 else { return false }
  return status.st_mode & S_IFMT == S_IFIFO || status.st_mode & S_IFMT == S_IFCHR
}

private func sayWhatIsMerged(_ source: MergedSource, _ folders: [String], _ report: Reporter) {
  for (part, folder) in zip(source.parts, folders) {
    let manifest = part.manifest
    let classes = manifest.countsPerClass.count { $0 > 0 }
    report.log(
      "\(folder): \(grouped(manifest.samples)) \(manifest.kind.rawValue) of \(grouped(classes)) classes, generation "
        + manifest.generation.prefix(12))
    if manifest.dataset != source.info.name {
      report.log("\(folder): it is called \(manifest.dataset), and the result \(source.info.name)")
    }
  }
  report.detail(source.info)
}

private func sayTwins(_ twins: MergedSource.Twins, of parts: Int, _ report: Reporter) {
  guard twins.count > 0 else { return }
  report.log(
    "\(counted(twins.count, "sample")) have the content of one before, and are kept; the first is \(twins.first[1]), which is "
      + twins.first[0])
}
