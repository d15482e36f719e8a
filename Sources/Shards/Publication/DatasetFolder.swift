public import Datasets
internal import Glibc

/// What a folder holds, as far as its own records tell.
public enum DatasetFolder: Equatable {
  /// Nothing.
  case empty
  /// A dataset and nothing else.
  case dataset
  /// What an interrupted run recorded as its own, and nothing else.
  case unfinished
  /// A dataset beside a file that its manifest does not name.
  case datasetWith(stranger: String)
  /// Anything else; a file that does not belong to a dataset.
  case foreign(stranger: String)

  /// Looks at a folder.
  ///
  /// A file belongs to a dataset when the manifest names it (or it is the manifest, its checksums, or one of `beside`), and to
  /// an interrupted run when that run recorded it. What a file is called otherwise says nothing about whose it is.
  ///
  /// - Throws: `DataError` with `fault` when the folder cannot be read, or holds a manifest that cannot.
  public init(_ path: String, beside: [String] = [], fault: DataError.Fault = .io) throws(DataError) {
    self = try Self.look(path, beside, fault, names: try listFolder(path, fault))
  }

  private static func look(
    _ path: String, _ beside: [String], _ fault: DataError.Fault, names: [String]
  ) throws(DataError) -> DatasetFolder {
    if names.isEmpty { return .empty }
    let marker = UnfinishedMarker(inFolder: path)
    guard names.contains(Manifest.fileName), inode(ofFile: "\(path)/\(Manifest.fileName)") != nil else {
      let strangers = names.filter { name in
        name == UnfinishedMarker.name ? marker == nil : !(marker?.owns(name, in: path) ?? false)
      }
      return strangers.first.map { .foreign(stranger: $0) } ?? .unfinished
    }
    var own = Set([Manifest.fileName, Manifest.sumsName] + beside)
    if marker != nil { own.insert(UnfinishedMarker.name) }
    do throws(DataError) {
      own.formUnion(try Manifest(inFolder: path).shards.map(\.name))
    } catch {
      throw DataError(
        fault, at: [path], "holds a manifest that cannot be read, so that nobody knows what belongs to it (\(error))",
        remedy: "move the folder away, or name another one")
    }
    let stranger = names.first { !own.contains($0) || inode(ofFile: "\(path)/\($0)") == nil }
    return stranger.map { .datasetWith(stranger: $0) } ?? .dataset
  }

  /// The files of a dataset, or of an interrupted run, in the order in which they are to be removed.
  ///
  /// - Parameter beside: files that belong to the dataset and are not in its manifest.
  /// - Throws: `DataError` (`.cannotCreate`) when the folder is a link, or holds anything else.
  public static func files(of path: String, beside: [String] = []) throws(DataError) -> [String] {
    guard inode(ofFolder: path) != nil else { throw DataError(.cannotCreate, at: [path], "is not a folder") }
    let names = try listFolder(path, .cannotCreate)
    switch try look(path, beside, .cannotCreate, names: names) {
    case .datasetWith(let stranger), .foreign(let stranger):
      throw DataError(
        .cannotCreate, at: [path], "holds \(stranger), which no run of pipe made", remedy: "move it somewhere else")
    case .empty, .dataset, .unfinished: break
    }
    // What tells whose the rest is goes last: the process may be killed meanwhile.
    let last = [UnfinishedMarker.name, Manifest.fileName]
    return names.filter { !last.contains($0) } + last.filter(names.contains)
  }

  /// Removes a dataset, or what an interrupted run left, with its folder; only what was there when it was looked at.
  ///
  /// - Throws: `DataError` (`.cannotCreate`), before anything was removed when the folder is a link or holds anything else.
  public static func remove(_ path: String, beside: [String] = []) throws(DataError) {
    try remove(try files(of: path, beside: beside), in: path)
  }

  /// Removes these files, and their folder.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) when one of them, or the folder, has to stay.
  public static func remove(_ names: [String], in path: String) throws(DataError) {
    for name in names where unlink("\(path)/\(name)") != 0 && errno != ENOENT {
      throw systemError(.cannotCreate, at: ["\(path)/\(name)"], "cannot be removed")
    }
    guard rmdir(path) == 0 else { throw systemError(.cannotCreate, at: [path], "cannot be removed") }
  }
}

/// The names in a folder, sorted.
///
/// - Throws: `DataError` with the given fault when it cannot be read.
public func listFolder(_ path: String, _ fault: DataError.Fault) throws(DataError) -> [String] {
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
