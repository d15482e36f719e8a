public import Datasets
public import Streaming

/// The end of a pipeline that publishes a dataset of shards, after the last sample and only then.
///
/// Unchecked: the source is asked for its description before the flow is pulled and after it has ended, when nobody else
/// touches it.
public struct ShardSink: Sink, @unchecked Sendable {
  /// The name that errors show.
  public let name = "shard"
  private let options: ShardOptions
  private let source: any SampleSource
  private let step: ProvenanceStep?

  /// A sink for the samples of `source`; `step` is added to their history.
  public init(_ options: ShardOptions, describing source: any SampleSource, adding step: ProvenanceStep? = nil) {
    self.options = options
    self.source = source
    self.step = step
  }

  /// Writes every sample of the flow and publishes.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`; then nothing is published.
  public func consume(_ flow: Flow<Sample>) async throws(PipelineError) -> Manifest {
    let writer = try attempt(nil) { () throws(DataError) in try DatasetWriter(options, info: info) }
    while let chunk = try await EncodedChunk(from: flow, as: writer.fields) {
      for (sample, record) in zip(chunk.samples, chunk.records) {
        try attempt(sample.key) { () throws(DataError) in try writer.write(try record.get(), of: sample) }
      }
    }
    return try attempt(nil) { () throws(DataError) in try writer.finish(info: info) }
  }

  private var info: DatasetInfo {
    var info = source.info
    if let step { info.provenance.append(step) }
    return info
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
