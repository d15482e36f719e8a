internal import Datasets
internal import Glibc
internal import Shards
internal import Streaming

let exportVerb = VerbRunner("export") { invocation in
  let arguments = invocation.arguments
  let options = try ExportOptions(arguments)
  let path = arguments.path("output") ?? "-"
  guard options.format.isFolder else {
    let folder = openDescriptor(named: path) == nil ? parentFolder(of: try resolvedOutput(path)) : nil
    try await writeOutput(path) { descriptor in
      let place = ExportPlace.file(descriptor, name: path, spillFolder: folder ?? temporaryFolder())
      try await export(invocation, options, to: place)
    }
    return .ok
  }
  guard openDescriptor(named: path) == nil else {
    throw UsageError(
      "\(options.format.rawValue) is a folder, and cannot be written to \(path)", hint: "name a folder with -o")
  }
  let folder = try NewFolder(try resolvedOutput(path))
  defer { folder.discard() }
  try await export(invocation, options, to: .folder(folder))
  try Task.checkCancellation()
  try folder.publish()
  return .ok
}

private func export(_ invocation: Invocation, _ options: ExportOptions, to place: ExportPlace) async throws {
  let (arguments, report) = (invocation.arguments, invocation.report)
  let inputs = arguments.paths("input").map(Input.init(path:))
  var source = try openSamples(inputs, options: try ReadOptions(arguments), log: { report.log($0) })
  report.detail(source.info)
  try options.check(source.info)
  if options.mustBeFormed || options.format == .imageFolder, readsStream(inputs),
    source.info.provenance.contains(where: \.isMaking)
  {
    report.log("a stream tells its formation at its end: its samples are kept in a temporary file until then")
    source = try await settled(source)
  }
  let step = ProvenanceStep(
    verb: "export", tool: toolVersion, options: arguments.recorded, digests: try sourceDigests(of: inputs))
  var isFormed = false
  if arguments.flag("form") {
    isFormed = source.info.formation.map { $0.multiplicity > 1 } ?? false
    if isFormed {
      source = FormedSource(source, adding: step)
    } else {
      report.log("every stored sample is one training sample")
    }
  }
  let times = report.workTimes()
  let summary = try await export(
    source, options, to: place, mixedImages: mixesImages(inputs), adding: isFormed ? nil : step, times: times,
    progress: report.progressHandler)
  report.detail(times)
  let name = arguments.path("output").map { $0 == "-" ? "the standard output" : $0 } ?? ""
  report.log("wrote \(counted(summary.samples, "sample")) as \(options.format.rawValue) to \(name)")
  if let rounding = summary.rounding { report.warn("the images were rounded to 8 bits: \(rounding)") }
  if !summary.leftOut.isEmpty {
    report.log("left out, as the format has no place for it: \(summary.leftOut.joined(separator: ", "))")
  }
}

/// The samples of a stream, kept until all that is to be known of them has come.
private func settled(_ source: any SampleSource) async throws -> any SampleSource {
  let pack = Pack(forStreamOf: source.info)
  let stages = pipeline { pack }
  let store = try await stages.run(from: chunks(of: source, stage: "export"), into: StoreSink(named: "export"))
  try source.conclude()
  return try store.source(describedBy: source.info, leavingOut: source.skipped)
}

/// Whether the input is the stream of another process, or one in a file: a folder of shards knows its formation.
private func readsStream(_ inputs: [Input]) -> Bool {
  guard inputs.count == 1, case .file(let path) = inputs[0] else { return true }
  return !isFolder(path)
}

/// Whether a folder of shards says that it holds both JPEG and other images.
private func mixesImages(_ inputs: [Input]) -> Bool {
  guard inputs.count == 1, case .file(let path) = inputs[0], isFolder(path) else { return false }
  return (try? Manifest(inFolder: path))?.fields.first == Manifest.eitherImage
}

/// Where temporary files go when the output has no folder.
func temporaryFolder() -> String {
  getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
}

extension ExportOptions {
  /// What the group “Format” asks for.
  ///
  /// - Throws: `UsageError` for a loss that there is not, and for files larger than the format holds.
  fileprivate init(_ arguments: Arguments) throws(UsageError) {
    guard let format = arguments.choice("to").flatMap(ExportFormat.init(rawValue:)) else {
      preconditionFailure("--to was checked against the catalogue")
    }
    self.init(format)
    if let size = arguments.size("max-bytes") { maxBytes = size }
    zstdLevel = arguments.integer("zstd")
    if format == .mds, maxBytes > Self.largestMDS {
      throw UsageError(
        "--max-bytes of mds is less than 4 GiB, as its offsets have 32 bits", hint: "type --max-bytes 4095M or less")
    }
    classFolders = arguments.choice("class-folders").flatMap(ClassFolders.init(rawValue:)) ?? .names
    for word in arguments.list("lose") {
      guard let loss = ExportLoss(rawValue: word) else {
        throw UsageError(
          "--lose does not know \(quoted(word))",
          hint: "it is one of \(ExportLoss.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      losses.insert(loss)
    }
    mustBeFormed = arguments.flag("form")
  }
}
