public import Datasets
internal import Glibc
internal import Streaming
internal import Synchronization

/// What `verifyDataset` found.
public struct VerifyReport: Sendable, Equatable, Codable {
  /// One thing that is wrong.
  public struct Damage: Sendable, Equatable, Codable {
    /// The file, without its folder.
    public var file: String
    /// The sample, where it is known which.
    public var key: String?
    /// What is wrong.
    public var problem: String

    /// Something that is wrong; see the properties.
    public init(file: String, key: String? = nil, problem: String) {
      (self.file, self.key, self.problem) = (file, key, problem)
    }
  }

  /// The generation that the manifest states, nil when it cannot be read.
  public var generation: String?
  /// Shards that were read.
  public var shards: Int
  /// Samples that were read.
  public var samples: Int
  /// Everything that is wrong, in reading order; empty for a sound dataset.
  public var damage: [Damage]

  /// A report; see the properties.
  public init(generation: String? = nil, shards: Int = 0, samples: Int = 0, damage: [Damage] = []) {
    (self.generation, self.shards, self.samples, self.damage) = (generation, shards, samples, damage)
  }
}

/// Reads a whole dataset and compares it with what its manifest says.
///
/// Checked are: the manifest's own digest, `SHA256SUMS`, every shard's size, digest, counts and first and last key, every
/// byte of every tar header, that keys are unique, that all samples have the manifest's fields, labels in range and
/// the counts per class, that images decode and have the stated shape, that `png` shows the same as `npy`, and that no
/// shard lies beside those of the manifest. Goes on after damage, shard by shard.
///
/// Shards are read on all cores; the report does not depend on their number.
///
/// - Throws: `DataError`: `.noInput` when there is no dataset to verify, `.temporary` when another one took its place meanwhile;
///   `CancellationError`. Damage is reported, not thrown.
public func verifyDataset(
  at folder: String, limits: Limits = Limits(),
  progress: @escaping @Sendable (_ samples: Int, _ total: Int) -> Void = { _, _ in }
) async throws -> VerifyReport {
  let handle = FolderHandle(folder)
  let bytes = try Manifest.bytes(inFolder: folder, handle)
  try Manifest.refuseOtherVersion(bytes, path: "\(folder)/\(Manifest.fileName)")
  let manifest: Manifest
  do throws(DataError) {
    manifest = try Manifest(bytes: bytes, path: Manifest.fileName)
  } catch {
    let damage = VerifyReport.Damage(file: Manifest.fileName, problem: error.problem)
    return VerifyReport(generation: nil, shards: 0, samples: 0, damage: [damage])
  }
  var verification = Verification(manifest)
  verification.checkManifest(bytes, in: folder)
  verification.checkFolder(try listFolder(folder, .noInput))
  let done = Mutex(0)
  let stage = Parallel<Manifest.Shard, ShardVerification>("verify", lanes: processors) { shard in
    var verification = ShardVerification(shard, of: manifest, in: folder, handle, limits: limits)
    try verification.run { count in
      done.withLock { done in
        done += count
        progress(done, manifest.samples)
      }
    }
    return verification
  }
  let report: VerifyReport
  do throws(PipelineError) {
    report = try await stage.run(from: .elements(manifest.shards), into: verification)
  } catch {
    throw error.underlying
  }
  if !report.damage.isEmpty, let replaced = manifest.replacement(inFolder: folder) { throw replaced }
  return report
}

/// What is known of a dataset while its shards are verified; as a sink, it takes them in their order.
private struct Verification: Sink {
  let name = "verify"
  private let manifest: Manifest
  private var report: VerifyReport
  private var keys: Set<Int> = []
  private var counts: [Int]

  init(_ manifest: Manifest) {
    self.manifest = manifest
    counts = Array(repeating: 0, count: manifest.labelNames.count)
    report = VerifyReport(generation: manifest.generation, shards: 0, samples: 0, damage: [])
  }

  func consume(_ flow: Flow<ShardVerification>) async throws(PipelineError) -> VerifyReport {
    var whole = self
    while let shard = try await flow.next() { whole.add(shard) }
    whole.checkCounts()
    return whole.report
  }

