public import Datasets
internal import Synchronization
public import Streaming

/// Lets reading and decoding run beside what follows, bounded in bytes: small samples travel in chunks of 32, and a chunk is
/// full at a megabyte, so that photographs do not pile up.
///
/// One chunk waits, one is being filled, one is being used. Order, failures and the end are those of the flow above.
public struct ReadAhead: Stage {
  /// The name that errors show.
  public let name = "read ahead"

  /// Makes the stage.
  public init() {}

  /// The samples of `upstream`.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let failure = Mutex<PipelineError?>(nil)
    let chunks = Flow<[Sample]> { () async throws(PipelineError) -> [Sample]? in
      if let failure = failure.withLock({ $0 }) { throw failure }
      var chunk: [Sample] = []
      var bytes = 0
      do throws(PipelineError) {
        while chunk.count < 32, bytes < 1 << 20, let sample = try await upstream.next() {
          bytes += sample.content.byteCount
          chunk.append(sample)
        }
      } catch {
        // What came before the failure is delivered before it.
        if chunk.isEmpty { throw error }
        failure.withLock { $0 = error }
      }
      return chunk.isEmpty ? nil : chunk
    }
    let buffered = Buffered<[Sample]>(capacity: 1).connect(chunks, &wiring)
    let tray = Mutex<[Sample]>([])
    return Flow { () async throws(PipelineError) -> Sample? in
      if let sample = tray.withLock({ $0.popLast() }) { return sample }
      guard let chunk = try await buffered.next() else { return nil }
      return tray.withLock { tray in
        tray = chunk.reversed()
        return tray.popLast()
      }
    }
  }
}
