internal import CImage

extension EncodedImage {
  /// Takes bytes whose beginning is that of a PNG or JPEG file; nil for anything else.
  public init?(recognising bytes: [UInt8]) {
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self.init(format: .png, bytes: bytes)
    } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self.init(format: .jpg, bytes: bytes)
    } else {
      return nil
    }
  }

  /// Channels × height × width as `decoded` will deliver them, from the header alone.
  ///
  /// Throws `badInput` for a damaged header, a CMYK image or more pixels than allowed.
  public func shape(limits: Limits = Limits()) throws(DataError) -> [Int] {
    let info = try header(limits)
    return [Int(info.channels), Int(info.height), Int(info.width)]
  }

  private func header(_ limits: Limits) throws(DataError) -> cimage_info {
    var info = cimage_info()
    try call { error in
      bytes.withUnsafeBufferPointer { file in
        switch format {
        case .png: cimage_png_info(file.baseAddress, file.count, &info, error)
        case .jpg: cimage_jpeg_info(file.baseAddress, file.count, &info, error)
        }
      }
    }
    let (height, width) = (Int(info.height), Int(info.width))
    guard height > 0, width > 0, height <= limits.maxPixels / width else {
      throw DataError(
        .badInput, at: [],
        "an image of \(grouped(width))×\(grouped(height)) pixels; at most \(grouped(limits.maxPixels)) are allowed",
        remedy: "make it smaller, or take it out")
    }
    return info
  }

  fileprivate func decoded(_ limits: Limits) throws(DataError) -> Pixels {
    let info = try header(limits)
    let size = Int(info.height) * Int(info.width) * Int(info.channels)
    var failure: DataError?
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { out, count in
      do throws(DataError) {
        try call { error in
          bytes.withUnsafeBufferPointer { file in
            switch format {
            case .png: cimage_png_decode(file.baseAddress, file.count, out.baseAddress, size, error)
            case .jpg: cimage_jpeg_decode(file.baseAddress, file.count, out.baseAddress, size, error)
            }
          }
        }
        count = size
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return Pixels(height: Int(info.height), width: Int(info.width), channels: Int(info.channels), bytes: pixels)
  }

  private func call(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(DataError) {
    let message = codecMessage(body)
    if let message {
      throw DataError(
        .badInput, at: [], "a damaged \(format == .png ? "PNG" : "JPEG") image (\(message))",
        remedy: "replace it, or take it out together with its label")
    }
  }
}

/// Runs a function of CImage; its error sentence, or nil where it succeeded.
private func codecMessage(_ body: (UnsafeMutablePointer<CChar>) -> Int32) -> String? {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIMAGE_ERROR_SIZE)) { buffer in
    guard let error = buffer.baseAddress else { return "no memory" }
    error.pointee = 0
    return body(error) == 0 ? nil : String(cString: error)
  }
}

/// Decodes a PNG or JPEG file to 8-bit grey or RGB.
///
/// Alpha is dropped, palettes are resolved, 16 bits scaled to 8; EXIF rotation is not applied. Throws `badInput`, with an
/// empty place, for a damaged file, a CMYK image, or more pixels than allowed, which is checked before memory is taken.
public func decodeImage(_ image: EncodedImage, limits: Limits = Limits()) throws(DataError) -> Pixels {
  try image.decoded(limits)
}

/// Decodes the bytes of a PNG or JPEG file, told apart by their beginning; throws as the other form does.
public func decodeImage(_ bytes: [UInt8], limits: Limits = Limits()) throws(DataError) -> Pixels {
  guard let image = EncodedImage(recognising: bytes) else {
    throw DataError(
      .badInput, at: [], "neither a PNG nor a JPEG image: it starts with \(hex(Array(bytes.prefix(8))))",
      remedy: "convert it to one of them, or take it out")
  }
  return try image.decoded(limits)
}

/// A PNG file with these pixels; the same pixels and level give the same bytes on the same libdeflate.
///
/// Levels are libdeflate's, 0 to 12. The first is within 1 % of libpng's default in size on CIFAR-10 and within 4 % on
/// photographs, in a quarter of the time.
public func encodePNG(_ pixels: Pixels, compressionLevel: Int = 1) -> [UInt8] {
  precondition((0...12).contains(compressionLevel), "a compression level is 0 to 12, not \(compressionLevel)")
  precondition(pixels.channels == 1 || pixels.channels == 3, "a PNG is grey or RGB, not of \(pixels.channels) channels")
  precondition(pixels.height > 0 && pixels.width > 0, "a PNG cannot be empty")
  let info = cimage_info(
    width: UInt32(pixels.width), height: UInt32(pixels.height), channels: UInt32(pixels.channels))
  var file: UnsafeMutablePointer<UInt8>?
  var count = 0
  let message = codecMessage { error in
    cimage_png_encode(pixels.bytes, info, Int32(compressionLevel), &file, &count, error)
  }
  // With these conditions only memory can fail, which Swift does not survive either.
  precondition(message == nil, "a PNG could not be encoded: \(message ?? "")")
  defer { cimage_free(file) }
  return Array(UnsafeBufferPointer(start: file, count: count))
}
