/// Which columns of a table name the images, their labels and their parts.
struct TableColumns {
  /// Where a row has its label.
  enum Label: Equatable {
    /// In a column; `order` is another one with the number of the same class.
    case column(Int, order: Int?)
    /// In the one of several columns that holds a 1.
    case oneOf([Int])
    /// Nowhere: it is a list of files.
    case none
    /// It may be in several places, or in none; a clause that says why.
    case unclear(String)
  }
  let file: Int
  /// Another column that may name the images as well, and the line where it names another image; nil where there is none.
  let rival: (column: Int, line: Int)?
  let label: Label
  let split: Int?

  /// Nil where no column names images of the dataset.
  init?(_ table: LabelTable, _ images: ImageIndex, _ options: ReadOptions) {
    guard let (file, rival) = Self.fileColumn(table, images, options) else { return nil }
    (self.file, self.rival) = (file, rival)
    let split = Self.splitColumn(table, besides: file)
    self.split = split
    label = Self.label(table, images, file: file, split: split, options.labelColumn)
  }

  /// A column whose cells are names of images.
  private struct Candidate {
    var column: Int
    /// How many different images' names it has.
    var names: Int
    /// Whether every row has another one.
    var isUnique: Bool
    /// Whether it has names with their endings.
    var areWhole: Bool

    /// Whether it names so many images that it may be meant as well as another one; names with endings are not there by chance.
    func rivals(_ other: Candidate) -> Bool {
      column != other.column && 10 * names >= 9 * other.names && (areWhole || !other.areWhole)
    }
  }

  private static func fileColumn(
    _ table: LabelTable, _ images: ImageIndex, _ options: ReadOptions
  ) -> (file: Int, rival: (column: Int, line: Int)?)? {
    if let wanted = options.imageColumn, let column = table.column(named: wanted) { return (column, nil) }
    let fitting = likely(
      (0..<table.width).compactMap { candidate($0, table, images) }, table,
      label: options.labelColumn.flatMap(table.column(named:)))
    if let known = first(of: fitting, table, named: { !LabelTable.looseFileNames.contains($0) }) {
      return (known.column, nil)
    }
    let best = fitting.max { one, other in
      one.names == other.names ? !one.areWhole && other.areWhole : one.names < other.names
    }
    guard let file = first(of: fitting, table, named: { LabelTable.looseFileNames.contains($0) }) ?? best else {
      return nil
    }
    for other in fitting where other.rivals(file) {
      guard let line = difference(table, images, file.column, other.column) else { continue }
      return (file.column, (column: other.column, line: line))
    }
    return (file.column, nil)
  }

  /// What a column is as one of names of images; nil where it is none.
  private static func candidate(_ column: Int, _ table: LabelTable, _ images: ImageIndex) -> Candidate? {
    let cells = table.cells(column).prefix(1000)
    let different = Set(cells)
    let isKnown = table.columns.map { LabelTable.fileNames.contains(LabelTable.plain($0[column])) } ?? false
    guard 2 * cells.count(where: images.mayName) >= cells.count, !cells.isEmpty else { return nil }
    // One row an image: a column of labels may hold names of images by chance, but again and again.
    guard isKnown || 2 * different.count > cells.count else { return nil }
    return Candidate(
      column: column, names: different.count(where: images.mayName), isUnique: different.count == cells.count,
      areWhole: 2 * cells.count(where: images.hasName) >= cells.count)
  }

  /// The columns that are left where some are something else by their names: labels, parts, and numbers of the rows, which fit the names
  /// of images `0.png` to `9.png` by chance.
  private static func likely(_ all: [Candidate], _ table: LabelTable, label: Int?) -> [Candidate] {
    func name(_ candidate: Candidate) -> String? { table.columns.map { LabelTable.plain($0[candidate.column]) } }
    func isNumbering(_ candidate: Candidate) -> Bool {
      name(candidate).map { LabelTable.indexNames.contains($0) } ?? false
    }
    let others = all.filter { candidate in
      let isOther = name(candidate).map { LabelTable.labelNames.contains($0) || LabelTable.splitNames.contains($0) }
      return candidate.column != label && isOther != true
    }
    let left = others.isEmpty ? all : others
    return left.filter { candidate in
      !isNumbering(candidate) || !left.contains { !isNumbering($0) && $0.isUnique && $0.rivals(candidate) }
    }
  }

  /// The candidate whose name comes first among those of file columns.
  private static func first(
    of candidates: [Candidate], _ table: LabelTable, named isMeant: (String) -> Bool
  ) -> Candidate? {
    guard let columns = table.columns else { return nil }
    for name in LabelTable.fileNames where isMeant(name) {
      if let found = candidates.first(where: { LabelTable.plain(columns[$0.column]) == name }) { return found }
    }
    return nil
  }

  /// The first line in which two columns name different images; nil where there is none.
  private static func difference(_ table: LabelTable, _ images: ImageIndex, _ one: Int, _ other: Int) -> Int? {
    table.rows.prefix(1000).first { row in
      let found = [one, other].map { Set(images.find(row.cells[$0], from: table.folder, part: table.part)) }
      return !found[0].isEmpty && !found[1].isEmpty && found[0].isDisjoint(with: found[1])
    }?.line
  }

  private static func splitColumn(_ table: LabelTable, besides file: Int) -> Int? {
    guard let columns = table.columns else { return nil }
    return columns.indices.first { column in
      let name = LabelTable.plain(columns[column])
      guard column != file else { return false }
      // Beside a column of labels `test` is a flag; among columns of classes `train` is a vehicle.
      let isFlag =
        LabelTable.flaggedPart(name) != nil
        && (name.hasPrefix("is") || columns.contains { LabelTable.labelNames.contains(LabelTable.plain($0)) })
      if isFlag { return table.cells(column).allSatisfy { LabelTable.flags.contains($0.lowercased()) } }
      return LabelTable.splitNames.contains(name)
        && table.cells(column).allSatisfy { $0.isEmpty || PartName.ofCell($0) != nil || Double($0) != nil }
    }
  }

