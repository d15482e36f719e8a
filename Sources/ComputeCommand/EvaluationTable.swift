import Command
import Datasets
import Foundation
import Shards

extension EvaluationResult {
  /// The table for people: percent, last epoch.
  ///
  /// With one network a row for each set with sizes and seconds, and the accuracy of every class; with several a row for each set
  /// and a column for each network.
  var text: String {
    let epochsText = epochs == prescribedEpochs ? "" : " (\(epochs) of \(prescribedEpochs) epochs)"
    let part = testSplit == .test ? "" : " (its \(testSplit.rawValue) split)"
    let steps = equalSteps == true ? ", equal training steps" : ""
    let heading =
      "\(`protocol`)\(epochsText)\(steps), \(precision), seed \(seed), tested on \(test)\(part); accuracy in % after the last epoch, "
      + "mean ± std over networks"
    let lines = [heading, ""] + (networks.count > 1 ? comparison : sets + [""] + classRows)
    return lines.map { $0.replacing(#/ +$/#, with: "") + "\n" }.joined()
  }

  /// As wide as the names that come most often, so that tables stand well beside one another.
  private var nameWidth: Int { max(16, rows.map(\.label.count).max() ?? 0) }

  private var sets: [String] {
    [padded("set", nameWidth) + " images  trained on  \(epochsHeading)networks   accuracy        s"]
      + rows.map { row in
        let done = row.stoppedEarly ? "\(row.accuracies.count) of \(repeats)" : "\(row.accuracies.count)"
        return "\(padded(row.label, nameWidth)) \(left(String(row.images), 6))  \(left(String(row.trainedOn), 10))  "
          + "\(epochsCell(row))\(left(done, 8))   \(padded(row.accuracy, 13)) \(left(String(Int(row.seconds.rounded())), 5))"
      }
  }

  /// The column of epochs, where they differ from set to set.
  private var epochsHeading: String { equalSteps == true ? "epochs  " : "" }

  private func epochsCell(_ row: Row) -> String {
    equalSteps == true ? left(row.epochs.map(String.init) ?? "-", 6) + "  " : ""
  }

  private var classRows: [String] {
    let width = max(8, classes.map { printable($0).count }.max() ?? 0)
    let cell = rows.map { max(9, $0.label.count + 2) }
    let heading = padded("class", width) + zip(rows, cell).map { left($0.label, $1) }.joined()
    return [heading]
      + classes.enumerated().map { label, name in
        let cells = zip(rows, cell).map { row, width in
          left(row.perClass.indices.contains(label) ? percent(row.perClass[label]) : "-", width)
        }
        return padded(printable(name), width) + cells.joined()
      }
  }

  /// A row per set, a column per network.
  private var comparison: [String] {
    let columns = networks.map { max(14, $0.count + 2) }
    var lines = [
      padded("set", nameWidth) + " images  trained on   \(epochsHeading)"
        + zip(networks, columns).map { padded($0, $1) }.joined()
    ]
    var labels: [String] = []
    for row in rows where !labels.contains(row.label) { labels.append(row.label) }
    for label in labels {
      let own = rows.filter { $0.label == label }
      guard let first = own.first(where: { $0.images > 0 }) ?? own.first else { continue }
      let cells = zip(networks, columns).map { network, width in
        let row = own.first { $0.network == network }
        let mark = row.map { $0.stoppedEarly && !$0.accuracies.isEmpty ? " (\($0.accuracies.count))" : "" } ?? ""
        return padded((row?.accuracy ?? "-") + mark, width)
      }
      lines.append(
        "\(padded(label, nameWidth)) \(left(String(first.images), 6))  \(left(String(first.trainedOn), 10))   \(epochsCell(first))\(cells.joined())"
      )
    }
    return lines
  }
}

extension EvaluationResult.Row {
  /// `54.3 ± 0.2`.
  fileprivate var accuracy: String {
    guard let mean else { return "not finished" }
    return std.map { "\(percent(mean)) ± \(percent($0))" } ?? percent(mean)
  }
}

private func percent(_ value: Double?) -> String { value.map { String(format: "%.1f", 100 * $0) } ?? "-" }

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

func left(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}
