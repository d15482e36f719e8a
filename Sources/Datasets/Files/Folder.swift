internal import Glibc

/// The regular files below a folder, sorted by path, so that every run sees the same order.
struct Folder {
  let path: String
  let members: [Member]
  /// The folders below it, also those without a file.
  let folders: Set<[String]>
  /// What was skipped.
  let litter: Litter

  private static let maxDepth = 32

  /// Lists the folder.
  ///
  /// Throws `noInput` where there is none and `io` where it cannot be read.
  init(_ path: String) throws(DataError) {
    self.path = path
    var listing = Listing(root: path)
    try listing.list("", depth: 0)
    folders = listing.folders
    litter = listing.litter
    members = listing.found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Some of its members alone.
  init(_ folder: Folder, where isIncluded: (Member) -> Bool) {
    (path, folders, litter) = (folder.path, folder.folders, folder.litter)
    members = folder.members.filter(isIncluded)
  }

  /// The whole path of a member.
  func path(of member: Member) -> String { "\(path)/\(member.path)" }

  private struct Listing {
    let root: String
    var found: [Member] = []
    var folders: Set<[String]> = []
    var litter = Litter()
    /// Device and number of the folders that are being listed.
    private var above: [(dev_t, ino_t)] = []

    init(root: String) { self.root = root }

    // Links in a folder are the user's own, so they are followed.
    mutating func list(_ prefix: String, depth: Int) throws(DataError) {
      let path = prefix.isEmpty ? root : "\(root)/\(prefix)"
      guard depth <= maxDepth else { throw DataError(.badInput, at: [path], "more than \(maxDepth) folders deep") }
      guard let folder = opendir(path) else {
        throw DataError(
          errno == ENOENT ? .noInput : .io, at: [path], "cannot be listed: \(String(cString: strerror(errno)))")
      }
      defer { closedir(folder) }
      var own = stat()
      guard fstat(dirfd(folder), &own) == 0 else {
        throw DataError(.io, at: [path], "cannot be listed: \(String(cString: strerror(errno)))")
      }
      guard !above.contains(where: { $0 == (own.st_dev, own.st_ino) }) else {
        throw DataError(
          .badInput, at: [path], "a symbolic link that leads back to a folder above it", remedy: "take the link out")
      }
      above.append((own.st_dev, own.st_ino))
      defer { above.removeLast() }
      while let entry = readdir(folder) {
        let bytes = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: UInt8.self, capacity: 256) {
            Array(UnsafeBufferPointer(start: $0, count: strlen($0)))
          }
        }
        guard let name = String(validating: bytes, as: UTF8.self) else {
          throw DataError(
            .badInput, at: [path], "it holds a name that is not UTF-8: \(escaped(bytes))",
            remedy: "rename it, as with convmv -f latin1 -t utf8 -r --notest \(root)")
        }
        if name == "." || name == ".." { continue }
        try add(prefix.isEmpty ? name : "\(prefix)/\(name)", name, depth)
      }
    }

    private mutating func add(_ relative: String, _ name: String, _ depth: Int) throws(DataError) {
      if Litter.isLitter(name) {
        litter.add(relative)
        return
      }
      var status = stat()
      guard stat("\(root)/\(relative)", &status) == 0 else {
        let code = errno
        var link = stat()
        if code == ENOENT, lstat("\(root)/\(relative)", &link) == 0 {
          throw DataError(
            .badInput, at: ["\(root)/\(relative)"], "a symbolic link to something that is not there",
            remedy: "get what it leads to, or take the link out")
        }
        throw DataError(.io, at: ["\(root)/\(relative)"], "cannot be read: \(String(cString: strerror(code)))")
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        folders.insert(relative.split(separator: "/").map(String.init))
        try list(relative, depth: depth + 1)
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
