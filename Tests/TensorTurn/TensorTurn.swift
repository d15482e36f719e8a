import Synchronization
public import Testing

/// Lets suites that use tensors run one after the other, whichever module of the bundle they are in: the library's threads
/// take every core, and some tests measure memory.
public struct TensorTurn: SuiteTrait, TestScoping {
  /// Waits until no other such suite runs, then runs this one.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    await turns.begin()
    defer { turns.end() }
    try await function()
  }
}

extension Trait where Self == TensorTurn {
  /// The suite uses tensors.
  public static var takesTurns: TensorTurn { TensorTurn() }
}

private let turns = Turns()

/// One at a time, in the order in which they came.
private final class Turns: Sendable {
  private struct State {
    var isTaken = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func begin() async {
    await withCheckedContinuation { continuation in
      let isNext = state.withLock { state in
        if state.isTaken {
          state.waiting.append(continuation)
          return false
        }
        state.isTaken = true
        return true
      }
      if isNext { continuation.resume() }
    }
  }

  func end() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.waiting.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
