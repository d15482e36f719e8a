/// Lets the stages above run beside the stages below, at most `capacity` elements ahead.
///
/// This stage and `Parallel` are the only ones with tasks of their own and the only places in a pipeline where elements
/// wait: memory is bounded by the sum of the capacities. Everything above runs in that task, on `executor` if there is one; the
/// elements keep their order.
///
/// - Failure above: delivered after the elements before it, unchanged.
/// - End or failure below: the task is cancelled and no further element is pulled.
/// - Before the first element is asked for, nothing is pulled.
public struct Buffered<Element: Sendable>: Stage {
  /// The most elements that are finished or under way above and not yet taken below.
  public let capacity: Int
  /// The name that errors show.
  public let name: String
  let executor: (any TaskExecutor)?

  /// A buffer of `capacity` elements, at least 1; the stages above run on `executor`, or on the runner's tasks.
  public init(_ element: Element.Type = Element.self, capacity: Int, on executor: (any TaskExecutor)? = nil) {
    precondition(capacity >= 1, "A buffer needs a capacity of at least 1, not \(capacity).")
    self.capacity = capacity
    self.executor = executor
    name = "buffer"
  }

  /// The elements of `upstream`; its pump is added to `wiring`.
  public func connect(_ upstream: Flow<Element>, _ wiring: inout Wiring) -> Flow<Element> {
    let storage = BufferStorage<Element>(stage: name, capacity: capacity)
    wiring.addPump(on: executor) { await storage.pump(upstream) }
    return Flow { () async throws(PipelineError) -> Element? in try await storage.take() }
  }
}
