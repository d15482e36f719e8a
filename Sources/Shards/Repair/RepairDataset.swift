public import Datasets
internal import Glibc

/// What `repairDataset` did, and what it could not do.
public struct RepairReport: Sendable, Equatable, Codable {
  /// A sentence about a file of the folder.
  public struct Note: Sendable, Equatable, Codable {
    /// The file, without its folder.
    public var file: String
    /// What was done to it, or why nothing was.
    public var text: String
  }

  /// What was rebuilt, in order.
  public var done: [Note] = []
  /// What cannot be rebuilt, and what to do about it.
  public var impossible: [Note] = []
}

/// What is known of a dataset and not written in its shards, for a manifest that is lost.
public struct KnownFacts: Sendable {
  /// The formation: `.some(nil)` where it is known that there is none, nil where nothing is known.
  public var formation: Formation??
  /// Class names in index order; empty where they are not known.
  public var classNames: [String]
  /// Whether a manifest that was changed after it was written is right as it is, because somebody changed it on purpose.
  public var acceptsManifest: Bool

  /// Facts; see the properties.
  public init(formation: Formation?? = nil, classNames: [String] = [], acceptsManifest: Bool = false) {
    (self.formation, self.classNames, self.acceptsManifest) = (formation, classNames, acceptsManifest)
  }
}

/// Rebuilds what can be rebuilt of a damaged dataset, and nothing else.
///
/// - A shard that lies in the folder under another name gets its own: SHA-256 tells.
/// - `SHA256SUMS` is written anew from a sound manifest.
/// - What a writer that was killed had complete is published.
/// - A lost or damaged manifest is written anew from sound shards, where `facts` say what shards cannot tell and a trainer must know: the
///   formation. Its history says what is unknown. A damaged one stays beside it.
///
/// A shard whose bytes are not those that a manifest or `SHA256SUMS` lists is never listed anew. Files that do not belong to the dataset
/// are neither changed nor removed.
///
/// - Throws: `DataError`: `.noInput` when there is no such folder, `.cannotCreate` when somebody writes a dataset there or nothing can be
///   written, `.io`.
public func repairDataset(
  at folder: String, knowing facts: KnownFacts = KnownFacts(), tool: String, limits: Limits = Limits()
) throws(DataError) -> RepairReport {
  let repair = try Repair(folder, tool: tool, limits: limits)
  try repair.run(facts)
  return repair.report
}

/// One repair under way.
private final class Repair {
  var report = RepairReport()
  private let folder: String
  private let tool: String
  private let limits: Limits
  /// The marker's descriptor, whose lock keeps writers away.
  private let marker: Int32
  /// What a run that was killed recorded; nil where there was none, or nothing was recorded.
  private let left: UnfinishedMarker?
  /// Whether the marker is this repair's own, or one that records nothing.
  private let ownsMarker: Bool

  init(_ folder: String, tool: String, limits: Limits) throws(DataError) {
    (self.folder, self.tool, self.limits) = (folder, tool, limits)
    guard isFolder(folder) else {
      throw DataError(
        .noInput, at: [folder], "is not a folder that can be repaired", remedy: "name the folder of a dataset")
    }
    let (descriptor, wasThere) = try lockedMarker(in: folder)
    marker = descriptor
    let found = UnfinishedMarker(inFolder: folder)
    left = found?.entries.isEmpty ?? true ? nil : found
    ownsMarker = !wasThere || found?.entries.isEmpty ?? false
  }

  deinit {
    if ownsMarker { unlink("\(folder)/\(UnfinishedMarker.name)") }
    close(marker)
  }

