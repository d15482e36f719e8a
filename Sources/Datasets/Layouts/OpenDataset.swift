internal import Glibc

/// Opens a dataset in one of the known layouts.
///
/// Several inputs are the images and labels of an IDX dataset, in any order, or archives that continue one another. The
/// layout is recognised from the content unless the options force one; `log` is told which it is, and what is remarkable,
/// at once or when the last sample was read. Some layouts know their class order last; these are read twice, a pipe
/// through an unlinked spill file.
///
/// Throws `noInput` where there is none, `badInput` for everything that is not a whole, sound dataset; damage that lies
/// further back is thrown by the source's `next`.
public func openDataset(
  _ inputs: [Input], options: ReadOptions = ReadOptions(), log: @escaping (String) -> Void = { _ in }
) throws(DataError) -> any SampleSource {
  guard let first = inputs.first else { throw DataError(.noInput, at: [], "no input was given") }
  let container = try saidOfPieces { () throws(DataError) in try Container(inputs, limits: options.limits) }
  return try open(container, fileName: datasetName(of: first), options: options, log: log)
}

/// Opens a dataset from a source of which nothing was consumed yet (`peek` does not consume).
///
/// For callers that have to look at standard input themselves before they know that a raw archive is on it.
public func openDataset(
  from source: ByteSource, options: ReadOptions = ReadOptions(), log: @escaping (String) -> Void = { _ in }
) throws(DataError) -> any SampleSource {
  let container = try saidOfPieces { () throws(DataError) in try Container(source, limits: options.limits) }
  let name = source.name == Input.standardInput.name ? nil : datasetName(of: .file(source.name))
  return try open(container, fileName: name, options: options, log: log)
}

private func open(
  _ container: Container, fileName: String?, options: ReadOptions, log: @escaping (String) -> Void
) throws(DataError) -> any SampleSource {
  let data = try openLayout(container, fileName: fileName, options: options)
  log(
    "\(data.name): layout \(data.layout)\(options.layout == nil ? "" : " (forced)"), \(data.opened.info.split.rawValue)"
      + " split, \(counted(data.opened.info.classNames.count, "class"))")
  let part = try options.checkSplit(data.opened.split, of: data.name)
  for note in data.opened.notes + data.opened.doubts + (part.map { [$0] } ?? []) { log("\(data.name): \(note)") }
  return try PreparedSource(data.opened, options: options, name: data.name, log: log)
}

/// Data whose layout is known, and why it is.
struct OpenedData {
  var name: String
  var layout: Layout
  /// What it was recognised by, as a clause.
  var reason: String
  var opened: OpenedLayout
}

/// Recognises the layout where the options do not force one, and opens it.
func openLayout(_ container: Container, fileName: String?, options: ReadOptions) throws(DataError) -> OpenedData {
  var data = try saidOfPieces { () throws(DataError) in
    try openWhole(container, fileName: fileName, options: options)
  }
  // Of data that is read once a cut shows only where it is.
  let next = data.opened.next
  data.opened.next = { () throws(DataError) in try saidOfPieces(next) }
  return data
}

private func openWhole(
  _ container: Container, fileName: String?, options: ReadOptions
) throws(DataError) -> OpenedData {
  let layout: Layout
  var reason = "an option says so"
  var others: OtherDatasets?
  if let forced = options.layout ?? options.impliedLayout {
    layout = forced
  } else {
    (layout, reason) = try recognised(container, options)
    others = OtherDatasets(in: container, beside: layout)
    try others?.refuse()
  }
  try options.checkPatterns(for: layout, of: container.name)
  var opened = try layout.open(LayoutRequest(container: container, options: options, fileName: fileName))
  opened.doubts += others?.doubts ?? []
  if opened.layout == .imageTable, layout != .imageTable { reason += ", and a table that names them" }
  return OpenedData(name: container.name, layout: opened.layout ?? layout, reason: reason, opened: opened)
}

