public import Datasets
public import Tensors

/// An expansion of a real set, ready to make its images, class by class and in any pieces.
///
/// A class of n samples becomes n' in copy-major order: the first n are copy 0 of each sample in the order of the archive, the next n
/// copy 1, and so on, until there are n'. So a smaller expansion is the beginning of a larger one, whatever the classes' sizes are.
public protocol Expansion: Sendable {
  /// What images are shifted and scaled by before a network sees them.
  var normalization: Normalization { get }

  /// The images of some positions of one class: float32 (positions.count, C, H, W) in units of [0, 1], not clamped.
  ///
  /// An image depends on the class and on its position alone, not on which others are asked for.
  func images(ofClass label: Int, at positions: Range<Int>) throws(TensorError) -> Tensor
}

/// What stands at one position of an expanded class.
public struct ExpansionPlace: Sendable, Equatable {
  /// The sample, within its class.
  public var source: Int
  /// Which of its copies, from 0.
  public var copy: Int

  /// The place at `position` of a class of `sources` samples.
  public init(position: Int, sources: Int) {
    source = position % sources
    copy = position / sources
  }
}

/// n' = ⌊ratio · n + ½⌋ for each class, but at least 1: how much is made of classes of n samples.
public func expandedCounts(_ counts: [Int], ratio: Double) -> [Int] {
  precondition(
    ratio > 0 && counts.allSatisfy { $0 >= 0 }, "classes of \(counts) samples cannot be expanded \(ratio) times")
  return counts.map { $0 == 0 ? 0 : max(1, Int((ratio * Double($0) + 0.5).rounded(.down))) }
}