  func run(_ facts: KnownFacts) throws(DataError) {
    let names = try listFolder(folder, .noInput)
    guard names.contains(Manifest.fileName) else {
      if let left {
        try finishPublication(left)
      } else {
        try rebuildManifest(facts)
      }
      return
    }
    var bytes = try readFile("\(folder)/\(Manifest.fileName)", atMost: 64 << 20)
    try Manifest.refuseOtherVersion(bytes, path: "\(folder)/\(Manifest.fileName)")
    if facts.acceptsManifest, soundManifest(bytes) == nil {
      guard let sealed = try sealedManifest(bytes) else { return }
      bytes = sealed
    }
    guard let manifest = soundManifest(bytes) else {
      try rebuildManifest(facts)
      return
    }
    if facts.formation != nil || !facts.classNames.isEmpty {
      cannot(
        Manifest.fileName, "is sound, and says itself what --formation and --class-names would say: they were not used")
    }
    try restoreNames(of: manifest)
    if (try? readFile("\(folder)/\(Manifest.sumsName)", atMost: 64 << 20)) != manifest.sums(manifestBytes: bytes) {
      try write(Manifest.sumsName, manifest.sums(manifestBytes: bytes))
      did(Manifest.sumsName, "written anew from the manifest")
    }
    if left != nil {
      unlink("\(folder)/\(UnfinishedMarker.name)")
      did(UnfinishedMarker.name, "removed: the dataset is complete, its writer was killed at the very end")
    }
    nameStrangers(besides: manifest)
  }

  private func did(_ file: String, _ text: String) { report.done.append(RepairReport.Note(file: file, text: text)) }

  private func cannot(_ file: String, _ text: String) {
    report.impossible.append(RepairReport.Note(file: file, text: text))
  }

  /// The manifest that the bytes are; nil where they are not the ones that were written.
  private func soundManifest(_ bytes: [UInt8]) -> Manifest? {
    guard let manifest = try? Manifest(bytes: bytes, path: Manifest.fileName),
      Manifest.generation(of: bytes, stating: manifest.generation) == manifest.generation
    else { return nil }
    return manifest
  }

