internal import Datasets
internal import Glibc

/// The folder in which a dataset is being written: nothing in it has its final name before `publish`.
///
/// A lock file marks the folder as unfinished; it lets a later run tell the leavings of a killed one from a user's files.
final class OutputDirectory {
  static let markerName = ".pipe-unfinished"
  private let path: String
  private let marker: Int32
  private let created: Bool
  /// Final names, in the order of publication.
  private var names: [String] = []
  private var renamed = 0
  private var published = false

  /// - Throws: `DataError` (`.cannotCreate`).
  init(_ path: String) throws(DataError) {
    self.path = path
    if mkdir(path, 0o755) == 0 {
      created = true
    } else {
      guard errno == EEXIST else { throw systemError(.cannotCreate, at: [path], "cannot be created as a folder") }
      created = false
    }
    let entries = try listFolder(path, .cannotCreate)
    try Self.check(entries, at: path)
    marker = open("\(path)/\(Self.markerName)", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard marker >= 0 else { throw systemError(.cannotCreate, at: [path], "cannot be written to") }
    guard flock(marker, LOCK_EX | LOCK_NB) == 0 else {
      throw DataError(.cannotCreate, at: [path], "is being written by another process")
    }
    for entry in entries where entry != Self.markerName {
      guard Self.isOurs(entry) else {
        throw DataError(
          .cannotCreate, at: [path], "holds \(entry) beside the leavings of an interrupted run",
          remedy: "name another folder with -o, or remove this one")
      }
    }
    for entry in entries where entry != Self.markerName { unlink("\(path)/\(entry)") }
  }

  /// Refuses what a folder holds, unless it is nothing or the leavings of a killed run.
  static func check(_ entries: [String], at path: String) throws(DataError) {
    let interrupted = entries.contains(Self.markerName) && !entries.contains(Manifest.fileName)
    guard entries.isEmpty || interrupted else {
      let problem = entries.contains(Manifest.fileName) ? "holds a dataset already" : "exists and is not empty"
      throw DataError(.cannotCreate, at: [path], problem, remedy: "name another folder with -o, or remove this one")
    }
  }

  deinit {
    if marker >= 0 {
      if !published { removeEverything() }
      close(marker)
    }
  }

  /// Registers a file whose temporary is being written.
  func expect(_ name: String) { names.append(name) }

  /// Writes a small file under its temporary name, complete and synced.
  func add(_ name: String, _ bytes: [UInt8]) throws(DataError) {
    let temporary = "\(path)/\(ShardWriter.temporaryName(of: name))"
    let descriptor = try ShardWriter.create(temporary)
    expect(name)
    defer { close(descriptor) }
    let output = FileOutput(descriptor, name: temporary)
    try output.append(bytes)
    try output.flush()
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [temporary], "cannot be made durable") }
  }

  /// Gives every file its name, the last one (the manifest) only when the others are durable.
  func publish() throws(DataError) {
    for name in names {
      if name == names.last { try syncFolder(path) }
      guard rename("\(path)/\(ShardWriter.temporaryName(of: name))", "\(path)/\(name)") == 0 else {
        throw systemError(.io, at: ["\(path)/\(name)"], "cannot be renamed")
      }
      renamed += 1
    }
    published = true
    unlink("\(path)/\(Self.markerName)")
    try syncFolder(path)
    try syncFolder("\(path)/..")
  }

  private func removeEverything() {
    for (index, name) in names.enumerated() {
      unlink("\(path)/\(index < renamed ? name : ShardWriter.temporaryName(of: name))")
    }
    unlink("\(path)/\(Self.markerName)")
    if created { rmdir(path) }
  }

  private func syncFolder(_ path: String) throws(DataError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(.io, at: [path], "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [path], "cannot be made durable") }
  }

  private static func isOurs(_ entry: String) -> Bool {
    entry.hasPrefix(".") && entry.hasSuffix(".partial") || entry == Manifest.sumsName
      || entry.hasSuffix(".tar") || entry.hasSuffix(".tar.zst")
  }
}

/// The names in a folder, sorted.
///
/// - Throws: `DataError` with the given fault when it cannot be read.
func listFolder(_ path: String, _ fault: DataError.Fault) throws(DataError) -> [String] {
  guard let folder = opendir(path) else { throw systemError(fault, at: [path], "cannot be opened as a folder") }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}
