/// What decides the class and the part of a file.
struct FilePlace: Hashable {
  var folder: [String]
  /// What a pattern or a table says; nil for what the folder says.
  var label: String?
  /// What a pattern or a table says; nil for what the folder says.
  var part: Part?
  /// Whether the pattern may have cut the class's name short, see `FilePattern.mayGoOn`.
  var isLabelCut = false

  /// The place of a file that no table tells about.
  ///
  /// - Throws: `DataError` (`.badInput`) where there is a pattern, and the name does not tell the label.
  init(of member: Member, _ options: ReadOptions, at place: [String]) throws(DataError) {
    folder = member.foldersAbove
    if let pattern = options.labelPattern {
      let labels = pattern.labels(in: member.fullPath)
      guard labels.count == 1 else {
        throw DataError(
          .badInput, at: place,
          labels.isEmpty
            ? "its name does not fit --label-pattern '\(pattern.text)'"
            : "--label-pattern '\(pattern.text)' leaves open whether its label is \(labels.joined(separator: " or "))",
          remedy: "give a pattern that tells the label of every file, or take the file out")
      }
      label = labels.first
      isLabelCut = pattern.mayGoOn(after: labels[0], in: member.fullPath)
    }
    part = options.testPattern.map { $0.fits(member.fullPath) ? .test : .train }
  }

  init(folder: [String], label: String, part: Part?) {
    self.folder = folder
    self.label = label
    self.part = part
  }

  /// Compares bytes: names that differ only in how an accent is written are equal texts, and have the same hash, but are two places.
  static func == (one: Self, other: Self) -> Bool {
    one.part == other.part && one.isLabelCut == other.isLabelCut && one.folder.count == other.folder.count
      && isSame(one.label, other.label)
      && zip(one.folder, other.folder).allSatisfy { isSame($0, $1) }
  }

  private static func isSame(_ one: String?, _ other: String?) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return one.utf8.elementsEqual(other.utf8)
  }

  /// A class's name in the form in which the file's own folder has it.
  func form(of className: String) -> String { folder.last { $0 == className } ?? className }
}

/// Which files of a dataset of one file for each sample belong to the split that is read, and what their labels are.
struct FileLabels {
  /// Class names in index order.
  let classNames: [String]
  /// What the log shall say.
  let notes: [String]
  /// What the log shall say where another reading was possible.
  let doubts: [String]
  /// Whether the data tells train and test apart.
  let hasSplits: Bool
  private let indices: [String: Int]
  private let roles: [FilePlace: FolderStructure.Role]
  private let part: Part?

  /// Labels by folders, or by the patterns of the options.
  ///
  /// - Parameters:
  ///   - found: where there are files of that kind, and how many.
  ///   - otherFolders: folders that hold something else, or nothing.
  ///   - noun: what a file is: `image`.
  init(
    _ found: [FilePlace: FileTally], otherFolders: Set<[String]>, _ options: ReadOptions, of noun: String, name: String
  ) throws(DataError) {
    let folders = Dictionary(found.map { ($0.folder, $1) }, uniquingKeysWith: +)
    let structure = try FolderStructure(
      folders, of: noun, name: name, needsClasses: options.labelPattern == nil, chosen: options.classes)
    if options.labelPattern == nil { try structure.refusePieces() }
    // Who names the classes to keep has seen that there are others.
    if options.labelPattern == nil, options.classes.isEmpty {
      try structure.refuseEmptyClasses(beside: otherFolders)
    }
    if let pattern = options.testPattern { try Self.check(pattern, found.keys, structure, options.split, name: name) }
    var roles: [FilePlace: FolderStructure.Role] = [:]
    for place in found.keys {
      guard structure.roles[place.folder] != nil || options.labelPattern != nil,
        let className = place.label ?? structure.className(of: place.folder).map({ place.form(of: $0) })
      else { continue }
      let part = place.part ?? structure.part(of: place.folder)
      if part == .unlabelled || part == nil && structure.hasParts { continue }
      roles[place] = FolderStructure.Role(part: part, className: className)
    }
    var doubts = structure.doubts
    if options.labelPattern == nil, let doubt = structure.doubtOfPieces { doubts.append(doubt) }
    doubts += Self.cutLabels(found.keys, options) + Self.joinedFolders(found.keys, options)
    doubts += Self.doubtOfNumbers(roles.values.map { $0.className }, options)
    do throws(DataError) {
      try self.init(roles, options, notes: structure.notes, doubts: doubts, name: name)
    } catch {
      guard error.isMissingPart, options.split == .test, !structure.unlabelled.isDisjoint(with: [.test, .val]) else {
        throw error
      }
      throw DataError(
        error.fault, at: error.place, "\(error.problem); the \(noun)s of its test folder have no labels",
        remedy: error.remedy)
    }
  }

