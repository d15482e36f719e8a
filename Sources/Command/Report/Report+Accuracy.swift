internal import Datasets
internal import Shards

extension Report {
  /// Results of one protocol on one test set: evaluations of several networks are joined.
  private var joined: [EvaluationResult] {
    var results: [EvaluationResult] = []
    for result in evaluations.map(\.result) {
      guard let index = results.firstIndex(where: { $0.isComparable(with: result) }) else {
        results.append(result)
        continue
      }
      results[index].networks += result.networks.filter { !results[index].networks.contains($0) }
      for row in result.rows {
        results[index].rows.removeAll { $0.label == row.label && $0.network == row.network }
        results[index].rows.append(row)
      }
    }
    return results
  }

  private var evaluateCommand: String {
    "pipe evaluate --train \(typedFolder) --test ARCHIVE --baselines --json > evaluation.json"
  }

  private var reportCommand: String { "pipe report \(typedFolder) --evaluation evaluation.json -o report.html" }

  /// Accuracy with baselines: of several networks as a table with a column for each.
  var accuracySection: HTML {
    var content = HTML.none
    if let results = making?.results, let accuracy = results["accuracy"] {
      let images = results["held-out-images"].map { "\(fixed($0, 0)) " } ?? ""
      let random =
        results["random-accuracy"].map { ", where as many random real images reach \(percentText($0))" } ?? ""
      content += .paragraph(
        "While it was made, \(images)real images were held back: a network that was trained on the dataset is right on \(percentText(accuracy)) of them\(random)."
      )
    }
    guard !evaluations.isEmpty else {
      return content
        + .missing(
          "Tables of accuracy, beside random and herded real images, come with these two lines:", evaluateCommand,
          reportCommand)
    }
    for result in joined { content += result.networks.count > 1 ? comparison(result) : single(result) }
    return content
      + .paragraph(
        "Every network is trained from its own start, and tested after the last epoch, never at the best one. The number after ± is the deviation over networks.",
        class: "note")
  }

  /// A row for each set, with a bar.
  private func single(_ result: EvaluationResult) -> HTML {
    let hasTiles = result.rows.contains { $0.trainedOn != $0.images }
    let rows = result.rows.map { row -> [HTML] in
      let networks = "\(row.accuracies.count)\(row.stoppedEarly ? " of \(result.repeats), stopped early" : "")"
      let tiles: [HTML] = hasTiles ? ["\(grouped(row.trainedOn))"] : []
      return [isolated(row.label), accuracyBar(row.mean, std: row.std, isOwn: !row.baseline), "\(grouped(row.images))"]
        + tiles + ["\(networks)"]
    }
    let network = result.networks.first ?? result.network
    return .paragraph("\(result.heading), network \(isolated(network)).")
      + .table(
        "Accuracy of \(network) under \(result.protocol)",
        ["trained on", "accuracy", "images"] + (hasTiles ? ["with tiles"] : []) + ["networks"],
        numbers: [2, 3, 4], rows: rows)
  }

  /// A row for each set, a column for each network.
  private func comparison(_ result: EvaluationResult) -> HTML {
    var labels: [String] = []
    for row in result.rows where !labels.contains(row.label) { labels.append(row.label) }
    let rows = labels.map { label -> [HTML] in
      [isolated(label)]
        + result.networks.map { network in
          let row = result.rows.first { $0.label == label && $0.network == network }
          guard let row, let mean = row.mean else { return "–" }
          let text = percentText(mean) + (row.std.map { " ± \(fixed(100 * $0, 1))" } ?? "")
          return row.baseline ? "\(text)" : "<strong>\(text)</strong>"
        }
    }
    return .paragraph("\(result.heading), across architectures.")
      + .table(
        "Accuracy by architecture under \(result.protocol)", ["trained on"] + result.networks.map { isolated($0) },
        numbers: Set(1...max(1, result.networks.count)), rows: rows)
  }

  // MARK: By class

  /// Classes that a table lists at most.
  static let mostClasses = 1000
  /// Classes that are shown at once.
  private static let firstClasses = 30

