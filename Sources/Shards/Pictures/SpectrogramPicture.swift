internal import Datasets
internal import Glibc

extension FloatArray {
  /// A spectrogram as a picture: time from left to right, low frequencies at the bottom, dark for the low end of `range` and bright for the
  /// high one.
  ///
  /// - Throws: `DataError` (`.badInput`), with an empty place, where it is no image of one channel.
  func picture(range: ClosedRange<Float>) throws(DataError) -> Pixels {
    guard shape.count == 3, shape[0] == 1 else {
      throw DataError(.badInput, at: [], "an array of shape \(shapeText(shape)); a spectrogram is 1×H×W")
    }
    let (height, width) = (shape[1], shape[2])
    let span = max(range.upperBound - range.lowerBound, .leastNormalMagnitude)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * height * width)
    for row in (0..<height).reversed() {
      for value in values[row * width..<(row + 1) * width] {
        let share = (value - range.lowerBound) / span
        // Also for NaN.
        bytes += SpectrogramColours.table[share > 0 ? Int((min(share, 1) * 255).rounded()) : 0]
      }
    }
    return Pixels(height: height, width: width, channels: 3, bytes: bytes)
  }

  /// Its smallest and largest value that is not NaN; nil where there is none.
  var span: ClosedRange<Float>? {
    let numbers = values.lazy.filter { !$0.isNaN }
    guard let low = numbers.min(), let high = numbers.max() else { return nil }
    return low...high
  }
}

/// Colours whose lightness grows evenly, from near black over violet and red to pale yellow.
///
///     t in [0, 1]:   L = 0.15 + 0.8 t,   hue = 285° + 165° t,   chroma = 0.14 sin(π (0.15 + 0.7 t))        in OKLCh
///
/// The chroma is as large as sRGB can show along this path. OKLab: Ottosson, "A perceptual color space for image processing", 2020.
enum SpectrogramColours {
  /// RGB of 256 steps.
  static let table: [[UInt8]] = (0..<256).map { colour(Double($0) / 255) }

  private static func colour(_ t: Double) -> [UInt8] {
    let lightness = 0.15 + 0.8 * t
    let hue = (285 + 165 * t) / 180 * Double.pi
    let chroma = 0.14 * sin(Double.pi * (0.15 + 0.7 * t))
    let (a, b) = (chroma * cos(hue), chroma * sin(hue))
    func cube(_ x: Double) -> Double { x * x * x }
    let l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b)
    let m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b)
    let s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b)
    let linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ]
    return linear.map { value in
      let encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1 / 2.4) - 0.055
      return UInt8(min(max(255 * encoded, 0), 255).rounded())
    }
  }
}