  /// The bytes of a manifest that says what these say, and that it was changed; nil where they are no manifest.
  private func sealedManifest(_ bytes: [UInt8]) throws(DataError) -> [UInt8]? {
    let changed: Manifest
    do throws(DataError) {
      changed = try Manifest(bytes: bytes, path: Manifest.fileName)
    } catch {
      cannot(Manifest.fileName, "cannot be accepted as it is: \(error.problem)")
      return nil
    }
    var info = changed.info
    info.provenance.append(ProvenanceStep(verb: "repair", tool: tool, options: ["accept-manifest": "true"]))
    let sealed = Manifest(
      info: info, fields: changed.fields, counts: changed.countsPerClass, observedRange: changed.observedRange,
      measured: changed.measured, shards: changed.shards)
    let bytes = sealed.encoded()
    try write(Manifest.fileName, bytes)
    did(Manifest.fileName, "accepted as it was changed, and its history says so")
    if sealed.valueRange != changed.valueRange {
      did(Manifest.fileName, "has the value range that follows from its fields again, whatever was written there")
    }
    return bytes
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws(DataError) {
    let file = try NewFile("\(folder)/\(name)")
    defer { file.discard() }
    try file.write(bytes)
    try file.publish(replacing: true)
  }

  // MARK: Names

  /// Gives shards that lie under other names their own.
  private func restoreNames(of manifest: Manifest) throws(DataError) {
    var digests = try digests(sizes: Set(manifest.shards.map(\.bytes)))
    for shard in manifest.shards where digests[shard.name] != shard.sha256 {
      let holders = digests.filter { holder in
        holder.value == shard.sha256 && !manifest.shards.contains { $0.name == holder.key && $0.sha256 == holder.value }
      }
      guard let holder = holders.keys.min() else {
        cannot(
          shard.name,
          access("\(folder)/\(shard.name)", F_OK) == 0
            ? "is not what the manifest lists, and no file here is: copy it again from where the dataset came from, or make the dataset anew"
            : "is missing, and no file here has its content: copy it again, or make the dataset anew")
        continue
      }
      let isTaken = access("\(folder)/\(shard.name)", F_OK) == 0
      let status = renameSafely(
        "\(folder)/\(holder)", "\(folder)/\(shard.name)", isTaken ? .exchange : .keepExisting)
      guard status == 0 else {
        cannot(shard.name, "is in \(holder), which cannot be renamed: \(String(cString: strerror(status)))")
        continue
      }
      (digests[shard.name], digests[holder]) = (shard.sha256, digests[shard.name])
      did(
        shard.name,
        isTaken ? "has changed names with \(holder), which held it" : "was in \(holder), and has its name again")
    }
    if !report.done.isEmpty { try syncFolder(folder) }
  }

  /// The SHA-256 of every regular file of one of these sizes.
  private func digests(sizes: Set<Int>) throws(DataError) -> [String: String] {
    var digests: [String: String] = [:]
    for name in try listFolder(folder, .noInput) {
      var status = stat()
      let path = "\(folder)/\(name)"
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, sizes.contains(Int(status.st_size)) else {
        continue
      }
      digests[name] = try sha256(ofFile: path)
    }
    return digests
  }

  private func nameStrangers(besides manifest: Manifest) {
    let own = Set(
      manifest.shards.map(\.name) + [
        Manifest.fileName, Manifest.sumsName, UnfinishedMarker.name, "pipe.recipe", "pipe.check", "pipe.sent",
      ])
    for name in (try? listFolder(folder, .noInput)) ?? [] where !own.contains(name) {
      cannot(name, "does not belong to the dataset, and was left as it is: move it away if nobody needs it")
    }
  }

  // MARK: A writer that was killed

  /// Publishes what a killed writer had complete: all shards and a sound manifest, whichever names they have by now.
  private func finishPublication(_ left: UnfinishedMarker) throws(DataError) {
    func found(_ name: String) -> String? {
      [name, temporaryName(of: name)].first { left.owns($0, in: folder) }
    }
    guard let manifestName = found(Manifest.fileName),
      let bytes = try? readFile("\(folder)/\(manifestName)", atMost: 64 << 20), let manifest = soundManifest(bytes)
    else {
      cannot(
        UnfinishedMarker.name,
        "the run that wrote here was killed before its last sample, and what it left is no dataset: run its command again, which removes it"
      )
      return
    }
    var names = manifest.shards.map(\.name)
    for shard in manifest.shards {
      guard let name = found(shard.name), (try? sha256(ofFile: "\(folder)/\(name)")) == shard.sha256 else {
        cannot(shard.name, "is not what the killed run wrote: run its command again, which removes what it left")
        return
      }
    }
    if found(Manifest.sumsName) != nil { names.append(Manifest.sumsName) }
    for name in names + [Manifest.fileName] {
      if name == Manifest.fileName { try syncFolder(folder) }
      guard let now = found(name), now != name else { continue }
      let status = renameSafely("\(folder)/\(now)", "\(folder)/\(name)", .keepExisting)
      guard status == 0 else { throw systemError(.io, at: ["\(folder)/\(name)"], "cannot be renamed", code: status) }
    }
    if !names.contains(Manifest.sumsName) { try write(Manifest.sumsName, manifest.sums(manifestBytes: bytes)) }
    unlink("\(folder)/\(UnfinishedMarker.name)")
    try syncFolder(folder)
    did(Manifest.fileName, "published: the run that wrote the dataset was killed while the files got their names")
    nameStrangers(besides: manifest)
  }

  // MARK: A manifest that is lost

  private func rebuildManifest(_ facts: KnownFacts) throws(DataError) {
    let scan = FolderScan(folder, limits: limits)
    let manifest: Manifest
    switch scan.manifest(knowing: facts, tool: tool) {
    case .impossible(let notes):
      report.impossible += notes
      return
    case .rebuilt(let rebuilt, let unknown):
      manifest = rebuilt
      report.impossible += unknown
    }
    let path = "\(folder)/\(Manifest.fileName)"
    if access(path, F_OK) == 0 {
      let kept = "\(Manifest.fileName).damaged"
      let status = renameSafely(path, "\(folder)/\(kept)", .keepExisting)
      guard status == 0 else {
        throw systemError(
          .cannotCreate, at: ["\(folder)/\(kept)"], "cannot be made of the damaged manifest", code: status,
          remedy: "move away what has that name")
      }
      did(kept, "is the damaged manifest")
    }
    let bytes = manifest.encoded()
    try write(Manifest.sumsName, manifest.sums(manifestBytes: bytes))
    try write(Manifest.fileName, bytes)
    did(
      Manifest.fileName,
      "written anew from \(counted(manifest.shards.count, "shard")) with \(counted(manifest.samples, "sample"))")
    did(Manifest.sumsName, "written anew from the manifest")
    nameStrangers(besides: manifest)
  }
}
