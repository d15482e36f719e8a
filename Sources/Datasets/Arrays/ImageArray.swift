/// How the elements of an array of images stand in memory.
struct ImageArray {
  private(set) var height: Int
  private(set) var width: Int
  private(set) var channels: Int
  /// Whether the planes of an image's channels follow one another.
  private let isPlanar: Bool
  private let header: NPYHeader
  /// What the log shall say.
  private(set) var notes: [String] = []

  /// Bytes of one image.
  var byteCount: Int { height * width * channels * header.element.size }

  /// N×H×W, N×H×W×C or N×C×H×W; N×P where P pixels make a square.
  ///
  /// Throws `badInput` for anything else, and for a shape that can be read in two ways.
  init(_ header: NPYHeader, at place: [String]) throws(DataError) {
    let shape = header.shape
    func refuse(_ problem: String, _ remedy: String) -> DataError {
      DataError(
        .badInput, at: place, "images of shape \(shape) and type \(header.element.rawValue); \(problem)", remedy: remedy
      )
    }
    self.header = header
    let isChannels = { (extent: Int) in extent == 1 || extent == 3 }
    switch shape.count {
    case 2 where squareSide(shape[1]) ?? 0 > 1:
      let side = squareSide(shape[1]) ?? 0
      (height, width, channels, isPlanar) = (side, side, 1, false)
      notes = ["the \(shape[1]) values of an image are read as \(side) rows of \(side)"]
    case 3
    where isChannels(shape[1]) && squareSide(shape[2]) ?? 0 >= 4
      || isChannels(shape[2]) && squareSide(shape[1]) ?? 0 >= 4:
      throw refuse("that may be rows of pixels, or images whose pixels are in one row", "save them as N×H×W or N×H×W×C")
    case 3:
      (height, width, channels, isPlanar) = (shape[1], shape[2], 1, false)
    case 4 where isChannels(shape[3]) && isChannels(shape[1]):
      throw refuse("that may be N×H×W×C or N×C×H×W", "save grey images as N×H×W, and colour as N×H×W×3")
    case 4 where isChannels(shape[3]):
      (height, width, channels, isPlanar) = (shape[1], shape[2], shape[3], false)
    case 4 where isChannels(shape[1]):
      (height, width, channels, isPlanar) = (shape[2], shape[3], shape[1], true)
    case 4 where isChannels(shape[2]):
      throw refuse(
        "the number of images comes first in N×H×W×C", "move the last axis to the front, numpy.moveaxis(x, -1, 0)")
    default:
      throw refuse(
        "N×H×W, N×H×W×C or N×C×H×W with 1 or 3 channels were expected", "save them in one of these shapes")
    }
  }

  /// One image's bytes as pixels.
  func pixels(_ bytes: [UInt8], _ scale: inout PixelScale, at place: [String]) throws(DataError) -> Pixels {
    var levels: [UInt8]
    if header.element == .uint8 || header.element == .bool {
      levels = try scale.levels(bytes, at: place)
    } else {
      let values = bytes.withUnsafeBytes { header.floats($0) }
      levels = [UInt8](unsafeUninitializedCapacity: values.count) { out, count in
        for index in values.indices { out[index] = scale.level(values[index]) }
        count = values.count
      }
    }
    if isPlanar { levels = transposed(levels, rows: channels, columns: height * width) }
    return Pixels(height: height, width: width, channels: channels, bytes: levels)
  }

  /// How the values of a whole array become levels; reads them all, unless they are bytes.
  static func scale(_ source: ByteSource, _ header: NPYHeader, white: Int?) throws(DataError) -> PixelScale {
    switch header.element {
    case .uint8: return PixelScale(white: white)
    case .bool: return PixelScale(white: 1)
    default: break
    }
    var least = Float.infinity
    var most = -Float.infinity
    var rest = header.count
    while rest > 0 {
      let count = min(rest, 1 << 16)
      let bytes = try source.readExactly(count * header.element.size, what: "the array")
      let values = bytes.withUnsafeBytes { header.floats($0) }
      for value in values {
        guard value.isFinite else {
          throw DataError(
            .badInput, at: [source.name], "contains NaN or infinity",
            remedy: "save images from 0 to 1, or from 0 to 255")
        }
        least = min(least, value)
        most = max(most, value)
      }
      rest -= count
    }
    if header.count == 0 { return PixelScale(white: white) }
    return try PixelScale(
      least: least, most: most, isFloat: header.element.isFloat, white: white, at: [source.name])
  }
}

/// The side of the square that so many pixels make; nil where they make none.
func squareSide(_ count: Int) -> Int? {
  guard count >= 0 else { return nil }
  let side = Int(Double(count).squareRoot().rounded())
  // The square of a rounded root may be more than any Int.
  let (square, isTooLarge) = side.multipliedReportingOverflow(by: side)
  return !isTooLarge && square == count ? side : nil
}

/// An array of class indices.
enum LabelArray {
  /// N or N×1 whole numbers, of any type.
  ///
  /// Throws `badInput` for one-hot rows, several labels for an image, fractions, and numbers that no class has.
  static func read(_ source: ByteSource, _ header: NPYHeader, limits: Limits) throws(DataError) -> [Int] {
    let place = [source.name]
    guard header.shape.count == 1 || header.shape.count == 2 && header.shape[1] == 1 else {
      throw DataError(
        .badInput, at: place, "labels of shape \(header.shape); one number for each image was expected",
        remedy: "save class indices, not one-hot rows; images with several labels each have no class to condense")
    }
    let expected = header.count * header.element.size
    guard expected <= limits.maxMemberBytes else {
      throw DataError(
        .badInput, at: place, "\(grouped(header.count)) labels, more than \(grouped(limits.maxMemberBytes)) bytes")
    }
    let bytes = try source.readAll(limit: limits.maxMemberBytes)
    guard bytes.count == expected else {
      throw DataError(
        .badInput, at: place,
        "\(grouped(bytes.count)) bytes of elements, but shape \(header.shape) takes \(grouped(expected))"
          + (bytes.count < expected ? "; the input is cut short" : ""))
    }
    var values: [Int]? = bytes.withUnsafeBytes { header.integers($0) }
    if header.element.isFloat {
      let floats = bytes.withUnsafeBytes { header.floats($0) }
      if let odd = floats.first(where: { Int(exactly: $0) == nil }) {
        throw DataError(
          .badInput, at: place, "the label \(odd) is not a whole number", remedy: "save class indices")
      }
      values = floats.map { Int($0) }
    }
    for (index, value) in (values ?? []).enumerated() where value < 0 || value >= maxClasses {
      throw DataError(
        .badInput, at: place + ["label \(grouped(index + 1))"], "class \(value) is out of range",
        remedy: "number the classes from 0 to \(grouped(maxClasses - 1))")
    }
    guard let values else {
      throw DataError(.badInput, at: place, "labels of type \(header.element.rawValue) that are too large for a class")
    }
    return values
  }
}

/// A matrix of rows × columns elements, with rows and columns exchanged.
func transposed<Element>(_ elements: [Element], rows: Int, columns: Int) -> [Element] {
  if rows == 1 || columns == 1 { return elements }
  return elements.withUnsafeBufferPointer { from in
    [Element](unsafeUninitializedCapacity: elements.count) { to, count in
      for row in 0..<rows {
        for column in 0..<columns {
          (to.baseAddress.map { $0 + (column &* rows &+ row) })?.initialize(to: from[row &* columns &+ column])
        }
      }
      count = elements.count
    }
  }
}
