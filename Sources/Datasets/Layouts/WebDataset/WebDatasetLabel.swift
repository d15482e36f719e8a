/// A label as a sample has it: the class's index or its name.
enum WebDatasetLabel: Hashable {
  case index(Int)
  case name(String)

  /// Reads a field that is the label, or that holds it.
  ///
  /// Throws `badSample` for what is neither an index nor a name.
  init(_ bytes: [UInt8], keys: [String], place: @autoclosure () -> [String]) throws(DataError) {
    if keys.isEmpty {
      if (1...5).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }) {
        self = .index(bytes.reduce(0) { 10 * $0 + Int($1 - 0x30) })
        return
      }
      guard bytes.count <= Self.maxLength, let text = String(validating: bytes, as: UTF8.self) else {
        throw Self.refused(hex(Array(bytes.prefix(8))), place())
      }
      try self.init(text: text, place: place())
      return
    }
    guard var value = JSONValue(bytes) else {
      throw DataError(
        .badSample, at: place(), "not a JSON document", remedy: "correct it, or choose the label with --label-field")
    }
    for key in keys {
      guard let next = value[key] else {
        throw DataError(
          .badSample, at: place(), "there is no “\(key)” in it, which is the label",
          remedy: "add it, or choose the label with --label-field")
      }
      value = next
    }
    switch value {
    case .integer(let index):
      guard (0..<maxClasses).contains(index) else { throw Self.refused("\(index)", place()) }
      self = .index(index)
    case .number(let number):
      guard let index = Int(exactly: number), (0..<maxClasses).contains(index) else {
        throw Self.refused("\(number)", place())
      }
      self = .index(index)
    case .string(let text): try self.init(text: text, place: place())
    case .null: throw Self.refused("null", place())
    case .bool(let flag): throw Self.refused("\(flag)", place())
    case .array: throw Self.refused("[…]", place())
    case .object: throw Self.refused("{…}", place())
    }
  }

  private static let maxLength = 4096

  private init(text: String, place: @autoclosure () -> [String]) throws(DataError) {
    let scalars = Array(text.unicodeScalars)
    func isSpace(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || scalar == "\u{feff}" || scalar == "\0"
    }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    let name = String(view)
    // `nan` and `inf` are numbers, too, to Swift; here they are names.
    if name.first.map({ $0.isNumber || "+-.".contains($0) }) ?? false, Double(name) != nil {
      guard let index = Int(name), (0..<maxClasses).contains(index) else { throw Self.refused(name, place()) }
      self = .index(index)
      return
    }
    guard !name.isEmpty, name.utf8.count <= 256, !name.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
      throw Self.refused(String(name.prefix(64)), place())
    }
    self = .name(name)
  }

  private static func refused(_ text: String, _ place: [String]) -> DataError {
    DataError(
      .badSample, at: place,
      "the label “\(text.filter { !$0.isNewline })” is neither a class index from 0 to \(grouped(maxClasses - 1)) nor a class's name",
      remedy: "number the classes, and write the number in digits")
  }
}

/// The classes of an archive whose labels are read one after another.
struct WebDatasetClasses: Sendable {
  private var counts: [Part?: [WebDatasetLabel: Int]] = [:]
  /// Names in parts of the dataset that are not read.
  private var otherNames: Set<String> = []
  /// Where the first index and the first name stood.
  private var places: (index: [String]?, name: [String]?) = (nil, nil)
  /// The class names that the dataset brings, and the file that they are from.
  private(set) var listed: (names: [String], file: String)?
  /// Another such list, which says something else.
  private var otherList: String?
  /// A file that is called as such a list and is none.
  private(set) var notAList: String?

  private static let fileNames: Set<String> = [
    "classes.txt", "classnames.txt", "class_names.txt", "labels.txt", "label_names.txt",
  ]

  /// Whether a file is called as those that name the classes, one a line, in index order.
  static func isList(_ path: String) -> Bool {
    // Most members end otherwise, and there are many.
    path.utf8.last == UInt8(ascii: "t") && path.utf8.suffix(4).first == UInt8(ascii: ".")
      && fileNames.contains(path.split(separator: "/").last.map { $0.lowercased() } ?? "")
  }

  /// The names without their numbers, in the order of these, where every line has one: `0 airplane`, or `airplane,0`; nil where not.
  private static func inOrder(_ lines: [String]) -> [String]? {
    func isRim(_ character: Character) -> Bool { character.isWhitespace || character == "," || character == ":" }
    func sorted(_ parse: (String) -> (number: Int, name: String)?) -> [String]? {
      var names = [String?](repeating: nil, count: lines.count)
      for line in lines {
        guard let (number, name) = parse(line), names.indices.contains(number), names[number] == nil, !name.isEmpty
        else {
          return nil
        }
        names[number] = name
      }
      // `type 0`, `type 1` are names.
      return Set(names).count == names.count ? names.compactMap(\.self) : nil
    }
    return sorted { line in
      let digits = line.prefix { $0.isASCII && $0.isNumber }
      let rest = line.dropFirst(digits.count)
      guard let number = Int(digits), let first = rest.first, isRim(first) else { return nil }
      return (number, String(rest.drop(while: isRim)))
    }
      ?? sorted { line in
        let digits = line.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
        let rest = line.dropLast(digits.count)
        guard let number = Int(String(digits)), let last = rest.last, isRim(last) else { return nil }
        return (number, String(rest.reversed().drop(while: isRim).reversed()))
      }
  }

