import Synchronization

@testable import Streaming

/// An error of these tests.
struct Broken: Error, Equatable {
  var reason = "broken"
}

/// A counter that several tasks may touch.
final class Counter: Sendable {
  private let count = Atomic(0)

  var value: Int { count.load(ordering: .sequentiallyConsistent) }

  @discardableResult
  func increment() -> Int {
    count.add(1, ordering: .sequentiallyConsistent).newValue
  }
}

/// A door between tasks: `wait` suspends until somebody has called `open` once for it, or until it is cancelled.
final class Gate: Sendable {
  private struct State: Sendable {
    var permits = 0
    var isCancelled = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Guarded(State())

  func open(_ permits: Int = 1) {
    let woken = state.withLock { state in
      state.permits += permits
      let count = min(state.permits, state.waiters.count)
      let woken = Array(state.waiters.prefix(count))
      state.waiters.removeFirst(count)
      state.permits -= count
      return woken
    }
    for waiter in woken { waiter.resume() }
  }

  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let goOn = state.withLock { state in
          if state.isCancelled { return true }
          if state.permits > 0 {
            state.permits -= 1
            return true
          }
          state.waiters.append(continuation)
          return false
        }
        if goOn { continuation.resume() }
      }
    } onCancel: {
      let woken = state.withLock { state in
        state.isCancelled = true
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in woken { waiter.resume() }
    }
  }
}

/// The integers from 0 up to a count, then the end or a failure; it counts how often it was pulled, and opens a gate
/// at each pull.
struct Source: Sendable {
  let pulls = Counter()
  let pulled = Gate()
  var count: Int
  var failure: PipelineError?

  init(_ count: Int, failure: PipelineError? = nil) {
    self.count = count
    self.failure = failure
  }

  var flow: Flow<Int> {
    Flow { () async throws(PipelineError) -> Int? in
      let pull = pulls.increment()
      pulled.open()
      if pull <= count { return pull - 1 }
      if let failure { throw failure }
      return nil
    }
  }
}

/// A sink made of a closure.
struct Consumer<Input: Sendable, Summary: Sendable>: Sink {
  let name = "test sink"
  let body: @Sendable (Flow<Input>) async throws(PipelineError) -> Summary

  init(_ body: @escaping @Sendable (Flow<Input>) async throws(PipelineError) -> Summary) {
    self.body = body
  }

  func consume(_ flow: Flow<Input>) async throws(PipelineError) -> Summary {
    try await body(flow)
  }
}

/// Runs `body` and returns the pipeline error that it throws, if any.
func failure<T>(of body: () async throws(PipelineError) -> T) async -> PipelineError? {
  do throws(PipelineError) {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}
