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
    let names = try listFolder(path, fault)
    if names.isEmpty {
      self = .empty
      return
    }
    let marker = UnfinishedMarker(inFolder: path)
    guard names.contains(Manifest.fileName) else {
      let strangers = names.filter { name in
        name == UnfinishedMarker.name ? marker == nil : !(marker?.owns(name, in: path) ?? false)
      }
      self = strangers.first.map { .foreign(stranger: $0) } ?? .unfinished
      return
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
    self = stranger.map { .datasetWith(stranger: $0) } ?? .dataset
  }

  /// Removes a dataset, or what an interrupted run left, with its folder.
  ///
  /// - Parameter beside: files that belong to the dataset and are not in its manifest.
  /// - Throws: `DataError` (`.cannotCreate`) when the folder holds anything else; then nothing was removed.
  public static func remove(_ path: String, beside: [String] = []) throws(DataError) {
    switch try DatasetFolder(path, beside: beside, fault: .cannotCreate) {
    case .datasetWith(let stranger), .foreign(let stranger):
      throw DataError(
        .cannotCreate, at: [path], "holds \(stranger), which no run of pipe made", remedy: "move it somewhere else")
    case .empty: break
    case .unfinished:
      UnfinishedMarker(inFolder: path)?.removeFiles(in: path)
      unlink("\(path)/\(UnfinishedMarker.name)")
    case .dataset:
      // The manifest goes last: should the process be killed meanwhile, it still tells whose the rest is.
      let names = try listFolder(path, .cannotCreate)
      for name in names.filter({ $0 != Manifest.fileName }) + [Manifest.fileName] { unlink("\(path)/\(name)") }
    }
    guard rmdir(path) == 0 else { throw systemError(.cannotCreate, at: [path], "cannot be removed") }
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
