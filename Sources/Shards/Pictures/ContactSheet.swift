public import Datasets

/// Draws the first images of every class: one row per class, in index order, on a white ground.
///
/// Float images are clamped to what 8 bits show; spectrograms are coloured by the range of those that are drawn. An image that is smaller than the others stands in the corner of its
/// field, a larger one is cut. Reading stops once every row is full.
///
/// - Parameters:
///   - perClass: images in a row.
///   - scale: how many times every pixel is repeated in both directions.
///   - names: whether the class name stands before each row.
/// - Returns: an image, grey when all images are, else RGB.
/// - Throws: `DataError` of the source; `.badInput` when it holds latents or no samples.
public func contactSheet(
  of source: any SampleSource, perClass: Int, scale: Int = 1, names: Bool = true, limits: Limits = Limits()
) throws(DataError) -> Pixels {
  precondition(perClass > 0 && scale > 0, "a contact sheet has at least one image a row, and a scale of at least 1")
  let info = source.info
  guard info.kind == .samples else {
    throw DataError(.badInput, at: [info.name], "holds latents, which show nothing", remedy: "decode them first")
  }
  var found: [[Sample]] = Array(repeating: [], count: info.classNames.count)
  var wanted = (info.countPerClass ?? found.map { _ in perClass }).map { min($0, perClass) }
  var missing = wanted.reduce(0, +)
  while missing > 0, let sample = try source.next() {
    guard wanted[sample.label] > 0 else { continue }
    wanted[sample.label] -= 1
    missing -= 1
    found[sample.label].append(sample)
  }
  let rows = zip(info.classNames, found).map { SheetRow(name: names ? $0 : "", samples: $1) }
  return try contactSheet(
    of: rows, isSpectrogram: info.spectrogram != nil, scale: scale, named: info.name, limits: limits)
}

/// A row of a contact sheet.
public struct SheetRow: Sendable {
  /// What stands before it; empty where no row has a name.
  public var name: String
  /// Its pictures, from left to right.
  public var samples: [Sample]

  /// A row; see the properties.
  public init(name: String, samples: [Sample]) {
    self.name = name
    self.samples = samples
  }
}

/// Draws rows of samples, as `contactSheet` of a source does.
///
/// - Parameters:
///   - isSpectrogram: whether the samples are spectrograms, which are coloured.
///   - name: what the samples are called in errors.
/// - Throws: `DataError` (`.badInput`) where no row has a sample, or one cannot be drawn; `.usage` for a sheet of more than half a gigabyte.
public func contactSheet(
  of rows: [SheetRow], isSpectrogram: Bool, scale: Int = 1, named name: String, limits: Limits = Limits()
) throws(DataError) -> Pixels {
  let pictures =
    try isSpectrogram ? spectrograms(of: rows.map(\.samples)) : images(of: rows.map(\.samples), limits: limits)
  let all = pictures.joined()
  guard let tallest = all.map(\.height).max(), let widest = all.map(\.width).max() else {
    throw DataError(.badInput, at: [name], "holds no samples to show")
  }
  let height = min(tallest, 512) * scale
  let width = min(widest, 512) * scale
  let gap = max(2, scale)
  let names = rows.contains { !$0.name.isEmpty }
  let labelWidth = names ? (rows.map { Glyphs.width(of: $0.name) }.max() ?? 0) + 2 * gap : 0
  let rowHeight = names ? max(height, Glyphs.height) : height
  let columns = pictures.map(\.count).max() ?? 0
  let sheetHeight = rows.count * (rowHeight + gap) + gap
  let sheetWidth = labelWidth + columns * (width + gap) + gap
  let channels = all.contains { $0.channels == 3 } ? 3 : 1
  guard sheetHeight <= mostValues / channels / sheetWidth else {
    throw DataError(
      .usage, at: [name],
      "a sheet of \(grouped(sheetWidth))×\(grouped(sheetHeight)) pixels is too large",
      remedy: "lower --per-class or --scale, or choose classes")
  }
  var sheet = Canvas(height: sheetHeight, width: sheetWidth, channels: channels)
  for (index, row) in pictures.enumerated() {
    let top = gap + index * (rowHeight + gap)
    if names { sheet.write(rows[index].name, top: top + (rowHeight - Glyphs.height) / 2, left: gap) }
    for (column, image) in row.enumerated() {
      sheet.draw(
        image, top: top, left: labelWidth + gap + column * (width + gap), scale: scale, height: height, width: width)
    }
  }
  return Pixels(height: sheet.height, width: sheet.width, channels: sheet.channels, bytes: sheet.bytes)
}

/// Values of a sheet at most.
private let mostValues = 1 << 29

private func images(of rows: [[Sample]], limits: Limits) throws(DataError) -> [[Pixels]] {
  var pictures: [[Pixels]] = []
  for row in rows {
    pictures.append([])
    for sample in row { pictures[pictures.count - 1].append(try sample.pixels(limits: limits)) }
  }
  return pictures
}

private func spectrograms(of rows: [[Sample]]) throws(DataError) -> [[Pixels]] {
  var spans: [ClosedRange<Float>] = []
  for case .floats(let array) in rows.joined().map(\.content) { spans += array.span.map { [$0] } ?? [] }
  let low = spans.map(\.lowerBound).min() ?? 0
  let range = low...(spans.map(\.upperBound).max() ?? low)
  var pictures: [[Pixels]] = []
  for row in rows {
    pictures.append([])
    for sample in row {
      guard case .floats(let array) = sample.content else {
        throw DataError(.badInput, at: [sample.key], "is an 8-bit image among spectrograms")
      }
      do throws(DataError) {
        pictures[pictures.count - 1].append(try array.picture(range: range))
      } catch {
        throw error.at(sample.key)
      }
    }
  }
  return pictures
}

/// A white image to draw on.
private struct Canvas {
  let height: Int
  let width: Int
  let channels: Int
  var bytes: [UInt8]

  init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
    bytes = Array(repeating: 255, count: height * width * channels)
  }

  /// Draws an image enlarged, cut to `height` × `width`.
  mutating func draw(_ image: Pixels, top: Int, left: Int, scale: Int, height: Int, width: Int) {
    for y in 0..<min(height, image.height * scale) {
      for x in 0..<min(width, image.width * scale) {
        let source = (y / scale * image.width + x / scale) * image.channels
        let target = ((top + y) * self.width + left + x) * channels
        for channel in 0..<channels {
          bytes[target + channel] = image.bytes[source + min(channel, image.channels - 1)]
        }
      }
    }
  }

  mutating func write(_ text: String, top: Int, left: Int) {
    var left = left
    for scalar in text.unicodeScalars.prefix(Glyphs.longest) {
      for (y, row) in Glyphs.rows(of: scalar).enumerated() {
        for x in 0..<5 where row >> (4 - x) & 1 == 1 {
          let target = ((top + y) * width + left + x) * channels
          for channel in 0..<channels { bytes[target + channel] = 0 }
        }
      }
      left += Glyphs.advance
    }
  }
}
