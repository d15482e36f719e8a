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
  func check(_ status: Int32, place: [String] = []) throws(DataError) {
    guard status < ARCHIVE_OK else { return }
    if let sourceError { throw sourceError }
    throw DataError(.badInput, at: [source.name] + place, problem, remedy: Remedy.getItAgain)
  }

  /// What libarchive says about the last failure.
  private var problem: String {
    guard let text = archive_error_string(archive) else { return "the archive is damaged" }
    let message = String(cString: text)
    let lower = message.lowercased()
    if lower.contains("truncated") || lower.contains("end of file") || lower.contains("premature") {
      return "the input is cut short (\(message))"
    }
    return "the input is damaged (\(message))"
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> ArchiveHandle? {
    data.map { Unmanaged<ArchiveHandle>.fromOpaque($0).takeUnretainedValue() }
  }
}
