internal import Datasets
internal import Shards

/// The evaluations of the datasets of a pipeline file that name one table: cell by cell for programs, and method by method
/// for people.
struct ResultsTable {
  /// A dataset of the table.
  struct Entry {
    /// The number of its dataset in the file; all cells of a matrix have one.
    var index = 0
    /// Its cell; empty for a dataset without a matrix.
    var coordinates: [MatrixCell.Coordinate]
    /// The dataset's folder.
    var output: String
    /// For each evaluation that is asked for what came out; nil where it was not run.
    var results: [EvaluationResult?]

    func label(_ axis: String) -> String? { coordinates.first { $0.axis == axis }?.label }

    /// Its column in the table for people, where no other dataset of the file is in the same cell.
    fileprivate var shortColumn: String {
      label("method") ?? (coordinates.isEmpty ? String(output.split(separator: "/").last ?? "") : "accuracy")
    }
  }

  /// In the order of the file.
  var entries: [Entry]

  /// Every axis, in the order in which they come.
  private var axes: [String] {
    entries.flatMap(\.coordinates).reduce(into: []) { if !$0.contains($1.axis) { $0.append($1.axis) } }
  }

  private var rowAxes: [String] { axes.filter { $0 != "method" && $0 != "seed" } }

  private func rowLabels(_ entry: Entry) -> [String] { rowAxes.map { entry.label($0) ?? "" } }

  /// The column of an entry in the table for people: what stands in one cell differs in its seed only.
  private func column(_ entry: Entry) -> String {
    let alike = entries.filter { $0.shortColumn == entry.shortColumn }
    let isShared = alike.contains { one in
      alike.contains { $0.index != one.index && rowLabels($0) == rowLabels(one) }
    }
    guard isShared else { return entry.shortColumn }
    return entry.coordinates.isEmpty ? entry.output : "\(entry.shortColumn) of datasets[\(entry.index)]"
  }

  /// Whether a file begins as the tables do.
  static func isTable(_ text: String) -> Bool {
    let line = text.prefix { !$0.isNewline }
    return text.isEmpty || line.hasPrefix("Accuracy in %") || line.contains("output,evaluation,state,")
  }

  // MARK: For programs

  /// A line for each set, network and evaluation; one that says so for what was not run.
  var csv: String {
    let axes = axes
    let columns = [
      "output", "evaluation", "state", "set", "baseline", "network", "protocol", "augmentation", "test", "images",
      "trained_on", "mean",
      "std", "accuracies", "seconds",
    ]
    var lines = [axes + columns]
    for entry in entries {
      let place = axes.map { entry.label($0) ?? "" } + [entry.output]
      for (index, result) in entry.results.enumerated() {
        guard let result else {
          lines.append(place + [String(index), "not run"] + columns.dropFirst(3).map { _ in "" })
          continue
        }
        for row in result.rows {
          lines.append(
            place + [
              String(index), row.stoppedEarly ? "stopped early" : "run", row.set, row.baseline ? "true" : "false",
              row.network, result.protocol, result.augmentation ?? "", result.test, String(row.images),
              String(row.trainedOn), number(row.mean),
              number(row.std), row.accuracies.map { number($0) }.joined(separator: " "), number(row.seconds),
            ])
        }
      }
    }
    return lines.map { $0.map(field).joined(separator: ",") + "\n" }.joined()
  }

  // MARK: For people

  /// A table for each evaluation and network: a row for each value of the other axes, a column for each method, mean and
  /// deviation over the seeds; with one seed over its networks.
  var markdown: String {
    let count = entries.map(\.results.count).max() ?? 0
    var parts: [String] = []
    for index in 0..<count {
      let found = entries.compactMap { $0.results.indices.contains(index) ? $0.results[index] : nil }
      let networks = found.flatMap(\.networks).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      for network in networks.isEmpty ? [nil] : networks.map(Optional.some) {
        let seeds = axes.contains("seed") ? "seeds" : "networks"
        let tests = Set(found.map(\.test)).sorted().joined(separator: ", ")
        let protocols = Set(found.map(how)).sorted().joined(separator: "; ")
        let heading =
          found.isEmpty
          ? "Accuracy in %"
          : "Accuracy in % on \(tests) after the last epoch, \(protocols), \(network ?? ""); mean ± std over \(seeds)"
        parts.append("\(heading):\n\n" + table(index, network))
      }
    }
    return parts.joined(separator: "\n")
  }

