public import Datasets
internal import Glibc

/// A folder that gets its name only when all that is in it is complete, and not over anything but an empty folder.
///
/// Until then it stands beside, as `.NAME.INODE.partial`, and is locked. A folder of a dead process is known by that from everybody
/// else's: a copy has another inode. The next one that makes the same folder removes it.
///
/// Unchecked: used by one task at a time.
public final class NewFolder: @unchecked Sendable {
  /// The name that it will have.
  public let path: String
  /// Where to write.
  public let temporary: String
  private let descriptor: Int32
  private var registration: Int?

  /// Begins the folder `path`.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) when there is something of that name already, but for an empty folder.
  public init(_ path: String) throws(DataError) {
    self.path = path
    try Self.check(path)
    removeLeftovers(of: path)
    let (folder, number) = try UnfinishedOutputs.begin { () throws(DataError) in
      let folder = try begunFolder(path)
      return (folder, remove: { removeTree(folder.path) })
    }
    (descriptor, temporary, registration) = (folder.descriptor, folder.path, number)
  }

  deinit { discard() }

  /// Refuses a path at which there is something already, long before the first sample is there; creates nothing.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  public static func check(_ path: String) throws(DataError) {
    guard ![".", ".."].contains(lastName(of: path)) else {
      throw DataError(.cannotCreate, at: [path], "is a folder that is in use", remedy: "name a new folder with -o")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard isFolder(path) else {
      throw DataError(.cannotCreate, at: [path], "exists already", remedy: "name another folder with -o, or remove it")
    }
    guard let stranger = try listFolder(path, .cannotCreate).first else { return }
    throw DataError(
      .cannotCreate, at: [path], "exists and is not empty: it holds \(stranger)",
      remedy: "name another folder with -o, or remove this one")
  }

  /// Creates a folder in it.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  func createFolder(_ name: String) throws(DataError) {
    guard mkdir("\(temporary)/\(name)", 0o777) == 0 else {
      throw systemError(.cannotCreate, at: ["\(path)/\(name)"], "cannot be created as a folder")
    }
  }

  /// Creates a file in it; nil where there is one of that name.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  func createFile(_ name: String) throws(DataError) -> Int32? {
    let descriptor = open("\(temporary)/\(name)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor >= 0 { return descriptor }
    if errno == EEXIST { return nil }
    throw systemError(.cannotCreate, at: ["\(path)/\(name)"], "cannot be created")
  }

  /// Writes a file of its own.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func add(_ name: String, _ bytes: [UInt8]) throws(DataError) {
    guard let descriptor = try createFile(name) else {
      preconditionFailure("an export was to hold two files \(name)")
    }
    defer { close(descriptor) }
    let output = FileOutput(descriptor, name: "\(path)/\(name)")
    try output.append(bytes)
    try output.flush()
  }

  /// Changes the name of a file in it.
  func rename(_ old: String, to new: String) throws(DataError) {
    let status = renameSafely("\(temporary)/\(old)", "\(temporary)/\(new)", .keepExisting)
    guard status == 0 else { throw systemError(.io, at: ["\(path)/\(new)"], "cannot be renamed", code: status) }
  }

  /// Makes all of it durable and gives the folder its name.
  ///
  /// - Throws: `DataError`: `.cannotCreate` when something of that name has appeared, `.io`.
  public func publish() throws(DataError) {
    guard let registration else { preconditionFailure("a folder is published once") }
    // All files at once: there may be a hundred thousand.
    guard syncFileSystem(descriptor) == 0 else { throw systemError(.io, at: [path], "cannot be made durable") }
    try UnfinishedOutputs.publish(registration) { () throws(DataError) in
      // Takes the place of an empty folder, and of nothing else.
      guard Glibc.rename(temporary, path) == 0 else {
        guard [EEXIST, ENOTEMPTY, ENOTDIR].contains(errno) else {
          throw systemError(.io, at: [path], "cannot be given its name")
        }
        throw DataError(
          .cannotCreate, at: [path], "appeared while it was being made, and is not overwritten",
          remedy: "name another folder with -o, or remove it")
      }
    }
    self.registration = nil
    close(descriptor)
    try syncFolder(parentFolder(of: path))
  }

  /// Removes the folder, unless it was published.
  public func discard() {
    guard let registration else { return }
    self.registration = nil
    UnfinishedOutputs.abandon(registration)
    close(descriptor)
  }
}

private let suffix = ".partial"

/// A locked folder with a name that holds its own inode.
private func begunFolder(_ path: String) throws(DataError) -> (descriptor: Int32, path: String) {
  let (parent, name) = (parentFolder(of: path), lastName(of: path))
  let first = "\(parent)/.\(name).new-\(getpid())\(suffix)"
  guard mkdir(first, 0o777) == 0 else { throw systemError(.cannotCreate, at: [path], "cannot be created as a folder") }
  let descriptor = open(first, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
  var status = stat()
  guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
    rmdir(first)
    throw systemError(.cannotCreate, at: [path], "cannot be created as a folder")
  }
  _ = flock(descriptor, LOCK_EX | LOCK_NB)
  let temporary = "\(parent)/.\(name).\(status.st_ino)\(suffix)"
  // A folder takes the place of an empty one only.
  guard Glibc.rename(first, temporary) == 0 else {
    let failure = errno
    rmdir(first)
    close(descriptor)
    throw systemError(.cannotCreate, at: [path], "cannot be created as a folder", code: failure)
  }
  return (descriptor, temporary)
}

/// Removes folders that dead processes began for the same one.
private func removeLeftovers(of path: String) {
  let (parent, name) = (parentFolder(of: path), lastName(of: path))
  guard let entries = try? listFolder(parent, .io) else { return }
  for entry in entries where entry.hasPrefix(".\(name).") && entry.hasSuffix(suffix) {
    let middle = entry.dropFirst(name.count + 2).dropLast(suffix.count)
    let folder = "\(parent)/\(entry)"
    // A process that was killed between the two names left the first, with nothing in it.
    if middle.hasPrefix("new-"), let process = Int32(middle.dropFirst(4)), kill(process, 0) != 0, errno == ESRCH {
      rmdir(folder)
      continue
    }
    guard let recorded = UInt64(middle), inode(ofFolder: folder) == recorded else { continue }
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { continue }
    // Whoever still writes it holds the lock.
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeTree(folder) }
    close(descriptor)
  }
}

/// Waits until everything on the file system of an open file is durable; -1 with `errno` on failure.
private func syncFileSystem(_ descriptor: Int32) -> Int32 {
  // Glibc's module hides `syncfs`.
  typealias Sync = @convention(c) (Int32) -> Int32
  guard let symbol = dlsym(nil, "syncfs") else { return fsync(descriptor) }
  return unsafeBitCast(symbol, to: Sync.self)(descriptor)
}

/// Removes a folder with all that is in it; links are removed, not followed.
private func removeTree(_ path: String) {
  // Again where another thread has put a file into it meanwhile: a process that has to end at once does not wait for that one.
  for _ in 0..<100 {
    for name in (try? listFolder(path, .io)) ?? [] {
      let entry = "\(path)/\(name)"
      if inode(ofFolder: entry) != nil { removeTree(entry) } else { unlink(entry) }
    }
    if rmdir(path) == 0 || (errno != ENOTEMPTY && errno != EEXIST) { return }
  }
}
