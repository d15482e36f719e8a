internal import Glibc

/// A file descriptor that is closed with its last user.
final class Descriptor {
  let number: Int32
  private let owned: Bool

  init(_ number: Int32, owned: Bool) {
    self.number = number
    self.owned = owned
  }

  /// Opens a file for reading.
  convenience init(opening path: String) throws(DataError) {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else {
      let code = errno
      throw DataError(
        code == ENOENT || code == ENOTDIR ? .noInput : .io, at: [path],
        "cannot be opened: \(String(cString: strerror(code)))")
    }
    self.init(number, owned: true)
  }

  deinit { if owned { close(number) } }

  /// The size of a regular file; nil for pipes, terminals, sockets.
  var regularFileSize: Int? {
    var status = stat()
    guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  /// The next bytes, or those at a position; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int? = nil, name: String) throws(DataError) -> Int
  {
    while true {
      let count =
        if let position {
          pread(number, buffer.baseAddress, buffer.count, off_t(position))
        } else {
          Glibc.read(number, buffer.baseAddress, buffer.count)
        }
      if count >= 0 { return count }
      let code = errno
      if code == EINTR { continue }
      let hint = code == EISDIR ? "it is a folder" : String(cString: strerror(code))
      throw DataError(.io, at: [name], "cannot be read: \(hint)")
    }
  }

  /// Writes all of the bytes.
  func write(_ bytes: UnsafeRawBufferPointer, name: String) throws(DataError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(number, rest.baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw DataError(.io, at: [name], "cannot be written: \(String(cString: strerror(errno)))")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }
}