  private static func label(
    _ table: LabelTable, _ images: ImageIndex, file: Int, split: Int?, _ wanted: String?
  ) -> Label {
    if let wanted, let column = table.column(named: wanted) { return .column(column, order: nil) }
    var rest = (0..<table.width).filter { $0 != file && $0 != split }
    guard let columns = table.columns else {
      if rest.isEmpty || table.tellsParts { return .none }
      if rest.count > 1 { rest = rest.filter { !isNumeric(table, $0) } }
      if rest.count == 1 { return isIndex(table, rest[0]) ? .none : .column(rest[0], order: nil) }
      return .unclear("it has \(table.width) columns without names")
    }
    if let other = otherImage(table, images, rest, besides: file) {
      return .unclear("every row names two images, in \(columns[file]) and \(columns[other])")
    }
    rest.removeAll { LabelTable.indexNames.contains(LabelTable.plain(columns[$0])) }
    // Another form of the file's name.
    rest.removeAll { column in
      LabelTable.fileNames.contains(LabelTable.plain(columns[column]))
        && Set(table.cells(column)).count == table.rows.count
        && table.cells(column).prefix(100).allSatisfy(images.mayName)
    }
    let known = rest.filter { LabelTable.labelNames.contains(LabelTable.plain(columns[$0])) }
    if known.count == 1 { return .column(known[0], order: nil) }
    if known.count > 1 {
      let text = known.first { !isNumeric(table, $0) } ?? known[0]
      guard known.allSatisfy({ $0 == text || mapsOneToOne(table, text, $0) }) else {
        return .unclear("it may be in \(someOf(known.map { columns[$0] }))")
      }
      return .column(text, order: known.first { $0 != text && isWhole(table, $0) })
    }
    if rest.isEmpty { return .none }
    if rest.count == 1 { return isIndex(table, rest[0]) ? .none : .column(rest[0], order: nil) }
    if isOneHot(table, rest) { return .oneOf(rest) }
    return .unclear("it may be in \(someOf(rest.map { columns[$0] }))")
  }

  private static func isNumeric(_ table: LabelTable, _ column: Int) -> Bool {
    table.cells(column).allSatisfy { $0.isEmpty || Double($0) != nil }
  }

  /// A second column of images, where rows are about pairs; nil where it names the same images again.
  private static func otherImage(_ table: LabelTable, _ images: ImageIndex, _ rest: [Int], besides file: Int) -> Int? {
    rest.first { column in
      let rows = table.rows.prefix(100)
      guard rows.allSatisfy({ $0.cells[column].contains(".") && images.mayName($0.cells[column]) }) else {
        return false
      }
      return rows.contains { row in
        images.find(row.cells[column], from: table.folder, part: nil)
          != images.find(row.cells[file], from: table.folder, part: nil)
      }
    }
  }

  /// The column that should tell parts and does not; nil where there is none.
  static func strangeSplit(_ table: LabelTable, besides file: Int, _ label: Label) -> Int? {
    table.columns?.indices.first { column in
      let name = LabelTable.plain(table.name(of: column))
      if case .column(column, _) = label { return false }
      return column != file && LabelTable.splitNames.contains(name)
    }
  }

  /// Whether a column without a telling name numbers the rows, or describes them one by one.
  private static func isIndex(_ table: LabelTable, _ column: Int) -> Bool {
    guard table.rows.count > 1, Set(table.cells(column)).count == table.rows.count else { return false }
    return table.columns != nil || table.rows.count > (isNumeric(table, column) ? 2 : 20)
  }

  private static func isWhole(_ table: LabelTable, _ column: Int) -> Bool {
    table.cells(column).allSatisfy { Int($0) != nil }
  }

  private static func mapsOneToOne(_ table: LabelTable, _ one: Int, _ other: Int) -> Bool {
    let pairs = zip(table.cells(one), table.cells(other))
    var (there, back): ([String: String], [String: String]) = ([:], [:])
    for (a, b) in pairs {
      guard there.updateValue(b, forKey: a).map({ $0 == b }) ?? true,
        back.updateValue(a, forKey: b).map({ $0 == a }) ?? true
      else { return false }
    }
    return true
  }

  private static func isOneHot(_ table: LabelTable, _ columns: [Int]) -> Bool {
    !table.rows.isEmpty
      && table.rows.allSatisfy { row in
        let values = columns.map { Double(row.cells[$0]) }
        return values.allSatisfy { $0 == 0 || $0 == 1 } && values.count { $0 == 1 } == 1
      }
  }

  /// Whether a table has labels, or columns that could be.
  func mayLabel(_ table: LabelTable) -> Bool {
    switch label {
    case .column, .oneOf: true
    case .none: false
    case .unclear: !Self.possibleLabels(table, besides: file, split).isEmpty
    }
  }

  /// Columns of text, or of a label's name, that say the same of several images, and so could be labels.
  static func possibleLabels(_ table: LabelTable, besides file: Int, _ split: Int?) -> [Int] {
    (0..<table.width).filter { column in
      let isNamed = table.columns.map { LabelTable.labelNames.contains(LabelTable.plain($0[column])) } ?? false
      guard column != file, column != split, isNamed || !isNumeric(table, column) else { return false }
      let distinct = Set(table.cells(column)).count
      return distinct > 1 && 2 * distinct <= table.rows.count
    }
  }
}
