internal import Synchronization

/// Transforms elements one by one, in order.
///
/// An error that is not yet a ``PipelineError`` becomes one with this stage's name and the element's key. A
/// cancellation and a failure of a stage above are never skipped.
public struct Mapped<Input: Sendable, Output: Sendable>: Stage {
  /// The name that errors show.
  public let name: String
  let policy: FailurePolicy
  let key: @Sendable (Input) -> String?
  let onSkip: @Sendable (PipelineError) -> Void
  let transform: @Sendable (Input) async throws -> Output

  /// A stage that emits `transform` of each element.
  ///
  /// - Parameters:
  ///   - policy: what to do when `transform` throws.
  ///   - key: the sample key that an error names.
  ///   - onSkip: told of each element that is left out.
  public init(
    _ name: String, onFailure policy: FailurePolicy = .stop,
    key: @escaping @Sendable (Input) -> String? = { _ in nil },
    onSkip: @escaping @Sendable (PipelineError) -> Void = { _ in },
    _ transform: @escaping @Sendable (Input) async throws -> Output
  ) {
    self.name = name
    self.policy = policy
    self.key = key
    self.onSkip = onSkip
    self.transform = transform
  }

  /// The transformed elements of `upstream`.
  public func connect(_ upstream: Flow<Input>, _ wiring: inout Wiring) -> Flow<Output> {
    let budget = SkipBudget(policy)
    return Flow { () async throws(PipelineError) -> Output? in
      while let element = try await upstream.next() {
        do {
          return try await transform(element)
        } catch {
          let failure =
            error as? PipelineError ?? PipelineError(stage: name, sampleKey: key(element), underlying: error)
          guard !failure.isCancellation, budget.spend() else { throw failure }
          onSkip(failure)
        }
      }
      return nil
    }
  }
}

/// How many more elements may be skipped.
private final class SkipBudget: Sendable {
  private let left: Mutex<Int>

  init(_ policy: FailurePolicy) {
    switch policy {
    case .stop: left = Mutex(0)
    case .skip(let limit): left = Mutex(limit)
    }
  }

  func spend() -> Bool {
    left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
  }
}
