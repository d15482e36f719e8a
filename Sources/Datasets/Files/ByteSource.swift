internal import Glibc

/// Bytes that are read once from front to back: a file, a pipe, memory, or the decompressed form of another source.
///
/// Blocking, and used by one task at a time. `peek` looks ahead without consuming. A file can be opened again from its
/// start with `reopened()`, a pipe cannot.
public final class ByteSource {
  /// What messages call it.
  public let name: String
  /// Bytes consumed so far.
  public private(set) var consumed = 0

  private enum Backing {
    /// Sequential reads.
    case stream(Descriptor)
    /// Positioned reads, so that several sources can share one descriptor.
    case file(File)
    case decompressor(Decompressor)
    /// Reads the next bytes into the buffer and returns their number, 0 at the end.
    case function((UnsafeMutableRawBufferPointer) throws(DataError) -> Int)
    case nothing
  }
  /// A regular file from where its descriptor stood when it came; positions count from there.
  private struct File {
    var descriptor: Descriptor
    var origin: Int
    var size: Int
    /// Where the next fill begins.
    var position = 0
  }
  private var backing: Backing
  // Bytes that were read and not yet consumed; in `storage`, or in a block that the decompressor owns.
  private var window = UnsafeRawBufferPointer(start: nil, count: 0)
  private var storage: UnsafeMutableRawBufferPointer
  private static let chunk = 256 << 10

  private init(name: String, backing: Backing, capacity: Int) {
    self.name = name
    self.backing = backing
    storage = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit { storage.deallocate() }

  /// Opens standard input or a file.
  ///
  /// Throws `noInput` where there is no such file, `io` where it cannot be read.
  public convenience init(_ input: Input) throws(DataError) {
    switch input {
    case .standardInput:
      self.init(descriptor: Descriptor(0, owned: false), name: input.name)
    case .file(let path):
      try self.init(descriptor: Descriptor(opening: path), name: path)
    }
  }

  /// Reads an open descriptor; a regular file from its current position on.
  public convenience init(fileDescriptor: Int32, closes: Bool, name: String) {
    self.init(descriptor: Descriptor(fileDescriptor, owned: closes), name: name)
  }

  convenience init(descriptor: Descriptor, name: String) {
    let position = Int(lseek(descriptor.number, 0, SEEK_CUR))
    if position >= 0, let size = descriptor.regularFileSize {
      let file = File(descriptor: descriptor, origin: position, size: max(0, size - position))
      self.init(name: name, backing: .file(file), capacity: Self.chunk)
    } else {
      self.init(name: name, backing: .stream(descriptor), capacity: Self.chunk)
    }
  }

  /// Reads bytes in memory.
  public convenience init(bytes: [UInt8], name: String) {
    self.init(name: name, backing: .nothing, capacity: max(1, bytes.count))
    storage.copyBytes(from: bytes)
    window = UnsafeRawBufferPointer(start: storage.baseAddress, count: bytes.count)
  }

  /// Reads what a function delivers; it returns 0 at the end.
  convenience init(name: String, function: @escaping (UnsafeMutableRawBufferPointer) throws(DataError) -> Int) {
    self.init(name: name, backing: .function(function), capacity: 64 << 10)
  }

  /// The next bytes, not consumed: `count` of them, or fewer where the source ends before.
  public func peek(_ count: Int) throws(DataError) -> [UInt8] {
    try fill(atLeast: count)
    return Array(window.prefix(count))
  }

  /// Reads up to the buffer's size; returns the number of bytes, 0 only at the end (or for an empty buffer).
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    guard buffer.count > 0 else { return 0 }
    if window.isEmpty, buffer.count >= storage.count, !isDecompressor {
      let count = try readFromBacking(into: buffer)
      consumed += count
      return count
    }
    let chunk = try nextChunk(upTo: buffer.count)
    buffer.copyMemory(from: chunk)
    return chunk.count
  }

