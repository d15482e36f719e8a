internal import Datasets
internal import Shards

extension Report {
  /// What the dataset is and what it is worth, in one paragraph.
  var lead: HTML {
    let classes = counted(manifest.labelNames.count, "class")
    let each = eachText.map { ", \($0) of each" } ?? ""
    var text: HTML
    if let method {
      let verb = making?.verb == "expand" ? "made out of fewer by" : isSelection ? "chosen by" : "made by"
      text =
        "\(countedThings(manifest.samples, isSelection ? "real " : "synthetic ")) of \(classes)\(each), \(verb) the method \(isolated(method))"
      if let total = sheets?.real?.pictures.counts.reduce(0, +), total > manifest.samples, making?.verb == "condense" {
        let times = total / max(1, manifest.samples)
        text += " from \(grouped(total)) real ones" + (times > 1 ? ": \(grouped(times)) times fewer" : "")
      }
    } else {
      text = "\(countedThings(manifest.samples)) of \(classes)\(each)"
    }
    text += "."
    if let row = bestRow, let mean = row.row.mean {
      text += " A network that is trained on them is right on \(percentText(mean)) of the real test images"
      if let random = row.random { text += "; on as many random real images it reaches \(percentText(random))" }
      text += "."
    } else if let results = making?.results, let accuracy = results["accuracy"] {
      text +=
        " A network that is trained on them is right on \(percentText(accuracy)) of real images that were held back"
      if let random = results["random-accuracy"] {
        text += "; on as many random real images it reaches \(percentText(random))"
      }
      text += "."
    }
    return .paragraph(text, class: "lead")
  }

  /// Whether the samples are real ones that were chosen.
  var isSelection: Bool { ["random", "herding", "k-center"].contains(method ?? "") }

  /// `10`, or `5 to 12`; nil where no class has a sample.
  private var eachText: String? {
    guard let least = manifest.countsPerClass.min(), let most = manifest.countsPerClass.max(), most > 0 else {
      return nil
    }
    return least == most ? grouped(least) : "\(grouped(least)) to \(grouped(most))"
  }

  /// The evaluated set under the first network, and the mean of random images beside it.
  private var bestRow: (row: EvaluationResult.Row, random: Double?)? {
    guard let result = evaluations.first?.result, let row = result.rows.first(where: { !$0.baseline && $0.mean != nil })
    else { return nil }
    return (row, result.rows.first { $0.baseline && $0.set == "random" && $0.network == row.network }?.mean)
  }

  /// Numbers at a glance.
  var facts: HTML {
    var entries: [(String, HTML)] = [
      (things, "\(grouped(manifest.samples))"), ("classes", "\(grouped(manifest.labelNames.count))"),
    ]
    if tiles > 1 { entries.append(("training \(things)", "\(grouped(trainingImages))")) }
    if let shape = manifest.shape { entries.append(("shape (C×H×W)", "\(shapeText(shape))")) }
    entries.append(("labels", manifest.labelKind == .hard ? "hard" : "soft (\(manifest.labelKind.rawValue))"))
    entries.append(("size", "\(sizeText(manifest.shards.reduce(0) { $0 &+ max(0, $1.bytes) }))"))
    if let row = bestRow, let mean = row.row.mean {
      entries.append(("test accuracy", "\(percentText(mean))"))
    } else if let accuracy = making?.results?["accuracy"] {
      entries.append(("held-out accuracy", "\(percentText(accuracy))"))
    }
    let list = entries.map { "<div><dt>\($0)</dt><dd>\($1)</dd></div>" as HTML }
    return "<dl class=\"facts\">\(list)</dl>\n"
  }
}
