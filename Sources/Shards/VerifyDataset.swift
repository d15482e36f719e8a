public import Datasets
internal import Glibc

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
  }

  /// The generation that the manifest states, nil when it cannot be read.
  public var generation: String?
  /// Shards that were read.
  public var shards: Int
  /// Samples that were read.
  public var samples: Int
  /// Everything that is wrong, in reading order; empty for a sound dataset.
  public var damage: [Damage]
}

/// Reads a whole dataset and compares it with what its manifest says.
///
/// Checked are: the manifest's own digest, `SHA256SUMS`, every shard's size, digest, counts and first and last key, every
/// byte of every tar header, that keys are unique, that all samples have the manifest's fields, labels in range and
/// the counts per class, that images decode and have the stated shape, that `png` shows the same as `npy`, and that no
/// shard lies beside those of the manifest. Goes on after damage, shard by shard.
///
/// - Throws: `DataError` (`.noInput`) when there is no dataset to verify; damage is reported, not thrown.
public func verifyDataset(
  at folder: String, limits: Limits = Limits(), progress: (_ samples: Int, _ total: Int) -> Void = { _, _ in }
) throws(DataError) -> VerifyReport {
  let bytes = try readFile("\(folder)/\(Manifest.fileName)", atMost: 64 << 20)
  let manifest: Manifest
  do throws(DataError) {
    manifest = try Manifest(bytes: bytes, path: Manifest.fileName)
  } catch {
    let damage = VerifyReport.Damage(file: Manifest.fileName, problem: error.problem)
    return VerifyReport(generation: nil, shards: 0, samples: 0, damage: [damage])
  }
  var verification = Verification(folder: folder, manifest: manifest, limits: limits)
  verification.checkManifest(bytes)
  verification.checkFolder(try listFolder(folder, .noInput))
  for shard in manifest.shards { verification.checkShard(shard, progress) }
  verification.checkCounts()
  return verification.report
}

/// One run of `verifyDataset`.
private struct Verification {
  let folder: String
  let manifest: Manifest
  let limits: Limits
  var report: VerifyReport
  private var keys: Set<Int> = []
  private var counts: [Int]

  init(folder: String, manifest: Manifest, limits: Limits) {
    self.folder = folder
    self.manifest = manifest
    self.limits = limits
    counts = Array(repeating: 0, count: manifest.labelNames.count)
    report = VerifyReport(generation: manifest.generation, shards: 0, samples: 0, damage: [])
  }

  mutating func complain(_ file: String, _ problem: String, key: String? = nil) {
    report.damage.append(VerifyReport.Damage(file: file, key: key, problem: problem))
  }

  mutating func checkManifest(_ bytes: [UInt8]) {
    if Manifest.generation(of: bytes, stating: manifest.generation) != manifest.generation {
      complain(Manifest.fileName, "does not have the digest that its generation states: it was changed")
    }
    do throws(DataError) {
      let sums = try readFile("\(folder)/\(Manifest.sumsName)", atMost: 64 << 20)
      if sums != manifest.sums(manifestBytes: bytes) {
        complain(Manifest.sumsName, "does not agree with \(Manifest.fileName)")
      }
    } catch {
      complain(Manifest.sumsName, error.problem)
    }
  }

  mutating func checkFolder(_ entries: [String]) {
    let known = Set(manifest.shards.map(\.name))
    for entry in entries where entry.hasSuffix(".tar") || entry.hasSuffix(".tar.zst") {
      if !known.contains(entry) { complain(entry, "is a shard that the manifest does not name") }
    }
  }

  mutating func checkShard(_ shard: Manifest.Shard, _ progress: (Int, Int) -> Void) {
    report.shards += 1
    let before = report.samples
    do throws(DataError) {
      let reader = try ShardReader(folder: folder, shard: shard, limits: limits, exact: true)
      var first: String?
      var last: String?
      while let record = try reader.next() {
        if first == nil { first = record.key }
        last = record.key
        report.samples += 1
        checkRecord(record, in: shard.name)
        progress(report.samples, manifest.samples)
      }
      if first != shard.firstKey || last != shard.lastKey {
        complain(
          shard.name,
          "holds samples \(first ?? "") to \(last ?? ""), where the manifest says \(shard.firstKey) to \(shard.lastKey)"
        )
      }
    } catch {
      // The first element of the place is the shard itself; of the rest a member's name tells the sample.
      let member = error.place.dropFirst().first
      complain(shard.name, describe(error, shard), key: member.flatMap { MemberName.split($0) }.map { String($0.key) })
      if report.samples - before != shard.samples {
        complain(shard.name, "could be read for \(report.samples - before) of \(shard.samples) samples")
      }
    }
  }

  /// The problem; of a shard whose digest is another shard's, that it was swapped.
  private func describe(_ error: DataError, _ shard: Manifest.Shard) -> String {
    if error.problem.hasPrefix("has SHA-256"),
      let other = manifest.shards.first(where: { $0.name != shard.name && error.problem.contains($0.sha256) })
    {
      return "holds what \(other.name) should hold"
    }
    return error.problem
  }

  private mutating func checkRecord(_ record: Record, in file: String) {
    if !keys.insert(record.key.hashValue).inserted { complain(file, "is the key of two samples", key: record.key) }
    let names = record.fields.map(\.name)
    if names != manifest.fields {
      let expected = manifest.fields.joined(separator: ", ")
      complain(
        file, "has the fields \(names.joined(separator: ", ")), where the manifest says \(expected)", key: record.key)
    }
    do throws(DataError) {
      let sample = try Sample(record, classCount: counts.count)
      counts[sample.label] += 1
      try checkContent(sample, record, in: file)
    } catch {
      let inner = error.place.filter { $0 != record.key }
      complain(file, (inner + [error.problem]).joined(separator: ": "), key: record.key)
    }
  }

  private mutating func checkContent(_ sample: Sample, _ record: Record, in file: String) throws(DataError) {
    var shape: [Int]
    if case .floats(let array) = sample.content {
      shape = array.shape
      if manifest.kind == .samples, let view = record["png"] {
        let image = EncodedImage(format: .png, bytes: view)
        let shown = try Sample(key: sample.key, content: .encoded(image), label: 0).pixels(limits: limits)
        if shown != (try sample.pixels(limits: limits)) {
          complain(file, "shows something else in png than in npy", key: sample.key)
        }
      }
    } else {
      let pixels = try sample.pixels(limits: limits)
      shape = [pixels.channels, pixels.height, pixels.width]
    }
    if let expected = manifest.shape, shape != expected {
      complain(file, "has shape \(shape), where the manifest says \(expected)", key: sample.key)
    }
  }

  mutating func checkCounts() {
    guard report.damage.isEmpty else { return }
    if counts != manifest.countsPerClass {
      complain(Manifest.fileName, "counts \(manifest.countsPerClass) samples per class, and there are \(counts)")
    }
  }
}
