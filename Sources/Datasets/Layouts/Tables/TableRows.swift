/// A table's bytes, as the first pass over a dataset keeps them.
struct RawTable {
  var path: String
  var folder: [String]
  var bytes: [UInt8]
}

/// What tables say of the images beside them, row by row.
struct TableRows {
  /// What the rows say of one image.
  struct Row {
    /// Nil where a list only says the part.
    var label: String?
    /// The number of the class, where a column has it.
    var number: Int?
    var part: Part?
    /// The table and the line, for messages.
    var place: String
    /// The table that has the label, or else the part.
    var table: String
  }
  /// By the number of the image.
  private(set) var byImage: [Int: Row] = [:]
  /// What the log shall say.
  private(set) var notes: [String] = []
  /// What the log shall say where another reading was possible.
  private(set) var doubts: [String] = []
  /// Tables that name images, and may hold labels, or the names, in several columns.
  private(set) var unclear: [DataError] = []
  private(set) var images: ImageIndex
  /// A column that is read as labels only because it is the last one left; nil if there is none.
  private(set) var guessed: String?
  private let name: String
  private let options: ReadOptions
  /// Images that rows name and that are not there, with the rows' tables and places.
  private(set) var missing: [(table: String, place: String, file: String)] = []
  /// Tables of labels whose paths lead elsewhere, and what is wrong with them.
  private var elsewhere: [(table: String, problem: String)] = []
  /// Tables that were read, or of which something was said.
  private var settled: Set<String> = []
  private var withoutLabel = 0
  /// Folders with a table of the validation part, where `trainval.txt` says of no image in which of the two it is.
  private var foldersWithVal: Set<[String]> = []