  /// The protocol, with the operations that augmented the images: accuracies under others are not to be compared.
  private func how(_ result: EvaluationResult) -> String {
    result.protocol + (result.augmentation.map { " (\($0))" } ?? "")
  }

  private func table(_ index: Int, _ network: String?) -> String {
    var rows: [[String]] = []
    var columns: [String] = []
    for entry in entries where entry.results.indices.contains(index) {
      let (row, column) = (rowLabels(entry), column(entry))
      if !rows.contains(row) { rows.append(row) }
      if !columns.contains(column) { columns.append(column) }
    }
    let baselines = ["random", "herding"].filter { name in
      entries.contains { entry in entry.row(index, network) { $0.baseline && $0.set == name } != nil }
    }
    var lines = [rowAxes + columns + baselines.map { "\($0) baseline" }]
    lines.append(lines[0].map { _ in "---" })
    for row in rows {
      let here = entries.filter { entry in
        entry.results.indices.contains(index) && rowLabels(entry) == row
      }
      let cells = columns.map { column in
        summary(here.filter { self.column($0) == column }, index, network) { !$0.baseline }
      }
      // Real images of a seed are the same beside every method.
      let seeds = here.reduce(into: [Entry]()) { found, entry in
        let isNew = !found.contains { $0.label("seed") == entry.label("seed") }
        if isNew, entry.results[index] != nil { found.append(entry) }
      }
      let beside = baselines.map { name in summary(seeds, index, network) { $0.baseline && $0.set == name } }
      lines.append(row + cells + beside)
    }
    return lines.map { "| " + $0.map(cellText).joined(separator: " | ") + " |\n" }.joined()
  }

  /// Accuracy in percent of the datasets that differ in their seed only, with that of the images that they began with.
  private func summary(
    _ entries: [Entry], _ index: Int, _ network: String?, of isWanted: (EvaluationResult.Row) -> Bool
  ) -> String {
    if entries.isEmpty { return "" }
    let rows = entries.compactMap { $0.row(index, network, isWanted) }
    let means = rows.compactMap(\.mean)
    guard !means.isEmpty else { return "not run" }
    let spread = means.count > 1 ? deviation(means) : rows.first?.std
    let missing = means.count < entries.count ? " (\(means.count) of \(entries.count) seeds)" : ""
    var text = fixed(100 * average(means), 1) + (spread.map { " ± \(fixed(100 * $0, 1))" } ?? "") + missing
    let starts = entries.compactMap { entry in
      entry.row(index, network) { $0.set == EvaluationResult.initialImages }?.mean
    }
    if starts.count == means.count, rows.allSatisfy({ !$0.baseline }) {
      text += ", from \(fixed(100 * average(starts), 1))"
    }
    return rows.contains(where: \.stoppedEarly) ? text + " (stopped early)" : text
  }
}

extension ResultsTable.Entry {
  fileprivate func row(
    _ index: Int, _ network: String?, _ isWanted: (EvaluationResult.Row) -> Bool
  ) -> EvaluationResult.Row? {
    guard results.indices.contains(index) else { return nil }
    return results[index]?.rows.first { isWanted($0) && $0.network == network }
  }
}

private func average(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

private func deviation(_ values: [Double]) -> Double {
  let mean = average(values)
  return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
}

private func number(_ value: Double?) -> String { value.map { JSONText.number($0).rendered() } ?? "" }

/// A field as RFC 4180 has it.
private func field(_ text: String) -> String {
  let isPlain = !text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
  return isPlain
    ? text : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}

/// A text that does not end its cell.
private func cellText(_ text: String) -> String {
  String(text.flatMap { $0 == "|" ? "\\|" : $0.isNewline ? " " : String($0) })
}
