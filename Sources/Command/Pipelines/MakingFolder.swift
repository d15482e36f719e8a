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
  private let output: String
  private let path: String
  private let lock: Int32

  /// Makes and locks the folder, and removes what a killed run left in it.
  ///
  /// - Throws: `DataError`: `.temporary` when another run makes the same dataset, `.cannotCreate`.
  init(for output: String) throws(DataError) {
    self.output = output
    let parent = output.lastIndex(of: "/").map { output[...$0] } ?? ""
    path = "\(parent).\(output.dropFirst(parent.count)).making"
    dataset = path + "/dataset"
    lock = try Self.locked(path, output)
    try? FileManager.default.removeItem(atPath: dataset)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: dataset)
    rmdir(path)
    close(lock)
  }

  private static func locked(_ path: String, _ output: String) throws(DataError) -> Int32 {
    while true {
      do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      } catch {
        throw failure(.cannotCreate, output, "cannot be created")
      }
      // Inherited by the steps: not closed on exec.
      let descriptor = open(path, O_RDONLY | O_DIRECTORY)
      guard descriptor >= 0 else {
        if errno == ENOENT { continue }
        throw failure(.cannotCreate, output, "cannot be created")
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

  /// Writes the recipe beside the finished dataset, complete and synced.
  ///
  /// - Throws: `DataError` (`.io`).
  func add(_ recipe: RecipeFile) throws(DataError) {
    let file = "\(dataset)/\(RecipeFile.name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(.io, file, "cannot be created") }
    defer { close(descriptor) }
    let problem = recipe.bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    if let problem { throw failure(.io, file, "cannot be written", problem) }
    guard fsync(descriptor) == 0 else { throw failure(.io, file, "cannot be made durable") }
    try syncFolder(dataset)
  }

  /// Gives the dataset its name in one step; an old dataset of that name is removed afterwards.
  ///
  /// - Throws: `DataError` (`.cannotCreate`); then everything is as it was.
  func publish(replacing: Bool) throws(DataError) {
    if replacing {
      try exchange(dataset, output)
    } else {
      // Refused by the system unless there is nothing of that name, or an empty folder.
      guard rename(dataset, output) == 0 else { throw failure(.cannotCreate, output, "cannot be given its name") }
    }
    // Not `output/..`: the name may have been a link.
    try syncFolder(output.lastIndex(of: "/").map { String(output[...$0]) } ?? ".")
  }
}

/// Swaps two names, so that whoever opens either finds a whole folder at any time.
private func exchange(_ new: String, _ old: String) throws(DataError) {
  // Glibc's module hides `renameat2`, which is newer than the standard that it shows.
  typealias Rename = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
  let exchangeFlag: UInt32 = 2
  guard let symbol = dlsym(nil, "renameat2") else {
    throw DataError(.cannotCreate, at: [old], "cannot be replaced: this system cannot swap two folders")
  }
  let renameat2 = unsafeBitCast(symbol, to: Rename.self)
  guard renameat2(AT_FDCWD, new, AT_FDCWD, old, exchangeFlag) == 0 else {
    let remedy = errno == EINVAL ? "this file system cannot swap two folders; remove the old dataset first" : nil
    throw failure(.cannotCreate, old, "cannot be replaced", remedy: remedy)
  }
}

private func syncFolder(_ path: String) throws(DataError) {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw failure(.io, path, "cannot be opened") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw failure(.io, path, "cannot be made durable") }
}

private func failure(
  _ fault: DataError.Fault, _ path: String, _ problem: String, _ number: Int32 = errno, remedy: String? = nil
) -> DataError {
  DataError(fault, at: [path], "\(problem): \(String(cString: strerror(number)))", remedy: remedy)
}
