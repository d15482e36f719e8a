internal import FoundationEssentials

/// The rows of a JSON-lines file: one flat object a line.
struct JSONLines {
  /// The keys of all objects, in the order in which they first come up, sorted within an object.
  private(set) var keys: [String] = []
  private(set) var rows: [(line: Int, cells: [String])] = []

  /// A value as it would stand in a table; lists and objects are marked as such.
  private enum Cell: Decodable {
    case text(String)
    case composite

    init(from decoder: any Decoder) throws {
      guard let container = try? decoder.singleValueContainer() else {
        self = .composite
        return
      }
      if container.decodeNil() {
        self = .text("")
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let flag = try? container.decode(Bool.self) {
        self = .text(String(flag))
      } else if let number = try? container.decode(Int.self) {
        self = .text(String(number))
      } else if let number = try? container.decode(Double.self) {
        self = .text(String(number))
      } else {
        self = .composite
      }
    }
  }

  /// What a cell holds that is a list or an object.
  static let composite = "[…]"

  init(_ bytes: [UInt8]) throws(DelimitedText.Malformed) {
    let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
    let decoder = JSONDecoder()
    var objects: [(line: Int, [String: Cell])] = []
    var known: Set<String> = []
    for (index, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      guard let object = try? decoder.decode([String: Cell].self, from: Data(line)) else {
        throw DelimitedText.Malformed(problem: "has no JSON object in line \(index + 1)")
      }
      for key in object.keys.sorted() where known.insert(key).inserted { keys.append(key) }
      objects.append((index + 1, object))
    }
    rows = objects.map { line, object in
      (
        line,
        keys.map { key in
          switch object[key] {
          case .text(let text): text.trimmed
          case .composite: Self.composite
          case nil: ""
          }
        }
      )
    }
  }
}
