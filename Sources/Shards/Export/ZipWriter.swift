internal import Datasets

/// Writes a zip archive of stored entries from front to back, with the larger numbers of zip64 where an entry or the archive needs them.
///
/// Reference: PKWARE's APPNOTE 6.3.
final class ZipWriter {
  /// From here on a number does not fit into 32 bits, and stands among the larger ones; there are ones in its place.
  private let largest: Int

  private struct Entry {
    var name: [UInt8]
    var size: Int
    var checksum: UInt32
    var offset: Int
  }

  private let output: FileOutput
  private var entries: [Entry] = []

  /// - Parameter largest: smaller in tests, which cannot write gigabytes.
  init(_ output: FileOutput, largest: Int = Int(UInt32.max)) {
    self.output = output
    self.largest = largest
  }

  /// Adds an entry, whose bytes `body` writes: exactly `size`, with that CRC-32.
  ///
  /// - Throws: what `body` throws; `DataError` (`.io`).
  func add(
    _ name: String, size: Int, checksum: UInt32, body: (FileOutput) throws(DataError) -> Void
  ) throws(DataError) {
    let entry = Entry(name: Array(name.utf8), size: size, checksum: checksum, offset: output.count)
    entries.append(entry)
    let isLarge = size >= largest
    var header: [UInt8] = []
    header.append(littleEndian: UInt32(0x0403_4b50))
    appendCommon(entry, isLarge, extra: isLarge ? 20 : 0, to: &header)
    header += entry.name
    if isLarge { appendExtra([size, size], to: &header) }
    try output.append(header)
    let start = output.count
    try body(output)
    precondition(output.count - start == size, "an entry of a zip archive was not as large as it was said to be")
  }

  /// Writes the directory and the end.
  func finish() throws(DataError) {
    let start = output.count
    for entry in entries {
      var large = entry.size >= largest ? [entry.size, entry.size] : []
      if entry.offset >= largest { large.append(entry.offset) }
      var header: [UInt8] = []
      header.append(littleEndian: UInt32(0x0201_4b50))
      // Made by version 4.5, on Unix.
      header.append(littleEndian: UInt16(0x032d))
      appendCommon(entry, !large.isEmpty, extra: large.isEmpty ? 0 : 4 + 8 * large.count, to: &header)
      // No comment, first disk, no text.
      header += [UInt8](repeating: 0, count: 6)
      // A regular file of mode 0644.
      header.append(littleEndian: UInt32(0o100644) << 16)
      header.append(littleEndian: small(entry.offset))
      header += entry.name
      if !large.isEmpty { appendExtra(large, to: &header) }
      try output.append(header)
    }
    let (size, end) = (output.count - start, output.count)
    var tail: [UInt8] = []
    if start >= largest || size >= largest || entries.count >= 0xffff {
      tail.append(littleEndian: UInt32(0x0606_4b50))
      tail.append(littleEndian: UInt64(44))
      tail.append(littleEndian: UInt16(0x032d))
      tail.append(littleEndian: UInt16(45))
      tail += [UInt8](repeating: 0, count: 8)
      for number in [entries.count, entries.count, size, start] { tail.append(littleEndian: UInt64(number)) }
      tail.append(littleEndian: UInt32(0x0706_4b50))
      tail.append(littleEndian: UInt32(0))
      tail.append(littleEndian: UInt64(end))
      tail.append(littleEndian: UInt32(1))
    }
    tail.append(littleEndian: UInt32(0x0605_4b50))
    tail += [0, 0, 0, 0]
    for _ in 0..<2 { tail.append(littleEndian: UInt16(min(entries.count, 0xffff))) }
    tail.append(littleEndian: small(size))
    tail.append(littleEndian: small(start))
    tail += [0, 0]
    try output.append(tail)
    try output.flush()
  }

  /// What local headers and the directory have in common: version needed, flags, method, time, checksum, sizes, lengths.
  private func appendCommon(_ entry: Entry, _ isLarge: Bool, extra: Int, to header: inout [UInt8]) {
    header.append(littleEndian: UInt16(isLarge ? 45 : 20))
    // UTF-8 names; stored; 1980-01-01, 00:00.
    header.append(littleEndian: UInt16(0x0800))
    header.append(littleEndian: UInt16(0))
    header.append(littleEndian: UInt16(0))
    header.append(littleEndian: UInt16(0x0021))
    header.append(littleEndian: entry.checksum)
    for _ in 0..<2 { header.append(littleEndian: small(entry.size)) }
    header.append(littleEndian: UInt16(entry.name.count))
    header.append(littleEndian: UInt16(extra))
  }

  private func small(_ number: Int) -> UInt32 { number >= largest ? .max : UInt32(number) }

  private func appendExtra(_ numbers: [Int], to header: inout [UInt8]) {
    header.append(littleEndian: UInt16(1))
    header.append(littleEndian: UInt16(8 * numbers.count))
    for number in numbers { header.append(littleEndian: UInt64(number)) }
  }
}
