internal import Datasets
internal import Glibc
internal import Shards

/// A path of a pipeline file that stands for those that fit it.
struct PlanPattern: Equatable, Sendable {
  /// Its place in the file: `datasets[1].input[0]`.
  var place: String
  /// The pattern, seen from the current folder.
  var path: String
  /// What fitted it when the file was checked.
  var found: [String]
}

/// Paths of a pipeline file after the patterns among them were filled in.
struct ListedPaths {
  /// Files and folders; a pattern that nothing fits stays as it is written.
  private(set) var paths: [String] = []
  /// The patterns.
  private(set) var patterns: [PlanPattern] = []
  /// What is wrong with the first pattern that nothing fits, with its place in the file; nil where there is none.
  ///
  /// It is kept until the dataset is made: the others can be made without it.
  private(set) var missing: DataError?

  /// Adds a path, seen from the current folder.
  mutating func add(_ path: String, at place: FilePlace) {
    do throws(DataError) {
      let found = try InputPattern.expanded(path)
      paths += found
      if found != [path] { patterns.append(PlanPattern(place: place.path, path: path, found: found)) }
    } catch {
      paths.append(path)
      patterns.append(PlanPattern(place: place.path, path: path, found: []))
      if missing == nil {
        missing = DataError(
          error.fault, at: [place.file, place.path] + error.place, error.problem, remedy: error.remedy)
      }
    }
  }
}

extension DatasetPlan {
  /// Refuses patterns that would be filled in with what the file itself makes.
  ///
  /// They are filled in when the file is checked: with what the last night left, before this one has made anything.
  ///
  /// - Throws: `DataError` (`.badInput`) with the places in the file.
  static func checkPatterns(of plans: [DatasetPlan], at file: String) throws(DataError) {
    let patterns = plans.flatMap(\.patterns)
    guard !patterns.isEmpty else { return }
    var made: [(what: String, names: [String], place: Place)] = []
    func add(_ what: String, _ path: String) { made.append((what, namesFromRoot(path), Place(path))) }
    for plan in plans {
      add("the output of \(plan.origin.place)", try resolvedOutput(plan.output))
      if let to = plan.publish?.to { add("where \(plan.origin.place) is published", to) }
    }
    for pattern in patterns {
      let fitting = choices(of: pattern.path).map { namesThatFit($0) }
      let found = pattern.folders.map { Place($0) }
      for one in made {
        let isNamed = fitting.contains { meet($0, one.names) }
        let isThere = found.contains { $0.isSame(as: one.place) || $0.isInside(one.place) }
        guard isNamed || isThere else { continue }
        throw DataError(
          .badInput, at: [file, pattern.place, pattern.path],
          "is a pattern that fits \(one.what), and patterns are filled in before anything is made",
          remedy: "name the folder")
      }
    }
  }
}

extension PlanPattern {
  /// The folders among what was found, and those that hold it.
  fileprivate var folders: Set<String> {
    var folders: Set<String> = []
    for path in found {
      folders.insert(parentFolder(of: path))
      if isFolder(path) { folders.insert(path) }
    }
    return folders
  }
}

/// Whether what fits a pattern can be a folder, hold it or lie in it.
private func meet(_ pattern: [String], _ folder: [String]) -> Bool {
  zip(pattern, folder).allSatisfy { wanted, name in
    guard isWild(wanted) else { return wanted == name }
    return (wanted.hasPrefix(".") || !name.hasPrefix(".")) && fnmatch(wanted, name, 0) == 0
  }
}

private func isWild(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }

/// The names of a pattern from the root on, those before the first that is one itself with links followed.
private func namesThatFit(_ pattern: String) -> [String] {
  let parts = pattern.split(separator: "/").map(String.init)
  let count = parts.firstIndex { isWild($0) } ?? parts.count
  let fixed = parts[..<count].joined(separator: "/")
  return namesFromRoot(pattern.hasPrefix("/") ? "/\(fixed)" : fixed) + Array(parts[count...])
}

/// The names on the way to a path from the root, with links followed; those that do not exist yet as they are written.
private func namesFromRoot(_ path: String) -> [String] {
  var parts = path.split(separator: "/").map(String.init)
  var missing: [String] = []
  let root = path.hasPrefix("/") ? "/" : "./"
  while true {
    if let real = realpath(root + parts.joined(separator: "/"), nil) {
      defer { free(real) }
      var names = String(cString: real).split(separator: "/").map(String.init)
      for name in missing where name != "." {
        if name == ".." { _ = names.popLast() } else { names.append(name) }
      }
      return names
    }
    guard let last = parts.popLast() else { return missing }
    missing.insert(last, at: 0)
  }
}

/// A pattern with every choice of its braces; a range of numbers as what fits numbers.
private func choices(of pattern: String) -> [String] {
  guard let open = pattern.firstIndex(of: "{"), let close = pattern[open...].firstIndex(of: "}") else {
    return [pattern]
  }
  let inside = String(pattern[pattern.index(after: open)..<close])
  let tails = choices(of: String(pattern[pattern.index(after: close)...]))
  var words: [String] = ["{\(inside)}"]
  if inside.contains("..") {
    words = ["[0-9]*"]
  } else if inside.contains(","), !inside.contains("/") {
    words = inside.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }
  // More than anybody writes by hand: whatever stands there.
  if words.count * tails.count > 1000 { words = ["*"] }
  return words.flatMap { word in tails.map { "\(pattern[..<open])\(word)\($0)" } }
}
