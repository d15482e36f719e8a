internal import Datasets

/// What every sample of an export holds, as the first one tells it.
struct ExportLayout: Sendable, Equatable {
  /// What stands for the image.
  enum Content: Sendable, Equatable {
    /// 8-bit pixels, C×H×W.
    case pixels
    /// Files, each of them a PNG or a JPEG file.
    case files
    /// PNG files; JPEG files are decoded for that.
    case png
    /// JPEG files, unchanged.
    case jpg
    /// Float32 values.
    case floats
  }

  var content: Content
  /// C×H×W, or the shape of latents: of arrays and floats, where all samples have one.
  var shape: [Int]?
  /// Classes that a soft label has values for; nil where there is none.
  var softLabels: Int?
  var hasMetadata: Bool
  /// Names of further fields, sorted.
  var extras: [String]

  /// The layout of a dataset with that first sample.
  ///
  /// - Parameter mixed: whether it is known that some images are JPEG files and others are not.
  /// - Throws: `DataError` (`.badInput`) for an image that is damaged.
  init(of sample: Sample, in format: ExportFormat, info: DatasetInfo, mixed: Bool, limits: Limits) throws(DataError) {
    softLabels = sample.softLabel?.count
    hasMetadata = sample.metadata != nil
    extras = sample.extras.map(\.name).sorted()
    switch (sample.content, format) {
    case (.floats(let array), .imageFolder): (content, shape) = (.png, array.shape)
    case (.floats(let array), _): (content, shape) = (.floats, array.shape)
    case (_, .safetensors), (_, .npz):
      let pixels = try sample.unified(toChannels: info.shape?.first, limits: limits).pixels(limits: limits)
      (content, shape) = (.pixels, [pixels.channels, pixels.height, pixels.width])
    case (_, .tfrecord), (_, .imageFolder): content = .files
    case (.encoded(let image), .mds) where image.format == .jpg && !mixed: content = .jpg
    case (_, .mds): content = .png
    }
  }

  /// Refuses a sample that is not like the first one.
  ///
  /// - Throws: `DataError` (`.badInput`) at the sample's key.
  func check(_ sample: Sample) throws(DataError) {
    let found = (sample.softLabel != nil, sample.metadata != nil, sample.extras.map(\.name).sorted())
    guard found == (softLabels != nil, hasMetadata, extras) else {
      throw DataError(
        .badInput, at: [sample.key],
        "has \(words(found)), where the samples before it have \(words((softLabels != nil, hasMetadata, extras)))",
        remedy: "give all samples the same fields, as with pipe shard --fields png,cls")
    }
    if let soft = sample.softLabel, soft.count != softLabels {
      throw DataError(
        .badInput, at: [sample.key], "has a soft label of \(soft.count) values, not of \(softLabels ?? 0)")
    }
  }

  /// Refuses an image of another shape than the first one's.
  ///
  /// - Throws: `DataError` (`.badInput`) at the sample's key.
  func check(_ found: [Int], of key: String) throws(DataError) {
    guard let shape, found != shape else { return }
    throw DataError(
      .badInput, at: [key],
      "has the shape \(shapeText(found)), where the samples before it have \(shapeText(shape)), "
        + "and an array has one",
      remedy: "give all images one size with --resize HxW, or export to a format of image files, such as mds")
  }

  private func words(_ fields: (soft: Bool, metadata: Bool, extras: [String])) -> String {
    let names = (fields.soft ? ["soft.npy"] : []) + (fields.metadata ? ["json"] : []) + fields.extras
    return names.isEmpty ? "no field but image and label" : "the fields \(names.joined(separator: ", "))"
  }
}
