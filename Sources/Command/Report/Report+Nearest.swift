internal import Datasets
internal import Shards

extension Report {
  /// Neighbours of an image that are shown.
  static let shownNeighbours = 3

  /// Where the images lie among the real ones, by `pipe explain`.
  var nearestSection: HTML {
    guard let explanation else {
      return .missing(
        "The real \(things) that are nearest to each of the dataset's come with these two lines:",
        "pipe explain \(typedFolder) --real ARCHIVE --json > explanation.json",
        "pipe report \(typedFolder) --real ARCHIVE --explanation explanation.json -o report.html")
    }
    var content = HTML.paragraph(
      "Compared by \(explanation.by) with the training part of \(isolated(explanation.real)). \(percentText(explanation.covered)) of the real \(things) have one of their own class nearest; as many real ones at random reach \(percentText(explanation.coveredByRandom))."
    )
    content += findings(explanation)
    if let sheets, !sheets.explained.isEmpty {
      if sheets.real == nil {
        content += .missing(
          "Pictures of the neighbours appear with", "pipe report \(typedFolder) --real ARCHIVE --explanation FILE")
      }
      content += .paragraph(
        "\(sheets.explained.count) of \(grouped(explanation.images.count)) training \(things), each followed by the nearest real ones."
      )
      content +=
        "<div class=\"neighbours\">\(sheets.explained.map { neighbours($0.image, $0.picture, sheets) })</div>\n"
    }
    return content + coverage(explanation)
  }

  /// Copies, duplicates and traces of the test part.
  private func findings(_ explanation: Explanation) -> HTML {
    var entries: [HTML] = [
      explanation.copies == 0
        ? "No image is the same as a real training image."
        : "\(grouped(explanation.copies)) of \(counted(explanation.images.count, "image")) \(explanation.copies == 1 ? "is" : "are") the same as a real training image.",
      explanation.duplicates.isEmpty
        ? "No two images are the same."
        : "\(counted(explanation.duplicates.count, "pair")) of images \(explanation.duplicates.count == 1 ? "is" : "are") the same.",
    ]
    if let leakage = explanation.leakage {
      entries.append(
        leakage.isSuspicious
          ? "<strong>The dataset knows the test part:</strong> \(counted(leakage.same.count, "image")) \(leakage.same.count == 1 ? "is" : "are") the same as a test image, and \(grouped(leakage.nearerToTest)) lie nearer to test images than to training images, where chance gives \(fixed(leakage.expected, 0))."
          : "There is no trace of the test part: of \(counted(explanation.images.count, "image")) \(grouped(leakage.nearerToTest)) lie nearer to test images, where chance gives \(fixed(leakage.expected, 0))."
      )
    } else {
      entries.append("Traces of the test part were not looked for.")
    }
    return "<ul>\(entries.map { "<li>\($0)</li>" as HTML })</ul>\n"
  }

  private func neighbours(_ image: Explanation.Image, _ picture: Thumbnail, _ sheets: Sheets) -> HTML {
    let near = image.nearest.prefix(Self.shownNeighbours)
    let pictures = near.compactMap { sheets.real?.pictures.picked[$0.source] }
    let words = near.map { neighbour -> HTML in
      let other = neighbour.className == image.className ? HTML.none : ", class \(isolated(neighbour.className))"
      return "<li>\(isolated(neighbour.source)), distance \(significant(neighbour.distance))\(other)</li>"
    }
    let drawn: HTML =
      pictures.isEmpty
      ? .none
      : "<div class=\"sheet\" role=\"img\" aria-label=\"the \(pictures.count) nearest real \(things)\">\(pictures.map { self.image($0, sheets) })</div>"
    return """
      <figure><div class="pair"><div class="sheet own" role="img" aria-label="one of class \(shortened(image.className, to: 120))">\(self.image(picture, sheets))</div>\(drawn)</div>
      <figcaption>\(isolated(image.className)), stands for \(counted(image.represents, "real one"))<ol>\(words)</ol></figcaption></figure>

      """
  }

  private func coverage(_ explanation: Explanation) -> HTML {
    let rows = explanation.classes.prefix(Self.mostClasses).map { row -> [HTML] in
      [
        isolated(row.className), "\(percentText(row.covered))", "\(percentText(row.coveredByRandom))",
        "\(percentText(row.agreeing))", "\(grouped(row.images))", "\(grouped(row.realImages))",
      ]
    }
    let rest = explanation.classes.count - rows.count
    return .details(
      "Coverage of each class\(rest > 0 ? ", the first \(grouped(rows.count)) of \(grouped(explanation.classes.count))" : "")",
      .table(
        "Share of real \(things) whose nearest one in the dataset has their class",
        [
          "class", "covered", "by random ones", "nearest real one agrees", things == "images" ? "images" : "stored",
          "real",
        ].map { "\($0)" },
        numbers: [1, 2, 3, 4, 5], rows: rows))
  }
}
