public import Datasets
public import Streaming

/// The end of a pipeline that publishes a dataset of shards, after the last sample and only then.
///
/// Unchecked: the source is asked for its description before the flow is pulled and after it has ended, when nobody else
/// touches it.
public struct ShardSink: Sink, @unchecked Sendable {
  /// The name that errors show.
  public let name: String
  private let options: ShardOptions
  private let source: any SampleSource
  private let step: @Sendable () async throws(DataError) -> ProvenanceStep?
  private let times: WorkTimes?

  /// A sink for the samples of `source`; `times` learns how long it hashed and wrote.
  ///
  /// `step` is added to their history; it is made while samples are written, because its digests may take as long.
  public init(
    _ options: ShardOptions, describing source: any SampleSource, named name: String = "shard", times: WorkTimes? = nil,
    adding step: @escaping @Sendable () async throws(DataError) -> ProvenanceStep? = { nil }
  ) {
    self.name = name
    self.options = options
    self.source = source
    self.step = step
    self.times = times
  }

  /// Writes every sample of the flow and publishes.
  ///
  /// - Throws: a failure of a stage above, unchanged, or this sink's own, a `DataError`; then nothing is published.
  public func consume(_ flow: Flow<PackedChunk>) async throws(PipelineError) -> Manifest {
    let thread = SinkThread<DatasetWriter>(name, times: times)
    do throws(PipelineError) {
      return try await written(flow, on: thread)
    } catch {
      await thread.abandon()
      throw error
    }
  }

  private func written(
    _ flow: Flow<PackedChunk>, on thread: SinkThread<DatasetWriter>
  ) async throws(PipelineError) -> Manifest {
    let (options, info) = (options, source.info)
    try await thread.open { () throws(DataError) in try DatasetWriter(options, info: info) }
    async let step = result(of: step)
    try await thread.write(flow) { (writer, chunk) throws(DataError) in try writer.write(chunk) }
    var final: DatasetInfo
    do throws(DataError) {
      try source.conclude()
      final = source.info
      if let step = try await step.get() { final.provenance.append(step) }
    } catch {
      throw PipelineError(stage: name, underlying: error)
    }
    // A digest that was broken off is missing.
    if Task.isCancelled { throw .cancelled(stage: name) }
    final = final.leavingOut(source.skipped)
    return try await thread.use { [final] (writer) throws(DataError) in try writer.finish(info: final) }
  }
}

private func result<T>(of body: () async throws(DataError) -> T) async -> Result<T, DataError> {
  do throws(DataError) {
    return .success(try await body())
  } catch {
    return .failure(error)
  }
}
