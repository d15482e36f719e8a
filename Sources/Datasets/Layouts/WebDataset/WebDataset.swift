extension Layout {
  /// Members that share a name up to the first dot are one sample.
  public static let webDataset = Layout("webdataset") { member, _ in
    Recognition.fieldName(member.basename).lastPart == "cls"
  } open: { request throws(DataError) in
    try WebDataset.open(request)
  }
}

/// The WebDataset convention: adjacent members that share their path up to the first dot of the basename are one sample.
///
/// The image is `png`, `jpg`, `jpeg` or `npy` (float32 C×H×W; bytes H×W×C; beside an `npy` a `png` is only its 8-bit view),
/// the label `cls`: the class's index in ASCII, or its name. Where fields are called otherwise see `WebDatasetNames`. `soft.npy`
/// is a soft label, `json` metadata; all other fields are passed on untouched. Members called `__…__/…`, files without a dot and
/// files without image and label are no samples.
enum WebDataset {
  /// A raw archive: a first pass finds the classes, which no single member tells.
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let (container, split, splitNotes) = try request.container.selecting(request.options.split)
    let (names, nameNotes) = try findNames(in: container, request.options)
    try refuseOtherFolders(than: names, in: container, request.options)
    var survey = WebDatasetSurvey(names, options: request.options)
    if let list = try container.sideFile(where: WebDatasetClasses.isList) {
      survey.classes.take(list: list.bytes, of: list.path)
    }
    try survey.add(all: container)
    if survey.classes.areSortedNames, split != nil, !container.isListed {
      let all = try request.container.open(last: false)
      while let member = try all.next() { try survey.know(member, all) }
    }
    let part = try survey.part(of: request.options.split, name: container.name)
    let classes = try survey.classes.result(of: part?.part, name: container.name)
    let (channels, imageShape) = commonShape(survey.shapes)
    let arrayShape = survey.arrayShapes.count == 1 ? survey.arrayShapes.first : nil
    let info = DatasetInfo(
      name: request.datasetName(), split: part?.split ?? split ?? request.options.split, classNames: classes.names,
      shape: survey.hasArrays ? arrayShape : imageShape, labelKind: survey.labelKind, countPerClass: classes.counts)
    let reader = WebDatasetReader(
      try container.open(last: true), names: names, classNames: classes.names, part: part?.part,
      keys: WebDatasetKeys(namesShards: survey.sharesKeys), keepsKeys: survey.changesKeys)
    return OpenedLayout(
      info: info, channels: survey.hasArrays ? nil : channels, split: part?.split ?? split,
      notes: splitNotes + (part?.notes ?? []) + classes.notes + survey.notes,
      doubts: nameNotes + startingNotes(classes.counts),
      closingNotes: { reader.closingNotes },
      place: { reader.place },
      next: reader.next)
  }

  /// How its members are called, from the first of them; from all where these say too little.
  private static func findNames(
    in container: Container, _ options: ReadOptions
  ) throws(DataError) -> (names: WebDatasetNames, notes: [String]) {
    var first = FirstMembers()
    do throws(DataError) {
      try first.list(try container.openPrefix())
    } catch {
      // Only the prefix ends here; what is really damaged shows in the next pass.
    }
    if Set(first.paths.compactMap { WebDatasetNames.partsAtFirstDot($0)?.key }).count < 3 {
      first = FirstMembers()
      try first.list(try container.open(last: false))
    }
    var found = try WebDatasetNames.found(in: first.paths, json: first.json, options: options, name: container.name)
    if options.labelField.isEmpty, let note = first.otherLabel(than: found.names) { found.notes.append(note) }
    return found
  }

  /// What the first members of an archive are called, and what some of them hold.
  private struct FirstMembers {
    private(set) var paths: [String] = []
    private(set) var json: [String: JSONValue] = [:]
    private var labels: [String: [UInt8]] = [:]

    private static let (patience, documents) = (512, 8)

    mutating func list(_ reader: MemberReader) throws(DataError) {
      while paths.count < Self.patience, let member = try reader.next() {
        paths.append(member.path)
        let name = member.path.lowercased()
        if name.hasSuffix("json"), json.count < Self.documents { json[member.path] = JSONValue(try reader.readAll()) }
        if name.hasSuffix(".cls"), labels.count < Self.documents { labels[member.path] = try reader.readAll() }
      }
    }

    /// A doubt where the samples have one index as their label, and another one in their json.
    func otherLabel(than names: WebDatasetNames) -> String? {
      guard names.labelField == "cls" else { return nil }
      for (path, bytes) in labels.sorted(by: { $0.key < $1.key }) {
        let label: WebDatasetLabel
        do throws(DataError) { label = try WebDatasetLabel(bytes, keys: [], place: []) } catch { continue }
        let key = names.parts(of: path)?.key
        let document = json.first { names.parts(of: $0.key).map { $0.key == key && $0.field == "json" } ?? false }
        if case .index(let index) = label, let value = document?.value,
          let other = WebDatasetNames.labelKey(in: value), case .integer(let second)? = value[other], second != index
        {
          return
            "the label is the field cls, which is \(index) in \(path), though “\(other)” in its json is \(second); "
            + "--label-field json:\(other) reads that one"
        }
      }
      return nil
    }
  }

  /// C×H×W of bytes that are an H×W, H×W×C or C×H×W image; nil for other shapes.
  static func imageShape(_ shape: [Int]) -> [Int]? {
    switch shape.count {
    case 2: [1] + shape
    case 3 where shape[2] == 1 || shape[2] == 3: [shape[2], shape[0], shape[1]]
    case 3 where shape[0] == 1 || shape[0] == 3: shape
    default: nil
    }
  }

  /// C×H×W of floats, which have their channels in front unless they can only have them behind.
  static func floatShape(_ shape: [Int]) -> [Int]? {
    guard shape.count == 3 else { return shape.count == 2 ? [1] + shape : nil }
    return shape[0] != 1 && shape[0] != 3 && (shape[2] == 1 || shape[2] == 3) ? [shape[2], shape[0], shape[1]] : shape
  }

  /// The content of an npy file: bytes are pixels, everything else floats.
  static func content(of bytes: [UInt8], place: [String]) throws(DataError) -> Content {
    let name = place.joined(separator: ": ")
    let header = try NPYHeader(of: bytes, name: name)
    guard !header.shape.contains(0) else {
      throw DataError(.badSample, at: place, "an empty array, of shape \(header.shape)", remedy: Remedy.replaceSample)
    }
    guard header.element == .uint8 else {
      guard header.element.isFloat else {
        throw DataError(
          .badInput, at: place,
          "an array of type \(header.element.rawValue); bytes, or floats whose white is 1, were expected",
          remedy: "save images as bytes")
      }
      let array = try parseNPY(bytes, name: name)
      // Normalised images stay far below this; grey levels up to 255 do not.
      if let strange = array.values.first(where: { !(abs($0) <= 100) }) {
        throw DataError(
          .badInput, at: place, "the value \(strange); float images have 0 for black and 1 for white",
          remedy: "save bytes as uint8, or divide by 255")
      }
      guard let planar = floatShape(array.shape), planar != array.shape else { return .floats(array) }
      let values = transposed(array.values, rows: planar[1] * planar[2], columns: planar[0])
      return .floats(FloatArray(shape: planar, values: values))
    }
    try checkNPYSize(header, found: bytes.count - header.length, name: name)
    let elements = Array(bytes[header.length...])
    guard let shape = imageShape(header.shape) else {
      throw DataError(
        .badInput, at: place.dropLast(),
        "bytes of shape \(header.shape) are no image; H×W, H×W×C or C×H×W with 1 or 3 channels were expected")
    }
    // Only an array that is not H×W or H×W×C already has its channels in front.
    let isPlanar = header.shape.count == 3 && header.shape == shape && shape[2] != 1 && shape[2] != 3
    let interleaved = isPlanar ? transposed(elements, rows: shape[0], columns: shape[1] * shape[2]) : elements
    return .pixels(Pixels(height: shape[1], width: shape[2], channels: shape[0], bytes: interleaved))
  }
}
