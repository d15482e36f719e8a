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
  private var shards: [Manifest.Shard]
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

  /// Shards that are read when all samples are asked for.
  public var shardCount: Int { shards.count }

  /// Leaves out the shards that hold nothing of the marked classes, as far as the manifest tells.
  ///
  /// - Precondition: Nothing was read yet.
  func leaveOutShards(without keeps: [Bool]) {
    precondition(nextShard == 0, "shards are left out before the first is read")
    shards = shards.filter { shard in
      guard let labels = shard.labels else { return true }
      return keeps[labels[0]...labels[1]].contains(true)
    }
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
    (try? Manifest(inFolder: folder)).flatMap { replacement(by: $0, inFolder: folder) }
  }

  /// The same where it is known which one is there now.
  func replacement(by now: Manifest, inFolder folder: String) -> DataError? {
    guard now.generation != generation else { return nil }
    return DataError(
      .temporary, at: [folder],
      "was replaced while it was being read: its generation was \(generation.prefix(12)) and is \(now.generation.prefix(12))",
      remedy: "read it again")
  }
}
