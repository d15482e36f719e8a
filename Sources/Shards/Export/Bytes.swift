internal import Datasets

extension [UInt8] {
  /// Appends a number, its lowest byte first.
  mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends float32 values, each with its lowest byte first.
  mutating func append(floats values: [Float]) {
    values.withUnsafeBytes { append(contentsOf: $0) }
  }
}

extension Pixels {
  /// The bytes in the order C×H×W.
  var planes: [UInt8] {
    guard channels > 1 else { return bytes }
    let area = height * width
    return [UInt8](unsafeUninitializedCapacity: bytes.count) { out, count in
      bytes.withUnsafeBufferPointer { bytes in
        for channel in 0..<channels {
          for place in 0..<area { out[channel &* area &+ place] = bytes[place &* channels &+ channel] }
        }
      }
      count = bytes.count
    }
  }
}

extension Sample {
  /// The image file as it travels on: a PNG or JPEG file unchanged, anything else as PNG; its ending.
  ///
  /// - Parameter asPNG: whether a JPEG file becomes a PNG file, too.
  /// - Throws: `DataError` (`.badInput`) for a damaged image.
  func imageFile(asPNG: Bool = false, channels: Int?, limits: Limits) throws(DataError) -> (
    bytes: [UInt8], ending: String
  ) {
    if case .encoded(let image) = content {
      if image.format == .png { return (image.bytes, "png") }
      if image.format == .jpg, !asPNG { return (image.bytes, "jpg") }
    }
    let pixels = try unified(toChannels: channels, limits: limits).pixels(limits: limits)
    return (encodePNG(pixels), "png")
  }
}
