/// The concurrent work that stages ask for while a pipeline is being connected.
///
/// The runner starts and owns all of it.
public struct Wiring: Sendable {
  struct Pump: Sendable {
    let body: @Sendable () async -> Void
    let executor: (any TaskExecutor)?
  }

  var pumps: [Pump] = []

  /// No pumps.
  public init() {}

  /// Adds a loop that moves elements until its task is cancelled or its upstream ends.
  ///
  /// - Parameters:
  ///   - executor: where the pump and all stages that it pulls run; nil for where the runner's tasks run.
  ///   - body: must return soon after its task is cancelled: the runner waits for every pump.
  public mutating func addPump(on executor: (any TaskExecutor)? = nil, _ body: @escaping @Sendable () async -> Void) {
    pumps.append(Pump(body: body, executor: executor))
  }
}
