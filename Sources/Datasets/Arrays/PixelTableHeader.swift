/// Which columns of a table of pixels hold what.
struct PixelTableHeader {
  /// All columns of a row.
  let columns: Int
  /// The label's; nil where there is none.
  let labelColumn: Int?
  /// The columns of an image's bytes, in their order in memory: row by row, channels interleaved.
  let pixels: [Int]
  let side: Int
  /// 1 or 3.
  let channels: Int
  /// Whether the first line names the columns; otherwise it is an image.
  let hasNames: Bool
  /// Whether the names say which channel a column is of.
  let namesChannels: Bool
  /// The column that tells parts; nil where there is none.
  let splitColumn: Int?
  /// Whether no name says which column is the label's.
  let isLabelSupposed: Bool
  /// What the log shall say.
  let notes: [String]
  private let separator: UInt8
  /// Where the value of each column goes; -1 for no pixel.
  private let places: [Int]

  private static let labelNames: Set<String> = ["label", "labels", "class", "target", "y", "cls", "digit"]
  private static let fewestPixels = 16

  /// The first line of a file; nil where its columns are not those of pixels.
  init?(_ line: ArraySlice<UInt8>) {
    var line = line
    if line.starts(with: [0xef, 0xbb, 0xbf]) { line = line.dropFirst(3) }
    guard
      let separator = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")].max(by: { one, other in
        line.count { $0 == one } < line.count { $0 == other }
      })
    else { return nil }
    let fields = line.split(separator: separator, omittingEmptySubsequences: false).map { unquoted($0) }
    guard fields.count >= Self.fewestPixels else { return nil }
    self.separator = separator
    columns = fields.count
    var notes: [String] = []
    let order: [Int]
    if fields.allSatisfy({ Double($0) != nil }) {
      // No names, or numbers that a tool took for names and made different: `0,0.1,0.2`.
      // Pandas numbers columns without names.
      let areNumbered = fields.indices.allSatisfy { fields[$0] == String($0) }
      hasNames = areNumbered || Self.areMadeDifferent(fields)
      guard let shape = Self.shape(fields.count - 1) else { return nil }
      labelColumn = 0
      (side, channels) = shape
      order = Array(1..<fields.count)
      isLabelSupposed = true
      splitColumn = nil
      namesChannels = false
      notes.append("its columns have no names; the first one is the label")
      if channels == 3 { notes.append(Self.interleavedNote) }
    } else {
      hasNames = true
      isLabelSupposed = false
      let names = fields.map { $0.lowercased() }
      let labels = names.indices.filter { Self.labelNames.contains(names[$0]) }
      guard labels.count <= 1 else { return nil }
      labelColumn = labels.first
      splitColumn = fields.indices.first { LabelTable.splitNames.contains(LabelTable.plain(fields[$0])) }
      let numbered = Self.pixelColumns(names, except: labels)
      guard numbered.count >= Self.fewestPixels, let shape = Self.shape(numbered.count),
        let found = Self.order(numbered.map { names[$0] }, side: shape.side, channels: shape.channels)
      else { return nil }
      (side, channels) = shape
      order = found.order.map { numbered[$0] }
      namesChannels = found.namesChannels
      if channels == 3, !found.namesChannels { notes.append(Self.interleavedNote) }
    }
    pixels = order
    var places = [Int](repeating: -1, count: fields.count)
    for (index, column) in order.enumerated() { places[column] = index }
    self.places = places
    self.notes = notes
  }

  /// Whether numbers are an image that pandas took for names: of equal ones the second is `0.1`, the third `0.2`.
  private static func areMadeDifferent(_ fields: [String]) -> Bool {
    var uses: [Substring: Int] = [:]
    var isAny = false
    for field in fields {
      let pieces = field.split(separator: ".", omittingEmptySubsequences: false)
      guard pieces.count <= 2, Int(pieces[0]) != nil else { return false }
      guard pieces.count == 2 else {
        guard uses.updateValue(0, forKey: pieces[0]) == nil else { return false }
        continue
      }
      guard let last = uses[pieces[0]], pieces[1] == String(last + 1) else { return false }
      uses[pieces[0]] = last + 1
      isAny = true
    }
    return isAny
  }

  /// Throws `badInput` where images that are read as red, green and blue of each pixel in turn look like three planes.
  ///
  /// A pixel resembles the one below it, which is three rows of values further on, or one row of a plane.
  func checkChannels(_ images: [[UInt8]], at place: [String]) throws(DataError) {
    guard channels == 3, !namesChannels, side >= 8, images.count >= 4, !images.allSatisfy(isRamp) else { return }
    func difference(_ distance: Int) -> Double {
      var sum = 0
      for image in images {
        for index in 0..<(image.count - 3 * side) { sum += abs(Int(image[index]) - Int(image[index + distance])) }
      }
      return Double(sum)
    }
    guard 1.25 * difference(side) < difference(3 * side) else { return }
    throw DataError(
      .badInput, at: place,
      "the columns of a colour image may be its pixels in turn, or its red, green and blue planes, which they look like",
      remedy: "name the columns of planes r0, r1 and so on, g0 …, b0 …")
  }

  private static let interleavedNote = "the columns of an image are read as red, green and blue of each pixel in turn"

  private static func shape(_ count: Int) -> (side: Int, channels: Int)? {
    if let side = squareSide(count), side > 1 { return (side, 1) }
    if count % 3 == 0, let side = squareSide(count / 3), side > 1 { return (side, 3) }
    return nil
  }

  /// The columns that are called as most are, with a number: `pixel17`, and not `unnamed: 0`; those of three channels where there are.
  private static func pixelColumns(_ names: [String], except labels: [Int]) -> [Int] {
    let numbered = names.indices.filter { !labels.contains($0) && names[$0].contains(where: \.isNumber) }
    let groups = Dictionary(grouping: numbered) { word(names[$0]) }
    if planes.contains(where: { Set($0).isSubset(of: groups.keys) }) {
      return numbered.filter { index in planes.contains { $0.contains(word(names[index])) } }
    }
    return groups.values.max { ($0.count, $1[0]) < ($1.count, $0[0]) } ?? []
  }

  private static let planes = [["r", "g", "b"], ["red", "green", "blue"]]

  /// The letters before the number in a column's name.
  private static func word(_ name: String) -> String { String(name.prefix { !$0.isNumber }.filter(\.isLetter)) }

  /// The columns as the numbers in their names order them: `pixel17`, `3x12`; `r0`, `g0`, `b0` for planes.
  ///
  /// Nil where the names are of no such form.
  private static func order(
    _ names: [String], side: Int, channels: Int
  ) -> (order: [Int], namesChannels: Bool)? {
    struct Column {
      var index: Int
      var word: String
      var numbers: [Int]
    }
    var columns: [Column] = []
    for (index, name) in names.enumerated() {
      var numbers = name.split(whereSeparator: { !$0.isNumber }).map { Int($0) }
      guard numbers.allSatisfy({ $0 != nil }) else { return nil }
      // `x3y1`, `col3_row1`: the column stands first.
      let words = name.split(whereSeparator: { !$0.isLetter })
      if numbers.count == 2, words.count == 2, ["x", "c"].contains(words[0].first), ["y", "r"].contains(words[1].first)
      {
        numbers.reverse()
      }
      columns.append(Column(index: index, word: word(name), numbers: numbers.compactMap(\.self)))
    }
    func sorted(_ columns: [Column]) -> [Int]? {
      let sorted = columns.sorted { $0.numbers.lexicographicallyPrecedes($1.numbers) }
      guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.numbers != $1.numbers }) else { return nil }
      return sorted.map(\.index)
    }
    let words = Set(columns.map(\.word))
    if words.count == 1 { return sorted(columns).map { ($0, false) } }
    guard channels == 3, let planes = planes.first(where: { Set($0) == words }) else { return nil }
    let orders = planes.compactMap { plane in sorted(columns.filter { $0.word == plane }) }
    guard orders.count == 3, orders.allSatisfy({ $0.count == side * side }) else { return nil }
    return ((0..<(side * side)).flatMap { pixel in orders.map { $0[pixel] } }, true)
  }

  /// The text of one column of a row; nil where the row is too short.
  func field(_ column: Int, of line: [UInt8]) -> String? {
    var index = 0
    var start = 0
    for position in line.indices where line[position] == separator {
      if index == column { return unquoted(line[start..<position]) }
      index += 1
      start = position + 1
    }
    return index == column ? unquoted(line[start...]) : nil
  }

  /// The text of a row's last column.
  func lastField(of line: [UInt8]) -> String {
    unquoted(line[(line.lastIndex(of: separator).map { $0 + 1 } ?? 0)...])
  }

  /// The pixels of a row, as they stand in it.
  ///
  /// Throws `badInput` for a row of another length, and for what is not a whole number from 0 to 255.
  func levels(of line: [UInt8], at place: [String]) throws(DataError) -> [UInt8] {
    var failure: DataError?
    var levels = [UInt8](repeating: 0, count: pixels.count)
    var column = 0
    var start = 0
    line.withUnsafeBufferPointer { line in
      for position in 0...line.count where position == line.count || line[position] == separator {
        defer {
          column += 1
          start = position + 1
        }
        guard failure == nil, column < places.count, places[column] >= 0 else { continue }
        guard let level = Self.level(line[start..<position]) else {
          let text = String(decoding: line[start..<position].prefix(16), as: UTF8.self)
          failure = DataError(
            .badInput, at: place, "the value “\(text)” in column \(column + 1) is not a whole number from 0 to 255",
            remedy: "save pixels as whole numbers from 0 to 255")
          continue
        }
        levels[places[column]] = level
      }
    }
    if let failure { throw failure }
    guard column == columns else {
      throw DataError(
        .badInput, at: place, "\(counted(column, "column")) where the first line has \(columns)",
        remedy: Remedy.getItAgain)
    }
    return levels
  }

  private static func level(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> UInt8? {
    var value = 0
    if text.isEmpty { return nil }
    for (index, byte) in text.enumerated() {
      guard (0x30...0x39).contains(byte), index < 3 else { return slowLevel(text) }
      value = 10 * value + Int(byte - 0x30)
    }
    return UInt8(exactly: value)
  }

  // With spaces, quotes, or decimals that are zero.
  private static func slowLevel(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> UInt8? {
    Double(unquoted(ArraySlice(Array(text)))).flatMap { UInt8(exactly: $0) }
  }
}

/// Whether values only count up, which looks smooth however they are cut into rows.
private func isRamp(_ values: [UInt8]) -> Bool {
  let steps = zip(values, values.dropFirst()).map { $1 &- $0 }
  let equal = zip(steps, steps.dropFirst()).count { $0 == $1 && $0 != 0 }
  return 10 * equal > 9 * steps.count
}

/// A field without the spaces and quotes around it.
private func unquoted(_ field: ArraySlice<UInt8>) -> String {
  var field = field
  func isRim(_ byte: UInt8?) -> Bool { byte == 0x20 || byte == 0x22 || byte == 0x0d || byte == 0x27 }
  while isRim(field.first) { field = field.dropFirst() }
  while isRim(field.last) { field = field.dropLast() }
  return String(decoding: field, as: UTF8.self)
}

/// The lines of a text, one after another, without their ends.
struct LineReader {
  private let source: ByteSource
  private var rest: [UInt8] = []
  private var position = 0
  private static let longest = 16 << 20

  init(_ source: ByteSource) { self.source = source }

  /// The next line; nil after the last.
  mutating func next() throws(DataError) -> [UInt8]? {
    while true {
      if let end = rest[position...].firstIndex(of: 0x0a) {
        let line = Array(rest[position..<end].last == 0x0d ? rest[position..<(end - 1)] : rest[position..<end])
        position = end + 1
        return line
      }
      rest.removeFirst(position)
      position = 0
      guard rest.count <= Self.longest else {
        throw DataError(.badInput, at: [source.name], "a line of more than \(grouped(Self.longest)) bytes")
      }
      let chunk = try source.nextChunk()
      if chunk.isEmpty {
        if rest.isEmpty { return nil }
        defer { rest = [] }
        return rest.last == 0x0d ? rest.dropLast() : rest
      }
      rest.append(contentsOf: chunk)
    }
  }

  /// The next line that is not empty; nil after the last.
  mutating func nextFilled() throws(DataError) -> [UInt8]? {
    while let line = try next() {
      if !line.isEmpty { return line }
    }
    return nil
  }
}
