/// Files one after another, wherever they are: in an archive, in a folder, a bare one, or several of these in a row.
public final class MemberReader {
  private enum Backing {
    case archive(ArchiveReader)
    case folder(Folder, next: Int)
    case bare(ByteSource, given: Bool)
    case sequence(count: Int, open: (Int) throws(DataError) -> MemberReader, next: Int, current: MemberReader?)
  }
  private var backing: Backing
  // The current member of a folder, or a bare file.
  private var file: ByteSource?
  private let limits: Limits
  private let ownName: String
  /// The member that `next` returned last.
  public private(set) var current: Member?

  private init(_ backing: Backing, name: String, limits: Limits) {
    self.backing = backing
    self.limits = limits
    ownName = name
  }

  /// The members of an archive.
  public convenience init(_ archive: ArchiveReader, limits: Limits = Limits()) {
    self.init(.archive(archive), name: archive.name, limits: limits)
  }

  convenience init(_ folder: Folder, limits: Limits) {
    self.init(.folder(folder, next: 0), name: folder.path, limits: limits)
  }

  /// One member, named as the source is, decompressed.
  convenience init(bare source: ByteSource, limits: Limits) throws(DataError) {
    self.init(.bare(try source.decompressed(limits: limits), given: false), name: source.name, limits: limits)
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
    return [name, current.path]
  }

  // Of the readers of a sequence that were read to their end.
  private var foldersBefore: Set<[String]> = []
  /// The folders that were met on the way, all of them after the last member; also those without a file.
  var folders: Set<[String]> {
    switch backing {
    case .archive(let archive): archive.folders
    case .folder(let folder, _): folder.folders
    case .bare: []
    case .sequence(_, _, _, let current): foldersBefore.union(current?.folders ?? [])
    }
  }

  /// The next member, or nil after the last; what is left of the current one is skipped.
  public func next() throws(DataError) -> Member? {
    current = try advance()
    return current
  }

  private func advance() throws(DataError) -> Member? {
    switch backing {
    case .archive(let archive):
      return try archive.next()
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
        if let member = try current.next() { return member }
        foldersBefore.formUnion(current.folders)
      }
      guard next < count else {
        backing = .sequence(count: count, open: open, next: next, current: nil)
        return nil
      }
      backing = .sequence(count: count, open: open, next: next + 1, current: try open(next))
      return try advance()
    }
  }

  /// Reads up to the buffer's size of the current member; 0 at its end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    switch backing {
    case .archive(let archive): return try archive.read(into: buffer)
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

  /// The next bytes of the current member, as many as there are and can be read.
  func start(_ count: Int) -> [UInt8] { readPart(count).0 }

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
