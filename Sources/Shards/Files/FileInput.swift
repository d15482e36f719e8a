internal import Datasets
internal import Glibc

/// A file that is read from its start to its end.
final class FileInput {
  let name: String
  private let descriptor: Int32
  /// Where the next read begins, of a file whose own position belongs to somebody else.
  private var position: Int?

  /// Opens a file; `folder`, if given, is the one that its path names.
  ///
  /// - Throws: `DataError` (`.noInput`) when the file cannot be opened.
  init(_ path: String, in folder: FolderHandle? = nil) throws(DataError) {
    name = path
    // Opening a named pipe would wait for a writer.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
    descriptor = folder.map { openat($0.descriptor, lastName(of: path), flags) } ?? open(path, flags)
    guard descriptor >= 0 else { throw systemError(.noInput, at: [path], "cannot be opened") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw DataError(.badInput, at: [path], "is not a regular file")
    }
  }

  /// Reads an open file from a position on; the descriptor stays the caller's, and its position where it is.
  init(duplicating descriptor: Int32, name: String, from start: Int = 0) throws(DataError) {
    self.name = name
    self.descriptor = dup(descriptor)
    position = start
    guard self.descriptor >= 0 else { throw systemError(.io, at: [name], "cannot be read again") }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Reads up to `buffer.count` bytes; 0 at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    while true {
      let count =
        if let position {
          pread(descriptor, buffer.baseAddress, buffer.count, position)
        } else {
          Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        }
      if count >= 0 {
        position? += count
        return count
      }
      guard errno == EINTR else { throw systemError(.io, at: [name], "cannot be read") }
    }
  }
}

/// A folder that is held open: what is opened in it is opened in this one, whatever has its name meanwhile.
final class FolderHandle: Sendable {
  let descriptor: Int32

  /// Nil where there is no such folder, or it cannot be opened.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }
}

/// An error of the operating system, with its own words for the reason.
func systemError(
  _ fault: DataError.Fault, at place: [String], _ problem: String, code: Int32 = errno, remedy: String? = nil
) -> DataError {
  DataError(fault, at: place, "\(problem): \(String(cString: strerror(code)))", remedy: remedy)
}
