internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

/// Where a path leads in the file system, whatever it is called: files and folders are known by device and inode, so
/// symbolic links, `..`, hard links and mounts are seen through.
struct Place: Equatable {
  /// What the system knows a file or folder by.
  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
    }
  }

  /// The deepest part that exists, and then all folders above it.
  private var existing: [Identity] = []
  /// Names below it that do not exist yet.
  private var rest: [String] = []
  /// Whether that part is a folder.
  private var isFolder = false

  /// Where `path` leads, seen from the current folder.
  init(_ path: String) {
    var parts = path.split(separator: "/").map(String.init)[...]
    var missing: [String] = []
    let root = path.hasPrefix("/") ? "/" : "./"
    var status = stat()
    while stat(root + parts.joined(separator: "/"), &status) != 0, let last = parts.popLast() {
      missing.insert(last, at: 0)
    }
    for name in missing where name != "." {
      if name == "..", !rest.isEmpty { rest.removeLast() } else { rest.append(name) }
    }
    if missing.contains("..") {
      // `new/../old` is `old`, which may be there, also while `new` is not.
      self = Place(root + (parts + rest).joined(separator: "/"))
      return
    }
    existing.append(Identity(status))
    var above = root + parts.joined(separator: "/")
    // What is not a folder has no `..`: the folder that holds it is found by its real path.
    isFolder = status.st_mode & S_IFMT == S_IFDIR
    if !isFolder {
      guard let real = realpath(above, nil) else { return }
      above = parentFolder(of: String(cString: real))
      free(real)
      guard stat(above, &status) == 0 else { return }
      existing.append(Identity(status))
    }
    while existing.count < 4096 {
      above += "/.."
      guard stat(above, &status) == 0, Identity(status) != existing.last else { break }
      existing.append(Identity(status))
    }
  }

  /// The regular file that a descriptor is; nil for a pipe, a terminal, or nothing.
  init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    existing = [Identity(status)]
    guard let path = realpath("/proc/self/fd/\(descriptor)", nil) else { return }
    defer { free(path) }
    let named = Place(String(cString: path))
    if isSame(as: named) { self = named }
  }

  /// Whether both are the same file or folder.
  func isSame(as other: Place) -> Bool { existing.first == other.existing.first && rest == other.rest }

  /// Whether this one lies in the folder `other`, at any depth.
  func isInside(_ other: Place) -> Bool {
    if other.rest.isEmpty {
      guard other.isFolder else { return false }
      let above = rest.isEmpty ? existing.dropFirst() : existing[...]
      return above.contains { $0 == other.existing.first }
    }
    return existing.first == other.existing.first && rest.count > other.rest.count && rest.starts(with: other.rest)
  }
}

/// Refuses a command line whose output is one of its inputs, lies in one, or is another of its outputs, before anything is read or written.
///
/// - Throws: `DataError` (`.badInput`).
func checkPlaces(_ arguments: Arguments) throws(DataError) {
  var written: [(option: String, place: Place)] = []
  for option in arguments.verb.options where option.isWritten {
    for path in arguments.paths(option.name) {
      try checkPlace(of: path, option.name, arguments)
      guard path != "-", openDescriptor(named: path) == nil else { continue }
      let place = Place(try resolvedOutput(path))
      if let other = written.first(where: { $0.place.isSame(as: place) }) {
        throw DataError(
          .badInput, at: [path], "is both --\(other.option) and --\(option.name)", remedy: "name two places")
      }
      written.append((option.name, place))
    }
  }
}

/// Refuses an output, typed or chosen by default, that is one of the inputs or lies in one.
///
/// - Throws: `DataError` (`.badInput`).
func checkPlace(of path: String, _ option: String, _ arguments: Arguments) throws(DataError) {
  let place: Place
  if let number = openDescriptor(named: path) {
    // A pipe or a terminal is not an input, too.
    guard let file = Place(descriptor: number) else { return }
    place = file
  } else {
    place = Place(try resolvedOutput(path))
  }
  for input in inputs(of: arguments) {
    if place.isSame(as: input.place) {
      throw DataError(.badInput, at: [path], "is both the input and --\(option)", remedy: "name another --\(option)")
    }
    if place.isInside(input.place) {
      throw DataError(
        .badInput, at: [path], "--\(option) lies inside the input \(input.name)", remedy: "name a place outside of it")
    }
  }
}

/// Whether a folder that nobody typed, such as that of the cache, lies in an input.
public func liesInInput(_ path: String, _ arguments: Arguments) -> Bool {
  let place = Place(path)
  return inputs(of: arguments).contains { place.isSame(as: $0.place) || place.isInside($0.place) }
}

/// What a command line reads.
private func inputs(of arguments: Arguments) -> [(name: String, place: Place)] {
  let verb = arguments.verb
  var inputs: [(name: String, place: Place)] = []
  for option in verb.options where !option.isWritten {
    guard case .path = option.kind else { continue }
    for path in arguments.paths(option.name) where path != "-" { inputs.append((path, Place(path))) }
  }
  for (operand, path) in arguments.describedOperands {
    if case .path = operand.kind { inputs.append((path, Place(path))) }
  }
  if !readersOfStandardInput(arguments).isEmpty, let place = Place(descriptor: 0) {
    inputs.append(("standard input", place))
  }
  return inputs
}

/// Refuses a command line that reads the standard input more than once.
///
/// - Throws: `UsageError`.
func checkStandardInput(_ arguments: Arguments) throws(UsageError) {
  let readers = readersOfStandardInput(arguments)
  guard readers.count > 1 else { return }
  throw UsageError(
    "the standard input can be read only once, and \(readers.joined(separator: " and ")) ask for it",
    hint: "name files for all but one")
}

/// The operands and options that read the standard input, one entry for each time.
private func readersOfStandardInput(_ arguments: Arguments) -> [String] {
  var readers: [String] = []
  for (operand, word) in arguments.describedOperands where word == "-" && operand.standsFor == nil {
    if case .path = operand.kind { readers.append(operand.name) }
  }
  for option in arguments.verb.options where !option.isWritten {
    guard case .path = option.kind else { continue }
    readers += arguments.paths(option.name).filter { $0 == "-" }.map { _ in "--\(option.name)" }
  }
  return readers
}
