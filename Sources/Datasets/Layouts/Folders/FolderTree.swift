/// How many files of one kind are in a folder, and a digest of their names and bytes that does not depend on their order.
struct FileTally: Equatable {
  private(set) var count = 0
  private var digest: UInt64 = 0

  /// Takes a file into account.
  mutating func add(_ name: String, _ bytes: [UInt8]) {
    count += 1
    var hasher = Hasher()
    hasher.combine(name)
    hasher.combine(bytes.count)
    // Beginning, middle and end: the copy of a file has them all, and two pictures do not.
    bytes.withUnsafeBytes { bytes in
      for start in [0, max(0, bytes.count / 2 - 512), max(0, bytes.count - 1024)] {
        hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + 1024)]))
      }
    }
    digest &+= UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Takes a file into account of which only the number matters.
  mutating func addOne() { count += 1 }

  static func + (one: Self, other: Self) -> Self {
    var sum = one
    sum.count += other.count
    sum.digest &+= other.digest
    return sum
  }
}

/// Folders that hold files of one kind, as a tree.
struct FolderTree {
  /// The files that stand in the folder itself.
  var files = FileTally()
  var children: [String: FolderTree] = [:]

  init() {}

  init(_ folders: [[String]: FileTally]) {
    for (folder, files) in folders { insert(files, at: folder[...]) }
  }

  private mutating func insert(_ files: FileTally, at path: ArraySlice<String>) {
    guard let first = path.first else {
      self.files = files
      return
    }
    children[first, default: FolderTree()].insert(files, at: path.dropFirst())
  }

  var isLeaf: Bool { children.isEmpty }
  /// Its folders in the order of their bytes.
  var names: [String] { children.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
  var count: Int { children.values.reduce(files.count) { $0 + $1.count } }

  /// The folder that it holds where that is all it holds.
  var onlyChild: (name: String, tree: FolderTree)? {
    guard files.count == 0, children.count == 1, let (name, tree) = children.first else { return nil }
    return (name, tree)
  }

  /// Every folder's files by its path.
  private func flat(without name: String? = nil) -> [[String]: FileTally] {
    var all: [[String]: FileTally] = files.count > 0 ? [[]: files] : [:]
    for (child, tree) in children where child != name {
      for (path, files) in tree.flat() { all[[child] + path] = files }
    }
    return all
  }

  /// Whether another folder has the same files in the same folders.
  func holdsTheSame(as other: FolderTree) -> Bool { count == other.count && flat() == other.flat() }

  /// Takes out folders that hold a copy of the folder that they are in, and returns their paths.
  mutating func removeCopies() -> [[String]] {
    var removed: [[String]] = []
    var total = count
    for name in names {
      guard let child = children[name], 2 * child.count == total, child.flat() == flat(without: name) else { continue }
      children[name] = nil
      removed.append([name])
      total = count
    }
    for name in names { removed += (children[name]?.removeCopies() ?? []).map { [name] + $0 } }
    return removed
  }

  /// Takes out folders of masks and the like that stand beside images, at any depth, and returns their paths and how many files each holds.
  mutating func removeMasks() -> [(path: [String], count: Int)] {
    var removed: [(path: [String], count: Int)] = []
    if files.count > 0 || children.keys.contains(where: isImagesFolder) {
      for name in names where isMaskFolder(name) {
        removed.append((path: [name], count: children[name]?.count ?? 0))
        children[name] = nil
      }
    }
    for name in names {
      let inner = children[name]?.removeMasks() ?? []
      removed += inner.map { (path: [name] + $0.path, count: $0.count) }
    }
    return removed
  }
}
