/// Size of the images of a data set: channels, and rows and columns of pixels.
public struct ImageShape: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Values per pixel: 1 for grey images, 3 for colour.
  public var channels: Int
  /// Rows of pixels.
  public var height: Int
  /// Columns of pixels.
  public var width: Int

  /// The shape `channels`×`height`×`width`.
  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Values of one image.
  public var count: Int { channels * height * width }

  /// The same, for sizes that a description from elsewhere may state.
  public var values: Double { Double(channels) * Double(height) * Double(width) }

  /// The shorter of the two sides, in pixels.
  public var side: Int { min(height, width) }

  /// As messages show it: `3×32×32`.
  public var description: String { shapeText([channels, height, width]) }
}
