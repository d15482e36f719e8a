internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The folder in which results are kept that would take long to make again: of steps, trained networks.
///
/// Everything in it may be removed at any time. What is used is locked, and stays; what no program of ours named is never
/// touched.
struct CacheFolder {
  /// The folder.
  let path: String

  /// A file of the cache.
  struct Entry: Equatable {
    /// Its name in the folder.
    var name: String
    /// Its size.
    var bytes: Int
    /// When it was used or made last, in seconds since 1970.
    var used: Double
  }

  /// What a clean-up removes, and what it leaves.
  struct Collection: Equatable {
    /// Removed, or to be removed.
    var removed: [Entry] = []
    /// Left; also what somebody uses.
    var kept: [Entry] = []
  }

  /// A folder, which need not exist.
  init(_ path: String) { self.path = path }

  /// The default place: by the XDG base directory specification; nil where nothing says where.
  init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
    // A relative path is invalid there, and ignored.
    if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") {
      self.init("\(base)/pipe")
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      self.init("\(home)/.cache/pipe")
    } else {
      return nil
    }
  }

  /// Its files, those that were used least recently first.
  ///
  /// - Throws: `DataError` (`.io`) for a folder that is there and cannot be read.
  func entries() throws(DataError) -> [Entry] {
    guard isFolder(path) else { return [] }
    var entries: [Entry] = []
    for name in try listFolder(path, .io) where isOurs(name) {
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let used = max(seconds(status.st_mtim), seconds(status.st_atim))
      entries.append(Entry(name: name, bytes: Int(status.st_size), used: used))
    }
    return entries.sorted { ($0.used, $0.name) < ($1.used, $1.name) }
  }

  /// Removes files until the others fit, those that were used least recently first.
  ///
  /// - Parameters:
  ///   - maxBytes: what all of them may take together; nil for no limit.
  ///   - olderThan: those go in any case that were not used for so many seconds; nil for none.
  ///   - now: seconds since 1970.
  ///   - isDry: only says what would go.
  /// - Throws: `DataError` (`.io`).
  func collect(
    maxBytes: Int?, olderThan: Double? = nil, now: Double, isDry: Bool = false
  ) throws(DataError) -> Collection {
    let entries = try entries()
    var rest = entries.reduce(0) { $0 + $1.bytes }
    var result = Collection()
    for entry in entries {
      let isOld = olderThan.map { now - entry.used > $0 } ?? false
      let isTooMuch = maxBytes.map { rest > $0 } ?? false
      guard isOld || isTooMuch || isPartial(entry.name), remove(entry.name, isDry: isDry) else {
        result.kept.append(entry)
        continue
      }
      rest -= entry.bytes
      result.removed.append(entry)
    }
    return result
  }

  /// Removes a file that nobody uses, or only tells whether that can be; false where somebody does.
  func remove(_ name: String, isDry: Bool = false) -> Bool {
    let file = "\(path)/\(name)"
    let flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
    // Over NFS only a file that is open for writing can be locked alone.
    var descriptor = open(file, O_RDWR | flags)
    if descriptor < 0, errno != ENOENT { descriptor = open(file, O_RDONLY | flags) }
    // Another clean-up was faster; what cannot be opened can perhaps be removed.
    guard descriptor >= 0 else { return errno == ENOENT || (!isDry && unlink(file) == 0) }
    defer { close(descriptor) }
    // A file system without locks says nothing about who uses the file.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else { return false }
    return isDry || unlink(file) == 0 || errno == ENOENT
  }
}

/// What a file of the cache is, for people: `a condense step`, `a trained network`.
func cacheKind(_ name: String) -> String {
  if isPartial(name) { return "left by a run that was killed" }
  return kinds.first { name.hasPrefix($0.prefix) }?.title ?? "unknown"
}

private let kinds = [
  (prefix: "step-", ending: ".tar", title: "the result of a step"),
  (prefix: "class-", ending: ".safetensors", title: "the images of a class"),
  (prefix: "trajectory-", ending: ".safetensors", title: "a trained network"),
  (prefix: "features-", ending: ".safetensors", title: "a network for features"),
]

/// Whether a file has a name that this program gives: a kind, hexadecimal digits and an ending; or one of a file that was not
/// finished.
private func isOurs(_ name: String) -> Bool {
  var name = name[...]
  if isPartial(String(name)) {
    name = name.dropFirst().dropLast(".partial".count)
    // `.NAME.INODE.partial`, or `.NAME.new-PROCESS.partial` for a moment.
    guard let point = name.lastIndex(of: ".") else { return false }
    name = name[..<point]
  }
  return kinds.contains { kind in
    guard name.hasPrefix(kind.prefix), name.hasSuffix(kind.ending) else { return false }
    let digits = name.dropFirst(kind.prefix.count).dropLast(kind.ending.count)
    return digits.count >= 32 && digits.allSatisfy { $0.isHexDigit || $0 == "-" }
  }
}

private func isPartial(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".partial") }

private func seconds(_ time: timespec) -> Double { Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 }

/// Seconds since 1970, for the ages of files.
func secondsSince1970() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return seconds(time)
}
