public import Datasets
internal import Glibc
public import Streaming

/// Reads the shards of a dataset one after the other, and checks size, SHA-256 and sample count of each on the way.
///
/// The folder is held open: where another dataset takes its name meanwhile, the samples go on to come from the first one as long as it is
/// there, and never from both.
public final class DatasetReader: SampleSource {
  /// The dataset's manifest.
  public let manifest: Manifest
  /// What the manifest says of all samples.
  public let info: DatasetInfo
  private let folder: String
  private let handle: FolderHandle?
  private let limits: Limits
  private let shards: [Manifest.Shard]
  private var nextShard = 0
  private var shard: ShardReader?
  private var failure: DataError?

  /// Reads the manifest.
  ///
  /// - Throws: `DataError`: `.noInput` when the folder holds no dataset, `.badInput` when its manifest cannot be understood.
  public init(_ folder: String, limits: Limits = Limits()) throws(DataError) {
    self.folder = folder
    self.limits = limits
    handle = FolderHandle(folder)
    manifest = try Manifest(inFolder: folder, handle)
    info = manifest.info
    shards = manifest.shards
  }

  /// Reads one shard of a dataset; nil when the manifest does not name it.
  ///
  /// - Throws: as above.
  public init?(_ folder: String, shard name: String, limits: Limits = Limits()) throws(DataError) {
    self.folder = folder
    self.limits = limits
    handle = FolderHandle(folder)
    manifest = try Manifest(inFolder: folder, handle)
    shards = manifest.shards.filter { $0.name == name }
    var info = manifest.info
    if manifest.shards.count > 1 { info.countPerClass = nil }
    self.info = info
    if shards.isEmpty { return nil }
  }

  /// The next sample, nil after the last one; see `SampleSource`.
  ///
  /// - Throws: `DataError` (`.badInput`, `.noInput`, `.io`): the shard and, where it can be told, the sample.
  public func next() throws(DataError) -> Sample? {
    guard let record = try nextRecord() else { return nil }
    do throws(DataError) {
      return try Sample(record, classCount: info.classNames.count)
    } catch {
      let placed = error.at(place)
      failure = placed
      throw placed
    }
  }

  /// The next sample, whose fields are still to be read; see `SampleSource`.
  ///
  /// - Throws: as `next`.
  public func nextPending() throws(DataError) -> PendingSample? {
    guard let record = try nextRecord() else { return nil }
    return PendingSample(record, classCount: info.classNames.count, place: place)
  }

  /// Copies every sample to a stream, each byte as it stands in the shards.
  ///
  /// `times` learns how long that took, `progress` is told of every chunk.
  ///
  /// - Throws: a `DataError` as of `next`, or `.io` when writing fails.
  public func copy(
    to writer: WireWriter, times: WorkTimes? = nil, progress: @escaping ProgressHandler = { _ in }
  ) async throws(PipelineError) {
    let stages = pipeline {
      PackRecords(times: times)
      Counted<PackedChunk>(as: "cat", total: manifest.samples, units: \.count, progress: progress)
    }
    let sink = WireSink(named: "cat", to: writer, info: info, times: times)
    let records = recordChunks(stage: "cat", times: times) { [self] () throws(DataError) in try nextRecord() }
    _ = try await stages.run(from: records, into: sink)
  }

  /// The shard that is being read, or the folder: where an error is.
  var place: String { shard?.path ?? folder }

  /// Reads the shard at hand to its end, so that everything that was read of it is checked.
  ///
  /// - Throws: as `next`.
  func finishShard() throws(DataError) {
    if let failure { throw failure }
    do throws(DataError) {
      while try shard?.next() != nil {}
    } catch {
      throw fail(error)
    }
  }

  func nextRecord() throws(DataError) -> Record? {
    if let failure { throw failure }
    do throws(DataError) {
      while true {
        if let record = try shard?.next() { return record }
        guard nextShard < shards.count else { return nil }
        shard = try ShardReader(folder: folder, handle, shard: shards[nextShard], limits: limits)
        nextShard += 1
      }
    } catch {
      throw fail(error)
    }
  }

  /// Notes the failure; what is wrong with a shard of a dataset that was replaced meanwhile is that.
  private func fail(_ error: DataError) -> DataError {
    let failure = manifest.replacement(inFolder: folder) ?? error
    self.failure = failure
    return failure
  }
}

extension Manifest {
  /// The error (`.temporary`) where the folder that held this manifest holds another one now; nil where it does not.
  func replacement(inFolder folder: String) -> DataError? {
    guard let now = try? Manifest(inFolder: folder), now.generation != generation else { return nil }
    return DataError(
      .temporary, at: [folder],
      "was replaced while it was being read: its generation was \(generation.prefix(12)) and is \(now.generation.prefix(12))",
      remedy: "read it again")
  }
}

/// Reads one shard; that it was whole is known when `next` returns nil.
final class ShardReader {
  let path: String
  private let shard: Manifest.Shard
  private let records: RecordReader
  private let hash = SHA256()
  private let counter = Counter()
  private var samples = 0
  private var ended = false

  /// Bytes read from the file, counted and hashed where they are read.
  private final class Counter { var bytes = 0 }

  init(
    folder: String, _ handle: FolderHandle?, shard: Manifest.Shard, limits: Limits, exact: Bool = false
  ) throws(DataError) {
    let path = "\(folder)/\(shard.name)"
    self.path = path
    self.shard = shard
    let file: FileInput
    do throws(DataError) {
      file = try FileInput(path, in: handle)
    } catch {
      guard (handle.map { faccessat($0.descriptor, shard.name, F_OK, 0) } ?? access(path, F_OK)) != 0, errno == ENOENT
      else {
        throw error
      }
      throw DataError(
        .badInput, at: [path], "is missing, and the manifest names it",
        remedy: "copy it again from where the dataset came from")
    }
    let fill = { [hash, counter] (buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int in
      let count = try file.read(into: buffer)
      hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      counter.bytes += count
      return count
    }
    var source = fill
    if shard.name.hasSuffix(".zst") {
      let frame = ZstdInput(name: path, fill: fill)
      source = { (buffer) throws(DataError) in try frame.read(into: buffer) }
    }
    records = RecordReader(BlockReader(name: path, endingEarly: .badInput, fill: source), limits: limits, exact: exact)
  }

  func next() throws(DataError) -> Record? {
    if ended { return nil }
    switch try records.next() {
    case .record(let record):
      samples += 1
      return record
    case .control(let name, _):
      throw DataError(.badInput, at: [path, RecordReader.controlPrefix + name], "has no place in a shard")
    case .endOfArchive:
      ended = true
      try checkEnd()
      return nil
    }
  }

  private func checkEnd() throws(DataError) {
    guard counter.bytes == shard.bytes else {
      throw DataError(.badInput, at: [path], "has \(counter.bytes) bytes, where the manifest says \(shard.bytes)")
    }
    let digest = hash.finish()
    guard digest == shard.sha256 else {
      throw DataError(.badInput, at: [path], "has SHA-256 \(digest), where the manifest says \(shard.sha256)")
    }
    guard samples == shard.samples else {
      throw DataError(.badInput, at: [path], "has \(samples) samples, where the manifest says \(shard.samples)")
    }
  }
}
