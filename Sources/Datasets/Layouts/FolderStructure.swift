/// The folder of a split: `train`, `val` or `test`, in one of their usual spellings.
enum SplitFolder: String {
  case train, val, test

  init?(folder: String) {
    switch folder.lowercased() {
    case "train", "training": self = .train
    case "val", "valid", "validation": self = .val
    case "test", "testing": self = .test
    default: return nil
    }
  }
}

/// Where in the paths of a dataset of one file for each sample the class stands, and where the split, if there are splits.
struct FolderStructure {
  /// Index of the split's folder in a path; nil where there are no splits.
  private(set) var partLevel: Int?
  /// Index of the class's folder in a path.
  private(set) var classLevel: Int
  private let folders: Set<[String]>
  /// What a file is: `image`.
  private let noun: String

  /// Works it out from all folders that hold files of that kind.
  ///
  /// - Parameter needsClasses: whether folders tell the class; otherwise files may stand in any folder.
  init(_ folders: Set<[String]>, of noun: String, name: String, needsClasses: Bool = true) throws(DataError) {
    self.folders = folders
    self.noun = noun
    let all = folders.sorted { $0.lexicographicallyPrecedes($1) }
    guard let shortest = all.map(\.count).min() else {
      throw DataError(.badInput, at: [name], "there are no \(noun)s in it", remedy: Remedy.lookInside)
    }
    guard shortest > 0 || !needsClasses else {
      throw DataError(
        .badInput, at: [name], "\(noun)s without labels: there are \(noun)s outside every class folder",
        remedy: "put each \(noun) into a folder with its class's name")
    }
    var common = 0
    while common < shortest, all.allSatisfy({ $0[common] == all[0][common] }) { common += 1 }
    classLevel = max(0, min(common, shortest - 1))
    guard shortest > 0 else { return }
    let level = (0...min(common, shortest - 1)).first { level in
      all.allSatisfy { SplitFolder(folder: $0[level]) != nil }
    }
    if let level {
      partLevel = level
      classLevel = level + 1
      if needsClasses, let bare = all.first(where: { $0.count == level + 1 }) { throw unlabelled(bare, name) }
      return
    }
    if needsClasses, all.count > 1, common == shortest, let bare = all.first(where: { $0.count == common }) {
      throw unlabelled(bare, name)
    }
  }

  private func unlabelled(_ folder: [String], _ name: String) -> DataError {
    DataError(
      .badInput, at: [name, folder.joined(separator: "/")],
      "\(noun)s without labels: they stand beside the class folders, not in one",
      remedy: "put each \(noun) into a folder with its class's name")
  }

  /// The names of the classes, sorted by their bytes.
  var classNames: [String] {
    Set(folders.map { $0[classLevel] }).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The folder that a split is read from, `val` where there is no `test`; nil where there are no splits.
  ///
  /// - Throws: `DataError` (`.badInput`) where there are splits and not this one.
  func part(of split: DatasetInfo.Split, name: String) throws(DataError) -> SplitFolder? {
    guard let partLevel else { return nil }
    let parts = Set(folders.compactMap { SplitFolder(folder: $0[partLevel]) })
    let choices: [SplitFolder] = split == .train ? [.train] : [.test, .val]
    guard let choice = choices.first(where: parts.contains) else { throw missingPart(split, in: name) }
    return choice
  }

  /// Whether a folder belongs to a part; each does where there are none.
  func isIn(_ part: SplitFolder?, _ folder: [String]) -> Bool {
    partLevel.map { SplitFolder(folder: folder[$0]) == part } ?? true
  }

  /// Refuses folders that stand where classes stand and hold no file: without them the indices of the others would shift.
  ///
  /// - Parameter others: folders that hold something else than files of that kind, or nothing.
  func refuseEmptyClasses(_ classNames: [String], beside others: Set<[String]>, name: String) throws(DataError) {
    let level = classLevel
    let above = Set(folders.map { Array($0[..<level]) })
    let known = Set(classNames)
    let others = others.filter { $0.count > level && above.contains(Array($0[..<level])) }.map { $0[level] }
    // A hidden folder, such as a version control's, is nobody's class.
    let empty = Set(others).filter { !known.contains($0) && !$0.hasPrefix(".") }.sorted()
    guard !empty.isEmpty else { return }
    let names = empty.prefix(10).joined(separator: ", ") + (empty.count > 10 ? ", …" : "")
    let some = classNames.prefix(3).joined(separator: ",") + (classNames.count > 3 ? ",…" : "")
    throw DataError(
      .badInput, at: [name], "\(empty.count == 1 ? "a class folder" : "class folders") without \(noun)s: \(names)",
      remedy: "put \(noun)s there, or keep the other classes with --classes \(some)")
  }
}

/// The folders in the path of a member.
func foldersAbove(_ member: Member) -> [String] {
  member.path.split(separator: "/").dropLast().map(String.init)
}
