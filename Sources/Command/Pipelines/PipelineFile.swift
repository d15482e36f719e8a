internal import Datasets
internal import FoundationEssentials

/// A pipeline file as it is written: datasets to produce, each from inputs through steps.
///
/// JSON5, so that it can carry its own explanation. Keys that nobody knows are refused: a misspelt one would silently mean
/// its default.
struct PipelineFile: Decodable, Equatable {
  /// The version of the format that this program reads.
  static let format = 1

  /// One dataset.
  struct Dataset: Equatable {
    /// The folder to make, relative to the file.
    var output: String
    /// Archives, folders or datasets that the first step reads, relative to the file.
    var input: [String]
    /// What the samples go through, in order; the last one writes the shards.
    var steps: [Step]
    /// What a new dataset has to pass before it takes its place; nil where nothing is asked.
    var check: Check?
    /// Where readers find it; nil where that is the output alone.
    var publish: Publish?
    /// How the dataset is evaluated once it is there: options of `pipe evaluate`, one table for each evaluation.
    var evaluate: [[String: StepOption]]
    /// Where the table of results is written, without `.md` and `.csv`, relative to the file.
    var table: String?
    /// Its place in the file as it is written.
    var origin = PipelineExpansion.Origin(index: 0)

    /// The keys that mean something, those that are worked out before anything is decoded included.
    static let keys = ["output", "input", "steps", "check", "publish", "evaluate", "table", "matrix", "exclude"]
  }

  /// One process of the shell pipe.
  struct Step: Equatable {
    /// A verb of the command line.
    var verb: String
    /// Its options by long name.
    var options: [String: StepOption]

    /// The keys that mean something.
    static let keys = ["verb", "options"]
  }

  /// The datasets, in the order in which they are made; one for each cell of a matrix.
  var datasets: [Dataset]

  /// The keys of the file itself.
  static let keys = ["format", "variables", "datasets", "$schema"]

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - typed: values of variables, by name.
  ///   - environment: what `${env:NAME}` stands for.
  /// - Throws: `DataError`: `.noInput`, `.io`, `.usage` for a value of a variable that there is not, or `.badInput` with the
  ///   path inside the file and what it should hold.
  init(
    path: String, typed: [String: String] = [:], environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(DataError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      let isThere = FileManager.default.fileExists(atPath: path)
      throw DataError(isThere ? .io : .noInput, at: [path], isThere ? "cannot be read" : "there is no such file")
    }
    try self.init(data, named: path, typed: typed, environment: environment)
  }

  init(
    _ data: Data, named path: String, typed: [String: String] = [:], environment: [String: String] = [:]
  ) throws(DataError) {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    var origins: [PipelineExpansion.Origin] = []
    func bad(_ keys: [any CodingKey], _ problem: String, _ remedy: String? = nil) -> DataError {
      DataError(.badInput, at: [path, spelled(keys, origins)].filter { !$0.isEmpty }, problem, remedy: remedy)
    }
    // Before the parser, which neither says where a mistake is nor minds a key that stands twice.
    let text: String
    do throws(JSON5Syntax.Mistake) {
      text = try JSON5Syntax.read([UInt8](data))
    } catch {
      let place = "line \(error.line), column \(error.column)"
      throw DataError(.badInput, at: [path, place], "is no JSON5: \(error.problem)")
    }
    do {
      let written = try decoder.decode(PipelineValue.self, from: Data(text.utf8))
      let expansion = try PipelineExpansion(written, typed: typed, environment: environment)
      origins = expansion.origins
      self = try decoder.decode(Self.self, from: Data(expansion.value.document.utf8))
      for (index, origin) in origins.enumerated() { datasets[index].origin = origin }
    } catch let error as UnknownVariable {
      let near = nearest(to: error.name, among: error.known).map { "did you mean \($0)?" }
      let known = error.known.isEmpty ? "it has none" : "it has \(error.known.joined(separator: ", "))"
      throw DataError(.usage, at: [path], "has no variable \(quoted(error.name)) to set", remedy: near ?? known)
    } catch let error as Refusal {
      throw bad(error.place, error.problem, error.remedy)
    } catch DecodingError.keyNotFound(let key, let context) {
      throw bad(context.codingPath, "has no \(quoted(key.stringValue))", "see docs/pipelines.md")
    } catch DecodingError.typeMismatch(let type, let context), DecodingError.valueNotFound(let type, let context) {
      throw bad(context.codingPath, "should be \(words(for: type))")
    } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
      throw bad([], "is no JSON5: \(context.debugDescription)")
    } catch DecodingError.dataCorrupted(let context) {
      throw bad(context.codingPath, "has a value that cannot be read")
    } catch {
      throw bad([], "cannot be read: \(error)")
    }
  }

  init(from decoder: any Decoder) throws {
    let keys = try KnownKeys(decoder, Self.keys)
    // Not as a whole number: the parser takes 1.5 for a mistake of syntax then.
    let format = try keys.decode(Double.self, "format")
    guard format == Double(Self.format) else {
      throw Refusal(
        decoder.codingPath + [Key("format")],
        "is \(JSONText.number(format).rendered()), and this program reads \(Self.format)",
        "take a newer pipe, or see docs/pipelines.md")
    }
    datasets = try keys.decode([Dataset].self, "datasets")
    guard !datasets.isEmpty else { throw Refusal([Key("datasets")], "is empty: there is nothing to make") }
  }
}

