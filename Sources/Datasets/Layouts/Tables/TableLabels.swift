/// The labels of images where tables beside them tell some or all of them; folders tell the others.
struct TableLabels {
  /// For every image, in the order of the archive, what decides its label; nil where it has none.
  private(set) var places: [FilePlace?]
  /// How many images there are of each.
  private(set) var found: [FilePlace: FileTally] = [:]
  let labels: FileLabels
  /// Images that a table names and that are not there, with the rows' places.
  let missing: [(place: String, file: String)]
  private let imageFolders: [[String]]

  /// Joins rows and folders; nil where no table says anything, so that the folders decide alone.
  ///
  /// - Parameters:
  ///   - tallies: the folders of all images.
  ///   - isForced: whether the table's labels are taken whatever the folders say.
  /// - Throws: `DataError` (`.badInput`) where table and folders contradict each other.
  init?(
    _ rows: TableRows, _ tallies: [[String]: FileTally], _ options: ReadOptions, name: String, isForced: Bool
  ) throws(DataError) {
    let images = rows.images
    let folders = images.paths.indices.map(images.folders(of:))
    imageFolders = folders
    let whole = Self.structure(tallies, name)
    let hasLabels = rows.byImage.values.contains { $0.label != nil }
    if !hasLabels, let unclear = rows.unclear.first { throw unclear }
    guard !rows.byImage.isEmpty, hasLabels || whole != nil else { return nil }
    var (notes, doubts) = (rows.notes, rows.doubts)
    doubts += rows.unclear.map { "\($0.place.last ?? "a table") was not read: \($0.problem)" }
    var roles: [FilePlace: FolderStructure.Role] = [:]
    places = Array(repeating: nil, count: images.paths.count)

    let agreement =
      try isForced || !hasLabels || options.labelColumn != nil ? nil : Self.compare(rows, folders, whole, name: name)
    let named = folders.map { whole?.namedPart(of: $0) ?? PartName.first(in: $0) }
    let parts = Set(rows.byImage.filter { $0.value.label != nil }.map { $0.value.part ?? named[$0.key] })
    let rest = hasLabels ? Self.structure(tallies, name, without: Set(rows.byImage.keys.map { folders[$0] })) : whole
    if let rest, agreement == nil {
      notes += rest.notes
      doubts += rest.doubts
    }
    if hasLabels, agreement == nil, let whole, whole.classNames.count > 1,
      parts.contains(whole.parts.isEmpty ? nil : .train)
    {
      doubts.append("the folders \(someOf(whole.classNames)) are not read as classes, because a table has labels")
    }
    var skipped: [String] = []
    for image in images.paths.indices {
      let folder = folders[image]
      let row = rows.byImage[image]
      var label = row?.label
      var part = row?.part ?? named[image]
      if let agreement {
        label = whole?.className(of: folder) ?? label.flatMap { agreement[$0] ?? $0 }
        part = row?.part ?? whole?.part(of: folder) ?? part
      } else if label == nil, !parts.contains(part) || !hasLabels {
        label = rest?.className(of: folder)
        part = row?.part ?? rest?.part(of: folder) ?? part
      }
      // A list of files that tells the parts leaves out what is in none.
      let isListed = hasLabels || row != nil || whole?.hasParts == true
      guard let label, part != .unlabelled, isListed else {
        skipped.append(images.paths[image])
        continue
      }
      places[image] = FilePlace(folder: [], label: label, part: part)
    }
    if !skipped.isEmpty {
      doubts.append(
        "\(counted(skipped.count, "image")) without a label \(skipped.count == 1 ? "was" : "were") skipped: \(someOf(Array(skipped.prefix(4))))"
      )
    }
    let strays = Self.strays(places, rows)
    doubts += Self.leaveOut(strays, &places, rows)
    missing = rows.missing.filter { !strays.contains($0.table) }.map { (place: $0.place, file: $0.file) }
    var numbers: [String: Int] = [:]
    for (image, place) in places.enumerated() {
      guard let place, let label = place.label else { continue }
      if agreement == nil, let row = rows.byImage[image], let number = row.number, row.label != nil {
        numbers[label] = number
      }
      found[place, default: FileTally()].addOne()
      roles[place] = FolderStructure.Role(part: place.part, className: label)
    }
    try Self.checkParts(roles, places, rows, name: name)
    labels = try FileLabels(roles, options, order: numbers, notes: notes, doubts: doubts, name: name)
  }

  /// Tables whose images all belong to no part, where other images tell train and test: GTSRB's `Meta.csv`, with an icon of every class.
  private static func strays(_ places: [FilePlace?], _ rows: TableRows) -> [String] {
    let parts = Set(places.compactMap { place in place?.part })
    guard parts.contains(.train), parts.contains(.test) || parts.contains(.val) else { return [] }
    var byTable: [String: Set<Part?>] = [:]
    for (image, row) in rows.byImage where row.label != nil {
      guard let place = places[image] else { continue }
      byTable[row.table, default: []].insert(place.part)
    }
    return byTable.filter { $0.value.allSatisfy { $0 == nil } }.keys.sorted()
  }

  /// Takes out the images that these tables label, and returns what the log shall say of it.
  private static func leaveOut(_ tables: [String], _ places: inout [FilePlace?], _ rows: TableRows) -> [String] {
    tables.map { table in
      let images = places.indices.filter { isPartless(places[$0]) && rows.byImage[$0]?.table == table }
      for image in images { places[image] = nil }
      return
        "\(table): \(counted(images.count, "image")) skipped, as they belong to no part of the dataset, and other images to train and test"
    }
  }

  /// Whether an image has a label and belongs to no part.
  private static func isPartless(_ place: FilePlace?) -> Bool { place.map { $0.part == nil } ?? false }

