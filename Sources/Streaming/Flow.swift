internal import Synchronization

/// A cold, single-pass, pull-driven stream of values with typed failure.
///
/// A flow is `AsyncStream` in its unfolding form, carrying results: each call of ``next()`` pulls exactly one element
/// through all stages above, in the caller's task. Nothing runs ahead of the consumer, so back-pressure needs no
/// mechanism; nothing is pulled before the first call. Work overlaps only where a ``Buffered`` or ``Parallel``
/// stage says so.
///
/// - End: after the end, and after a failure, every call returns nil.
/// - Failure: thrown as a ``PipelineError`` by the stage that failed, once, and unchanged by the stages below.
/// - Cancellation: in a cancelled task nothing more is pulled, and `next()` throws where it would have returned nil.
///   A consumer that publishes at the end of its loop can therefore not mistake a cut stream for a whole one.
/// - Copies share one position: a second iterator goes on where the first stopped. One consumer at a time.
public struct Flow<Element: Sendable>: AsyncSequence, Sendable {
  /// What iteration throws.
  public typealias Failure = PipelineError

  /// The flow as a plain `AsyncStream`, sharing this flow's position.
  ///
  /// A failure is its last element. A plain stream cannot throw: in a cancelled task it just ends, so its consumer has
  /// to check for cancellation.
  public let stream: AsyncStream<Result<Element, PipelineError>>

  /// A flow of what `next` returns, until it returns nil or throws; it is not called again after either.
  public init(_ next: @escaping @Sendable () async throws(PipelineError) -> Element?) {
    let failed = Latch()
    stream = AsyncStream(unfolding: {
      guard !failed.isSet else { return nil }
      do throws(PipelineError) {
        return try await next().map { .success($0) }
      } catch {
        failed.set()
        return .failure(error)
      }
    })
  }

  /// A flow of the elements of an `AsyncStream`, which must have no other consumer.
  ///
  /// Back-pressure ends here: a stream in the continuation form buffers or drops by its own policy.
  public init(_ stream: AsyncStream<Element>) {
    self.init { () async throws(PipelineError) -> Element? in
      var iterator = stream.makeAsyncIterator()
      return await iterator.next()
    }
  }

  /// A flow of the elements of a sequence, which is not touched before the first element is asked for.
  public static func elements<S: Sequence & Sendable>(_ sequence: S) -> Flow where S.Element == Element {
    let source = SequenceSource(sequence)
    return Flow { () async throws(PipelineError) -> Element? in source.next() }
  }

  /// The next element, or nil after the end.
  ///
  /// - Throws: the failure of a stage above, or a cancellation when the calling task is cancelled.
  public func next() async throws(PipelineError) -> Element? {
    var iterator = stream.makeAsyncIterator()
    guard let result = await iterator.next() else {
      // An unfolding stream also answers nil in a cancelled task: only here can the two be told apart.
      if Task.isCancelled { throw .cancelled(stage: "stream") }
      return nil
    }
    return try result.get()
  }

  /// Iterates a flow; all iterators of one flow share its position.
  public struct Iterator: AsyncIteratorProtocol {
    let flow: Flow

    /// The next element, or nil after the end, as ``Flow/next()``.
    public mutating func next() async throws(PipelineError) -> Element? {
      try await flow.next()
    }

    /// The next element, or nil after the end, as ``Flow/next()``.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(PipelineError) -> Element? {
      try await flow.next()
    }
  }

  /// An iterator at the flow's present position.
  public func makeAsyncIterator() -> Iterator {
    Iterator(flow: self)
  }
}

/// A flag that is set once.
private final class Latch: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .acquiring) }

  func set() {
    flag.store(true, ordering: .releasing)
  }
}

/// A sequence's iterator, made at the first call.
private final class SequenceSource<S: Sequence & Sendable>: Sendable where S.Element: Sendable {
  private let sequence: S
  private let iterator = Mutex<S.Iterator?>(nil)

  init(_ sequence: S) {
    self.sequence = sequence
  }

  func next() -> S.Element? {
    iterator.withLock { iterator in
      if iterator == nil { iterator = sequence.makeIterator() }
      return iterator?.next()
    }
  }
}
