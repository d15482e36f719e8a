/// The rows of a JSON-lines file: one flat object a line.
struct JSONLines {
  /// The keys of all objects, in the order in which they first come up, sorted within an object.
  private(set) var keys: [String] = []
  private(set) var rows: [(line: Int, cells: [String])] = []

  /// What a cell holds that is a list or an object.
  static let composite = "[…]"

  /// Reads a whole file.
  init(_ bytes: [UInt8]) throws(DelimitedText.Malformed) {
    let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    var objects: [(line: Int, values: [String: JSONValue])] = []
    var known: Set<String> = []
    for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      guard case .object(let values)? = JSONValue(Array(line)) else {
        throw DelimitedText.Malformed(problem: "has no JSON object in line \(index + 1)")
      }
      for key in values.keys.sorted() where known.insert(key).inserted { keys.append(key) }
      objects.append((index + 1, values))
    }
    rows = objects.map { object in (object.line, keys.map { Self.cell(object.values[$0] ?? .null) }) }
  }

  /// A value as a cell of a table.
  static func cell(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .bool(let flag): String(flag)
    case .integer(let number): String(number)
    case .number(let number): String(number)
    case .string(let text): text.trimmed
    case .array, .object: composite
    }
  }
}
