internal import Datasets
internal import Glibc

/// Shards without a manifest, and what they tell of the dataset that they were.
struct FolderScan {
  enum Outcome {
    /// What stands in the way.
    case impossible([RepairReport.Note])
    /// The manifest, and what is not known any more.
    case rebuilt(Manifest, [RepairReport.Note])
  }

  private let folder: String
  private let limits: Limits

  init(_ folder: String, limits: Limits) {
    (self.folder, self.limits) = (folder, limits)
  }

  /// The manifest that sound shards make together with what is known.
  func manifest(knowing facts: KnownFacts, tool: String) -> Outcome {
    let names = ((try? listFolder(folder, .noInput)) ?? []).filter { $0.hasSuffix(".tar") || $0.hasSuffix(".tar.zst") }
    let shards = names.compactMap(ShardName.init)
    var notes: [RepairReport.Note] = []
    func note(_ file: String, _ text: String) { notes.append(RepairReport.Note(file: file, text: text)) }
    guard let first = shards.first else {
      note(
        Manifest.fileName,
        "is not there, and there is no shard called NAME-train-000000.tar that it could be rebuilt from")
      return .impossible(notes)
    }
    for (index, shard) in shards.enumerated() {
      if (shard.prefix, shard.split, shard.ending) != (first.prefix, first.split, first.ending) {
        note(shard.name, "is of another dataset than \(first.name): move the shards of one of them away")
      } else if shard.number != index, notes.isEmpty {
        note(shard.name, "follows a gap: \(first.with(number: index).name) is missing; copy it again")
      }
    }
    let (sums, isSound) = listedSums()
    if !isSound {
      note(
        Manifest.sumsName,
        "is damaged, so nobody knows whether the shards are what was written: copy it again, or remove it if they are known to be sound"
      )
    }
    for shard in shards where sums != nil && sums?[shard.name] == nil {
      note(
        shard.name,
        "is not in \(Manifest.sumsName): move it away, or remove \(Manifest.sumsName) if that is of another dataset")
    }
    for name in (sums ?? [:]).keys.sorted() where name != Manifest.fileName && !names.contains(name) {
      note(name, "is missing, and \(Manifest.sumsName) lists it: copy it again")
    }
    guard notes.isEmpty else { return .impossible(notes) }
    let digests = sums ?? listedByManifest()
    let source = sums == nil ? "the damaged \(Manifest.fileName)" : Manifest.sumsName
    var contents = DatasetContents(limits: limits)
    for shard in shards {
      do throws(DataError) {
        let found = try contents.read(shard.name, in: folder)
        if let listed = digests[shard.name], listed != found {
          note(shard.name, "does not have the SHA-256 that \(source) lists: it is damaged; copy it again")
        }
      } catch {
        note(
          shard.name,
          "is damaged: \((error.place.dropFirst() + [error.problem]).joined(separator: ": ")); copy it again")
      }
    }
    guard notes.isEmpty else { return .impossible(notes) }
    return contents.manifest(of: first, knowing: facts, isListed: sums != nil, tool: tool)
  }

  /// What `SHA256SUMS` says, by name, and whether it is sound; nil where it is missing or empty.
  private func listedSums() -> (sums: [String: String]?, isSound: Bool) {
    guard let bytes = try? readFile("\(folder)/\(Manifest.sumsName)", atMost: 64 << 20) else { return (nil, true) }
    var sums: [String: String] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard parts.count == 2, parts[0].utf8.count == 64, parts[1].hasPrefix(" ") else { return (sums, false) }
      sums[String(parts[1].dropFirst())] = parts[0]
    }
    return (sums.isEmpty ? nil : sums, true)
  }

  /// What a manifest says that was changed, but can still be read.
  private func listedByManifest() -> [String: String] {
    guard let bytes = try? readFile("\(folder)/\(Manifest.fileName)", atMost: 64 << 20),
      let manifest = try? Manifest(bytes: bytes, path: Manifest.fileName)
    else { return [:] }
    return Dictionary(manifest.shards.map { ($0.name, $0.sha256) }, uniquingKeysWith: { first, _ in first })
  }
}

/// A shard's name, taken apart.
struct ShardName {
  var prefix: String
  var split: DatasetInfo.Split
  var number: Int
  var ending: String

  var name: String { "\(prefix)-\(split.rawValue)-\(zeroPadded(number, digits: 6)).\(ending)" }

  /// Nil for a name that is none.
  init?(_ name: String) {
    guard let dot = name.firstIndex(of: ".") else { return nil }
    ending = String(name[name.index(after: dot)...])
    let parts = name[..<dot].split(separator: "-", omittingEmptySubsequences: false)
    guard ["tar", "tar.zst"].contains(ending), parts.count >= 3, let digits = parts.last, digits.count >= 6,
      digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
      let split = DatasetInfo.Split(rawValue: String(parts[parts.count - 2]))
    else { return nil }
    (self.number, self.split) = (number, split)
    prefix = parts.dropLast(2).joined(separator: "-")
    guard MemberName.isKey(prefix), self.name == name else { return nil }
  }

  func with(number: Int) -> ShardName {
    var other = self
    other.number = number
    return other
  }
}
