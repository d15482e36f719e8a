public import Datasets
public import Streaming

/// The end of a pipeline that writes the stream for the next process.
public struct WireSink: Sink {
  /// The name that errors show.
  public let name: String
  private let writer: WireWriter
  private let info: DatasetInfo
  private let final: @Sendable () -> DatasetInfo?

  /// A sink that begins the stream and, after the last sample, finishes it.
  ///
  /// `final` is asked for at the end, for stages that learn on the way what they emit; nil where `info` still holds.
  /// A failure is thrown with the stream unfinished: the owner of `writer` tells the reader, see `WireWriter.fail`.
  public init(
    named name: String, to writer: WireWriter, info: DatasetInfo,
    final: @escaping @Sendable () -> DatasetInfo? = { nil }
  ) {
    self.name = name
    self.writer = writer
    self.info = info
    self.final = final
  }

  /// Writes every sample of the flow; returns their number.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`.
  public func consume(_ flow: Flow<Sample>) async throws(PipelineError) -> Int {
    var count = 0
    try attempt(nil) { () throws(DataError) in try writer.begin(info) }
    guard let fields = writer.fields else { preconditionFailure("a wire that began has no fields") }
    while let chunk = try await EncodedChunk(from: flow, as: fields) {
      for (sample, record) in zip(chunk.samples, chunk.records) {
        try attempt(sample.key) { () throws(DataError) in try writer.write(try record.get()) }
        count += 1
      }
    }
    try attempt(nil) { () throws(DataError) in try writer.finish(info: final()) }
    return count
  }

  private func attempt(_ key: String?, _ body: () throws(DataError) -> Void) throws(PipelineError) {
    do throws(DataError) {
      try body()
    } catch {
      throw PipelineError(stage: name, sampleKey: error.place.first == key ? nil : key, underlying: error)
    }
  }
}
