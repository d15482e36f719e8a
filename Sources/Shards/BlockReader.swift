internal import Datasets
internal import Glibc

/// A window of a megabyte over a stream of 512-byte blocks, with a hash over a chosen stretch of it.
final class BlockReader {
  typealias Fill = (UnsafeMutableRawBufferPointer) throws(DataError) -> Int

  /// For messages.
  let name: String
  /// Bytes consumed.
  private(set) var offset = 0
  private let fault: DataError.Fault
  private let remedy: String?
  private let fill: Fill
  private let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
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
      bytes.append(contentsOf: window[start..<start + count])
      start += count
      offset += count
    }
    if let failure { throw failure }
    var padding = TarHeader.padding(after: size)
    while padding > 0 {
      if start == end, try refill() == 0 { throw cut("the padding of \(member)") }
      let count = min(end - start, padding)
      guard window[start..<start + count].allSatisfy({ $0 == 0 }) else {
        throw DataError(.badInput, at: [name, member], "has bytes other than zero in its padding")
      }
      start += count
      offset += count
      padding -= count
    }
    return bytes
  }

  /// Consumes the two zero blocks that end an archive, and zeros behind them up to the end of the stream.
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
        throw DataError(.badInput, at: [name], "has data behind the end of the archive at byte \(offset)")
      }
      offset += end - start
      start = end
    }
  }

  private func refill() throws(DataError) -> Int {
    if start > 0 && window.count - end < 65_536 || start == end {
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
