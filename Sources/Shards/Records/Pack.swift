public import Datasets
internal import Glibc
public import Streaming

/// Finishes samples and packs them into the members of an archive, on all cores: of the work on small images, PNG takes
/// the most.
///
/// The chunks keep their order, and their bytes do not depend on the number of cores.
public struct Pack: Stage {
  /// The name that errors show.
  public let name = "pack"
  private let fields: SampleFields
  private let times: WorkTimes?

  /// Packs for a stream to another process: float images travel without their 8-bit view.
  ///
  /// `times` learns how long samples were prepared and packed.
  public init(forStreamOf info: DatasetInfo, times: WorkTimes? = nil) {
    fields = SampleFields(streaming: info.kind)
    self.times = times
  }

  /// Packs for shards; `times` as above.
  ///
  /// - Throws: `DataError` (`.badInput`) when the options select fields that could not be read back.
  public init(for options: ShardOptions, info: DatasetInfo, times: WorkTimes? = nil) throws(DataError) {
    fields = try SampleFields(of: info, for: options)
    self.times = times
  }

  /// The samples of `upstream`, packed.
  public func connect(_ upstream: Flow<[PendingSample]>, _ wiring: inout Wiring) -> Flow<PackedChunk> {
    Parallel(name, lanes: processors) { [fields, times] in PackedChunk($0, as: fields, times: times) }
      .connect(upstream, &wiring)
  }
}

/// Packs records that are copied from one archive into another.
struct PackRecords: Stage {
  let name = "pack"
  let times: WorkTimes?

  func connect(_ upstream: Flow<[Record]>, _ wiring: inout Wiring) -> Flow<PackedChunk> {
    Parallel(name, lanes: processors) { [times] in PackedChunk($0, times: times) }.connect(upstream, &wiring)
  }
}

/// Cores to work on; more than eight would wait for the one that hashes and writes.
public let processors = min(8, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
