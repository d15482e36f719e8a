internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The textfile of `--metrics`, in the text format of Prometheus, as its node exporter collects it.
///
/// What this run has not found out stays as the last one left it: the time of the last success, accuracies of a dataset that
/// failed, all of a dataset that was not chosen. Failures are counted on.
struct RunMetrics {
  /// The file.
  let path: String
  /// The pipeline file, without its folder.
  let pipeline: String

  private static let mark = "# HELP pipe_"

  /// What is written, in this order: name, type and help.
  private static let families: [(name: String, type: String, help: String)] = [
    ("pipe_run_timestamp_seconds", "gauge", "When the run ended."),
    ("pipe_run_duration_seconds", "gauge", "How long the run took."),
    ("pipe_run_exit_code", "gauge", "How the run ended; 0 is well."),
    (
      "pipe_dataset_last_success_timestamp_seconds", "gauge",
      "When the dataset was last made or found to be up to date."
    ),
    ("pipe_dataset_success", "gauge", "Whether the last run made the dataset or found it up to date."),
    ("pipe_dataset_exit_code", "gauge", "Why it did not; 3 is a check that was not passed."),
    ("pipe_dataset_failures_total", "counter", "Runs that did not make the dataset."),
    ("pipe_dataset_duration_seconds", "gauge", "How long the dataset took."),
    ("pipe_dataset_samples", "gauge", "Samples of the dataset that was looked at last, passed or not."),
    ("pipe_dataset_classes", "gauge", "Classes of that dataset."),
    ("pipe_dataset_accuracy_ratio", "gauge", "Mean test accuracy of that dataset under its check."),
    ("pipe_dataset_lowest_class_accuracy_ratio", "gauge", "Test accuracy of its lowest class."),
    ("pipe_dataset_info", "gauge", "What became of the dataset, and its generation."),
  ]

