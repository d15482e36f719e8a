internal import Glibc

/// A path that stands for several: `shard-{000000..000011}.tar`, `{a,b}.tar`, `shard-*.tar`.
public enum InputPattern {
  /// The files and folders that a path stands for: itself where there is such a file, and where it is not a pattern.
  ///
  /// Numbers in braces keep their zeros in front, and their order; `*`, `?` and `[a-z]` are what they are to a shell, in the order of
  /// the bytes.
  ///
  /// - Throws: `DataError` (`.noInput`) that names what is missing of a range, and a pattern that fits nothing.
  public static func expanded(_ path: String) throws(DataError) -> [String] {
    if path == "-" || exists(path) { return [path] }
    guard let all = braces(path) else {
      throw DataError(
        .noInput, at: [path], "stands for more than \(grouped(maxPaths)) files",
        remedy: "give the folder that holds them")
    }
    let isRange = all.count > 1
    guard isRange || isGlob(path) else { return [path] }
    var found: [String] = []
    var missing: [String] = []
    for one in all {
      let fitting = isGlob(one) && !exists(one) ? globbed(one) : exists(one) ? [one] : []
      if fitting.isEmpty { missing.append(one) }
      found += fitting
    }
    guard !found.isEmpty else { throw DataError(.noInput, at: [path], "no file fits this pattern") }
    guard missing.isEmpty else {
      let shown = missing.prefix(8).map { $0.split(separator: "/").last.map(String.init) ?? $0 }
      let rest = missing.count > 8 ? " and \(grouped(missing.count - 8)) more" : ""
      throw DataError(
        .noInput, at: [path],
        "\(grouped(missing.count)) of \(grouped(all.count)) files are missing: \(shown.joined(separator: ", "))\(rest)",
        remedy: "get them, or name only those that are there")
    }
    return found
  }

  private static let maxPaths = 100_000

  private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func isGlob(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

  /// A path with each choice of every pair of braces; nil where there are too many.
  private static func braces(_ path: String) -> [String]? {
    var start = path.startIndex
    while let open = path[start...].firstIndex(of: "{") {
      guard let close = path[open...].firstIndex(of: "}") else { break }
      guard let choices = choices(path[path.index(after: open)..<close]) else {
        start = path.index(after: open)
        continue
      }
      guard choices.count <= maxPaths, let tails = braces(String(path[path.index(after: close)...])),
        choices.count * tails.count <= maxPaths
      else { return nil }
      return choices.flatMap { choice in tails.map { "\(path[..<open])\(choice)\($0)" } }
    }
    return [path]
  }

  /// `0..11`, `a,b`; nil for anything else, which braces may well hold.
  private static func choices(_ text: Substring) -> [String]? {
    let ends = text.split(separator: ".", omittingEmptySubsequences: false)
    if ends.count == 3, ends[1].isEmpty, let first = number(ends[0]), let last = number(ends[2]) {
      guard first <= last, last - first < maxPaths else {
        return first <= last ? [String](repeating: "", count: maxPaths + 1) : nil
      }
      let width = ends[0].hasPrefix("0") || ends[2].hasPrefix("0") ? max(ends[0].count, ends[2].count) : 1
      return (first...last).map { zeroPadded($0, digits: width) }
    }
    guard text.contains(","), !text.contains("/") else { return nil }
    return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  private static func number(_ text: Substring) -> Int? {
    text.isEmpty || text.count > 12 || !text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? nil : Int(text)
  }

  private static func globbed(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else { return [] }
    let paths = (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv[index].flatMap { String(validatingCString: $0) }
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
