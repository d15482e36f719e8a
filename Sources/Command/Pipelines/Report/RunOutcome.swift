internal import Shards

/// What became of a dataset of a pipeline file.
struct RunOutcome {
  /// The folder, seen from the current one.
  var output: String
  /// `made`, `replaced`, `up to date`, `published`, `rolled back`, `ended early`, `not passed`, `failed`, `interrupted`; under
  /// `--dry-run` a sentence.
  var state: String
  /// The digest of its recipe.
  var recipe: String?
  /// The dataset by its manifest.
  var generation: String?
  /// Samples and classes in it.
  var size: (samples: Int, classes: Int)?
  /// What networks reached on it, where it was checked.
  var figures: [CheckFile.Figures] = []
  /// What was asked of it and what was found.
  var conditions: [ConditionResult] = []
  /// Where it is kept when it did not pass.
  var held: String?
  /// Why it was not made.
  var failure: ErrorReport?
  /// The verb of the last step whose result was in the cache.
  var fromCache: String?
  /// How long it took.
  var seconds = 0.0

  init(output: String, state: String, recipe: String? = nil, generation: String? = nil) {
    self.output = output
    self.state = state
    self.recipe = recipe
    self.generation = generation
  }

  /// Takes over what a manifest says.
  mutating func take(_ manifest: Manifest) {
    generation = manifest.generation
    size = (manifest.samples, manifest.labelNames.count)
  }

  /// Takes over what a check found.
  mutating func take(_ file: CheckFile) {
    generation = file.generation
    (figures, conditions) = (file.figures, file.conditions)
  }

  /// For programs.
  var json: JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("output", .string(output)), ("state", .string(state)),
      ("exit_code", .integer(Int(failure?.exitCode ?? 0))),
    ]
    if let recipe { members.append(("recipe", .string(recipe))) }
    if let generation { members.append(("generation", .string(generation))) }
    if let size { members += [("samples", .integer(size.samples)), ("classes", .integer(size.classes))] }
    if !figures.isEmpty {
      members.append(
        (
          "accuracy",
          .array(
            figures.map { row in
              let lowest = row.classAccuracies.compactMap(\.self).min()
              return .object([
                ("network", .string(row.network)), ("mean", .number(row.accuracy)),
                ("lowest_class", lowest.map { .number($0) } ?? .null),
              ])
            })
        ))
    }
    if !conditions.isEmpty { members.append(("check", .array(conditions.map(\.json)))) }
    if let fromCache { members.append(("from_cache", .string(fromCache))) }
    if let held { members.append(("held", .string(held))) }
    if let sentence = failure?.sentence { members.append(("message", .string(sentence))) }
    return .object(members)
  }
}
