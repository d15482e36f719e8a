/// What the folders above the files of a dataset say: which class each file is of, and which part of the dataset it belongs to.
///
/// `[root/][train|val|test/]class/…/file`, where parts may have other names (`dev`, `seg_train`, `test_set`) and may be kept in a folder of
/// the same name, and `[root/]class/[train|val|test/]…/file`. A folder that holds a copy of the folder that it is in counts once. Where
/// folders can be read in two ways, it is an error that names both.
struct FolderStructure {
  struct Role {
    var part: Part?
    var className: String
  }
  private(set) var roles: [[String]: Role] = [:]
  /// The folders of parts, also those without labels.
  private var partFolders: [[String]: Part] = [:]
  /// Parts whose files no folder labels.
  private(set) var unlabelled: Set<Part> = []
  /// Whether folders tell parts apart.
  private(set) var hasParts = false
  /// What the log shall say: what was not read, and why.
  var notes: [String] = []
  /// What the log shall say where another reading was possible.
  var doubts: [String] = []
  /// The folders that class folders stand in.
  private(set) var above: Set<[String]> = []
  /// What a file is: `image`.
  let noun: String
  let name: String
  /// The classes that the user names, which tells that their folders are meant.
  let chosen: Set<String>

  /// Works it out from all folders that hold files of that kind.
  ///
  /// - Parameters:
  ///   - needsClasses: whether folders tell the class; otherwise files may stand in any folder.
  ///   - chosen: the classes that the user names.
  init(
    _ folders: [[String]: FileTally], of noun: String, name: String, needsClasses: Bool = true, chosen: [String] = []
  ) throws(DataError) {
    self.noun = noun
    self.name = name
    self.chosen = Set(chosen)
    guard !folders.isEmpty else {
      throw DataError(.badInput, at: [name], "there are no \(noun)s in it", remedy: Remedy.lookInside)
    }
    var root = FolderTree(folders)
    for copy in root.removeCopies() {
      notes.append("\(copy.joined(separator: "/")) is a copy of the folder that it is in, and was skipped")
    }
    try refuseCache(root)
    guard needsClasses else {
      readParts(of: root, at: [])
      return
    }
    var (tree, path) = (root, [String]())
    while let (child, below) = tree.onlyChild, PartName.plain(child) == nil, !below.isLeaf {
      (tree, path) = (below, path + [child])
    }
    if tree.isLeaf {
      throw DataError(
        .badInput, at: [name], "\(noun)s without labels: there are \(noun)s outside every class folder",
        remedy: ownFolder)
    }
    // `labeled/cat`, and `unlabeled` beside it.
    for child in tree.names where PartName.plain(child) == .unlabelled && tree.children[child]?.isLeaf == true {
      guard tree.children.contains(where: { !$0.value.isLeaf }) else { continue }
      tree.children[child] = nil
      unlabelled.insert(.unlabelled)
      notes.append("\(child): \(noun)s without labels were skipped")
      while let (child, below) = tree.onlyChild, PartName.plain(child) == nil, !below.isLeaf {
        (tree, path) = (below, path + [child])
      }
    }
    try refusePartialCopies(tree, path)
    if let parts = try parts(of: tree, at: path) {
      hasParts = true
      try readClasses(inParts: parts, of: tree, at: path)
    } else {
      try readClasses(of: tree, at: path, part: nil)
    }
    noteNames()
  }

  private var ownFolder: String { "put each \(noun) into a folder with its class's name" }

