public import Datasets
internal import Glibc
internal import Shards

/// Lets `body` write a file that gets its name only when it is complete and synced; `-` is the standard output.
///
/// A pipe, a device or an open descriptor (`/dev/fd/63`) is written to directly. A symbolic link leads to the file that is
/// made. A file that exists is never overwritten, neither one that appears meanwhile.
///
/// - Throws: what `body` throws, and then there is no file; `CancellationError` when a signal came before the file got its
///   name; `DataError` (`.cannotCreate`, `.io`).
public func writeOutput<T>(_ path: String, _ body: (Int32) async throws -> T) async throws -> T {
  switch try OutputPlace(path) {
  case .descriptor(let number): return try await body(number)
  case .device(let path):
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw DataError(.cannotCreate, at: [path], "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    return try await body(descriptor)
  case .newFile(let path):
    let file = try NewFile(path)
    defer { file.discard() }
    let result = try await body(file.descriptor)
    try Task.checkCancellation()
    try file.publish()
    return result
  }
}

/// Finds out, before any work, whether `writeOutput` can make a file of that name.
///
/// - Throws: `DataError` (`.cannotCreate`).
public func checkOutput(_ path: String) throws(DataError) {
  guard case .newFile(let place) = try OutputPlace(path) else { return }
  try NewFile(place).discard()
}

/// Writes bytes to a descriptor that `writeOutput` gave.
///
/// - Throws: `DataError` (`.io`).
public func write(_ bytes: [UInt8], to descriptor: Int32, named path: String) throws {
  guard let failure = bytes.withUnsafeBytes({ writeAll($0, to: descriptor) }) else { return }
  let name = path == "-" ? "standard output" : path
  throw DataError(.io, at: [name], "cannot be written: \(String(cString: strerror(failure)))")
}

/// What the value of `--output` leads to.
enum OutputPlace: Equatable {
  /// A stream that is open already.
  case descriptor(Int32)
  /// A named pipe or a device.
  case device(String)
  /// A file that is to be made.
  case newFile(String)

  /// Looks at what is there.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) for a file or folder that exists.
  init(_ path: String) throws(DataError) {
    if let number = openDescriptor(named: path) {
      self = .descriptor(number)
      return
    }
    let place = try resolvedOutput(path)
    var status = stat()
    guard stat(place, &status) == 0 else {
      self = .newFile(place)
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFIFO, S_IFCHR: self = .device(place)
    case S_IFDIR: throw DataError(.cannotCreate, at: [path], "is a folder", remedy: "name a file")
    default:
      throw DataError(.cannotCreate, at: [path], "exists already", remedy: "name another file, or remove it")
    }
  }
}

/// The descriptor that a path such as `-` or `/dev/stdout` means; nil for other paths.
///
/// Opening `/dev/stdout` anew would write from the start of a file that the shell opened for appending.
func openDescriptor(named path: String) -> Int32? {
  if path == "-" || path == "/dev/stdout" { return 1 }
  if path == "/dev/stderr" { return 2 }
  for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
    if let number = Int32(path.dropFirst(folder.count)), InheritedDescriptors.all.contains(number) { return number }
  }
  return nil
}

/// Where a file or folder will be that is made under that name: symbolic links at its end are followed, so that a link to a
/// place on another disk stays a link.
///
/// - Throws: `DataError` (`.cannotCreate`) for links that lead in a circle.
func resolvedOutput(_ path: String) throws(DataError) -> String {
  var place = path
  for _ in 0..<40 {
    while place.utf8.count > 1, place.hasSuffix("/") { place.removeLast() }
    if openDescriptor(named: place) != nil { return place }
    var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink(place, &target, Int(PATH_MAX))
    guard count > 0 else { return place }
    let text = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    place = text.hasPrefix("/") ? text : "\(parentFolder(of: place))/\(text)"
  }
  throw DataError(.cannotCreate, at: [path], "is a symbolic link in a circle")
}