  /// Takes the names in such a file; one that lists other things is left alone.
  mutating func take(list bytes: [UInt8], of file: String) {
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var names = lines.map { line in
      String(line.drop { $0.isWhitespace || $0 == "\u{feff}" }.reversed().drop(while: \.isWhitespace).reversed())
    }
    while names.last?.isEmpty ?? false { names.removeLast() }
    names = Self.inOrder(names) ?? names
    // An empty line would move the index of all after it, and two classes cannot have one name.
    guard !names.isEmpty, names.count <= maxClasses, Set(names).count == names.count, !names.contains("") else {
      notAList = notAList ?? file
      return
    }
    take((names, file))
  }

  private mutating func take(_ list: (names: [String], file: String)) {
    if let listed {
      if listed.names != list.names { otherList = otherList ?? list.file }
    } else {
      listed = list
    }
  }

  /// Adds those of the archive behind; false where indices and names would be mixed.
  mutating func join(_ next: WebDatasetClasses) -> Bool {
    counts.merge(next.counts) { $0.merging($1, uniquingKeysWith: +) }
    otherNames.formUnion(next.otherNames)
    places = (places.index ?? next.places.index, places.name ?? next.places.name)
    if let list = next.listed { take(list) }
    otherList = otherList ?? next.otherList
    notAList = notAList ?? next.notAList
    return places.index == nil || places.name == nil
  }

  /// Counts a label of a part; throws `badInput` where indices and names are mixed.
  mutating func add(_ label: WebDatasetLabel, of part: Part? = nil, at place: @autoclosure () -> [String])
    throws(DataError)
  {
    counts[part, default: [:]][label, default: 0] += 1
    switch label {
    case .index: if places.index == nil { places.index = place() }
    case .name: if places.name == nil { places.name = place() }
    }
    if let index = places.index, let name = places.name {
      let place = place()
      let other = index == place ? name : index
      throw DataError(
        .badInput, at: place,
        "some labels are numbers and others names: see \(other.dropFirst().joined(separator: ": "))",
        remedy: "make all of them numbers, or all names")
    }
  }

  /// Takes note of a label in a part that is not read, so that all parts agree on the indices.
  mutating func know(_ label: WebDatasetLabel) {
    if case .name(let name) = label { otherNames.insert(name) }
  }

  /// Whether the order of the classes is that of the labels' names, which every part has to know.
  var areSortedNames: Bool { places.name != nil && listed == nil }

  /// The parts that labels were counted of.
  var parts: Set<Part?> { Set(counts.keys) }

  /// Class names in index order, of all parts, the number of samples of each in one of them, and what the log shall say.
  ///
  /// - Parameter part: nil for all parts together.
  /// - Throws: `badInput` for labels that the dataset's own list does not have, and for two lists.
  func result(
    of part: Part? = nil, name: String
  ) throws(DataError) -> (names: [String], counts: [Int], notes: [String]) {
    if let listed, let otherList {
      throw DataError(
        .badInput, at: [name], "\(listed.file) and \(otherList) list different classes", remedy: "take one of them out")
    }
    let chosen = counts.filter { part == nil || $0.key == part }.values
    func count(_ label: WebDatasetLabel) -> Int { chosen.reduce(0) { $0 + ($1[label] ?? 0) } }
    var found = places.name == nil ? try indexed(name: name) : try named(name: name)
    if let notAList { found.notes.append("\(notAList) has empty or equal lines, so it is no list of classes") }
    let counts = found.names.enumerated().map { count(places.name == nil ? .index($0) : .name($1)) }
    return (found.names, counts, found.notes)
  }

  private func indexed(name: String) throws(DataError) -> (names: [String], notes: [String]) {
    var last = -1
    for case .index(let index) in counts.values.flatMap(\.keys) { last = max(last, index) }
    guard let listed else { return ((0..<(last + 1)).map(String.init), []) }
    guard last < listed.names.count else {
      throw DataError(
        .badInput, at: [name],
        "label \(last), but \(listed.file) names only the classes 0 to \(listed.names.count - 1)",
        remedy: Remedy.nameAll)
    }
    return (listed.names, ["the classes are named by \(listed.file)"])
  }

  private func named(name: String) throws(DataError) -> (names: [String], notes: [String]) {
    var found = otherNames
    for case .name(let name) in counts.values.flatMap(\.keys) { found.insert(name) }
    guard let listed else {
      let names = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      return (names, ["the labels are names; the classes are sorted by them"])
    }
    if let strange = found.subtracting(listed.names).min() {
      throw DataError(
        .badInput, at: [name], "the label “\(strange)”, which \(listed.file) does not list", remedy: Remedy.nameAll)
    }
    return (listed.names, ["the labels are names, in the order of \(listed.file)"])
  }
}
