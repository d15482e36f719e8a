internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The hidden folder beside an output in which its dataset is made, until one call gives it its name.
///
/// Locked while it is in use. The lock is an open file that the steps inherit: as long as one of them lives, even when this
/// process was killed, nobody else makes the same dataset. A record in it holds the inodes of the folders that were made or
/// swapped there: a later run removes those, and no other that somebody put in their place.
final class MakingFolder {
  /// Where the steps write.
  let dataset: String
  /// The folder to make, or to replace: where the name leads, if it is a symbolic link.
  private let output: String
  private let path: String
  private let locks: [Int32]
  private let parents: CreatedFolders
  private let registration: Int

  /// The folder, and the one of this user: what a dead run of another user left can perhaps not be removed.
  private static func paths(of output: String) -> (shared: String, own: String) {
    let parent = parentFolder(of: output)
    let prefix = parent == "." ? "" : parent == "/" ? "/" : parent + "/"
    var name = String(output.dropFirst(prefix.count))
    // With what is put around it, a name may be too long.
    if name.utf8.count > 200 { name = "pipe-" + sha256(Array(name.utf8)).prefix(32) }
    return ("\(prefix).\(name).making", "\(prefix).\(name).\(geteuid()).making")
  }

  /// Whether there is such a folder: of a run that makes the dataset, or of one that was killed.
  static func exists(for output: String) -> Bool {
    let (shared, own) = paths(of: output)
    return isFolder(shared) || isFolder(own)
  }

  /// Removes what a run left that was killed after the dataset had its name; nothing where another run is at work.
  static func removeLeftovers(of output: String) {
    if exists(for: output) { _ = try? MakingFolder(for: output) }
  }

  /// Makes and locks the folder, and removes what a killed run left in it.
  ///
  /// - Throws: `DataError`: `.temporary` when another run makes the same dataset; `.cannotCreate`, also when the folder holds
  ///   a file that no run made.
  init(for output: String) throws(DataError) {
    self.output = output
    let parent = parentFolder(of: output)
    let (shared, own) = Self.paths(of: output)
    let (begun, number) = try UnfinishedOutputs.begin { () throws(DataError) in
      let parents = try CreatedFolders(parent)
      var locks: [(path: String, descriptor: Int32)] = []
      do throws(DataError) {
        for path in [shared, own] {
          guard let lock = try locked(path, output) else { continue }
          locks.append((path, lock))
          guard try isUsable(path) else { continue }
          let dataset = path + "/dataset"
          guard mkdir(dataset, 0o777) == 0 else { throw failure(.cannotCreate, dataset, "cannot be created") }
          do throws(DataError) {
            try record(dataset, in: path)
          } catch {
            // On a full disk the record is there, and empty.
            unlink("\(path)/\(recordName)")
            rmdir(dataset)
            throw error
          }
          let remove = { @Sendable () -> Void in
            removeRecorded(in: path)
            parents.removeAll()
          }
          return ((path: path, locks: locks.map(\.descriptor), parents: parents), remove: remove)
        }
        throw failure(.cannotCreate, own, "cannot be written to", EACCES)
      } catch {
        for (path, lock) in locks {
          rmdir(path)
          close(lock)
        }
        throw error
      }
    }
    (path, locks, parents) = begun
    registration = number
    dataset = path + "/dataset"
  }

  deinit {
    UnfinishedOutputs.abandon(registration)
    for lock in locks { close(lock) }
  }

  /// Writes the recipe beside the finished dataset, complete and synced.
  ///
  /// - Throws: `DataError` (`.io`).
  func add(_ recipe: RecipeFile) throws(DataError) { try add(RecipeFile.name, recipe.bytes) }

  /// Writes beside the finished dataset that nothing is known of it yet, complete and synced.
  ///
  /// - Throws: `DataError` (`.io`).
  func add(_ check: CheckFile) throws(DataError) { try add(CheckFile.name, check.bytes) }

  private func add(_ name: String, _ bytes: [UInt8]) throws(DataError) {
    let file = "\(dataset)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(.io, file, "cannot be created") }
    defer { close(descriptor) }
    let problem = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let problem { throw failure(.io, file, "cannot be written", problem) }
    guard fsync(descriptor) == 0 else { throw failure(.io, file, "cannot be made durable") }
    try syncFolder(dataset)
  }

  /// Gives the dataset its name in one step; an old dataset of that name is removed afterwards.
  ///
  /// - Parameters:
  ///   - replacing: an old dataset is there.
  ///   - held: where the new one waited for its check; nil where it is still in here.
  /// - Returns: what should be said of an old dataset that could not be removed whole; nil where there is nothing to say.
  /// - Throws: `DataError` (`.cannotCreate`), also when the old dataset holds a file by now that is not part of it; then
  ///   everything is as it was.
  func publish(replacing: Bool, from held: String? = nil) throws(DataError) -> String? {
    var remark: String?
    let new = held ?? dataset
    var status = stat()
    if stat(output, &status) == 0 {
      chmod(new, status.st_mode & 0o7777)
      _ = chown(new, uid_t.max, status.st_gid)
    }
    try UnfinishedOutputs.publish(registration) { () throws(DataError) in
      if replacing {
        try record(output, in: path)
        try exchange(new, output)
        do throws(DataError) {
          // In place of the empty folder.
          if let held, rename(held, dataset) != 0 { throw failure(.cannotCreate, held, "cannot be moved") }
          let names = try DatasetFolder.files(of: dataset, beside: pipelineRecords)
          remark = removeOld(names)
        } catch {
          // Whatever it is, it goes back to where its owner put it.
          if let held { _ = renameSafely(dataset, held, .keepExisting) }
          try exchange(new, output)
          throw error
        }
      } else {
        // Refused by the system unless there is nothing of that name, or an empty folder.
        guard rename(new, output) == 0 else { throw failure(.cannotCreate, output, "cannot be given its name") }
      }
      removeRecorded(in: path)
    }
    parents.keep()
    // Not `output/..`: the name may have been a link.
    try syncFolder(parentFolder(of: output))
    return remark
  }

