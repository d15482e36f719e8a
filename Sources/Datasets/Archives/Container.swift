/// Where a dataset's files are, and the way to read them from the start, more than once if need be.
final class Container {
  private enum Kind {
    case archive(Replay)
    case bare(Replay)
    case folder(Folder)
    case sequence([Piece])
  }
  private enum Piece {
    case open(Container)
    case path(String)

    var isPath: Bool {
      if case .path = self { return true }
      return false
    }
    var name: String {
      switch self {
      case .open(let container): container.name
      case .path(let path): path
      }
    }

    func container(_ limits: Limits) throws(DataError) -> Container {
      switch self {
      case .open(let container): container
      case .path(let path): try Container(ByteSource(.file(path)), limits: limits)
      }
    }
  }
  private let kind: Kind
  /// What messages call it.
  let name: String
  let limits: Limits
  /// Whether it is opened again after the reader that is said to be the last.
  var isKept = false
  /// Whether it stands for several inputs, each of which the user named.
  let isListed: Bool
  /// Files beside the archives of a folder.
  private let side: [String]

  private init(_ kind: Kind, name: String, limits: Limits, isListed: Bool = false, side: [String] = []) {
    self.kind = kind
    self.name = name
    self.limits = limits
    self.isListed = isListed
    self.side = side
  }

  /// Whether it stands for several archives or files.
  var isSequence: Bool {
    if case .sequence = kind { return true }
    return false
  }

  /// A file or pipe: an archive where its content starts like one, else a bare file.
  convenience init(_ source: ByteSource, limits: Limits) throws(DataError) {
    let replay = Replay(source, limits: limits)
    let start = try replay.peekDecompressed(512)
    guard !start.isEmpty else {
      if try replay.peek(1).isEmpty {
        throw DataError(.badInput, at: [source.name], "it is empty", remedy: Remedy.lookInside)
      }
      // Something compressed of which nothing comes out: let the decompressor say why.
      _ = try replay.fromStart().decompressed(limits: limits).peek(1)
      throw DataError(.badInput, at: [source.name], "there is nothing in it", remedy: Remedy.lookInside)
    }
    let isArchive = start.starts(with: ArchiveReader.zipSignature) || looksLikeTar(start)
    self.init(isArchive ? .archive(replay) : .bare(replay), name: source.name, limits: limits)
  }

  /// A folder; one that holds nothing but archives stands for these, one after another.
  convenience init(folder path: String, limits: Limits) throws(DataError) {
    let folder = try Folder(path)
    let archives = folder.members.filter { isArchiveName($0.basename) }
    if archives.isEmpty || folder.members.contains(where: { isDataName($0.basename) }) {
      self.init(.folder(folder), name: path, limits: limits)
      return
    }
    let datasets = folder.members.filter { $0.basename == manifestFileName && $0.path != manifestFileName }
      .map { String($0.path.dropLast(manifestFileName.count + 1)) }
    guard datasets.isEmpty else {
      throw DataError(
        .badInput, at: [path],
        "holds datasets of pipe in its folders (\(datasets.sorted().prefix(4).joined(separator: ", "))), which are not read as one",
        remedy: "name one of them, or join them with pipe merge")
    }
    let others = folder.members.filter { !isArchiveName($0.basename) }
    self.init(
      .sequence(archives.map { .path(folder.path(of: $0)) }), name: path, limits: limits,
      side: others.map(folder.path(of:)))
  }

  /// The same with the tables that stand beside the archives of a folder, such as those of Kaggle's archives of images.
  func withTables() throws(DataError) -> Container {
    guard case .sequence(let parts) = kind, side.contains(where: LabelTable.isTable) else { return self }
    let tables = Folder(try Folder(name)) { LabelTable.isTable($0.basename) && !isArchiveName($0.basename) }
    let beside = Container(.folder(tables), name: name, limits: limits)
    return Container(.sequence(parts + [.open(beside)]), name: name, limits: limits, isListed: isListed, side: side)
  }

