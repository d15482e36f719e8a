/// One condition of a check: what was wanted and what was found, accuracies in percent.
struct ConditionResult: Codable, Equatable {
  /// The key of the pipeline file: `accuracy`.
  var condition: String
  /// Which network; nil where none was trained.
  var network: String?
  /// Which class; nil where all count.
  var className: String?
  /// The least accuracy; nil where the condition asks for none.
  var wanted: Double?
  /// The accuracy; nil where there is none.
  var found: Double?
  /// What was found instead of an accuracy.
  var problem: String?
  /// Whether it holds.
  var passed: Bool

  private enum CodingKeys: String, CodingKey {
    case condition, network, wanted, found, problem, passed
    case className = "class"
  }

  /// What is wrong, as a clause; nil where it holds.
  var complaint: String? {
    guard !passed else { return nil }
    if let problem { return "\(condition): \(problem)" }
    let what = (className.map { " of class \(quoted($0))" } ?? "") + (network.map { " under \($0)" } ?? "")
    let reached = found.map { "is \(fixed($0, 2)) %" } ?? "is not known, for the test data has no image of it"
    return "\(condition)\(what) \(reached), wanted at least \(fixed(wanted ?? 0, 2)) %"
  }

  /// For reports that programs read.
  var json: JSONText {
    var members: [(key: String, value: JSONText)] = [("condition", .string(condition))]
    if let network { members.append(("network", .string(network))) }
    if let className { members.append(("class", .string(className))) }
    if let wanted { members += [("wanted", .number(wanted)), ("found", found.map { .number($0) } ?? .null)] }
    if let problem { members.append(("problem", .string(problem))) }
    return .object(members + [("passed", .bool(passed))])
  }
}

extension CheckFile {
  /// Compares the figures with what is asked, all but `verify`.
  ///
  /// Every network has to pass. A class without test images does not: nobody knows.
  func results(_ asked: CheckConditions) -> [ConditionResult] {
    figures.flatMap { row -> [ConditionResult] in
      var results: [ConditionResult] = []
      func note(_ condition: String, _ wanted: Double, _ found: Double?, class name: String? = nil) {
        // Sums of ninths and tenths: what prints the same is the same.
        let passed = found.map { $0 >= wanted - 1e-9 } ?? false
        results.append(
          ConditionResult(
            condition: condition, network: row.network, className: name, wanted: wanted, found: found, passed: passed))
      }
      if let wanted = asked.accuracy { note("accuracy", wanted, row.accuracy * 100) }
      if let points = asked.notWorseThanLast,
        let before = last?.figures.first(where: { $0.network == row.network })
      {
        note("not-worse-than-last", before.accuracy * 100 - points, row.accuracy * 100)
      }
      if let wanted = asked.classAccuracy {
        let classes = zip(classes, row.classAccuracies).map { (name: $0, found: $1.map { $0 * 100 }) }
        let low = classes.filter { ($0.found ?? -1) < wanted - 1e-9 }
        // All that are too low, or else the lowest.
        let shown = low.isEmpty ? Array(classes.sorted { ($0.found ?? 0) < ($1.found ?? 0) }.prefix(1)) : low
        for one in shown { note("class-accuracy", wanted, one.found, class: one.name) }
      }
      return results
    }
  }
}

/// A dataset did not pass its check.
struct NotPassed: Error {
  /// The dataset, as the file names it.
  var output: String
  /// Where it is kept; nil where it is the dataset that is there already.
  var held: String?
  /// Everything that was asked.
  var conditions: [ConditionResult]
  /// Whether it was found before, so that nothing was made.
  var isKnown: Bool

  /// The last word about it.
  var sentence: String {
    let complaints = conditions.compactMap(\.complaint)
    let rest = complaints.count > 3 ? " and \(complaints.count - 3) more" : ""
    let place =
      held.map { "it was not published and is kept in \($0)" } ?? "it was published before, and stays as it is"
    let remedy =
      held == nil || !isKnown
      ? "" : "; it was not made again: change its input, its steps or its check, or add --retry"
    return
      "\(output): does not pass its check: \(complaints.prefix(3).joined(separator: "; "))\(rest); \(place)\(remedy)"
  }
}