  /// Gives the dataset another name than the output's, where nothing has that name.
  ///
  /// - Throws: `DataError` (`.cannotCreate`).
  func publish(as name: String) throws(DataError) {
    try UnfinishedOutputs.publish(registration) { () throws(DataError) in
      let status = renameSafely(dataset, name, .keepExisting)
      guard status == 0 else { throw failure(.cannotCreate, name, "cannot be given its name", status) }
      removeRecorded(in: path)
    }
    parents.keep()
    try syncFolder(parentFolder(of: name))
  }

  /// Moves the finished dataset to where it waits for its check; what waited there before is removed.
  ///
  /// - Throws: `DataError`: `.cannotCreate`; `.temporary` when the process is to end.
  func hold(at held: String) throws(DataError) {
    let done: Void? = try UnfinishedOutputs.extend(registration) { () throws(DataError) in
      var status = stat()
      guard lstat(held, &status) == 0 else {
        guard rename(dataset, held) == 0 else { throw failure(.cannotCreate, held, "cannot be given its name") }
        return
      }
      try record(held, in: path)
      try exchange(dataset, held)
      do throws(DataError) {
        try DatasetFolder.remove(dataset, beside: pipelineRecords)
      } catch {
        try exchange(dataset, held)
        throw error
      }
    }
    guard done != nil else { throw DataError(.temporary, at: [held], "was given up, because the process is to end") }
    parents.keep()
    try syncFolder(parentFolder(of: held))
  }

  /// Removes these files of the old dataset; from here on the new one stays, whatever happens.
  private func removeOld(_ names: [String]) -> String? {
    do throws(DataError) {
      try DatasetFolder.remove(names, in: dataset)
      return nil
    } catch {
      // What came into the folder meanwhile goes with the name that its owner wrote it under.
      let left = (try? listFolder(dataset, .io)) ?? []
      let strangers = left.filter { !names.contains($0) }
      for name in strangers { _ = renameSafely("\(dataset)/\(name)", "\(output)/\(name)", .keepExisting) }
      if rmdir(dataset) == 0 {
        return
          "\(output): \(strangers.joined(separator: ", ")) came into the old dataset meanwhile, and is kept in the new one"
      }
      return "the new dataset is in place, and of the old one something is left in \(dataset): \(error)"
    }
  }

  /// Swaps two datasets, so that whoever opens either name finds a whole folder at any time.
  private func exchange(_ new: String, _ old: String) throws(DataError) {
    let status = renameSafely(new, old, .exchange)
    guard status == 0 else {
      let cannot = status == EINVAL || status == ENOSYS
      let remedy = cannot ? "this file system cannot swap two folders; remove the old dataset first" : nil
      throw failure(.cannotCreate, old, "cannot be replaced", status, remedy: remedy)
    }
  }
}

private let recordName = ".pipe-making"

/// Whether this user may write there; what a killed run left is removed.
private func isUsable(_ path: String) throws(DataError) -> Bool {
  guard access(path, W_OK | X_OK) == 0 else { return false }
  let dataset = path + "/dataset"
  var status = stat()
  guard lstat(dataset, &status) == 0 else {
    unlink("\(path)/\(recordName)")
    return true
  }
  guard let inode = inode(ofFolder: dataset), recorded(in: path).contains(inode) else {
    // A run that was killed right after it made the folder had not recorded it yet.
    if rmdir(dataset) == 0 { return true }
    throw DataError(
      .cannotCreate, at: [dataset], "was not made by a run of pipe", remedy: "move it somewhere else")
  }
  guard access(dataset, W_OK | X_OK) == 0 else { return false }
  try DatasetFolder.remove(dataset, beside: pipelineRecords)
  unlink("\(path)/\(recordName)")
  return true
}

/// The inodes of the folders that were made or swapped in a making folder.
private func recorded(in path: String) -> [UInt64] {
  guard let data = try? Data(contentsOf: URL(filePath: "\(path)/\(recordName)")) else { return [] }
  return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { UInt64($0) }
}

/// Records a folder as one that may be removed under the name `dataset`.
private func record(_ folder: String, in path: String) throws(DataError) {
  let file = "\(path)/\(recordName)"
  let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
  guard descriptor >= 0 else { throw failure(.cannotCreate, file, "cannot be created") }
  defer { close(descriptor) }
  let line = Array("\(inode(ofFolder: folder) ?? 0)\n".utf8)
  if let problem = line.withUnsafeBytes({ writeAll($0, to: descriptor) }) {
    throw failure(.io, file, "cannot be written", problem)
  }
}

/// Removes a making folder with what was recorded there.
private func removeRecorded(in path: String) {
  let dataset = path + "/dataset"
  if let inode = inode(ofFolder: dataset), recorded(in: path).contains(inode) {
    try? DatasetFolder.remove(dataset, beside: pipelineRecords)
  }
  if inode(ofFolder: dataset) == nil { unlink("\(path)/\(recordName)") }
  rmdir(path)
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
