internal import Glibc

/// The regular files below a folder, sorted by path, so that every run sees the same order.
struct Folder {
  let path: String
  let members: [Member]
  /// The folders below it, also those without a file.
  let folders: Set<[String]>

  private static let maxDepth = 32

  /// Lists the folder.
  ///
  /// Throws `noInput` where there is none and `io` where it cannot be read.
  init(_ path: String) throws(DataError) {
    self.path = path
    var found: [Member] = []
    var folders: Set<[String]> = []
    try Self.list(path, below: "", depth: 0, into: &found, &folders)
    self.folders = folders
    members = found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// The whole path of a member.
  func path(of member: Member) -> String { "\(path)/\(member.path)" }

  // Links in a folder are the user's own, so they are followed; a loop of them ends at the depth limit.
  private static func list(
    _ root: String, below prefix: String, depth: Int, into found: inout [Member], _ folders: inout Set<[String]>
  ) throws(DataError) {
    let path = prefix.isEmpty ? root : "\(root)/\(prefix)"
    guard depth <= maxDepth else { throw DataError(.badInput, at: [path], "more than \(maxDepth) folders deep") }
    guard let folder = opendir(path) else {
      throw DataError(
        errno == ENOENT ? .noInput : .io, at: [path], "cannot be listed: \(String(cString: strerror(errno)))")
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else { throw DataError(.badInput, at: [path], "it holds a name that is not UTF-8") }
      if name == "." || name == ".." || isLitter([name]) { continue }
      let relative = prefix.isEmpty ? name : "\(prefix)/\(name)"
      var status = stat()
      guard stat("\(root)/\(relative)", &status) == 0 else {
        throw DataError(.io, at: ["\(root)/\(relative)"], "cannot be read: \(String(cString: strerror(errno)))")
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        folders.insert(relative.split(separator: "/").map(String.init))
        try list(root, below: relative, depth: depth + 1, into: &found, &folders)
      case S_IFREG: found.append(Member(path: relative, size: Int(status.st_size)))
      default: break
      }
    }
  }
}

/// Whether a path names a folder.
public func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
