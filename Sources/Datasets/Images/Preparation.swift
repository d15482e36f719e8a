/// What the options ask of every image: to be sound, of one size, of one number of channels.
///
/// A value that needs no reader, so that images can be prepared on several threads.
struct Preparation: Sendable {
  let options: ReadOptions
  /// Channels of every sample; nil where nothing is known.
  let channels: Int?
  /// What the description says of every sample, C×H×W; nil where they differ.
  let expected: [Int]?
  /// Learns what images are.
  let findings: Findings

  private var isSized: Bool { options.resize != nil || options.centerCrop != nil }

  /// Whether a sample may have to be looked at or changed.
  func isNeeded(for sample: Sample) -> Bool {
    switch sample.content {
    case .pixels(let pixels): isSized || pixels.channels != channels
    case .encoded: true
    case .floats: isSized
    }
  }

  /// The sample as the options ask for it; `place` is where it stands, for messages.
  ///
  /// - Throws: `DataError` (`.badInput`).
  func prepared(_ sample: Sample, at place: [String]) throws(DataError) -> Sample {
    var sample = sample
    switch sample.content {
    case .pixels(var pixels):
      guard isSized || pixels.channels != channels else { return sample }
      try shape(&pixels, at: place)
      sample.content = .pixels(pixels)
    case .encoded(let image):
      guard let pixels = try located(place, { () throws(DataError) in try changed(image) }) else { return sample }
      sample.content = .pixels(pixels)
    case .floats(let array):
      guard !isSized || hasSize(array.shape) else {
        throw DataError(
          .usage, at: place, "float samples of \(shapeText(array.shape)) cannot be resized or cropped",
          remedy: "leave --resize and --center-crop out")
      }
    }
    return sample
  }

  /// Whether floats (C, H, W) have the size already that images are to have: those that were condensed so.
  private func hasSize(_ shape: [Int]) -> Bool {
    guard shape.count == 3 else { return false }
    if let side = options.centerCrop { return shape.dropFirst() == [side, side] }
    return options.resize.map { $0.size(height: shape[1], width: shape[2]) == (shape[1], shape[2]) } ?? true
  }

  /// The image where it cannot travel as it is; nil where it can.
  ///
  /// What travels is a sound PNG or JPEG file that every reader decodes to the pixels that the description promises. A grey JPEG is such
  /// a file among colour ones: decoders give RGB where they are asked for it.
  private func changed(_ image: EncodedImage) throws(DataError) -> Pixels? {
    let canTravel = image.format == .png || image.format == .jpg
    func isAsPromised(_ header: ImageHeader) -> Bool {
      canTravel && header.traits.isEmpty && !(options.exifRotate && header.orientation != .upright)
        && (header.channels == channels ?? header.channels || image.format == .jpg && channels == 3)
    }
    if !isSized, !options.checksImages, canTravel {
      let header = try image.header(limits: options.limits)
      if isAsPromised(header) {
        findings.add(image.format, header)
        return nil
      }
    }
    var (pixels, header) = try image.decoded(limits: options.limits)
    if options.exifRotate { pixels = pixels.upright(from: header.orientation) }
    let isUntouched = !isSized && isAsPromised(header)
    if !isUntouched { try shape(&pixels, at: []) }
    if let expected, expected.dropFirst() != [pixels.height, pixels.width][...] || pixels.channels > expected[0] {
      throw DataError(
        .badInput, at: [],
        "an image of \(shapeText([pixels.channels, pixels.height, pixels.width])), where all others are of \(shapeText(expected))",
        remedy: "bring all to one size with --resize")
    }
    findings.add(image.format, header)
    return isUntouched ? nil : pixels
  }

  private func shape(_ pixels: inout Pixels, at place: [String]) throws(DataError) {
    if let resize = options.resize {
      let size = resize.size(height: pixels.height, width: pixels.width)
      guard size.height > 0, size.width > 0, size.height <= options.limits.maxPixels / size.width else {
        throw DataError(
          .badInput, at: place,
          "resized to \(grouped(size.height))×\(grouped(size.width)); 1 to \(grouped(options.limits.maxPixels)) pixels are"
            + " allowed")
      }
      var rows = 0..<size.height
      var columns = 0..<size.width
      if let side = options.centerCrop {
        try checkCrop(side, height: size.height, width: size.width, at: place)
        rows = middle(side, of: size.height)
        columns = middle(side, of: size.width)
      }
      pixels = resized(pixels, toHeight: size.height, width: size.width, rows: rows, columns: columns)
    } else if let side = options.centerCrop {
      try checkCrop(side, height: pixels.height, width: pixels.width, at: place)
      pixels = centerCropped(pixels, side: side)
    }
    if channels == 3, pixels.channels == 1 { pixels = pixels.inColour() }
  }

  private func checkCrop(_ side: Int, height: Int, width: Int, at place: [String]) throws(DataError) {
    guard side > 0, side <= height, side <= width else {
      throw DataError(
        .badInput, at: place,
        "a square of \(grouped(side)) cannot be cut out of \(grouped(height))×\(grouped(width)) pixels",
        remedy: "resize to at least that with --resize \(side)")
    }
  }
}
