internal import CImage

/// What an image file says of itself.
struct ImageHeader: Sendable, Equatable {
  /// Rows, columns and channels of the decoded pixels, not turned by EXIF data.
  var height: Int
  var width: Int
  var channels: Int
  /// How the file differs from its decoded pixels.
  var traits: Traits
  /// What the file's EXIF data says.
  var orientation: Orientation

  /// What may be different between a file and its decoded pixels.
  struct Traits: OptionSet, Sendable {
    let rawValue: UInt32
    /// Numbers of colours.
    static let palette = Traits(rawValue: UInt32(CIMAGE_PALETTE))
    /// Transparency.
    static let alpha = Traits(rawValue: UInt32(CIMAGE_ALPHA))
    /// More than 8 bits per channel.
    static let deep = Traits(rawValue: UInt32(CIMAGE_DEEP))
    /// Grey of fewer than 8 bits.
    static let shallow = Traits(rawValue: UInt32(CIMAGE_SHALLOW))
    static let cmyk = Traits(rawValue: UInt32(CIMAGE_CMYK))
    /// The first of several frames or pages.
    static let several = Traits(rawValue: UInt32(CIMAGE_SEVERAL))
    /// Data beside the pixels for which some readers refuse the file.
    static let sideData = Traits(rawValue: UInt32(CIMAGE_SIDE_DATA))
  }

  init(_ info: cimage_info) {
    height = Int(info.height)
    width = Int(info.width)
    channels = Int(info.channels)
    traits = Traits(rawValue: info.traits)
    orientation = Orientation(rawValue: info.orientation) ?? .upright
  }
}

/// How a camera was held, by the numbers of EXIF.
enum Orientation: UInt32, Sendable {
  case upright = 1
  case mirrored, upsideDown, mirroredUpsideDown, transposed, turnedLeft, transversed, turnedRight

  /// Whether rows become columns when the image is turned upright.
  var swapsSides: Bool { rawValue >= 5 }
}

extension Pixels {
  /// An image of that orientation, upright.
  func upright(from orientation: Orientation) -> Pixels {
    guard orientation != .upright else { return self }
    let turned = [UInt8](unsafeUninitializedCapacity: bytes.count) { out, count in
      bytes.withUnsafeBufferPointer { from in
        cimage_turn(
          from.baseAddress, UInt32(width), UInt32(height), UInt32(channels), orientation.rawValue, out.baseAddress)
      }
      count = bytes.count
    }
    let (newHeight, newWidth) = orientation.swapsSides ? (width, height) : (height, width)
    return Pixels(height: newHeight, width: newWidth, channels: channels, bytes: turned)
  }
}