extension PipelineFile.Dataset: Decodable {
  init(from decoder: any Decoder) throws {
    let keys = try KnownKeys(decoder, Self.keys)
    output = try keys.decode(String.self, "output")
    input = try keys.decode([String].self, "input")
    steps = try keys.decode([PipelineFile.Step].self, "steps")
    check = try keys.decodeIfPresent(PipelineFile.Check.self, "check")
    publish = try keys.decodeIfPresent(PipelineFile.Publish.self, "publish")
    evaluate = try keys.decodeIfPresent(OneOrMore.self, "evaluate")?.tables ?? []
    table = try keys.decodeIfPresent(String.self, "table")
    if table != nil, evaluate.isEmpty {
      throw Refusal(decoder.codingPath + [Key("table")], "means nothing without 'evaluate': there is nothing to list")
    }
    for (key, isEmpty) in [("input", input.isEmpty), ("steps", steps.isEmpty)] where isEmpty {
      throw Refusal(decoder.codingPath + [Key(key)], "is empty")
    }
  }
}

/// The options of one evaluation, or a list of them.
private struct OneOrMore: Decodable {
  let tables: [[String: StepOption]]

  init(from decoder: any Decoder) throws {
    if (try? decoder.unkeyedContainer()) != nil {
      tables = try decoder.singleValueContainer().decode([[String: StepOption]].self)
    } else {
      tables = [try decoder.singleValueContainer().decode([String: StepOption].self)]
    }
  }
}

extension PipelineFile.Step: Decodable {
  init(from decoder: any Decoder) throws {
    let keys = try KnownKeys(decoder, Self.keys)
    verb = try keys.decode(String.self, "verb")
    options = try keys.decodeIfPresent([String: StepOption].self, "options") ?? [:]
  }
}

/// Why a value of the file is refused, and where it stands.
struct Refusal: Error {
  var place: [any CodingKey]
  var problem: String
  var remedy: String?

  init(_ place: [any CodingKey], _ problem: String, _ remedy: String? = nil) {
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }
}

/// An object of the file, after its keys were compared with those that mean something.
struct KnownKeys {
  private let container: KeyedDecodingContainer<Key>

  /// The names that stand in the file, sorted.
  var names: [String] { container.allKeys.map(\.stringValue).sorted() }

  init(_ decoder: any Decoder, _ known: [String]) throws {
    container = try decoder.container(keyedBy: Key.self)
    // Sorted, so that the same file always gives the same message.
    for key in container.allKeys.map(\.stringValue).sorted() where !known.contains(key) {
      let near = nearest(to: key, among: known).map { "did you mean \($0)?" }
      throw Refusal(
        decoder.codingPath, "has no key \(quoted(key))", near ?? "it may hold \(known.joined(separator: ", "))")
    }
  }

  func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    try container.decode(type, forKey: Key(name))
  }

  /// Whether a key stands in the file, with `null` for its value.
  func isNull(_ name: String) -> Bool { (try? container.decodeNil(forKey: Key(name))) ?? false }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
    try container.decodeIfPresent(type, forKey: Key(name))
  }
}

/// `datasets[0].steps[1].options`, as the file is written.
private func spelled(_ keys: [any CodingKey], _ origins: [PipelineExpansion.Origin]) -> String {
  var (keys, start) = (keys, "")
  if keys.count > 1, keys[0].stringValue == "datasets", let index = keys[1].intValue, origins.indices.contains(index) {
    start = origins[index].place
    keys.removeFirst(2)
  }
  return keys.reduce(start) { text, key in
    if let index = key.intValue { return "\(text)[\(index)]" }
    return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
  }
}

private func words(for type: any Any.Type) -> String {
  switch type {
  case is String.Type: "a text in quotes"
  case is Double.Type: "a number"
  case is [Any].Type: "a list in brackets"
  default: "an object in braces"
  }
}
