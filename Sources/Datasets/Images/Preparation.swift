/// What the options ask of every image: to be sound, of one size, of one number of channels.
///
/// A value that needs no reader, so that images can be prepared on several threads.
struct Preparation: Sendable {
  let options: ReadOptions
  /// Channels of every sample; nil where nothing is known.
  let channels: Int?

  private var isSized: Bool { options.resize != nil || options.centerCrop != nil }

  /// Whether a sample may have to be looked at or changed.
  func isNeeded(for sample: Sample) -> Bool {
    switch sample.content {
    case .pixels(let pixels): isSized || pixels.channels != channels
    case .encoded: isSized || options.checksImages || channels == nil || channels == 3
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
      if !isSized, !options.checksImages {
        let found = try located(place) { () throws(DataError) in try image.shape(limits: options.limits)[0] }
        if found == channels ?? found { return sample }
      }
      var pixels = try located(place) { () throws(DataError) in try decodeImage(image, limits: options.limits) }
      let isUnified = channels == nil || pixels.channels == channels
      // A sound image that nobody wants changed is passed on as it was.
      if !isSized, isUnified { return sample }
      try shape(&pixels, at: place)
      sample.content = .pixels(pixels)
    case .floats:
      guard !isSized else {
        throw DataError(
          .badInput, at: place, "float samples cannot be resized or cropped",
          remedy: "leave --resize and --center-crop out")
      }
    }
    return sample
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
