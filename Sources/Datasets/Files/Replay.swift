internal import Glibc

/// An input that can be read from its start as often as a layout needs: a file directly, a pipe through a spill file.
final class Replay {
  let name: String
  private let live: ByteSource
  private let limits: Limits
  private var spill: ByteSource?

  init(_ source: ByteSource, limits: Limits) {
    name = source.name
    live = source
    self.limits = limits
  }

  /// Whether this is a regular file.
  var isSeekable: Bool { live.isSeekable }

  /// Whether `fromStart` needs no new copy of a pipe.
  var canReopen: Bool { spill != nil || live.isSeekable }

  /// Looks ahead without consuming.
  func peek(_ count: Int) throws(DataError) -> [UInt8] { try live.peek(count) }

  /// Looks ahead in the decompressed content without consuming.
  func peekDecompressed(_ count: Int) throws(DataError) -> [UInt8] {
    try live.peekDecompressed(count, limits: limits)
  }

  /// A source at the start; there can be another one afterwards.
  func fromStart() throws(DataError) -> ByteSource {
    if let again = (spill ?? live).reopened() { return again }
    let copy = try spilled(live, limits: limits)
    spill = copy
    return copy.reopened() ?? copy
  }

  /// A source at the start, for the last time: a pipe that was not spilled is read directly.
  func lastTime() throws(DataError) -> ByteSource {
    if spill != nil || live.isSeekable { return try fromStart() }
    return live
  }
}

/// Copies everything that is left of a pipe into an unlinked temporary file.
///
/// The space is reserved piece by piece before it is written, so that a full disk is an error sentence here and not a
/// signal later.
func spilled(_ source: ByteSource, limits: Limits) throws(DataError) -> ByteSource {
  let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
  let number = openSpillFile(in: folder)
  guard number >= 0 else {
    throw DataError(
      .cannotCreate, at: [folder], "no temporary file can be made: \(String(cString: strerror(errno)))",
      remedy: "set TMPDIR to a folder with space, or give a file with -i")
  }
  let file = Descriptor(number, owned: true)
  var written = 0
  var reserved = 0
  while true {
    let chunk = try source.nextChunk()
    if chunk.isEmpty { break }
    guard written + chunk.count <= limits.maxSpillBytes else {
      throw DataError(
        .badInput, at: [source.name],
        "more than the \(grouped(limits.maxSpillBytes)) bytes that a pipe may hold of a dataset that is read twice",
        remedy: "give a file with -i")
    }
    if written + chunk.count > reserved {
      let step = max(chunk.count, min(64 << 20, max(1 << 20, reserved)))
      let status = posix_fallocate(number, off_t(reserved), off_t(step))
      guard status == 0 else {
        throw DataError(
          .io, at: [folder],
          "no room for the \(grouped(written)) bytes that were piped in: \(String(cString: strerror(status)))",
          remedy: "set TMPDIR to a folder with space, or give a file with -i")
      }
      reserved += step
    }
    try file.write(chunk, name: folder)
    written += chunk.count
  }
  ftruncate(number, off_t(written))
  lseek(number, 0, SEEK_SET)
  return ByteSource(descriptor: file, name: source.name)
}