  /// Reads until the buffer is full or the source ends; returns the number of bytes.
  public func readFully(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Exactly `count` bytes; throws `badInput`, naming what was being read, where the source ends before.
  func readExactly(_ count: Int, what: String) throws(DataError) -> [UInt8] {
    var failure: DataError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(DataError) {
        initialized = try readFully(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    guard bytes.count == count else {
      throw DataError(
        .badInput, at: [name],
        "the input is cut short: it ends in the middle of \(what), \(grouped(count)) bytes were expected and"
          + " \(grouped(bytes.count)) found", remedy: Remedy.getItAgain)
    }
    return bytes
  }

  /// Everything that is left; throws `badInput` when that is more than `limit` bytes.
  public func readAll(limit: Int) throws(DataError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let chunk = try nextChunk()
      if chunk.isEmpty { return bytes }
      guard bytes.count + chunk.count <= limit else {
        throw DataError(.badInput, at: [name], "more than the \(grouped(limit)) bytes that are allowed")
      }
      bytes.append(contentsOf: chunk)
    }
  }

  /// Reads and drops everything that is left.
  public func drain() throws(DataError) {
    while try !nextChunk().isEmpty {}
  }

  /// The next run of bytes, consumed, without a copy; empty only at the end.
  ///
  /// Valid until the next call of any method.
  func nextChunk(upTo limit: Int = .max) throws(DataError) -> UnsafeRawBufferPointer {
    if window.isEmpty { try fill(atLeast: 1) }
    let chunk = UnsafeRawBufferPointer(rebasing: window.prefix(limit))
    window = UnsafeRawBufferPointer(rebasing: window.dropFirst(chunk.count))
    consumed += chunk.count
    return chunk
  }

  // MARK: Positions

  /// The whole size, where it is known: a regular file's.
  var size: Int? {
    guard case .file(let file) = backing else { return nil }
    return file.size
  }

  /// Whether `seek` and `reopened` work.
  var isSeekable: Bool { size != nil }

  /// A path under which a library can open the same file, as long as this source lives; nil for everything but whole files.
  var descriptorPath: String? {
    guard case .file(let file) = backing, file.origin == 0 else { return nil }
    return "/proc/self/fd/\(file.descriptor.number)"
  }

  /// Continues at a position from the file's start.
  ///
  /// Only for seekable sources.
  func seek(to position: Int) {
    guard case .file(var file) = backing else { preconditionFailure("only a regular file can be positioned") }
    file.position = position
    backing = .file(file)
    window = UnsafeRawBufferPointer(start: nil, count: 0)
    consumed = position
  }

  /// A second source over the same file, from its start; nil for pipes.
  func reopened() -> ByteSource? {
    guard case .file(var file) = backing else { return nil }
    file.position = 0
    return ByteSource(name: name, backing: .file(file), capacity: Self.chunk)
  }

  // MARK: Decompression

  /// This source decompressed where its first bytes show one of gzip, xz, bzip2, zstd, lz4; itself otherwise.
  public func decompressed(limits: Limits = Limits()) throws(DataError) -> ByteSource {
    let start = try peek(Compression.signatureLength)
    guard let compression = Compression(firstBytes: start) else { return self }
    let decompressor = try Decompressor(self, compression, limits: limits)
    return ByteSource(name: name, backing: .decompressor(decompressor), capacity: 1)
  }

  /// The first `count` bytes of the decompressed content (fewer where it is shorter or damaged); consumes nothing.
  public func peekDecompressed(_ count: Int, limits: Limits = Limits()) throws(DataError) -> [UInt8] {
    guard Compression(firstBytes: try peek(Compression.signatureLength)) != nil else { return try peek(count) }
    var best: [UInt8] = []
    // bzip2 gives nothing before a whole block, up to 900 kB, has gone in.
    for prefix in [64 << 10, 1 << 20, 4 << 20] {
      let bytes = try peek(prefix)
      let attempt = Self.firstBytes(count, decompressing: bytes, limits: limits)
      if attempt.count > best.count { best = attempt }
      if best.count >= count || bytes.count < prefix { break }
    }
    return best
  }

  // The prefix is cut somewhere, so the error at its end means nothing.
  private static func firstBytes(_ count: Int, decompressing bytes: [UInt8], limits: Limits) -> [UInt8] {
    var found: [UInt8] = []
    do throws(DataError) {
      let source = try ByteSource(bytes: bytes, name: "prefix").decompressed(limits: limits)
      while found.count < count {
        let chunk = try source.nextChunk(upTo: count - found.count)
        if chunk.isEmpty { break }
        found.append(contentsOf: chunk)
      }
    } catch {}
    return found
  }

  // MARK: Filling

  private var isDecompressor: Bool {
    if case .decompressor = backing { return true }
    return false
  }

  // Makes the window hold at least `count` bytes, or all that are left.
  private func fill(atLeast count: Int) throws(DataError) {
    guard window.count < count else { return }
    if window.isEmpty, case .decompressor(let decompressor) = backing {
      window = try decompressor.nextBlock()
      guard window.count < count, !window.isEmpty else { return }
    }
    moveToStorage(capacity: max(count, Self.chunk))
    while window.count < count {
      let filled = window.count
      if case .decompressor(let decompressor) = backing {
        let block = try decompressor.nextBlock()
        if block.isEmpty { return }
        if filled + block.count > storage.count {
          moveToStorage(capacity: max(2 * storage.count, filled + block.count))
        }
        UnsafeMutableRawBufferPointer(rebasing: storage[filled...]).copyMemory(from: block)
        window = UnsafeRawBufferPointer(rebasing: storage[..<(filled + block.count)])
      } else {
        let read = try readFromBacking(into: UnsafeMutableRawBufferPointer(rebasing: storage[filled...]))
        if read == 0 { return }
        window = UnsafeRawBufferPointer(rebasing: storage[..<(filled + read)])
      }
    }
  }

  // Puts the window at the storage's start, in a larger one where `capacity` asks for it.
  private func moveToStorage(capacity: Int) {
    if storage.count < capacity {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
      larger.copyMemory(from: window)
      storage.deallocate()
      storage = larger
    } else if let from = window.baseAddress, let to = storage.baseAddress {
      memmove(to, from, window.count)
    }
    window = UnsafeRawBufferPointer(rebasing: storage[..<window.count])
  }

  private func readFromBacking(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    switch backing {
    case .stream(let descriptor):
      return try descriptor.read(into: buffer, name: name)
    case .file(var file):
      let count = try file.descriptor.read(into: buffer, at: file.origin + file.position, name: name)
      file.position += count
      backing = .file(file)
      return count
    case .function(let function):
      return try function(buffer)
    case .decompressor, .nothing:
      return 0
    }
  }
}
