internal import Datasets
internal import Shards
internal import Streaming

/// Samples on their way to shards or to a stream: in which order, and under which keys.
struct OrderedSamples {
  /// Where they come from.
  var source: any SampleSource
  /// What packs them.
  var pack: Pack
  /// The order in which they are written.
  var order = SampleOrder.unchanged
  /// Whether their number must be known before the first is written.
  var needsCount = false
  /// Whether they get new keys, counted from 0 in their order.
  var isRenumbered = false

  /// Writes all of them into the sink that `sink` makes, which is told their number where it is known beforehand.
  ///
  /// What must be counted or ordered is kept in a temporary file first.
  func write<S: Sink<PackedChunk>>(
    named name: String, times: WorkTimes?, _ report: Reporter, into sink: (Int?) async throws -> S
  ) async throws -> S.Summary {
    let keys = KeyNumbers()
    let loss = FloatLoss(of: source.info.name, report)
    let renumber = Mapped<PackedChunk, PackedChunk>(name) { [isRenumbered] chunk in
      loss.look(at: chunk)
      return isRenumbered ? try keys.renumbered(chunk) : chunk
    }
    let total = source.info.countPerClass?.reduce(0, +)
    let packed = pipeline {
      pack
      Counted<PackedChunk>(as: name, total: total, units: \.count, progress: report.progressHandler)
    }
    let samples = chunks(of: source, stage: name, times: times)
    guard order != .unchanged || needsCount else {
      let stages = pipeline {
        packed
        renumber
      }
      return try await stages.run(from: samples, into: try await sink(nil))
    }
    let store = try await packed.run(from: samples, into: StoreSink(named: name, times: times))
    // Bad samples are refused before anything is written.
    try source.conclude()
    return try await renumber.run(
      from: store.chunks(in: order, stage: name, times: times), into: try await sink(store.count))
  }
}

/// Warns once where float images are written as images of 8 bits alone.
///
/// Unchecked: chunks of a flow come one after the other.
private final class FloatLoss: @unchecked Sendable {
  private let name: String
  private let report: Reporter
  private var isSaid = false

  init(of name: String, _ report: Reporter) { (self.name, self.report) = (name, report) }

  func look(at chunk: PackedChunk) {
    guard !isSaid, chunk.losesFloats else { return }
    isSaid = true
    report.warn(
      "\(name): its float images are left out, so that their pixels are rounded to 8 bits and clamped (--fields has no npy)"
    )
  }
}

/// Counts keys.
///
/// Unchecked: chunks of a flow come one after the other.
private final class KeyNumbers: @unchecked Sendable {
  private var next = 0

  func renumbered(_ chunk: PackedChunk) throws(DataError) -> PackedChunk {
    defer { next += chunk.count }
    return try chunk.renumbered(from: next)
  }
}
