internal import CArchive
internal import Glibc

/// One libarchive reader over a byte source.
///
/// libarchive's own messages are turned into sentences; a failure of the source passes through unchanged.
final class ArchiveHandle {
  let archive: OpaquePointer
  let source: ByteSource
  // A callback cannot throw through C: the source's error waits here.
  fileprivate var sourceError: DataError?

  init(_ source: ByteSource) throws(DataError) {
    guard let archive = archive_read_new() else {
      throw DataError(.io, at: [source.name], "no memory for reading an archive")
    }
    self.archive = archive
    self.source = source
  }

  deinit { archive_read_free(archive) }

  /// Exactly the filters that are promised: "all" would include some that start other programs.
  ///
  /// Gzip is zlib's.
  func enableFilters() {
    archive_read_support_filter_xz(archive)
    archive_read_support_filter_bzip2(archive)
    archive_read_support_filter_zstd(archive)
    archive_read_support_filter_lz4(archive)
  }

  func open() throws(DataError) {
    // The handle outlives the archive, which `deinit` frees, so the callbacks may hold it unretained.
    archive_read_set_callback_data(archive, Unmanaged.passUnretained(self).toOpaque())
    archive_read_set_read_callback(archive) { _, data, buffer in
      guard let handle = ArchiveHandle.from(data), let buffer else { return -1 }
      do throws(DataError) {
        let chunk = try handle.source.nextChunk()
        buffer.pointee = chunk.baseAddress
        return la_ssize_t(chunk.count)
      } catch {
        handle.sourceError = error
        return -1
      }
    }
    if source.isSeekable {
      archive_read_set_skip_callback(archive) { _, data, request in
        guard let handle = ArchiveHandle.from(data), let size = handle.source.size else { return 0 }
        // Never beyond the end: a skip that seems to succeed would hide a cut.
        let step = max(0, min(Int(request), size - handle.source.consumed))
        handle.source.seek(to: handle.source.consumed + step)
        return la_int64_t(step)
      }
      archive_read_set_seek_callback(archive) { _, data, offset, origin in
        guard let handle = ArchiveHandle.from(data), let size = handle.source.size else { return -1 }
        let base =
          switch origin {
          case SEEK_CUR: handle.source.consumed
          case SEEK_END: size
          default: 0
          }
        let position = max(0, min(base + Int(offset), size))
        handle.source.seek(to: position)
        return la_int64_t(position)
      }
    }
    try check(archive_read_open1(archive))
  }

  /// Throws unless the status is ok; warnings count, because a zip member's wrong checksum is one.
  func check(_ status: Int32, place: @autoclosure () -> [String] = []) throws(DataError) {
    guard status < ARCHIVE_OK else { return }
    if let sourceError { throw sourceError }
    throw failure(at: [source.name] + place())
  }

  /// What libarchive says about the last failure, and what to do.
  private func failure(at place: [String]) -> DataError {
    let message = archive_error_string(archive).map { String(cString: $0) } ?? ""
    let lower = message.lowercased()
    func says(_ words: String...) -> Bool { words.contains { lower.contains($0) } }
    if says("too much memory") {
      return DataError(
        .badInput, at: place, "it is compressed with a window of more than 128 MiB, as zstd --long=31 does",
        remedy: "decompress it first: zstd -dc --long=31 FILE | pipe …")
    }
    if says("passphrase", "encrypt") {
      return DataError(
        .badInput, at: place, "it is encrypted with a password",
        remedy: "unpack it with its password, and give the folder")
    }
    if says("unsupported", "not supported") {
      return DataError(
        .badInput, at: place, "it is packed in a way that is not read (\(message))",
        remedy: "unpack it with the program that made it, or with 7z x, and give the folder")
    }
    let problem =
      message.isEmpty
      ? "the archive is damaged"
      : says("truncated", "end of file", "premature")
        ? "the input is cut short (\(message))" : "the input is damaged (\(message))"
    return DataError(.badInput, at: place, problem, remedy: Remedy.getItAgain)
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> ArchiveHandle? {
    data.map { Unmanaged<ArchiveHandle>.fromOpaque($0).takeUnretainedValue() }
  }
}
