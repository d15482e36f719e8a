internal import Catalog
public import Datasets

extension Arguments {
  /// The part of the classes that an option such as `--partition` names; nil where it was not typed.
  ///
  /// - Parameter environment: what `auto` is taken from.
  /// - Throws: `UsageError` for a text that names no part, and for an environment that tells none.
  public func partition(_ name: String, environment: [String: String]) throws(UsageError) -> Partition? {
    guard let text = text(name) else { return nil }
    let words = text.split(separator: "/", omittingEmptySubsequences: false)
    guard words.first == "auto" else {
      if let partition = Partition(text) { return partition }
      throw UsageError(
        "--\(name) takes a part and the number of parts, such as 1/4 to 4/4, or auto, not \(quoted(text))",
        hint: words.first == "0" ? "parts are counted from 1" : nil)
    }
    if words.count == 1 { return try Partition(auto: nil, in: environment, for: name) }
    guard words.count == 2, words[1].allSatisfy({ "0"..."9" ~= $0 }), let parts = Int(words[1]), parts >= 1 else {
      throw UsageError("--\(name) auto/N takes a number of parts, such as auto/4, not \(quoted(text))")
    }
    return try Partition(auto: parts, in: environment, for: name)
  }
}

extension Partition {
  /// The part that the environment of a cluster's job names.
  ///
  /// Known are the tasks of a Slurm array, the ranks of Open MPI and of PMI, and the pods of an indexed job of Kubernetes, whose number only
  /// `parts` tells. Nothing is guessed: what is missing, contradicts itself, or would be all classes, is refused.
  ///
  /// - Parameter parts: the number of parts that is expected; nil for that of the environment.
  /// - Throws: `UsageError`.
  init(auto parts: Int?, in environment: [String: String], for option: String) throws(UsageError) {
    let explicit = "name the part yourself: --\(option) 2/\(parts ?? 8)"
    var found: [(source: String, place: Int, count: Int)] = []
    for (place, read) in sources where environment[place] != nil {
      do throws(Unclear) {
        found.append(try read(Variables(environment), parts))
      } catch {
        throw UsageError("--\(option) auto: \(error.problem)", hint: explicit)
      }
    }
    // A process that is started alone, such as by srun within a task of an array, is rank 0 of 1 of its own.
    let several = found.filter { $0.count > 1 }
    guard let first = several.first else {
      if parts == 1, let only = found.first, let all = Partition(part: only.place + 1, of: 1) {
        self = all
        return
      }
      guard let only = found.first else {
        throw UsageError(
          "--\(option) auto: no variable of a cluster's job is set: none of \(sources.map(\.place).joined(separator: ", "))",
          hint: explicit)
      }
      throw UsageError(
        "--\(option) auto: \(only.source) is one of 1, which would be all classes",
        hint: "type --\(option) 1/1 if that is meant, or \(explicit)")
    }
    if let other = several.first(where: { ($0.place, $0.count) != (first.place, first.count) }) {
      throw UsageError(
        "--\(option) auto: \(first.source) is part \(first.place + 1) of \(first.count), and \(other.source) part \(other.place + 1) of "
          + "\(other.count)", hint: explicit)
    }
    if let parts, parts != first.count {
      throw UsageError(
        "--\(option) auto/\(parts): \(first.source) is one of \(first.count)",
        hint: "to make some of \(parts) parts again, \(explicit)")
    }
    guard let partition = Partition(part: first.place + 1, of: first.count) else {
      throw UsageError(
        "--\(option) auto: \(first.source) is number \(first.place) of \(first.count), and numbers go from 0 to \(first.count - 1)",
        hint: explicit)
    }
    self = partition
  }
}

/// The variables that mark a kind of job, and how its place, from 0, and its number of tasks are read.
private let sources: [(place: String, read: @Sendable (Variables, Int?) throws(Unclear) -> (String, Int, Int))] = [
  (
    "SLURM_ARRAY_TASK_ID",
    { (variables, _) throws(Unclear) in
      let id = try variables.number("SLURM_ARRAY_TASK_ID")
      let (count, least) = (
        try variables.number("SLURM_ARRAY_TASK_COUNT"), try variables.number("SLURM_ARRAY_TASK_MIN")
      )
      let step = try variables.number("SLURM_ARRAY_TASK_STEP", or: 1)
      let most = try variables.number("SLURM_ARRAY_TASK_MAX", or: least + (count - 1) * max(step, 1))
      guard step >= 1, count >= 1, most == least + (count - 1) * step, (least...max(least, most)).contains(id),
        (id - least) % step == 0
      else {
        throw Unclear(
          problem:
            "the array's \(count) tasks from \(least) to \(most) in steps of \(step) do not have the number \(id), or have gaps"
        )
      }
      return ("task \(id) of the Slurm array", (id - least) / step, count)
    }
  ),
  (
    "JOB_COMPLETION_INDEX",
    { (variables, parts) throws(Unclear) in
      let index = try variables.number("JOB_COMPLETION_INDEX")
      guard let parts else {
        throw Unclear(
          problem:
            "Kubernetes tells the index \(index), and not of how many; give the number of completions, as in auto/8")
      }
      guard index < parts else { throw Unclear(problem: "the job's index \(index) is not one of 0 to \(parts - 1)") }
      return ("index \(index) of the Kubernetes job", index, parts)
    }
  ),
  ("OMPI_COMM_WORLD_RANK", { (variables, _) throws(Unclear) in try rank(variables, "OMPI_COMM_WORLD") }),
  ("PMI_RANK", { (variables, _) throws(Unclear) in try rank(variables, "PMI") }),
]

private func rank(_ variables: Variables, _ prefix: String) throws(Unclear) -> (String, Int, Int) {
  let (rank, size) = (try variables.number("\(prefix)_RANK"), try variables.number("\(prefix)_SIZE"))
  guard rank < size else { throw Unclear(problem: "\(prefix)_RANK is \(rank), and \(prefix)_SIZE \(size)") }
  return ("\(prefix)_RANK \(rank)", rank, size)
}

/// What is wrong with an environment.
private struct Unclear: Error, Sendable {
  var problem: String
}

/// The numbers in an environment.
private struct Variables: Sendable {
  private let environment: [String: String]

  init(_ environment: [String: String]) { self.environment = environment }

  /// The number of that name, at least 0; of a variable that is not set, the other one.
  func number(_ name: String, or other: Int? = nil) throws(Unclear) -> Int {
    guard let text = environment[name] else {
      guard let other else { throw Unclear(problem: "\(name) is not set") }
      return other
    }
    guard text.allSatisfy({ "0"..."9" ~= $0 }), let number = Int(text), number < 1 << 31 else {
      throw Unclear(problem: "\(name) is \(quoted(text)), which is not a number")
    }
    return number
  }
}
