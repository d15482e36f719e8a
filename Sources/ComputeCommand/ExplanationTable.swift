import Command
import Datasets
import Foundation
import Shards

extension Explanation {
  /// The table for people.
  var text: String {
    var lines = [
      "\(dataset) beside \(counted(classes.reduce(0) { $0 + $1.realImages }, "training image")) of \(real), compared by \(by)",
      "",
    ]
    let width = max(10, classes.map { printable($0.className).count }.max() ?? 0)
    lines.append(
      padded("class", width) + "  images   real   covered  by random  own class  distance  idle")
    for row in classes {
      let cells: [(text: String, width: Int)] = [
        (String(row.images), 6), (String(row.realImages), 7), (percent(row.covered), 10),
        (percent(row.coveredByRandom), 11),
        (percent(row.agreeing), 11), (row.distance.map { String(format: "%.3f", $0) } ?? "-", 10),
        (String(row.idle), 6),
      ]
      lines.append(padded(printable(row.className), width) + "  " + cells.map { left($0.text, $0.width) }.joined())
    }
    let same = duplicates.first.map { "\(counted(duplicates.count, "pair")), such as \($0.text)" }
    lines += [
      "",
      "covered:    \(percent(covered)) of the real images have an image of their class nearest; "
        + "\(percent(coveredByRandom)) with as many real images at random",
      "own class:  images of the set whose nearest real image has their class;  idle: nearest to no real image of their class",
      "copies:     \(copies) of \(counted(images.count, "image")) \(copies == 1 ? "is" : "are") the same as a real training image (difference up to \(sameness))",
      "duplicates: \(same ?? "none")",
    ]
    if let leakage {
      let common =
        leakage.same.isEmpty ? "no image is one of" : "\(counted(leakage.same.count, "image")) in common with"
      let chance = String(format: "%.0f", leakage.expected)
      lines.append(
        "test part:  \(common) its \(grouped(leakage.testImages)); \(leakage.nearerToTest) lie nearer to it than to training images, "
          + "\(chance) by chance")
    }
    return lines.map { $0 + "\n" }.joined()
  }

  /// What whoever trains on the set should know.
  var warnings: [String] {
    var found: [String] = []
    if let leakage, leakage.isSuspicious {
      let same = leakage.same.first.map { "\($0.first) is the same as \($0.second)" }
      found.append(
        "\(dataset): the set knows the test part: "
          + (same
            ?? "\(leakage.nearerToTest) of its images lie nearer to test images than to training images, where chance gives "
            + String(format: "%.0f", leakage.expected)))
    }
    let contradictions = duplicates.filter(\.differsInClass)
    if let first = contradictions.first {
      found.append(
        "\(dataset): \(counted(contradictions.count, "pair")) of equal images in different classes, such as \(first.text)"
      )
    }
    return found
  }
}

extension Explanation.Pair {
  fileprivate var text: String { "\(first) and \(second)" }
}

private func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", 100 * $0) } ?? "-" }