  /// Several inputs, one after another.
  ///
  /// Archives are opened when their turn comes, so that there may be thousands.
  convenience init(_ inputs: [Input], limits: Limits) throws(DataError) {
    var parts: [Piece] = []
    for input in inputs {
      guard case .file(let path) = input else {
        parts.append(.open(try Container(ByteSource(input), limits: limits)))
        continue
      }
      let container =
        if isFolder(path) {
          try Container(folder: path, limits: limits)
        } else {
          try Container(ByteSource(input), limits: limits)
        }
      parts.append(container.isReopenable ? .path(path) : .open(container))
    }
    guard let first = parts.first else { throw DataError(.noInput, at: [], "no input was given") }
    if parts.count == 1 {
      let only = try first.container(limits)
      self.init(only.kind, name: inputs[0].name, limits: limits, side: only.side)
    } else {
      self.init(.sequence(parts), name: inputs[0].name, limits: limits, isListed: true)
    }
  }

  /// An archive in a regular file can be closed and opened again by its name.
  private var isReopenable: Bool {
    if case .archive(let replay) = kind { return replay.isSeekable }
    return false
  }

  /// The shards of one split, where the names of several tell that they are of different ones.
  ///
  /// Shards that the user named are read whatever split they are, if they are all of one.
  ///
  /// - Returns: the split that they are of, nil where no name tells, and what the log shall say.
  /// - Throws: `DataError` (`.badInput`) where there is no such split.
  func selecting(
    _ split: DatasetInfo.Split
  ) throws(DataError) -> (container: Container, split: DatasetInfo.Split?, notes: [String]) {
    guard case .sequence(let all) = kind else { return (self, nil, []) }
    let parts = isListed ? all : all.filter(\.isPath)
    let splits = parts.map { shardPart($0.name, in: isListed ? nil : name) }
    let found = Set(splits.compactMap(\.self))
    guard !found.isEmpty else { return (self, nil, []) }
    if isListed, found.count == 1 {
      // Those that were named one by one are meant, whatever split they are.
      let only = splits.first ?? nil
      return (self, splits.contains(nil) || only == nil ? nil : only == .train ? .train : .test, [])
    }
    if found.count == 1, let index = splits.firstIndex(of: nil), let other = splits.firstIndex(where: { $0 != nil }) {
      throw DataError(
        .badInput, at: [name],
        "\(parts[other].name) is named after a split, and \(parts[index].name) is not, so it may be of any",
        remedy: "name the archives to read, each with its own -i")
    }
    guard let choice = split.parts.first(where: found.contains) else { throw missingPart(split, in: name) }
    var notes: [String] = []
    if choice == .val { notes.append("there is no test split; val is read") }
    if let stranger = zip(parts, splits).first(where: { $1 == nil })?.0 {
      let count = splits.count { $0 == nil }
      notes.append(
        "\(counted(count, "archive")) of no split \(count == 1 ? "was" : "were") skipped, such as \(stranger.name)")
    }
    let kept = zip(parts, splits).filter { $1 == choice }.map(\.0)
    let container = Container(.sequence(kept), name: name, limits: limits, isListed: isListed, side: side)
    return (container, split, notes)
  }

  /// A small file beside the archives that the container stands for; nil where there is none, or the container is one archive.
  func sideFile(where isIt: (String) -> Bool) throws(DataError) -> (path: String, bytes: [UInt8])? {
    guard let path = side.first(where: isIt) else { return nil }
    return (path, try ByteSource(.file(path)).readAll(limit: 1 << 20))
  }

  /// The paths of the files in a folder; nil for everything else.
  var folderMembers: [Member]? {
    guard case .folder(let folder) = kind else { return nil }
    return folder.members
  }

  /// The bare files that the container stands for; nil where there is anything else among them.
  var bareFiles: [Replay]? {
    switch kind {
    case .bare(let replay): return [replay]
    case .archive, .folder: return nil
    case .sequence(let parts):
      var files: [Replay] = []
      for part in parts {
        guard case .open(let container) = part, let file = container.bareFiles else { return nil }
        files += file
      }
      return files
    }
  }

  /// The archives that it stands for, where each can be opened by its path alone, as often as one likes; nil where not.
  var paths: [String]? {
    guard case .sequence(let parts) = kind else { return nil }
    let paths = parts.compactMap { if case .path(let path) = $0 { path } else { nil } }
    return paths.count == parts.count ? paths : nil
  }