private func recognised(_ container: Container, _ options: ReadOptions) throws(DataError) -> (Layout, String) {
  let firstBytes = "its first bytes are those of such a file"
  if let files = container.bareFiles {
    let first = try files.first?.peekDecompressed(8) ?? []
    if IDX.hasSignature(first) { return (.idx, firstBytes) }
    if first.starts(with: NPYHeader.signature) { return (.npz, firstBytes) }
    if first.starts(with: MATFile.signature) { return (.svhn, firstBytes) }
    if files.contains(where: { Layout.stl10Binary.recognises(Member(path: $0.name), { _ in [] }) }) {
      return (.stl10Binary, firstBytes)
    }
    var start: [UInt8] = []
    if PixelTable.header(in: { count in
      if start.count < count { start = (try? files.first?.peekDecompressed(count)) ?? [] }
      return start
    }) != nil {
      return (.pixelCSV, firstBytes)
    }
    let beginning = try files.first?.peekDecompressed(512) ?? []
    let known = KnownFile(members: files.map(\.name)) ?? KnownFile(beginning)
    if known?.isPointer != true, let foreign = files.lazy.compactMap({ Clip.foreign($0.name, at: [$0.name]) }).first {
      throw foreign
    }
    if let known {
      throw DataError(.badInput, at: [container.name], known.what + known.reason, remedy: known.remedy)
    }
    throw unknown(container, "a single file that starts with \(hex(first))")
  }
  var recognition = Recognition(readsNames: options.labelPattern != nil)
  // A prefix is cut somewhere, so its error means nothing; where it was too short, the whole input is looked at.
  var failure: DataError?
  do throws(DataError) {
    try look(try container.openPrefix(), &recognition)
  } catch {
    failure = error
  }
  if recognition.layout == nil, failure != nil {
    try look(try container.open(last: false), &recognition)
  }
  recognition.conclude()
  if let layout = recognition.layout { return (layout, recognition.reason) }
  if recognition.seen.isEmpty {
    if let hidden = recognition.hidden.examples.first {
      throw DataError(
        .badInput, at: [container.name], "there are only hidden files in it, such as \(hidden)",
        remedy: "rename the folder, or give it as the input itself")
    }
    throw DataError(.badInput, at: [container.name], "there are no files in it", remedy: Remedy.lookInside)
  }
  if recognition.hasOnlyUnlabelledImages {
    var error = unknown(container, "images without labels, neither in folders nor beside .cls members")
    if let text = recognition.text {
      error.remedy = "if texts such as \(text) are the labels, say so with --label-field txt"
    }
    throw error
  }
  if recognition.known?.kind.isPointer != true,
    let foreign = recognition.seen.lazy.compactMap({ Clip.foreign($0, at: [container.name, $0]) }).first
  {
    throw foreign
  }
  if let known = KnownFile(members: recognition.seen) {
    throw DataError(.badInput, at: [container.name], known.what + known.reason, remedy: known.remedy)
  }
  if let (path, known) = recognition.known {
    throw DataError(.badInput, at: [container.name, path], known.what + known.reason, remedy: known.remedy)
  }
  if let path = recognition.seen.first(where: { $0.lowercased().hasSuffix(".mat") }) {
    throw DataError(
      .badInput, at: [container.name, path],
      "a MATLAB file, of which only those of SVHN's cropped digits are read, train_32x32.mat and test_32x32.mat",
      remedy: MATFile.conversion)
  }
  if let whole = recognition.seen.lazy.compactMap({ wholeOfVolumes($0) }).first {
    throw DataError(
      .badInput, at: [container.name], "it holds a zip archive in several volumes",
      remedy: "join them: zip -s 0 \(whole) --out whole.zip")
  }
  let pieces = isFolder(container.name) ? recognition.seen.filter { Piece($0) != nil } : []
  if pieces.count > 1, let piece = Piece(pieces[0]) {
    throw DataError(
      .badInput, at: [container.name], "it holds a file in pieces, such as \(pieces[0])",
      remedy: "join them in their order: cat \(container.name)/\(piece.pattern) | pipe …")
  }
  throw unknown(container, "members such as \(recognition.seen.joined(separator: ", "))")
}

private func look(_ reader: MemberReader, _ recognition: inout Recognition) throws(DataError) {
  while recognition.layout == nil, let member = try reader.next() {
    func start(_ count: Int) -> [UInt8] {
      do throws(DataError) { return try reader.start(count) } catch { return [] }
    }
    recognition.add(member, start)
  }
  recognition.hidden = reader.litter
}

