public import Datasets
import Methods
public import Streaming
import Synchronization

/// Latents in, attended latents out: chunk by chunk of each class.
///
/// Holds at most one chunk of every class. Within a class the order stays; between classes it follows the chunks as they become
/// full, and last come the classes' shorter chunks in index order.
public struct AttendStage: LatentStage {
  /// `attend`.
  public let name = "attend"
  private let surroundings: LatentSurroundings

  /// A stage for one model; what the stream is was checked with `LatentModelFile.check(latents:)`.
  public init(_ surroundings: LatentSurroundings) { self.surroundings = surroundings }

  /// What the emitted samples are.
  public func describe(_ info: DatasetInfo, adding step: ProvenanceStep) -> DatasetInfo {
    var described = info
    described.provenance.append(step)
    return described
  }

  /// The attended latents of `upstream`.
  public func connect(_ upstream: Flow<Sample>, _ wiring: inout Wiring) -> Flow<Sample> {
    let file = surroundings.file
    let grouped = Mutex(ClassChunks(classes: file.description.classNames.count))
    let chunks = Flow<[Sample]> { () async throws(PipelineError) -> [Sample]? in
      while let sample = try await upstream.next() {
        if let full = grouped.withLock({ $0.add(sample) }) { return full }
      }
      return grouped.withLock { $0.next() }
    }
    return flattened(chunks, name, on: surroundings.computeThread) { samples in
      try emitted(samples, file.model.attended(latents(of: samples, file)))
    }
  }
}

/// The latents of a class, grouped into the chunks that attend to each other.
struct ClassChunks {
  private var waiting: [[Sample]]

  init(classes: Int) { waiting = Array(repeating: [], count: classes) }

  /// Takes a sample; the chunk that it fills, if it does.
  mutating func add(_ sample: Sample) -> [Sample]? {
    waiting[sample.label].append(sample)
    guard waiting[sample.label].count == KoopconModel.attentionChunk else { return nil }
    defer { waiting[sample.label] = [] }
    return waiting[sample.label]
  }

  /// After the last sample: the next chunk that did not become full.
  mutating func next() -> [Sample]? {
    guard let label = waiting.firstIndex(where: { !$0.isEmpty }) else { return nil }
    defer { waiting[label] = [] }
    return waiting[label]
  }
}