  /// Refuses a file that another program wrote or that another pipeline writes, and a folder in which none can be written.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  func check() throws(DataError) {
    let place = try replacedFile(path)
    let folder = parentFolder(of: place)
    guard access(folder, W_OK | X_OK) == 0 else {
      throw DataError(.cannotCreate, at: [path], "its folder cannot be written to: \(String(cString: strerror(errno)))")
    }
    guard access(place, F_OK) == 0 else { return }
    guard let data = try? Data(contentsOf: URL(filePath: place)),
      data.isEmpty || String(decoding: data, as: UTF8.self).hasPrefix(Self.mark)
    else {
      throw DataError(
        .cannotCreate, at: [path], "was not written by pipe run --metrics", remedy: "name another file, or remove it")
    }
    _ = try old(at: place)
  }

  /// Writes the file; whoever looks finds the old one or the new one.
  ///
  /// - Parameters:
  ///   - outcomes: what became of the datasets, by their names in the file.
  ///   - names: all datasets of the file; nil where it could not be read.
  ///   - seconds: how long the run took.
  ///   - exitCode: how it ended.
  ///   - now: seconds since 1970.
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func write(
    _ outcomes: [(name: String, outcome: RunOutcome)], of names: [String]?, seconds: Double, exitCode: Int32, now: Int
  ) throws(DataError) {
    let place = try replacedFile(path)
    let text = text(
      outcomes, of: names, seconds: seconds, exitCode: exitCode, now: now, after: try old(at: place))
    let file = try NewFile(place)
    defer { file.discard() }
    try file.write(Array(text.utf8))
    try file.publish(replacing: true)
  }

  /// The lines that an earlier run wrote.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) for those of another pipeline, which would be gone.
  private func old(at place: String) throws(DataError) -> [Substring] {
    guard let data = try? Data(contentsOf: URL(filePath: place)) else { return [] }
    let text = String(decoding: data, as: UTF8.self)
    guard text.hasPrefix(Self.mark) else { return [] }
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    for line in lines {
      guard let other = pipelineName(in: line), other != pipeline else { continue }
      throw DataError(
        .cannotCreate, at: [path], "holds what the pipeline \(other) tells, which would be gone",
        remedy: "name another file for \(pipeline), or remove this one if there is no \(other) any more")
    }
    return lines
  }

  /// The content of the file.
  ///
  /// - Parameter old: the lines that an earlier run wrote.
  func text(
    _ outcomes: [(name: String, outcome: RunOutcome)], of names: [String]?, seconds: Double, exitCode: Int32, now: Int,
    after old: [Substring]
  ) -> String {
    let own = "pipeline=\"\(escaped(pipeline))\""
    func labels(_ name: String) -> String { "\(own),dataset=\"\(escaped(name))\"" }
    var lines: [String: [String]] = [
      "pipe_run_timestamp_seconds": ["{\(own)} \(now)"],
      "pipe_run_duration_seconds": ["{\(own)} \(fixed(seconds, 3))"],
      "pipe_run_exit_code": ["{\(own)} \(exitCode)"],
    ]
    for (name, outcome) in outcomes {
      for (family, rest, value) in values(of: outcome, now: now) {
        lines[family, default: []].append("{\(labels(name))\(rest)} \(value)")
      }
      let family = "pipe_dataset_failures_total"
      let before = old.first { $0.hasPrefix("\(family){\(labels(name))}") }.flatMap { $0.split(separator: " ").last }
      let count = before.flatMap { Int($0) } ?? 0
      lines[family, default: []].append("{\(labels(name))} \(outcome.failure == nil ? count : count + 1)")
    }
    for family in Self.families.map(\.name) where family.hasPrefix("pipe_dataset_") {
      for line in old where line.hasPrefix("\(family){") {
        let rest = line.dropFirst(family.count)
        func isOf(_ name: String) -> Bool { rest.hasPrefix("{\(labels(name))}") || rest.hasPrefix("{\(labels(name)),") }
        let isKnown = names.map { $0.contains(where: isOf) } ?? true
        let isNew =
          lines[family]?.contains { new in
            outcomes.contains { isOf($0.name) && new.hasPrefix("{\(labels($0.name))") }
          } ?? false
        if isKnown, !isNew { lines[family, default: []].append(String(rest)) }
      }
    }
    return Self.families.reduce(into: "") { text, family in
      guard let samples = lines[family.name] else { return }
      text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.type)\n"
      for sample in samples { text += family.name + sample + "\n" }
    }
  }

  private func values(of outcome: RunOutcome, now: Int) -> [(family: String, labels: String, value: String)] {
    var values: [(String, String, String)] = [
      ("pipe_dataset_success", "", outcome.failure == nil ? "1" : "0"),
      ("pipe_dataset_exit_code", "", "\(outcome.failure?.exitCode ?? 0)"),
      ("pipe_dataset_duration_seconds", "", fixed(outcome.seconds, 3)),
      (
        "pipe_dataset_info", ",state=\"\(escaped(outcome.state))\",generation=\"\(outcome.generation ?? "")\"", "1"
      ),
    ]
    // A rollback is well done, and makes nothing new.
    if outcome.failure == nil, outcome.state != "rolled back" {
      values.append(("pipe_dataset_last_success_timestamp_seconds", "", "\(now)"))
    }
    if let size = outcome.size {
      values += [("pipe_dataset_samples", "", "\(size.samples)"), ("pipe_dataset_classes", "", "\(size.classes)")]
    }
    for row in outcome.figures {
      let network = ",network=\"\(escaped(row.network))\""
      values.append(("pipe_dataset_accuracy_ratio", network, "\(row.accuracy)"))
      if let lowest = row.classAccuracies.compactMap(\.self).min() {
        values.append(("pipe_dataset_lowest_class_accuracy_ratio", network, "\(lowest)"))
      }
    }
    return values
  }
}

/// The pipeline that a line tells of; nil for a line that names none.
private func pipelineName(in line: Substring) -> String? {
  let mark = "{pipeline=\""
  guard let start = line.firstIndex(of: "{"), line[start...].hasPrefix(mark) else { return nil }
  var rest = line[start...].dropFirst(mark.count)
  var name = ""
  while let character = rest.popFirst() {
    if character == "\"" { return name }
    guard character == "\\" else {
      name.append(character)
      continue
    }
    guard let next = rest.popFirst() else { return nil }
    name.append(next == "n" ? "\n" : next)
  }
  return nil
}

/// A value of a label.
private func escaped(_ text: String) -> String {
  text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
}
