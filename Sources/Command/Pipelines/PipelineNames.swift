/// What `${…}` in the texts of a pipeline file stands for: variables, the axes of a matrix, and the environment.
///
/// A text that is one name and nothing else takes the value with its type: `"${ipc}"` is a number where the variable is one.
/// Inside a longer text a value is spelled out. `$${` is `${` itself.
struct PipelineNames {
  /// The values of variables and axes by name; an axis whose values are tables has their members as `AXIS.MEMBER`.
  private(set) var values: [String: PipelineValue]
  private let environment: [String: String]

  /// The keys whose values are texts, whatever they look like.
  private static let texts: Set = ["output", "input", "verb", "table", "test", "real", "cache", "to"]
  /// The keys whose values a shell reads: a name that the file does not have is the shell's.
  private static let shellLines: Set = ["command", "read-back", "switch"]

  /// The variables of a file, with what was typed for them in their places.
  ///
  /// - Parameters:
  ///   - variables: what stands under `variables`; null is a variable that has to be given.
  ///   - typed: values by name.
  /// - Throws: `Refusal`, also for variables that need one another.
  init(
    _ variables: [String: PipelineValue], typed: [String: String], environment: [String: String]
  ) throws(Refusal) {
    values = [:]
    self.environment = environment
    var given = variables
    for (name, word) in typed { given[name] = Self.value(word, inPlaceOf: variables[name] ?? .null) }
    for name in given.keys.sorted() { try resolve(name, given, typed, within: []) }
  }

  /// These names and more.
  func adding(_ more: [String: PipelineValue]) -> PipelineNames {
    var names = self
    names.values.merge(more) { $1 }
    return names
  }

  /// A typed word as the kind of value that it replaces; a text stays one, whatever it looks like, but not a name that stands for some
  /// value, as `${env:IPC:-10}` does.
  private static func value(_ word: String, inPlaceOf old: PipelineValue) -> PipelineValue {
    switch old {
    case .text(let text):
      if let parts = try? parts(of: text, at: []), parts.count == 1, case .name = parts[0] {
        PipelineValue(word: word)
      } else {
        .text(word)
      }
    case .list, .table: PipelineValue(document: word) ?? .text(word)
    case .null, .bool, .number: PipelineValue(word: word)
    }
  }

  private mutating func resolve(
    _ name: String, _ given: [String: PipelineValue], _ typed: [String: String], within open: [String]
  ) throws(Refusal) {
    guard values[name] == nil, let value = given[name] else { return }
    let place = [Key("variables"), Key(name)]
    guard isPlainName(name) else {
      throw Refusal(place, "is no name of a variable", "take letters, digits, - and _, a letter first")
    }
    guard !open.contains(name) else {
      throw Refusal(place, "needs its own value, by way of \((open + [name]).joined(separator: ", "))")
    }
    if value == .null { throw Refusal(place, "has no value", "type --set \(name)=VALUE") }
    if typed[name] != nil {
      // What is typed is taken as it is.
      values[name] = value
      return
    }
    for other in references(in: value) where given[other] != nil {
      try resolve(other, given, typed, within: open + [name])
    }
    values[name] = try filled(value, at: place)
  }

  /// A value with all its texts filled in.
  ///
  /// - Parameter isText: whether the value has to be a text, as paths and verbs are.
  /// - Throws: `Refusal` with the place of the text, for a name that stands for nothing.
  func filled(_ value: PipelineValue, at place: [Key], isText: Bool = false) throws(Refusal) -> PipelineValue {
    switch value {
    case .text(let text):
      let isLine = Self.shellLines.contains(place.last?.stringValue ?? "")
      let filled = try self.filled(text, at: place, leavingUnknown: isLine)
      guard filled != value, let word = filled.scalarText else { return filled }
      // An option may name a path: a folder of October, 2026.10, is not 2026.1.
      let isSpelled = place.contains { $0.stringValue == "options" } && !filled.keepsItsSpelling
      return isText || isSpelled ? .text(word) : filled
    case .list(let values):
      var filled: [PipelineValue] = []
      for (index, value) in values.enumerated() {
        filled.append(try self.filled(value, at: place + [Key(index)], isText: isText))
      }
      return .list(filled)
    case .table(let members):
      var filled: [String: PipelineValue] = [:]
      for (key, value) in members.sorted(by: { $0.key < $1.key }) {
        let isText = Self.texts.contains(key) || Self.shellLines.contains(key)
        filled[key] = try self.filled(value, at: place + [Key(key)], isText: isText)
      }
      return .table(filled)
    case .null, .bool, .number: return value
    }
  }

