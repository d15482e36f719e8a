public import Datasets
internal import Glibc

/// Opens whatever holds samples: the stream of another process, a dataset of shards, or data in one of the raw layouts.
///
/// The form is recognised from the content: a stream by its first member, also when it is compressed; a dataset by the
/// manifest in its folder; one shard of it by the manifest beside it, or beside the file that a link leads to. Anything else goes to `openDataset`.
/// `log` is told in one sentence what was found, and what is remarkable about it.
///
/// - Throws: `DataError`: as the reader of that form. A pipe that ends before its first byte is `.temporary`: the program
///   that should have written to it did not start.
public func openSamples(
  _ inputs: [Input], options: ReadOptions, log: @escaping (String) -> Void
) throws(DataError) -> any SampleSource {
  try checkAreNoShards(inputs, options)
  guard let input = inputs.first, inputs.count == 1, options.layout == nil else {
    return try openDataset(inputs, options: options, log: log)
  }
  if case .file(let path) = input {
    if let dataset = try openShards(path, options, log) { return dataset }
    if isFolder(path) { return try openDataset(inputs, options: options, log: log) }
  }
  let source = try ByteSource(input)
  let first = try source.peekDecompressed(RecordReader.controlPrefix.utf8.count, limits: options.limits)
  // Asked of the bytes as they came: a compressed stream may be cut before it gives anything, which is damage.
  if input == .standardInput, isPipe(0), try source.peek(1).isEmpty {
    throw DataError(
      .temporary, at: [source.name], "ends before its first byte",
      remedy: "the program that should have written to it did not start; see its message")
  }
  guard first.elementsEqual(RecordReader.controlPrefix.utf8) else {
    if try isShard(source, options.limits) {
      log(
        "\(source.name): it is written as shards of pipe are, and \(Manifest.fileName) is not beside it: class names, formation, "
          + "normalisation and history are not known")
    }
    return try openDataset(from: source, options: options, log: log)
  }
  let reader = try WireReader(try source.decompressed(limits: options.limits), limits: options.limits)
  let info = reader.info
  log("\(source.name): a stream of \(info.kind.rawValue), \(info.name), \(counted(info.classNames.count, "class"))")
  try options.checkPatterns(for: nil, of: source.name)
  if let note = try options.checkSplit(info.split, of: source.name) { log("\(source.name): \(note)") }
  return try prepared(reader, options: options, log: log)
}

/// Whether a folder is one that `pipe shard` writes or has written.
public func holdsShards(_ folder: String) -> Bool {
  [Manifest.fileName, UnfinishedMarker.name].contains { access("\(folder)/\($0)", F_OK) == 0 }
}

/// Opens all parts of whatever holds samples to look at each of them, see `InspectedPart`.
///
/// - Throws: as `openSamples`.
public func openForInspection(_ inputs: [Input], options: ReadOptions) throws(DataError) -> [InspectedPart] {
  try checkAreNoShards(inputs, options)
  guard let input = inputs.first, inputs.count == 1, options.layout == nil else {
    return try inspectedParts(inputs, options: options)
  }
  if case .file(let path) = input {
    if let dataset = try openShards(path, options, { _ in }) {
      return [InspectedPart(dataset, what: "a dataset of pipe shard", limits: options.limits)]
    }
    if isFolder(path) { return try inspectedParts(inputs, options: options) }
  }
  let source = try ByteSource(input)
  let first = try source.peekDecompressed(RecordReader.controlPrefix.utf8.count, limits: options.limits)
  guard first.elementsEqual(RecordReader.controlPrefix.utf8) else {
    return try inspectedParts(from: source, options: options)
  }
  let reader = try WireReader(try source.decompressed(limits: options.limits), limits: options.limits)
  return [InspectedPart(reader, what: "a stream of pipe", limits: options.limits)]
}

/// Refuses shards among several inputs: each would be read without its manifest, which has the class names and the formation.
private func checkAreNoShards(_ inputs: [Input], _ options: ReadOptions) throws(DataError) {
  guard inputs.count > 1, options.layout == nil else { return }
  for case .file(let path) in inputs {
    let isDataset = isFolder(path)
    if isDataset, access("\(path)/\(Manifest.fileName)", F_OK) != 0 { continue }
    if !isDataset, try shard(at: path) == nil { continue }
    throw DataError(
      .badInput, at: [path], "is \(isDataset ? "a dataset" : "a shard") of pipe, which is not read beside other inputs",
      remedy: isDataset
        ? "join datasets with pipe merge; read this one alone, or as plain files with --layout webdataset"
        : "name its folder, or read it as a plain file with --layout webdataset")
  }
}

private func openShards(
  _ path: String, _ options: ReadOptions, _ log: @escaping (String) -> Void
) throws(DataError) -> (any SampleSource)? {
  let reader: DatasetReader
  if !isFolder(path) {
    guard let found = try shard(at: path),
      let part = try DatasetReader(found.folder, shard: found.name, limits: options.limits)
    else { return nil }
    reader = part
    log("\(path): one of the \(reader.manifest.shards.count) shards of \(reader.manifest.dataset)")
  } else {
    guard access("\(path)/\(Manifest.fileName)", F_OK) == 0 else { return nil }
    reader = try DatasetReader(path, limits: options.limits)
    log(
      "\(path): \(reader.info.kind.counted(reader.manifest.samples)) in \(counted(reader.manifest.shards.count, "shard"))"
    )
  }
  if let unknown = reader.manifest.provenance.last(where: { $0.verb == "repair" })?.options["unknown"] {
    log(
      "\(path): its manifest was rebuilt from its shards, which do not tell \(unknown.split(separator: " ").joined(separator: ", "))"
    )
  }
  try options.checkPatterns(for: nil, of: path)
  if let note = try options.checkSplit(reader.info.split, of: path) { log("\(path): \(note)") }
  return try prepared(reader, options: options, log: log)
}

/// The folder and the name of a shard whose manifest is beside it, or beside the file that a link leads to; nil for other files.
private func shard(at path: String) throws(DataError) -> (folder: String, name: String)? {
  var places = [path]
  if let real = realpath(path, nil) {
    places.append(String(cString: real))
    free(real)
  }
  for place in places where place.hasSuffix(".tar") || place.hasSuffix(".tar.zst") {
    let (folder, name) = (parentFolder(of: place), lastName(of: place))
    guard access("\(folder)/\(Manifest.fileName)", F_OK) == 0 else { continue }
    let manifest = try Manifest(inFolder: folder)
    if manifest.shards.contains(where: { $0.name == name }) { return (folder, name) }
  }
  return nil
}

/// Whether an archive begins with a sample whose header is byte for byte what this program writes.
private func isShard(_ source: ByteSource, _ limits: Limits) throws(DataError) -> Bool {
  let block = try source.peekDecompressed(TarHeader.blockSize, limits: limits)
  guard block.count == TarHeader.blockSize else { return false }
  return block.withUnsafeBytes { bytes in
    guard case .success(let header) = TarHeader.parse(bytes, exact: true) else { return false }
    return MemberName.split(header.name) != nil
  }
}

private func isPipe(_ descriptor: Int32) -> Bool {
  var status = stat()
  return fstat(descriptor, &status) == 0 && status.st_mode & mode_t(0o170000) == mode_t(0o010000)
}
