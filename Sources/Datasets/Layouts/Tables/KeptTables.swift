/// The tables that a first pass meets beside images or clips.
struct KeptTables {
  /// Those that are read.
  private(set) var tables: [RawTable] = []
  private var countIn: [[String]: Int] = [:]
  private var byteCount = 0
  /// Tables that were not read, as there are too many in their folder: how many, and the first.
  private var unread: [[String]: (count: Int, first: String)] = [:]

  /// The most tables in one folder: more are one for each file.
  private static let maxTables = 20

  /// Takes one more file, where it is a table by its name.
  ///
  /// - Parameters:
  ///   - what: `image` or `clip`.
  ///   - remedy: what to do where the tables are too large.
  /// - Throws: `DataError` (`.badInput`) where they are; as `readAll`.
  mutating func add(
    _ member: Member, _ reader: MemberReader, beside what: String, remedy: String
  ) throws(DataError) {
    guard LabelTable.isTable(member.basename) else { return }
    let folder = member.foldersAbove
    countIn[folder, default: 0] += 1
    if countIn[folder, default: 0] > Self.maxTables {
      for table in tables where table.folder == folder && !Self.isForAll(table.path) {
        leaveOut(table.path, in: folder)
      }
      tables.removeAll { $0.folder == folder && !Self.isForAll($0.path) }
      guard Self.isForAll(member.fullPath) else { return leaveOut(member.fullPath, in: folder) }
    }
    let bytes = try reader.readAll()
    byteCount += bytes.count
    guard byteCount <= reader.limits.maxMemberBytes else {
      throw DataError(
        .badInput, at: reader.place,
        "tables of more than \(grouped(reader.limits.maxMemberBytes)) bytes beside the \(what)s", remedy: remedy)
    }
    tables.append(RawTable(path: member.fullPath, folder: folder, bytes: bytes))
  }

  /// What the log shall say of those that were not read.
  func doubts(of what: String) -> [String] {
    unread.values.sorted { $0.first < $1.first }.map { tables in
      "\(counted(tables.count, "table")) such as \(tables.first) \(tables.count == 1 ? "was" : "were") not read: more than "
        + "\(Self.maxTables) in one folder are taken for one of each \(what); if one holds labels or parts, move the others away"
    }
  }

  /// Whether a table is about all files by its name, be there ever so many others: `labels.csv`, `train.txt`, and not `train7.txt`.
  private static func isForAll(_ path: String) -> Bool {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard let stem = name.split(separator: ".").first, !stem.contains(where: \.isNumber) else { return false }
    let words = stem.lowercased().split { !$0.isLetter }
    return LabelTable.namesPart(name)
      || ["labels", "metadata", "annotations", "classes", "split"].contains { word in words.contains { $0 == word } }
  }

  private mutating func leaveOut(_ table: String, in folder: [String]) {
    unread[folder, default: (0, table)].count += 1
  }
}
