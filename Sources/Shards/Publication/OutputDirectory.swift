internal import Datasets
internal import Glibc

/// The folder in which a dataset is being written: nothing in it has its final name before `publish`.
///
/// Unchecked: used by one task at a time.
final class OutputDirectory: @unchecked Sendable {
  let path: String
  /// The marker's descriptor, whose lock says that somebody writes here.
  private let marker: Int32
  /// Files in the order of publication.
  private var files: [UnfinishedMarker.Entry] = []
  private var registration: Int?

  /// Creates the folder, or takes one that is empty or holds what an interrupted run left, which is removed.
  ///
  /// - Throws: `DataError` (`.cannotCreate`); then the folder is as it was.
  init(_ path: String) throws(DataError) {
    self.path = path
    let (begun, number) = try UnfinishedOutputs.begin { () throws(DataError) in
      let begun = try begunFolder(path)
      return (begun, remove: { removeUnfinished(path, created: begun.created) })
    }
    (marker, registration) = (begun.marker, number)
  }

  /// Refuses what a folder holds, unless it is nothing or what an interrupted run left.
  static func check(_ path: String) throws(DataError) {
    let problem: String
    switch try DatasetFolder(path, fault: .cannotCreate) {
    case .empty, .unfinished: return
    case .dataset, .datasetWith: problem = "holds a dataset already"
    case .foreign(let stranger): problem = "exists and is not empty: it holds \(stranger)"
    }
    throw DataError(.cannotCreate, at: [path], problem, remedy: "name another folder with -o, or remove this one")
  }

  deinit {
    if let registration { UnfinishedOutputs.abandon(registration) }
    close(marker)
  }

  /// Creates the file that will be called `name`, under its temporary name; it is recorded before it can be seen.
  func create(_ name: String) throws(DataError) -> (descriptor: Int32, path: String) {
    let created = try UnfinishedOutputs.extend(registration) { () throws(DataError) in try begin(name) }
    guard let created else { throw DataError(.temporary, at: [path], "was given up, because the process is to end") }
    return created
  }

  private func begin(_ name: String) throws(DataError) -> (descriptor: Int32, path: String) {
    let temporary = "\(path)/\(temporaryName(of: name))"
    let unnamed = openLinkableFile(in: path)
    let descriptor = unnamed ?? open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError(.cannotCreate, at: [temporary], "cannot be created") }
    do throws(DataError) {
      var status = stat()
      fstat(descriptor, &status)
      let entry = UnfinishedMarker.Entry(name: name, inode: UInt64(status.st_ino))
      try record(UnfinishedMarker.line(entry), marker, path)
      files.append(entry)
      let failure = unnamed == nil ? 0 : link(descriptor, as: temporary)
      guard failure == 0 else { throw systemError(.cannotCreate, at: [temporary], "cannot be created", code: failure) }
    } catch {
      if unnamed == nil { unlink(temporary) }
      close(descriptor)
      throw error
    }
    return (descriptor, temporary)
  }

  /// Writes a small file under its temporary name, complete and synced.
  func add(_ name: String, _ bytes: [UInt8]) throws(DataError) {
    let (descriptor, temporary) = try create(name)
    defer { close(descriptor) }
    let output = FileOutput(descriptor, name: temporary)
    try output.append(bytes)
    try output.flush()
    guard fsync(descriptor) == 0 else { throw systemError(.io, at: [temporary], "cannot be made durable") }
  }

  /// Gives every file its name, the last one (the manifest) only when the others are durable.
  func publish() throws(DataError) {
    guard let registration else { preconditionFailure("a folder is published once") }
    try UnfinishedOutputs.publish(registration) { () throws(DataError) in
      try record(UnfinishedMarker.publishing, marker, path)
      for file in files {
        if file.name == files.last?.name { try syncFolder(path) }
        let name = "\(path)/\(file.name)"
        let status = renameSafely("\(path)/\(temporaryName(of: file.name))", name, .keepExisting)
        guard status != EEXIST else {
          throw DataError(
            .cannotCreate, at: [name], "appeared while the dataset was being made, and is not overwritten",
            remedy: "name another folder with -o, or remove this one")
        }
        guard status == 0 else { throw systemError(.io, at: [name], "cannot be renamed", code: status) }
      }
    }
    self.registration = nil
    unlink("\(path)/\(UnfinishedMarker.name)")
    try syncFolder(path)
    try syncFolder("\(path)/..")
  }
}

/// Creates and marks a folder, or takes over what an interrupted run left; the marker's descriptor, and whether the folder goes
/// with what is in it.
private func begunFolder(_ path: String) throws(DataError) -> (marker: Int32, created: Bool) {
  let isNew = mkdir(path, 0o777) == 0
  if !isNew {
    guard errno == EEXIST else { throw systemError(.cannotCreate, at: [path], "cannot be created as a folder") }
    try OutputDirectory.check(path)
  }
  let (marker, wasMarked): (Int32, Bool)
  do throws(DataError) {
    (marker, wasMarked) = try lockedMarker(in: path)
  } catch {
    if isNew { rmdir(path) }
    throw error
  }
  do throws(DataError) {
    // Again, now that nobody else writes here.
    try OutputDirectory.check(path)
    let left = UnfinishedMarker(inFolder: path)
    let created = isNew || left?.created ?? false
    left?.removeFiles(in: path)
    guard ftruncate(marker, 0) == 0 else { throw systemError(.cannotCreate, at: [path], "cannot be written to") }
    try record(UnfinishedMarker.heading(created: created), marker, path)
    return (marker, created)
  } catch {
    if !wasMarked { unlink("\(path)/\(UnfinishedMarker.name)") }
    close(marker)
    if isNew { rmdir(path) }
    throw error
  }
}

/// Removes what the marker of a folder records, the marker, and the folder if it was created for that.
private func removeUnfinished(_ path: String, created: Bool) {
  UnfinishedMarker(inFolder: path)?.removeFiles(in: path)
  unlink("\(path)/\(UnfinishedMarker.name)")
  if created { rmdir(path) }
}

/// The marker's descriptor with its lock; whether it was there before.
func lockedMarker(in folder: String) throws(DataError) -> (descriptor: Int32, wasThere: Bool) {
  let path = "\(folder)/\(UnfinishedMarker.name)"
  for _ in 0..<1000 {
    var descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
    let isNew = descriptor >= 0
    if !isNew, errno == EEXIST { descriptor = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC) }
    guard descriptor >= 0 else {
      // Another run has just ended.
      if errno == ENOENT { continue }
      throw systemError(.cannotCreate, at: [folder], "cannot be written to")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw DataError(.cannotCreate, at: [folder], "is being written by another process")
    }
    // The other run may have removed the marker between the two calls; then the lock is on nothing.
    var (opened, named) = (stat(), stat())
    if fstat(descriptor, &opened) == 0, lstat(path, &named) == 0, opened.st_ino == named.st_ino {
      return (descriptor, !isNew)
    }
    close(descriptor)
  }
  throw systemError(.cannotCreate, at: [folder], "cannot be written to", code: ENOENT)
}

private func record(_ line: String, _ marker: Int32, _ folder: String) throws(DataError) {
  var line = line
  let written = line.withUTF8 { Glibc.write(marker, $0.baseAddress, $0.count) }
  guard written == line.utf8.count else { throw systemError(.io, at: [folder], "cannot be written to") }
}
