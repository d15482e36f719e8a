import Datasets
import Foundation
import Methods
import Networks
import Stages
import Tensors

/// What `evaluate` prints: the table for people, the object for programs.
struct EvaluationReport {
  let rows: [EvaluationRow]
  let request: EvaluationRequest
  let classNames: [String]
  let test: String
  /// The part of it that was used.
  let testSplit: DatasetInfo.Split
  let counts: [Int]

  /// The table, percent, last epoch.
  func text() -> String {
    // As wide as the names that come most often, so that tables stand well beside one another.
    let width = max(16, rows.map(\.label.count).max() ?? 0)
    let part = testSplit == .test ? "" : " (its \(testSplit.rawValue) part)"
    var lines = [
      "\(request.recipe.label), \(request.network.precision.rawValue), seed \(request.seed), tested on \(test)\(part); "
        + "accuracy in % after the last epoch, mean ± std over networks",
      "",
      padded("set", width) + " images  trained on  networks   accuracy        s",
    ]
    for row in rows {
      let networks = row.isCut ? "\(row.accuracies.count) of \(request.repeats)" : "\(row.accuracies.count)"
      lines.append(
        "\(padded(row.label, width)) \(left(String(row.stored), 6))  \(left(String(row.trained), 10))  \(left(networks, 8))   "
          + "\(padded(accuracy(row), 13)) \(left(String(Int(row.seconds.rounded())), 5))")
    }
    lines.append("")
    let classWidth = max(8, classNames.map(\.count).max() ?? 0)
    lines.append(padded("class", classWidth) + rows.map { left($0.label, max(9, $0.label.count + 2)) }.joined())
    for (label, name) in classNames.enumerated() {
      let cells = rows.map { row in
        left(row.perClass.indices.contains(label) ? percent(row.perClass[label]) : "-", max(9, row.label.count + 2))
      }
      lines.append(padded(name, classWidth) + cells.joined())
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One JSON object, keys sorted.
  func json() throws -> String {
    let object = Report(
      protocol: request.recipe.name, epochs: request.recipe.epochs, prescribedEpochs: request.recipe.prescribedEpochs,
      repeats: request.repeats, seed: request.seed, precision: request.network.precision.rawValue,
      network: request.network.architecture.rawValue, width: request.network.filters,
      device: Runtime.device.description, test: test, testSplit: testSplit,
      classes: classNames, countPerClass: counts,
      rows: rows.map { row in
        Report.Row(
          set: row.name, baseline: row.isBaseline, accuracies: row.accuracies,
          mean: row.accuracies.isEmpty ? nil : row.mean, std: row.deviation,
          perClass: row.perClass, images: row.stored, trainedOn: row.trained, seconds: row.seconds,
          stoppedEarly: row.isCut)
      })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(object), as: UTF8.self) + "\n"
  }

  private struct Report: Encodable {
    struct Row: Encodable {
      var set: String
      var baseline: Bool
      var accuracies: [Double]
      var mean: Double?
      var std: Double?
      var perClass: [Double?]
      var images: Int
      var trainedOn: Int
      var seconds: Double
      var stoppedEarly: Bool
    }
    var `protocol`: String
    var epochs: Int
    var prescribedEpochs: Int
    var repeats: Int
    var seed: UInt64
    var precision: String
    var network: String
    var width: Int
    var device: String
    var test: String
    var testSplit: DatasetInfo.Split
    var classes: [String]
    var countPerClass: [Int]
    var rows: [Row]
  }

  private func accuracy(_ row: EvaluationRow) -> String {
    if row.accuracies.isEmpty { return "not finished" }
    return row.deviation.map { "\(percent(row.mean)) ± \(percent($0))" } ?? percent(row.mean)
  }

  private func percent(_ value: Double?) -> String {
    value.map { String(format: "%.1f", 100 * $0) } ?? "-"
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func left(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
