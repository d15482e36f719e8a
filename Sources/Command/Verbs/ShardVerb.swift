internal import Datasets
internal import Shards
internal import Streaming

let shardVerb = VerbRunner("shard") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let reading = try ReadOptions(arguments)
  let fields = arguments.list("fields")
  var options = ShardOptions(
    directory: try arguments.path("output").map(resolvedOutput) ?? "", namePrefix: "",
    zstdLevel: arguments.integer("zstd"),
    maxBytes: arguments.size("max-size") ?? 64 << 20, maxSamples: arguments.integer("max-samples") ?? Int.max,
    fields: fields.isEmpty ? nil : Set(fields))
  // Who waits twenty minutes for the samples wants to know now that there is no place for them.
  if !options.directory.isEmpty { try options.checkDirectory() }
  let inputs = arguments.paths("input").map(Input.init(path:))
  let source = try openSamples(inputs, options: reading, log: { report.log($0) })
  report.detail(source.info)
  options.namePrefix = source.info.folderName
  if options.directory.isEmpty {
    options.directory = try resolvedOutput("./\(options.namePrefix)")
    try checkPlace(of: options.directory, "output", invocation.arguments)
    try options.checkDirectory()
  }
  // Samples that come as they are from this program have their history; what is decoded or changed here has one step more.
  let hasStep =
    source.info.provenance.isEmpty || !reading.changesNothing || options.fields != nil || reading.onBadSample != .fail
  let times = report.workTimes()
  let pack = try Pack(for: options, info: source.info, times: times)
  let stages = pipeline {
    pack
    Counted<PackedChunk>(
      as: "shard", total: source.info.countPerClass?.reduce(0, +), units: \.count, progress: report.progressHandler)
  }
  let sink = ShardSink(options, describing: source, times: times) { () async throws(DataError) in
    guard hasStep else { return nil }
    let unrelated: Set<String> = ["zstd", "max-size", "max-samples"]
    return ProvenanceStep(
      verb: "shard", tool: toolVersion, options: arguments.recorded.filter { !unrelated.contains($0.key) },
      digests: try await sourceDigests(of: inputs, on: BlockingThread(name: "pipe hash"), times: times))
  }
  let manifest: Manifest
  do {
    manifest = try await stages.run(from: chunks(of: source, stage: "shard", times: times), into: sink)
  } catch let error as PipelineError where error.isCancellation {
    // A signal that came while the files got their names came too late: there was no dataset in the folder before.
    guard let published = try? Manifest(inFolder: options.directory) else { throw error }
    manifest = published
  }
  report.detail(manifest)
  report.detail(times)
  let size = sizeText(manifest.shards.reduce(0) { $0 + $1.bytes })
  report.log(
    "wrote \(grouped(manifest.samples)) \(manifest.kind.rawValue) of \(grouped(manifest.labelNames.count)) classes "
      + "in \(counted(manifest.shards.count, "shard")) of \(manifest.fields.joined(separator: ", ")), \(size), to \(options.directory)"
  )
  if manifest.fields.first == Manifest.eitherImage {
    let alike = (["png"] + manifest.fields.dropFirst()).joined(separator: ",")
    report.log(
      "some samples have jpg and others png: read them with to_tuple(\"\(manifest.fields.joined(separator: "\", \""))\"), "
        + "or make all of them PNG with --fields \(alike)")
  }
  return .ok
}
