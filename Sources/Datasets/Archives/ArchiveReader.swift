internal import CArchive
internal import Glibc

/// One file in an archive or a folder.
public struct Member: Sendable, Equatable {
  /// Its path as the archive has it, without a leading `./`.
  public var path: String
  /// Its size in bytes, where it is known before it is read.
  public var size: Int?

  /// The names, without their extensions, of the archives that it is in, outermost first, where these are several or in one another.
  var archives: [String] = []
  /// The folders that the outermost of these is in, below the folder of archives that was given; none where there was none.
  var foldersOfArchive: [String] = []

  /// Makes a member of an archive or a folder.
  public init(path: String, size: Int? = nil) {
    self.path = path
    self.size = size
  }

  /// The part after the last slash.
  public var basename: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// Reads the regular files of a tar (any of the five compressions) or zip archive, in archive order.
///
/// Folders, hidden files and what systems leave in archives are skipped, see `Litter`; links are noted, see `Links`. Devices, absolute
/// paths and `..` are refused, and so is an archive that just stops, even exactly between two members.
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
  /// The links that were met so far.
  private(set) var links = Links()
  /// The hidden files that were skipped so far.
  private(set) var litter = Litter()

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

  // The member, or nil for a folder, a link and for litter.
  private func member(of entry: OpaquePointer) throws(DataError) -> Member? {
    let plain = plainPath(of: entry)
    let path: String
    if let plain { path = plain } else { path = try utf8Path(of: entry) }
    // A bare name has one part; splitting it would take as long as the rest.
    let components = plain == nil ? path.split(separator: "/").filter { $0 != "." } : [path[...]]
    if let root = plain == nil || Litter.isLitter(path) ? Litter.root(of: components) : nil {
      litter.add(root)
      return nil
    }
    let type = archive_entry_filetype(entry)
    if let link = try link(entry, at: path, components) {
      links.add(link)
      return nil
    }
    switch type {
    case Glibc.S_IFDIR:
      folders.insert(components.map(String.init))
      return nil
    case Glibc.S_IFREG: break
    // A zip made elsewhere may not say; a trailing slash makes a folder of it.
    case 0: if path.hasSuffix("/") { return nil }
    default: throw refused(path, "a device or another special file; archives may hold only files, folders and links")
    }
    if archive_entry_is_encrypted(entry) != 0 {
      throw DataError(
        .badInput, at: [name, path], "it is encrypted with a password",
        remedy: "unpack it with its password first: unzip \(name)")
    }
    if path.hasPrefix("/") {
      throw refused(path, "an absolute path", remedy: "pack it again from its folder: tar -C FOLDER -cf ARCHIVE .")
    }
    if components.contains("..") { throw refused(path, "a path that leads out of the archive") }
    let size = archive_entry_size_is_set(entry) != 0 ? Int(archive_entry_size(entry)) : nil
    return Member(path: plain ?? components.joined(separator: "/"), size: size)
  }

  /// The link that an entry is; nil for everything else.
  private func link(
    _ entry: OpaquePointer, at path: String, _ components: [Substring]
  ) throws(DataError) -> Links.Link? {
    let isHard = archive_entry_hardlink(entry) != nil
    guard isHard || archive_entry_filetype(entry) == Glibc.S_IFLNK else { return nil }
    let kind = isHard ? "a hard link" : "a symbolic link"
    let raw = UTF8Locale.use {
      isHard
        ? archive_entry_hardlink_utf8(entry) ?? archive_entry_hardlink(entry)
        : archive_entry_symlink_utf8(entry) ?? archive_entry_symlink(entry)
    }
    guard let raw, let text = String(validatingCString: raw) else {
      throw refused(path, "\(kind) to a name that is not UTF-8")
    }
    // A hard link names a member, a symbolic link a place beside its own.
    let folder = isHard ? [] : components.dropLast().map(String.init)
    guard !path.hasPrefix("/"), !components.contains(".."), let target = Links.resolved(text, from: folder) else {
      throw refused(
        path, "\(kind) that leads out of the archive, to \(text)",
        remedy: "pack it again with tar --dereference --hard-dereference")
    }
    return Links.Link(path: components.joined(separator: "/"), target: target, kind: kind)
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
      let bytes =
        archive_entry_pathname(entry).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
      throw DataError(
        .badInput, at: [name, "member \(grouped(members))"], "its name is not UTF-8: \(escaped(bytes))",
        remedy: "unpack it, rename its files (convmv -f latin1 -t utf8 -r --notest FOLDER) and give the folder")
    }
    return path
  }

  private func refused(_ path: String, _ what: String, remedy: String = "pack it again without") -> DataError {
    DataError(.badInput, at: [name, path], what, remedy: remedy)
  }
}

/// Bytes of a name that is not UTF-8, as a shell would show them: `caf\xe9`.
func escaped(_ bytes: [UInt8]) -> String {
  bytes.map { byte in
    (0x20..<0x7f).contains(byte)
      ? String(UnicodeScalar(byte)) : "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }.joined()
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
