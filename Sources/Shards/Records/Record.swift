internal import Datasets
internal import Glibc

/// A sample as it stands in a tar archive: a key, and fields in the order of the members `key.field`.
struct Record: Equatable, Sendable {
  var key: String
  var fields: [Field]

  subscript(name: String) -> [UInt8]? {
    fields.first { $0.name == name }?.bytes
  }

  /// Bytes that this record takes in the archive.
  var archivedSize: Int {
    fields.reduce(0) { $0 + memberSize($1.bytes.count) }
  }

  /// Throws unless every member is one that USTAR can hold, which is never stretched by other dialects.
  ///
  /// - Throws: `DataError` (`.badInput`).
  func checkMembers() throws(DataError) {
    for field in fields {
      let length = key.utf8.count + 1 + field.name.utf8.count
      guard length <= TarHeader.maxNameLength else {
        throw DataError(
          .badInput, at: ["\(key).\(field.name)"],
          "has a name of \(length) bytes, and a tar member's may have \(TarHeader.maxNameLength)",
          remedy: "give the sample a shorter key")
      }
      guard field.bytes.count <= TarHeader.maxSize else {
        throw DataError(
          .badInput, at: ["\(key).\(field.name)"],
          "has \(field.bytes.count) bytes, and a tar member may have \(TarHeader.maxSize)")
      }
    }
  }

  /// Writes the members, one after the other, where there is room for `archivedSize` bytes; returns the place behind them.
  func write(to start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    var position = start
    for field in fields {
      position = writeMember(named: "\(key).\(field.name)", field.bytes, to: position)
    }
    return position
  }
}

/// Bytes that a member with a payload of `size` bytes takes: header, payload, padding.
func memberSize(_ size: Int) -> Int {
  TarHeader.blockSize + size + TarHeader.padding(after: size)
}

/// Writes one member, whose name and size fit, where there is room for it; returns the place after it.
func writeMember(
  named name: String, _ bytes: [UInt8], to start: UnsafeMutableRawPointer
) -> UnsafeMutableRawPointer {
  TarHeader(name: name, size: bytes.count).write(to: start)
  let payload = start + TarHeader.blockSize
  bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: payload, count: $0.count).copyMemory(from: $0) }
  let padding = TarHeader.padding(after: bytes.count)
  memset(payload + bytes.count, 0, padding)
  return payload + bytes.count + padding
}

/// One member that stands alone.
func member(named name: String, _ bytes: [UInt8]) -> [UInt8] {
  let size = memberSize(bytes.count)
  return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    if let start = UnsafeMutableRawBufferPointer(buffer).baseAddress { _ = writeMember(named: name, bytes, to: start) }
    count = size
  }
}

/// The two zero blocks that end an archive.
let endOfArchive = [UInt8](repeating: 0, count: 2 * TarHeader.blockSize)

/// The two grammars of a member's name, `key.field`.
enum MemberName {
  /// `[A-Za-z0-9_-]+`, not starting with two underscores, which WebDataset readers skip.
  static func isKey(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { isKey($0[...]) }
  }

  /// Lower-case words of `[a-z0-9_-]`, joined by dots.
  static func isField(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { isField($0[...]) }
  }

  /// Splits at the first dot; nil when either half breaks its grammar.
  static func split(_ name: String) -> (key: String, field: String)? {
    var name = name
    return name.withUTF8 { bytes in
      guard let dot = bytes.firstIndex(of: 46) else { return nil }
      guard isKey(bytes[..<dot]), isField(bytes[(dot + 1)...]) else { return nil }
      return (String(decoding: bytes[..<dot], as: UTF8.self), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
    }
  }

  private static func isKey(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    guard let first = bytes.first, bytes.allSatisfy({ isAlphanumeric($0) || $0 == 95 || $0 == 45 }) else {
      return false
    }
    return first != 95 || bytes.dropFirst().first != 95
  }

  private static func isField(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    guard let first = bytes.first, let last = bytes.last, first != 46, last != 46 else { return false }
    return bytes.allSatisfy { isAlphanumeric($0) && !(65...90).contains($0) || $0 == 95 || $0 == 45 || $0 == 46 }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || (65...90).contains(byte)
  }
}
