/// The first mistake of syntax in a JSON5 text, which the system's parser refuses without saying where it is.
///
/// Brackets, commas, colons, quotes, comments, names, and what may stand for a value. What a value means here is not looked at.
struct JSON5Syntax {
  /// What is wrong, and where.
  struct Mistake: Error, Equatable {
    /// Counted from 1.
    var line: Int
    /// Counted from 1, in characters.
    var column: Int
    /// A clause: `a comma or ] should follow`.
    var problem: String
  }

  private let text: [Character]
  private var position = 0
  /// Where a text goes on in the next line: the places of the backslashes.
  private var continuations: [Int] = []

  /// The text of a file as the parser may have it: where a text in quotes goes on in the next line, the parser would take that for a line feed,
  /// so the lines are joined.
  ///
  /// - Throws: the first mistake, a key that stands twice in an object included.
  static func read(_ bytes: [UInt8]) throws(Mistake) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw foreignByte(in: bytes) }
    var syntax = JSON5Syntax(text: Array(text))
    try syntax.value(depth: 0)
    try syntax.skip()
    guard syntax.next == nil else { throw syntax.mistake("nothing should follow the closing bracket") }
    guard !syntax.continuations.isEmpty else { return text }
    var joined = syntax.text
    for place in syntax.continuations.reversed() { joined.removeSubrange(place..<place + 2) }
    return String(joined)
  }

  /// The first mistake; nil where there is none.
  static func mistake(in text: String) -> Mistake? {
    do throws(Mistake) {
      _ = try read(Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  /// The first byte that belongs to no character, as an editor writes it that saves Latin-1.
  private static func foreignByte(in bytes: [UInt8]) -> Mistake {
    var (line, column, offset) = (1, 1, 0)
    var codec = UTF8()
    var rest = bytes.makeIterator()
    while case .scalarValue(let scalar) = codec.decode(&rest) {
      offset += UTF8.width(scalar)
      (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
    }
    let byte = String(bytes[min(offset, bytes.count - 1)], radix: 16)
    return Mistake(line: line, column: column, problem: "the byte 0x\(byte) is not UTF-8; save the file as UTF-8")
  }

  private init(text: [Character]) {
    self.text = text
  }

  private var next: Character? { position < text.count ? text[position] : nil }

  private func mistake(_ problem: String, at place: Int? = nil) -> Mistake {
    let before = text[..<min(place ?? position, text.count)]
    let column = before.reversed().prefix { !$0.isNewline }.count + 1
    return Mistake(line: before.count(where: \.isNewline) + 1, column: column, problem: problem)
  }

  private mutating func take(_ character: Character) -> Bool {
    guard next == character else { return false }
    position += 1
    return true
  }

  /// White space and comments.
  private mutating func skip() throws(Mistake) {
    while let character = next {
      if character.isWhitespace || character == "\u{FEFF}" {
        position += 1
      } else if character == "/" {
        try skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() throws(Mistake) {
    let start = position
    position += 1
    if take("/") {
      while let character = next, !character.isNewline { _ = take(character) }
    } else if take("*") {
      while !(next == "*" && position + 1 < text.count && text[position + 1] == "/") {
        guard next != nil else { throw mistake("this comment has no end", at: start) }
        position += 1
      }
      position += 2
    } else {
      throw mistake("a comment begins with // or /*", at: start)
    }
  }

  private mutating func value(depth: Int) throws(Mistake) {
    try skip()
    guard depth < 100 else { throw mistake("brackets are nested too deeply") }
    switch next {
    case "{": try list("}", depth) { (syntax, keys) throws(Mistake) in try syntax.member(&keys, depth) }
    case "[": try list("]", depth) { (syntax, _) throws(Mistake) in try syntax.value(depth: depth + 1) }
    case "\"", "'": _ = try string()
    default:
      let start = position
      let found = word()
      guard !found.isEmpty else { throw mistake("a value should stand here") }
      if let problem = valueProblem(found) { throw mistake(problem, at: start) }
    }
  }

  private mutating func list(
    _ close: Character, _ depth: Int,
    _ element: (inout JSON5Syntax, inout Set<String>) throws(Mistake) -> Void
  ) throws(Mistake) {
    let start = position
    let open = text[start]
    var keys: Set<String> = []
    position += 1
    try skip()
    while !take(close) {
      guard next != nil else { throw mistake("this \(open) is never closed", at: start) }
      try element(&self, &keys)
      try skip()
      if take(",") {
        try skip()
      } else if next != close {
        guard next != nil else { throw mistake("this \(open) is never closed", at: start) }
        throw mistake("a comma or \(close) should stand here")
      }
    }
  }

  private mutating func member(_ keys: inout Set<String>, _ depth: Int) throws(Mistake) {
    let start = position
    let isQuoted = next == "\"" || next == "'"
    let key = isQuoted ? try string() : word()
    guard !key.isEmpty else { throw mistake("a name should stand here") }
    guard isQuoted || isPlainKey(key) else {
      throw mistake("the name '\(key)' needs quotes; write \"\(key)\"", at: start)
    }
    guard keys.insert(key).inserted else { throw mistake("'\(key)' stands twice in this object", at: start) }
    try skip()
    guard take(":") else { throw mistake("a colon should follow the name '\(key)'") }
    try value(depth: depth + 1)
  }

  /// What a text in quotes says.
  private mutating func string() throws(Mistake) -> String {
    let start = position
    let quote = text[start]
    var said = ""
    position += 1
    while let character = next, character != quote, !character.isNewline {
      if character == "\\", position + 1 < text.count {
        try escape(into: &said)
        continue
      }
      if character.unicodeScalars.contains(where: { $0.value < 0x20 }) {
        throw mistake("a character of control, such as a tab, stands in a text; write \\t for a tab")
      }
      said.append(character)
      position += 1
    }
    guard take(quote) else { throw mistake("this text has no closing quote", at: start) }
    return said
  }

  /// A backslash and what follows it.
  private mutating func escape(into said: inout String) throws(Mistake) {
    let start = position
    let character = text[start + 1]
    position += 2
    switch character {
    case "\"", "'", "\\", "/": said.append(character)
    case "b": said.append("\u{8}")
    case "f": said.append("\u{C}")
    case "n": said.append("\n")
    case "r": said.append("\r")
    case "t": said.append("\t")
    case "x":
      let number = try digits(2, from: start)
      try append(number, to: &said, from: start)
    case "u":
      var number = try digits(4, from: start)
      // Half a character, which another escape makes whole.
      if (0xd800..<0xdc00).contains(number), text[position...].prefix(2) == ["\\", "u"] {
        position += 2
        let other = try digits(4, from: start)
        guard (0xdc00..<0xe000).contains(other) else { throw mistake("this escape is half a character", at: start) }
        number = 0x10000 + (number - 0xd800) * 0x400 + (other - 0xdc00)
      }
      try append(number, to: &said, from: start)
    default:
      guard character.isNewline else {
        throw mistake("\\\(character) means nothing in a text; write \\\\ for a backslash", at: start)
      }
      continuations.append(start)
    }
  }

  /// The hexadecimal number of an escape that begins at `start`.
  private mutating func digits(_ count: Int, from start: Int) throws(Mistake) -> UInt32 {
    let word = String(text[position..<min(position + count, text.count)])
    guard word.utf8.count == count, word.allSatisfy(\.isHexDigit), let number = UInt32(word, radix: 16) else {
      throw mistake("this escape needs \(count) hexadecimal digits", at: start)
    }
    position += count
    return number
  }

  private func append(_ number: UInt32, to said: inout String, from start: Int) throws(Mistake) {
    guard let scalar = Unicode.Scalar(number) else { throw mistake("this escape is half a character", at: start) }
    said.unicodeScalars.append(scalar)
  }

  /// A number, a name, `true`: whatever reaches to the next mark.
  private mutating func word() -> String {
    let start = position
    while let character = next, !character.isWhitespace, !"{}[]:,\"'/".contains(character) { position += 1 }
    return String(text[start..<position])
  }
}

/// Whether a name may stand without quotes.
private func isPlainKey(_ key: String) -> Bool {
  func isMark(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar == "$" }
  let scalars = key.unicodeScalars
  guard let first = scalars.first, isMark(first) || first.properties.isIDStart else { return false }
  return scalars.allSatisfy { isMark($0) || $0.properties.isIDContinue || $0 == "\u{200C}" || $0 == "\u{200D}" }
}

/// What is wrong with a word without quotes that stands for a value, and what to write; nil for a number, `true`, `false` and `null`.
private func valueProblem(_ word: String) -> String? {
  if ["true", "false", "null"].contains(word) || isJSON5Number(word) { return nil }
  let meant = word.replacing("_", with: "")
  if isJSON5Number(meant) { return "'\(word)' is not a number; write \(meant)" }
  switch word.lowercased() {
  case "true", "yes", "on": return "'\(word)' is not a value; write true"
  case "false", "no", "off": return "'\(word)' is not a value; write false"
  case "null": return "'\(word)' is not a value; write null"
  default: return "'\(word)' is neither a number nor true or false; a text stands in quotes"
  }
}

private func isJSON5Number(_ word: String) -> Bool {
  func areDigits(_ text: Substring) -> Bool { text.allSatisfy { $0.isASCII && $0.isNumber } }
  func unsigned(_ text: Substring) -> Substring { text.first == "+" || text.first == "-" ? text.dropFirst() : text }
  let number = unsigned(word[...])
  if number == "Infinity" || number == "NaN" { return true }
  if number.hasPrefix("0x") || number.hasPrefix("0X") {
    let digits = number.dropFirst(2)
    return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isHexDigit }
  }
  let parts = number.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
  if parts.count == 2 {
    let power = unsigned(parts[1])
    guard !power.isEmpty, areDigits(power) else { return false }
  }
  let sides = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
  // 010 would be eight to some, and ten to others.
  let beginsWithZero = sides[0].count > 1 && sides[0].hasPrefix("0")
  return !beginsWithZero && sides.allSatisfy(areDigits) && sides.contains { !$0.isEmpty }
}
