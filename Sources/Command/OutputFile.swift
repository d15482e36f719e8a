internal import Datasets
internal import Glibc

/// Lets `body` write a file that gets its name only when it is complete and synced; `-` is the standard output.
///
/// A pipe or device is written to directly. A file that exists is never overwritten.
///
/// - Throws: what `body` throws, and then there is no file; `DataError` (`.cannotCreate`, `.io`).
public func writeOutput<T>(_ path: String, _ body: (Int32) async throws -> T) async throws -> T {
  if path == "-" { return try await body(1) }
  var status = stat()
  if stat(path, &status) == 0 {
    let kind = status.st_mode & mode_t(0o170000)
    guard kind == mode_t(0o010000) || kind == mode_t(0o020000) else {
      throw DataError(.cannotCreate, at: [path], "exists already", remedy: "name another file with -o, or remove it")
    }
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(.cannotCreate, path, "cannot be opened") }
    defer { close(descriptor) }
    return try await body(descriptor)
  }
  let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
  let temporary = "\(path[..<slash]).\(path[slash...]).\(getpid()).partial"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw failure(.cannotCreate, path, "cannot be created") }
  defer { close(descriptor) }
  do {
    let result = try await Farewell.expecting({ _ in unlink(temporary) }) { try await body(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(.io, path, "cannot be made durable") }
    guard rename(temporary, path) == 0 else { throw failure(.io, path, "cannot be given its name") }
    return result
  } catch {
    unlink(temporary)
    throw error
  }
}

private func failure(_ fault: DataError.Fault, _ path: String, _ problem: String) -> DataError {
  DataError(fault, at: [path], "\(problem): \(String(cString: strerror(errno)))")
}
