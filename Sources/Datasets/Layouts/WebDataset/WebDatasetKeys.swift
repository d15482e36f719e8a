/// Makes the keys of samples such that every reader takes them, and no two are the same.
///
/// A key keeps its letters, digits, `_` and `-`; others become `_`. Of one with more than 96 characters the last 80 stay, and one that
/// begins with `__`, as the names that readers keep for themselves do, gets a letter in front. Keys that several shards have get the shard's name in
/// front; what is still the same gets a number behind.
struct WebDatasetKeys {
  /// Whether shards share keys, so that all get the shard's name.
  let namesShards: Bool
  // Hashes of 64 bits instead of the keys: a million samples take megabytes, and the odds of a false alarm are 1 in 10⁷.
  private var used: Set<Int> = []

  init(namesShards: Bool) { self.namesShards = namesShards }

  mutating func unique(_ key: String, in archive: String) -> String {
    let own = Self.cleaned(key)
    let base = namesShards ? Self.cleaned(Self.cleaned(Self.stem(archive)) + "-" + own) : own
    var candidate = base
    var number = 1
    while !used.insert(candidate.hashValue).inserted {
      number += 1
      candidate = "\(base)-\(number)"
    }
    return candidate
  }

  /// The name of an archive without folders and extensions.
  private static func stem(_ archive: String) -> String {
    let base = archive.split(separator: "/").last.map(String.init) ?? archive
    return base.split(separator: ".").first.map(String.init) ?? base
  }

  /// A key in the alphabet that every reader takes.
  static func cleaned(_ key: String) -> String {
    if isClean(key) { return key }
    var scalars = String.UnicodeScalarView()
    for scalar in key.unicodeScalars { scalars.append(isKeyScalar(scalar) ? scalar : "_") }
    // All are of one byte now.
    let text = String(scalars.count > longest ? scalars.suffix(80) : scalars[...])
    return text.hasPrefix("__") ? "k" + text : text
  }

  static func isClean(_ key: String) -> Bool {
    key.utf8.count <= longest && !key.hasPrefix("__") && key.utf8.allSatisfy { isKeyScalar(Unicode.Scalar($0)) }
  }

  /// A tar member's name has 100 bytes, and fields of three letters are most.
  private static let longest = 96
}

extension Sample {
  /// Keeps the key that the sample had in its archive, as `__key__` in its metadata.
  mutating func keep(key: String) {
    let entry = "\"__key__\":" + jsonString(key)
    guard let metadata else {
      self.metadata = Array("{\(entry)}".utf8)
      return
    }
    guard let value = JSONValue(metadata), case .object(let values) = value,
      let brace = metadata.firstIndex(of: UInt8(ascii: "{"))
    else {
      // No object: it is passed on beside the key.
      if JSONValue(metadata) != nil { self.metadata = Array("{\(entry),\"json\":".utf8) + metadata + Array("}".utf8) }
      return
    }
    if values["__key__"] != nil { return }
    let head = metadata[...brace] + Array((values.isEmpty ? entry : entry + ",").utf8)
    self.metadata = Array(head + metadata[(brace + 1)...])
  }
}
