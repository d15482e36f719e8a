public import Datasets
public import Tensors

/// The real dataset as the methods see it: decoded images of one shape, by class, with random access.
///
/// Classes are numbered from 0 in the dataset's own order; images are numbered within their class.
public protocol RealImages: Sendable {
  /// Channels, height and width of every image.
  var shape: ImageShape { get }
  /// Number of classes, empty ones included.
  var classCount: Int { get }
  /// Number of images of one class.
  func count(ofClass label: Int) -> Int
  /// Whether the images are spectrograms, whose values are floats of any range; otherwise they have 8 bits.
  var isSpectrogram: Bool { get }
  /// Whether an image keeps its class when left and right are exchanged; otherwise no augmentation that is not asked for flips it.
  var keepsClassesMirrored: Bool { get }
  /// The images at `indices` of one class, (indices.count, channels, height, width): uint8, or float32 for spectrograms.
  func images(ofClass label: Int, at indices: [Int]) -> Tensor
  /// The place of every image in the order of the archive; within a class that of its index.
  var archiveOrder: [SourceImage] { get }
}

extension RealImages {
  /// Images, unless said.
  public var isSpectrogram: Bool { false }

  /// In colour, unless said.
  public var keepsClassesMirrored: Bool { shape.channels > 1 }

  /// Class by class.
  public var archiveOrder: [SourceImage] {
    (0..<classCount).flatMap { label in (0..<count(ofClass: label)).map { SourceImage(label: label, index: $0) } }
  }
}
