/// Files one after another, wherever they are: in an archive, in a folder, a bare one, or several of these in a row.
public final class MemberReader {
  private enum Backing {
    case archive(ArchiveReader, reopen: Reopen?)
    /// Behind the last member: what the archive's links stand for.
    case links(LinkedMembers, of: ArchiveReader)
    case folder(Folder, next: Int)
    case bare(ByteSource, given: Bool)
    case sequence(count: Int, open: (Int) throws(DataError) -> MemberReader, next: Int, current: MemberReader?)
  }
  /// Opens the archive once more; needed where it holds links.
  typealias Reopen = () throws(DataError) -> ArchiveReader
  private var backing: Backing
  // The archive that the current member of an archive is, while its own members are read.
  private var inner: MemberReader?
  /// How many archives it is in.
  private var depth = 0
  private static let maxDepth = 4
  // Bytes that `start` read ahead.
  private var ahead: [UInt8] = []
  // The current member of a folder, or a bare file.
  private var file: ByteSource?
  let limits: Limits
  private let ownName: String
  // Every member is told it, so it is worked out once.
  private lazy var stems = [archiveStem(ownName)]
  /// The member that `next` returned last.
  public private(set) var current: Member?

  private init(_ backing: Backing, name: String, limits: Limits) {
    self.backing = backing
    self.limits = limits
    ownName = name
  }

  /// The members of an archive.
  public convenience init(_ archive: ArchiveReader, limits: Limits = Limits()) {
    self.init(archive, limits: limits, reopen: nil)
  }

  convenience init(_ archive: ArchiveReader, limits: Limits, reopen: Reopen?) {
    self.init(.archive(archive, reopen: reopen), name: archive.name, limits: limits)
  }

  convenience init(_ folder: Folder, limits: Limits) {
    self.init(.folder(folder, next: 0), name: folder.path, limits: limits)
  }

  /// One member, named as the source is, decompressed.
  convenience init(bare source: ByteSource, limits: Limits) throws(DataError) {
    self.init(.bare(try source.decompressed(limits: limits), given: false), name: source.name, limits: limits)
  }

  /// A member of an archive that is read directly, whole.
  static func contents(of member: Member, in archive: ArchiveReader, limits: Limits) throws(DataError) -> [UInt8] {
    let source = ByteSource(name: "\(archive.name): \(member.path)") { buffer throws(DataError) in
      try archive.read(into: buffer)
    }
    return try source.readAll(limit: limits.maxMemberBytes)
  }

  /// The members of several readers; each is made when its turn comes.
  public convenience init(
    count: Int, name: String, limits: Limits = Limits(), open: @escaping (Int) throws(DataError) -> MemberReader
  ) {
    self.init(.sequence(count: count, open: open, next: 0, current: nil), name: name, limits: limits)
  }

  /// What messages call the archive or folder that the current member is in.
  public var name: String {
    if case .sequence(_, _, _, let current?) = backing { return current.name }
    return ownName
  }

  /// The current member's place in messages.
  public var place: [String] {
    guard let current, current.path != name else { return [name] }
    return inner.map { [name] + $0.place } ?? [name, current.path]
  }

  // Of the readers of a sequence that were read to their end.
  private var foldersBefore: Set<[String]> = []
  /// The folders that were met on the way, all of them after the last member; also those without a file.
  var folders: Set<[String]> {
    switch backing {
    case .archive(let archive, _), .links(_, let archive): foldersBefore.union(archive.folders)
    case .folder(let folder, _): folder.folders
    case .bare: []
    case .sequence(_, _, _, let current): foldersBefore.union(current?.folders ?? [])
    }
  }

  private var litterBefore = Litter()
  /// The hidden files that were skipped on the way, all of them after the last member.
  var litter: Litter {
    switch backing {
    case .archive(let archive, _), .links(_, let archive): litterBefore + archive.litter
    case .folder(let folder, _): folder.litter
    case .bare: litterBefore
    case .sequence(_, _, _, let current): litterBefore + (current?.litter ?? Litter())
    }
  }

  /// The next member, or nil after the last; what is left of the current one is skipped.
  public func next() throws(DataError) -> Member? {
    ahead = []
    current = try advance()
    return current
  }

  private func advance() throws(DataError) -> Member? {
    switch backing {
    case .archive(let archive, let reopen):
      if let member = try nextInner() { return member }
      if let member = try archive.next() {
        current = member
        return try enter(member) ? try advance() : member
      }
      guard let first = archive.links.first else { return nil }
      guard let reopen else {
        throw DataError(
          .badInput, at: [archive.name, first.path],
          "\(first.kind), which cannot be followed in an archive that is read once",
          remedy: "give it as a file with -i, or pack it again with tar --dereference --hard-dereference")
      }
      backing = .links(try LinkedMembers(archive.links, in: reopen(), limits: limits), of: archive)
      return try advance()
    case .links(let links, _):
      return try links.next()
    case .folder(let folder, let next):
      file = nil
      guard next < folder.members.count else { return nil }
      backing = .folder(folder, next: next + 1)
      file = try ByteSource(.file(folder.path(of: folder.members[next])))
      return folder.members[next]
    case .bare(let source, let given):
      if given {
        // To the end, where a compressed file's checksum is compared.
        try source.drain()
        return nil
      }
      backing = .bare(source, given: true)
      file = source
      return Member(path: source.name, size: source.size)
    case .sequence(let count, let open, let next, let current):
      if let current {
        if var member = try current.next() {
          if current.isArchive {
            current.addStem(to: &member)
            if current.ownName.hasPrefix(ownName + "/") {
              member.foldersOfArchive =
                current.ownName.dropFirst(ownName.count).split(separator: "/").dropLast().map(String.init)
            }
          }
          return member
        }
        foldersBefore.formUnion(current.folders)
        litterBefore = litterBefore + current.litter
      }
      guard next < count else {
        backing = .sequence(count: count, open: open, next: next, current: nil)
        return nil
      }
      backing = .sequence(count: count, open: open, next: next + 1, current: try open(next))
      return try advance()
    }
  }