  private mutating func complain(_ file: String, _ problem: String) {
    report.damage.append(VerifyReport.Damage(file: file, problem: problem))
  }

  mutating func checkManifest(_ bytes: [UInt8], in folder: String) {
    if Manifest.generation(of: bytes, stating: manifest.generation) != manifest.generation {
      complain(Manifest.fileName, "does not have the digest that its generation states: it was changed")
    }
    checkAgreement()
    do throws(DataError) {
      let sums = try readFile("\(folder)/\(Manifest.sumsName)", atMost: 64 << 20)
      if sums != manifest.sums(manifestBytes: bytes) {
        complain(Manifest.sumsName, "does not agree with \(Manifest.fileName)")
      }
    } catch {
      complain(Manifest.sumsName, error.problem)
    }
  }

  /// Complains where one key of the manifest contradicts another.
  private mutating func checkAgreement() {
    let holdsImages = manifest.kind == .samples && manifest.spectrogram == nil
    if manifest.valueRange != (holdsImages ? [0, 1] : nil) {
      complain(
        Manifest.fileName,
        holdsImages
          ? "has another value_range than [0, 1], which all images have" : "has a value_range, which only images have")
    }
    let foreign = manifest.kind == .latents ? "npy" : "latent.npy"
    if manifest.fields.contains(foreign) {
      complain(Manifest.fileName, "is of the kind \(manifest.kind.rawValue), which has no field \(foreign)")
    }
    if manifest.labelKind != .hard, !manifest.fields.contains("soft.npy") {
      complain(Manifest.fileName, "has labels of the kind \(manifest.labelKind.rawValue) without the field soft.npy")
    }
    guard manifest.kind == .samples, let formation = manifest.formation, let shape = manifest.shape else { return }
    do throws(DataError) {
      try formation.check(against: shape, at: [])
    } catch {
      complain(Manifest.fileName, error.problem)
    }
  }

  mutating func checkFolder(_ entries: [String]) {
    let known = Set(manifest.shards.map(\.name))
    for entry in entries where entry.hasSuffix(".tar") || entry.hasSuffix(".tar.zst") {
      if !known.contains(entry) { complain(entry, "is a shard that the manifest does not name") }
    }
  }

  private mutating func add(_ shard: ShardVerification) {
    report.shards += 1
    report.samples += shard.keys.count
    for (label, count) in shard.counts.enumerated() { counts[label] += count }
    var damage = shard.damage[...]
    for (index, key) in shard.keys.enumerated() {
      // What is wrong with the samples before comes first.
      while let first = damage.first, first.sample < index { report.damage.append(damage.removeFirst().damage) }
      if !keys.insert(key.hashValue).inserted {
        report.damage.append(
          VerifyReport.Damage(file: shard.name, key: key, problem: "is the key of two samples"))
      }
    }
    report.damage += damage.map(\.damage)
  }

  private mutating func checkCounts() {
    guard report.damage.isEmpty else { return }
    if counts != manifest.countsPerClass {
      complain(Manifest.fileName, "counts \(manifest.countsPerClass) samples per class, and there are \(counts)")
    }
  }
}

/// What was found in one shard.
private struct ShardVerification: Sendable {
  /// What is wrong, and the number of the sample at which it was noticed.
  private(set) var damage: [(sample: Int, damage: VerifyReport.Damage)] = []
  /// The keys of all samples that could be read.
  private(set) var keys: [String] = []
  /// Samples per class.
  private(set) var counts: [Int]
  private let shard: Manifest.Shard
  private let manifest: Manifest
  private let folder: String
  private let handle: FolderHandle?
  private let limits: Limits

  /// The shard's file.
  var name: String { shard.name }

  init(_ shard: Manifest.Shard, of manifest: Manifest, in folder: String, _ handle: FolderHandle?, limits: Limits) {
    self.handle = handle
    self.shard = shard
    self.manifest = manifest
    self.folder = folder
    self.limits = limits
    counts = Array(repeating: 0, count: manifest.labelNames.count)
  }

