/// A JSON value whose objects keep the order in which they were written.
///
/// For reports on the standard output and error. It needs no Foundation, whose loading is most of what `pipe --version`
/// would take.
public indirect enum JSONText: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  /// Written with as many digits as it takes to read the same number back; null where it is not finite.
  case number(Double)
  case string(String)
  case array([JSONText])
  /// Keys in the order given.
  case object([(key: String, value: JSONText)])

  /// On one line, or indented by two spaces.
  public func rendered(indented: Bool = false) -> String {
    var text = ""
    write(to: &text, depth: indented ? 0 : nil)
    return text
  }

  /// Whether both are written the same.
  public static func == (a: JSONText, b: JSONText) -> Bool { a.rendered() == b.rendered() }

  private func write(to text: inout String, depth: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += value.isFinite ? shortest(value) : "null"
    case .string(let value): text += literal(value)
    case .array(let values):
      list(values, "[", "]", to: &text, depth) { value, text, depth in value.write(to: &text, depth: depth) }
    case .object(let members):
      list(members, "{", "}", to: &text, depth) { member, text, depth in
        text += literal(member.key) + (depth == nil ? ":" : ": ")
        member.value.write(to: &text, depth: depth)
      }
    }
  }
}

private func list<Item>(
  _ items: [Item], _ open: String, _ close: String, to text: inout String, _ depth: Int?,
  _ write: (Item, inout String, Int?) -> Void
) {
  text += open
  let inner = depth.map { $0 + 1 }
  for (index, item) in items.enumerated() {
    if index > 0 { text += "," }
    if let inner { text += "\n" + String(repeating: "  ", count: inner) }
    write(item, &text, inner)
  }
  if let depth, !items.isEmpty { text += "\n" + String(repeating: "  ", count: depth) }
  text += close
}

/// `1.0` as `1`: JSON has one kind of number.
private func shortest(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

private func literal(_ value: String) -> String {
  var text = "\""
  for scalar in value.unicodeScalars {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    case _ where isControl(scalar):
      let digits = String(scalar.value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: text.unicodeScalars.append(scalar)
    }
  }
  return text + "\""
}
