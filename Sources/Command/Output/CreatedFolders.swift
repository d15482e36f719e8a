public import Datasets
internal import Glibc
internal import Shards
internal import Synchronization

/// Folders that were created on the way to an output; those that are still empty go again with the value.
public final class CreatedFolders: Sendable {
  private let created: Mutex<[String]>

  /// Creates a folder and all above it.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  public init(_ path: String) throws(DataError) {
    var missing: [String] = []
    var folder = path
    while !isFolder(folder) {
      missing.append(folder)
      guard folder != "/", folder != "." else { break }
      folder = parentFolder(of: folder)
    }
    var paths: [String] = []
    for folder in missing.reversed() {
      if mkdir(folder, 0o777) == 0 {
        paths.append(folder)
      } else if !isFolder(folder) {
        let code = errno
        for path in paths.reversed() { rmdir(path) }
        throw DataError(
          .cannotCreate, at: [path], "cannot be created as a folder: \(String(cString: strerror(code)))")
      }
    }
    created = Mutex(paths)
  }

  deinit { removeAll() }

  /// Keeps them, empty or not.
  func keep() { created.withLock { $0 = [] } }

  /// Removes those that are empty.
  func removeAll() {
    created.withLock { paths in
      for path in paths.reversed() { rmdir(path) }
      paths = []
    }
  }
}
