public import Datasets
public import Streaming

/// The samples of a blocking source as a flow.
///
/// Reading runs on a thread of its own, some samples at a time: the flow is ahead of its consumer by at most 32 samples or
/// a megabyte of them, whichever comes first.
public func samples(of source: any SampleSource, stage: String) -> Flow<Sample> {
  let reader = ChunkReader(source)
  return Flow { () async throws(PipelineError) -> Sample? in
    do throws(DataError) {
      return try await reader.next()
    } catch {
      throw PipelineError(stage: stage, underlying: error)
    }
  }
}

/// Reads chunks on its own thread and hands out samples one by one.
///
/// Unchecked: a flow is iterated by one task at a time, and while the thread reads, that task waits for it; so the source
/// and the chunk are never touched by two at once.
private final class ChunkReader: @unchecked Sendable {
  private let source: any SampleSource
  private let thread = BlockingThread(name: "pipe read")
  private var chunk: [Sample] = []
  private var position = 0
  private var outcome: Result<Void, DataError>?

  init(_ source: any SampleSource) {
    self.source = source
  }

  func next() async throws(DataError) -> Sample? {
    if position == chunk.count {
      if outcome == nil { await thread.run { [self] in fill() } }
      guard position < chunk.count else {
        try outcome?.get()
        return nil
      }
    }
    defer { position += 1 }
    return chunk[position]
  }

  private func fill() {
    chunk.removeAll(keepingCapacity: true)
    position = 0
    var bytes = 0
    do throws(DataError) {
      while chunk.count < 32 && bytes < 1 << 20 {
        guard let sample = try source.next() else {
          outcome = .success(())
          return
        }
        bytes += sample.content.byteCount
        chunk.append(sample)
      }
    } catch {
      outcome = .failure(error)
    }
  }
}

extension Content {
  /// Bytes that it takes in memory.
  var byteCount: Int {
    switch self {
    case .pixels(let pixels): pixels.bytes.count
    case .encoded(let image): image.bytes.count
    case .floats(let array): 4 * array.values.count
    }
  }
}
