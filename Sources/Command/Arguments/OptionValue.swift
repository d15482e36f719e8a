internal import Catalog
internal import Datasets

/// Images per class, as typed: a number, or a table by class name.
public struct ClassCounts: Sendable, Equatable {
  /// Counts of the classes that were named.
  public var named: [String: Int]
  /// The count of every other class; nil where the table must name them all.
  public var others: Int?

  /// Makes a table.
  public init(named: [String: Int] = [:], others: Int? = nil) {
    self.named = named
    self.others = others
  }

  /// The count of that class; nil when the table does not say.
  public func count(of className: String) -> Int? {
    named[className] ?? others
  }
}

/// An image size, as typed.
public enum Extent: Sendable, Equatable {
  /// The length of the shorter side.
  case shortSide(Int)
  /// Rows and columns.
  case exact(height: Int, width: Int)
}

/// The value of an option after its text was checked.
enum OptionValue: Sendable, Equatable {
  case flag
  case integer(Int)
  case number(Double)
  case text(String)
  case list([String])
  case seconds(Double)
  case bytes(Int)
  case extent(Extent)
  case counts(ClassCounts)

  /// Reads `text` as `kind` wants it.
  ///
  /// - Throws: `UsageError` whose message says what was expected and found, without naming the option.
  init(_ text: String, as kind: ValueKind) throws(UsageError) {
    switch kind {
    case .flag: self = .flag
    case .integer(let range): self = .integer(try parsedInteger(text, in: range))
    case .number(let range): self = .number(try parsedNumber(text, in: range))
    case .text, .path:
      guard !text.isEmpty else { throw UsageError("takes a \(kind.placeholder ?? "value") that is not empty") }
      self = .text(text)
    case .list:
      let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard !words.contains("") else { throw UsageError("takes words separated by commas, not \(quoted(text))") }
      self = .list(words)
    case .choice(let words):
      guard words.contains(text) else {
        let hint = nearest(to: text, among: words).map { "did you mean \($0)?" }
        throw UsageError("takes one of \(words.joined(separator: ", ")), not \(quoted(text))", hint: hint)
      }
      self = .text(text)
    case .duration:
      guard let seconds = parsedSeconds(text) else {
        throw UsageError("takes a time such as 90s, 20m or 1h30m, not \(quoted(text))")
      }
      self = .seconds(seconds)
    case .size:
      guard let bytes = parsedBytes(text) else {
        throw UsageError("takes a size such as 512M or 2G, not \(quoted(text))")
      }
      self = .bytes(bytes)
    case .extent:
      guard let extent = parsedExtent(text) else {
        throw UsageError("takes a size in pixels such as 32 or 48x64, not \(quoted(text))")
      }
      self = .extent(extent)
    case .counts: self = .counts(try parsedCounts(text))
    }
  }
}

func quoted(_ text: String) -> String {
  "'\(text)'"
}

private func parsedInteger(_ text: String, in range: ClosedRange<Int>) throws(UsageError) -> Int {
  let bounds =
    switch (range.lowerBound, range.upperBound) {
    case (let low, Int.max): "a whole number from \(low) on"
    case (let low, let high): "a whole number from \(low) to \(high)"
    }
  guard let value = Int(text), range.contains(value) else { throw UsageError("takes \(bounds), not \(quoted(text))") }
  return value
}

private func parsedNumber(_ text: String, in range: ClosedRange<Double>) throws(UsageError) -> Double {
  guard let value = Double(text), range.contains(value) else {
    throw UsageError("takes a number from \(range.lowerBound) to \(range.upperBound), not \(quoted(text))")
  }
  return value
}

/// `90`, `90s`, `20m`, `1.5h`, `1h30m`, `2d`: units fall, each at most once; a number without unit is seconds.
private func parsedSeconds(_ text: String) -> Double? {
  let units: [(Character, Double)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
  if let plain = decimal(text) { return plain > 0 ? plain : nil }
  var total = 0.0
  var next = units[...]
  var digits = ""
  for character in text {
    if character.isASCII, character.isNumber || character == "." {
      digits.append(character)
      continue
    }
    guard let position = next.firstIndex(where: { $0.0 == character }), let amount = decimal(digits) else { return nil }
    total += amount * units[position].1
    next = units[(position + 1)...]
    digits = ""
  }
  return digits.isEmpty && total > 0 ? total : nil
}

/// `4096`, `512K`, `512M`, `2G`, `1T`, also `2GB` and `2GiB`; units are powers of 1024.
private func parsedBytes(_ text: String) -> Int? {
  var rest = text.uppercased()[...]
  if rest.hasSuffix("IB") { rest.removeLast(2) } else if rest.hasSuffix("B") { rest.removeLast() }
  var scale = 1
  if let unit = rest.last, let power = ["K", "M", "G", "T"].firstIndex(of: unit) {
    scale = 1 << (10 * (power + 1))
    rest.removeLast()
  }
  guard let amount = decimal(String(rest)) else { return nil }
  let value = (amount * Double(scale)).rounded()
  return value >= 1 && value < 9e18 ? Int(value) : nil
}

private func parsedExtent(_ text: String) -> Extent? {
  let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
  guard sides.count <= 2 else { return nil }
  let lengths = sides.compactMap { $0 }.filter { (1...65_535).contains($0) }
  guard lengths.count == sides.count else { return nil }
  return lengths.count == 1 ? .shortSide(lengths[0]) : .exact(height: lengths[0], width: lengths[1])
}

/// More images of a class than any dataset has, and few enough that their sums are numbers.
private let maxCount = 1_000_000_000

private func tooMany(_ text: String) -> UsageError {
  UsageError("takes at most \(grouped(maxCount)) images per class, not \(quoted(text))")
}

private func parsedCounts(_ text: String) throws(UsageError) -> ClassCounts {
  if let same = Int(text) {
    guard same > 0 else { throw UsageError("takes at least one image per class, not \(quoted(text))") }
    guard same <= maxCount else { throw tooMany(text) }
    return ClassCounts(others: same)
  }
  var table = ClassCounts()
  for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
    // The last equals sign: class names may hold one.
    guard let mark = entry.lastIndex(of: "="), let count = Int(entry[entry.index(after: mark)...]), count >= 0,
      mark > entry.startIndex
    else {
      throw UsageError("takes a number or a table such as cat=5,dog=10,*=3, not \(quoted(text))")
    }
    guard count <= maxCount else { throw tooMany(text) }
    let name = String(entry[..<mark])
    let isRepeated = name == "*" ? table.others != nil : table.named[name] != nil
    guard !isRepeated else { throw UsageError("names the class \(quoted(name)) twice in \(quoted(text))") }
    if name == "*" { table.others = count } else { table.named[name] = count }
  }
  // A class with 0 is left empty and keeps its index; a table of nothing else asks for no image at all.
  guard table.named.values.contains(where: { $0 > 0 }) || table.others ?? 0 > 0 else {
    throw UsageError("takes at least one image of some class, not \(quoted(text))")
  }
  return table
}

/// A plain decimal: no sign, no exponent, no `inf`.
private func decimal(_ text: String) -> Double? {
  guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
  return Double(text)
}
