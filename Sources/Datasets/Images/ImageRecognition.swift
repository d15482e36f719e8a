extension EncodedImage {
  /// Takes bytes whose beginning is that of an image file of a format that is read; nil for anything else.
  public init?(recognising bytes: [UInt8]) {
    guard let format = Format(firstBytes: bytes) else { return nil }
    self.init(format: format, bytes: bytes)
  }

  /// Takes a file that should be an image; what is none is a bad sample, found when it is decoded.
  init(file bytes: [UInt8]) {
    self.init(format: Format(firstBytes: bytes) ?? .unknown, bytes: bytes)
  }
}

extension EncodedImage.Format {
  /// As many bytes of a file as its format is known by.
  static let signatureLength = 32

  /// The format of a file that begins so; nil for anything else.
  init?(firstBytes bytes: [UInt8]) {
    func has(_ text: String, at place: Int = 0) -> Bool { bytes.dropFirst(place).starts(with: text.utf8) }
    if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpg
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      self = .png
    } else if has("RIFF"), has("WEBP", at: 8) {
      self = .webp
    } else if has("GIF87a") || has("GIF89a") {
      self = .gif
    } else if has("II*\0") || has("MM\0*") || has("II+\0") || has("MM\0+") {
      self = .tiff
    } else if has("BM"), bytes.count >= 26, Self.isBitmapHeader(bytes[14..<18]) {
      self = .bmp
    } else if bytes.count >= 8, bytes[0] == 0x50, (0x31...0x36).contains(bytes[1]), Self.isAfterMagic(bytes[2...]) {
      self = .pnm
    } else {
      return nil
    }
  }

  /// The sizes that headers of BMP files have.
  private static func isBitmapHeader(_ size: ArraySlice<UInt8>) -> Bool {
    [12, 16, 40, 52, 56, 64, 108, 124].contains(size.reversed().reduce(0) { $0 << 8 | Int($1) })
  }

  /// White space, then a comment or the width: a text that begins with “P1 ” is not an image.
  private static func isAfterMagic(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first, first == 0x20 || (0x09...0x0d).contains(first) else { return false }
    let next = bytes.first { $0 != 0x20 && !(0x09...0x0d).contains($0) }
    return next.map { $0 == 0x23 || (0x30...0x39).contains($0) } ?? false
  }
}

/// Endings of image files, those that are not read too: what has one of them should be an image.
let imageExtensions: Set<String> = [
  "png", "apng", "jpg", "jpeg", "jpe", "jfif", "jif", "webp", "gif", "bmp", "dib", "tif", "tiff", "pnm", "pbm", "pgm",
  "ppm",
  "heic", "heif", "avif", "jp2", "j2k", "jxl", "ico", "tga", "psd", "exr", "hdr", "pfm", "pam",
]

/// Fields of WebDataset archives that hold an image: the endings of the formats that are read.
let imageFields: Set<String> = [
  "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff", "pnm", "pbm", "pgm", "ppm",
]

/// Whether a file of a folder or an archive is an image, or should be one: by its first bytes, whatever its ending, or by its ending.
///
/// - Parameters:
///   - name: the file's name, with or without the folders above it.
///   - firstBytes: `EncodedImage.Format.signatureLength` of them, or all.
func isImageFile(named name: String, firstBytes: [UInt8]) -> Bool {
  EncodedImage.Format(firstBytes: firstBytes) != nil || hasImageExtension(name)
}

/// Whether the part after the last dot is that of an image file.
func hasImageExtension(_ name: String) -> Bool {
  guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return false }
  return imageExtensions.contains(name[name.index(after: dot)...].lowercased())
}

/// The error for bytes that should be an image and are of none of the formats that are read.
func foreign(_ bytes: [UInt8]) -> DataError {
  func error(_ problem: String, _ remedy: String = Remedy.replaceSample) -> DataError {
    DataError(.badInput, at: [], problem, remedy: remedy)
  }
  func has(_ text: String, at place: Int = 0) -> Bool { bytes.dropFirst(place).starts(with: text.utf8) }
  if bytes.isEmpty { return error("an empty file instead of an image") }
  if bytes.allSatisfy({ $0 == 0 }) {
    return error("a file of \(grouped(bytes.count)) zeros instead of an image, as a failed copy leaves it")
  }
  let text = String(decoding: bytes.prefix(256), as: UTF8.self).lowercased().drop {
    $0.isWhitespace || $0 == "\u{FEFF}"
  }
  let kinds: [(String, Bool)] = [
    ("AVIF", has("ftypavi", at: 4)),
    ("HEIC", has("ftyphe", at: 4) || has("ftypmif1", at: 4) || has("ftypmsf1", at: 4)),
    ("JPEG 2000", has("jP  ", at: 4) || bytes.starts(with: [0xff, 0x4f, 0xff, 0x51])),
    ("JPEG XL", has("JXL ", at: 4) || bytes.starts(with: [0xff, 0x0a])),
    ("Photoshop", has("8BPS")), ("OpenEXR", bytes.starts(with: [0x76, 0x2f, 0x31, 0x01])), ("Radiance", has("#?")),
    ("PAM", has("P7\n")), ("PFM", has("PF\n") || has("Pf\n")), ("ICO", bytes.starts(with: [0, 0, 1, 0])),
    ("SVG", text.hasPrefix("<svg") || text.hasPrefix("<?xml")),
  ]
  if let (kind, _) = kinds.first(where: \.1) {
    return error(
      "an image in the format \(kind), which is not read",
      "convert it to PNG, or leave it out with --on-bad-sample skip")
  }
  if let known = KnownFile(Array(bytes.prefix(512))) {
    return error(
      "\(known.what) instead of an image\(known.reason)", known.isPointer ? known.remedy : Remedy.replaceSample)
  }
  return error("not an image of a known format: it starts with \(hex(Array(bytes.prefix(8))))")
}

extension EncodedImage {
  /// The shape that a layout's first pass takes into account: that of a sound header; nil for a bad sample, which is found when it is decoded.
  func surveyedShape(_ options: ReadOptions) -> [Int]? {
    do throws(DataError) {
      return try shape(limits: options.limits, turning: options.exifRotate)
    } catch {
      return nil
    }
  }
}
