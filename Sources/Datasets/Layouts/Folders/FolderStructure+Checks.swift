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

  /// Refuses folders of images beside folders of what belongs to them, however deep: `images/1.png` and `annotations/trimaps/1.png`.
  func refuseMasks(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    let names = tree.names
    guard names.allSatisfy(isGenericFolder), names.contains(where: isMaskFolder) else { return }
    throw DataError(
      .badInput, at: [name] + (path.isEmpty ? [] : [path.joined(separator: "/")]),
      "\(noun)s without labels: by their names the folders \(list(names)) hold \(noun)s and what belongs to them, such as masks, and are no classes",
      remedy:
        "give the folder of the \(noun)s alone, with one folder for each class in it or a table of labels beside them")
  }

  /// The tree without the masks that class folders hold beside their images: `cat/images/1.png` and `cat/masks/1.png`.
  mutating func withoutMasks(_ tree: FolderTree, _ path: [String]) -> FolderTree {
    var tree = tree
    var folders: [String] = []
    var count = 0
    for name in tree.names {
      for removed in tree.children[name]?.removeMasks() ?? [] {
        folders.append((path + [name] + removed.path).joined(separator: "/"))
        count += removed.count
      }
    }
    guard !folders.isEmpty else { return tree }
    doubts.append(
      "\(list(folders)): \(counted(count, noun)) skipped, as the names of these folders say that they hold what belongs to the \(noun)s beside them, such as masks"
    )
    return tree
  }

  /// Refuses folds and domains, each with a train and a test part, in which the same classes stand: `fold1/train/cat`.
  mutating func refuseFolds(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    let inner = tree.children.values.map { fold in
      fold.children.values.reduce(into: Set<String>()) { $0.formUnion($1.children.keys) }
    }
    let all = inner.reduce(into: Set<String>()) { $0.formUnion($1) }.filter { !isGenericFolder($0) }
    guard !all.isEmpty, let below = tree.children.values.first else { return }
    guard tree.children.count > 1, all.count > 1, all.contains(where: { name in inner.count { $0.contains(name) } > 1 })
    else {
      doubts.append(
        "\(list(tree.names)) are read as the classes, though there are folders in their parts: \(list(all.sorted()))")
      return
    }
    let test = below.names.first { [.test, .val].contains(PartName.plain($0)) } ?? "test"
    throw DataError(
      .badInput, at: [name] + (path.isEmpty ? [] : [path.joined(separator: "/")]),
      "it can be read in two ways: the classes may be \(list(tree.names)), or \(list(all.sorted())), which stand in the parts of several of them",
      remedy:
        "choose with --label-pattern '{label}/*/*/*' or --label-pattern '*/*/{label}/*', and tell the parts with --test-pattern '*/\(test)/*/*'; "
        + "or give one of them as the input")
  }

  /// Refuses class folders that hold the same folders, which may as well be the classes: `left/cat`, `right/cat`.
  mutating func refuseTwoReadings(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    guard tree.children.count > 1 else { return }
    let inner = tree.children.values.map { Set($0.children.keys) }
    let all = inner.reduce(into: Set<String>()) { $0.formUnion($1) }
    guard all.count > 1, !all.allSatisfy(isGenericFolder) else { return }
    let holdFoldersAlone = tree.children.values.allSatisfy { $0.files.count == 0 && !$0.isLeaf }
    let shared = all.filter { name in inner.count { $0.contains(name) } > 1 }
    let areShared = holdFoldersAlone && shared.count > 1 && 2 * shared.count > all.count
    guard areShared || inner.allSatisfy({ 2 * $0.count > all.count }) else {
      if holdFoldersAlone {
        doubts.append(
          "\(list(tree.names)) are read as the classes, though there are only folders in them: \(list(all.sorted())); "
            + "--label-pattern '*/{label}/*' makes these the classes")
      }
      return
    }
    let depths = Set(tree.children.values.flatMap { $0.children.values.flatMap(\.depths) })
    let rest = depths.count == 1 ? String(repeating: "/*", count: (depths.first ?? 0) + 1) : "/*"
    throw DataError(
      .badInput, at: [name] + (path.isEmpty ? [] : [path.joined(separator: "/")]),
      "it can be read in two ways: the classes may be \(list(tree.names)), or \(list(all.sorted())), which \(inner.allSatisfy { $0 == all } ? "each" : "several") of them \(inner.allSatisfy { $0 == all } ? "holds" : "hold")",
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
      "the class folders are numbers, and are sorted as names, as torchvision does: \(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : ""); a label is "
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

  /// Refuses folders whose names say that they are pieces of one dataset: `part_1`, `batch_2`.
  func refusePieces() throws(DataError) {
    let pieces: Set<String> = ["part", "shard", "chunk", "batch", "volume", "vol", "piece"]
    let names = classNames
    let arePieces = names.allSatisfy { name in
      let words = name.lowercased().split { !$0.isLetter }.map(String.init)
      return words.count == 1 && pieces.contains(words[0]) && name.contains(where: \.isNumber)
    }
    guard names.count > 1, arePieces else { return }
    throw DataError(
      .badInput, at: [name],
      "\(noun)s without labels: the folders \(list(names)) are pieces of a dataset by their names, and no classes",
      remedy: "put each \(noun) into a folder with its class's name, or a table of labels beside the folders")
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
