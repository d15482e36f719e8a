public import Datasets

/// The SHA-256 of a set of decoded samples: over class names, shape, labels and values in the order of the archive.
///
/// Equal for equal data however it was packed.
public struct SetDigest {
  private let hash = SHA256()

  /// Begins with the classes in index order.
  public init(classNames: [String]) {
    for name in classNames { update(line: name) }
  }

  /// Says what all samples are like, before the first of them.
  public func begin(_ shape: ImageShape, isSpectrogram: Bool) {
    update(line: "\(shape.channels) \(shape.height) \(shape.width)\(isSpectrogram ? " float32" : "")")
  }

  /// Feeds the values of a sample, C×H×W.
  public func add(_ values: UnsafeRawBufferPointer, label: Int) {
    update(line: String(label))
    hash.update(values)
  }

  /// The digest of everything fed so far, 64 hexadecimal digits; the last call on this value.
  public func finish() -> String { hash.finish() }

  private func update(line: String) {
    Array("\(line)\n".utf8).withUnsafeBytes { hash.update($0) }
  }
}
