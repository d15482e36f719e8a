extension Layout {
  /// A table with a row for each image: its label, and every pixel in a column of its own, as Kaggle's digits are.
  public static let pixelCSV = Layout("pixel-csv") { member, firstBytes in
    PixelTable.isTable(member.path) && PixelTable.header(in: firstBytes) != nil
  } open: { request throws(DataError) in
    try PixelTable.open(request)
  }
}

/// Tables of pixels: `label,pixel0,…,pixel783`, with a header or without one, where the label comes first.
///
/// The number of pixels is a square (grey), or three times one (colour, see `PixelTableHeader`). Labels are class indices, or names,
/// which are sorted. They are read in a first pass.
enum PixelTable {
  /// Whether a file is called as tables are.
  static func isTable(_ path: String) -> Bool {
    let lower = path.lowercased()
    return [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.xz", ".csv.zst", ".csv.bz2"].contains { lower.hasSuffix($0) }
  }

  /// The columns, from the beginning of a file; nil where they are not those of pixels.
  static func header(in firstBytes: (Int) -> [UInt8]) -> PixelTableHeader? {
    for length in [64 << 10, 1 << 20] {
      let start = plain(firstBytes(length))
      if let end = start.firstIndex(of: 0x0a) ?? start.firstIndex(of: 0x0d) { return PixelTableHeader(start[..<end]) }
      if start.count < length { return nil }
    }
    return nil
  }

  // A compressed member is seen as it is stored.
  private static func plain(_ bytes: [UInt8]) -> [UInt8] {
    do throws(DataError) {
      return try ByteSource(bytes: bytes, name: "").peekDecompressed(1 << 20)
    } catch {
      return bytes
    }
  }

  private struct Candidate {
    var place: [String]
    var name: ArrayName
    var header: PixelTableHeader
    var labels: [String] = []
    /// Different cells of the last column, where no name says which one the label is: some of them, if there are many.
    var lasts: Set<String> = []
    /// What the column of parts says in each row; empty where there is none.
    var cells: [String] = []
    /// The first images of a colour table.
    var firstImages: [[UInt8]] = []
  }

  /// As many images as are looked at for the order of their channels.
  private static let patience = 32

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let container = request.container
    let all = try candidates(request)
    let table = try chosen(all, request)
    guard let _ = table.header.labelColumn else {
      throw DataError(
        .badInput, at: table.place,
        "images without labels: \(table.header.pixels.count) columns of pixels, none called label",
        remedy: "a test set whose labels are kept secret has no classes to read: give the table with labels")
    }
    if table.header.isLabelSupposed, table.labels.count > 1, Set(table.labels).count == 1 {
      throw DataError(
        .badInput, at: table.place,
        "the columns have no names, and the first one, where labels stand, is \(table.labels[0]) in every row",
        remedy: "add a first line that names the columns: label, pixel0, pixel1 and so on")
    }
    try refuseLabelsBehind(table)
    try table.header.checkChannels(table.firstImages, at: table.place)
    var (names, labels) = try classes(table, of: all.filter { $0.name.dataset == table.name.dataset })
    let (isRead, part, doubt) = try rows(table, request)
    if let isRead { labels = zip(labels, isRead).compactMap { $1 ? $0 : nil } }
    let reader = try container.open(last: true)
    while try reader.next() != nil, reader.place != table.place {}
    var lines = LineReader(try reader.memberSource())
    if table.header.hasNames { _ = try lines.next() }
    let header = table.header
    try LabelledImages.check(height: header.side, width: header.side, request.options.limits, at: table.place)
    var scale = PixelScale(white: request.options.white)
    let split: DatasetInfo.Split? = (part ?? table.name.split).map { $0 == .train ? .train : .test }
    var row = 0
    let isEMNIST = table.name.dataset.split(separator: "-").first == "emnist"
    return try LabelledImages(
      shape: [header.channels, header.side, header.side], labels: labels, classNames: names, split: split,
      doubts: header.notes + (doubt.map { [$0] } ?? []) + (isEMNIST ? [IDXName.transposedNote] : []),
      closingNotes: { scale.notes },
      place: table.place,
      image: { index throws(DataError) in
        var read = try lines.nextFilled()
        if let isRead {
          while read != nil, row < isRead.count, !isRead[row] {
            read = try lines.nextFilled()
            row += 1
          }
        }
        let place = table.place + ["line \(grouped(row + (header.hasNames ? 2 : 1)))"]
        row += 1
        guard let line = read else {
          throw DataError(.io, at: table.place, "the input changed while it was read")
        }
        let bytes = try scale.levels(try header.levels(of: line, at: place), at: place)
        return .pixels(Pixels(height: header.side, width: header.side, channels: header.channels, bytes: bytes))
      },
      finish: { () throws(DataError) in
        while try reader.next() != nil {}
      }
    ).opened(request)
  }

  /// More different values than a pixel has.
  private static let mostLasts = 300

  /// Refuses a table without names whose last column looks more like labels than the first one: fewer values, all of them small.
  ///
  /// A pixel in the corner of every image is of one value, or of many.
  private static func refuseLabelsBehind(_ table: Candidate) throws(DataError) {
    guard table.header.isLabelSupposed, table.lasts.count < mostLasts else { return }
    let (first, last) = (Set(table.labels.map(whole)), Set(table.lasts.map(whole)))
    let numbers = last.compactMap { Int($0) }
    guard last.count > 1, last.count < first.count, numbers.count == last.count, numbers.allSatisfy({ $0 >= 0 }),
      let largest = numbers.max(), largest <= 2 * last.count
    else { return }
    throw DataError(
      .badInput, at: table.place,
      "the columns have no names, and the labels may be the first one, which has \(counted(first.count, "different value")), or the last one, which has \(grouped(last.count)), from \(numbers.min() ?? 0) to \(largest)",
      remedy: "add a first line that names the columns: label, pixel0, pixel1 and so on, or pixel0 … label")
  }

