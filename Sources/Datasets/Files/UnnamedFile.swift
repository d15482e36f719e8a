internal import Glibc

/// Opens a new file that has no name, for reading and writing; -1 with `errno` where the file system has no such files.
///
/// Whatever ends the process, nothing of it is left.
public func openUnnamedFile(in folder: String, mode: UInt32) -> Int32 {
  // `O_TMPFILE`, which Glibc's module does not show.
  open(folder, 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, mode)
}

/// Opens a new file without a name in a folder for temporary files; -1 with `errno` on failure.
public func openSpillFile(in folder: String) -> Int32 {
  let unnamed = openUnnamedFile(in: folder, mode: 0o600)
  if unnamed >= 0 { return unnamed }
  var template = Array("\(folder)/pipe-spill-XXXXXX".utf8CString)
  let named = mkstemp(&template)
  guard named >= 0 else { return -1 }
  unlink(template)
  _ = fcntl(named, F_SETFD, FD_CLOEXEC)
  return named
}
