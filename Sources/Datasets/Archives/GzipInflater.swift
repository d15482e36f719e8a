internal import CZlib

/// Decompresses gzip files, also several one after another, and compares their checksums and lengths.
final class GzipInflater {
  private let source: ByteSource
  // zlib's state points back at the stream, which therefore must not move.
  private let stream: UnsafeMutablePointer<z_stream>
  private let output: UnsafeMutableRawBufferPointer
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  private var inMember = true

  private static let gzipFormat: Int32 = 15 + 16

  init(_ source: ByteSource) throws(DataError) {
    self.source = source
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    output = .allocate(byteCount: 256 << 10, alignment: 64)
    let status = inflateInit2_(stream, Self.gzipFormat, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw DataError(.io, at: [source.name], "no memory for decompressing") }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    output.deallocate()
  }

  /// The next run of bytes, valid until the next call; empty at the end.
  func nextBlock() throws(DataError) -> UnsafeRawBufferPointer {
    while true {
      if input.isEmpty {
        input = try source.nextChunk(upTo: 1 << 30)
        if input.isEmpty {
          if !inMember { return input }
          throw DataError(
            .badInput, at: [source.name], "the input is cut short in the middle of a gzip file",
            remedy: Remedy.getItAgain)
        }
      }
      if !inMember {
        // Tapes and block devices pad with zeros.
        if input[0] == 0 {
          input = UnsafeRawBufferPointer(rebasing: input.drop { $0 == 0 })
          continue
        }
        inflateReset(stream)
        inMember = true
      }
      let count = try inflateOnce()
      if count > 0 { return UnsafeRawBufferPointer(rebasing: output[..<count]) }
    }
  }

  private func inflateOnce() throws(DataError) -> Int {
    // zlib's interface has no const here; it does not write to its input.
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(output.count)
    let status = inflate(stream, Z_NO_FLUSH)
    input = UnsafeRawBufferPointer(rebasing: input.suffix(Int(stream.pointee.avail_in)))
    switch status {
    case Z_STREAM_END: inMember = false
    case Z_OK, Z_BUF_ERROR: break
    default:
      let message = stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)"
      throw DataError(
        .badInput, at: [source.name], "the input is damaged (gzip: \(message))", remedy: Remedy.getItAgain)
    }
    return output.count - Int(stream.pointee.avail_out)
  }
}