private func unknown(_ container: Container, _ seen: String) -> DataError {
  DataError(
    .badInput, at: [container.name], "no known layout: it holds \(seen)",
    remedy: "the layouts are \(Layout.allNames), and --layout forces one")
}

/// The file's name up to its first dot, in the alphabet of dataset names; nil for standard input.
func datasetName(of input: Input) -> String? {
  guard case .file(let path) = input else { return nil }
  let base = path.split(separator: "/").last.map(String.init) ?? ""
  let stem = base.split(separator: ".").first.map(String.init) ?? ""
  // `train-images-idx3-ubyte` says nothing; the folder that it is in may.
  if IDX.isIDX(base) {
    let folder = path.split(separator: "/").dropLast().last.map(String.init)
    return folder.flatMap { $0.hasPrefix(".") ? nil : datasetName(of: .file($0)) }
  }
  return datasetName(stem)
}

/// A text in the alphabet of dataset names; nil where nothing of it is.
func datasetName(_ text: String) -> String? {
  let name = String(text.unicodeScalars.map { isKeyScalar($0) ? Character($0) : "_" })
  return name.allSatisfy { $0 == "_" } ? nil : name
}

/// Whether a character may stand in a key or a dataset name.
func isKeyScalar(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar {
  case "A"..."Z", "a"..."z", "0"..."9", "_", "-": true
  default: false
  }
}

// MARK: Pieces of a file

/// A name that says that a file is one of several that were one, as `split` and others cut them: `t.tar.aa`, `t.tar.001`, `t.part2`.
private struct Piece {
  /// A pattern of the shell for the names of all of them, in their order.
  let pattern: String

  /// Nil for other names.
  init?(_ path: String) {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
    let ending = path[path.index(after: dot)...]
    let isPart = ending.lowercased().hasPrefix("part")
    let count = isPart ? ending.dropFirst(4) : ending
    let digits = count.allSatisfy { ("0"..."9").contains($0) }
    // `aa`, `ab`, … `az`, and with three letters `aaa`; `gz` and `xz` are none.
    let letters = count.dropLast().allSatisfy { $0 == "a" } && count.last.map { ("a"..."z").contains($0) } ?? false
    guard !count.isEmpty, digits || letters, isPart || count.count >= 2 else { return nil }
    pattern = "\(path[...dot])\(ending.dropLast(count.count))" + String(repeating: "?", count: count.count)
  }
}

/// Runs something; where its error is one that a piece of a larger file brings about, and the name says that it is one, it says so.
func saidOfPieces<Result>(_ body: () throws(DataError) -> Result) throws(DataError) -> Result {
  do throws(DataError) {
    return try body()
  } catch {
    throw sayingOfPieces(error)
  }
}

private func sayingOfPieces(_ error: DataError) -> DataError {
  let signs = ["cut short", "damaged", "no known layout", "there is nothing in it"]
  guard error.fault == .badInput, let path = error.place.first, !isFolder(path),
    signs.contains(where: { error.problem.contains($0) })
  else { return error }
  let remedy: String
  if let whole = wholeOfVolumes(path) {
    remedy = "if it is a volume of a zip archive in several, join them: zip -s 0 \(whole) --out whole.zip"
  } else if let piece = Piece(path) {
    remedy = "if it is a piece of a file that was split, join all of them in their order: cat \(piece.pattern) | pipe …"
  } else {
    return error
  }
  var said = error
  said.remedy = error.remedy.map { "\(remedy); else \($0)" } ?? remedy
  return said
}

/// The last volume of a zip archive in several, `t.zip` of `t.z01`, given by any of them; nil for other files.
private func wholeOfVolumes(_ path: String) -> String? {
  guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
  let (stem, ending) = (String(path[..<dot]), path[dot...].lowercased())
  if ending.count >= 4, ending.hasPrefix(".z"), ending.dropFirst(2).allSatisfy({ ("0"..."9").contains($0) }) {
    return "\(stem).zip"
  }
  return ending == ".zip" && access("\(stem).z01", F_OK) == 0 ? path : nil
}
