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

  /// Refuses class folders that hold folders which may as well be the classes: `left/cat` and `right/cat`, `a/abbey` and `b/beach`.
  mutating func refuseTwoReadings(_ tree: FolderTree, _ path: [String]) throws(DataError) {
    guard tree.children.count > 1 else { return }
    // `amazon/images/bike` and `dslr/images/bike` say what `amazon/bike` and `dslr/bike` do.
    let inside = tree.children.values.map { $0.belowImages }
    let inner = inside.map { Set($0.tree.children.keys) }
    let all = inner.reduce(into: Set<String>()) { $0.formUnion($1) }
    guard all.count > 1, !all.allSatisfy(isGenericFolder) else { return }
    let holdFoldersAlone = inside.allSatisfy { $0.tree.files.count == 0 && !$0.tree.isLeaf }
    let shared = all.filter { name in inner.count { $0.contains(name) } > 1 }
    let areShared = holdFoldersAlone && shared.count > 1 && 2 * shared.count > all.count
    let patterns = holdFoldersAlone ? Self.patterns(inside) : nil
    let reason: String
    if areShared || inner.allSatisfy({ 2 * $0.count > all.count }) {
      let isEach = inner.allSatisfy { $0 == all }
      reason = "which \(isEach ? "each" : "several") of them \(isEach ? "holds" : "hold")"
    } else if holdFoldersAlone, tree.children.allSatisfy({ isRegister($0.key, of: $0.value) }) {
      reason = "which stand there by their first letters"
    } else if holdFoldersAlone, Self.areUneven(inside.flatMap { Array($0.tree.children.values) }) {
      reason = "some of which hold \(noun)s, and others folders"
    } else {
      if holdFoldersAlone {
        let choice = patterns.map { "; --label-pattern '\($0.inner)' makes these the classes" } ?? ""
        doubts.append(
          "\(list(tree.names)) are read as the classes, though there are only folders in them: \(list(all.sorted()))\(choice)"
        )
      }
      return
    }
    // Who names outer folders as the classes to keep has chosen them.
    if !chosen.isDisjoint(with: tree.children.keys), chosen.isDisjoint(with: all) { return }
    var remedy: String =
      patterns.map { "choose with --label-pattern '\($0.outer)' or --label-pattern '\($0.inner)'" }
      ?? "choose the former with --classes \(few(tree.names)), or put the \(noun)s of each class into one folder with its name"
    if let twin = shared.min() {
      let holders = tree.names.filter { tree.children[$0]?.belowImages.tree.children[twin] != nil }
      if holders.count > 1 {
        remedy +=
          "; where \(twin) of \(holders[0]) and \(twin) of \(holders[1]) are two classes, put them side by side under names of their own, "
          + "such as \(holders[0])_\(twin)"
      }
    }
    throw DataError(
      .badInput, at: [name] + (path.isEmpty ? [] : [path.joined(separator: "/")]),
      "it can be read in two ways: the classes may be \(list(tree.names)), or \(list(all.sorted())), \(reason)",
      remedy: remedy)
  }

  /// The patterns that make classes of outer folders, and of those inside; nil where files stand at several depths, which none fits.
  private static func patterns(_ inside: [(tree: FolderTree, steps: Int)]) -> (outer: String, inner: String)? {
    let steps = Set(inside.map { $0.steps })
    let depths = Set(inside.flatMap { folder in folder.tree.children.values.flatMap { Array($0.depths) } })
    guard steps.count == 1, depths.count == 1, let step = steps.first, let depth = depths.first else { return nil }
    let between = String(repeating: "/*", count: step)
    let rest = String(repeating: "/*", count: depth + 1)
    return (outer: "{label}\(between)/*\(rest)", inner: "*\(between)/{label}\(rest)")
  }

  /// Whether some of these folders hold files, and others folders alone: `abbey/1.jpg` and `church/indoor/1.jpg`.
  private static func areUneven(_ folders: [FolderTree]) -> Bool {
    folders.contains { $0.files.count > 0 }
      && folders.contains { $0.files.count == 0 && !$0.children.keys.allSatisfy(isGenericFolder) }
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
    if let doubt = Self.orderOfNumbers(classNames, "the class folders") { doubts.append(doubt) }
  }

  /// What to say of names in their order that are numbers, where this is not the order of their values; nil where there is nothing to say.
  ///
  /// - Parameter what: what the names are.
  static func orderOfNumbers(_ names: [String], _ what: String) -> String? {
    let numbers = names.compactMap { Int($0) }
    guard numbers.count == names.count, numbers != numbers.sorted() else { return nil }
    return
      "\(what) are numbers, and are sorted as names, as torchvision does: \(names.prefix(3).joined(separator: ", "))\(names.count > 3 ? ", …" : ""); a label is "
      + "the place in this order, not the number"
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
    let choice =
      classNames.count > 1
      ? "keep the other classes with --classes \(few(classNames))"
      : "say where the names of the files hold the class, as with --label-pattern '{label}_*'"
    throw DataError(
      .badInput, at: [name],
      "\(empty.count == 1 ? "a class folder" : "class folders") without \(noun)s: \(list(empty))",
      remedy: "put \(noun)s there, or \(choice)")
  }

  /// Refuses folders whose names say that they are pieces of one dataset: `part_1`, `fold2`, `data_batch_3`.
  func refusePieces() throws(DataError) {
    let names = classNames
    guard names.count > 1, pieces(among: names).count == names.count else { return }
    let ways = [
      "put each \(noun) into a folder with its class's name", "put a table of labels beside the folders",
      "say where the class stands with --label-pattern, such as \(someOf(patternsOfPieces))",
    ]
    throw DataError(
      .badInput, at: [name],
      "\(noun)s without labels: the folders \(list(names)) are pieces of a dataset by their names, and no classes",
      remedy: ways.joined(separator: ", or "))
  }

  /// The patterns that may be meant where class folders are pieces: what the names of files say, the folders inside, and the pieces themselves.
  private var patternsOfPieces: [String] {
    let paths: [[String]] = roles.keys.compactMap { folder in
      (0..<folder.count).first { above.contains(Array(folder[..<$0])) }.map { Array(folder[($0 + 1)...]) }
    }
    let depths = Set(paths.map { $0.count })
    guard depths.count == 1, let depth = depths.first else { return ["'{label}_*'"] }
    let files = String(repeating: "/*", count: depth)
    let inner = Set(paths.compactMap { $0.first })
    let mayBeClasses = inner.count > 1 && !inner.contains { isGenericFolder($0) || PartName.plain($0) != nil }
    return ["'{label}_*'"] + (mayBeClasses ? ["'*/{label}\(files)'"] : []) + ["'{label}/*\(files)'"]
  }

  /// What to say where some class folders are pieces by their names and others are not; nil where there is nothing to say.
  var doubtOfPieces: String? {
    let found = pieces(among: classNames)
    guard found.count > 1, found.count < classNames.count else { return nil }
    return "\(list(found)) are read as classes, though they are pieces of a dataset by their names"
  }

  /// Refuses Hugging Face's cache of a dataset, where every file stands in `blobs`, and once more under its name in `snapshots`.
  func refuseCache(_ root: FolderTree) throws(DataError) {
    var (tree, path) = (root, [String]())
    while let (child, below) = tree.onlyChild { (tree, path) = (below, path + [child]) }
    guard let blobs = tree.children["blobs"], blobs.isLeaf, let snapshots = tree.children["snapshots"],
      snapshots.files.count == 0
    else { return }
    let inputs = snapshots.names.map { (path + ["snapshots", $0]).joined(separator: "/") }
    throw DataError(
      .badInput, at: [name],
      "a cache folder of Hugging Face, in which every \(noun) stands twice, in blobs and in snapshots",
      remedy: "give \(inputs.count == 1 ? "" : "one of ")\(list(inputs)) in it as the input")
  }

  func list(_ names: [String]) -> String { someOf(names) }

  /// Names as `--classes` takes them, up to three.
  private func few(_ names: [String]) -> String {
    names.prefix(3).joined(separator: ",") + (names.count > 3 ? ",…" : "")
  }
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

  /// What it holds below folders such as `images` that are all that is there, and how many of these are passed.
  fileprivate var belowImages: (tree: FolderTree, steps: Int) {
    var (tree, steps) = (self, 0)
    while let (name, below) = tree.onlyChild, isGenericFolder(name), !below.isLeaf {
      (tree, steps) = (below, steps + 1)
    }
    return (tree, steps)
  }
}

/// Whether a folder is a letter, and all folders in it begin with it, as in SUN397: `a/abbey`, `a/attic`.
private func isRegister(_ name: String, of tree: FolderTree) -> Bool {
  guard name.count == 1, name.allSatisfy(\.isLetter) else { return false }
  return tree.children.keys.allSatisfy { $0.lowercased().hasPrefix(name.lowercased()) }
}
