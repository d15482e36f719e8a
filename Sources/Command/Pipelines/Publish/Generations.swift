internal import Datasets
internal import FoundationEssentials
internal import Glibc
internal import Shards

/// The folder in which readers find the generations of a dataset: `000001-0123456789ab`, `000002-…`, and the link `current`.
///
/// A generation appears under its name whole and verified, and `current` changes in one step. The link `rolled-back` leads to
/// the newest generation that was taken back: it is not published again. Each that was ever taken back has a hidden link to it,
/// `.rolled-back-000002-…`, for as long as it is there: no later rollback leads to it.
struct Generations {
  /// One generation in the folder.
  struct Generation: Equatable {
    /// Counted from 1, in the order of publication.
    var number: Int
    /// Its name: the number in six digits, a dash, and twelve digits of the manifest's generation.
    var name: String

    init(number: Int, generation: String) {
      self.number = number
      let digits = String(number)
      name = String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "-" + generation.prefix(12)
    }

    /// Reads a name; nil for any other.
    init?(_ name: String) {
      let parts = name.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, (6...9).contains(parts[0].count), parts[0].utf8.allSatisfy({ 48...57 ~= $0 }),
        let number = Int(parts[0]), number > 0, parts[1].count == 12, parts[1].allSatisfy(\.isHexDigit)
      else { return nil }
      (self.number, self.name) = (number, name)
    }

    fileprivate func isOf(_ generation: String) -> Bool { name.hasSuffix("-" + generation.prefix(12)) }
  }

  /// The folder.
  let folder: String

  private static let currentName = "current"
  private static let rolledBackName = "rolled-back"
  private static let takenBackPrefix = ".rolled-back-"
  private static let removingPrefix = ".removing-"

  /// The output whose hidden folder is the lock of the folder, and where a generation is made.
  var lockPath: String { "\(folder)/generation" }

  /// What `current` leads to.
  var currentPath: String { "\(folder)/\(Self.currentName)" }

  /// All generations, the newest last.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) when the folder cannot be read.
  func list() throws(DataError) -> [Generation] {
    guard isFolder(folder) else { return [] }
    return try listFolder(folder, .cannotCreate).compactMap(Generation.init).filter {
      inode(ofFolder: path(of: $0)) != nil
    }
    .sorted { ($0.number, $0.name) < ($1.number, $1.name) }
  }

  /// Where a generation lies.
  func path(of generation: Generation) -> String { "\(folder)/\(generation.name)" }

  /// The generation that readers find; nil where there is none yet.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) where `current` is something else.
  func current() throws(DataError) -> Generation? { try linked(Self.currentName) }

  /// The newest generation that was taken back.
  func rolledBack() throws(DataError) -> Generation? { try linked(Self.rolledBackName) }

  private func linked(_ name: String) throws(DataError) -> Generation? {
    var status = stat()
    let link = "\(folder)/\(name)"
    guard lstat(link, &status) == 0 else { return nil }
    let target =
      status.st_mode & S_IFMT == S_IFLNK ? try? FileManager.default.destinationOfSymbolicLink(atPath: link) : nil
    guard let target, let generation = Generation(target) else {
      throw DataError(
        .cannotCreate, at: [link], "was not made by pipe run: it does not lead to a generation",
        remedy: "move it away, or publish to another folder")
    }
    return generation
  }

  /// Whether a generation has all its files with the right sizes, and nothing else.
  func isWhole(_ generation: Generation) -> Bool {
    let path = path(of: generation)
    guard let kind = try? DatasetFolder(path, beside: pipelineRecords), kind == .dataset,
      let manifest = try? Manifest(inFolder: path), generation.isOf(manifest.generation)
    else { return false }
    return manifest.shards.allSatisfy { shard in
      var status = stat()
      return stat("\(path)/\(shard.name)", &status) == 0 && Int(status.st_size) == shard.bytes
    }
  }

  /// What is to be done about a generation.
  enum State: Equatable {
    /// Readers find it.
    case published(Generation)
    /// It was taken back, and readers find an older one.
    case rolledBack(Generation)
    /// It is there, whole, and not yet what readers find.
    case ready(Generation)
    /// It is not there, or damaged; the number that comes next.
    case missing(next: Int)
  }

  /// Looks for a generation.
  ///
  /// - Parameter generation: as a manifest states it.
  /// - Throws: `DataError` (`.cannotCreate`).
  func state(of generation: String) throws(DataError) -> State {
    let (current, rolledBack) = (try current(), try rolledBack())
    let all = try list()
    guard let latest = all.last, latest.isOf(generation) else { return .missing(next: (all.last?.number ?? 0) + 1) }
    if rolledBack == latest, current != latest { return .rolledBack(latest) }
    guard isWhole(latest) else { return .missing(next: latest.number + 1) }
    return current == latest ? .published(latest) : .ready(latest)
  }

