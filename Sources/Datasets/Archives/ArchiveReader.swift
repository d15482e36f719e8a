internal import CArchive
internal import Glibc

/// One file in an archive or a folder.
public struct Member: Sendable, Equatable {
  /// Its path as the archive has it, without a leading `./`.
  public var path: String
  /// Its size in bytes, where it is known before it is read.
  public var size: Int?

  /// The part after the last slash.
  public var basename: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// Reads the regular files of a tar (any of the five compressions) or zip archive, in archive order.
///
/// Folders and the litter of macOS (`._*`, `__MACOSX`, `.DS_Store`) are skipped. Links, devices, absolute paths and
/// `..` are refused, and so is an archive that just stops, even exactly between two members.
public final class ArchiveReader {
  /// What messages call the archive.
  public let name: String
  private let handle: ArchiveHandle
  private let limits: Limits
  private let format: Format
  private let content: ByteSource
  private var current: Member?
  private var members = 0
  private var endOfLastMember: Int64 = 0
  private var ended = false

  private enum Format { case tar, zip }

  /// Reads from the source's current position.
  ///
  /// Throws `badInput` for anything but a tar or zip archive. A zip archive must be a regular file, because its
  /// directory stands at the end.
  public init(_ source: ByteSource, limits: Limits = Limits()) throws(DataError) {
    name = source.name
    self.limits = limits
    content = try source.decompressed(limits: limits)
    format = try content.peek(4).starts(with: Self.zipSignature) ? .zip : .tar
    handle = try ArchiveHandle(content)
    switch format {
    case .tar:
      archive_read_support_format_tar(handle.archive)
      // Otherwise `cat a.tar b.tar` would end after a.
      archive_read_set_format_option(handle.archive, "tar", "read_concatenated_archives", "1")
    case .zip:
      guard content.isSeekable else {
        throw DataError(
          .badInput, at: [name], "a compressed zip archive; its directory cannot be reached",
          remedy: "decompress it first, a zip archive is compressed already")
      }
      archive_read_support_format_zip_seekable(handle.archive)
    }
    try handle.open()
  }

  static let zipSignature: [UInt8] = [0x50, 0x4b]

  /// The next file, or nil after the last, when the input has been read to its end and every checksum has been compared.
  public func next() throws(DataError) -> Member? {
    while !ended {
      if current != nil || members > 0 {
        try handle.check(archive_read_data_skip(handle.archive), place: place)
      }
      endOfLastMember = archive_filter_bytes(handle.archive, 0)
      var entry: OpaquePointer?
      let status = UTF8Locale.use { archive_read_next_header(handle.archive, &entry) }
      if status == ARCHIVE_EOF {
        try finish()
        return nil
      }
      current = nil
      try handle.check(status, place: members == 0 ? [] : ["after member \(grouped(members))"])
      members += 1
      guard members <= limits.maxMembers else {
        throw DataError(.badInput, at: [name], "more than the \(grouped(limits.maxMembers)) members that are allowed")
      }
      if let entry, let member = try member(of: entry) {
        current = member
        return member
      }
    }
    return nil
  }

  /// Reads up to the buffer's size of the current member; 0 at its end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    let count = archive_read_data(handle.archive, buffer.baseAddress, buffer.count)
    if count < 0 { try handle.check(Int32(count), place: place) }
    return count
  }

  /// The folders that it lists as members of their own, so far: those without a file are found only here.
  private(set) var folders: Set<[String]> = []

  private var place: [String] { current.map { [$0.path] } ?? [] }

  // libarchive takes a cut between members for the end: only the two zero blocks after the last member show the difference.
  private func finish() throws(DataError) {
    ended = true
    current = nil
    if format == .tar {
      guard archive_filter_bytes(handle.archive, 0) - endOfLastMember >= 1024 else {
        throw DataError(
          .badInput, at: [name],
          "the input is cut short: it stops after member \(grouped(members)) without the blocks that end a tar archive",
          remedy: Remedy.getItAgain)
      }
      try content.drain()
    }
  }

  // The member, or nil for a folder and for litter.
  private func member(of entry: OpaquePointer) throws(DataError) -> Member? {
    let plain = plainPath(of: entry)
    let path: String
    if let plain { path = plain } else { path = try utf8Path(of: entry) }
    let components = plain == nil ? path.split(separator: "/").filter { $0 != "." } : []
    if plain == nil, isLitter(components) { return nil }
    let type = archive_entry_filetype(entry)
    if archive_entry_hardlink(entry) != nil { throw refused(path, "a hard link") }
    switch type {
    case Glibc.S_IFDIR:
      folders.insert(path.split(separator: "/").filter { $0 != "." }.map(String.init))
      return nil
    case Glibc.S_IFREG: break
    case Glibc.S_IFLNK: throw refused(path, "a symbolic link")
    // A zip made elsewhere may not say; a trailing slash makes a folder of it.
    case 0: if path.hasSuffix("/") { return nil }
    default: throw refused(path, "a device or another special file")
    }
    if path.hasPrefix("/") { throw refused(path, "an absolute path") }
    if components.contains("..") { throw refused(path, "a path that leads out of the archive") }
    let size = archive_entry_size_is_set(entry) != 0 ? Int(archive_entry_size(entry)) : nil
    return Member(path: plain ?? components.joined(separator: "/"), size: size)
  }

  /// The path where it is a bare name in ASCII that nothing is special about, as in most archives of samples.
  private func plainPath(of entry: OpaquePointer) -> String? {
    guard let raw = archive_entry_pathname(entry), raw.pointee != 0, raw.pointee != 0x2e, raw.pointee != 0x5f else {
      return nil
    }
    let bytes = UnsafeRawBufferPointer(start: raw, count: strlen(raw))
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x2f && $0 != 0x5c }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func utf8Path(of entry: OpaquePointer) throws(DataError) -> String {
    let raw = UTF8Locale.use { archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry) }
    guard let raw, let path = String(validatingCString: raw) else {
      throw DataError(.badInput, at: [name, "member \(grouped(members))"], "its name is not UTF-8")
    }
    return path
  }

  private func refused(_ path: String, _ what: String) -> DataError {
    DataError(
      .badInput, at: [name, path], "\(what); archives may hold only regular files", remedy: "pack it again without")
  }
}

/// Whether a path is one of those that macOS leaves in archives.
func isLitter(_ components: [some StringProtocol]) -> Bool {
  guard let last = components.last else { return true }
  return last.hasPrefix("._") || last == ".DS_Store" || components.contains { $0 == "__MACOSX" }
}

/// libarchive converts names through the C locale of the calling thread; the process's own is not touched.
private enum UTF8Locale {
  // Written once, and only handed to uselocale.
  nonisolated(unsafe) private static let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)

  static func use<Result>(_ body: () -> Result) -> Result {
    guard let locale else { return body() }
    let previous = uselocale(locale)
    defer { _ = uselocale(previous) }
    return body()
  }
}
