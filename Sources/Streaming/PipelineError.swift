/// A failure inside a pipeline: which stage, which sample, and the error itself.
///
/// The stage that fails makes this error once; every stage below it forwards it unchanged, so that what the user
/// reads names the place where things went wrong and not the place where it was noticed.
public struct PipelineError: Error, Sendable, CustomStringConvertible {
  /// The name of the stage that failed.
  public let stage: String
  /// The key of the sample that was being processed, when there was one.
  public let sampleKey: String?
  /// The error as the stage received it.
  public let underlying: any Error

  /// An error of `stage`, at the sample `sampleKey`.
  public init(stage: String, sampleKey: String? = nil, underlying: any Error) {
    self.stage = stage
    self.sampleKey = sampleKey
    self.underlying = underlying
  }

  /// The error of a stage whose task was cancelled before its stream ended.
  public static func cancelled(stage: String) -> PipelineError {
    PipelineError(stage: stage, underlying: CancellationError())
  }

  /// Whether the stage stopped because its task was cancelled, and not because something is wrong.
  public var isCancellation: Bool { underlying is CancellationError }

  /// One line: stage, sample, reason.
  public var description: String {
    let place = sampleKey.map { "\(stage), sample \($0)" } ?? stage
    return isCancellation ? "\(place): cancelled before the end" : "\(place): \(underlying)"
  }
}
