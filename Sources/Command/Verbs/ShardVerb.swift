internal import Catalog
internal import Datasets
internal import Shards
internal import Streaming

let shardVerb = VerbRunner("shard") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let reading = try ReadOptions(arguments)
  let fields = arguments.list("fields")
  var options = try ShardOptions(arguments, directory: arguments.path("output").map(resolvedOutput) ?? "")
  options.fields = fields.isEmpty ? nil : Set(fields)
  // Who waits twenty minutes for the samples wants to know now that there is no place for them.
  if !options.directory.isEmpty { try options.checkDirectory() }
  let inputs = arguments.paths("input").map(Input.init(path:))
  let source = try openSamples(inputs, options: reading, log: { report.log($0) })
  report.detail(source.info)
  if source.info.labelKind != .hard, let kept = options.fields, !kept.contains("soft.npy") {
    report.warn(
      "\(source.info.name): its soft labels are left out, so that each sample has one class (--fields has no soft.npy)")
  }
  options.namePrefix = source.info.folderName
  if options.directory.isEmpty {
    options.directory = try resolvedOutput("./\(options.namePrefix)")
    try checkPlace(of: options.directory, "output", invocation.arguments)
    try options.checkDirectory()
  }
  // Samples that come as they are from this program have their history; what is decoded or changed here has one step more.
  let hasStep =
    source.info.provenance.isEmpty || !reading.changesNothing || options.fields != nil || reading.onBadSample != .fail
    || arguments.given("shuffle") || arguments.flag("by-class")
  let times = report.workTimes()
  var samples = OrderedSamples(source: source, pack: try Pack(for: options, info: source.info, times: times))
  if let seed = arguments.integer("shuffle") { samples.order = .shuffled(seed: seed) }
  if arguments.flag("by-class") {
    samples.order = .byClass
    options.isMeasured = true
  }
  let manifest = try await samples.writeShards(options, arguments, named: "shard", times: times, report) {
    () async throws(DataError) in
    guard hasStep else { return nil }
    let unrelated = Set(OptionGroup.shardOptionNames)
    return ProvenanceStep(
      verb: "shard", tool: toolVersion, options: arguments.recorded.filter { !unrelated.contains($0.key) },
      digests: try await sourceDigests(of: inputs, on: BlockingThread(name: "pipe hash"), times: times))
  }
  report.detail(manifest)
  report.detail(times)
  report.log(summary(of: manifest, in: options.directory))
  if manifest.shards.count < fewShards { report.log(loaderNote(manifest)) }
  if manifest.fields.first == Manifest.eitherImage {
    let alike = (["png"] + manifest.fields.dropFirst()).joined(separator: ",")
    report.log(
      "some samples have jpg and others png: read them with to_tuple(\"\(manifest.fields.joined(separator: "\", \""))\"), "
        + "or make all of them PNG with --fields \(alike)")
  }
  return .ok
}

/// As many workers as loaders usually have; below that, it is worth saying how many there may be.
private let fewShards = 4

extension ShardOptions {
  /// What the options of the group “Shards” ask for.
  init(_ arguments: Arguments, directory: String) throws {
    self.init(
      directory: directory, namePrefix: "", zstdLevel: arguments.integer("zstd"),
      maxBytes: arguments.size("max-bytes") ?? 64 << 20, maxSamples: arguments.integer("max-samples") ?? Int.max)
  }
}

extension OrderedSamples {
  /// Writes all of them as the dataset that the options describe, in as many shards as `--shards` asks for.
  ///
  /// `step` is added to their history.
  func writeShards(
    _ options: ShardOptions, _ arguments: Arguments, named name: String, times: WorkTimes?, _ report: Reporter,
    adding step: @escaping @Sendable () async throws(DataError) -> ProvenanceStep? = { nil }
  ) async throws -> Manifest {
    var samples = self
    // A manifest counts what its shards hold; what a stream or an archive says beforehand may change on the way.
    let isCounted = source is DatasetReader || source is MergedSource
    let known = isCounted ? source.info.countPerClass?.reduce(0, +) : nil
    samples.needsCount = arguments.given("shards") && known == nil
    do {
      return try await samples.write(named: name, times: times, report) { count in
        var options = options
        if let shards = arguments.integer("shards"), let total = count ?? known {
          guard total >= shards else {
            throw UsageError(
              "\(counted(total, "sample")) cannot fill \(grouped(shards)) shards",
              hint: "no shard is empty; ask for fewer")
          }
          options.division = ShardOptions.Division(shards: shards, samples: total)
        }
        return ShardSink(options, describing: source, named: name, times: times, adding: step)
      }
    } catch let error as PipelineError where error.isCancellation {
      // A signal that came while the files got their names came too late: there was no dataset in the folder before.
      guard let published = try? Manifest(inFolder: options.directory) else { throw error }
      return published
    }
  }
}

/// One line: what was written, and where.
func summary(of manifest: Manifest, in folder: String) -> String {
  let size = sizeText(manifest.shards.reduce(0) { $0 + $1.bytes })
  return
    "wrote \(manifest.kind.counted(manifest.samples)) of \(counted(manifest.labelNames.count, "class")) "
    + "in \(counted(manifest.shards.count, "shard")) of \(manifest.fields.joined(separator: ", ")), \(size), to \(folder)"
}
