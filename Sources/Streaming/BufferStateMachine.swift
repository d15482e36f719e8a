/// The state of a bounded buffer between one producer and one consumer, as a value.
///
/// Every event is a method, and what has to be done about it is returned; the lock and the continuations are in
/// `BufferStorage`.
///
/// The producer asks for room before it pulls. So the buffer and the element under way together never exceed the
/// capacity: upstream is at most `capacity` elements ahead of what the consumer has taken. And since there is no room
/// before the consumer's first request, nothing is pulled before iteration.
struct BufferStateMachine<Element: Sendable, Producer: Sendable, Consumer: Sendable>: Sendable {
  enum RoomAction {
    case proceed
    case suspend
    case stop
  }

  enum TakeAction {
    case deliver(Element, resume: Producer?)
    case end(PipelineError?)
    case suspend(resume: Producer?)
  }

  enum PutAction {
    case keep
    case deliver(Element, to: Consumer)
    case drop
  }

  enum FinishAction {
    case none
    case end(Consumer, PipelineError?)
  }

  struct CancelAction {
    var consumer: Consumer?
    var producer: Producer?
  }

  private let capacity: Int
  /// Elements in order; the ones before `head` are taken.
  private var waiting: [Element?] = []
  private var head = 0
  private var producer: Producer?
  private var consumer: Consumer?
  private var isStarted = false
  private var isCancelled = false
  /// Set when upstream has ended; the failure is delivered once, after the elements before it.
  private var end: PipelineError??

  init(capacity: Int) {
    self.capacity = capacity
  }

  var count: Int { waiting.count - head }

  /// The producer wants to pull one element.
  mutating func askForRoom(_ waiter: Producer) -> RoomAction {
    if isCancelled { return .stop }
    if isStarted, count < capacity { return .proceed }
    precondition(producer == nil, "A buffer has one producer, which waits for room before it asks again.")
    producer = waiter
    return .suspend
  }

  /// The producer has pulled an element.
  mutating func put(_ element: Element) -> PutAction {
    if isCancelled { return .drop }
    if let waiter = consumer {
      consumer = nil
      return .deliver(element, to: waiter)
    }
    waiting.append(element)
    return .keep
  }

  /// Upstream has ended, with or without a failure.
  mutating func finish(_ failure: PipelineError?) -> FinishAction {
    if isCancelled { return .none }
    if let waiter = consumer {
      consumer = nil
      end = .some(nil)
      return .end(waiter, failure)
    }
    end = .some(failure)
    return .none
  }

  /// The consumer wants one element.
  mutating func take(_ waiter: Consumer, cancellation: @autoclosure () -> PipelineError) -> TakeAction {
    if isCancelled { return .end(cancellation()) }
    isStarted = true
    if count > 0, let element = waiting[head] {
      waiting[head] = nil
      head += 1
      if head == waiting.count || head >= 64 {
        waiting.removeFirst(head)
        head = 0
      }
      return .deliver(element, resume: releaseProducer())
    }
    if let failure = end {
      end = .some(nil)
      return .end(failure)
    }
    precondition(consumer == nil, "A flow has one consumer, which waits for an element before it asks again.")
    consumer = waiter
    return .suspend(resume: releaseProducer())
  }

  /// The producer may begin before the consumer asks for an element.
  mutating func start() -> Producer? {
    guard !isStarted, !isCancelled else { return nil }
    isStarted = true
    return releaseProducer()
  }

  /// The task of the producer or of the consumer was cancelled: what is waiting is dropped.
  mutating func cancel() -> CancelAction {
    guard !isCancelled else { return CancelAction() }
    isCancelled = true
    waiting = []
    head = 0
    defer {
      consumer = nil
      producer = nil
    }
    return CancelAction(consumer: consumer, producer: producer)
  }

  private mutating func releaseProducer() -> Producer? {
    guard count < capacity else { return nil }
    defer { producer = nil }
    return producer
  }
}
