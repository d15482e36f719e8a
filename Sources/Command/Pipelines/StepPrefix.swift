internal import Catalog
internal import Shards

extension DatasetPlan {
  /// The digest of everything that decides the stream behind a step.
  ///
  /// It is that of the recipe up to there, and of the names of the inputs: a set is named after its file.
  func digest(afterStep index: Int, inputs digests: [String]) -> String {
    let models = steps[..<index].reduce(0) { $0 + $1.models.count } + steps[index].models.count
    var prefix = self
    prefix.steps = Array(steps[...index])
    let recipe = Recipe(prefix, inputs: Array(digests.prefix(inputs.count + models)))
    return sha256(Array("step 1\n\(recipe.digest)\n\(names.joined(separator: "\n"))".utf8))
  }

  /// What a step's result depends on, as the file says it: two datasets with the same text share the result.
  func text(afterStep index: Int) -> String {
    let parts = steps[...index].map { step in
      ([step.verb] + step.recorded.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + step.models)
        .joined(separator: "\u{1f}")
    }
    return (inputs + parts).joined(separator: "\u{1e}")
  }

  /// The steps whose results can be kept: all that write a stream, up to the first that writes something else beside it, or begins with the
  /// images of an earlier dataset.
  var keepableSteps: Range<Int> {
    let end = steps.firstIndex {
      $0.startsFrom != nil || !$0.written.isEmpty && $0.words.contains { $0.hasPrefix("--snapshots") }
    }
    return 0..<min(end ?? steps.count, steps.count - 1)
  }

  private var names: [String] {
    inputs.map { path in
      // Samples that are left out are named with the path that was typed.
      if steps[0].recorded["on-bad-sample"] == "skip" { return path }
      return path.split(separator: "/").suffix(2).joined(separator: "/")
    }
  }
}

extension DatasetPlan.Step {
  /// Whether its result is worth keeping also when nobody else needs it: it takes long and is small.
  var isWorthKeeping: Bool { Catalog.verb(verb)?.option("method") != nil }
}