  /// The names of the classes, sorted by their bytes.
  var classNames: [String] {
    Set(roles.values.map(\.className)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The class of the files in a folder; nil where they belong to none.
  func className(of folder: [String]) -> String? { roles[folder]?.className }

  /// The part of the files in a folder; nil where folders do not tell parts apart.
  func part(of folder: [String]) -> Part? { roles[folder]?.part }

  /// All parts that have labels.
  var parts: Set<Part> { Set(roles.values.compactMap(\.part)) }

  /// The part that a folder, labelled or not, is in by its place.
  func namedPart(of folder: [String]) -> Part? {
    (0...folder.count).lazy.compactMap { partFolders[Array(folder[..<$0])] }.first
  }

  // MARK: Parts

  /// The parts among the folders of a folder, where they are parts; other folders beside them are noted.
  private mutating func parts(of tree: FolderTree, at path: [String]) throws(DataError) -> [(name: String, part: Part)]?
  {
    let named = tree.names.map { (name: $0, of: PartName($0)) }
    var parts = named.compactMap { found in found.of.isPlain ? found.of.part.map { (name: found.name, part: $0) } : nil
    }
    if parts.isEmpty {
      // `seg_train` and `seg_test` are parts because they are two, and say the same beside it.
      let loose = named.filter { $0.of.part != nil }
      let same = loose.filter { one in loose.contains { $0.of.rest == one.of.rest && $0.of.part != one.of.part } }
      parts = same.compactMap { found in found.of.part.map { (name: found.name, part: $0) } }
    }
    guard !parts.isEmpty else { return nil }
    parts = toldApart(parts)
    let isPart = Set(parts.map(\.name))
    let others = tree.names.filter { !isPart.contains($0) }
    if others.isEmpty { return parts }
    let holders = parts.compactMap { part in tree.children[part.name].flatMap { $0.isLeaf ? nil : $0 } }
    if holders.isEmpty, parts.count == 1, parts[0].part == .train {
      // A train is a vehicle, too.
      doubts.append("\(parts[0].name) is read as a class, as the folders beside it are")
      return nil
    }
    let folders = holders.map { Set($0.children.keys) }
    let areAlike = folders.indices.contains { one in
      folders.indices.contains { $0 != one && !folders[$0].isDisjoint(with: folders[one]) }
    }
    let isAlikeOther = others.contains { other in
      folders.contains { !$0.isDisjoint(with: Set(tree.children[other].map { Array($0.children.keys) } ?? [])) }
    }
    guard areAlike || isAlikeOther else {
      throw DataError(
        .badInput, at: [name] + place(path),
        "it can be read in two ways: \(list(parts.map(\.name))) may be a part of the dataset or a class, as \(list(others)) beside it",
        remedy: "move the others away, or say where the class stands with --label-pattern, such as '{label}/*'")
    }
    doubts.append("\(list(others)): beside the parts \(list(parts.map(\.name))), and skipped")
    return parts
  }

  /// The same parts, where an evaluation beside a validation is the test part.
  private mutating func toldApart(_ parts: [(name: String, part: Part)]) -> [(name: String, part: Part)] {
    let apart = PartName.apart(parts)
    for (found, read) in zip(parts, apart) where found.part != read.part {
      notes.append("\(read.name) is read as the \(read.part.rawValue) part, as a validation part stands beside it")
    }
    return apart
  }

  private mutating func doubtSamePart(_ one: String, _ other: String, _ part: Part) {
    doubts.append("\(one) and \(other) are both read as the \(part.rawValue) part")
  }

  /// Where patterns tell the classes, only parts are looked for; every file may stand anywhere in them.
  private mutating func readParts(of root: FolderTree, at path: [String]) {
    let named = root.names.map { (name: $0, part: PartName.plain($0)) }
    if root.files.count == 0, !named.isEmpty, named.allSatisfy({ $0.part != nil }) {
      hasParts = true
      let found: [(name: String, part: Part)] = named.compactMap { folder in
        folder.part.map { (name: folder.name, part: $0) }
      }
      let parts = toldApart(found)
      for (index, (name, part)) in parts.enumerated() {
        if part != .unlabelled, let other = parts[..<index].first(where: { $0.part == part }) {
          let places = [other.name, name].map { (path + [$0]).joined(separator: "/") }
          doubtSamePart(places[0], places[1], part)
        }
        add(root.children[name] ?? FolderTree(), at: path + [name], part, name)
      }
    } else if let (child, below) = root.onlyChild {
      readParts(of: below, at: path + [child])
    }
  }

  // MARK: Classes

  private mutating func readClasses(
    inParts parts: [(name: String, part: Part)], of tree: FolderTree, at path: [String]
  ) throws(DataError) {
    guard tree.files.count == 0 else { throw noLabels(path, beside: true) }
    var bases: [Base] = []
    var unlabelledParts: [String] = []
    for (name, part) in parts {
      partFolders[path + [name]] = part
      var (base, at) = (tree.children[name] ?? FolderTree(), path + [name])
      // `seg_train/seg_train/forest`, `train/images/cat`.
      while let (child, below) = base.onlyChild, !below.isLeaf,
        child == name || isGenericFolder(child) || PartName.plain(child) == part
      {
        (base, at) = (below, at + [child])
      }
      let holdsNoClasses =
        base.children.allSatisfy { $0.value.isLeaf && ($0.key == name || isGenericFolder($0.key)) }
      if holdsNoClasses || part == .unlabelled {
        unlabelledParts.append(name)
        unlabelled.insert(part)
      } else {
        bases.append((base, at, part))
      }
    }
    guard !bases.isEmpty else { throw noLabels(path + [parts[0].name]) }
    bases = withoutCopies(bases)
    for base in bases { try readClasses(of: base.tree, at: base.path, part: base.part) }
    if !unlabelledParts.isEmpty {
      notes.append("\(list(unlabelledParts)): \(noun)s without labels were skipped")
    }
    try compareParts()
  }

  private typealias Base = (tree: FolderTree, path: [String], part: Part)

  /// The folders of parts without those that hold the same files as another of the same part.
  private mutating func withoutCopies(_ bases: [Base]) -> [Base] {
    var kept: [Base] = []
    for base in bases {
      let name = base.path.joined(separator: "/")
      if let twin = kept.first(where: { $0.tree.holdsTheSame(as: base.tree) }) {
        let other = twin.path.joined(separator: "/")
        guard twin.part != base.part else {
          notes.append("\(name) is a copy of \(other), and was skipped")
          continue
        }
        doubts.append("\(name) holds the same \(noun)s as \(other)")
      } else if let other = kept.first(where: { $0.part == base.part }) {
        doubtSamePart(other.path.joined(separator: "/"), name, base.part)
      }
      kept.append(base)
    }
    return kept
  }

  private mutating func readClasses(of tree: FolderTree, at path: [String], part: Part?) throws(DataError) {
    guard tree.files.count == 0 else { throw noLabels(path, beside: true) }
    if tree.children.allSatisfy({ isGenericFolder($0.key) && $0.value.isLeaf }) {
      throw noLabels(path + [tree.names[0]])
    }
    try refuseMasks(tree, path)
    let classes = withoutMasks(tree, path)
    above.insert(path)
    if part == nil, let parts = partsBelow(classes) {
      try refuseFolds(classes, path)
      hasParts = true
      for (className, below) in classes.children {
        for (name, inner) in below.children { add(inner, at: path + [className, name], parts[name], className) }
      }
      return
    }
    try refuseTwoReadings(classes, path)
    for (className, below) in classes.children { add(below, at: path + [className], part, className) }
  }

  private mutating func add(_ tree: FolderTree, at path: [String], _ part: Part?, _ className: String) {
    if tree.files.count > 0 { roles[path] = Role(part: part, className: className) }
    for (name, below) in tree.children { add(below, at: path + [name], part, className) }
  }

  /// `cat/train`, `cat/test`, `dog/train`: the parts below every class; nil where they are none.
  private func partsBelow(_ tree: FolderTree) -> [String: Part]? {
    var parts: [String: Part] = [:]
    for below in tree.children.values {
      guard below.files.count == 0, !below.isLeaf else { return nil }
      for name in below.children.keys {
        guard let part = PartName.plain(name), part != .unlabelled else { return nil }
        parts[name] = part
      }
    }
    let apart = PartName.apart(parts.map { (name: $0.key, part: $0.value) })
    guard Set(apart.map { $0.part }).count > 1 else { return nil }
    return Dictionary(uniqueKeysWithValues: apart.map { ($0.name, $0.part) })
  }

  private func noLabels(_ folder: [String], beside: Bool = false) -> DataError {
    DataError(
      .badInput, at: [name] + place(folder),
      beside
        ? "\(noun)s without labels: they stand beside the class folders, not in one"
        : "\(noun)s without labels: neither folders nor a table tell their classes",
      remedy: ownFolder)
  }

  private func place(_ path: [String]) -> [String] { path.isEmpty ? [] : [path.joined(separator: "/")] }
}
