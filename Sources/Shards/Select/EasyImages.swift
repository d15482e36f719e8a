public import Datasets

/// The images of a set with the lowest scores, which is how it is made smaller; see `ImageScore`.
public struct EasyImages: Sendable, Equatable {
  /// The file that the scores are from, for errors.
  private let file: String
  private let labels: [String: Int]
  private let chosen: Set<String>

  /// The `perClass` images of each class with the lowest scores, of equal ones those whose keys come first.
  ///
  /// - Parameters:
  ///   - lines: JSON lines as `pipe evaluate --scores` writes them.
  ///   - counts: images of each class of the dataset.
  /// - Throws: `badInput` for what are no scores, or those of another dataset.
  public init(_ lines: [UInt8], file: String, perClass: Int, counts: [Int]) throws(DataError) {
    self.file = file
    var scores: [[(lbpe: Double, key: String)]] = counts.map { _ in [] }
    var labels: [String: Int] = [:]
    for (number, line) in lines.split(separator: UInt8(ascii: "\n")).enumerated() {
      let place = [file, "line \(number + 1)"]
      let score = try decodeJSON(ImageScore.self, from: Array(line), at: place)
      guard counts.indices.contains(score.label), score.lbpe.isFinite else {
        throw DataError(
          .badInput, at: place, "label \(score.label) is none of the dataset's \(counts.count) classes",
          remedy: Self.remedy)
      }
      guard labels.updateValue(score.label, forKey: score.key) == nil else {
        throw DataError(.badInput, at: place, "a second score of \(score.key)", remedy: Self.remedy)
      }
      scores[score.label].append((score.lbpe, score.key))
    }
    guard scores.map(\.count) == counts else {
      throw DataError(
        .badInput, at: [file],
        "scores of \(grouped(labels.count)) images, where the dataset has \(grouped(counts.reduce(0, +)))"
          + (labels.count == counts.reduce(0, +) ? " in other classes" : ""), remedy: Self.remedy)
    }
    self.labels = labels
    chosen = Set(
      scores.flatMap { own in own.sorted { ($0.lbpe, $0.key) < ($1.lbpe, $1.key) }.prefix(perClass).map(\.key) })
  }

  /// Whether the image is one of them.
  ///
  /// - Throws: `badInput` where it has no score, or that of another class: the scores are of another dataset.
  func contains(_ key: String, label: Int) throws(DataError) -> Bool {
    guard labels[key] == label else {
      throw DataError(
        .badInput, at: [key], "\(file) has no score of it\(labels[key] == nil ? "" : " in its class")",
        remedy: Self.remedy)
    }
    return chosen.contains(key)
  }

  private static let remedy = "score this very dataset, with pipe evaluate --scores"
}
