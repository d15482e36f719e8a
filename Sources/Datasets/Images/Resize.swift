internal import CImage

/// An image at a new size by Pillow's antialiased bilinear filter, equal to Pillow's result to within one level.
///
/// Each output pixel is a weighted mean of the input pixels below a triangle whose half width is one pixel of the coarser of
/// the two grids. In 14-bit fixed point, which leaves two products to one instruction. Pillow rounds to whole levels
/// between its passes, this only at the end.
public func resized(_ image: Pixels, toHeight height: Int, width: Int) -> Pixels {
  resized(image, toHeight: height, width: width, rows: 0..<height, columns: 0..<width)
}

/// The same, of which only some rows and columns are wanted; no others are computed.
///
/// `wide` chooses the processor's wide instructions, which change nothing in the result.
func resized(
  _ image: Pixels, toHeight height: Int, width: Int, rows: Range<Int>, columns: Range<Int>,
  wide: Bool = cimage_has_wide_resample() != 0
) -> Pixels {
  precondition(height > 0 && width > 0, "an image cannot be resized to \(height)×\(width)")
  if image.height == height, image.width == width, rows.count == height, columns.count == width { return image }
  let down = Taps(from: image.height, to: height, wanted: rows)
  var along = Taps(from: image.width, to: width, wanted: columns)
  // Only the input columns that the second pass will read.
  let needed = along.inputs
  along.moveInputs(by: -needed.lowerBound)
  let channels = image.channels
  let size = rows.count * columns.count * channels
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { out, count in
    withUnsafeTemporaryAllocation(of: Int16.self, capacity: 2 * needed.count * channels) { between in
      image.bytes.withUnsafeBufferPointer { from in
        down.withPointers { down in
          along.withPointers { along in
            if let from = from.baseAddress, let between = between.baseAddress, let out = out.baseAddress {
              cimage_resample(
                from + needed.lowerBound * channels, image.width * channels, needed.count, channels, down, along,
                wide ? 1 : 0, between, out)
            }
          }
        }
      }
    }
    count = size
  }
  return Pixels(height: rows.count, width: columns.count, channels: channels, bytes: bytes)
}

/// The square of the given side in the middle of an image; as torchvision's, rounding half a pixel to the even side.
public func centerCropped(_ image: Pixels, side: Int) -> Pixels {
  precondition(
    side > 0 && side <= image.height && side <= image.width,
    "a square of \(side) cannot be cut out of \(image.height)×\(image.width)")
  let left = middle(side, of: image.width).lowerBound
  var bytes: [UInt8] = []
  bytes.reserveCapacity(side * side * image.channels)
  for row in middle(side, of: image.height) {
    let start = (row * image.width + left) * image.channels
    bytes += image.bytes[start..<(start + side * image.channels)]
  }
  return Pixels(height: side, width: side, channels: image.channels, bytes: bytes)
}

/// The middle of a row or column that a crop keeps.
func middle(_ side: Int, of extent: Int) -> Range<Int> {
  let start = Int((Double(extent - side) / 2).rounded(.toNearestOrEven))
  return start..<start + side
}

extension ReadOptions.Resize {
  /// The size that an image of the given size gets; the longer side is cut to a whole number, as torchvision does.
  func size(height: Int, width: Int) -> (height: Int, width: Int) {
    switch self {
    case .exact(let height, let width): (height, width)
    case .shortSide(let side):
      height <= width
        ? (side, max(1, side * width / height))
        : (max(1, side * height / width), side)
    }
  }
}

/// Which input pixels make an output pixel, and with what weight.
private struct Taps {
  /// First input index of each output index.
  private var first: [Int] = []
  private var used: [Int] = []
  /// `stride` weights for each output index; those of one add up to 1.
  private var weights: [Int16] = []
  private let stride: Int

  init(from inputSize: Int, to outputSize: Int, wanted: Range<Int>) {
    let scale = Double(inputSize) / Double(outputSize)
    let support = max(scale, 1)
    stride = Int(support.rounded(.up)) * 2 + 2
    first.reserveCapacity(wanted.count)
    used.reserveCapacity(wanted.count)
    weights.reserveCapacity(wanted.count * stride)
    let one = Double(1 << CIMAGE_WEIGHT_BITS)
    for output in wanted {
      let center = (Double(output) + 0.5) * scale
      let low = max(0, Int(center - support + 0.5))
      let high = min(inputSize, Int(center + support + 0.5))
      func weight(_ input: Int) -> Double { max(0, 1 - abs((Double(input) + 0.5 - center) / support)) }
      var sum = 0.0
      for input in low..<high { sum += weight(input) }
      // Rounding the sums instead of the weights: an even ground stays as it is, and errors do not add up.
      var whole = 0.0
      var before = 0
      for input in low..<high {
        whole += weight(input)
        let until = Int((whole / sum * one).rounded())
        weights.append(Int16(until - before))
        before = until
      }
      first.append(low)
      used.append(high - low)
      for _ in (high - low)..<stride { weights.append(0) }
    }
  }

  var count: Int { first.count }

  /// All input indices from the first to the last that is used.
  var inputs: Range<Int> {
    let ends = zip(first, used).map { $0 + $1 }
    return (first.min() ?? 0)..<(ends.max() ?? 0)
  }

  /// Counts input indices from another place on.
  mutating func moveInputs(by distance: Int) {
    for index in first.indices { first[index] += distance }
  }

  func withPointers(_ body: (UnsafePointer<cimage_taps>) -> Void) {
    first.withUnsafeBufferPointer { first in
      used.withUnsafeBufferPointer { used in
        weights.withUnsafeBufferPointer { weights in
          var taps = cimage_taps(
            count: count, first: first.baseAddress, used: used.baseAddress, weights: weights.baseAddress, stride: stride
          )
          body(&taps)
        }
      }
    }
  }
}
