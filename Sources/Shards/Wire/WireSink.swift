public import Datasets
public import Streaming

/// The end of a pipeline that writes the stream for the next process.
public struct WireSink: Sink {
  /// The name that errors show.
  public let name: String
  private let writer: WireWriter
  private let info: DatasetInfo
  private let final: @Sendable () throws(DataError) -> DatasetInfo?
  private let times: WorkTimes?

  /// A sink that begins the stream and, after the last sample, finishes it; `times` learns how long it hashed and wrote.
  ///
  /// `final` is asked for at the end, for stages that learn on the way what they emit; nil where `info` still holds.
  /// What it throws is a failure of this stage. A failure is thrown with the stream unfinished: the owner of `writer` tells the reader, see `WireWriter.fail`.
  public init(
    named name: String, to writer: WireWriter, info: DatasetInfo, times: WorkTimes? = nil,
    final: @escaping @Sendable () throws(DataError) -> DatasetInfo? = { nil }
  ) {
    self.name = name
    self.writer = writer
    self.info = info
    self.times = times
    self.final = final
  }

  /// A sink for the samples of `source`, which is asked again at the end what it learned on the way; `step` is added to
  /// their history.
  public init(
    named name: String, to writer: WireWriter, describing source: any SampleSource, adding step: ProvenanceStep,
    times: WorkTimes? = nil
  ) {
    // Asked before the flow is pulled and after it has ended, when nobody else touches it.
    nonisolated(unsafe) let source = source
    let described = { @Sendable () -> DatasetInfo in
      var info = source.info
      info.provenance.append(step)
      return info.leavingOut(source.skipped)
    }
    self.init(named: name, to: writer, info: described(), times: times) { () throws(DataError) in
      try source.conclude()
      return described()
    }
  }

  /// Writes every sample of the flow; returns their number.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`.
  public func consume(_ flow: Flow<PackedChunk>) async throws(PipelineError) -> Int {
    let thread = SinkThread<WireWriter>(name, times: times)
    let (writer, info) = (writer, info)
    try await thread.open { () throws(DataError) in
      try writer.begin(info)
      return writer
    }
    try await thread.write(flow) { (writer, chunk) throws(DataError) in try writer.write(chunk) }
    let last: DatasetInfo?
    do throws(DataError) {
      last = try final()
    } catch {
      throw PipelineError(stage: name, underlying: error)
    }
    return try await thread.use { (writer) throws(DataError) in
      try writer.finish(info: last)
      return writer.samples
    }
  }
}
