/// One labelled example: what every stage passes on.
public struct Sample: Sendable, Equatable {
  /// Unique in the dataset; `[A-Za-z0-9_-]+`, as the shard format demands.
  public var key: String
  /// The image, or the latent that stands for it.
  public var content: Content
  /// Class index, into `DatasetInfo.classNames`.
  public var label: Int
  /// Probability (or logit, see `DatasetInfo.labelKind`) per class, in index order.
  public var softLabel: [Float]?
  /// Per-sample metadata: one JSON object, UTF-8.
  public var metadata: [UInt8]?
  /// Fields that the program does not interpret (`txt`, …), in archive order, passed on untouched.
  public var extras: [Field]
  /// The path of its file in the archive or folder that is being read, where every sample is a file of its own.
  ///
  /// Known to who reads that archive only: it is not written to wire and shards.
  public var origin: String?

  /// Makes a sample; everything but key, content and label is optional.
  public init(
    key: String, content: Content, label: Int, softLabel: [Float]? = nil, metadata: [UInt8]? = nil,
    extras: [Field] = [], origin: String? = nil
  ) {
    self.key = key
    self.content = content
    self.label = label
    self.softLabel = softLabel
    self.metadata = metadata
    self.extras = extras
    self.origin = origin
  }
}

/// A named run of bytes that belongs to a sample, such as `txt`.
public struct Field: Sendable, Equatable {
  /// The part of the member name after the key and its dot, lower case: `txt`, `soft.npy`.
  public var name: String
  /// The member's bytes.
  public var bytes: [UInt8]

  /// Makes a field.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// What a sample shows, in the form in which it was found, so that nothing is decoded or encoded without need.
public enum Content: Sendable, Equatable {
  /// Decoded 8-bit pixels.
  case pixels(Pixels)
  /// An undecoded image file.
  case encoded(EncodedImage)
  /// Float32 pixels (C×H×W, un-normalised, 1 = white) or a latent (any shape).
  case floats(FloatArray)
}

/// An 8-bit image, H×W×C interleaved, C = 1 (grey) or 3 (RGB).
public struct Pixels: Sendable, Equatable {
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int
  /// 1 or 3.
  public var channels: Int
  /// `height * width * channels` bytes, row by row, channels interleaved.
  public var bytes: [UInt8]

  /// Makes an image from exactly `height * width * channels` bytes.
  public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    precondition(
      bytes.count == height * width * channels,
      "an image of \(height)×\(width)×\(channels) takes \(height * width * channels) bytes, not \(bytes.count)")
    self.height = height
    self.width = width
    self.channels = channels
    self.bytes = bytes
  }
}

/// An image file as it stood in the archive.
public struct EncodedImage: Sendable, Equatable {
  /// The formats that are read; only PNG and JPEG files travel on as they are.
  public enum Format: String, Sendable, CaseIterable {
    case png, jpg, webp, gif, bmp, tiff, pnm
    /// None of them: a file that should have been an image. To decode it throws what it is instead.
    case unknown
  }
  /// Its codec, known from the first bytes, not from the name.
  public var format: Format
  /// The whole file.
  public var bytes: [UInt8]

  /// Makes an encoded image.
  public init(format: Format, bytes: [UInt8]) {
    self.format = format
    self.bytes = bytes
  }
}

/// A float32 array in C order.
public struct FloatArray: Sendable, Equatable {
  /// Extent of each axis, outermost first.
  public var shape: [Int]
  /// The product of `shape` many values.
  public var values: [Float]

  /// Makes an array from exactly as many values as the shape holds.
  public init(shape: [Int], values: [Float]) {
    precondition(
      values.count == shape.reduce(1, *), "shape \(shape) takes \(shape.reduce(1, *)) values, not \(values.count)")
    self.shape = shape
    self.values = values
  }
}