  /// A reader at the first member.
  ///
  /// `last` says that there will be no further one, so that a pipe need not be kept.
  func open(last: Bool) throws(DataError) -> MemberReader {
    let last = last && !isKept
    switch kind {
    case .archive(let replay):
      // A zip archive's directory stands at its end.
      let isZip = try replay.peek(2) == ArchiveReader.zipSignature
      let source = try last && !isZip ? replay.lastTime() : replay.fromStart()
      let reopen: MemberReader.Reopen = { [limits] () throws(DataError) in
        try ArchiveReader(replay.fromStart(), limits: limits)
      }
      return MemberReader(
        try ArchiveReader(source, limits: limits), limits: limits, reopen: replay.canReopen ? reopen : nil)
    case .bare(let replay):
      return try MemberReader(bare: last ? replay.lastTime() : replay.fromStart(), limits: limits)
    case .folder(let folder):
      return MemberReader(folder, limits: limits)
    case .sequence(let parts):
      return MemberReader(count: parts.count, name: name, limits: limits) { [limits] index throws(DataError) in
        try parts[index].container(limits).open(last: last)
      }
    }
  }

  /// The first members, seen without consuming anything: those whose beginnings fit in a prefix of a tar archive, all
  /// of a zip archive or a folder.
  ///
  /// The reader's error at the prefix's end means nothing.
  func openPrefix() throws(DataError) -> MemberReader {
    switch kind {
    case .archive(let replay):
      guard try replay.peek(2) != ArchiveReader.zipSignature else { return try open(last: false) }
      let prefix = try replay.peek(Self.prefixLength)
      return MemberReader(
        try ArchiveReader(ByteSource(bytes: prefix, name: name), limits: limits), limits: limits)
    case .bare(let replay):
      let prefix = try replay.peek(Self.prefixLength)
      return try MemberReader(bare: ByteSource(bytes: prefix, name: name), limits: limits)
    case .folder:
      return try open(last: false)
    case .sequence(let parts):
      return MemberReader(count: parts.count, name: name, limits: limits) { [limits] index throws(DataError) in
        try parts[index].container(limits).openPrefix()
      }
    }
  }

  private static let prefixLength = 2 << 20
}

/// What the name of a shard says, or that of a folder that it is in, below the folder `root` where one was given.
private func shardPart(_ path: String, in root: String?) -> Part? {
  if let part = PartName(archiveStem(path)).part { return part }
  let below = root.flatMap { path.hasPrefix($0 + "/") ? path.dropFirst($0.count) : nil } ?? path[...]
  let folders = below.split(separator: "/").dropLast().map(String.init)
  return PartName.first(in: root == nil ? folders.suffix(1) : folders)
}

extension DatasetInfo.Split {
  /// The parts that it is read from, the first that is there.
  var parts: [Part] { self == .train ? [.train] : [.test, .val] }
}

/// Whether 512 bytes are a tar header: its checksum is the sum of all bytes with eight spaces in its own place.
func looksLikeTar(_ block: [UInt8]) -> Bool {
  guard block.count == 512 else { return false }
  // An empty archive is two blocks of zeros.
  if block.allSatisfy({ $0 == 0 }) { return true }
  if block[257..<262].elementsEqual("ustar".utf8) { return true }
  let digits = block[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
  guard !digits.isEmpty else { return false }
  let stored = digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }
  let sum = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(block[$1])) }
  return stored == sum
}

let tarSuffixes = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tar.lz4"]

/// The name of the description that `pipe shard` puts beside shards, which only the reader of its datasets understands.
public let manifestFileName = "pipe.manifest"

func isArchiveName(_ name: String) -> Bool {
  let lower = name.lowercased()
  return ([".zip", ".npz"] + tarSuffixes).contains { lower.hasSuffix($0) }
}

/// The name of an archive without folders and extensions: `n01440764` of `train/n01440764.tar`.
func archiveStem(_ path: String) -> String {
  let base = path.split(separator: "/").last.map(String.init) ?? path
  let lower = base.lowercased()
  let suffix = ([".zip", ".npz"] + tarSuffixes).filter { lower.hasSuffix($0) }.map(\.count).max() ?? 0
  return String(base.dropLast(suffix))
}

private func isDataName(_ name: String) -> Bool {
  let lower = name.lowercased()
  if isArchiveName(name) { return false }
  return [".bin", ".npy", ".cls", ".mat", "-ubyte", "ubyte.gz"].contains { lower.hasSuffix($0) }
    || lower.hasPrefix("data_batch") || hasImageExtension(name)
    || Clip.extensions.contains(lower.lastPart) || Clip.foreignExtensions.contains(lower.lastPart)
}
