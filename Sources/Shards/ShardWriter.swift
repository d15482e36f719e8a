internal import Datasets
internal import Glibc

/// Writes one shard under a temporary name; complete and synced when `finish` returns, but not yet renamed.
final class ShardWriter {
  let finalName: String
  let temporaryName: String
  private(set) var samples = 0
  private let folder: String
  private let zstdLevel: Int?
  private let descriptor: Int32
  private let output: FileOutput
  private var firstKey = ""
  private var lastKey = ""

  /// - Throws: `DataError` (`.cannotCreate`) when the file cannot be created.
  init(folder: String, name: String, zstdLevel: Int?) throws(DataError) {
    self.folder = folder
    self.zstdLevel = zstdLevel
    finalName = zstdLevel == nil ? name : name + ".zst"
    temporaryName = Self.temporaryName(of: finalName)
    let path = "\(folder)/\(temporaryName)"
    descriptor = try Self.create(path)
    output = FileOutput(descriptor, name: path)
    // Of a compressed shard the archive is collected first, in a file without a name: a frame that states its content
    // size must know it beforehand.
    if zstdLevel != nil {
      unlink(path)
    }
    try output.startHash()
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  static func temporaryName(of name: String) -> String { ".\(name).partial" }

  static func create(_ path: String) throws(DataError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw systemError(.cannotCreate, at: [path], "cannot be created") }
    return descriptor
  }

  /// Whether `record` still fits beside the two blocks at the end; a shard that holds nothing takes any record.
  func hasRoom(for record: Record, maxBytes: Int, maxSamples: Int) -> Bool {
    samples == 0
      || samples < maxSamples && output.count + record.archivedSize + 2 * TarHeader.blockSize <= maxBytes
  }

  func write(_ record: Record) throws(DataError) {
    try record.write(to: output)
    if samples == 0 { firstKey = record.key }
    lastKey = record.key
    samples += 1
  }

  func finish() throws(DataError) -> Manifest.Shard {
    try writeEndOfArchive(to: output)
    let size = output.count
    let digest = try output.finishHash()
    var shard = Manifest.Shard(
      name: finalName, bytes: size, samples: samples, sha256: digest, firstKey: firstKey, lastKey: lastKey)
    guard let zstdLevel else {
      try sync(descriptor)
      return shard
    }
    let path = "\(folder)/\(temporaryName)"
    let compressed = try Self.create(path)
    defer { close(compressed) }
    let target = FileOutput(compressed, name: path)
    try target.startHash()
    let again = try FileInput(duplicating: descriptor, name: path)
    try compressZstd(again, size: size, level: zstdLevel, to: target)
    shard.uncompressedBytes = size
    shard.uncompressedSha256 = digest
    shard.bytes = target.count
    shard.sha256 = try target.finishHash()
    try sync(compressed)
    return shard
  }

  private func sync(_ descriptor: Int32) throws(DataError) {
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [output.name], "cannot be made durable") }
  }
}
