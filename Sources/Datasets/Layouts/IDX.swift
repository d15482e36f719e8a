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
/// Images are unsigned bytes, N×H×W or N×H×W×C; labels unsigned bytes or 32-bit integers, one axis. Which file is which is
/// read from the headers; `train` or `t10k`/`test` in a name tells the split.
enum IDX {
  /// `train-images-idx3-ubyte`, with `.gz` or not, and with the dot that some copies have for the second dash.
  static func isIDX(_ name: String) -> Bool {
    let lower = name.lowercased()
    guard let marker = lower.range(of: "idx") else { return false }
    let rest = lower[marker.upperBound...]
    return rest.first?.isWholeNumber == true && rest.dropFirst().hasPrefix("-ubyte")
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

  private static func split(_ path: String) -> DatasetInfo.Split? {
    let name = (path.split(separator: "/").last.map(String.init) ?? path).lowercased()
    if name.contains("t10k") || name.contains("test") { return .test }
    if name.contains("train") { return .train }
    return nil
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
    let labelSource = try labels[0].lastTime().decompressed(limits: request.options.limits)
    let values = try readLabels(labelSource, limits: request.options.limits)
    let source = try images[0].lastTime().decompressed(limits: request.options.limits)
    let split = Self.split(images[0].name) ?? Self.split(labels[0].name)
    return try samples(source, values, request, split: split, finish: { () throws(DataError) in try source.drain() })
  }

  // An archive or folder: the labels are read in a first pass, wherever they stand, the images in a second.
  private static func openMembers(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let wanted = request.options.split
    var labels: (path: String, values: [Int])?
    var images: String?
    var otherPart = false
    let first = try request.container.open(last: false)
    while let member = try first.next() {
      guard isIDX(member.basename) else { continue }
      let source = try first.memberSource()
      let start = try source.peek(4)
      let split = Self.split(member.path)
      guard split == nil || split == wanted else {
        otherPart = true
        continue
      }
      let isImages = start.count == 4 && start[3] >= 3
      if let other = isImages ? images : labels?.path {
        throw DataError(
          .badInput, at: [first.name],
          "two files of \(isImages ? "images" : "labels") for the \(wanted.rawValue) split: \(other) and \(member.path)",
          remedy: "give the two files of one dataset, each with its own -i")
      }
      if isImages {
        images = member.path
      } else {
        labels = (member.path, try readLabels(source, limits: request.options.limits))
      }
    }
    if images == nil, labels == nil, otherPart { throw missingPart(wanted, in: request.container.name) }
    guard let images else {
      throw DataError(
        .badInput, at: [request.container.name],
        "labels without images: \(labels?.path ?? "there is no IDX file at all") for the \(wanted.rawValue) split",
        remedy: Remedy.pairUp)
    }
    guard let labels else {
      throw DataError(
        .badInput, at: [request.container.name, images], "images without labels: there is no labels file beside it",
        remedy: Remedy.pairUp)
    }
    let reader = try request.container.open(last: true)
    while let member = try reader.next(), member.path != images {}
    let source = try reader.memberSource()
    return try samples(
      source, labels.values, request, split: Self.split(images),
      finish: { () throws(DataError) in
        try source.drain()
        while try reader.next() != nil {}
      })
  }

  private static func readLabels(_ source: ByteSource, limits: Limits) throws(DataError) -> [Int] {
    let header = try readHeader(source)
    guard header.shape.count == 1 else {
      throw DataError(.badInput, at: [source.name], "labels with \(header.shape.count) axes; one was expected")
    }
    guard header.shape[0] * header.elementSize <= limits.maxMemberBytes else {
      throw DataError(
        .badInput, at: [source.name],
        "its header announces \(grouped(header.shape[0])) labels, more than \(grouped(limits.maxMemberBytes)) bytes")
    }
    let bytes = try source.readExactly(header.shape[0] * header.elementSize, what: "the labels")
    try checkEnd(source, header)
    try source.drain()
    if header.elementSize == 1 { return bytes.map(Int.init) }
    return stride(from: 0, to: bytes.count, by: 4).map { offset in
      bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
  }

  private static func samples(
    _ source: ByteSource, _ labels: [Int], _ request: LayoutRequest, split: DatasetInfo.Split?,
    finish: @escaping () throws(DataError) -> Void
  ) throws(DataError) -> OpenedLayout {
    let header = try readHeader(source)
    let (count, height, width) = (header.shape[0], header.shape[1], header.shape[2])
    let channels = header.shape.count == 4 ? header.shape[3] : 1
    guard header.elementSize == 1, channels == 1 || channels == 3 else {
      throw DataError(
        .badInput, at: [source.name],
        "images of shape \(header.shape) with \(header.elementSize) bytes an element; N×H×W or N×H×W×3 bytes were expected"
      )
    }
    guard height > 0, width > 0, height <= request.options.limits.maxPixels / width else {
      throw DataError(
        .badInput, at: [source.name],
        "images of \(grouped(height))×\(grouped(width)); 1 to \(grouped(request.options.limits.maxPixels)) pixels are allowed"
      )
    }
    guard count == labels.count else {
      let excess = count > labels.count ? "an image without a label" : "a label without an image"
      throw DataError(
        .badInput, at: [source.name],
        "\(counted(count, "image")) but \(counted(labels.count, "label")): number \(grouped(min(count, labels.count) + 1)) is \(excess)",
        remedy: Remedy.pairUp)
    }
    let classes = (labels.max() ?? -1) + 1
    // A label is a small number in this layout; a large one is damage, not a class.
    guard classes <= maxClasses else {
      throw DataError(
        .badInput, at: [source.name],
        "label \(grouped(classes - 1)) is out of range: at most \(grouped(maxClasses)) classes are read")
    }
    var countPerClass = [Int](repeating: 0, count: classes)
    for label in labels { countPerClass[label] += 1 }
    let info = DatasetInfo(
      name: request.datasetName(), split: split ?? request.options.split, classNames: (0..<classes).map(String.init),
      shape: [channels, height, width], countPerClass: countPerClass)
    var index = 0
    let size = height * width * channels
    return OpenedLayout(
      info: info, channels: channels, split: split, place: { [source.name, "image \(grouped(index))"] }
    ) { () throws(DataError) in
      guard index < count else {
        if index == count {
          index += 1
          try checkEnd(source, header)
          try finish()
        }
        return nil
      }
      let bytes = try source.readExactly(size, what: "image \(grouped(index + 1)) of \(grouped(count))")
      defer { index += 1 }
      return Sample(
        key: numberKey(index),
        content: .pixels(Pixels(height: height, width: width, channels: channels, bytes: bytes)), label: labels[index])
    }
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
