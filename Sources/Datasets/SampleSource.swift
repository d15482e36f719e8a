/// A dataset that is being read: its description first, then its samples, one by one, in archive order.
///
/// Blocking and single-pass. A reader is a class because it owns a C handle; it is used by one task at a time.
public protocol SampleSource: AnyObject {
  /// Known before the first sample, with the final class order.
  var info: DatasetInfo { get }
  /// The next sample, or nil after the last; keeps returning nil after the end, and the same error after a failure.
  func next() throws(DataError) -> Sample?
  /// The next sample with what is left to do to it, for callers that do that work elsewhere; otherwise as `next`.
  func nextPending() throws(DataError) -> PendingSample?
  /// To be called when there are no more samples and all of them were finished: throws where bad ones were found that may not be left out.
  func conclude() throws(DataError)
  /// The samples that were left out; known when all others were finished, nil where there are none.
  var skipped: BadSamples? { get }
}

extension SampleSource {
  /// Nothing, for sources without bad samples.
  public func conclude() throws(DataError) {}

  /// None, for sources that leave none out.
  public var skipped: BadSamples? { nil }

  /// The next sample, with nothing left to do.
  public func nextPending() throws(DataError) -> PendingSample? {
    guard let sample = try next() else { return nil }
    return PendingSample(sample)
  }
}
