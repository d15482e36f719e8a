/// A layout's samples as the options ask for them, under the contract of `SampleSource`: nil again after the end, the same
/// error again after a failure, and an error instead of an empty dataset.
final class PreparedSource: SampleSource {
  /// What the options make of the description; after the last sample, of what is known then.
  private(set) var info: DatasetInfo
  private let inner: OpenedLayout
  private let options: ReadOptions
  private let name: String
  private let log: (String) -> Void
  /// New index per old one; nil drops the class.
  private let newLabels: [Int?]?
  private var delivered = 0
  private var ended = false
  private var failure: DataError?

  init(
    _ opened: OpenedLayout, options: ReadOptions, name: String, log: @escaping (String) -> Void = { _ in }
  ) throws(DataError) {
    inner = opened
    self.options = options
    self.name = name
    self.log = log
    (info, newLabels) = try Self.described(opened.info, channels: opened.channels, options, name: name)
  }

  private static func described(
    _ original: DatasetInfo, channels: Int?, _ options: ReadOptions, name: String
  ) throws(DataError) -> (DatasetInfo, [Int?]?) {
    var info = original
    let newLabels = try chooseClasses(&info, options.classes, name: name)
    info.shape = newShape(info.shape, channels: channels, options)
    if let name = options.name { info.name = name }
    return (info, newLabels)
  }

  func next() throws(DataError) -> Sample? {
    if let failure { throw failure }
    if ended { return nil }
    do throws(DataError) {
      while var sample = try inner.next() {
        if let newLabels {
          guard let label = newLabels[sample.label] else { continue }
          sample.label = label
          sample.softLabel = sample.softLabel.map { soft in zip(soft, newLabels).compactMap { $1 == nil ? nil : $0 } }
        }
        try prepare(&sample)
        delivered += 1
        return sample
      }
      guard delivered > 0 else { throw DataError(.badInput, at: [name], "there are no samples in it") }
      if let final = inner.finalInfo() {
        info = try Self.described(final, channels: inner.channels, options, name: name).0
      }
    } catch {
      failure = error
      throw error
    }
    ended = true
    for note in inner.closingNotes() { log("\(name): \(note)") }
    return nil
  }

  private func prepare(_ sample: inout Sample) throws(DataError) {
    let isSized = options.resize != nil || options.centerCrop != nil
    switch sample.content {
    case .pixels(var pixels):
      guard isSized || pixels.channels != inner.channels else { return }
      try shape(&pixels)
      sample.content = .pixels(pixels)
    case .encoded(let image):
      guard isSized || options.checksImages || inner.channels == nil || inner.channels == 3 else { return }
      if !isSized, !options.checksImages {
        let channels = try located(inner.place()) { () throws(DataError) in try image.shape(limits: options.limits)[0] }
        if channels == inner.channels ?? channels { return }
      }
      var pixels = try located(inner.place()) { () throws(DataError) in try decodeImage(image, limits: options.limits) }
      let isUnified = inner.channels == nil || pixels.channels == inner.channels
      // A sound image that nobody wants changed is passed on as it was.
      if !isSized, isUnified { return }
      try shape(&pixels)
      sample.content = .pixels(pixels)
    case .floats:
      guard !isSized else {
        throw DataError(
          .badInput, at: inner.place(), "float samples cannot be resized or cropped",
          remedy: "leave --resize and --center-crop out")
      }
    }
  }

  private func shape(_ pixels: inout Pixels) throws(DataError) {
    if let resize = options.resize {
      let size = resize.size(height: pixels.height, width: pixels.width)
      guard size.height > 0, size.width > 0, size.height <= options.limits.maxPixels / size.width else {
        throw DataError(
          .badInput, at: inner.place(),
          "resized to \(grouped(size.height))×\(grouped(size.width)); 1 to \(grouped(options.limits.maxPixels)) pixels are"
            + " allowed")
      }
      pixels = resized(pixels, toHeight: size.height, width: size.width)
    }
    if let side = options.centerCrop {
      guard side > 0, side <= pixels.height, side <= pixels.width else {
        throw DataError(
          .badInput, at: inner.place(),
          "a square of \(grouped(side)) cannot be cut out of \(grouped(pixels.height))×\(grouped(pixels.width)) pixels",
          remedy: "resize to at least that with --resize \(side)")
      }
      pixels = centerCropped(pixels, side: side)
    }
    if inner.channels == 3, pixels.channels == 1 { pixels = pixels.inColour() }
  }

  private static func chooseClasses(
    _ info: inout DatasetInfo, _ wanted: [String], name place: String
  ) throws(DataError) -> [Int?]? {
    if wanted.isEmpty { return nil }
    for name in wanted where !info.classNames.contains(name) {
      let known = info.classNames.prefix(20).joined(separator: ", ") + (info.classNames.count > 20 ? ", …" : "")
      throw DataError(.badInput, at: [place], "there is no class “\(name)” in it", remedy: "its classes are \(known)")
    }
    var newLabels: [Int?] = []
    var kept = 0
    for name in info.classNames {
      let keep = wanted.contains(name)
      newLabels.append(keep ? kept : nil)
      if keep { kept += 1 }
    }
    info.classNames = info.classNames.filter(wanted.contains)
    if let counts = info.countPerClass {
      info.countPerClass = zip(counts, newLabels).compactMap { $1 == nil ? nil : $0 }
    }
    return newLabels
  }

  /// C×H×W after resizing and cropping, where that can be said of all samples.
  private static func newShape(_ shape: [Int]?, channels: Int?, _ options: ReadOptions) -> [Int]? {
    guard let channels = shape?.first ?? channels else { return nil }
    if let side = options.centerCrop { return [channels, side, side] }
    switch (options.resize, shape) {
    case (.exact(let height, let width)?, _): return [channels, height, width]
    case (.shortSide?, nil): return nil
    case (let resize?, let shape?):
      let size = resize.size(height: shape[1], width: shape[2])
      return [channels, size.height, size.width]
    case (nil, _): return shape
    }
  }
}

extension Pixels {
  /// A grey image as RGB with equal channels.
  func inColour() -> Pixels {
    guard channels == 1 else { return self }
    let count = bytes.count
    let colour = [UInt8](unsafeUninitializedCapacity: 3 * count) { out, initialized in
      bytes.withUnsafeBufferPointer { grey in
        for index in 0..<count {
          out[3 &* index] = grey[index]
          out[3 &* index &+ 1] = grey[index]
          out[3 &* index &+ 2] = grey[index]
        }
      }
      initialized = 3 * count
    }
    return Pixels(height: height, width: width, channels: 3, bytes: colour)
  }
}
