internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// What an input holds: a digest of its bytes, and the state of its files when they were read.
struct InputContent: Equatable {
  /// `file:`, `folder:` or `dataset:` and 64 digits.
  var digest: String
  /// Which files they were.
  fileprivate var stamps: [FileStamp]

  /// Reads an input: a file's bytes; a folder's names and bytes; of a dataset its generation.
  ///
  /// Readers check each shard of a dataset against its manifest. Of one shard it is the bytes and the generation: the manifest names its classes.
  /// Of a folder hidden files do not count, for no reader looks at them.
  ///
  /// - Throws: `DataError` (`.noInput`, `.io`, `.badInput`); `CancellationError` between two files.
  init(of path: String) throws {
    stamps = try FileStamp.deciding(path)
    guard isFolder(path) else {
      let bytes = try sha256(ofFile: path)
      guard stamps.count > 1 else {
        digest = "file:\(bytes)"
        return
      }
      digest = "file:\(sha256(Array("\(bytes)\(try Manifest(inFolder: parentFolder(of: path)).generation)".utf8)))"
      return
    }
    if stamps.contains(where: { $0.name == Manifest.fileName }) {
      digest = "dataset:\(try Manifest(inFolder: path).generation)"
      return
    }
    let hash = SHA256()
    for stamp in stamps {
      try Task.checkCancellation()
      // The digest has a fixed length and the name ends with a zero, so that no two folders give the same bytes.
      Array("\(try sha256(ofFile: "\(path)/\(stamp.name)"))\(stamp.name)\0".utf8).withUnsafeBytes { hash.update($0) }
    }
    digest = "folder:\(hash.finish())"
  }

  /// Whether the input still holds what was read.
  ///
  /// Sizes and times tell that it does. Where they differ it is read again: a second link, another mode or another time change no byte.
  func isCurrent(at path: String) -> Bool {
    hasSameStamps(at: path) || (try? InputContent(of: path))?.digest == digest
  }

  fileprivate func hasSameStamps(at path: String) -> Bool { (try? FileStamp.deciding(path)) == stamps }
}

/// The inputs that were read by this process, so that several datasets of one archive read it once for their digests.
struct InputContents {
  private var known: [String: InputContent] = [:]

  /// What the input holds now.
  mutating func content(of path: String) throws -> InputContent {
    if let content = known[path], content.hasSameStamps(at: path) { return content }
    let content = try InputContent(of: path)
    known[path] = content
    return content
  }
}

/// What the system says about a file that changes when its bytes do.
private struct FileStamp: Equatable {
  /// The path below the input; empty for an input that is a file.
  var name: String
  var device: UInt
  var inode: UInt
  var size: Int
  var changed: [Int]

  /// The files that decide what a reader of an input finds.
  ///
  /// Of a dataset these are its manifest and what that names: a run keeps records beside them, which change.
  static func deciding(_ path: String) throws(DataError) -> [FileStamp] {
    let all = try list(path) + manifest(beside: path)
    guard isFolder(path), all.contains(where: { $0.name == Manifest.fileName }) else { return all }
    let names = Set(try Manifest(inFolder: path).shards.map(\.name) + [Manifest.fileName])
    return all.filter { names.contains($0.name) }
  }

  /// The file itself, or all regular files of a folder sorted by name, but for hidden ones.
  ///
  /// Links are followed, as the readers do; a loop of them ends at the depth limit.
  private static func list(_ path: String) throws(DataError) -> [FileStamp] {
    var found: [FileStamp] = []
    try list(path, "", depth: 0, &found)
    return found.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// The manifest that a reader of one shard takes its description from; nothing for any other input.
  private static func manifest(beside path: String) throws(DataError) -> [FileStamp] {
    guard !isFolder(path), path.hasSuffix(".tar") || path.hasSuffix(".tar.zst") else { return [] }
    let manifest = "\(parentFolder(of: path))/\(Manifest.fileName)"
    guard access(manifest, F_OK) == 0 else { return [] }
    return try list(manifest)
  }

  private static func list(
    _ root: String, _ name: String, depth: Int, _ found: inout [FileStamp]
  ) throws(DataError) {
    let path = name.isEmpty ? root : "\(root)/\(name)"
    guard depth <= 32 else { throw DataError(.badInput, at: [path], "more than 32 folders deep") }
    var status = stat()
    guard stat(path, &status) == 0 else {
      let problem = errno == ENOENT ? "there is no such file or folder" : String(cString: strerror(errno))
      throw DataError(errno == ENOENT ? .noInput : .io, at: [path], problem)
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      let times = [
        status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
      ]
      found.append(
        FileStamp(
          name: name, device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
          changed: times))
    case S_IFDIR:
      for entry in try entries(of: path) where !Litter.isLitter(entry) {
        try list(root, name.isEmpty ? entry : "\(name)/\(entry)", depth: depth + 1, &found)
      }
    case _ where depth == 0:
      throw DataError(
        .badInput, at: [path], "is neither a file nor a folder", remedy: "a run has to read its inputs more than once")
    default: break
    }
  }
}

/// The names in a folder, sorted.
func entries(of folder: String) throws(DataError) -> [String] {
  do {
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  } catch {
    throw DataError(.io, at: [folder], "cannot be listed")
  }
}
