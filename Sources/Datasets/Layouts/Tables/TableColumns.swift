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
  let label: Label
  let split: Int?

  /// Nil where no column names images of the dataset.
  init?(_ table: LabelTable, _ images: ImageIndex, _ options: ReadOptions) {
    guard let file = Self.fileColumn(table, images, options.imageColumn) else { return nil }
    self.file = file
    let split = Self.splitColumn(table, besides: file)
    self.split = split
    label = Self.label(table, images, file: file, split: split, options.labelColumn)
  }

  private static func fileColumn(_ table: LabelTable, _ images: ImageIndex, _ wanted: String?) -> Int? {
    if let wanted, let column = table.column(named: wanted) { return column }
    /// How many different names of images it has; nil where it is no column of them.
    func names(_ column: Int) -> Int? {
      let cells = table.cells(column).prefix(1000)
      let different = Set(cells)
      let isKnown = table.columns.map { LabelTable.fileNames.contains(LabelTable.plain($0[column])) } ?? false
      guard 2 * cells.count(where: images.mayName) >= cells.count, !cells.isEmpty else { return nil }
      // One row an image: a column of labels may hold names of images by chance, but again and again.
      return isKnown || 2 * different.count > cells.count ? different.count : nil
    }
    let fitting = (0..<table.width).compactMap { column in names(column).map { (column: column, names: $0) } }
    let best = fitting.max { $0.names < $1.names }?.column
    guard let columns = table.columns else { return best }
    return LabelTable.fileNames.lazy.compactMap { name in
      fitting.first { LabelTable.plain(columns[$0.column]) == name }?.column
    }.first ?? best
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