  // The archive that this reads comes before those in it.
  private func addStem(to member: inout Member) {
    member.archives = member.archives.isEmpty ? stems : stems + member.archives
  }

  private var isArchive: Bool {
    switch backing {
    case .archive, .links: true
    default: false
    }
  }

  // MARK: Archives in archives

  private func nextInner() throws(DataError) -> Member? {
    guard let reader = inner else { return nil }
    if var member = try reader.next() {
      reader.addStem(to: &member)
      return member
    }
    litterBefore = litterBefore + reader.litter
    foldersBefore.formUnion(reader.folders)
    inner = nil
    return nil
  }

  /// What the names of archives end with.
  private static let lastOfArchives = Array("rRzZtT24pP".utf8)

  /// Goes into the current member of an archive where it is an archive itself, as in ImageNet's archive of one per class.
  private func enter(_ member: Member) throws(DataError) -> Bool {
    // The last letter tells of most members that they are none.
    guard depth < Self.maxDepth, let last = member.path.utf8.last, Self.lastOfArchives.contains(last) else {
      return false
    }
    let lower = member.basename.lowercased()
    let isZip = lower.hasSuffix(".zip")
    guard isZip || tarSuffixes.contains(where: lower.hasSuffix) else { return false }
    var start = try start(512)
    guard
      isZip
        ? start.starts(with: ArchiveReader.zipSignature) : looksLikeTar(start) || Compression(firstBytes: start) != nil
    else { return false }
    ahead = []
    let source = ByteSource(name: member.path) { [unowned self] buffer throws(DataError) in
      guard start.isEmpty else { return take(from: &start, into: buffer) }
      return try readMember(into: buffer)
    }
    // A zip archive's directory stands at its end.
    let archive = try ArchiveReader(isZip ? spilled(source, limits: limits) : source, limits: limits)
    let reader = MemberReader(archive, limits: limits)
    reader.depth = depth + 1
    inner = reader
    return true
  }

  // MARK: Bytes

  /// The first bytes of the current member, or all where it is shorter; they are read again afterwards.
  func start(_ count: Int) throws(DataError) -> [UInt8] {
    while ahead.count < count {
      var buffer = [UInt8](repeating: 0, count: count - ahead.count)
      var failure: DataError?
      let read = buffer.withUnsafeMutableBytes { bytes in
        do throws(DataError) { return try readMore(into: bytes) } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      if read == 0 { break }
      ahead += buffer.prefix(read)
    }
    return Array(ahead.prefix(count))
  }

  /// Reads up to the buffer's size of the current member; 0 at its end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    guard ahead.isEmpty else { return take(from: &ahead, into: buffer) }
    return try readMore(into: buffer)
  }

  private func readMore(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    if let inner { return try inner.read(into: buffer) }
    return try readMember(into: buffer)
  }

  private func readMember(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    switch backing {
    case .archive(let archive, _): return try archive.read(into: buffer)
    case .links(let links, _): return links.read(into: buffer)
    case .folder, .bare: return try file?.read(into: buffer) ?? 0
    case .sequence(_, _, _, let current): return try current?.read(into: buffer) ?? 0
    }
  }

  /// Reads until the buffer is full or the member ends; returns the number of bytes.
  func readFully(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// The whole rest of the current member, to its end, where a zip archive's checksum is compared.
  public func readAll() throws(DataError) -> [UInt8] {
    if let size = current?.size, size > limits.maxMemberBytes { throw tooLarge }
    var bytes: [UInt8] = []
    var capacity = current?.size ?? 64 << 10
    while true {
      // One byte more than announced, so that the end is seen in the same call.
      let (part, error) = readPart(capacity + 1)
      if let error { throw error }
      if bytes.isEmpty { bytes = part } else { bytes.append(contentsOf: part) }
      if bytes.count > limits.maxMemberBytes { throw tooLarge }
      if part.count <= capacity { return bytes }
      capacity = max(64 << 10, bytes.count)
    }
  }

  private func readPart(_ count: Int) -> ([UInt8], DataError?) {
    var failure: DataError?
    let part = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(DataError) {
        initialized = try readFully(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    return (part, failure)
  }

  private var tooLarge: DataError {
    DataError(.badInput, at: place, "larger than the \(grouped(limits.maxMemberBytes)) bytes that a member may have")
  }

  /// The current member as a source of its own, decompressed where it is compressed; valid until the next member.
  func memberSource() throws(DataError) -> ByteSource {
    let source = ByteSource(name: place.joined(separator: ": ")) { [self] buffer throws(DataError) in
      try read(into: buffer)
    }
    return try source.decompressed(limits: limits)
  }
}

/// Moves bytes to a buffer; returns their number.
private func take(from bytes: inout [UInt8], into buffer: UnsafeMutableRawBufferPointer) -> Int {
  let count = min(bytes.count, buffer.count)
  bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  bytes.removeFirst(count)
  return count
}
