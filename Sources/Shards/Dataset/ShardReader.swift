internal import Datasets
internal import Glibc

/// Reads one shard; that it was whole is known when `next` returns nil.
final class ShardReader {
  let path: String
  /// What the manifest says of it; nil where there is none.
  private let shard: Manifest.Shard?
  private let records: RecordReader
  private let file = Tally()
  /// Of the archive inside a compressed shard, where no manifest says what it is.
  private let archive: Tally?
  private var firstKey = ""
  private var lastKey = ""
  private var samples = 0
  private var ended = false

  /// Bytes that were read, counted and hashed where they are read.
  private final class Tally {
    private(set) var bytes = 0
    private let hash = SHA256()
    private(set) lazy var digest = hash.finish()

    func add(_ read: UnsafeRawBufferPointer) {
      bytes += read.count
      hash.update(read)
    }
  }

  /// Opens a shard that a manifest names.
  ///
  /// - Parameters:
  ///   - handle: the folder, where it is held open.
  ///   - exact: whether headers must be byte for byte what this program writes.
  /// - Throws: `DataError`: `.badInput` for a shard that is missing or is no file, `.noInput` for one that cannot be opened.
  convenience init(
    folder: String, _ handle: FolderHandle?, shard: Manifest.Shard, limits: Limits, exact: Bool = false
  ) throws(DataError) {
    try self.init(folder: folder, handle, named: shard.name, shard, limits: limits, exact: exact)
  }

  /// Opens a shard of which no manifest says anything.
  ///
  /// - Throws: as above.
  convenience init(folder: String, unlisted name: String, limits: Limits) throws(DataError) {
    try self.init(folder: folder, nil, named: name, nil, limits: limits, exact: true)
  }

  private init(
    folder: String, _ handle: FolderHandle?, named name: String, _ shard: Manifest.Shard?, limits: Limits, exact: Bool
  ) throws(DataError) {
    let path = "\(folder)/\(name)"
    self.path = path
    self.shard = shard
    let input: FileInput
    do throws(DataError) {
      input = try FileInput(path, in: handle)
    } catch {
      guard (handle.map { faccessat($0.descriptor, name, F_OK, 0) } ?? access(path, F_OK)) != 0, errno == ENOENT
      else { throw error }
      throw DataError(
        .badInput, at: [path], "is missing, and the manifest names it",
        remedy: "copy it again from where the dataset came from")
    }
    let fill = { [file] (buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int in
      let count = try input.read(into: buffer)
      file.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      return count
    }
    var source = fill
    let isCompressed = name.hasSuffix(".zst")
    archive = isCompressed && shard == nil ? Tally() : nil
    if isCompressed {
      let frame = ZstdInput(name: path, fill: fill)
      source = { [archive] (buffer) throws(DataError) in
        let count = try frame.read(into: buffer)
        archive?.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return count
      }
    }
    records = RecordReader(BlockReader(name: path, endingEarly: .badInput, fill: source), limits: limits, exact: exact)
  }

  func next() throws(DataError) -> Record? {
    if ended { return nil }
    switch try records.next() {
    case .record(let record):
      if samples == 0 { firstKey = record.key }
      lastKey = record.key
      samples += 1
      return record
    case .control(let name, _):
      throw DataError(.badInput, at: [path, RecordReader.controlPrefix + name], "has no place in a shard")
    case .endOfArchive:
      ended = true
      if let shard { try checkEnd(shard) }
      return nil
    }
  }

  /// What there was; known when `next` has returned nil.
  var found: Manifest.Shard {
    precondition(ended, "a shard is known when it was read to its end")
    return Manifest.Shard(
      name: lastName(of: path), bytes: file.bytes, samples: samples, sha256: file.digest, firstKey: firstKey,
      lastKey: lastKey, uncompressedBytes: archive?.bytes, uncompressedSha256: archive?.digest)
  }

  private func checkEnd(_ shard: Manifest.Shard) throws(DataError) {
    guard file.bytes == shard.bytes else {
      throw DataError(.badInput, at: [path], "has \(file.bytes) bytes, where the manifest says \(shard.bytes)")
    }
    guard file.digest == shard.sha256 else {
      throw DataError(.badInput, at: [path], "has SHA-256 \(file.digest), where the manifest says \(shard.sha256)")
    }
    guard samples == shard.samples else {
      throw DataError(.badInput, at: [path], "has \(samples) samples, where the manifest says \(shard.samples)")
    }
  }
}
