internal import Catalog

/// The value of an option in a pipeline file: what JSON has in place of words.
enum StepOption: Equatable {
  /// A flag, or an option whose value may be left out, such as `zstd`.
  case bool(Bool)
  /// A number as the command line takes it.
  case number(String)
  /// A text.
  case text(String)
  /// The words of a list.
  case list([String])
  /// Counts by class name.
  case table([String: Int])
}

extension StepOption: Decodable {
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      self = .number(String(value))
    } else if let value = try? container.decode(Double.self) {
      self = .number("\(value)")
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([String].self) {
      self = .list(value)
    } else if let value = try? container.decode([String: Int].self) {
      self = .table(value)
    } else {
      throw Refusal(
        decoder.codingPath, "should be true, a number, a text, a list of texts or a table of counts",
        "leave out an option to take its default")
    }
  }
}

extension StepOption {
  /// The path that an option names which takes one; a file may be called by a number, such as the day.
  func path(for option: Option?) -> String? {
    guard case .path? = option?.kind else { return nil }
    switch self {
    case .text(let text), .number(let text): return text
    case .bool, .list, .table: return nil
    }
  }

  /// The words of the command line that say the same; none for a flag that is off.
  ///
  /// - Parameter option: nil for a name that the verb does not have, which the reader of the words will say.
  /// - Throws: `UsageError` for a kind of value that the option cannot take.
  func words(_ name: String, for option: Option?, path: (String) -> String) throws(UsageError) -> [String] {
    func refuse(_ expected: String) -> UsageError { UsageError("--\(name) takes \(expected)") }
    guard let option else { return ["--\(name)"] }
    switch (self, option.kind) {
    case (.bool(let isOn), .flag): return isOn ? ["--\(name)"] : []
    // As a variable of the environment says it.
    case (.text("true"), .flag): return ["--\(name)"]
    case (.text("false"), .flag): return []
    case (_, .flag): throw refuse("true or false")
    case (.bool(let isOn), _):
      guard option.impliedText != nil else { throw refuse("a value, not \(isOn)") }
      return isOn ? ["--\(name)"] : []
    case (.text(let text), .path), (.number(let text), .path): return ["--\(name)=\(text.isEmpty ? text : path(text))"]
    case (.number(let text), _), (.text(let text), _): return ["--\(name)=\(text)"]
    case (.list(let paths), .path) where option.repeats && !paths.contains(""):
      return paths.map { "--\(name)=\(path($0))" }
    case (.list(let words), .list):
      guard !words.contains(where: { $0.contains(",") }) else { throw refuse("words without commas") }
      return ["--\(name)=\(words.joined(separator: ","))"]
    case (.table(let counts), .counts):
      let entries = counts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      return ["--\(name)=\(entries.joined(separator: ","))"]
    case (.list, _): throw refuse("one value, not a list")
    case (.table, _): throw refuse("one value, not an object")
    }
  }
}
