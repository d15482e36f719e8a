/// The links of an archive, and the members that they stand for.
struct Links {
  struct Link {
    /// The path of the link itself.
    var path: String
    /// Where it leads, from the archive's top.
    var target: String
    /// For messages: `a symbolic link`.
    var kind: String
  }
  private var links: [String: Link] = [:]
  /// The order in which they stand in the archive.
  private var order: [String] = []

  var isEmpty: Bool { order.isEmpty }
  /// The first one's path and kind.
  var first: Link? { order.first.flatMap { links[$0] } }

  mutating func add(_ link: Link) {
    if links.updateValue(link, forKey: link.path) == nil { order.append(link.path) }
  }

  /// The target of a link as a path from the archive's top; nil where it leads out of it.
  ///
  /// - Parameter folder: the folders above the link, which its target is relative to.
  static func resolved(_ target: String, from folder: [String]) -> String? {
    guard !target.hasPrefix("/") else { return nil }
    var path = folder
    for component in target.split(separator: "/") where component != "." {
      if component == ".." {
        guard path.popLast() != nil else { return nil }
      } else {
        path.append(String(component))
      }
    }
    return path.joined(separator: "/")
  }

  /// The paths of the links by the path of the file or folder that they end at.
  ///
  /// - Throws: `DataError` (`.badInput`) for links that lead in a circle.
  func byTarget(at place: String) throws(DataError) -> [String: [String]] {
    var result: [String: [String]] = [:]
    for path in order {
      var target = path
      var hops = 0
      while let next = step(target) {
        target = next
        hops += 1
        guard hops <= 40 else {
          throw DataError(.badInput, at: [place, path], "a link that leads in a circle", remedy: "take it out")
        }
      }
      result[target, default: []].append(path)
    }
    return result
  }

  /// The path with the first link in it replaced by where it leads; nil where there is none.
  private func step(_ path: String) -> String? {
    let components = path.split(separator: "/")
    for length in components.indices.map({ $0 + 1 }) {
      guard let link = links[components[..<length].joined(separator: "/")] else { continue }
      return ([Substring(link.target)] + components[length...]).filter { !$0.isEmpty }.joined(separator: "/")
    }
    return nil
  }
}

/// Reads the members that links stand for, in a second pass over their archive.
final class LinkedMembers {
  private let archive: ArchiveReader
  private let limits: Limits
  private let byTarget: [String: [String]]
  private var found: Set<String> = []
  /// Further paths of the member that was read last, whose bytes are kept for them.
  private var more: [String] = []
  private var bytes: [UInt8] = []
  private var position = 0

  init(_ links: Links, in archive: ArchiveReader, limits: Limits) throws(DataError) {
    self.archive = archive
    self.limits = limits
    byTarget = try links.byTarget(at: archive.name)
  }

  /// The next file, under a link's path.
  ///
  /// - Throws: `DataError` (`.badInput`), after the last, for a link to something that is not in the archive.
  func next() throws(DataError) -> Member? {
    position = 0
    if let path = more.popLast() { return Member(path: path, size: bytes.count) }
    while let member = try archive.next() {
      let paths = paths(of: member)
      guard !paths.isEmpty else { continue }
      bytes = try MemberReader.contents(of: member, in: archive, limits: limits)
      more = paths.reversed()
      return try next()
    }
    guard let lost = byTarget.keys.filter({ !found.contains($0) }).sorted().first, let path = byTarget[lost]?.first
    else {
      return nil
    }
    throw DataError(
      .badInput, at: [archive.name, path], "a link to \(lost), which is not in the archive",
      remedy: "pack it again with tar --dereference --hard-dereference")
  }

  /// The paths under which links show a member.
  private func paths(of member: Member) -> [String] {
    let components = member.path.split(separator: "/")
    var paths: [String] = []
    for length in 0...components.count {
      let target = components[..<length].joined(separator: "/")
      guard let links = byTarget[target] else { continue }
      found.insert(target)
      // A link to a folder that it is in itself shows its files again and again; once is enough.
      paths += links.map { ([Substring($0)] + components[length...]).joined(separator: "/") }
    }
    return paths
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - position)
    bytes.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<(position + count)]))
    }
    position += count
    return count
  }
}
