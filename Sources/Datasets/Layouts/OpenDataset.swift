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
  let container = try Container(inputs, limits: options.limits)
  return try open(container, fileName: datasetName(of: first), options: options, log: log)
}

/// Opens a dataset from a source of which nothing was consumed yet (`peek` does not consume).
///
/// For callers that have to look at standard input themselves before they know that a raw archive is on it.
public func openDataset(
  from source: ByteSource, options: ReadOptions = ReadOptions(), log: @escaping (String) -> Void = { _ in }
) throws(DataError) -> any SampleSource {
  let container = try Container(source, limits: options.limits)
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
    if let known = KnownFile(members: files.map(\.name)) ?? KnownFile(beginning) {
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
  if let known = KnownFile(members: recognition.seen) {
    throw DataError(.badInput, at: [container.name], known.what + known.reason, remedy: known.remedy)
  }
  if let (path, known) = recognition.known {
    throw DataError(.badInput, at: [container.name, path], known.what + known.reason, remedy: known.remedy)
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
