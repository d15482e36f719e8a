/// Which clips lists beside them put into the test and val parts, as in Google's Speech Commands: `testing_list.txt`,
/// `validation_list.txt`, with a path on every line, from the list's folder.
///
/// All other clips are for training. Where there is a list of the train part, too, clips in none of them are left out. Folders that say
/// a part of their own are right for what is not listed, and test folders in any case.
struct ClipParts {
  /// The listed clips, by the hashes of their paths.
  private var parts: [Int: Part] = [:]
  private var listsTrain = false
  /// The parts that folders tell.
  private var folderParts: [[String]: Part] = [:]
  /// How many lists were read.
  private(set) var listCount = 0
  /// What the log shall say.
  private(set) var notes: [String] = []
  /// What it shall say where another reading was possible.
  private(set) var doubts: [String] = []

  /// Reads all lists among the tables of a first pass.
  init(_ survey: ClipSurvey, _ options: ReadOptions, name: String) {
    let lists = survey.tables.filter { Self.part(of: $0) != nil }
    guard !lists.isEmpty else { return }
    let folders = Dictionary(survey.found.map { ($0.folder, $1) }, uniquingKeysWith: +)
    for list in lists.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
      read(list, clips: survey.paths, in: folders.keys.sorted { $0.count < $1.count }, ignoring: options.testPattern)
    }
    guard listCount > 0 else { return }
    do throws(DataError) {
      let structure = try FolderStructure(
        folders, of: "clip", name: name, needsClasses: options.labelPattern == nil, chosen: options.classes)
      for folder in folders.keys { folderParts[folder] = structure.part(of: folder) }
    } catch {
      // What is wrong with the folders is said where they are read as classes.
    }
  }

  /// Whether no list was read.
  var isEmpty: Bool { listCount == 0 }

  /// The part that a list is about by its name; nil for other tables.
  private static func part(of table: RawTable) -> Part? {
    let base = table.path.split(separator: "/").last.map(String.init) ?? table.path
    guard base.lowercased().hasSuffix(".txt"), let part = PartName(String(base.dropLast(4))).part, part != .unlabelled
    else { return nil }
    return part
  }

  private mutating func read(_ list: RawTable, clips: Set<Int>, in folders: [[String]], ignoring pattern: FilePattern?)
  {
    guard let part = Self.part(of: list) else { return }
    var found: Set<Int> = []
    var missing = 0
    // Folders that the folders of a line may be, from that of the list on.
    var known: [[String]: [[String]]] = [:]
    let lines = String(decoding: list.bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    for line in lines {
      let text = line.trimmed.replacing("\u{FEFF}", with: "").replacing("\\", with: "/")
      var path = text.split(separator: "/").filter { $0 != "." }.map(String.init)
      guard let file = path.popLast() else { continue }
      let above = path
      let candidates =
        known[above]
        ?? folders.filter { folder in
          folder.count >= list.folder.count + above.count && folder.starts(with: list.folder)
            && Array(folder.suffix(above.count)) == above
        }
      known[above] = candidates
      let named = candidates.filter { clips.contains(Self.hash(($0 + [file]).joined(separator: "/"))) }
      guard let folder = named.first else {
        missing += 1
        continue
      }
      guard named.count == 1 || folder == list.folder + above else {
        doubts.append("\(list.path) was not read as a list of clips: \(text) may be one of \(named.count)")
        return
      }
      found.insert(Self.hash((folder + [file]).joined(separator: "/")))
    }
    guard !found.isEmpty else {
      doubts.append("\(list.path) was not read as a list of clips: its lines name none that is here")
      return
    }
    if let pattern {
      doubts.append("\(list.path) was not read, because --test-pattern '\(pattern.text)' tells the test part")
      return
    }
    if found.contains(where: { parts[$0].map { $0 != part } ?? false }) {
      doubts.append("\(list.path) was not read: it names clips that another list puts into another part")
      return
    }
    for clip in found { parts[clip] = part }
    listCount += 1
    if part == .train { listsTrain = true }
    notes.append("\(list.path): a list of \(counted(found.count, "clip")) of the \(part.rawValue) part")
    if missing > 0 { doubts.append("\(list.path): \(counted(missing, "line")) without a clip that is here") }
  }

  private static func hash(_ path: String) -> Int { Array(path.utf8).hashValue }

  /// What decides the class and the part of a clip.
  ///
  /// - Throws: as `FilePlace`.
  func place(of member: Member, _ options: ReadOptions, at reader: [String]) throws(DataError) -> FilePlace {
    var place = try FilePlace(of: member, options, at: reader)
    guard !isEmpty, place.part == nil else { return place }
    let folderPart = folderParts[place.folder]
    guard folderPart == nil || folderPart == .train else { return place }
    if let listed = parts[Self.hash(member.fullPath)] {
      place.part = listed
    } else if folderPart == nil {
      place.part = listsTrain ? .unlabelled : .train
    }
    return place
  }
}
