/// The first mistake of syntax in a JSON5 text, which the system's parser refuses without saying where it is.
///
/// Only the structure is followed: brackets, commas, colons, quotes and comments. Numbers and words are taken as they are;
/// what is wrong in them the parser has to say.
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

  /// The first mistake, a key that stands twice in an object included; nil where there is none.
  static func mistake(in text: String) -> Mistake? {
    var syntax = JSON5Syntax(text: Array(text))
    do throws(Mistake) {
      try syntax.value(depth: 0)
      try syntax.skip()
      guard syntax.next == nil else { throw syntax.mistake("nothing should follow the closing bracket") }
      return nil
    } catch {
      return error
    }
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
      guard !word().isEmpty else { throw mistake("a value should stand here") }
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
    let key = next == "\"" || next == "'" ? try string() : word()
    guard !key.isEmpty else { throw mistake("a name should stand here") }
    guard keys.insert(key).inserted else { throw mistake("'\(key)' stands twice in this object", at: start) }
    try skip()
    guard take(":") else { throw mistake("a colon should follow the name '\(key)'") }
    try value(depth: depth + 1)
  }

  /// What is between the quotes, with its escapes as they stand.
  private mutating func string() throws(Mistake) -> String {
    let start = position
    let quote = text[start]
    position += 1
    while let character = next, character != quote {
      let isEscaped = character == "\\" && position + 1 < text.count
      guard !character.isNewline else { break }
      position += isEscaped ? 2 : 1
    }
    guard take(quote) else { throw mistake("this text has no closing quote", at: start) }
    return String(text[(start + 1)..<(position - 1)])
  }

  /// A number, a name, `true`: whatever reaches to the next mark.
  private mutating func word() -> String {
    let start = position
    while let character = next, !character.isWhitespace, !"{}[]:,\"'/".contains(character) { position += 1 }
    return String(text[start..<position])
  }
}
