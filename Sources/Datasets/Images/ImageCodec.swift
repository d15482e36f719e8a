internal import CImage

extension EncodedImage {
  /// Channels × height × width as `decoded` will deliver them, from the header alone.
  ///
  /// - Parameter turning: whether the image is turned upright by its EXIF data, see `ReadOptions.exifRotate`.
  /// - Throws: `DataError` (`.badInput`), with an empty place, for a damaged header, a kind that is not read, or more pixels than allowed.
  public func shape(limits: Limits = Limits(), turning: Bool = false) throws(DataError) -> [Int] {
    let header = try header(limits: limits)
    let isSwapped = turning && header.orientation.swapsSides
    return isSwapped
      ? [header.channels, header.width, header.height] : [header.channels, header.height, header.width]
  }

  /// What the file says of itself, from its header.
  ///
  /// - Throws: as `shape`.
  func header(limits: Limits) throws(DataError) -> ImageHeader {
    guard format != .unknown else { throw foreign(bytes) }
    var info = cimage_info()
    try call { error in
      bytes.withUnsafeBufferPointer { file in
        cimage_read_info(codec, file.baseAddress, file.count, &info, error)
      }
    }
    let (height, width) = (Int(info.height), Int(info.width))
    guard height > 0, width > 0, height <= limits.maxPixels / width else {
      throw DataError(
        .badInput, at: [],
        "an image of \(grouped(width))×\(grouped(height)) pixels; at most \(grouped(limits.maxPixels)) are allowed",
        remedy: "make it smaller, or leave it out with --on-bad-sample skip")
    }
    return ImageHeader(info)
  }

  /// The pixels, and what the file says of itself, with what shows only when it is decoded; not turned by EXIF data.
  ///
  /// - Throws: as `shape`, and for damage anywhere in the file.
  func decoded(limits: Limits) throws(DataError) -> (pixels: Pixels, header: ImageHeader) {
    let announced = try header(limits: limits)
    let size = announced.height * announced.width * announced.channels
    var info = cimage_info()
    var failure: DataError?
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { out, count in
      do throws(DataError) {
        try call { error in
          bytes.withUnsafeBufferPointer { file in
            cimage_decode(codec, file.baseAddress, file.count, out.baseAddress, size, &info, error)
          }
        }
        count = size
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return (
      Pixels(height: announced.height, width: announced.width, channels: announced.channels, bytes: pixels),
      ImageHeader(info)
    )
  }

  private var codec: cimage_format {
    switch format {
    case .png: CIMAGE_PNG
    case .jpg: CIMAGE_JPEG
    case .webp: CIMAGE_WEBP
    case .gif: CIMAGE_GIF
    case .bmp: CIMAGE_BMP
    case .tiff: CIMAGE_TIFF
    case .pnm, .unknown: CIMAGE_PNM
    }
  }

  private func call(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(DataError) {
    let (status, message) = codecResult(body)
    switch Int(status) {
    case CIMAGE_OK: return
    case CIMAGE_UNAVAILABLE: throw DataError(.io, at: [], "\(format.title): \(message)")
    case CIMAGE_UNSUPPORTED:
      throw DataError(
        .badInput, at: [], "a kind of \(format.title) image that is not read (\(message))",
        remedy: "convert it to PNG, or leave it out with --on-bad-sample skip")
    default:
      throw DataError(.badInput, at: [], "a damaged \(format.title) image (\(message))", remedy: Remedy.replaceSample)
    }
  }
}

extension EncodedImage.Format {
  /// As messages name it.
  var title: String {
    switch self {
    case .png: "PNG"
    case .jpg: "JPEG"
    case .webp: "WebP"
    case .gif: "GIF"
    case .bmp: "BMP"
    case .tiff: "TIFF"
    case .pnm: "PNM"
    case .unknown: "unknown"
    }
  }
}

/// Runs a function of CImage; its status and its sentence.
private func codecResult(_ body: (UnsafeMutablePointer<CChar>) -> Int32) -> (status: Int32, message: String) {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIMAGE_ERROR_SIZE)) { buffer in
    guard let error = buffer.baseAddress else { return (Int32(CIMAGE_UNAVAILABLE), "no memory") }
    error.pointee = 0
    let status = body(error)
    return (status, status == 0 ? "" : String(cString: error))
  }
}

/// Decodes an image file to 8-bit grey or RGB.
///
/// Transparency is dropped, palettes are resolved, of 16 bits the upper eight are taken; of several frames or pages the first. EXIF data does
/// not turn it; a TIFF file's orientation, which says how its rows are stored, does. Throws `badInput`, with an
/// empty place, for a damaged file, a kind that is not read, or more pixels than allowed, which is checked before memory is taken.
public func decodeImage(_ image: EncodedImage, limits: Limits = Limits()) throws(DataError) -> Pixels {
  try image.decoded(limits: limits).pixels
}

/// Decodes the bytes of an image file, whose format is told by their beginning; throws as the other form does.
public func decodeImage(_ bytes: [UInt8], limits: Limits = Limits()) throws(DataError) -> Pixels {
  try decodeImage(EncodedImage(file: bytes), limits: limits)
}

/// A PNG file with these pixels; the same pixels and level give the same bytes on the same libdeflate.
///
/// Levels are libdeflate's, 0 to 12. The first is within 1 % of libpng's default in size on CIFAR-10 and within 4 % on
/// photographs, in a quarter of the time.
public func encodePNG(_ pixels: Pixels, compressionLevel: Int = 1) -> [UInt8] {
  precondition((0...12).contains(compressionLevel), "a compression level is 0 to 12, not \(compressionLevel)")
  precondition(pixels.channels == 1 || pixels.channels == 3, "a PNG is grey or RGB, not of \(pixels.channels) channels")
  precondition(pixels.height > 0 && pixels.width > 0, "a PNG cannot be empty")
  var info = cimage_info()
  (info.width, info.height, info.channels) = (UInt32(pixels.width), UInt32(pixels.height), UInt32(pixels.channels))
  var file: UnsafeMutablePointer<UInt8>?
  var count = 0
  let (status, message) = codecResult { error in
    cimage_png_encode(pixels.bytes, info, Int32(compressionLevel), &file, &count, error)
  }
  // With these conditions only memory can fail, which Swift does not survive either.
  precondition(status == 0, "a PNG could not be encoded: \(message)")
  defer { cimage_free(file) }
  return Array(UnsafeBufferPointer(start: file, count: count))
}