  private mutating func complain(_ problem: String, key: String? = nil) {
    damage.append((max(0, keys.count - 1), VerifyReport.Damage(file: shard.name, key: key, problem: problem)))
  }

  /// Reads the shard; `progress` is told of further samples, some at a time.
  ///
  /// - Throws: `CancellationError`.
  mutating func run(_ progress: (Int) -> Void) throws {
    do throws(DataError) {
      let reader = try ShardReader(folder: folder, handle, shard: shard, limits: limits, exact: true)
      while let record = try reader.next() {
        keys.append(record.key)
        check(record)
        guard keys.count % 64 == 0 else { continue }
        progress(64)
        if Task.isCancelled { break }
      }
      progress(keys.count % 64)
    } catch {
      // The first element of the place is the shard itself; of the rest a member's name tells the sample.
      let member = error.place.dropFirst().first
      complain(describe(error), key: member.flatMap { MemberName.split($0) }?.key)
      if keys.count != shard.samples {
        complain("could be read for \(keys.count) of \(shard.samples) samples")
      }
      return
    }
    try Task.checkCancellation()
    if keys.first != shard.firstKey || keys.last != shard.lastKey {
      complain(
        "holds samples \(keys.first ?? "") to \(keys.last ?? ""), where the manifest says \(shard.firstKey) to "
          + shard.lastKey)
    }
  }

  /// The problem; of a shard whose digest is another shard's, that it was swapped.
  private func describe(_ error: DataError) -> String {
    if error.problem.hasPrefix("has SHA-256"),
      let other = manifest.shards.first(where: { $0.name != shard.name && error.problem.contains($0.sha256) })
    {
      return "holds what \(other.name) should hold"
    }
    return error.problem
  }

  private mutating func check(_ record: Record) {
    if !manifest.names(record.fields.map(\.name)) {
      let names = record.fields.map(\.name).joined(separator: ", ")
      let expected = manifest.fields.joined(separator: ", ")
      complain("has the fields \(names), where the manifest says \(expected)", key: record.key)
    }
    do throws(DataError) {
      let sample = try Sample(record, classCount: counts.count)
      counts[sample.label] += 1
      if let labels = shard.labels, labels.count == 2, !(labels[0]...labels[1]).contains(sample.label) {
        complain("has label \(sample.label), where the manifest says \(labels[0]) to \(labels[1])", key: record.key)
      }
      try checkContent(sample, record)
      if let soft = sample.softLabel { try checkSoftLabel(soft, manifest.labelKind) }
      if let metadata = sample.metadata, !isJSON(metadata) {
        complain("json: is not a JSON document", key: record.key)
      }
    } catch {
      let inner = error.place.filter { $0 != record.key }
      complain((inner + [error.problem]).joined(separator: ": "), key: record.key)
    }
  }

  private mutating func checkContent(_ sample: Sample, _ record: Record) throws(DataError) {
    var shape: [Int]
    if case .floats(let array) = sample.content {
      shape = array.shape
      if !array.isFinite { complain("holds values that are not finite", key: sample.key) }
      if manifest.kind == .samples, let view = record["png"], try !sample.isShown(by: view, limits: limits) {
        complain("shows something else in png than in npy", key: sample.key)
      }
    } else {
      let pixels = try sample.unified(toChannels: manifest.shape?.first, limits: limits).pixels(limits: limits)
      shape = [pixels.channels, pixels.height, pixels.width]
    }
    if let formation = manifest.formation, manifest.kind == .samples, manifest.shape == nil {
      try formation.check(against: shape, at: [])
    }
    if let expected = manifest.shape, shape != expected {
      complain("has shape \(shape), where the manifest says \(expected)", key: sample.key)
    }
  }
}

extension Sample {
  /// Whether a PNG file is the 8-bit view of the sample's floats.
  ///
  /// - Throws: `DataError` (`.badInput`) where it cannot be decoded.
  func isShown(by view: [UInt8], limits: Limits) throws(DataError) -> Bool {
    let image = EncodedImage(format: .png, bytes: view)
    let shown = try Sample(key: key, content: .encoded(image), label: 0).pixels(limits: limits)
    return shown == (try pixels(limits: limits))
  }
}
