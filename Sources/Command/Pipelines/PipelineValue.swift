internal import FoundationEssentials

/// A value of a pipeline file before anybody knows what it should be.
indirect enum PipelineValue: Equatable, Sendable {
  case null
  case bool(Bool)
  /// As it is written, or as the shortest text that reads the same.
  case number(String)
  case text(String)
  case list([PipelineValue])
  case table([String: PipelineValue])

  /// What a word from outside the file says: `true`, a number as JSON writes one, or a text.
  init(word: String) {
    switch word {
    case "true", "false": self = .bool(word == "true")
    default: self = isNumber(word) ? .number(word) : .text(word)
    }
  }

  /// The text of a value that has one: neither a list nor a table.
  var scalarText: String? {
    switch self {
    case .bool(let value): value ? "true" : "false"
    case .number(let text), .text(let text): text
    case .null, .list, .table: nil
    }
  }

  /// Whether it is written as it is after it was read: `0.5`, and neither `0.50` nor `5e-1`; true for all but numbers.
  var keepsItsSpelling: Bool {
    guard case .number(let text) = self else { return true }
    return Int(text).map(String.init) == text || Double(text).map { "\($0)" } == text
  }

  /// The value as a JSON5 document.
  var document: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number("nan"): "NaN"
    case .number("inf"): "Infinity"
    case .number("-inf"): "-Infinity"
    case .number(let text): text
    case .text(let text): JSONText.string(text).rendered()
    case .list(let values): "[" + values.map(\.document).joined(separator: ",") + "]"
    case .table(let members):
      "{"
        + members.sorted { $0.key < $1.key }
        .map { JSONText.string($0.key).rendered() + ":" + $0.value.document }.joined(separator: ",") + "}"
    }
  }
}

extension PipelineValue: Decodable {
  init(from decoder: any Decoder) throws {
    if let table = try? decoder.container(keyedBy: Key.self) {
      var members: [String: PipelineValue] = [:]
      for key in table.allKeys { members[key.stringValue] = try table.decode(PipelineValue.self, forKey: key) }
      self = .table(members)
    } else if var list = try? decoder.unkeyedContainer() {
      var values: [PipelineValue] = []
      while !list.isAtEnd { values.append(try list.decode(PipelineValue.self)) }
      self = .list(values)
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        self = .null
      } else if let flag = try? value.decode(Bool.self) {
        self = .bool(flag)
      } else if let number = try? value.decode(Int.self) {
        self = .number(String(number))
      } else if let number = try? value.decode(Double.self) {
        self = .number("\(number)")
      } else {
        self = .text(try value.decode(String.self))
      }
    }
  }
}

/// Any key of an object, or an index of a list.
struct Key: CodingKey {
  var stringValue: String
  var intValue: Int?

  init(_ name: String) { stringValue = name }
  init(_ index: Int) { (stringValue, intValue) = (String(index), index) }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { self.init(intValue) }
}

/// Whether a text is a number as JSON writes them: no plus, no zeros in front, digits around a point.
private func isNumber(_ text: String) -> Bool {
  var rest = text[...]
  func digits() -> Int {
    let count = rest.prefix { $0.isASCII && $0.isNumber }.count
    rest = rest.dropFirst(count)
    return count
  }
  if rest.first == "-" { rest = rest.dropFirst() }
  let leadsWithZero = rest.first == "0"
  let whole = digits()
  guard whole > 0, whole == 1 || !leadsWithZero else { return false }
  if rest.first == "." {
    rest = rest.dropFirst()
    guard digits() > 0 else { return false }
  }
  if rest.first == "e" || rest.first == "E" {
    rest = rest.dropFirst()
    if rest.first == "-" || rest.first == "+" { rest = rest.dropFirst() }
    guard digits() > 0 else { return false }
  }
  return rest.isEmpty
}
