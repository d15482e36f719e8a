internal import Datasets

/// A sample as it stands in a tar archive: a key, and fields in the order of the members `key.field`.
struct Record: Equatable {
  var key: String
  var fields: [Field]

  subscript(name: String) -> [UInt8]? {
    fields.first { $0.name == name }?.bytes
  }

  /// Bytes that this record takes in the archive.
  var archivedSize: Int {
    fields.reduce(0) { $0 + TarHeader.blockSize + $1.bytes.count + TarHeader.padding(after: $1.bytes.count) }
  }

  /// Writes the members, one behind the other.
  func write(to output: FileOutput) throws(DataError) {
    for field in fields {
      try writeMember(named: "\(key).\(field.name)", field.bytes, to: output)
    }
  }
}

/// Writes one member: header, payload, padding.
///
/// - Throws: `DataError` (`.badInput`) when name or size are beyond USTAR, which is never stretched by other dialects.
func writeMember(named name: String, _ bytes: [UInt8], to output: FileOutput) throws(DataError) {
  guard name.utf8.count <= TarHeader.maxNameLength else {
    throw DataError(
      .badInput, at: [name],
      "has a name of \(name.utf8.count) bytes, and a tar member's may have \(TarHeader.maxNameLength)",
      remedy: "give the sample a shorter key")
  }
  guard bytes.count <= TarHeader.maxSize else {
    throw DataError(.badInput, at: [name], "has \(bytes.count) bytes, and a tar member may have \(TarHeader.maxSize)")
  }
  let header = TarHeader(name: name, size: bytes.count)
  try output.append(size: TarHeader.blockSize) { header.write(to: $0) }
  try output.append(bytes)
  let padding = TarHeader.padding(after: bytes.count)
  try output.append(size: padding) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: padding) }
}

/// Writes the two zero blocks that end an archive.
func writeEndOfArchive(to output: FileOutput) throws(DataError) {
  let size = 2 * TarHeader.blockSize
  try output.append(size: size) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: size) }
}

/// The two grammars of a member's name, `key.field`.
enum MemberName {
  /// `[A-Za-z0-9_-]+`, not starting with two underscores, which WebDataset readers skip.
  static func isKey(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 95 || $0 == 45 } && !text.hasPrefix("__")
  }

  /// Lower-case words of `[a-z0-9_-]`, joined by dots.
  static func isField(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && !text.hasPrefix(".") && !text.hasSuffix(".")
      && text.utf8.allSatisfy { isAlphanumeric($0) && !(65...90).contains($0) || $0 == 95 || $0 == 45 || $0 == 46 }
  }

  /// Splits at the first dot; nil when either half breaks its grammar.
  static func split(_ name: String) -> (key: Substring, field: Substring)? {
    guard let dot = name.utf8.firstIndex(of: 46) else { return nil }
    let key = name[..<dot]
    let field = name[name.utf8.index(after: dot)...]
    return isKey(key) && isField(field) ? (key, field) : nil
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || (65...90).contains(byte)
  }
}
