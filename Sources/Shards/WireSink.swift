public import Datasets
public import Streaming
internal import Synchronization

/// The end of a pipeline that writes the stream for the next process.
public struct WireSink: Sink {
  /// The name that errors show.
  public let name: String
  private let writer: WireWriter
  private let info: @Sendable () -> DatasetInfo

  /// A sink that begins the stream with the first sample and finishes it after the last.
  ///
  /// `info` is asked for when the first sample, or the end, has come: a stage that condenses knows it no sooner.
  /// A failure is thrown with the stream unfinished: the owner of `writer` tells the reader, see `WireWriter.fail`.
  public init(named name: String, to writer: WireWriter, info: @escaping @autoclosure @Sendable () -> DatasetInfo) {
    self.name = name
    self.writer = writer
    self.info = info
  }

  /// Writes every sample of the flow; returns their number.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`.
  public func consume(_ flow: Flow<Sample>) async throws(PipelineError) -> Int {
    var count = 0
    let first = Mutex(try await flow.next())
    try attempt(nil) { () throws(DataError) in try writer.begin(info()) }
    guard let fields = writer.fields else { preconditionFailure("a wire that began has no fields") }
    let whole = Flow { () async throws(PipelineError) -> Sample? in
      if let sample = first.withLock({ $0.take() }) { return sample }
      return try await flow.next()
    }
    while let chunk = try await EncodedChunk(from: whole, as: fields) {
      for (sample, record) in zip(chunk.samples, chunk.records) {
        try attempt(sample.key) { () throws(DataError) in try writer.write(try record.get()) }
        count += 1
      }
    }
    try attempt(nil) { () throws(DataError) in try writer.finish() }
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
