import Datasets
import Foundation

/// Fixed-size records, appended one by one and then read at random: in RAM up to a limit, beyond it in a
/// memory-mapped file.
///
/// The file has no name (it is unlinked at once), and its blocks are reserved before they are mapped, because a full
/// disk would
/// otherwise show as a SIGBUS at some later store.
final class RecordArena {
  let recordBytes: Int
  private(set) var count = 0
  private let recordsPerBlock: Int
  private let memoryLimit: Int
  private let spillDirectory: String
  private var blocks: [UnsafeMutableRawBufferPointer] = []
  private var mapped: [Bool] = []
  private var spill: Int32 = -1

  /// Bytes of one block; small enough that a few classes of MNIST do not waste it, large enough that there are few.
  private static let blockBytes = 8 << 20

  /// Makes an arena; `memoryLimit` is in bytes.
  init(recordBytes: Int, memoryLimit: Int, spillDirectory: String) {
    precondition(recordBytes > 0, "a record takes at least one byte")
    self.recordBytes = recordBytes
    self.recordsPerBlock = max(1, Self.blockBytes / recordBytes)
    self.memoryLimit = memoryLimit
    self.spillDirectory = spillDirectory
  }

  deinit {
    for (block, isMapped) in zip(blocks, mapped) {
      if isMapped { munmap(block.baseAddress, block.count) } else { block.deallocate() }
    }
    if spill >= 0 { close(spill) }
  }

  /// Bytes of records in the spill file.
  ///
  /// The blocks in RAM come first.
  var spilledBytes: Int {
    let inRAM = mapped.count { !$0 } * recordsPerBlock
    return max(0, count - inRAM) * recordBytes
  }

  /// Room for one more record; valid as long as the arena is.
  func append() throws(DataError) -> UnsafeMutableRawBufferPointer {
    if count == blocks.count * recordsPerBlock { try addBlock() }
    let place = record(count)
    count += 1
    return place
  }

  /// The record at an index.
  func record(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let (block, offset) = index.quotientAndRemainder(dividingBy: recordsPerBlock)
    return UnsafeMutableRawBufferPointer(rebasing: blocks[block][offset * recordBytes..<(offset + 1) * recordBytes])
  }

  private func addBlock() throws(DataError) {
    let page = Int(getpagesize())
    let size = (recordsPerBlock * recordBytes + page - 1) / page * page
    guard (blocks.count + 1) * size > memoryLimit else {
      blocks.append(.allocate(byteCount: size, alignment: 64))
      mapped.append(false)
      return
    }
    if spill < 0 {
      spill = openSpillFile(in: spillDirectory)
      guard spill >= 0 else { throw spillError("cannot be created") }
    }
    let offset = mapped.count { $0 } * size
    let failure = posix_fallocate(spill, off_t(offset), off_t(size))
    guard failure == 0 else { throw spillError("has no room for \(size) more bytes", code: failure) }
    let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, spill, off_t(offset))
    guard let address, address != MAP_FAILED else { throw spillError("cannot be mapped") }
    blocks.append(UnsafeMutableRawBufferPointer(start: address, count: size))
    mapped.append(true)
  }

  private func spillError(_ what: String, code: Int32 = errno) -> DataError {
    DataError(
      .io, at: ["spill file in \(spillDirectory)"], "\(what): \(String(cString: strerror(code)))",
      remedy: "raise --memory or point TMPDIR at a disk with room")
  }
}
