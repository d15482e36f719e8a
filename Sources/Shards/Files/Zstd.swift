internal import CZstd
internal import Datasets

/// Compresses a file into one frame that states its content size and carries a checksum: the only form that every reader handles.
///
/// - Throws: `DataError` (`.io`) when reading or writing fails.
func compressZstd(_ input: FileInput, size: Int, level: Int, to output: FileOutput) throws(DataError) {
  guard let context = ZSTD_createCCtx() else { preconditionFailure("libzstd gave no context") }
  defer { ZSTD_freeCCtx(context) }
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
  // From level 20 on the window would grow beyond the 8 MiB that readers are sure to accept.
  if level > 19 { ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 23) }
  ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size))
  let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
  let target = UnsafeMutableRawBufferPointer.allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 64)
  defer {
    source.deallocate()
    target.deallocate()
  }
  while true {
    let count = try input.read(into: source)
    var chunk = ZSTD_inBuffer(src: source.baseAddress, size: count, pos: 0)
    let operation = count == 0 ? ZSTD_e_end : ZSTD_e_continue
    while true {
      var room = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
      let left = ZSTD_compressStream2(context, &room, &chunk, operation)
      guard ZSTD_isError(left) == 0 else {
        throw DataError(.io, at: [input.name], "cannot be compressed: \(String(cString: ZSTD_getErrorName(left)))")
      }
      try output.append(UnsafeRawBufferPointer(rebasing: target[..<room.pos]))
      if operation == ZSTD_e_end ? left == 0 : chunk.pos == chunk.size { break }
    }
    if count == 0 { return }
  }
}

/// Decompresses one frame, and refuses anything after it.
final class ZstdInput {
  private let context: OpaquePointer
  private let name: String
  private let fill: BlockReader.Fill
  private let source = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private var start = 0
  private var end = 0
  private var finished = false

  init(name: String, fill: @escaping BlockReader.Fill) {
    guard let context = ZSTD_createDCtx() else { preconditionFailure("libzstd gave no context") }
    self.context = context
    self.name = name
    self.fill = fill
    // A frame that asks for more than this program ever writes is not its own; the bound is on memory.
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 25)
  }

  deinit {
    ZSTD_freeDCtx(context)
    source.deallocate()
  }

  /// Up to `buffer.count` decompressed bytes; 0 after the frame's end.
  ///
  /// - Throws: `DataError` (`.badInput`) on damage, a checksum that does not hold, a cut or a second frame.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    while true {
      if start == end {
        start = 0
        end = try fill(source)
        if end == 0 {
          guard finished else { throw DataError(.badInput, at: [name], "ends in the middle of its zstd frame") }
          return 0
        }
      }
      guard !finished else { throw DataError(.badInput, at: [name], "has data after its zstd frame") }
      var chunk = ZSTD_inBuffer(src: source.baseAddress, size: end, pos: start)
      var room = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
      let left = ZSTD_decompressStream(context, &room, &chunk)
      guard ZSTD_isError(left) == 0 else {
        throw DataError(.badInput, at: [name], "cannot be decompressed: \(String(cString: ZSTD_getErrorName(left)))")
      }
      start = chunk.pos
      finished = left == 0
      if room.pos > 0 { return room.pos }
    }
  }
}
