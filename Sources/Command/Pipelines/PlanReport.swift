internal import Datasets

/// What `pipe run --plan` says of a dataset.
struct PlanReport {
  /// A step.
  struct Step {
    var verb: String
    /// What it gives; nil where that is not known.
    var flow: StepFlow?
    /// Its result is in the cache.
    var isCached: Bool
    /// What it takes; nil where nobody was asked.
    var estimate: StepEstimate?
  }

  /// The dataset's folder.
  var output: String
  /// What the run would do, such as `to be made`.
  var state: String
  /// What the first step reads; nil where that is not known yet.
  var input: StepFlow?
  /// Why it is not known.
  var problem: String?
  /// The steps, in order.
  var steps: [Step]
  /// Evaluations that are asked for, and those that would be run.
  var evaluations: (asked: Int, missing: Int)
  /// The shell line.
  var line: String

  /// For people.
  var text: String {
    var lines = ["\(output): \(state)"]
    lines.append("  reads \(input?.text ?? problem ?? "what is not known yet")")
    for step in steps {
      var line = "  \(step.verb) gives \(step.flow?.text ?? "what is not known yet")"
      if step.isCached { line += ", from the cache" }
      if let text = step.estimate?.text { line += "; \(text)" }
      lines.append(line)
    }
    if evaluations.asked > 0 {
      lines.append("  evaluations: \(evaluations.missing) of \(evaluations.asked) to be run")
    }
    return (lines + ["  " + line]).map { printable($0) + "\n" }.joined()
  }

  /// For programs.
  var json: JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("output", .string(output)), ("state", .string(state)), ("reads", input?.json ?? .null),
    ]
    if let problem { members.append(("problem", .string(problem))) }
    members.append(
      (
        "steps",
        .array(
          steps.map { step in
            var members: [(key: String, value: JSONText)] = [
              ("verb", .string(step.verb)), ("gives", step.flow?.json ?? .null), ("cached", .bool(step.isCached)),
            ]
            if let estimate = step.estimate { members.append(("estimate", estimate.json)) }
            return .object(members)
          })
      ))
    members += [
      ("evaluations", .integer(evaluations.asked)), ("evaluations_to_run", .integer(evaluations.missing)),
      ("command", .string(line)),
    ]
    return .object(members)
  }
}

/// What a step says of itself with `--dry-run`.
struct StepEstimate: Equatable {
  /// Seconds, where it tells them.
  var seconds: Double?
  /// Bytes of memory, where it tells them.
  var memory: Int?
  /// Why there is nothing to tell.
  var problem: String?

  var text: String {
    if let problem { return "time and memory are not known: \(problem)" }
    let time = seconds.map { "about \(durationText($0))" }
    return [time, memory.map { "about \(sizeText($0)) of memory" }].compactMap(\.self).joined(separator: ", ")
  }

  var json: JSONText {
    var members: [(key: String, value: JSONText)] = [
      ("seconds", seconds.map(JSONText.number) ?? .null), ("memory_bytes", memory.map(JSONText.integer) ?? .null),
    ]
    if let problem { members.append(("problem", .string(problem))) }
    return .object(members)
  }
}
