/// A transformation of one flow into another.
public protocol Stage<Input, Output>: Sendable {
  /// What the stage reads.
  associatedtype Input: Sendable
  /// What the stage emits.
  associatedtype Output: Sendable

  /// The name that errors and progress show.
  var name: String { get }

  /// Describes the transformation. Pulls nothing until the result is iterated.
  ///
  /// A stage runs in the task that iterates it. It adds a pump to `wiring` only to run beside its consumer.
  func connect(_ upstream: Flow<Input>, _ wiring: inout Wiring) -> Flow<Output>
}

/// The end of a pipeline: reads a flow to its end and says what became of it.
public protocol Sink<Input>: Sendable {
  /// What the sink reads.
  associatedtype Input: Sendable
  /// What the sink reports when it is done.
  associatedtype Summary: Sendable

  /// The name that errors and progress show.
  var name: String { get }

  /// Reads the flow. Publish only after the loop over the flow has ended without a throw.
  ///
  /// - Throws: a failure of a stage above, unchanged, or the sink's own.
  func consume(_ flow: Flow<Input>) async throws(PipelineError) -> Summary
}
