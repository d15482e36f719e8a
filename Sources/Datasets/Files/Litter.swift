/// Files and folders that systems and programs leave beside the data: hidden ones, and those with names of their own.
public struct Litter {
  private(set) var count = 0
  private(set) var examples: [String] = []

  private static let names: Set<String> = [
    "__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "ehthumbs.db",
    "desktop.ini",
    "@recycle", "#recycle", "#snapshot", "@tmp", "@__thumb", "__pycache__", "icon\r",
  ]

  private struct Start: Hashable {
    var length: Int
    var first: UInt8

    init(_ length: Int, _ first: UInt8) { (self.length, self.first) = (length, first | 0x20) }
  }
  private static let starts = Set(names.map { Start($0.utf8.count, $0.utf8.first ?? 0) })

  /// Whether a file or folder of that name is litter.
  public static func isLitter(_ name: some StringProtocol) -> Bool {
    if name.utf8.first == UInt8(ascii: ".") { return name != "." && name != ".." }
    // Most names are told by their length and first letter, which costs next to nothing.
    guard let first = name.utf8.first, starts.contains(Start(name.utf8.count, first)) else { return false }
    return names.contains(name.lowercased())
  }

  /// The path up to its first component that is litter; nil where none is.
  static func root(of components: [some StringProtocol]) -> String? {
    guard let index = components.firstIndex(where: { isLitter($0) }) else { return nil }
    return components[...index].joined(separator: "/")
  }

  /// Counts one file or folder, given by its path.
  mutating func add(_ path: String) {
    count += 1
    if examples.count < 3, !examples.contains(path) { examples.append(path) }
  }

  static func + (one: Self, other: Self) -> Self {
    var sum = one
    sum.count += other.count
    for path in other.examples where sum.examples.count < 3 && !sum.examples.contains(path) {
      sum.examples.append(path)
    }
    return sum
  }

  /// What the log shall say; nil where there is none.
  var note: String? {
    guard count > 0 else { return nil }
    let more = count > examples.count ? ", …" : ""
    return "\(grouped(count)) hidden or system \(count == 1 ? "file or folder was" : "files or folders were") skipped: "
      + examples.joined(separator: ", ") + more
  }
}
