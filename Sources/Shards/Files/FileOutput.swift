internal import Datasets
internal import Glibc

/// Buffered, hashed output to a file descriptor: few large writes, and one hash update for each.
final class FileOutput {
  let name: String
  /// Bytes accepted so far.
  private(set) var count = 0
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private var used = 0
  private var hash: SHA256?

  /// Takes a descriptor that stays the caller's to close.
  init(_ descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit {
    buffer.deallocate()
  }

  /// Hashes every byte from here on.
  func startHash() throws(DataError) {
    try flush()
    hash = SHA256()
  }

  /// The hash of every byte since `startHash`; hashing ends.
  func finishHash() throws(DataError) -> String {
    try flush()
    guard let hash else { preconditionFailure("finishHash without startHash") }
    self.hash = nil
    return hash.finish()
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
    count += bytes.count
    if bytes.count > buffer.count - used { try flush() }
    // A long run is not copied first.
    if bytes.count >= buffer.count / 4, used == 0 {
      try drain(bytes)
    } else {
      UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(from: bytes)
      used += bytes.count
    }
  }

  func append(_ bytes: [UInt8]) throws(DataError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(DataError) in try append(UnsafeRawBufferPointer(bytes)) }
  }

  func flush() throws(DataError) {
    let pending = UnsafeRawBufferPointer(rebasing: buffer[..<used])
    used = 0
    try drain(pending)
  }

  private func drain(_ bytes: UnsafeRawBufferPointer) throws(DataError) {
    hash?.update(bytes)
    var rest = bytes[...]
    while !rest.isEmpty {
      let run = UnsafeRawBufferPointer(rebasing: rest)
      let written = write(descriptor, run.baseAddress, run.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        throw systemError(.io, at: [name], "cannot be written")
      }
    }
  }
}
