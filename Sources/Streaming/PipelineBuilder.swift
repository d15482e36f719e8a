/// Two stages in a row, as one.
public struct Chained<First: Stage, Second: Stage>: Stage where First.Output == Second.Input {
  let first: First
  let second: Second

  /// Both names, in the order of the flow.
  public var name: String { "\(first.name) → \(second.name)" }

  /// Connects the first stage to `upstream` and the second to the first.
  public func connect(_ upstream: Flow<First.Input>, _ wiring: inout Wiring) -> Flow<Second.Output> {
    second.connect(first.connect(upstream, &wiring), &wiring)
  }
}

/// Chains the stages that are listed in a ``pipeline(_:)``; the compiler checks that each one reads what the one above
/// it emits.
@resultBuilder
public enum PipelineBuilder {
  /// The first stage.
  public static func buildPartialBlock<S: Stage>(first: S) -> S { first }

  /// One more stage.
  public static func buildPartialBlock<First: Stage, Second: Stage>(
    accumulated: First, next: Second
  ) -> Chained<First, Second> where First.Output == Second.Input {
    Chained(first: accumulated, second: next)
  }
}

/// A pipeline: the listed stages, from the source to the sink, as one stage.
///
///     let stages = pipeline { Decode(); Buffered(capacity: 2); Encode(model) }
///     let summary = try await stages.run(from: samples, into: sink)
public func pipeline<S: Stage>(@PipelineBuilder _ stages: () -> S) -> S {
  stages()
}
