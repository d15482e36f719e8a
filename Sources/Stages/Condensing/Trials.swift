import Synchronization

/// What a set reached whenever it was tried, and whether that is all it will.
final class Trials: Sendable {
  /// How they went so far.
  struct Record: Sendable, Codable, Equatable {
    /// The best share of right answers.
    var best = 0.0
    /// Trials since the best.
    var since = 0
  }

  private let state: Mutex<(record: Record, failure: (any Error)?)>

  /// Goes on from what an earlier run of the same command line had tried.
  init(_ record: Record) { state = Mutex((record, nil)) }

  var record: Record { state.withLock { $0.record } }

  /// Trials without any gain after which a run ends.
  private static let patience = 2

  var areOver: Bool { state.withLock { $0.record.since >= Self.patience || $0.failure != nil } }

  func add(_ accuracy: Result<Double?, any Error>, ofStep step: Int, log: (String) -> Void) {
    switch accuracy {
    case .failure(let error): state.withLock { $0.failure = error }
    case .success(nil): break
    case .success(.some(let accuracy)):
      state.withLock { state in
        state.record.since = accuracy > state.record.best ? 0 : state.record.since + 1
        state.record.best = max(state.record.best, accuracy)
      }
      log("step \(step): \(percentText(accuracy)) right on the held-out images")
      if areOver { log("nothing was gained in \(Self.patience) trials: the run ends here") }
    }
  }

  /// Throws what a trial threw.
  func finish() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }
}
