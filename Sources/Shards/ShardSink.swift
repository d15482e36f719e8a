public import Datasets
public import Streaming

/// The end of a pipeline that publishes a dataset of shards, after the last sample and only then.
public struct ShardSink: Sink {
  /// The name that errors show.
  public let name = "shard"
  private let options: ShardOptions
  private let info: @Sendable () -> DatasetInfo

  /// A sink for samples of the given description, which is asked for at the start and again, with what was learned on the
  /// way, at the end.
  public init(_ options: ShardOptions, info: @escaping @Sendable () -> DatasetInfo) {
    self.options = options
    self.info = info
  }

  /// Writes every sample of the flow and publishes.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`; then nothing is published.
  public func consume(_ flow: Flow<Sample>) async throws(PipelineError) -> Manifest {
    let writer = try attempt(nil) { () throws(DataError) in try DatasetWriter(options, info: info()) }
    while let sample = try await flow.next() {
      try attempt(sample.key) { () throws(DataError) in try writer.write(sample) }
    }
    return try attempt(nil) { () throws(DataError) in try writer.finish(info: info()) }
  }

  private func attempt<T>(_ key: String?, _ body: () throws(DataError) -> T) throws(PipelineError) -> T {
    do throws(DataError) {
      return try body()
    } catch {
      // The data's own errors name the sample already.
      throw PipelineError(stage: name, sampleKey: error.place.first == key ? nil : key, underlying: error)
    }
  }
}

/// The end of a pipeline that writes the stream for the next process.
public struct WireSink: Sink {
  /// The name that errors show.
  public let name: String
  private let descriptor: Int32
  private let info: DatasetInfo
  private let failureReport: @Sendable (PipelineError) -> (exitCode: Int32, sentence: String)

  /// A sink that writes to a descriptor; `failureReport` says what the next process shall be told of a failure.
  public init(
    named name: String, to descriptor: Int32, info: DatasetInfo,
    failureReport: @escaping @Sendable (PipelineError) -> (exitCode: Int32, sentence: String)
  ) {
    self.name = name
    self.descriptor = descriptor
    self.info = info
    self.failureReport = failureReport
  }

  /// Writes every sample of the flow; returns their number.
  ///
  /// - Throws: a failure of a stage above, unchanged, after it was passed on to the reader; or this sink's own, a
  ///   `DataError`.
  public func consume(_ flow: Flow<Sample>) async throws(PipelineError) -> Int {
    let writer = WireWriter(to: descriptor)
    var count = 0
    do throws(PipelineError) {
      try attempt(nil) { () throws(DataError) in try writer.begin(info) }
      while let sample = try await flow.next() {
        try attempt(sample.key) { () throws(DataError) in try writer.write(sample) }
        count += 1
      }
      try attempt(nil) { () throws(DataError) in try writer.finish() }
    } catch {
      let report = failureReport(error)
      writer.fail(exitCode: report.exitCode, sentence: report.sentence)
      throw error
    }
    return count
  }

  private func attempt(_ key: String?, _ body: () throws(DataError) -> Void) throws(PipelineError) {
    do throws(DataError) {
      try body()
    } catch {
      // The data's own errors name the sample already.
      throw PipelineError(stage: name, sampleKey: error.place.first == key ? nil : key, underlying: error)
    }
  }
}
