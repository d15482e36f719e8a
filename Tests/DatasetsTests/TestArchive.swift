import CArchive
import Datasets
import Foundation

/// A member that a test puts into an archive; libarchive's own writer makes it, so that no reader is tested against itself.
struct TestMember {
  enum Kind { case file, folder, symbolicLink, hardLink, fifo }
  var path: String
  var bytes: [UInt8]
  var kind: Kind

  init(_ path: String, _ bytes: [UInt8] = [], _ kind: Kind = .file) {
    self.path = path
    self.bytes = bytes
    self.kind = kind
  }

  /// Where a link leads.
  var target = "target"

  /// A symbolic link.
  init(link path: String, to target: String) {
    self.init(path, [], .symbolicLink)
    self.target = target
  }

  /// A hard link.
  init(hardLink path: String, to target: String) {
    self.init(path, [], .hardLink)
    self.target = target
  }

  init(_ path: String, text: String) { self.init(path, Array(text.utf8)) }
}

enum TestFilter: CaseIterable { case none, gzip, xz, bzip2, zstd, lz4 }

func tar(_ members: [TestMember], _ filter: TestFilter = .none) -> [UInt8] {
  written(members, filter) { archive_write_set_format_ustar($0) }
}

func zip(_ members: [TestMember], stored: Bool = false) -> [UInt8] {
  written(members, .none) {
    archive_write_set_format_zip($0)
    if stored { archive_write_zip_set_compression_store($0) } else { archive_write_zip_set_compression_deflate($0) }
  }
}

private func written(_ members: [TestMember], _ filter: TestFilter, _ setFormat: (OpaquePointer?) -> Void) -> [UInt8] {
  let archive = archive_write_new()
  defer { archive_write_free(archive) }
  setFormat(archive)
  switch filter {
  case .none: archive_write_add_filter_none(archive)
  case .gzip: archive_write_add_filter_gzip(archive)
  case .xz: archive_write_add_filter_xz(archive)
  case .bzip2: archive_write_add_filter_bzip2(archive)
  case .zstd: archive_write_add_filter_zstd(archive)
  case .lz4: archive_write_add_filter_lz4(archive)
  }
  archive_write_set_bytes_in_last_block(archive, 1)
  var buffer = [UInt8](repeating: 0, count: members.reduce(1 << 16) { $0 + $1.bytes.count + 4096 })
  var used = 0
  let capacity = buffer.count
  buffer.withUnsafeMutableBytes { memory in
    archive_write_open_memory(archive, memory.baseAddress, capacity, &used)
    for member in members {
      let entry = archive_entry_new()
      defer { archive_entry_free(entry) }
      archive_entry_set_pathname(entry, member.path)
      archive_entry_set_perm(entry, 0o644)
      archive_entry_set_size(entry, la_int64_t(member.kind == .file ? member.bytes.count : 0))
      switch member.kind {
      case .file: archive_entry_set_filetype(entry, 0o100000)
      case .folder: archive_entry_set_filetype(entry, 0o040000)
      case .fifo: archive_entry_set_filetype(entry, 0o010000)
      case .symbolicLink:
        archive_entry_set_filetype(entry, 0o120000)
        archive_entry_set_symlink(entry, member.target)
      case .hardLink:
        archive_entry_set_filetype(entry, 0o100000)
        archive_entry_set_hardlink(entry, member.target)
      }
      archive_write_header(archive, entry)
      if member.kind == .file, !member.bytes.isEmpty {
        _ = archive_write_data(archive, member.bytes, member.bytes.count)
      }
    }
    archive_write_close(archive)
  }
  return Array(buffer.prefix(used))
}

/// One gzip file without an archive inside.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  written([TestMember("", bytes)], .gzip) { archive_write_set_format_raw($0) }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, with the folders above it, and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let url = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }
}

extension TemporaryFolder {
  /// Makes a symbolic link.
  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: target)
  }
}

func fixture(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../fixtures/\(name)")
    .standardizedFileURL.path
}

func bytes(ofFixture name: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
}

/// All samples that are left.
func all(_ source: any SampleSource) throws -> [Sample] {
  var samples: [Sample] = []
  while let sample = try source.next() { samples.append(sample) }
  return samples
}

/// Reads a whole dataset from bytes in memory; the name stands for the file's.
func read(_ bytes: [UInt8], name: String = "test", _ options: ReadOptions = ReadOptions()) throws -> [Sample] {
  try all(openDataset(from: ByteSource(bytes: bytes, name: name), options: options))
}

/// The error that reading bytes ends with, wherever it comes up; nil where they are a sound dataset.
func failure(of bytes: [UInt8], _ options: ReadOptions = ReadOptions()) -> DataError? {
  do { _ = try read(bytes, options) } catch { return error as? DataError }
  return nil
}

/// `cat FILE`, whose output is a real pipe.
final class PipedFile {
  private let process = Process()
  private let pipe = Pipe()
  var source: ByteSource {
    ByteSource(fileDescriptor: pipe.fileHandleForReading.fileDescriptor, closes: false, name: "standard input")
  }

  init(_ path: String) throws {
    process.executableURL = URL(fileURLWithPath: "/bin/cat")
    process.arguments = [path]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    try? pipe.fileHandleForReading.close()
    process.waitUntilExit()
  }
}

/// Bytes that look random but are the same in every run.
func noise(_ count: Int, seed: Int) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = (state &* 1_103_515_245 &+ 12345) & 0x7fff_ffff
    return UInt8(state >> 16 & 255)
  }
}

extension Pixels {
  /// Height, width, channels.
  var shape: [Int] { [height, width, channels] }
}
