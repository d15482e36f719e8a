extension FolderStructure {
  /// Refuses a folder that holds folders of the same names as the one that it is in, and is not a copy of it.
  func refusePartialCopies(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    let names = Set(tree.children.keys)
    for name in tree.names {
      let shared = names.intersection(tree.children[name]?.children.keys.map { $0 } ?? []).subtracting([name])
      guard !shared.isEmpty else { continue }
      let inner = (path + [name]).joined(separator: "/")
      throw DataError(
        .badInput, at: [self.name],
        "\(list(shared.sorted())) \(shared.count == 1 ? "stands" : "stand") in the dataset twice, in \(inner) and in the folder above it, "
          + "with different \(noun)s",
        remedy: "take one of them out, or give the right one as the input")
    }
  }

  /// Refuses class folders that all hold the same folders, which may as well be the classes.
  func refuseTwoReadings(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    guard tree.children.count > 1 else { return }
    let inner = tree.children.values.map { Set($0.children.keys) }
    let all = inner.reduce(into: Set<String>()) { $0.formUnion($1) }
    guard all.count > 1, !all.allSatisfy(isGenericFolder), inner.allSatisfy({ 2 * $0.count > all.count }) else {
      return
    }
    let depths = Set(tree.children.values.flatMap { $0.children.values.flatMap(\.depths) })
    let rest = depths.count == 1 ? String(repeating: "/*", count: (depths.first ?? 0) + 1) : "/*"
    throw DataError(
      .badInput, at: [name] + (path.isEmpty ? [] : [path.joined(separator: "/")]),
      "it can be read in two ways: the classes may be \(list(tree.names)), or \(list(all.sorted())), which each of them holds",
      remedy: "choose with --label-pattern '{label}/*\(rest)' or --label-pattern '*/{label}\(rest)'")
  }

  /// Refuses classes that differ between the parts in capitals or spaces alone, and notes those that the training part lacks.
  mutating func compareParts() throws(DataError) {
    var byPart: [Part: Set<String>] = [:]
    for role in roles.values { if let part = role.part { byPart[part, default: []].insert(role.className) } }
    let order = [Part.train, .val, .test].filter { byPart[$0] != nil }
    for (index, part) in order.enumerated() {
      for other in order[(index + 1)...] {
        let (here, there) = (byPart[part] ?? [], byPart[other] ?? [])
        let plain = Dictionary(here.map { (loosely($0), $0) }, uniquingKeysWith: { min($0, $1) })
        for name in there.subtracting(here).sorted() {
          guard let twin = plain[loosely(name)], !there.contains(twin) else { continue }
          throw DataError(
            .badInput, at: [self.name],
            "the class “\(twin)” of the \(part.rawValue) part is called “\(name)” in the \(other.rawValue) part, which would make two classes "
              + "of it", remedy: "rename the folders of one of the parts")
        }
      }
    }
    guard let train = byPart[.train] else { return }
    for part in order.dropFirst() {
      let only = (byPart[part] ?? []).subtracting(train).sorted()
      guard !only.isEmpty else { continue }
      doubts.append("the \(part.rawValue) part has classes that the train part lacks: \(list(only))")
    }
  }

  /// Notes an order of numbers that is not that of their values.
  mutating func noteNames() {
    let names = classNames
    let numbers = names.compactMap { Int($0) }
    guard numbers.count == names.count, numbers != numbers.sorted() else { return }
    doubts.append(
      "the class folders are numbers, and are sorted as names, as torchvision does: \(names[0]), \(names[1]), \(names[2]), …; a label is "
        + "the place in this order, not the number")
  }

  /// Refuses folders that stand where classes stand and hold no file: without them the indices of the others would shift.
  ///
  /// - Parameter others: folders that hold something else than files of that kind, or nothing.
  func refuseEmptyClasses(beside others: Set<[String]>) throws(DataError) {
    let known = Set(classNames)
    let found = others.compactMap { folder in
      (0..<folder.count).first { above.contains(Array(folder[..<$0])) }.map { folder[$0] }
    }
    let empty = Set(found).filter { !known.contains($0) && !PartName($0).isPlain }.sorted()
    guard !empty.isEmpty else { return }
    let some = classNames.prefix(3).joined(separator: ",") + (classNames.count > 3 ? ",…" : "")
    throw DataError(
      .badInput, at: [name],
      "\(empty.count == 1 ? "a class folder" : "class folders") without \(noun)s: \(list(empty))",
      remedy: "put \(noun)s there, or keep the other classes with --classes \(some)")
  }

  func list(_ names: [String]) -> String { someOf(names) }
}

/// A name without what is easily mistaken: capitals and spaces.
func loosely(_ name: String) -> String { name.lowercased().filter { !$0.isWhitespace } }

/// Up to ten names: `a, b, c`.
func someOf(_ names: [String]) -> String {
  names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
}

extension FolderTree {
  /// How many folders below this one files stand.
  fileprivate var depths: Set<Int> {
    var all: Set<Int> = files.count > 0 ? [0] : []
    for child in children.values { all.formUnion(child.depths.map { $0 + 1 }) }
    return all
  }
}
