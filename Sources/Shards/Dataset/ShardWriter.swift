internal import Datasets
internal import Glibc

/// Writes one shard under a temporary name; complete when `finish` returns, but not yet synced and renamed.
final class ShardWriter {
  private let finalName: String
  private(set) var samples = 0
  /// Smallest and largest label, where there is a sample.
  private(set) var labels: [Int] = []
  /// Bytes of all samples.
  private var size = 0
  private let directory: OutputDirectory
  private let zstdLevel: Int?
  private var descriptor: Int32
  private let output: FileOutput
  private var firstKey = ""
  private var lastKey = ""

  /// - Throws: `DataError` (`.cannotCreate`) when the file cannot be created.
  init(in directory: OutputDirectory, name: String, zstdLevel: Int?) throws(DataError) {
    self.directory = directory
    self.zstdLevel = zstdLevel
    finalName = zstdLevel == nil ? name : name + ".zst"
    let path: String
    if zstdLevel == nil {
      (descriptor, path) = try directory.create(finalName)
    } else {
      // Of a compressed shard the archive is collected first, in a file without a name: a frame that states its content
      // size must know it beforehand.
      descriptor = openSpillFile(in: directory.path)
      path = "\(directory.path)/\(name)"
      guard descriptor >= 0 else { throw systemError(.cannotCreate, at: [path], "cannot be created") }
    }
    output = FileOutput(descriptor, name: path)
    try output.startHash()
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether a sample of that size still fits beside the two blocks at the end; a shard that holds nothing takes any.
  func hasRoom(for size: Int, maxBytes: Int, maxSamples: Int) -> Bool {
    samples == 0 || samples < maxSamples && size + self.size + endOfArchive.count <= maxBytes
  }

  /// Takes a sample of that size into account, whose bytes are in the next run that is appended.
  func add(_ key: String, label: Int, size: Int) {
    labels = labels.isEmpty ? [label, label] : [min(labels[0], label), max(labels[1], label)]
    if samples == 0 { firstKey = key }
    lastKey = key
    samples += 1
    self.size += size
  }

  /// Writes the members of samples that were added.
  func append(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
    try output.append(bytes)
  }

  /// Completes the shard; the file is still to be synced.
  func finish() throws(DataError) -> (Manifest.Shard, WrittenFile) {
    precondition(output.count == size, "a shard was added samples that were not written")
    try output.append(endOfArchive)
    let size = output.count
    let digest = try output.finishHash()
    var shard = Manifest.Shard(
      name: finalName, bytes: size, samples: samples, sha256: digest, firstKey: firstKey, lastKey: lastKey)
    guard let zstdLevel else {
      defer { descriptor = -1 }
      let file = WrittenFile(descriptor, name: output.name)
      file.start()
      return (shard, file)
    }
    let (compressed, path) = try directory.create(finalName)
    let file = WrittenFile(compressed, name: path)
    let target = FileOutput(compressed, name: path)
    try target.startHash()
    let again = try FileInput(duplicating: descriptor, name: path)
    try compressZstd(again, size: size, level: zstdLevel, to: target)
    shard.uncompressedBytes = size
    shard.uncompressedSha256 = digest
    shard.bytes = target.count
    shard.sha256 = try target.finishHash()
    file.start()
    return (shard, file)
  }
}
