public import Datasets
public import Streaming

/// The samples of a blocking source as a flow.
///
/// Reading runs on a thread of its own, some samples at a time: the flow is ahead of its consumer by at most 32 samples or
/// a megabyte of them, whichever comes first.
public func samples(of source: any SampleSource, stage: String) -> Flow<Sample> {
  let reader = SampleReader(source)
  return Flow { () async throws(PipelineError) -> Sample? in
    do throws(DataError) {
      return try await reader.next()
    } catch {
      throw PipelineError(stage: stage, underlying: error)
    }
  }
}

/// The samples of a blocking source in chunks of at most 32 samples or a megabyte, each with the work that is left to do on it.
///
/// Reading runs on a thread of its own; `times` learns how long it took.
public func chunks(of source: any SampleSource, stage: String, times: WorkTimes? = nil) -> Flow<[PendingSample]> {
  flow(of: ChunkReader(pending: source, times: times), stage: stage)
}

/// The records that `next` returns, in chunks as above.
func recordChunks(
  stage: String, times: WorkTimes?, next: @escaping () throws(DataError) -> Record?
) -> Flow<[Record]> {
  flow(of: ChunkReader(times: times, byteCount: \.archivedSize, read: next), stage: stage)
}

/// Groups samples into chunks, for producers that make them one by one.
public struct Chunked: Stage {
  /// The name that errors show.
  public let name = "chunk"
  private let batches = Batched<Sample>(count: chunkLength)

  /// Makes the stage.
  public init() {}

  /// The samples of `upstream` in chunks.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<[PendingSample]> {
    Mapped(name) { $0.map(PendingSample.init) }.connect(batches.connect(upstream, &wiring), &wiring)
  }
}

private let chunkLength = 32
private let chunkBytes = 1 << 20

private func flow<Element>(of reader: ChunkReader<Element>, stage: String) -> Flow<[Element]> {
  Flow { () async throws(PipelineError) -> [Element]? in
    do throws(DataError) {
      return try await reader.next()
    } catch {
      throw PipelineError(stage: stage, underlying: error)
    }
  }
}

/// Reads chunks on its own thread.
///
/// Unchecked: a flow is iterated by one task at a time, and while the thread reads, that task waits for it; so the source
/// and the outcome are never touched by two at once.
private final class ChunkReader<Element: Sendable>: @unchecked Sendable {
  private let read: () throws(DataError) -> Element?
  private let byteCount: (Element) -> Int
  private let times: WorkTimes?
  private let thread = BlockingThread(name: "pipe read")
  private var outcome: Result<Void, DataError>?

  init(times: WorkTimes?, byteCount: @escaping (Element) -> Int, read: @escaping () throws(DataError) -> Element?) {
    self.times = times
    self.byteCount = byteCount
    self.read = read
  }

  convenience init(pending source: any SampleSource, times: WorkTimes?) where Element == PendingSample {
    self.init(times: times, byteCount: \.byteCount) { () throws(DataError) in try source.nextPending() }
  }

  /// The next chunk, never empty; nil after the last.
  ///
  /// A failure comes after the elements before it.
  func next() async throws(DataError) -> [Element]? {
    if let outcome {
      try outcome.get()
      return nil
    }
    let chunk = await thread.run { [self] in times.measure("read") { fill() } }
    if chunk.isEmpty, let outcome {
      try outcome.get()
      return nil
    }
    return chunk
  }

  private func fill() -> [Element] {
    var chunk: [Element] = []
    chunk.reserveCapacity(chunkLength)
    var bytes = 0
    do throws(DataError) {
      while chunk.count < chunkLength && bytes < chunkBytes {
        guard let element = try read() else {
          outcome = .success(())
          break
        }
        bytes += byteCount(element)
        chunk.append(element)
      }
    } catch {
      outcome = .failure(error)
    }
    return chunk
  }
}

/// Hands out the samples of chunks one by one.
///
/// Unchecked: as `ChunkReader`.
private final class SampleReader: @unchecked Sendable {
  private let source: any SampleSource
  private let chunks: ChunkReader<PendingSample>
  private var chunk: [PendingSample] = []
  private var position = 0

  init(_ source: any SampleSource) {
    self.source = source
    chunks = ChunkReader(pending: source, times: nil)
  }

  func next() async throws(DataError) -> Sample? {
    while true {
      if position == chunk.count {
        guard let next = try await chunks.next() else {
          // All were finished, here.
          try source.conclude()
          return nil
        }
        chunk = next
        position = 0
      }
      defer { position += 1 }
      // Who takes samples one by one looks at pixels, which must be alike.
      let channels = source.info.shape?.first
      if let sample = try chunk[position].finished() { return try sample.unified(toChannels: channels) }
    }
  }
}
