internal import Datasets
internal import Glibc

/// The file `.pipe-unfinished` in a folder in which a dataset is being written: who writes it holds its lock, and every
/// file that was created for the dataset is recorded in it with its inode.
///
/// A later run removes what is recorded, and nothing else: a file that somebody put there, under whatever name, was not
/// recorded or has another inode.
struct UnfinishedMarker {
  static let name = ".pipe-unfinished"
  private static let heading = "pipe-unfinished 1"
  /// The line after which files get their final names.
  static let publishing = "publishing\n"

  /// A file that was created: its final name, and its inode, which is the same under the temporary name.
  struct Entry: Equatable {
    var name: String
    var inode: UInt64
  }

  /// Whether the run that began the folder created it, too.
  var created: Bool
  /// Whether files may have their final names already.
  var isPublishing = false
  var entries: [Entry]

  /// Reads the marker of a folder; nil where there is none, or a file that says something else.
  ///
  /// An empty marker records nothing: the run ended before it began.
  init?(inFolder folder: String) {
    let path = "\(folder)/\(Self.name)"
    // A file with a second name is somebody's under the other one.
    guard inode(ofFile: path, links: 1) != nil, let file = try? FileInput(path), let bytes = try? readAll(file) else {
      return nil
    }
    var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)[...]
    guard let first = lines.popFirst() else { return nil }
    created = first == "\(Self.heading) created"
    entries = []
    guard first == "" && lines.isEmpty || first == Self.heading || created else { return nil }
    // The last line ends with a line feed, unless its writer was killed in the middle of it.
    for line in lines.dropLast() {
      if "\(line)\n" == Self.publishing {
        isPublishing = true
        continue
      }
      let parts = line.split(separator: " ", maxSplits: 1)
      // Nothing outside of the folder is recorded.
      guard parts.count == 2, let inode = UInt64(parts[0]), !parts[1].contains("/") else { return nil }
      entries.append(Entry(name: String(parts[1]), inode: inode))
    }
  }

  /// The line for a folder that was begun.
  static func heading(created: Bool) -> String { heading + (created ? " created\n" : "\n") }

  /// The line for a file that is about to get its temporary name.
  static func line(_ entry: Entry) -> String { "\(entry.inode) \(entry.name)\n" }

  /// Whether the file of that name in `folder` is one that was recorded.
  func owns(_ name: String, in folder: String) -> Bool {
    guard let inode = inode(ofFile: "\(folder)/\(name)") else { return false }
    return entries.contains { $0.inode == inode && names(of: $0).contains(name) }
  }

  private func names(of entry: Entry) -> [String] {
    [temporaryName(of: entry.name)] + (isPublishing ? [entry.name] : [])
  }

  /// Removes every recorded file.
  func removeFiles(in folder: String) {
    for entry in entries {
      for name in names(of: entry) where inode(ofFile: "\(folder)/\(name)") == entry.inode {
        unlink("\(folder)/\(name)")
      }
    }
  }
}

/// The hidden name of a file of a dataset until publication.
func temporaryName(of name: String) -> String { ".\(name).partial" }

private func readAll(_ file: FileInput) throws -> [UInt8] {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
    guard bytes.count <= 16 << 20 else { throw DataError(.badInput, at: [file.name], "is too large") }
  }
}
