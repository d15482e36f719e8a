internal import Datasets
internal import Glibc

/// Text for the user or for the next program, unbuffered, on the standard output.
public struct StandardOutput: Sendable {
  /// Writes `text`; control characters but for line feeds and tabs are spelled out.
  ///
  /// - Throws: `BrokenPipe` when the reader has gone; `DataError` (`.io`) when writing fails.
  public func write(_ text: String) throws {
    var text = printable(text, allowing: ["\n", "\t"])
    let failure = text.withUTF8 { writeAll(UnsafeRawBufferPointer($0), to: 1) }
    guard let failure else { return }
    if failure == EPIPE { throw BrokenPipe() }
    throw DataError(.io, at: ["standard output"], "cannot be written: \(String(cString: strerror(failure)))")
  }
}

/// The reader of the standard output has gone: nothing is wrong, and nothing is left to do.
public struct BrokenPipe: Error, Sendable {
  /// Makes the error.
  public init() {}
}

/// Writes everything; the error number of the failure, or nil.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32? {
  var rest = bytes[...]
  while !rest.isEmpty {
    let run = UnsafeRawBufferPointer(rebasing: rest)
    let count = Glibc.write(descriptor, run.baseAddress, run.count)
    if count >= 0 {
      rest = rest.dropFirst(count)
    } else if errno != EINTR {
      return errno
    }
  }
  return nil
}

/// Whether the standard output is a pipe that nobody reads any more.
///
/// Whatever failed while writing failed because of it.
func standardOutputIsBroken() -> Bool {
  var state = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
  return poll(&state, 1, 0) > 0 && state.revents & Int16(POLLERR) != 0
}
