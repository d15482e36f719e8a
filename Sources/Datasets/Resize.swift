/// An image at a new size by Pillow's antialiased bilinear filter, equal to Pillow's result to within one level.
///
/// Each output pixel is a weighted mean of the input pixels below a triangle whose half width is one pixel of the coarser of
/// the two grids. Columns first, then rows, with 8 bits between, in 22-bit fixed point, as Pillow does it.
public func resized(_ image: Pixels, toHeight height: Int, width: Int) -> Pixels {
  precondition(height > 0 && width > 0, "an image cannot be resized to \(height)×\(width)")
  var result = image
  if result.width != width {
    let taps = Taps(from: result.width, to: width)
    result = resampledColumns(result, taps, outWidth: width)
  }
  if result.height != height {
    let taps = Taps(from: result.height, to: height)
    result = resampledRows(result, taps, outHeight: height)
  }
  return result
}

/// The square of the given side in the middle of an image; as torchvision's, rounding half a pixel to the even side.
public func centerCropped(_ image: Pixels, side: Int) -> Pixels {
  precondition(
    side > 0 && side <= image.height && side <= image.width,
    "a square of \(side) cannot be cut out of \(image.height)×\(image.width)")
  let top = Int((Double(image.height - side) / 2).rounded(.toNearestOrEven))
  let left = Int((Double(image.width - side) / 2).rounded(.toNearestOrEven))
  var bytes: [UInt8] = []
  bytes.reserveCapacity(side * side * image.channels)
  for row in top..<(top + side) {
    let start = (row * image.width + left) * image.channels
    bytes += image.bytes[start..<(start + side * image.channels)]
  }
  return Pixels(height: side, width: side, channels: image.channels, bytes: bytes)
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
  static let precision = 22
  /// One half in fixed point, which rounds.
  static let half: Int32 = 1 << 21
  /// First input index of each output index.
  var first: [Int] = []
  var count: [Int] = []
  /// `stride` weights for each output index.
  var weights: [Int32] = []
  var stride: Int

  init(from inputSize: Int, to outputSize: Int) {
    let scale = Double(inputSize) / Double(outputSize)
    let support = max(scale, 1)
    stride = Int(support.rounded(.up)) * 2 + 1
    for output in 0..<outputSize {
      let center = (Double(output) + 0.5) * scale
      let low = max(0, Int(center - support + 0.5))
      let high = min(inputSize, Int(center + support + 0.5))
      let raw = (low..<high).map { max(0, 1 - abs((Double($0) + 0.5 - center) / support)) }
      let sum = raw.reduce(0, +)
      first.append(low)
      count.append(high - low)
      for weight in raw { weights.append(Int32((weight / sum * Double(1 << Self.precision)).rounded())) }
      weights += [Int32](repeating: 0, count: stride - raw.count)
    }
  }
}

private func resampledColumns(_ image: Pixels, _ taps: Taps, outWidth: Int) -> Pixels {
  let channels = image.channels
  let size = image.height * outWidth * channels
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { out, initialized in
    image.bytes.withUnsafeBufferPointer { from in
      taps.weights.withUnsafeBufferPointer { weights in
        for row in 0..<image.height {
          for x in 0..<outWidth {
            let start = (row * image.width + taps.first[x]) * channels
            for channel in 0..<channels {
              var sum = Taps.half
              for tap in 0..<taps.count[x] {
                sum &+= Int32(from[start + tap * channels + channel]) &* weights[x * taps.stride + tap]
              }
              out[(row * outWidth + x) * channels + channel] = clamped(sum)
            }
          }
        }
      }
    }
    initialized = size
  }
  return Pixels(height: image.height, width: outWidth, channels: channels, bytes: bytes)
}

// Every column of bytes is a line of its own: there is no need to tell channels apart.
private func resampledRows(_ image: Pixels, _ taps: Taps, outHeight: Int) -> Pixels {
  let row = image.width * image.channels
  var sums = [Int32](repeating: 0, count: row)
  let bytes = [UInt8](unsafeUninitializedCapacity: outHeight * row) { out, initialized in
    image.bytes.withUnsafeBufferPointer { from in
      sums.withUnsafeMutableBufferPointer { sums in
        for y in 0..<outHeight {
          for x in 0..<row { sums[x] = Taps.half }
          for tap in 0..<taps.count[y] {
            let weight = taps.weights[y * taps.stride + tap]
            let start = (taps.first[y] + tap) * row
            for x in 0..<row { sums[x] &+= Int32(from[start &+ x]) &* weight }
          }
          for x in 0..<row { out[y * row + x] = clamped(sums[x]) }
        }
      }
    }
    initialized = outHeight * row
  }
  return Pixels(height: outHeight, width: image.width, channels: image.channels, bytes: bytes)
}

private func clamped(_ sum: Int32) -> UInt8 { UInt8(max(0, min(255, sum >> Int32(Taps.precision)))) }
