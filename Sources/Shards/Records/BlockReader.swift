internal import Datasets
internal import Glibc

/// A window over a stream of 512-byte blocks, with a hash over a chosen phase of it.
///
/// The window fits in a core's cache: what is read is hashed and copied before it has to be fetched from memory again.
final class BlockReader {
  typealias Fill = (UnsafeMutableRawBufferPointer) throws(DataError) -> Int

  /// For messages.
  let name: String
  /// Bytes consumed.
  private(set) var offset = 0
  private let fault: DataError.Fault
  private let remedy: String?
  private let fill: Fill
  private let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  /// The unread bytes of the window.
  private var start = 0
  private var end = 0
  private var hash: SHA256?
  /// Where in the window the bytes begin that are consumed but not hashed yet.
  private var unhashed = 0

  /// Reads from `fill`, which returns 0 at the end; an end in the middle of something is reported as `fault`.
  init(name: String, endingEarly fault: DataError.Fault, remedy: String? = nil, fill: @escaping Fill) {
    self.name = name
    self.fault = fault
    self.remedy = remedy
    self.fill = fill
  }

  deinit {
    window.deallocate()
  }

  /// Hashes every byte consumed from here on.
  func startHash() {
    hash = SHA256()
    unhashed = start
  }

  /// The hash of every byte consumed since `startHash`; hashing ends.
  func finishHash() -> String? {
    hashConsumed()
    defer { hash = nil }
    return hash?.finish()
  }

  /// The error for a stream that ends where `what` was expected.
  func cut(_ what: String) -> DataError {
    DataError(
      fault, at: [name], "ends after \(offset + end - start) bytes, where \(what) should follow", remedy: remedy)
  }

  /// The next block, without consuming it.
  func peekBlock(_ what: String) throws(DataError) -> UnsafeRawBufferPointer {
    while end - start < TarHeader.blockSize {
      guard try refill() > 0 else { throw cut(what) }
    }
    return UnsafeRawBufferPointer(rebasing: window[start..<start + TarHeader.blockSize])
  }

  func skipBlock() {
    precondition(end - start >= TarHeader.blockSize, "a block was skipped that had not been looked at")
    start += TarHeader.blockSize
    offset += TarHeader.blockSize
  }

  /// A payload and its padding, which must be zeros.
  func readPayload(_ size: Int, of member: String) throws(DataError) -> [UInt8] {
    let whole = size + TarHeader.padding(after: size)
    if whole <= window.count / 4 {
      while end - start < whole, try refill() > 0 {}
      if end - start >= whole { return try takePayload(size, whole, of: member) }
    }
    return try gatherPayload(size, of: member)
  }

  /// A payload that stands whole in the window.
  private func takePayload(_ size: Int, _ whole: Int, of member: String) throws(DataError) -> [UInt8] {
    guard isZero(start + size..<start + whole) else { throw filledPadding(member) }
    let from = UnsafeRawBufferPointer(rebasing: window[start..<start + size])
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: from)
      count = size
    }
    start += whole
    offset += whole
    return bytes
  }

  /// A payload that may be larger than the window, or end early.
  private func gatherPayload(_ size: Int, of member: String) throws(DataError) -> [UInt8] {
    var failure: DataError?
    // The capacity grows with what arrives, not with what the header claims.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(size, 16 << 20))
    while bytes.count < size && failure == nil {
      if start == end {
        do throws(DataError) {
          if try refill() == 0 { failure = cut("the rest of \(member)") }
        } catch {
          failure = error
        }
      }
      let count = min(end - start, size - bytes.count)
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: window[start..<start + count]))
      start += count
      offset += count
    }
    if let failure { throw failure }
    var padding = TarHeader.padding(after: size)
    while padding > 0 {
      if start == end, try refill() == 0 { throw cut("the padding of \(member)") }
      let count = min(end - start, padding)
      guard isZero(start..<start + count) else { throw filledPadding(member) }
      start += count
      offset += count
      padding -= count
    }
    return bytes
  }

  private func filledPadding(_ member: String) -> DataError {
    DataError(.badInput, at: [name, member], "has bytes other than zero in its padding")
  }

  private func isZero(_ range: Range<Int>) -> Bool {
    guard let base = window.baseAddress else { return true }
    var all: UInt8 = 0
    for index in range { all |= (base + index).load(as: UInt8.self) }
    return all == 0
  }

  /// Consumes the two zero blocks that end an archive, and zeros after them up to the end of the stream.
  func readEndOfArchive() throws(DataError) {
    for _ in 0..<2 {
      guard try peekBlock("the end of the archive").allSatisfy({ $0 == 0 }) else {
        throw DataError(.badInput, at: [name], "has a block of zeros at byte \(offset), in the middle of the archive")
      }
      skipBlock()
    }
    while true {
      if start == end, try refill() == 0 { return }
      guard window[start..<end].allSatisfy({ $0 == 0 }) else {
        throw DataError(.badInput, at: [name], "has data after the end of the archive at byte \(offset)")
      }
      offset += end - start
      start = end
    }
  }

  private func refill() throws(DataError) -> Int {
    if start > 0 && window.count - end < window.count / 4 || start == end {
      hashConsumed()
      if let base = window.baseAddress { memmove(base, base + start, end - start) }
      end -= start
      start = 0
      unhashed = 0
    }
    let count = try fill(UnsafeMutableRawBufferPointer(rebasing: window[end...]))
    end += count
    return count
  }

  private func hashConsumed() {
    hash?.update(UnsafeRawBufferPointer(rebasing: window[unhashed..<start]))
    unhashed = start
  }
}
