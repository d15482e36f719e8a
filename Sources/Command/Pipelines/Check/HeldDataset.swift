internal import Datasets
internal import Shards

/// Where a dataset waits for its check, and stays when it does not pass: beside the output, as `NAME.held`.
struct HeldDataset {
  /// The folder.
  let path: String
  /// Whether a whole dataset of the wanted recipe is there.
  let isWanted: Bool

  /// Looks at what is kept beside an output, as it is resolved.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) for anything that no run put there.
  init(beside output: String, for recipe: Recipe) throws(DataError) {
    path = Self.path(beside: output)
    var isWanted = false
    switch try OutputState(of: path, for: recipe) {
    case .absent: break
    case .upToDate where Self.isHeld(path, output): isWanted = true
    case .outdated where Self.isHeld(path, output): break
    case .upToDate, .outdated: throw Self.refusal(path, "is a dataset of its own")
    case .foreign(let reason): throw Self.refusal(path, reason)
    }
    self.isWanted = isWanted
  }

  /// Whether a run put this dataset there: somebody else's may have that name, too.
  private static func isHeld(_ path: String, _ output: String) -> Bool {
    RecipeFile(inFolder: path) != nil && CheckFile(inFolder: path)?.output == lastName(of: output)
  }

  private static func refusal(_ path: String, _ reason: String) -> DataError {
    DataError(
      .cannotCreate, at: [path], "\(reason), and what does not pass its check would be kept there",
      remedy: "move it away; it is never overwritten")
  }

  /// The last name of an output.
  static func lastName(of output: String) -> String { String(output.split(separator: "/").last ?? "") }

  /// The folder beside an output.
  static func path(beside output: String) -> String {
    let parent = parentFolder(of: output)
    var name = lastName(of: output)
    // With the ending, a name may be too long.
    if name.utf8.count > 200 { name = "pipe-" + sha256(Array(name.utf8)).prefix(32) }
    return parent == "." && !output.hasPrefix("./") ? "\(name).held" : "\(parent)/\(name).held"
  }

  /// Removes what a killed run left there when it had swapped it with the output: a dataset that has passed.
  func removeLeftover() {
    guard let file = CheckFile(inFolder: path), file.passed, RecipeFile(inFolder: path)?.generation == file.generation
    else { return }
    try? DatasetFolder.remove(path, beside: pipelineRecords)
  }
}