  /// A doubt where a pattern may have made one class of several, whose names begin alike.
  private static func cutLabels(_ places: some Collection<FilePlace>, _ options: ReadOptions) -> [String] {
    let labels = Set(places.filter(\.isLabelCut).compactMap(\.label)).sorted()
    guard let pattern = options.labelPattern, !labels.isEmpty else { return [] }
    return [
      "more words stand behind what --label-pattern '\(pattern.text)' takes for the label: \(someOf(labels)); where they belong to the name of the class, say what follows it, as in '{label}_[0-9]*'"
    ]
  }

  /// A doubt where a pattern makes one class of folders in several places: `church/indoor` and `atrium/indoor`.
  private static func joinedFolders(_ places: some Collection<FilePlace>, _ options: ReadOptions) -> [String] {
    guard let pattern = options.labelPattern, let sign = pattern.text.firstRange(of: "{label}") else { return [] }
    // How many folders above the file the label stands.
    let height = pattern.text[sign.upperBound...].count { $0 == "/" }
    guard height > 0 else { return [] }
    var folders: [String: Set<[String]>] = [:]
    for place in places {
      guard let label = place.label, place.folder.count >= height else { continue }
      let folder = Array(place.folder.dropLast(height - 1))
      // A class stands in every part.
      let path = folder.dropLast().filter { PartName.plain($0) == nil } + Array(folder.suffix(1))
      folders[label, default: []].insert(path)
    }
    let joined = folders.filter { $0.value.count > 1 }
    guard let first = joined.keys.min(), let example = joined[first] else { return [] }
    let paths = example.map { $0.joined(separator: "/") }.sorted()
    let more = joined.count > 1 ? ", and so for \(counted(joined.count - 1, "class")) more" : ""
    return [
      "--label-pattern '\(pattern.text)' makes one class \(first) of folders in several places: \(someOf(paths))\(more)"
    ]
  }

  /// A doubt where the labels that a pattern takes are numbers, and not in the order of their values.
  private static func doubtOfNumbers(_ labels: [String], _ options: ReadOptions) -> [String] {
    guard let pattern = options.labelPattern else { return [] }
    let names = Set(labels).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return FolderStructure.orderOfNumbers(names, "the labels of --label-pattern '\(pattern.text)'").map { [$0] } ?? []
  }

  /// Labels that are known.
  ///
  /// - Parameter order: the numbers of the classes, where a table has them; nil for an order by name.
  init(
    _ roles: [FilePlace: FolderStructure.Role], _ options: ReadOptions, order: [String: Int]? = nil, notes: [String],
    doubts: [String], name: String
  ) throws(DataError) {
    self.roles = roles
    var (notes, doubts) = (notes, doubts)
    let parts = Set(roles.values.compactMap(\.part))
    hasSplits = !parts.isEmpty
    let choices: [Part] = options.split == .train ? [.train] : [.test, .val]
    part = choices.first(where: parts.contains)
    if hasSplits, part == nil { throw missingPart(options.split, in: name) }
    if part == .val { notes.append("there is no test split; val is read") }
    // Names that differ only in how an accent is written are one: which form stands is not to be left to chance.
    var twoForms: Set<String> = []
    let forms = Dictionary(
      roles.values.map { ($0.className, $0.className) },
      uniquingKeysWith: {
        if $0.utf8.elementsEqual($1.utf8) { return $0 }
        twoForms.insert($0)
        return $0.utf8.lexicographicallyPrecedes($1.utf8) ? $0 : $1
      })
    for name in twoForms.sorted() {
      doubts.append("“\(name)” stands for two names that differ only in how an accent is written: they are one class")
    }
    let names = forms.values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    classNames = order.map { Self.ordered(names, by: $0, &doubts) } ?? names
    let alike = Dictionary(grouping: classNames, by: loosely).values.filter { $0.count > 1 }
    for names in alike.sorted(by: { $0[0] < $1[0] }) {
      doubts.append("the classes \(someOf(names.map { "“\($0)”" })) differ in capitals or spaces alone")
    }
    (self.notes, self.doubts) = (notes, doubts)
    indices = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
  }

