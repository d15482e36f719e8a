internal import Datasets
internal import Streaming

/// The thread on which a sink's writer lives: it hashes, and waits for the disk or the pipe, where nobody else is held up.
///
/// Unchecked: the writer is used by one task, which waits while the thread uses it.
final class SinkThread<Writer>: @unchecked Sendable {
  private let thread = BlockingThread(name: "pipe write")
  private var writer: Writer?
  private let stage: String
  private let times: WorkTimes?

  /// `stage` is the name that errors show.
  init(_ stage: String, times: WorkTimes?) {
    self.stage = stage
    self.times = times
  }

  /// Lets `body` make the writer.
  func open(_ body: @escaping @Sendable () throws(DataError) -> Writer) async throws(PipelineError) {
    try await run { [self] () throws(DataError) in writer = try body() }
  }

  /// Lets `body` use the writer, and waits for it.
  func use<T: Sendable>(_ body: @escaping @Sendable (Writer) throws(DataError) -> T) async throws(PipelineError) -> T {
    try await run { [self] () throws(DataError) in
      guard let writer else { preconditionFailure("a sink was used before it was opened") }
      return try body(writer)
    }
  }

  /// Writes the chunks of a flow with `body`, up to the end or the first failure.
  func write(
    _ flow: Flow<PackedChunk>, _ body: @escaping @Sendable (Writer, PackedChunk) throws(DataError) -> Void
  ) async throws(PipelineError) {
    while let chunk = try await flow.next() {
      try await use { (writer) throws(DataError) in try body(writer, chunk) }
      if let (key, error) = chunk.failure { throw failure(error, key) }
    }
  }

  /// Drops the writer, which removes what it wrote, and waits for that: whoever sees the failure finds nothing left.
  func abandon() async {
    await thread.run { [self] in writer = nil }
  }

  private func run<T: Sendable>(_ body: @escaping @Sendable () throws(DataError) -> T) async throws(PipelineError) -> T
  {
    let result: Result<T, DataError> = await thread.run { [times] in
      times.measure("write") {
        do throws(DataError) {
          return .success(try body())
        } catch {
          return .failure(error)
        }
      }
    }
    do throws(DataError) {
      return try result.get()
    } catch {
      throw failure(error, nil)
    }
  }

  private func failure(_ error: DataError, _ key: String?) -> PipelineError {
    // The data's own errors name the sample already.
    PipelineError(stage: stage, sampleKey: error.place.first == key ? nil : key, underlying: error)
  }
}
