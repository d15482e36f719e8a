internal import Datasets
internal import Shards

extension Report {
  /// Classes up to which the whole matrix is shown.
  private static let mostColumns = 20
  /// Confusions that are listed beside it.
  private static let mostPairs = 20

  /// What is taken for what.
  var confusionSection: HTML {
    guard let evaluation = evaluations.first(where: { $0.result.rows.contains { $0.confusion != nil } }),
      case let result = evaluation.result, let row = result.rows.first(where: { $0.confusion != nil }),
      let confusion = row.confusion
    else {
      return .missing(
        "Which classes are taken for which comes with these two lines:",
        "pipe evaluate --train \(typedFolder) --test ARCHIVE --json > evaluation.json",
        "pipe report \(typedFolder) --evaluation evaluation.json -o report.html")
    }
    let totals = confusion.map { $0.values.reduce(0, +) }
    var pairs: [(label: Int, answer: Int, count: Int)] = []
    for (label, answers) in confusion.enumerated() {
      for (answer, count) in answers where answer != label && count > 0 { pairs.append((label, answer, count)) }
    }
    pairs.sort { ($1.count, $0.label, $0.answer) < ($0.count, $1.label, $1.answer) }
    let listed = pairs.prefix(Self.mostPairs).map { pair -> [HTML] in
      [
        isolated(result.classes[pair.label]), isolated(result.classes[pair.answer]), "\(grouped(pair.count))",
        "\(percentText(Double(pair.count) / Double(max(1, totals[pair.label]))))",
      ]
    }
    let networks = row.accuracies.count
    var content = HTML.paragraph(
      "How \(networks == 1 ? "a network" : "\(networks) networks") of \(isolated(row.network)) trained on \(isolated(row.label)) answer for the test images."
    )
    if result.classes.count <= Self.mostColumns { content += matrix(result, confusion, totals) }
    guard !listed.isEmpty else { return content + .paragraph("No test image was taken for another class.") }
    return content
      + .table(
        "Most frequent confusions", ["class", "taken for", "times", "of its test images"], numbers: [2, 3], rows: listed
      )
      + (pairs.count > listed.count
        ? .paragraph(
          "\(grouped(listed.count)) of \(grouped(pairs.count)) confusions are listed; \(isolated(evaluation.file)) has all.",
          class: "note") : .none)
  }

  /// The matrix in percent of each row, darker for more.
  private func matrix(_ result: EvaluationResult, _ confusion: [[Int: Int]], _ totals: [Int]) -> HTML {
    let heads = result.classes.map { "<th scope=\"col\"><span>\(isolated($0))</span></th>" as HTML }
    let rows = confusion.enumerated().map { label, answers -> HTML in
      let cells = result.classes.indices.map { answer -> HTML in
        guard totals[label] > 0 else { return "<td>–</td>" }
        let share = Double(answers[answer] ?? 0) / Double(totals[label])
        let level = share < 0.005 ? 0 : min(5, 1 + Int(share * 5))
        return "<td class=\"h\(level)\(answer == label ? " right" : "")\">\(fixed(100 * share, 0))</td>"
      }
      return "<tr><th scope=\"row\">\(isolated(result.classes[label]))</th>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="matrix">
      <caption>Confusion matrix: of the test images of a row's class, the percentage taken for a column's class; right answers are framed</caption>
      <thead><tr><td></td>\(heads)</tr></thead>
      <tbody>\(rows)</tbody></table></div>

      """
  }
}