  private func filled(_ text: String, at place: [Key], leavingUnknown: Bool) throws(Refusal) -> PipelineValue {
    let parts = try parts(of: text, at: place)
    if parts.count == 1, case .name(let name) = parts[0], !leavingUnknown { return try value(of: name, at: place) }
    var result = ""
    for part in parts {
      switch part {
      case .name(let name) where leavingUnknown && values[name] == nil && !name.hasPrefix("env:"):
        result += "${\(name)}"
      case .text(let text): result += text
      case .name(let name):
        guard let text = try value(of: name, at: place).scalarText else {
          throw Refusal(place, "has ${\(name)}, a list or a table, inside a text", "let it be the whole value")
        }
        result += text
      }
    }
    return .text(result)
  }

  private func value(of name: String, at place: [Key]) throws(Refusal) -> PipelineValue {
    if name.hasPrefix("env:") { return try environmentValue(String(name.dropFirst(4)), at: place) }
    if let value = values[name] { return value }
    let near = nearest(to: name, among: values.keys.sorted()).map { "did you mean ${\($0)}?" }
    throw Refusal(
      place, "has ${\(name)}, and there is no variable of that name",
      near ?? "name it under 'variables', or write $${ for a dollar and a brace")
  }

  private func environmentValue(_ text: String, at place: [Key]) throws(Refusal) -> PipelineValue {
    let name = String(text.prefix { $0 != ":" })
    let rest = text.dropFirst(name.count)
    guard !name.isEmpty, rest.isEmpty || rest.hasPrefix(":-") else {
      throw Refusal(place, "has ${env:\(text)}", "write ${env:NAME} or ${env:NAME:-DEFAULT}")
    }
    let isGiven = environment[name].map { !$0.isEmpty || rest.isEmpty } ?? false
    if isGiven, let word = environment[name] { return PipelineValue(word: word) }
    guard !rest.isEmpty else {
      throw Refusal(
        place, "needs the environment variable \(name), which is not set",
        "set it, or write ${env:\(name):-DEFAULT}")
    }
    return PipelineValue(word: String(rest.dropFirst(2)))
  }
}

/// A piece of a text: as it stands, or the name between `${` and `}`.
private enum Part: Equatable {
  case text(String)
  case name(String)
}

private func parts(of text: String, at place: [Key]) throws(Refusal) -> [Part] {
  var parts: [Part] = []
  var plain = ""
  var rest = text[...]
  while let character = rest.first {
    if rest.hasPrefix("$${") {
      plain += "${"
      rest = rest.dropFirst(3)
    } else if rest.hasPrefix("${") {
      guard let end = rest.firstIndex(of: "}") else {
        throw Refusal(place, "has a ${ that is never closed", "write $${ for a dollar and a brace")
      }
      if !plain.isEmpty { parts.append(.text(plain)) }
      plain = ""
      parts.append(.name(String(rest[..<end].dropFirst(2))))
      rest = rest[rest.index(after: end)...]
    } else {
      plain.append(character)
      rest = rest.dropFirst()
    }
  }
  if !plain.isEmpty || parts.isEmpty { parts.append(.text(plain)) }
  return parts
}

/// The names, without members, that the texts of a value mention, in the order in which they do; none of a text that cannot be read.
func references(in value: PipelineValue) -> [String] {
  switch value {
  case .text(let text):
    let names = ((try? parts(of: text, at: [])) ?? []).compactMap { part in
      if case .name(let name) = part, !name.hasPrefix("env:") { String(name.prefix { $0 != "." }) } else { nil }
    }
    return names
  case .list(let values): return values.flatMap(references)
  case .table(let members): return members.sorted { $0.key < $1.key }.flatMap { references(in: $0.value) }
  case .null, .bool, .number: return []
  }
}

/// Whether a text can be the name of a variable or an axis.
func isPlainName(_ name: String) -> Bool {
  guard let first = name.first, first.isASCII, first.isLetter || first == "_" else { return false }
  return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
}