  /// The folders that hold images of the split that is read.
  func folders(of labels: FileLabels) -> Set<[String]> {
    Set(zip(places, imageFolders).compactMap { place, folder in place.flatMap(labels.index) == nil ? nil : folder })
  }

  private static func structure(
    _ tallies: [[String]: FileTally], _ name: String, without left: Set<[String]> = []
  ) -> FolderStructure? {
    do throws(DataError) {
      return try FolderStructure(tallies.filter { !left.contains($0.key) }, of: "image", name: name)
    } catch { return nil }
  }

  /// Compares the rows with the folders where both tell a class.
  ///
  /// Returns the folder's name for each of the table's labels where they agree, nil where only the table tells classes.
  ///
  /// - Throws: `DataError` (`.badInput`) where both use the same names and differ on an image, and where one of them divides the classes
  ///   of the other.
  private static func compare(
    _ rows: TableRows, _ folders: [[String]], _ whole: FolderStructure?, name: String
  ) throws(DataError) -> [String: String]? {
    guard let whole, whole.classNames.count > 1 else { return nil }
    var (there, back): ([String: String], [String: String]) = ([:], [:])
    var (oneFolder, oneLabel) = (true, true)
    var difference: (image: Int, table: String, folder: String)?
    for (image, row) in rows.byImage.sorted(by: { $0.key < $1.key }) {
      guard let label = row.label, let folder = whole.className(of: folders[image]) else { continue }
      if there.updateValue(folder, forKey: label).map({ $0 != folder }) ?? false { oneFolder = false }
      if back.updateValue(label, forKey: folder).map({ $0 != label }) ?? false { oneLabel = false }
      if label != folder, difference == nil { difference = (image, label, folder) }
    }
    guard !there.isEmpty else { return nil }
    let shareNames = !Set(there.keys).isDisjoint(with: back.keys)
    if oneFolder, oneLabel, !shareNames || there.allSatisfy({ $0.key == $0.value }) {
      if !shareNames { try refuseTwoOrders(there, name: name) }
      return there
    }
    // Where every folder has images of several labels and the reverse, folders are but places: `images_1`, `images_2`.
    // A column without a name of labels (`width`, `source`) does not outweigh folders whose names are classes.
    let areNamed = rows.guessed != nil && !whole.classNames.allSatisfy(isPlace)
    guard let difference, shareNames || oneFolder || oneLabel || areNamed else { return nil }
    let row = rows.byImage[difference.image]
    throw DataError(
      .badInput, at: [name, rows.images.paths[difference.image]],
      "it can be read in two ways: its folder says \(difference.folder), and \(row?.place ?? "the table") says \(difference.table)",
      remedy: "choose the folders with --layout image-folder, or the table with --layout image-table")
  }

  /// Whether a folder's name says which piece of a dataset it holds, or where and when its images were made: `part_1`, `2019-05-01`.
  ///
  /// A number alone is no such thing: `n01440764`, `class0`, `001.Albatross`.
  private static func isPlace(_ folder: String) -> Bool {
    let telling: Set<String> = [
      "part", "piece", "shard", "chunk", "batch", "volume", "vol", "archive", "split", "subset", "fold", "set", "group",
      "folder", "dir", "disk", "disc", "site", "camera", "cam", "scanner", "location", "place", "room", "session",
      "run", "day", "week", "month", "year", "patient", "subject", "slide", "plate", "video", "clip", "sequence", "seq",
      "scene", "series",
    ]
    let words = folder.lowercased().split { !$0.isLetter }.map(String.init)
    return folder.contains(where: \.isNumber)
      && (words.isEmpty || words.contains { telling.contains($0) || isGenericFolder($0) })
  }

  /// Refuses numbers that put the classes into another order than the names of the folders.
  private static func refuseTwoOrders(_ folders: [String: String], name: String) throws(DataError) {
    let numbers = folders.compactMap { label, folder in Int(label).map { (number: $0, folder: folder) } }
    guard numbers.count == folders.count else { return }
    let byNumber = numbers.sorted { $0.number < $1.number }.map(\.folder)
    let byName = byNumber.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard byNumber != byName else { return }
    throw DataError(
      .badInput, at: [name],
      "the classes have two orders: by the names of the folders (\(someOf(byName))), and by the numbers of the table (\(someOf(byNumber)))",
      remedy: "choose the names with --layout image-folder, or the numbers with --layout image-table")
  }

  /// Refuses data where some labelled images belong to a part and others to none, and where two parts have no class in common.
  private static func checkParts(
    _ roles: [FilePlace: FolderStructure.Role], _ places: [FilePlace?], _ rows: TableRows, name: String
  ) throws(DataError) {
    var byPart: [Part?: Set<String>] = [:]
    for role in roles.values { byPart[role.part, default: []].insert(role.className) }
    guard byPart.count > 1 else { return }
    if byPart.keys.contains(nil) {
      let lone = places.firstIndex(where: isPartless)
      let example = lone.map { image in
        ", such as \(rows.images.paths[image])" + (rows.byImage[image].map { " (\($0.place))" } ?? "")
      }
      throw DataError(
        .badInput, at: [name],
        "some images belong to the train or test split, and others to neither, by the tables and folders in it"
          + (example ?? ""),
        remedy: "give one folder for each split as the input, or add a column split to the table")
    }
    guard let train = byPart[.train] else { return }
    for part in [Part.val, .test] {
      guard let names = byPart[part], names.isDisjoint(with: train) else { continue }
      throw DataError(
        .badInput, at: [name],
        "the \(part.rawValue) part has other classes than the train part: \(someOf(names.sorted().prefix(3).map { $0 })), where train has "
          + someOf(train.sorted().prefix(3).map { $0 }),
        remedy: "write the train part's names of the classes into the table")
    }
  }
}
