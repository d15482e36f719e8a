internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The hidden folder beside an output in which its dataset is made, until one call gives it its name.
///
/// Locked while it is in use. The lock is an open file that the steps inherit: as long as one of them lives, even when this
/// process was killed, nobody else makes the same dataset.
final class MakingFolder {
  /// Where the steps write.
  let dataset: String
  /// The folder to make, or to replace: where the name leads, if it is a symbolic link.
  private let output: String
  private let path: String
  private let locks: [Int32]
  private let parents: CreatedFolders

  /// Makes and locks the folder, and removes what a killed run left in it.
  ///
  /// - Throws: `DataError`: `.temporary` when another run makes the same dataset; `.cannotCreate`, also when the folder holds
  ///   a file that no run made.
  init(for output: String) throws(DataError) {
    self.output = output
    let parent = parentFolder(of: output)
    let prefix = parent == "." ? "" : parent == "/" ? "/" : parent + "/"
    let hidden = "\(prefix).\(output.dropFirst(prefix.count))"
    parents = try CreatedFolders(parent)
    let shared = hidden + ".making"
    // What a dead run of another user left can perhaps not be removed; then there is a folder for each user.
    let own = "\(hidden).\(geteuid()).making"
    var locks: [Int32] = []
    do throws(DataError) {
      let lock = try locked(shared, output)
      locks = lock.map { [$0] } ?? []
      if lock != nil, try Self.isUsable(shared) {
        path = shared
      } else {
        guard let lock = try locked(own, output), try Self.isUsable(own) else {
          throw failure(.cannotCreate, own, "cannot be written to", EACCES)
        }
        locks.append(lock)
        path = own
      }
    } catch {
      for folder in [shared, own] { rmdir(folder) }
      for lock in locks { close(lock) }
      throw error
    }
    self.locks = locks
    dataset = path + "/dataset"
  }

  deinit {
    try? DatasetFolder.remove(dataset, beside: [RecipeFile.name])
    rmdir(path)
    for lock in locks { close(lock) }
  }

  /// Whether this user may write there; what a killed run left is removed.
  private static func isUsable(_ path: String) throws(DataError) -> Bool {
    let dataset = path + "/dataset"
    guard access(path, W_OK | X_OK) == 0 else { return false }
    guard isFolder(dataset) else { return true }
    guard access(dataset, W_OK | X_OK) == 0 else { return false }
    try DatasetFolder.remove(dataset, beside: [RecipeFile.name])
    return true
  }

  /// Writes the recipe beside the finished dataset, complete and synced.
  ///
  /// - Throws: `DataError` (`.io`).
  func add(_ recipe: RecipeFile) throws(DataError) {
    let file = "\(dataset)/\(RecipeFile.name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(.io, file, "cannot be created") }
    defer { close(descriptor) }
    let problem = recipe.bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let problem { throw failure(.io, file, "cannot be written", problem) }
    guard fsync(descriptor) == 0 else { throw failure(.io, file, "cannot be made durable") }
    try syncFolder(dataset)
  }

  /// Gives the dataset its name in one step; an old dataset of that name is removed afterwards.
  ///
  /// - Throws: `DataError` (`.cannotCreate`), also when the old dataset holds a file by now that is not part of it; then
  ///   everything is as it was.
  func publish(replacing: Bool) throws(DataError) {
    if replacing {
      try exchange()
      do throws(DataError) {
        try DatasetFolder.remove(dataset, beside: [RecipeFile.name])
      } catch {
        // Whatever it is, it goes back to where its owner put it.
        try exchange()
        throw error
      }
    } else {
      // Refused by the system unless there is nothing of that name, or an empty folder.
      guard rename(dataset, output) == 0 else { throw failure(.cannotCreate, output, "cannot be given its name") }
    }
    parents.keep()
    // Not `output/..`: the name may have been a link.
    try syncFolder(parentFolder(of: output))
  }

  /// Swaps the new dataset and the old one, so that whoever opens either name finds a whole folder at any time.
  private func exchange() throws(DataError) {
    let status = renameSafely(dataset, output, .exchange)
    guard status == 0 else {
      let cannot = status == EINVAL || status == ENOSYS
      let remedy = cannot ? "this file system cannot swap two folders; remove the old dataset first" : nil
      throw failure(.cannotCreate, output, "cannot be replaced", status, remedy: remedy)
    }
  }
}

/// Folders that were created on the way to an output; those that are still empty go again with the value.
final class CreatedFolders {
  private var paths: [String] = []

  /// Creates a folder and all above it.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  init(_ path: String) throws(DataError) {
    var missing: [String] = []
    var folder = path
    while !isFolder(folder) {
      missing.append(folder)
      guard folder != "/", folder != "." else { break }
      folder = parentFolder(of: folder)
    }
    for folder in missing.reversed() {
      if mkdir(folder, 0o777) == 0 {
        paths.append(folder)
      } else if !isFolder(folder) {
        let code = errno
        removeAll()
        throw failure(.cannotCreate, path, "cannot be created as a folder", code)
      }
    }
  }

  deinit { removeAll() }

  /// Keeps them, empty or not.
  func keep() { paths = [] }

  private func removeAll() {
    for path in paths.reversed() { rmdir(path) }
    paths = []
  }
}

/// Makes a folder and locks it; nil where it belongs to another user and cannot be opened.
private func locked(_ path: String, _ output: String) throws(DataError) -> Int32? {
  while true {
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure(.cannotCreate, output, "cannot be created") }
    // Inherited by the steps: not closed on exec.
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { continue }
      if errno == EACCES { return nil }
      throw failure(.cannotCreate, path, "cannot be opened as a folder")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw DataError(
        .temporary, at: [output], "is being made by another pipe run", remedy: "try again when that one has ended")
    }
    // Another run may have removed the folder between the two calls; then the lock is on nothing.
    var (opened, named) = (stat(), stat())
    if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino { return descriptor }
    close(descriptor)
  }
}

private func failure(
  _ fault: DataError.Fault, _ path: String, _ problem: String, _ number: Int32 = errno, remedy: String? = nil
) -> DataError {
  DataError(fault, at: [path], "\(problem): \(String(cString: strerror(number)))", remedy: remedy)
}
