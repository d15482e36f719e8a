/// Transforms elements on several tasks at once; the results keep the elements' order.
///
/// Elements are dealt in turn to `lanes` tasks, and their results are taken in the same turn: what is emitted does not
/// depend on the number of lanes. Each lane holds at most two elements: one that waits or is under way, and one that is
/// finished; so upstream is pulled at most `2 * lanes` elements ahead.
///
/// - Failure above, or of the transformation: delivered after the results before it.
/// - Before the first result is asked for, nothing is pulled.
public struct Parallel<Input: Sendable, Output: Sendable>: Stage {
  /// The name that errors show.
  public let name: String
  /// Tasks that work at the same time.
  public let lanes: Int
  let transform: @Sendable (Input) async throws -> Output

  /// A stage that emits `transform` of each element; an error that is not a ``PipelineError`` gets this stage's name.
  public init(_ name: String, lanes: Int, _ transform: @escaping @Sendable (Input) async throws -> Output) {
    precondition(lanes >= 1, "Work needs at least 1 lane, not \(lanes).")
    self.name = name
    self.lanes = lanes
    self.transform = transform
  }

  /// The transformed elements of `upstream`.
  public func connect(_ upstream: Flow<Input>, _ wiring: inout Wiring) -> Flow<Output> {
    let inputs = (0..<lanes).map { _ in BufferStorage<Input>(stage: name, capacity: 1) }
    let outputs = (0..<lanes).map { _ in BufferStorage<Output>(stage: name, capacity: 1) }
    let stage = Mapped(name, transform)
    wiring.addPump { await deal(upstream, to: inputs) }
    for (input, output) in zip(inputs, outputs) {
      let results = stage.connect(Flow { () async throws(PipelineError) -> Input? in try await input.take() }, &wiring)
      wiring.addPump { await output.pump(results) }
    }
    let turn = Guarded<Int?>(nil)
    return Flow { () async throws(PipelineError) -> Output? in
      let (lane, isFirst) = turn.withLock { turn in
        let lane = turn ?? 0
        defer { turn = (lane + 1) % outputs.count }
        return (lane, turn == nil)
      }
      // Nobody waits for the turn of its lane to begin.
      if isFirst { for output in outputs { output.start() } }
      return try await outputs[lane].take()
    }
  }
}

/// Gives each lane the next element in turn, until upstream ends or the task is cancelled.
private func deal<Element>(_ upstream: Flow<Element>, to lanes: [BufferStorage<Element>]) async {
  var turn = 0
  var failure: PipelineError?
  while await lanes[turn].room() {
    do throws(PipelineError) {
      guard let element = try await upstream.next() else { break }
      lanes[turn].put(element)
    } catch {
      failure = error
      break
    }
    turn = (turn + 1) % lanes.count
  }
  // The lane whose turn it is delivers the failure; the others just end, and are not asked any more after it.
  for (index, lane) in lanes.enumerated() { lane.finish(index == turn ? failure : nil) }
}
