public import Datasets
public import Tensors

/// The real dataset as the methods see it: decoded 8-bit images of one shape, by class, with random access.
///
/// Classes are numbered from 0 in the dataset's own order; images are numbered within their class.
public protocol RealImages: Sendable {
  /// Channels, height and width of every image.
  var shape: ImageShape { get }
  /// Number of classes, empty ones included.
  var classCount: Int { get }
  /// Number of images of one class.
  func count(ofClass label: Int) -> Int
  /// The images at `indices` of one class: uint8, (indices.count, channels, height, width).
  func images(ofClass label: Int, at indices: [Int]) -> Tensor
  /// The place of every image in the order of the archive; within a class that of its index.
  var archiveOrder: [SourceImage] { get }
}

extension RealImages {
  /// Class by class.
  public var archiveOrder: [SourceImage] {
    (0..<classCount).flatMap { label in (0..<count(ofClass: label)).map { SourceImage(label: label, index: $0) } }
  }
}
