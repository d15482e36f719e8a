/// A sample that was found, with the work that is left to do on it: reading its fields, checking, resizing or cropping its image.
///
/// That work needs nothing but the sample itself, so that several can be finished at the same time.
public struct PendingSample: Sendable {
  /// About as many bytes as it takes in memory now.
  public let byteCount: Int
  private let work: @Sendable () throws(DataError) -> Sample?

  /// A sample that `work` makes; nil where it is left out.
  public init(byteCount: Int, work: @escaping @Sendable () throws(DataError) -> Sample?) {
    self.byteCount = byteCount
    self.work = work
  }

  /// A sample on which nothing is left to do.
  public init(_ sample: Sample) {
    self.init(byteCount: sample.content.byteCount) { sample }
  }

  /// The sample as `SampleSource.next` returns it; nil for a bad one, which its source has taken note of, see `SampleSource.conclude`.
  ///
  /// - Throws: `DataError`: a sample that is damaged, where its source does not collect them.
  public func finished() throws(DataError) -> Sample? { try work() }
}

extension Content {
  /// Bytes that it takes in memory.
  public var byteCount: Int {
    switch self {
    case .pixels(let pixels): pixels.bytes.count
    case .encoded(let image): image.bytes.count
    case .floats(let array): 4 * array.values.count
    }
  }
}
