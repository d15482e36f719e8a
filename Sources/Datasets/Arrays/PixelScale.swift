/// How the numbers of an array become levels from 0 to 255.
///
/// Bytes are levels. Of other numbers the smallest and largest of the whole array decide: [0, 1] and [0, 255] are read; where
/// neither fits, or both might, the user has to say which number is white.
struct PixelScale {
  /// The number that is white.
  let white: Float
  /// Whether any level between two whole ones was rounded.
  private(set) var isRounded = false
  // Bytes that stay near black may have another white.
  private var brightest: UInt8 = 0

  private static let suspicious: UInt8 = 16

  /// Bytes, or numbers of which the user says what is white.
  init(white: Int? = nil) { self.white = Float(white ?? 255) }

  /// Numbers from `least` to `most`, of the whole array.
  ///
  /// Throws `badInput` with that range where it does not say what is white.
  init(least: Float, most: Float, isFloat: Bool, white: Int?, at place: [String]) throws(DataError) {
    func refuse(_ problem: String, _ remedy: String) -> DataError {
      DataError(
        .badInput, at: place, "its values lie between \(text(least)) and \(text(most)); \(problem)", remedy: remedy)
    }
    guard least.isFinite, most.isFinite else {
      throw DataError(
        .badInput, at: place, "contains NaN or infinity", remedy: "save images from 0 to 1, or from 0 to 255")
    }
    if let white {
      guard least >= 0, most <= Float(white) else {
        throw refuse("--white \(white) takes them to lie between 0 and \(white)", "give the value that is white")
      }
      self.white = Float(white)
      return
    }
    guard least >= 0, most <= 255 else {
      throw refuse(
        "images between 0 and 1 or between 0 and 255 were expected",
        least < 0
          ? "undo the normalisation, or save the original images as bytes"
          : "if \(text(most)) or more is white, say so with --white N")
    }
    if most <= 1, isFloat {
      self.white = 1
    } else if most >= 128 {
      self.white = 255
    } else {
      throw refuse(
        "that may be dark images between 0 and 255, or images whose white is another number",
        "say which number is white: --white 255, or --white \(text(max(1, most.rounded(.up))))")
    }
  }

  /// A level.
  mutating func level(_ value: Float) -> UInt8 {
    let scaled = value * 255 / white
    // To even, as NumPy does.
    let rounded = scaled.rounded(.toNearestOrEven)
    if abs(scaled - rounded) > 0.01 { isRounded = true }
    return rounded > 0 ? (rounded < 255 ? UInt8(rounded) : 255) : 0
  }

  /// Levels of bytes: those bytes, unless the user gave another white.
  mutating func levels(_ bytes: [UInt8], at place: @autoclosure () -> [String]) throws(DataError) -> [UInt8] {
    if brightest <= Self.suspicious { brightest = max(brightest, bytes.max() ?? 0) }
    if white == 255 { return bytes }
    if let excess = bytes.first(where: { Float($0) > white }) {
      throw DataError(
        .badInput, at: place(), "the value \(excess) is above \(text(white)), which --white calls white",
        remedy: "give the value that is white")
    }
    var levels = bytes
    for index in levels.indices { levels[index] = level(Float(levels[index])) }
    return levels
  }

  /// What to say of the pixels when all were read.
  var notes: [String] {
    if isRounded { return ["its numbers were rounded to 256 levels"] }
    guard white == 255, (1...Self.suspicious).contains(brightest) else { return [] }
    return ["no pixel is brighter than \(brightest) of 255; if another value is white, say so with --white N"]
  }
}

/// A number without the decimals of a whole one.
private func text(_ value: Float) -> String {
  value == value.rounded() && abs(value) < 1e9 ? String(Int(value)) : "\(value)"
}
