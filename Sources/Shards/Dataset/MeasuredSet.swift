public import Datasets

/// What a run needs to know of all samples of a set when it reads only those of some classes.
public struct MeasuredSet: Codable, Sendable, Equatable {
  /// SHA-256 of the decoded samples, see `SetDigest`.
  public var source: String
  /// Per-channel constants over all pixels.
  public var normalization: Normalization

  /// What was measured.
  public init(source: String, normalization: Normalization) {
    (self.source, self.normalization) = (source, normalization)
  }

  /// Whether it can have been measured of what the description says.
  func isUsable(for info: DatasetInfo) -> Bool {
    guard let shape = info.shape, shape.count == 3 else { return false }
    return [normalization.mean, normalization.std].allSatisfy { $0.count == shape[0] && $0.allSatisfy(\.isFinite) }
      && normalization.std.allSatisfy { $0 > 0 }
  }
}

/// Measures packed samples as they are written.
struct SetMeter {
  private let info: DatasetInfo
  private let limits: Limits
  private let digest: SetDigest
  private var shape: ImageShape?
  private var sums: PixelSums?
  /// Whether all samples so far are 8-bit images of one shape; of others nothing is told.
  private var isMeasurable: Bool
  private var planes: [UInt8] = []

  /// Begins with the description of the samples that come.
  init(_ info: DatasetInfo, limits: Limits) {
    (self.info, self.limits) = (info, limits)
    digest = SetDigest(classNames: info.classNames)
    isMeasurable = info.kind == .samples && info.spectrogram == nil && info.shape?.count == 3
  }

  /// What there is to tell; nil where the samples are no 8-bit images of one shape.
  var measured: MeasuredSet? {
    guard isMeasurable, let sums else { return nil }
    return MeasuredSet(source: digest.finish(), normalization: sums.normalization)
  }

  /// Adds the samples of a chunk.
  ///
  /// - Throws: `DataError` (`.badInput`) for an image that cannot be decoded.
  mutating func add(_ chunk: PackedChunk) throws(DataError) {
    guard isMeasurable, chunk.count > 0 else { return }
    var rest = chunk.bytes[...]
    let blocks = BlockReader(name: info.name, endingEarly: .badInput) { (buffer) throws(DataError) in
      let count = min(buffer.count, rest.count)
      rest.prefix(count).withUnsafeBytes { buffer.copyMemory(from: $0) }
      rest = rest.dropFirst(count)
      return count
    }
    let records = RecordReader(blocks, limits: limits)
    for place in chunk.entries.indices {
      // What follows the last sample is asked for, to see that it has no further member.
      if place == chunk.entries.count - 1 { rest += endOfArchive }
      guard case .record(let record) = try records.next() else { preconditionFailure("a packed sample is a record") }
      try add(try Sample(record, classCount: info.classNames.count))
      guard isMeasurable else { return }
    }
  }

  private mutating func add(_ sample: Sample) throws(DataError) {
    if case .floats = sample.content {
      isMeasurable = false
      return
    }
    let pixels = try sample.unified(toChannels: info.shape?.first, limits: limits).pixels(limits: limits)
    let found = ImageShape(channels: pixels.channels, height: pixels.height, width: pixels.width)
    if shape == nil {
      shape = found
      sums = PixelSums(channels: found.channels)
      planes = [UInt8](repeating: 0, count: found.count)
      digest.begin(found, isSpectrogram: false)
    }
    guard found == shape, info.shape == [found.channels, found.height, found.width] else {
      isMeasurable = false
      return
    }
    let area = found.height * found.width
    for channel in 0..<found.channels {
      for position in 0..<area { planes[channel * area + position] = pixels.bytes[position * found.channels + channel] }
    }
    planes.withUnsafeBytes { digest.add($0, label: sample.label) }
    planes.withUnsafeBufferPointer { sums?.add($0, plane: area) }
  }
}
