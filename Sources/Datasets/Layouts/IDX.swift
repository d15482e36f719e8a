extension Layout {
  /// MNIST's format: an images file and a labels file per split, gzipped or not.
  public static let idx = Layout("idx") { member, _ in
    IDX.isIDX(member.basename)
  } open: { request throws(DataError) in
    try IDX.open(request)
  }
}

/// MNIST's format: a big-endian header (two zeros, element type, number of axes, extents), then the elements.
///
/// Images are unsigned bytes, N×H×W or N×H×W×C; labels unsigned bytes or 32-bit integers, one axis, or QMNIST's eight columns.
/// Which file is which is read from the headers; see `IDXName` for what the names tell. The same content in several files is
/// read once.
enum IDX {
  /// `train-images-idx3-ubyte`, with `.gz` or not, and with the dot that some copies have for the second dash.
  static func isIDX(_ name: String) -> Bool {
    let lower = name.lowercased()
    guard let marker = lower.range(of: "idx") else { return false }
    let rest = lower[marker.upperBound...]
    // QMNIST's labels are called `-int`.
    return rest.first?.isWholeNumber == true
      && (rest.dropFirst().hasPrefix("-ubyte") || rest.dropFirst().hasPrefix("-int"))
  }

  static func hasSignature(_ start: [UInt8]) -> Bool {
    start.count >= 4 && start[0] == 0 && start[1] == 0 && elementSize(start[2]) != nil && (1...4).contains(start[3])
  }

  private static func elementSize(_ type: UInt8) -> Int? {
    switch type {
    case 0x08: 1
    case 0x0c: 4
    default: nil
    }
  }

  private struct Header {
    var elementSize: Int
    var shape: [Int]
    var isImages: Bool { shape.count >= 3 }
  }

  private static func readHeader(_ source: ByteSource) throws(DataError) -> Header {
    let start = try source.peek(4)
    guard hasSignature(start), let size = elementSize(start[2]) else {
      throw DataError(
        .badInput, at: [source.name],
        "not an IDX file of unsigned bytes: it starts with \(hex(start)), 00 00 08 01 or 00 00 08 03 was expected")
    }
    let length = 4 + 4 * Int(start[3])
    let bytes = try source.readExactly(length, what: "its header")
    let shape = stride(from: 4, to: length, by: 4).map { offset in
      bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
    return Header(elementSize: size, shape: shape)
  }

  private static func checkEnd(_ source: ByteSource, _ header: Header) throws(DataError) {
    guard try source.peek(1).isEmpty else {
      throw DataError(
        .badInput, at: [source.name],
        "there are bytes after the \(grouped(header.shape[0])) items that its header announces")
    }
  }

  // MARK: Opening

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    if let files = request.container.bareFiles { return try openFiles(files, request) }
    return try openMembers(request)
  }

  // Two files that the user named: they are the dataset, whatever split they are called.
  private static func openFiles(_ files: [Replay], _ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    var images: [Replay] = []
    var labels: [Replay] = []
    for file in files {
      let start = try file.peekDecompressed(4)
      guard hasSignature(start) else {
        throw DataError(.badInput, at: [file.name], "not an IDX file: it starts with \(hex(start))")
      }
      if start[3] >= 3 { images.append(file) } else { labels.append(file) }
    }
    guard images.count == 1, labels.count == 1 else {
      let found = "\(counted(images.count, "file")) of images and \(labels.count) of labels"
      throw DataError(
        .badInput, at: files.map(\.name), "\(found); one of each was expected",
        remedy: "give the images and the labels of one split, each with its own -i")
    }
    let names = [images[0], labels[0]].map { IDXName($0.name) }
    if let one = names[0].dataset, let other = names[1].dataset, one != other {
      throw DataError(
        .badInput, at: files.map(\.name),
        "the images are of \(one.isEmpty ? "one dataset" : one), the labels of \(other.isEmpty ? "another" : other)",
        remedy: "give the images and the labels of one dataset")
    }
    if let one = names[0].part, let other = names[1].part, one != other {
      throw DataError(
        .badInput, at: files.map(\.name),
        "the images are of the \(one.rawValue) split, the labels of the \(other.rawValue) split",
        remedy: "give the images and the labels of one split")
    }
    let labelSource = try labels[0].lastTime().decompressed(limits: request.options.limits)
    let values = try readLabels(labelSource, limits: request.options.limits)
    let source = try images[0].lastTime().decompressed(limits: request.options.limits)
    return try samples(
      source, values, request, name: names[0], split: names[0].split ?? names[1].split,
      finish: { () throws(DataError) in try source.drain() })
  }