  var classesSection: HTML {
    guard let result = evaluations.first?.result, let row = result.rows.first(where: { !$0.baseline && $0.mean != nil })
    else {
      return .missing("The accuracy of every class comes with these two lines:", evaluateCommand, reportCommand)
    }
    let random = result.rows.first { $0.baseline && $0.set == "random" && $0.network == row.network && $0.mean != nil }
    let order = result.classes.indices.sorted { a, b in
      let (x, y) = (row.perClass[safe: a] ?? 2, row.perClass[safe: b] ?? 2)
      return x == y ? a < b : x < y
    }
    func cells(_ label: Int) -> [HTML] {
      let own = row.perClass[safe: label]
      var cells: [HTML] = [
        isolated(result.classes[label]), accuracyBar(own, std: nil, isOwn: true),
        "\(result.countPerClass.indices.contains(label) ? grouped(result.countPerClass[label]) : "–")",
      ]
      if let random { cells.append("\(percentText(random.perClass[safe: label]))") }
      return cells
    }
    let heads: [HTML] = ["class", "accuracy", "images"] + (random == nil ? [] : ["random images"])
    let numbers: Set = [2, 3]
    let known = order.filter { row.perClass[safe: $0] != nil }
    var text: HTML = "The classes of \(isolated(row.label)) under \(isolated(row.network)), hardest first"
    if let first = known.first, let last = known.last, known.count > 1 {
      text +=
        ": from \(percentText(row.perClass[safe: first])) for \(isolated(result.classes[first])) to \(percentText(row.perClass[safe: last])) for \(isolated(result.classes[last]))"
    }
    var content =
      HTML.paragraph(text + ".")
      + .table("Accuracy by class", heads, numbers: numbers, rows: order.prefix(Self.firstClasses).map(cells))
    let rest = order.dropFirst(Self.firstClasses)
    if !rest.isEmpty {
      let shown = rest.prefix(Self.mostClasses)
      let more = rest.count > shown.count ? ", of which \(grouped(shown.count)) are listed" : ""
      content += .details(
        "\(grouped(rest.count)) further classes\(more)",
        .table("Accuracy by class, continued", heads, numbers: numbers, rows: shown.map(cells)))
    }
    return content
  }

  /// A number with a bar as long as it says.
  private func accuracyBar(_ share: Double?, std: Double?, isOwn: Bool) -> HTML {
    guard let share else { return "–" }
    let deviation = std.map { " ± \(fixed(100 * $0, 1))" } ?? ""
    let width = fixed(100 * min(max(share, 0), 1), 1)
    return
      "<span class=\"bar\(isOwn ? " own" : "")\"><i style=\"width:\(width)%\"></i></span><span class=\"value\">\(percentText(share))\(deviation)</span>"
  }
}

extension EvaluationResult {
  /// `P-DSA (30 of 1000 epochs), tested on cifar10 (test split)`.
  var heading: HTML {
    let epochsText = epochs == prescribedEpochs ? "" : " (\(epochs) of \(prescribedEpochs) epochs)"
    let steps = equalSteps == true ? ", equal training steps" : ""
    let widthText = networks.count == 1 ? width.map { ", width \($0)" } ?? "" : ""
    return
      "Protocol \(`protocol`)\(epochsText)\(steps)\(widthText), seed \(String(seed)), \(repeats) \(repeats == 1 ? "network" : "networks") for each set, tested on the \(testSplit.rawValue) split of \(isolated(test))"
  }

  /// Whether the accuracies of both may stand in one table.
  func isComparable(with other: EvaluationResult) -> Bool {
    `protocol` == other.protocol && epochs == other.epochs && equalSteps == other.equalSteps && test == other.test
      && testSplit == other.testSplit && classes == other.classes && repeats == other.repeats
      && precision == other.precision && augmentation == other.augmentation && seed == other.seed
      && device == other.device && (width == other.width || Set(networks).isDisjoint(with: other.networks))
  }
}

extension Array {
  /// The element at a place, flattened; nil where there is none.
  subscript<Wrapped>(safe index: Int) -> Wrapped? where Element == Wrapped? {
    indices.contains(index) ? self[index] : nil
  }
}
