/// A `BufferStateMachine` behind a lock, with the continuations of the two tasks that wait on it.
///
/// The producer asks for `room`, pulls, and then calls `put` or `finish`; `pump` does that for a whole flow.
final class BufferStorage<Element: Sendable>: Sendable {
  private typealias Room = CheckedContinuation<Bool, Never>
  private typealias Delivery = CheckedContinuation<Result<Element?, PipelineError>, Never>

  private let stage: String
  private let state: Guarded<BufferStateMachine<Element, Room, Delivery>>

  init(stage: String, capacity: Int) {
    self.stage = stage
    state = Guarded(BufferStateMachine(capacity: capacity))
  }

  /// Pulls `upstream` into the buffer until it ends or the task is cancelled.
  func pump(_ upstream: Flow<Element>) async {
    while await room() {
      do throws(PipelineError) {
        guard let element = try await upstream.next() else { return finish(nil) }
        put(element)
      } catch {
        return finish(error)
      }
    }
  }

  /// Lets the producer begin before the first element is asked for.
  func start() {
    state.withLock { $0.start() }?.resume(returning: true)
  }

  /// The next element; nil after the end.
  func take() async throws(PipelineError) -> Element? {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (consumer: Delivery) in
        let action = state.withLock { $0.take(consumer, cancellation: .cancelled(stage: stage)) }
        switch action {
        case .deliver(let element, let producer):
          producer?.resume(returning: true)
          consumer.resume(returning: .success(element))
        case .end(let failure):
          consumer.resume(returning: failure.map { .failure($0) } ?? .success(nil))
        case .suspend(let producer):
          producer?.resume(returning: true)
        }
      }
    } onCancel: {
      cancel()
    }
    return try result.get()
  }

  /// Waits until the buffer has room; false when the work is cancelled.
  func room() async -> Bool {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (producer: Room) in
        switch state.withLock({ $0.askForRoom(producer) }) {
        case .proceed: producer.resume(returning: true)
        case .stop: producer.resume(returning: false)
        case .suspend: break
        }
      }
    } onCancel: {
      cancel()
    }
  }

  /// Hands over the element for which `room` was given.
  func put(_ element: Element) {
    if case .deliver(let element, let consumer) = state.withLock({ $0.put(element) }) {
      consumer.resume(returning: .success(element))
    }
  }

  /// Upstream has ended, with or without a failure.
  func finish(_ failure: PipelineError?) {
    if case .end(let consumer, let failure) = state.withLock({ $0.finish(failure) }) {
      consumer.resume(returning: failure.map { .failure($0) } ?? .success(nil))
    }
  }

  private func cancel() {
    let action = state.withLock { $0.cancel() }
    action.producer?.resume(returning: false)
    action.consumer?.resume(returning: .failure(.cancelled(stage: stage)))
  }
}
