/// A pattern for the names of files: which ones it fits, and which class they are of.
///
/// `*` stands for any run of characters, `?` for one, `[0-4]` and `[!0-4]` for one of a set or none of it, and `{label}` for the name of
/// the class. None of them crosses a `/`. A pattern with n of these is compared with the last n + 1 parts of a path. It may leave
/// out the extension of the file.
///
/// `{label}` is one or more characters other than `.` and those that stand beside it in the pattern: in `{label}_*` it ends at the
/// first `_`, in `{label}_[0-9]*` at the first `_` that a digit follows. A name in which two texts could be the label has none.
public struct FilePattern: Sendable, Equatable {
  private enum Piece: Sendable, Equatable {
    case literal(Character)
    case one
    case run
    case set([ClosedRange<Character>], isNegated: Bool)
    case label
  }
  /// The pattern as it was typed.
  public let text: String
  private let pieces: [Piece]

  /// What is wrong with a text that is not a pattern.
  public struct Malformed: Error, Equatable {
    /// A sentence without capital and full stop.
    public var problem: String
  }

  /// Reads a pattern.
  ///
  /// - Throws: `Malformed` for an empty text, a bracket that does not close, a second `{label}`, and a `{label}` beside something else than a
  ///   plain character, which says not where the label ends.
  public init(_ text: String) throws(Malformed) {
    self.text = text
    var pieces: [Piece] = []
    var rest = Substring(text)
    while let first = rest.first {
      if rest.hasPrefix("{label}") {
        pieces.append(.label)
        rest = rest.dropFirst("{label}".count)
        continue
      }
      rest = rest.dropFirst()
      switch first {
      case "*": if pieces.last != .run { pieces.append(.run) }
      case "?": pieces.append(.one)
      case "[":
        guard let end = rest.dropFirst().firstIndex(of: "]") else {
          throw Malformed(problem: "has a [ without its ]")
        }
        pieces.append(try Self.set(rest[..<end]))
        rest = rest[rest.index(after: end)...]
      default: pieces.append(.literal(first))
      }
    }
    guard !pieces.isEmpty else { throw Malformed(problem: "is empty") }
    if let place = pieces.firstIndex(of: .label) {
      guard pieces.lastIndex(of: .label) == place else { throw Malformed(problem: "has {label} twice") }
      for neighbour in [place - 1, place + 1] where pieces.indices.contains(neighbour) {
        guard case .literal = pieces[neighbour] else {
          throw Malformed(
            problem: "does not say where {label} ends: a plain character must stand beside it, as in {label}_*")
        }
      }
    }
    self.pieces = pieces
  }

  private static func set(_ text: Substring) throws(Malformed) -> Piece {
    var rest = text
    let isNegated = rest.first == "!"
    if isNegated { rest = rest.dropFirst() }
    var ranges: [ClosedRange<Character>] = []
    while let low = rest.popFirst() {
      guard rest.count >= 2, rest.first == "-" else {
        ranges.append(low...low)
        continue
      }
      let high = rest[rest.index(after: rest.startIndex)]
      guard low <= high else {
        throw Malformed(problem: "has the set [\(text)], whose range \(low)-\(high) runs backwards")
      }
      ranges.append(low...high)
      rest = rest.dropFirst(2)
    }
    guard !ranges.isEmpty else { throw Malformed(problem: "has an empty set [\(text)]") }
    return .set(ranges, isNegated: isNegated)
  }

  /// Whether it says where the label stands.
  public var hasLabel: Bool { pieces.contains(.label) }

  /// Whether it fits the name of a file, given by its path.
  func fits(_ path: String) -> Bool {
    forms(of: path).contains { name in ends(of: name, pieces)[name.count] }
  }

  /// The texts that `{label}` may stand for in a path, sorted; none where the pattern does not fit.
  func labels(in path: String) -> [String] {
    guard let place = pieces.firstIndex(of: .label) else { return [] }
    var refused: Set<Character> = [".", "/"]
    let endsBeforeSet = isSet(place + 2)
    let neighbours = endsBeforeSet ? [place - 1] : [place - 1, place + 1]
    for neighbour in neighbours where pieces.indices.contains(neighbour) {
      if case .literal(let character) = pieces[neighbour] { refused.insert(character) }
    }
    var found: Set<String> = []
    for name in forms(of: path) {
      let starts = ends(of: name, pieces[..<place])
      let reversed = ends(of: name.reversed(), pieces[(place + 1)...].reversed())
      for start in 0..<name.count where starts[start] {
        var end = start
        while end < name.count, !refused.contains(name[end]) {
          end += 1
          guard reversed[name.count - end] else { continue }
          found.insert(String(name[start..<end]))
          if endsBeforeSet { break }
        }
      }
    }
    return found.sorted()
  }

  private func isSet(_ place: Int) -> Bool {
    guard pieces.indices.contains(place), case .set = pieces[place] else { return false }
    return true
  }

  /// Whether the class may have a longer name than the label, because more words stand behind it: `american` of `american_bulldog_1` in
  /// `{label}_*`.
  func mayGoOn(after label: String, in path: String) -> Bool {
    guard let place = pieces.firstIndex(of: .label), pieces.indices.contains(place + 2),
      case .literal(let end) = pieces[place + 1], pieces[place + 2] == .run, label.contains(where: \.isLetter),
      let name = forms(of: path).last
    else { return false }
    let starts = ends(of: name, pieces[..<place])
    return starts.indices.contains { start in
      guard starts[start], name[start...].starts(with: label + String(end)) else { return false }
      let rest = name[(start + label.count + 1)...].prefix { $0 != "/" }
      let words = rest.split(separator: end, omittingEmptySubsequences: false)
      return words.count > 1 && words[0].contains(where: \.isLetter)
    }
  }

  /// The part of a path that the pattern is compared with, with the extension and without it.
  private func forms(of path: String) -> [[Character]] {
    let parts = path.split(separator: "/")
    let wanted = pieces.count { $0 == .literal("/") } + 1
    guard parts.count >= wanted else { return [] }
    let whole = Array(parts.suffix(wanted).joined(separator: "/"))
    guard let dot = whole.lastIndex(of: "."), !whole[dot...].contains("/"), dot > 0 else { return [whole] }
    return [whole, Array(whole[..<dot])]
  }

  /// For every length from 0 to that of the name whether so many of its first characters fit the pieces.
  private func ends(of name: some Collection<Character>, _ pieces: some Collection<Piece>) -> [Bool] {
    let name = Array(name)
    var reached = [true] + [Bool](repeating: false, count: name.count)
    for piece in pieces {
      var next = [Bool](repeating: false, count: name.count + 1)
      if piece == .run { next[0] = reached[0] }
      for (index, character) in name.enumerated() {
        next[index + 1] =
          switch piece {
          case .literal(let wanted): reached[index] && character == wanted
          case .one: reached[index] && character != "/"
          case .run: reached[index + 1] || next[index] && character != "/"
          case .set(let ranges, let isNegated):
            reached[index] && character != "/" && ranges.contains { $0.contains(character) } != isNegated
          // As anything but nothing: only `fits` comes here with one.
          case .label: (reached[index] || next[index]) && character != "/" && character != "."
          }
      }
      reached = next
    }
    return reached
  }
}