  /// Makes readers find a generation, from the next time on that they look.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func makeCurrent(_ generation: Generation) throws(DataError) { try link(Self.currentName, to: generation) }

  /// Notes that this generation, and what is newer than `current`, was taken back.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func noteRolledBack(_ generation: Generation) throws(DataError) { try link(Self.rolledBackName, to: generation) }

  /// The link that says that a generation was taken back.
  func markPath(of generation: Generation) -> String { "\(folder)/\(Self.takenBackPrefix)\(generation.name)" }

  /// Whether a generation was taken back, and not published again since.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) where its link is something else.
  func wasTakenBack(_ generation: Generation) throws(DataError) -> Bool {
    let marked = try linked(Self.takenBackPrefix + generation.name)
    return marked == generation
  }

  /// Notes that a generation was taken back, so that no later rollback leads to it.
  ///
  /// - Throws: `DataError` (`.cannotCreate`, `.io`).
  func noteTakenBack(_ generation: Generation) throws(DataError) {
    try link(Self.takenBackPrefix + generation.name, to: generation)
  }

  /// Forgets that a generation was taken back: readers find it again.
  ///
  /// - Throws: `DataError` (`.cannotCreate`) where its link is something else.
  func forgetTakenBack(_ generation: Generation) throws(DataError) {
    let isMarked = try wasTakenBack(generation)
    if isMarked { unlink(markPath(of: generation)) }
  }

  /// Forgets that something was taken back, for there is something newer.
  func forgetRolledBack() { unlink("\(folder)/\(Self.rolledBackName)") }

  /// A second link is renamed over the first: whoever looks finds one of both.
  private func link(_ name: String, to generation: Generation) throws(DataError) {
    let (path, new) = ("\(folder)/\(name)", "\(folder)/.\(name).next")
    // What a killed run left; anything but a link to a generation is somebody's.
    if (try linked(".\(name).next")) != nil { unlink(new) }
    guard symlink(generation.name, new) == 0, rename(new, path) == 0 else {
      throw DataError(.cannotCreate, at: [path], "cannot be changed: \(String(cString: strerror(errno)))")
    }
    try syncFolder(folder)
  }

  /// Whether an earlier run left something to remove, or there are more than `keep`.
  func needsPruning(keep: Int) throws(DataError) -> Bool {
    if MakingFolder.exists(for: lockPath) { return true }
    if try listFolder(folder, .cannotCreate).contains(where: { $0.hasPrefix(Self.removingPrefix) }) { return true }
    return try list().count > keep
  }

  /// Removes old generations, but for the `keep` newest and the one that readers find.
  ///
  /// Only what is whole, known by its name, its manifest and its recipe, and not locked by a reader (`flock -s DIR`). Each is
  /// taken out of sight first.
  ///
  /// - Returns: what should be said of those that stay for another reason.
  /// - Throws: `DataError` (`.cannotCreate`) when the folder cannot be read.
  func prune(keep: Int) throws(DataError) -> [String] {
    var remarks: [String] = []
    for name in try listFolder(folder, .cannotCreate) where name.hasPrefix(Self.removingPrefix) {
      guard Generation(String(name.dropFirst(Self.removingPrefix.count))) != nil else { continue }
      try? DatasetFolder.remove("\(folder)/\(name)", beside: pipelineRecords)
    }
    let current = try current()
    for generation in try list().dropLast(keep) where generation != current {
      let path = path(of: generation)
      guard isWhole(generation), RecipeFile(inFolder: path) != nil else {
        remarks.append("\(path): stays, because it is not whole or holds something that no run put there")
        continue
      }
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      // Where the file system has no locks, no reader can hold one.
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
        remarks.append("\(path): stays, because a reader has locked it")
        continue
      }
      let removing = "\(folder)/\(Self.removingPrefix)\(generation.name)"
      guard rename(path, removing) == 0 else {
        remarks.append("\(path): stays: \(String(cString: strerror(errno)))")
        continue
      }
      do throws(DataError) {
        try DatasetFolder.remove(removing, beside: pipelineRecords)
      } catch {
        remarks.append("\(error)")
      }
    }
    // What is gone can no longer be taken for the generation before.
    let left = try list()
    for name in try listFolder(folder, .cannotCreate) where name.hasPrefix(Self.takenBackPrefix) {
      guard let generation = Generation(String(name.dropFirst(Self.takenBackPrefix.count))),
        !left.contains(generation)
      else { continue }
      if (try? linked(name)) == generation { unlink("\(folder)/\(name)") }
    }
    return remarks
  }
}
