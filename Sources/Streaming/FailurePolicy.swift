/// What a stage does with an element that it cannot process.
public enum FailurePolicy: Sendable, Equatable {
  /// The first failure ends the pipeline.
  case stop
  /// Leaves out up to `limit` elements and says which; one more ends the pipeline with its failure.
  case skip(limit: Int)
}