  /// A file that may be the images or the labels of the wanted split.
  private struct Candidate {
    /// The archive or folder that it is in, and its path there.
    var id: [String]
    var name: IDXName
    var isImages: Bool
    var labels: [Int]
  }

  // An archive or folder: the labels are read in a first pass, wherever they stand, the images in a second.
  private static func openMembers(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let (wanted, container) = (request.options.split, request.container)
    var candidates: [Candidate] = []
    var otherPart = false
    let first = try container.open(last: false)
    while let member = try first.next() {
      guard isIDX(member.basename) else { continue }
      let source = try first.memberSource()
      let start = try source.peek(4)
      let name = IDXName(member.path)
      guard name.split == nil || name.split == wanted else {
        otherPart = true
        continue
      }
      let isImages = start.count == 4 && start[3] >= 3
      let labels = isImages ? [] : try readLabels(source, limits: request.options.limits)
      candidates.append(Candidate(id: first.place, name: name, isImages: isImages, labels: labels))
    }
    if candidates.isEmpty, otherPart { throw missingPart(wanted, in: container.name) }
    // A validation part stands in for a test part that is not there.
    if candidates.contains(where: { $0.name.part == .test }) { candidates.removeAll { $0.name.part == .val } }
    if let subset = request.options.subset.map(Subset.init) {
      let all = candidates
      candidates = subset.chosen(all, dataset: { $0.name.dataset ?? "" }, folders: { $0.name.folders })
      if candidates.isEmpty { throw subset.missing(among: all.compactMap(\.name.choice), in: container.name) }
    }
    let datasets = Set(candidates.compactMap(\.name.dataset))
    if datasets.count > 1 { throw Subset.choice(candidates.compactMap(\.name.choice), in: container.name) }
    let labels = try oneOf(candidates.filter { !$0.isImages }, request) { $0.labels == $1.labels }
    var digests: [[String]: Int]?
    let images = try oneOf(candidates.filter(\.isImages), request) { (one, other) throws(DataError) in
      if digests == nil { digests = try contentDigests(of: candidates.filter(\.isImages).map(\.id), request) }
      return digests?[one.id] == digests?[other.id]
    }
    guard let images else {
      throw DataError(
        .badInput, at: [container.name],
        "labels without images: \(labels?.id.last ?? "there is no IDX file at all") for the \(wanted.rawValue) split",
        remedy: Remedy.pairUp)
    }
    guard let labels else {
      throw DataError(
        .badInput, at: images.id, "images without labels: there is no labels file beside it", remedy: Remedy.pairUp)
    }
    let reader = try container.open(last: true)
    while try reader.next() != nil, reader.place != images.id {}
    let copies = candidates.count - 2
    var notes = images.name.part == .val ? ["there is no test split; val is read"] : []
    if copies > 0 {
      notes.append(
        "\(counted(copies, "file")) with the same content as another \(copies == 1 ? "was" : "were") skipped")
    }
    return try samples(
      try reader.memberSource(), labels.labels, request, name: images.name, split: images.name.split, notes: notes,
      finish: { () throws(DataError) in
        while try reader.next() != nil {}
      })
  }

  /// The first of several files where all have the same content; nil where there is none.
  private static func oneOf(
    _ candidates: [Candidate], _ request: LayoutRequest,
    isSame: (Candidate, Candidate) throws(DataError) -> Bool
  ) throws(DataError) -> Candidate? {
    guard let first = candidates.first else { return nil }
    for other in candidates.dropFirst() {
      if first.id != other.id, try isSame(first, other) { continue }
      throw DataError(
        .badInput, at: [request.container.name],
        "two files of \(first.isImages ? "images" : "labels") for the \(request.options.split.rawValue) split:"
          + " \(first.id.dropFirst().joined(separator: ": ")) and \(other.id.dropFirst().joined(separator: ": "))",
        remedy: "give the two files of one dataset, each with its own -i, or choose one folder with --subset NAME")
    }
    return first
  }