  /// Reads all tables that name images.
  ///
  /// - Throws: `DataError` (`.badInput`) for rows that contradict each other, that fit several images or none, for paths that lead
  ///   elsewhere, and for labels that are lists; (`.usage`) for columns that no table has.
  init(_ tables: [RawTable], images: ImageIndex, _ options: ReadOptions, name: String) throws(DataError) {
    (self.images, self.options, self.name) = (images, options, name)
    var read: [(LabelTable, TableColumns)] = []
    var seen: [LabelTable] = []
    for raw in tables.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
      let table: LabelTable
      do throws(DelimitedText.Malformed) {
        table = try LabelTable(raw.bytes, path: raw.path, folder: raw.folder) { rows in
          LabelTable.hasHeader(rows, images)
        }
      } catch {
        notes.append("\(raw.path) \(error.problem); it was not read as a table")
        continue
      }
      seen.append(table)
      if let columns = TableColumns(table, images, options) { read.append((table, columns)) }
    }
    foldersWithVal = Set(seen.filter { $0.part == .val }.map(\.folder))
    let lists = seen.filter { table in table.width == 1 && !read.contains { $0.0.path == table.path } }
    try checkOptions(seen)
    // Labels first, so that a list of files beside them adds its parts alone.
    for (table, columns) in read { try add(table, columns) }
    for list in lists { try addInOrder(list) }
    if withoutLabel > 0 { doubts.append("\(counted(withoutLabel, "row")) without a label: these images were skipped") }
    try settleElsewhere()
    noteUnread(seen, fitting: Set(read.map { $0.0.path }))
  }

  /// Refuses tables of labels whose paths lead elsewhere, where no other has labels: the folders may be no classes.
  private mutating func settleElsewhere() throws(DataError) {
    guard let first = elsewhere.first else { return }
    if byImage.values.contains(where: { $0.label != nil }) {
      doubts += elsewhere.map { "\($0.table) was not read: it \($0.problem)" }
      return
    }
    throw DataError(
      .badInput, at: [name, first.table], "it \(first.problem)",
      remedy: "write the paths from the dataset's folder, or ignore the table with --layout image-folder")
  }

  /// Says which tables were not read: all where none was, and those about parts in any case, whose parts the images lack then.
  private mutating func noteUnread(_ tables: [LabelTable], fitting: Set<String>) {
    for table in tables where !settled.contains(table.path) && !table.rows.isEmpty {
      let isFitting = fitting.contains(table.path)
      let reason = isFitting ? "its rows name no images that are here" : "none of its columns names the images"
      if table.isAboutParts {
        let text =
          "\(table.path) is about train and test by its name, and was not read: \(reason); if it tells the parts, write the names of the images into it"
        if byImage.isEmpty { notes.append(text) } else { doubts.append(text) }
      } else if byImage.isEmpty, fitting.isEmpty || isFitting, table.path.lowercased().lastPart != "txt" {
        notes.append("\(table.path) was not read: \(reason)")
      }
    }
  }

  private func checkOptions(_ tables: [LabelTable]) throws(DataError) {
    for (option, wanted) in [("image-column", options.imageColumn), ("label-column", options.labelColumn)] {
      guard let wanted, !tables.contains(where: { $0.column(named: wanted) != nil }) else { continue }
      let columns = tables.flatMap { table in table.columns ?? (1...max(1, table.width)).map(String.init) }
      throw DataError(
        .usage, at: [name],
        tables.isEmpty
          ? "there is no table in it for --\(option) \(wanted)"
          : "no table has a column \(wanted), which --\(option) names",
        remedy: tables.isEmpty ? "leave it out" : "the columns are \(someOf(columns))")
    }
  }

  private mutating func add(_ table: LabelTable, _ columns: TableColumns) throws(DataError) {
    let tablePart = table.isTrainAndVal && foldersWithVal.contains(table.folder) ? nil : table.part
    // A table that has whole names means no other file by a name without its ending: a mask `4.jpg` where `4.png` is missing.
    let byStems = !table.rows.contains { images.hasName($0.cells[columns.file]) }
    let covers = table.rows.contains {
      !images.find($0.cells[columns.file], from: table.folder, part: tablePart, byStems: byStems).isEmpty
    }
    guard covers else { return noteElsewhere(table, columns, byStems: byStems) }
    settled.insert(table.path)
    if case .unclear(let reason) = columns.label {
      let possible = TableColumns.possibleLabels(table, besides: columns.file, columns.split)
      let error = DataError(
        .badInput, at: [name, table.path], "which column holds the label is not clear: \(reason)",
        remedy: "choose one with --label-column, or read the folders as classes with --layout image-folder")
      if possible.isEmpty {
        notes.append("\(table.path) names the images, but no column of it holds labels; it was not read")
      } else {
        unclear.append(error)
      }
      return
    }
    if columns.label == .none, tablePart == nil, columns.split == nil {
      if table.width > 1 {
        notes.append("\(table.path) names the images, but no column of it holds labels; it was not read")
      }
      return
    }
    if let rival = columns.rival {
      let names = [columns.file, rival.column].map(table.name(of:))
      unclear.append(
        DataError(
          .badInput, at: [name, table.path],
          "which column names the images is not clear: it may be \(names[0]) or \(names[1]), which name different images in line \(rival.line)",
          remedy: "choose one with --image-column, or read the folders as classes with --layout image-folder"))
      return
    }
    if case .column(let index, _) = columns.label, options.labelColumn == nil, table.isGuess(index) {
      guessed = "\(table.path), column \(table.name(of: index))"
    }
    if columns.split == nil, let strange = TableColumns.strangeSplit(table, besides: columns.file, columns.label) {
      doubts.append(
        "\(table.path): \(table.name(of: strange)) says no train and test, so all rows are read: "
          + someOf(Set(table.cells(strange)).sorted()))
    }
    let values = LabelValues(table, columns.label)
    try values.check(at: [name, table.path])
    doubts += values.doubts
    var folds: Set<String> = []
    for (index, row) in table.rows.enumerated() {
      let place = "\(table.path), line \(row.line)"
      var part = tablePart
      if let split = columns.split {
        let cell = row.cells[split]
        part = partOf(cell, LabelTable.plain(table.name(of: split)), &folds) ?? tablePart
      }
      let found = images.find(row.cells[columns.file], from: table.folder, part: part, byStems: byStems)
      guard found.count < 2 else {
        throw DataError(
          .badInput, at: [name, place],
          "\(row.cells[columns.file]) may be \(images.paths[found[0]]) or \(images.paths[found[1]])",
          remedy: "write the paths of the images into the table")
      }
      guard let image = found.first else {
        if columns.label != .none, part == nil || (part == .train) == (options.split == .train) {
          missing.append((table.path, place, row.cells[columns.file]))
        }
        continue
      }
      let label = values.label(index)
      if columns.label != .none, label == nil {
        withoutLabel += 1
        continue
      }
      try merge(Row(label: label, number: values.number(index), part: part, place: place, table: table.path), image)
    }
    if !folds.isEmpty, options.testFolds.isEmpty {
      doubts.append(
        "\(table.path) has \(folds.count) folds, and all of them are read; --test-fold \(folds.sorted().last ?? "") makes a test split of one"
      )
    }
    notes.append(values.note(columns))
  }

  /// Remembers a table of labels that has the images' names, but behind folders that are not here.
  private mutating func noteElsewhere(_ table: LabelTable, _ columns: TableColumns, byStems: Bool) {
    guard columns.mayLabel(table) else { return }
    let lost = table.rows.compactMap { row in
      let cell = row.cells[columns.file]
      let image = images.elsewhere(cell, from: table.folder, part: table.part, byStems: byStems)
      return image.map { (cell: cell, image: $0) }
    }
    guard let first = lost.first, 2 * lost.count > table.rows.count else { return }
    settled.insert(table.path)
    elsewhere.append(
      (
        table.path,
        "names images by paths that are not here, such as \(first.cell), where there is \(images.paths[first.image])"
      ))
  }

  /// A list of labels without names, one for each image in the order of their names, as ImageNet's validation images have it.
  private mutating func addInOrder(_ table: LabelTable) throws(DataError) {
    let name = PartName(String(table.path.split(separator: "/").last?.split(separator: ".").first ?? ""))
    guard let part = name.part, name.rest.contains("truth") || name.rest.contains("synset") else { return }
    settled.insert(table.path)
    let values = (table.columns ?? []) + table.rows.map { $0.cells[0] }
    let inPart = images.paths.indices.filter { image in
      byImage[image] == nil && images.folders(of: image).contains { PartName($0).part == part }
    }
    let all = images.paths.indices.filter { byImage[$0] == nil }
    guard let chosen = [inPart, all].first(where: { $0.count == values.count }) else {
      notes.append(
        "\(table.path) has \(counted(values.count, "line")), which is not the number of the images; it was not read")
      return
    }
    guard values.contains(where: { Int($0) == nil }) else {
      throw DataError(
        .badInput, at: [self.name, table.path],
        "its numbers are places in the list of classes of the development kit, whose order is not that of the class names",
        remedy:
          "put imagenet_2012_validation_synset_labels.txt or LOC_val_solution.csv beside the images, or move them into a folder per class"
      )
    }
    let sorted = chosen.sorted { images.paths[$0].utf8.lexicographicallyPrecedes(images.paths[$1].utf8) }
    for (index, image) in sorted.enumerated() {
      let place = "\(table.path), line \(index + 1)"
      try merge(Row(label: values[index], part: part, place: place, table: table.path), image)
    }
    notes.append("\(table.path): a label for each image in the order of their names")
  }

  private func partOf(_ cell: String, _ column: String, _ folds: inout Set<String>) -> Part? {
    if let part = PartName.ofCell(cell) { return part }
    if let part = LabelTable.flaggedPart(column) {
      let isSet = ["1", "1.0", "true", "yes", "t", "y"].contains(cell.lowercased())
      return isSet ? part : part == .train ? .test : .train
    }
    guard !cell.isEmpty else { return nil }
    folds.insert(cell)
    return options.testFolds.isEmpty ? nil : options.testFolds.contains(cell) ? .test : .train
  }

  private mutating func merge(_ row: Row, _ image: Int) throws(DataError) {
    guard var known = byImage[image] else {
      byImage[image] = row
      return
    }
    if let one = known.label, let other = row.label, one != other {
      throw DataError(
        .badInput, at: [name, images.paths[image]],
        "it has two labels: \(one) (\(known.place)) and \(other) (\(row.place))",
        remedy: "take out the wrong row or table")
    }
    if let one = known.part, let other = row.part, one != other {
      throw DataError(
        .badInput, at: [name, images.paths[image]],
        "it is in two parts: \(one.rawValue) (\(known.place)) and \(other.rawValue) (\(row.place))",
        remedy: "take it out of one of them")
    }
    if known.label == nil, row.label != nil { known.table = row.table }
    known.label = known.label ?? row.label
    known.number = known.number ?? row.number
    known.part = known.part ?? row.part
    byImage[image] = known
  }
}
