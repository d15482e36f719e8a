internal import Catalog
internal import Datasets
internal import Glibc
internal import Shards

/// The results of steps, kept as the streams that went from one process to the next.
///
/// A result is found by the digest of everything that decides its bytes: the version of the program and the commit that it was built
/// from, what the inputs and models hold, and the verbs up to it with all options in force, the seed among them. Its file is named
/// after that and after the SHA-256 of its own bytes, so that it appears whole, in one step, and damage is seen before anybody reads it.
struct StepCache {
  /// Where it is.
  let folder: CacheFolder
  /// What everything in the folder may take.
  let maxBytes: Int
  /// Files that were read through and found whole by this process.
  private var verified: [String: Stamp] = [:]

  private struct Stamp: Equatable {
    var inode: UInt64
    var size: Int
    var changed: Double
  }

  /// A cache in a folder, which is created when something is to be kept.
  init(_ folder: CacheFolder, maxBytes: Int) {
    self.folder = folder
    self.maxBytes = maxBytes
  }

  /// A result that is kept: open, and locked until the value goes.
  final class Found {
    /// The stream, from its start.
    let descriptor: Int32
    /// The file's name in the folder.
    fileprivate let name: String

    fileprivate init(_ descriptor: Int32, named name: String) {
      self.descriptor = descriptor
      self.name = name
    }

    deinit { close(descriptor) }
  }

  /// Whether a result of that digest is there, damaged or not.
  func holds(_ digest: String) -> Bool { !names(of: digest).isEmpty }

  /// The result of that digest, after every byte was checked; nil where there is none.
  ///
  /// A damaged one is removed and said.
  mutating func find(_ digest: String, log: (String) -> Void) -> Found? {
    for name in names(of: digest) {
      let path = "\(folder.path)/\(name)"
      let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      let found = Found(descriptor, named: name)
      // One that is being removed is as good as gone.
      guard flock(descriptor, LOCK_SH | LOCK_NB) == 0, stamp(descriptor, of: path) != nil else { continue }
      if let known = verified[name], known == stamp(descriptor, of: path) { return found }
      // It was used now.
      futimens(descriptor, nil)
      let before = stamp(descriptor, of: path)
      let sum = name.dropFirst(prefix(of: digest).count).dropLast(ending.count)
      if let digest = try? sha256(ofFile: "/proc/self/fd/\(descriptor)"), digest == sum {
        verified[name] = before
        return found
      }
      log("\(path) is damaged; it is made again")
      flock(descriptor, LOCK_UN)
      _ = folder.remove(name)
    }
    return nil
  }

  /// Where a result lies.
  func path(of found: Found) -> String { "\(folder.path)/\(found.name)" }

  /// Removes a result that nobody can read, though its bytes are those that were kept; whether it is gone.
  func remove(_ found: Found) -> Bool {
    flock(found.descriptor, LOCK_UN)
    return folder.remove(found.name)
  }

  /// Begins to keep a result; nil where the folder cannot be written to.
  func begin(_ digest: String, log: @escaping (String) -> Void) -> StepRecording? {
    do throws(DataError) {
      let folders = try CreatedFolders(folder.path)
      let file = try NewFile("\(folder.path)/\(prefix(of: digest))\(ending)")
      folders.keep()
      return StepRecording(file, limit: maxBytes)
    } catch {
      log("nothing is kept in the cache: \(error)")
      return nil
    }
  }

  /// Gives a whole recording its name, and makes room for it.
  ///
  /// Failure only costs time later, so it is said and no more.
  ///
  /// - Parameter afresh: it was made because the one that is there may be wrong, and takes its place.
  func keep(_ recording: StepRecording, of digest: String, afresh: Bool = false, log: (String) -> Void) {
    do throws(DataError) {
      guard let sum = recording.sum else {
        recording.file.discard()
        if let problem = recording.problem { log("a result is not kept in the cache: \(problem)") }
        return
      }
      let name = "\(prefix(of: digest))\(sum)\(ending)"
      for other in names(of: digest) where afresh && other != name {
        log(
          folder.remove(other)
            ? "\(folder.path)/\(other) held something else than was made now, and is removed"
            : "\(folder.path)/\(other) holds something else than was made now, and is in use")
      }
      // Another run may have made it meanwhile.
      guard afresh ? !names(of: digest).contains(name) : !holds(digest) else { return recording.file.discard() }
      try recording.file.publish(replacing: true, as: name)
      _ = try folder.collect(maxBytes: maxBytes, now: secondsSince1970())
    } catch {
      log("a result could not be kept in the cache: \(error)")
    }
  }

  /// Two builds of one version may compute otherwise.
  private func prefix(of digest: String) -> String {
    "step-\(sha256(Array("\(digest) \(BuiltFrom.this.text)".utf8)).prefix(40))-"
  }

  private func names(of digest: String) -> [String] {
    let prefix = prefix(of: digest)
    guard isFolder(folder.path) else { return [] }
    return ((try? listFolder(folder.path, .io)) ?? []).filter {
      $0.hasPrefix(prefix) && $0.hasSuffix(ending) && $0.count == prefix.count + 64 + ending.count
    }
  }

  /// What tells whether a file is the one that it was; nil where it has lost its name.
  private func stamp(_ descriptor: Int32, of path: String) -> Stamp? {
    var (opened, named) = (stat(), stat())
    guard fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino else { return nil }
    let changed = Double(opened.st_mtim.tv_sec) + Double(opened.st_mtim.tv_nsec) * 1e-9
    return Stamp(inode: UInt64(opened.st_ino), size: Int(opened.st_size), changed: changed)
  }
}

private let ending = ".tar"

/// A stream that is written into the cache while it goes by.
///
/// Unchecked: used by the copying thread, and after that by who waited for it.
final class StepRecording: @unchecked Sendable {
  fileprivate let file: NewFile
  /// The most bytes that are worth keeping.
  private let limit: Int
  private let hash = SHA256()
  private var count = 0
  /// Why it is not kept; nil as long as it is.
  private(set) var problem: String?
  /// The SHA-256 of the whole stream; nil until it has ended, and where it is not kept.
  private(set) var sum: String?

  fileprivate init(_ file: NewFile, limit: Int) {
    self.file = file
    self.limit = limit
  }

  /// Takes a piece of the stream.
  func write(_ bytes: UnsafeRawBufferPointer) {
    guard problem == nil else { return }
    count += bytes.count
    if count > limit {
      problem = "it has more than the \(sizeText(limit)) of --cache-size"
    } else if let number = writeAll(bytes, to: file.descriptor) {
      problem = String(cString: strerror(number))
    } else {
      hash.update(bytes)
      return
    }
    // The disk is needed for other things.
    ftruncate(file.descriptor, 0)
  }

  /// The stream has ended.
  func finish() {
    if problem == nil { sum = hash.finish() }
  }
}