  /// The classes of a table: by their numbers where all have one, by value where they are numbers themselves.
  private static func ordered(_ names: [String], by numbers: [String: Int], _ doubts: inout [String]) -> [String] {
    if names.allSatisfy({ numbers[$0] != nil }) {
      let known = names.compactMap { numbers[$0] }.sorted()
      if known != Array(known.indices) {
        doubts.append(
          "the numbers of the classes are not 0 to \(known.count - 1): a class's index is its place in their order, so that \(grouped(known[known.count - 1])) is \(known.count - 1)"
        )
      }
      return names.enumerated().sorted { (numbers[$0.element] ?? 0, $0.offset) < (numbers[$1.element] ?? 0, $1.offset) }
        .map(\.element)
    }
    let values = names.compactMap { String(Int($0) ?? -1) == $0 ? Int($0) : nil }.filter { $0 >= 0 }
    guard values.count == names.count, let last = values.max() else { return names }
    // Labels 0 to 9 are the indices themselves, also where the 3 does not occur.
    guard last < 2 * names.count + 1 else {
      doubts.append(
        "the labels are numbers with gaps, up to \(grouped(last)); a class's index is its place in their order")
      return values.sorted().map(String.init)
    }
    let known = Set(values)
    let empty = (0...last).filter { !known.contains($0) }.map(String.init)
    if !empty.isEmpty { doubts.append("no image has the label \(someOf(empty)), so that this class is empty") }
    return (0...last).map(String.init)
  }

  /// Refuses a pattern that tells nothing apart.
  private static func check(
    _ pattern: FilePattern, _ places: some Collection<FilePlace>, _ structure: FolderStructure,
    _ wanted: DatasetInfo.Split,
    name: String
  ) throws(DataError) {
    guard !structure.hasParts else {
      throw DataError(
        .usage, at: [name], "it has folders for its splits, and --test-pattern tells them apart in another way",
        remedy: "leave --test-pattern out")
    }
    guard places.contains(where: { $0.part == .test }) else {
      throw DataError(
        .badInput, at: [name], "no file fits --test-pattern '\(pattern.text)'", remedy: "correct the pattern")
    }
    guard wanted == .test || places.contains(where: { $0.part == .train }) else {
      throw DataError(
        .badInput, at: [name], "every file fits --test-pattern '\(pattern.text)', so that nothing is left to train on",
        remedy: "correct the pattern")
    }
  }

  /// The index of the class of a file; nil for one that is in another split, or not read at all.
  func index(of place: FilePlace) -> Int? {
    guard let role = roles[place], role.part == part || !hasSplits else { return nil }
    return indices[role.className]
  }

  /// How many files there are in each part, by its name; empty where there are no parts.
  func partCounts(_ found: [FilePlace: FileTally]) -> [(name: String, count: Int)] {
    [Part.train, .val, .test].compactMap { part in
      let count = found.reduce(0) { $0 + (roles[$1.key]?.part == part ? $1.value.count : 0) }
      return count > 0 ? (part.rawValue, count) : nil
    }
  }

  /// How many files of every class there are in the split that is read.
  func counts(_ found: [FilePlace: FileTally]) -> [Int] {
    var counts = [Int](repeating: 0, count: classNames.count)
    for (place, files) in found { if let index = index(of: place) { counts[index] += files.count } }
    return counts
  }
}
