public import Datasets
internal import Glibc

/// A file that gets its name only when it is complete, and not over another file unless that is asked for.
///
/// Until then it has no name at all, so nothing is left of it whatever ends the process. On file systems without unnamed
/// files it is called `.NAME.INODE.partial` and is locked. Such a file of a dead process can be told by that from
/// everybody else's: a copy, or any file that was made otherwise, has another inode.
///
/// Unchecked: used by one task at a time.
public final class NewFile: @unchecked Sendable {
  /// Where to write.
  public let descriptor: Int32
  private var path: String
  /// The name until publication, where there is one.
  private let temporary: String?
  private var registration: Int?
  private var isOpen = true

  /// Begins the file `path`; an old temporary file of a dead process is removed.
  ///
  /// - Parameter unnamed: false acts as on a file system that has no unnamed files.
  /// - Throws: `DataError` (`.cannotCreate`).
  public init(_ path: String, unnamed: Bool = true) throws(DataError) {
    self.path = path
    let folder = parentFolder(of: path)
    removeLeftovers(of: lastName(of: path), in: folder)
    if unnamed, let opened = openLinkableFile(in: folder) {
      descriptor = opened
      temporary = nil
      return
    }
    let (file, number) = try UnfinishedOutputs.begin { () throws(DataError) in
      let file = try namedFile(path, in: folder)
      return (file, remove: { unlink(file.name) })
    }
    (descriptor, temporary, registration) = (file.descriptor, file.name, number)
  }

  deinit { discard() }

  /// Appends bytes.
  ///
  /// - Throws: `DataError` (`.io`).
  public func write(_ bytes: [UInt8]) throws(DataError) {
    let output = FileOutput(descriptor, name: path)
    try output.append(bytes)
    try output.flush()
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Parameters:
  ///   - replacing: takes the place of a file of that name, at once: whenever it is looked at, one of both is there.
  ///   - name: another name in the same folder, for a file that is named after its content.
  /// - Throws: `DataError`: `.cannotCreate` when there is a file of that name that is not to be replaced, `.io`.
  public func publish(replacing: Bool = false, as name: String? = nil) throws(DataError) {
    precondition(isOpen, "a file is published once")
    if let name { path = "\(parentFolder(of: path))/\(name)" }
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [path], "cannot be made durable") }
    try UnfinishedOutputs.publish(registration) { () throws(DataError) in
      if replacing {
        try check(replace())
      } else {
        try check(temporary.map { renameSafely($0, path, .keepExisting) } ?? link(descriptor, as: path))
      }
    }
    registration = nil
    discard()
    try syncFolder(parentFolder(of: path))
  }

  /// Removes the file, unless it was published.
  public func discard() {
    guard isOpen else { return }
    isOpen = false
    if let registration { UnfinishedOutputs.abandon(registration) }
    close(descriptor)
  }

  /// Renames it over whatever has its name; without a name, it gets the one that it would have had.
  private func replace() -> Int32 {
    if let temporary { return rename(temporary, path) == 0 ? 0 : errno }
    _ = flock(descriptor, LOCK_EX | LOCK_NB)
    var status = stat()
    fstat(descriptor, &status)
    let name = temporaryName(of: path, inode: UInt64(status.st_ino))
    let failure = link(descriptor, as: name)
    guard failure == 0 else { return failure }
    guard rename(name, path) == 0 else {
      let failure = errno
      unlink(name)
      return failure
    }
    return 0
  }

  private func check(_ status: Int32) throws(DataError) {
    guard status != 0 else { return }
    guard status != EEXIST else {
      throw DataError(
        .cannotCreate, at: [path], "appeared while it was being made, and is not overwritten",
        remedy: "name another file, or remove it")
    }
    throw systemError(.io, at: [path], "cannot be given its name", code: status)
  }
}

private let suffix = ".partial"

private func temporaryName(of path: String, inode: UInt64) -> String {
  "\(parentFolder(of: path))/.\(lastName(of: path)).\(inode)\(suffix)"
}

/// A locked file with a name that holds its own inode.
private func namedFile(_ path: String, in folder: String) throws(DataError) -> (descriptor: Int32, name: String) {
  let name = lastName(of: path)
  let first = "\(folder)/.\(name).new-\(getpid())\(suffix)"
  let descriptor = open(first, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
  guard descriptor >= 0 else { throw systemError(.cannotCreate, at: [path], "cannot be created") }
  _ = flock(descriptor, LOCK_EX | LOCK_NB)
  var status = stat()
  fstat(descriptor, &status)
  let temporary = temporaryName(of: path, inode: UInt64(status.st_ino))
  let failure = renameSafely(first, temporary, .keepExisting)
  guard failure == 0 else {
    unlink(first)
    close(descriptor)
    throw systemError(.cannotCreate, at: [path], "cannot be created", code: failure)
  }
  return (descriptor, temporary)
}

/// Removes temporary files of dead processes that made the same file.
private func removeLeftovers(of name: String, in folder: String) {
  guard let entries = try? listFolder(folder, .io) else { return }
  for entry in entries where entry.hasPrefix(".\(name).") && entry.hasSuffix(suffix) {
    let number = entry.dropFirst(name.count + 2).dropLast(suffix.count)
    let path = "\(folder)/\(entry)"
    guard let recorded = UInt64(number), inode(ofFile: path) == recorded else { continue }
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { continue }
    // Whoever still writes it holds the lock.
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    close(descriptor)
  }
}
