internal import Datasets
internal import Shards

extension Report {
  /// Loss and accuracy over the steps, out of what `--progress=json` wrote.
  var curvesSection: HTML {
    guard let log, !log.stages.isEmpty else {
      let reason: HTML =
        log == nil
        ? "Losses and accuracies over the steps come from the log of the run:"
        : "The log has neither losses nor accuracies of this dataset; one that has comes with these lines:"
      return .missing(
        reason, "pipe condense --progress=json … 2> run.jsonl",
        "pipe report \(typedFolder) --log run.jsonl -o report.html")
    }
    var content = HTML.none
    for (index, stage) in log.stages.enumerated() {
      // Those of the networks of an evaluation stand in its table.
      if !stage.accuracies.lines.isEmpty, stage.unit == "steps" {
        content +=
          Chart(
            title: "Accuracy on held-out images, \(stage.name) by \(stage.unit)", unit: stage.unit,
            lines: stage.accuracies.lines, level: randomLevel, isShare: true,
            id: "accuracy-\(index)"
          ).html
      }
      guard !stage.losses.lines.isEmpty else { continue }
      content +=
        Chart(
          title: "Loss, \(stage.name) by \(stage.unit)", unit: stage.unit, lines: stage.losses.lines, level: nil,
          id: "loss-\(index)"
        ).html
      if stage.losses.dropped > 0 {
        content += .paragraph(
          "The last \(stage.losses.lines.count) of \(stage.losses.lines.count + stage.losses.dropped) lines are shown.",
          class: "note")
      }
    }
    return "<div class=\"charts\">\(content)</div>\n"
  }

  /// What random images reach on the held-out ones.
  private var randomLevel: (label: String, value: Double)? {
    making?.results?["random-accuracy"].map { ("random real images", $0) }
  }
}
