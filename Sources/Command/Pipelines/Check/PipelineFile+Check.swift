internal import Catalog

extension PipelineFile {
  /// The key `check`: what is asked of a new dataset, and how its accuracy is found.
  struct Check: Equatable {
    /// What is asked.
    var conditions: CheckConditions
    /// Archives to test on, relative to the file; empty for the inputs of the dataset.
    var test: [String]
    /// Further options of `pipe evaluate`, by long name.
    var options: [String: StepOption]
  }
}

/// What a dataset has to pass; accuracies in percent.
struct CheckConditions: Codable, Equatable {
  /// Every byte is read back and compared with the manifest.
  var verify = true
  /// The least mean accuracy of every network.
  var accuracy: Double?
  /// The least accuracy of every class.
  var classAccuracy: Double?
  /// By how many points the mean may be below that of the generation before.
  var notWorseThanLast: Double?

  /// Whether one of them asks for an accuracy.
  var needAccuracy: Bool { accuracy != nil || classAccuracy != nil || notWorseThanLast != nil }
}

extension PipelineFile.Check: Decodable {
  /// The keys that are conditions; all others are options of `pipe evaluate`.
  static let conditionNames = ["verify", "accuracy", "class-accuracy", "not-worse-than-last"]

  /// Options of `pipe evaluate` that the run itself gives, and those that are for people.
  static let reserved: Set<String> = [
    "train", "test", "json", "scores", "on-term", "help", "progress", "quiet", "verbose",
  ]

  /// The options of `pipe evaluate` that may be given.
  static var optionNames: [String] {
    (Catalog.verb("evaluate")?.options ?? []).map(\.name).filter { !reserved.contains($0) }
  }

  init(from decoder: any Decoder) throws {
    let keys = try KnownKeys(decoder, Self.conditionNames + ["test"] + Self.optionNames)
    // It would drop a condition without a word.
    for name in Self.conditionNames + ["test"] where keys.isNull(name) {
      throw Refusal(
        decoder.codingPath + [Key(name)], "is null, which asks for nothing", "give it a value, or leave it out")
    }
    conditions = CheckConditions()
    conditions.verify = try keys.decodeIfPresent(Bool.self, "verify") ?? true
    func percent(_ name: String) throws -> Double? {
      guard let value = try keys.decodeIfPresent(Double.self, name) else { return nil }
      // 0.6 would be a condition that everything passes.
      guard value == 0 || value > 1, value <= 100 else {
        throw Refusal(
          decoder.codingPath + [Key(name)], "is \(JSONText.number(value).rendered()), and accuracies are in percent",
          "write 60 for 60 %")
      }
      return value
    }
    conditions.accuracy = try percent("accuracy")
    conditions.classAccuracy = try percent("class-accuracy")
    conditions.notWorseThanLast = try keys.decodeIfPresent(Double.self, "not-worse-than-last")
    if let points = conditions.notWorseThanLast, !(0..<100).contains(points) {
      throw Refusal(
        decoder.codingPath + [Key("not-worse-than-last")], "is \(JSONText.number(points).rendered())",
        "write a number of points from 0 to 100, such as 2")
    }
    test = try keys.decodeIfPresent(PathList.self, "test")?.paths ?? []
    options = [:]
    for name in keys.names where Self.optionNames.contains(name) {
      options[name] = try keys.decode(StepOption.self, name)
    }
  }
}

/// One path, or a list of them.
private struct PathList: Decodable {
  let paths: [String]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let path = try? container.decode(String.self) {
      paths = [path]
    } else {
      paths = try container.decode([String].self)
    }
    guard !paths.isEmpty else { throw Refusal(decoder.codingPath, "is empty", "leave it out to test on the inputs") }
  }
}
