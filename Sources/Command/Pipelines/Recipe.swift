internal import Datasets
internal import FoundationEssentials
internal import Shards

/// Everything that decides the bytes of a dataset: steps with all options in force, tool, and what the inputs hold.
///
/// Paths, progress and memory are not in it: moving an input, or typing a default, makes no new dataset.
struct Recipe: Codable, Equatable {
  /// A verb with its options.
  struct Step: Codable, Equatable {
    var verb: String
    var options: [String: String]
  }

  /// Name and version of the program.
  var tool: String
  /// Digest of what each input holds, in the order given.
  var inputs: [String]
  /// The steps, in order.
  var steps: [Step]
  /// True where a step begins with the images of an earlier dataset, otherwise nil.
  ///
  /// No part of the digest: what that dataset holds is another every night. But where it is left out, a dataset that began so is made anew.
  var startsFrom: Bool?

  /// What makes `plan` out of inputs with these digests.
  init(_ plan: DatasetPlan, inputs: [String], tool: String = toolVersion) {
    self.tool = tool
    self.inputs = inputs
    steps = plan.steps.map { Step(verb: $0.verb, options: $0.recorded) }
    startsFrom = plan.steps.contains { $0.startsFrom != nil } ? true : nil
  }

  /// SHA-256 over the canonical JSON: sorted keys, no spaces.
  var digest: String {
    var decisive = self
    decisive.startsFrom = nil
    return sha256(encodeJSON(decisive, indented: false, keysAreData: true))
  }

  /// Whether a dataset of this digest that was made by an older recipe began with the images of an earlier dataset, and is not to.
  func beginsAnew(after old: Recipe) -> Bool { old.startsFrom == true && startsFrom == nil }

  /// The first thing in which the recipe of an existing dataset differs, as a clause; nil where nothing does.
  func difference(from old: Recipe) -> String? {
    if old.steps.map(\.verb) != steps.map(\.verb) {
      return "was made by \(old.steps.map(\.verb).joined(separator: " | "))"
    }
    for (index, (before, now)) in zip(old.steps, steps).enumerated() {
      for name in Set(before.options.keys).union(now.options.keys).sorted() {
        let (had, has) = (before.options[name], now.options[name])
        guard had != has else { continue }
        let place = "steps[\(index)], --\(name)"
        return "was made with another recipe (\(place): \(had ?? "nothing"), now \(has ?? "nothing"))"
      }
    }
    if old.inputs != inputs { return "was made from other inputs" }
    if old.tool != tool { return "was made by \(old.tool), and this is \(tool)" }
    guard beginsAnew(after: old) else { return nil }
    return "began with the images of an earlier dataset (--start-from), and is to begin anew"
  }
}

/// What stands in a dataset's folder about how `pipe run` made it.
///
/// The file lies inside the folder, and is there before the folder gets its name. So dataset and recipe appear in one
/// step, and moving or copying the folder takes the recipe along; a file beside the folder could be lost, or be left behind
/// by a crash between the two. No reader minds it: `verify` and `sha256sum -c` look at the manifest's files only, and loaders
/// that guess a format from extensions (Hugging Face) do not know this one, as they do not know `.manifest`.
struct RecipeFile: Codable, Equatable {
  /// The file's name.
  static let name = "pipe.recipe"

  /// Always `pipe-recipe`.
  var format = "pipe-recipe"
  /// The version of this file's format.
  var version = 1
  /// False where Ctrl-C ended the steps early: the dataset is valid, and not what the recipe asks for.
  var complete: Bool
  /// The dataset that was made, by its manifest.
  var generation: String
  /// The recipe's digest.
  var digest: String
  /// The recipe.
  var recipe: Recipe

  /// What is to be written beside the dataset of that generation.
  init(_ recipe: Recipe, generation: String, complete: Bool) {
    self.complete = complete
    self.generation = generation
    self.recipe = recipe
    digest = recipe.digest
  }

  /// What lies in a folder; nil where there is none, or none that can be read.
  init?(inFolder folder: String) {
    guard let data = try? Data(contentsOf: URL(filePath: "\(folder)/\(Self.name)")),
      let file = try? JSONDecoder().decode(Self.self, from: data), file.format == "pipe-recipe", file.version == 1
    else { return nil }
    self = file
  }

  /// The file's content.
  var bytes: [UInt8] { recordBytes(self) }
}
