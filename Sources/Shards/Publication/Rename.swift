public import Datasets
internal import Glibc

/// What a change of names does when the new name is taken.
public enum RenameMode: UInt32, Sendable {
  /// It fails with EEXIST.
  case keepExisting = 1
  /// The two change places.
  case exchange = 2
}

/// Changes a name in one step; 0, or the error number.
///
/// Nothing is ever overwritten. `EINVAL` and `ENOSYS` mean that the file system cannot do it.
public func renameSafely(_ old: String, _ new: String, _ mode: RenameMode) -> Int32 {
  // Glibc's module hides `renameat2`, which is newer than the standard that it shows.
  typealias Rename = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
  guard let symbol = dlsym(nil, "renameat2") else { return ENOSYS }
  let renameat2 = unsafeBitCast(symbol, to: Rename.self)
  if renameat2(AT_FDCWD, old, AT_FDCWD, new, mode.rawValue) == 0 { return 0 }
  guard errno == EINVAL || errno == ENOSYS, mode == .keepExisting else { return errno }
  // A second name fails where there is one, as NFS and others can do.
  guard link(old, new) == 0 else { return errno }
  unlink(old)
  return 0
}

/// Waits until the names in a folder are durable.
///
/// - Throws: `DataError` (`.io`).
public func syncFolder(_ path: String) throws(DataError) {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw systemError(.io, at: [path], "cannot be opened") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw systemError(.io, at: [path], "cannot be made durable") }
}

/// The folder that holds what a path names: `a/b` of `a/b/c`, `.` of `c`, `/` of `/c`.
public func parentFolder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The last component of a path.
func lastName(of path: String) -> String {
  path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
}

/// The inode of a file that no symbolic link hides; nil where there is nothing, or no regular file, or one with more names.
func inode(ofFile path: String, links: Int = .max) -> UInt64? {
  var status = stat()
  guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_nlink) <= links else { return nil }
  return UInt64(status.st_ino)
}

/// The inode of a folder that no symbolic link hides; nil where there is none.
public func inode(ofFolder path: String) -> UInt64? {
  var status = stat()
  guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
  return UInt64(status.st_ino)
}

/// Opens a new file in a folder that has no name and can be given one; nil where the system has no such files.
func openLinkableFile(in folder: String) -> Int32? {
  let descriptor = openUnnamedFile(in: folder, mode: 0o666)
  guard descriptor >= 0 else { return nil }
  // Its name under /proc is the only one by which it can be linked.
  if access("/proc/self/fd/\(descriptor)", F_OK) == 0 { return descriptor }
  close(descriptor)
  return nil
}

/// Gives a file that `openLinkableFile` opened a name that is not taken; 0, or the error number.
func link(_ descriptor: Int32, as path: String) -> Int32 {
  linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno
}