  private static func candidates(_ request: LayoutRequest) throws(DataError) -> [Candidate] {
    let container = request.container
    let isNamed = container.bareFiles != nil
    var found: [Candidate] = []
    let first = try container.open(last: false)
    while let member = try first.next() {
      guard isNamed || isTable(member.path) else { continue }
      var lines = LineReader(try first.memberSource())
      guard let line = try lines.next(), let header = PixelTableHeader(line[...]) else { continue }
      var candidate = Candidate(place: first.place, name: ArrayName(member.path), header: header)
      if let column = header.labelColumn {
        var next = header.hasNames ? try lines.nextFilled() : line
        while let row = next {
          guard let label = header.field(column, of: row) else {
            throw DataError(
              .badInput, at: first.place + ["line \(grouped(candidate.labels.count + (header.hasNames ? 2 : 1)))"],
              "fewer than the \(header.columns) columns of the first line", remedy: Remedy.getItAgain)
          }
          candidate.labels.append(label)
          if header.isLabelSupposed, candidate.lasts.count < mostLasts {
            candidate.lasts.insert(header.lastField(of: row))
          }
          if let split = header.splitColumn { candidate.cells.append(header.field(split, of: row) ?? "") }
          if header.channels == 3, candidate.firstImages.count < patience {
            candidate.firstImages.append(try header.levels(of: row, at: first.place))
          }
          next = try lines.nextFilled()
        }
      }
      found.append(candidate)
    }
    return found
  }

  /// Which rows are read where a column tells the parts: nil for all of them; with the part, and what the log shall say of a column that tells none.
  private static func rows(
    _ table: Candidate, _ request: LayoutRequest
  ) throws(DataError) -> (isRead: [Bool]?, part: Part?, doubt: String?) {
    guard !table.cells.isEmpty else { return (nil, nil, nil) }
    let parts = table.cells.map { PartName.ofCell($0) }
    guard !parts.contains(nil) else {
      return (
        nil, nil,
        "its column of parts says no train and test, so all rows are read: \(someOf(Set(table.cells).sorted()))"
      )
    }
    let wanted = request.options.split
    guard let part = wanted.parts.first(where: parts.contains) else {
      throw missingPart(wanted, in: request.container.name)
    }
    return (parts.map { $0 == part }, part, nil)
  }

  private static func chosen(_ all: [Candidate], _ request: LayoutRequest) throws(DataError) -> Candidate {
    let (wanted, name) = (request.options.split, request.container.name)
    var found = all
    if let subset = request.options.subset.map(Subset.init) {
      found = all.filter {
        subset.includes([$0.name.dataset] + $0.place.flatMap { $0.split(separator: "/").map(String.init) })
      }
      if found.isEmpty { throw subset.missing(among: all.map(\.name.dataset), in: name) }
    }
    if found.count == 1, request.container.bareFiles != nil { return found[0] }
    let parts: [Part?] = wanted == .train ? [.train, nil] : [.test, .val, nil]
    guard let part = parts.first(where: { part in found.contains { $0.name.split == part } }) else {
      if !found.isEmpty { throw missingPart(wanted, in: name) }
      throw DataError(
        .badInput, at: [name], "no table with a column for every pixel: a square of them, or three squares",
        remedy: Remedy.lookInside)
    }
    found = found.filter { $0.name.split == part }
    guard found.count == 1 else {
      let names = Set(found.map(\.name.dataset))
      if names.count == found.count { throw Subset.choice(names, in: name) }
      throw DataError(
        .badInput, at: [name],
        "two tables for the \(wanted.rawValue) split: \(found[0].place.last ?? "") and \(found[1].place.last ?? "")",
        remedy: "give one of them with -i")
    }
    return found[0]
  }

  private static func classes(
    _ table: Candidate, of parts: [Candidate]
  ) throws(DataError) -> (names: [String]?, labels: [Int]) {
    var classes = WebDatasetClasses()
    // All parts have to agree on the order of names.
    for text in Set(parts.flatMap(\.labels)) { classes.know(try label(whole(text), at: table.place)) }
    var labels: [WebDatasetLabel] = []
    for (index, text) in table.labels.enumerated() {
      let place = table.place + ["line \(grouped(index + (table.header.hasNames ? 2 : 1)))"]
      let label = try label(whole(text), at: place)
      try classes.add(label, at: place)
      labels.append(label)
    }
    let result = try classes.result(name: table.place.joined(separator: ": "))
    let indices = Dictionary(uniqueKeysWithValues: result.names.enumerated().map { ($1, $0) })
    var areNames = false
    let numbers = labels.map { label in
      switch label {
      case .index(let index): return index
      case .name(let name):
        areNames = true
        return indices[name] ?? 0
      }
    }
    return (areNames ? result.names : nil, numbers)
  }

  /// Some tools write whole numbers with a point.
  private static func whole(_ text: String) -> String {
    text.hasSuffix(".0") && Int(text.dropLast(2)) != nil ? String(text.dropLast(2)) : text
  }

  /// The label in a cell, which belongs to the whole table: without it the rows after it have no classes either.
  private static func label(_ text: String, at place: [String]) throws(DataError) -> WebDatasetLabel {
    do throws(DataError) {
      return try WebDatasetLabel(Array(text.utf8), keys: [], place: place)
    } catch {
      throw DataError(.badInput, at: error.place, error.problem, remedy: error.remedy)
    }
  }
}
