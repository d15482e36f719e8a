/// The labels that the rows of a table have.
struct LabelValues {
  private let table: LabelTable
  private let column: TableColumns.Label
  /// Whether labels are whole numbers that a program wrote as decimals, `1.0`.
  private let areWholeDecimals: Bool
  /// Whether only the first word counts, as in the tables of ImageNet's competition: `n01751748 111 108 230 365`.
  private let hasBoxes: Bool

  init(_ table: LabelTable, _ column: TableColumns.Label) {
    (self.table, self.column) = (table, column)
    guard case .column(let index, _) = column else {
      (areWholeDecimals, hasBoxes) = (false, false)
      return
    }
    hasBoxes = table.columns.map { LabelTable.plain($0[index]) == "predictionstring" } ?? false
    let cells = table.cells(index).filter { !$0.isEmpty }
    areWholeDecimals =
      cells.contains { $0.hasSuffix(".0") }
      && cells.allSatisfy { Int($0.hasSuffix(".0") ? String($0.dropLast(2)) : $0) != nil }
  }

  /// The label of a row; nil where it has none.
  func label(_ row: Int) -> String? {
    let cells = table.rows[row].cells
    switch column {
    case .column(let index, _):
      var text = cells[index].trimmed
      if hasBoxes { text = text.split(separator: " ").first.map(String.init) ?? "" }
      if areWholeDecimals, text.hasSuffix(".0") { text = String(text.dropLast(2)) }
      return text.isEmpty ? nil : text
    case .oneOf(let columns): return columns.first { Double(cells[$0]) == 1 }.map(table.name)
    case .none, .unclear: return nil
    }
  }

  /// The number of a row's class, where a column has it.
  func number(_ row: Int) -> Int? {
    switch column {
    case .column(_, let order?): Int(table.rows[row].cells[order])
    case .oneOf(let columns): columns.firstIndex { Double(table.rows[row].cells[$0]) == 1 }
    default: nil
    }
  }

  /// Refuses what is no single class.
  func check(at place: [String]) throws(DataError) {
    guard case .column(let index, _) = column else { return }
    let cells = table.cells(index).filter { !$0.isEmpty }
    let distinct = Set(cells)
    func refuse(_ problem: String) -> DataError {
      DataError(
        .badInput, at: place, "column \(table.name(of: index)) \(problem)",
        remedy: "name the column of the class with --label-column, or write one that has a single class for every image"
      )
    }
    if distinct.contains(JSONLines.composite) { throw refuse("holds lists, not one label for every image") }
    if hasBoxes {
      let several = cells.first { cell in
        Set(cell.split(separator: " ").enumerated().filter { $0.offset % 5 == 0 }.map(\.element)).count > 1
      }
      if let several { throw refuse("has boxes of several classes: \(several)") }
      return
    }
    if distinct.count == cells.count, cells.count > 20 {
      throw refuse("says something else in every row, and so holds no classes")
    }
    try checkNumbers(distinct, refuse)
    let isOfTags = ["tag", "tags", "attribute", "attributes", "keywords"].contains(
      LabelTable.plain(table.name(of: index)))
    for separator: Character in ["|", ";", ",", " "] {
      let several = distinct.filter { cell in
        let pieces = cell.split(separator: separator).map { String($0).trimmed }
        return pieces.count > 1 && Set(pieces).count == pieces.count && pieces.allSatisfy(distinct.contains)
      }
      if let one = several.min() { throw refuse("holds several labels in one cell, such as \(one)") }
      // Names of classes have spaces, and share words; lists of tags are lists by their column or by their commas.
      guard separator != " " || isOfTags else { continue }
      let lists = distinct.map { cell in Set(cell.split(separator: separator).map { String($0).trimmed }) }.filter {
        $0.count > 1
      }
      var uses: [String: Int] = [:]
      for piece in lists.joined() { uses[piece, default: 0] += 1 }
      let pieces = lists.reduce(0) { $0 + $1.count }
      let repeated = uses.values.reduce(0) { $1 > 1 ? $0 + $1 : $0 }
      if lists.count > 2, 2 * repeated > pieces {
        throw refuse("holds lists, such as \(distinct.filter { $0.contains(separator) }.min() ?? "")")
      }
    }
  }

  /// Refuses numbers that are not whole or negative, that are written in two ways, and that stand beside names: the order of the
  /// classes would be that of names, and label 10 not the eleventh.
  private func checkNumbers(
    _ distinct: Set<String>, _ refuse: (String) -> DataError
  ) throws(DataError) {
    var byValue: [Double: String] = [:]
    var others: [String] = []
    for text in distinct.sorted() {
      guard let value = Double(text), value.isFinite else {
        others.append(text)
        continue
      }
      if value != value.rounded() || Int(text) == nil && !text.hasSuffix(".0") {
        throw refuse("holds numbers that are not whole, such as \(text)")
      }
      let plain = areWholeDecimals && text.hasSuffix(".0") ? String(text.dropLast(2)) : text
      if let known = byValue.updateValue(plain, forKey: value), known != plain {
        throw refuse(
          "has the label \(Int(exactly: value).map(String.init) ?? text) in two forms, \(known) and \(plain)")
      }
    }
    guard !byValue.isEmpty else { return }
    if let negative = byValue.keys.filter({ $0 < 0 }).min(), others.isEmpty || byValue.count > 1 {
      throw refuse("holds a negative number, \(byValue[negative] ?? "")")
    }
    // Single characters are characters: 0 to 9 and A to Z.
    guard let other = others.first, !distinct.allSatisfy({ $0.count == 1 }) || other == "?" else { return }
    throw refuse("holds numbers and, beside them, \(other)")
  }

  /// What people and programs write where a label is missing, in lower case.
  private static let missing: Set<String> = ["nan", "n/a", "#n/a", "na", "<na>", "null", "none", "-", "?"]

  /// What the log shall say of labels that may stand for missing ones, where there are others beside them.
  var doubts: [String] {
    guard case .column = column else { return [] }
    var counts: [String: Int] = [:]
    for row in table.rows.indices { if let label = self.label(row) { counts[label, default: 0] += 1 } }
    guard counts.keys.contains(where: { !Self.missing.contains($0.lowercased()) }) else { return [] }
    return counts.keys.filter { Self.missing.contains($0.lowercased()) }.sorted().map { label in
      let count = counts[label] ?? 0
      let (have, rows) = count == 1 ? ("has", "the row") : ("have", "these rows")
      return
        "\(table.path): \(counted(count, "row")) \(have) the label \(label), which is read as a class: leave \(rows) out, or the label empty, if it says that the label is missing"
    }
  }

  /// What the log shall say of where labels come from.
  func note(_ columns: TableColumns) -> String {
    let file = table.name(of: columns.file)
    let split = columns.split.map { ", parts in \(table.name(of: $0))" } ?? ""
    switch column {
    case .column(let index, _): return "\(table.path): labels in \(table.name(of: index)), files in \(file)\(split)"
    case .oneOf(let all): return "\(table.path): a column for each of \(all.count) classes, files in \(file)\(split)"
    case .none, .unclear: return "\(table.path): a list of files\(split)"
    }
  }
}