  /// Digests of the decompressed contents of files, good for one run.
  private static func contentDigests(of ids: [[String]], _ request: LayoutRequest) throws(DataError) -> [[String]: Int]
  {
    var digests: [[String]: Int] = [:]
    let reader = try request.container.open(last: false)
    while try reader.next() != nil {
      guard ids.contains(reader.place) else { continue }
      let source = try reader.memberSource()
      var hasher = Hasher()
      while true {
        let chunk = try source.nextChunk()
        if chunk.isEmpty { break }
        hasher.combine(bytes: chunk)
      }
      digests[reader.place] = hasher.finalize()
    }
    return digests
  }

  private static func readLabels(_ source: ByteSource, limits: Limits) throws(DataError) -> [Int] {
    let header = try readHeader(source)
    let columns = header.shape.count == 2 ? header.shape[1] : 1
    // QMNIST's labels are eight numbers for each image, of which the first is the class.
    guard header.shape.count == 1 || columns == 1 || columns == 8 && header.elementSize == 4 else {
      throw DataError(
        .badInput, at: [source.name],
        "labels of shape \(header.shape); one number for each image was expected, or eight as in QMNIST",
        remedy: "save class indices, not one-hot rows")
    }
    let (size, overflow) = header.shape[0].multipliedReportingOverflow(by: header.elementSize * columns)
    guard !overflow, size <= limits.maxMemberBytes else {
      throw DataError(
        .badInput, at: [source.name],
        "its header announces \(grouped(header.shape[0])) labels, more than \(grouped(limits.maxMemberBytes)) bytes")
    }
    let bytes = try source.readExactly(size, what: "the labels")
    try checkEnd(source, header)
    try source.drain()
    if header.elementSize == 1 { return bytes.map(Int.init) }
    return stride(from: 0, to: bytes.count, by: 4 * columns).map { offset in
      bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
  }

  private static func samples(
    _ source: ByteSource, _ labels: [Int], _ request: LayoutRequest, name: IDXName, split: DatasetInfo.Split?,
    notes: [String] = [], finish: @escaping () throws(DataError) -> Void
  ) throws(DataError) -> OpenedLayout {
    let header = try readHeader(source)
    let place = [source.name]
    let (count, height, width) = (header.shape[0], header.shape[1], header.shape[2])
    let channels = header.shape.count == 4 ? header.shape[3] : 1
    guard header.elementSize == 1, channels == 1 || channels == 3 else {
      throw DataError(
        .badInput, at: place,
        "images of shape \(header.shape) with \(header.elementSize) bytes an element; N×H×W or N×H×W×3 bytes were expected"
      )
    }
    try LabelledImages.check(height: height, width: width, request.options.limits, at: place)
    try LabelledImages.check(count, labels.count, at: place)
    let size = height * width * channels
    return try LabelledImages(
      shape: [channels, height, width], labels: labels, split: split,
      name: request.options.subset == nil ? nil : name.dataset, notes: notes, doubts: name.notes, place: place,
      image: { index throws(DataError) in
        let bytes = try source.readExactly(size, what: "image \(grouped(index + 1)) of \(grouped(count))")
        return .pixels(Pixels(height: height, width: width, channels: channels, bytes: bytes))
      },
      finish: { () throws(DataError) in
        try checkEnd(source, header)
        try source.drain()
        try finish()
      }
    ).opened(request)
  }
}

/// The most classes that a label alone may announce.
let maxClasses = 1_000_000

/// Bytes as messages show them: `1f 8b 08`.
func hex(_ bytes: [UInt8]) -> String {
  bytes.isEmpty ? "nothing" : bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

extension StringProtocol {
  /// Where a piece of text first stands.
  func range(of piece: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(piece) { return start..<index(start, offsetBy: piece.count) }
      formIndex(after: &start)
    }
    return nil
  }
}
