internal import Datasets
internal import Shards

/// The largest document that is read.
private let largestDocument = 1 << 28

/// What `pipe evaluate --json` wrote of a dataset.
///
/// - Throws: `DataError` (`.badInput`) where it is something else, or about other classes.
func evaluation(in file: String, of manifest: Manifest) throws -> EvaluationResult {
  let bytes = try ByteSource(Input(path: file)).readAll(limit: largestDocument)
  let result = try decodeJSON(EvaluationResult.self, from: bytes, at: [file])
  let count = result.classes.count
  let isWhole =
    result.countPerClass.count == count && !result.networks.isEmpty
    && result.rows.allSatisfy { row in
      let shares = row.perClass.compactMap { $0 } + row.accuracies + [row.mean].compactMap { $0 }
      let counts = row.confusion ?? Array(repeating: [:], count: count)
      return row.perClass.count == count && shares.allSatisfy { (0...1).contains($0) } && counts.count == count
        && counts.allSatisfy { $0.allSatisfy { $0 >= 0 && $0 < count && (0...Int(Int32.max)).contains($1) } }
    }
  guard isWhole else {
    throw DataError(
      .badInput, at: [file], "is no result of pipe evaluate: its rows do not fit its \(count) classes",
      remedy: "make it again with pipe evaluate --json")
  }
  guard Set(result.classes) == Set(manifest.labelNames) else {
    throw DataError(
      .badInput, at: [file], "is about other classes than the dataset's",
      remedy: "make it with pipe evaluate --train of this dataset")
  }
  // The classes of the result are in the order of the test data.
  let counts = Dictionary(zip(manifest.labelNames, manifest.countsPerClass)) { first, _ in first }
  guard zip(result.classes, result.countPerClass).allSatisfy({ counts[$0] == $1 }) else {
    throw DataError(
      .badInput, at: [file],
      "is about another dataset: one of \(counted(result.countPerClass.reduce(0) { $0 &+ $1 }, "image")), while this one has \(grouped(manifest.samples))",
      remedy: "make it with pipe evaluate --train of this dataset")
  }
  return result
}

/// What `pipe explain --json` wrote of a dataset.
///
/// - Throws: `DataError` (`.badInput`) where it is something else, or about other classes.
func explanation(in file: String, of manifest: Manifest) throws -> Explanation {
  let bytes = try ByteSource(Input(path: file)).readAll(limit: largestDocument)
  let found = try decodeJSON(Explanation.self, from: bytes, at: [file])
  let names = Set(manifest.labelNames)
  guard found.images.allSatisfy({ names.contains($0.className) }) else {
    throw DataError(
      .badInput, at: [file], "is about other classes than the dataset's",
      remedy: "make it with pipe explain of this dataset")
  }
  return found
}

/// Refuses a formation that does not fit the samples.
func checkFormation(_ manifest: Manifest, at folder: String) throws(DataError) {
  guard let formation = manifest.formation, let shape = manifest.shape else { return }
  try formation.check(against: shape, at: [folder])
}
