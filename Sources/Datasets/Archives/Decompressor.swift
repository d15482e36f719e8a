internal import CArchive

/// The five compressed forms, told apart by their first bytes.
enum Compression: CaseIterable {
  case gzip, xz, bzip2, zstd, lz4

  static let signatureLength = 6

  init?(firstBytes: [UInt8]) {
    if Self.startsSkippableFrame(firstBytes) {
      self = .zstd
      return
    }
    let found = Self.allCases.first { firstBytes.starts(with: $0.signature) }
    guard let found else { return nil }
    self = found
  }

  /// Whether bytes begin a frame that holds no data, as pzstd writes one first; such a frame may precede those of zstd and of lz4.
  static func startsSkippableFrame(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 4 && (0x50...0x5f).contains(bytes[0]) && bytes[1] == 0x2a && bytes[2] == 0x4d && bytes[3] == 0x18
  }

  private var signature: [UInt8] {
    switch self {
    case .gzip: [0x1f, 0x8b]
    case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
    case .bzip2: [0x42, 0x5a, 0x68]
    case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
    case .lz4: [0x04, 0x22, 0x4d, 0x18]
    }
  }
}

/// Decompresses a source: gzip through zlib, the others through libarchive's filters.
///
/// libarchive reads a gzip file's checksum but does not compare it, zlib does.
final class Decompressor {
  private enum Engine {
    case gzip(GzipInflater)
    case filter(FilterReader)
  }
  private let engine: Engine
  private let source: ByteSource
  private let limits: Limits
  private var produced = 0

  init(_ source: ByteSource, _ compression: Compression, limits: Limits) throws(DataError) {
    self.source = source
    self.limits = limits
    try Self.skipFrames(source)
    engine = compression == .gzip ? .gzip(try GzipInflater(source)) : .filter(try FilterReader(source))
  }

  /// Passes over frames at the beginning that hold no data: four bytes that say so, the size, and so many bytes.
  private static func skipFrames(_ source: ByteSource) throws(DataError) {
    var start = try source.peek(8)
    guard Compression.startsSkippableFrame(start) else { return }
    while Compression.startsSkippableFrame(start) {
      guard start.count == 8 else { break }
      let size: Int = start.dropFirst(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      var rest = 8 + size
      while rest > 0 {
        let skipped = try source.nextChunk(upTo: rest).count
        if skipped == 0 { break }
        rest -= skipped
      }
      guard rest == 0 else { break }
      start = try source.peek(8)
    }
    // Nothing behind them is a cut, or another kind of file that begins alike.
    let next = Compression(firstBytes: start)
    guard !Compression.startsSkippableFrame(start), next == .zstd || next == .lz4 else {
      throw DataError(
        .badInput, at: [source.name], "the input is cut short: no data follows the skippable frame that it begins with",
        remedy: Remedy.getItAgain)
    }
  }

  /// The next run of bytes, valid until the next call; empty at the end, where the checksums have been compared.
  func nextBlock() throws(DataError) -> UnsafeRawBufferPointer {
    let block =
      switch engine {
      case .gzip(let inflater): try inflater.nextBlock()
      case .filter(let reader): try reader.nextBlock()
      }
    produced += block.count
    if produced > limits.ratioGrace, produced / limits.maxRatio > max(1, source.consumed) {
      throw DataError(
        .badInput, at: [source.name],
        "decompresses to more than \(grouped(limits.maxRatio)) times its size, as a decompression bomb does",
        remedy: "decompress it yourself if you trust it")
    }
    return block
  }
}

/// A libarchive reader with filters but no archive format on top.
private final class FilterReader {
  private let handle: ArchiveHandle
  private var ended = false

  init(_ source: ByteSource) throws(DataError) {
    handle = try ArchiveHandle(source)
    handle.enableFilters()
    archive_read_support_format_raw(handle.archive)
    try handle.open()
    var entry: OpaquePointer?
    let status = archive_read_next_header(handle.archive, &entry)
    if status == ARCHIVE_EOF {
      ended = true
    } else {
      try handle.check(status)
    }
  }

  func nextBlock() throws(DataError) -> UnsafeRawBufferPointer {
    while !ended {
      var start: UnsafeRawPointer?
      var count = 0
      var offset: la_int64_t = 0
      let status = archive_read_data_block(handle.archive, &start, &count, &offset)
      if status == ARCHIVE_EOF {
        ended = true
        break
      }
      try handle.check(status)
      if count > 0 { return UnsafeRawBufferPointer(start: start, count: count) }
    }
    return UnsafeRawBufferPointer(start: nil, count: 0)
  }
}
