/// Sums over the pixels of a set of 8-bit images, from which its per-channel constants follow.
///
/// The sums are exact integers, so that the constants do not depend on the order in which images are added.
public struct PixelSums: Sendable {
  private var sums: [UInt64]
  private var squares: [UInt64]
  private var pixels: UInt64 = 0

  /// Sums of no images of so many channels.
  public init(channels: Int) {
    sums = [UInt64](repeating: 0, count: channels)
    squares = sums
  }

  /// Adds images one after the other, each C×H×W, where a channel has `plane` pixels.
  public mutating func add(_ bytes: UnsafeBufferPointer<UInt8>, plane: Int) {
    let channels = sums.count
    precondition(bytes.count % (channels * plane) == 0, "images are added whole")
    for (place, start) in stride(from: 0, to: bytes.count, by: plane).enumerated() {
      var sum: UInt64 = 0
      var square: UInt64 = 0
      for value in bytes[start..<start + plane] {
        sum += UInt64(value)
        square += UInt64(value) * UInt64(value)
      }
      sums[place % channels] += sum
      squares[place % channels] += square
    }
    pixels += UInt64(bytes.count / channels)
  }

  /// Mean and deviation of every channel, of pixels divided by 255; a constant channel gets deviation 1.
  ///
  /// - Precondition: There was an image.
  public var normalization: Normalization {
    precondition(pixels > 0, "a dataset without images has no mean")
    let means = sums.map { Double($0) / Double(pixels) / 255 }
    let deviations = zip(squares, means).map { square, mean -> Float in
      let variance = Double(square) / Double(pixels) / (255 * 255) - mean * mean
      return variance > 1e-12 ? Float(variance.squareRoot()) : 1
    }
    return Normalization(mean: means.map(Float.init), std: deviations)
  }
}
