extension Layout {
  /// NumPy arrays of images and labels: `x_train.npy`, `y_train.npy` and the like, in an `.npz` or beside each other.
  public static let npz = Layout("npz") { member, _ in
    NPZ.isNPZ(member.basename)
  } open: { request throws(DataError) in
    try NPZ.open(request)
  }
}

/// NumPy arrays of images and labels: `x_train`, `y_train`, `x_test`, `y_test` and the other usual names, in an npz archive
/// or as npy files beside each other.
///
/// Images are bytes or floats (1 = white), N×H×W, N×H×W×C or N×C×H×W with C = 1 or 3; labels are integers, N or N×1. The
/// labels are read in a first pass; images stream by, however large their array is.
enum NPZ {
  private enum Role { case images, labels }

  static func isNPZ(_ basename: String) -> Bool {
    guard basename.lowercased().hasSuffix(".npy") else { return false }
    return role(basename) != nil
  }

  /// What an array's name says; a nil split is the whole dataset.
  private static func role(_ basename: String) -> (role: Role, split: String?)? {
    let stem = basename.lowercased().dropLast(".npy".count)
    var words = stem.split(whereSeparator: { $0 == "_" || $0 == "-" }).map(String.init)
    if words == ["arr", "0"] { return (.images, nil) }
    if words == ["arr", "1"] { return (.labels, nil) }
    var split: String?
    words.removeAll { word in
      guard ["train", "test", "val", "valid", "validation"].contains(word), split == nil else { return false }
      split = word
      return true
    }
    guard words.count == 1 else { return nil }
    switch words[0] {
    case "x", "images", "image", "data": return (.images, split)
    case "y", "labels", "label", "targets", "target": return (.labels, split)
    default: return nil
    }
  }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let wanted = request.options.split
    var images: [String?: String] = [:]
    var labels: [String?: (path: String, values: [Int])] = [:]
    let first = try request.container.open(last: false)
    while let member = try first.next() {
      guard member.basename.lowercased().hasSuffix(".npy"), let (role, split) = role(member.basename) else { continue }
      guard split == nil || split == wanted.rawValue else {
        if role == .images { images[split] = member.path }
        continue
      }
      switch role {
      case .images:
        if let other = images[split] { throw twice(first.name, other, member.path) }
        images[split] = member.path
      case .labels:
        if let other = labels[split] { throw twice(first.name, other.path, member.path) }
        labels[split] = (member.path, try readLabels(first, limits: request.options.limits))
      }
    }
    let split: String? = images[wanted.rawValue] != nil || labels[wanted.rawValue] != nil ? wanted.rawValue : nil
    guard let path = images[split] else {
      if let labels = labels[split] {
        throw DataError(
          .badInput, at: [request.container.name, labels.path], "labels without images beside them",
          remedy: Remedy.pairUp)
      }
      if !images.isEmpty { throw missingPart(wanted, in: request.container.name) }
      throw DataError(
        .badInput, at: [request.container.name], "no arrays called x_train and y_train, or images and labels")
    }
    guard let labels = labels[split]?.values else {
      throw DataError(
        .badInput, at: [request.container.name, path], "images without labels: no such array beside it",
        remedy: Remedy.pairUp)
    }
    let reader = try request.container.open(last: true)
    while let member = try reader.next(), member.path != path {}
    return try samples(reader, labels, request, split: split == nil ? nil : wanted)
  }

  private static func twice(_ name: String, _ one: String, _ other: String) -> DataError {
    DataError(.badInput, at: [name], "two arrays for the same thing: \(one) and \(other)")
  }

  private static func readLabels(_ reader: MemberReader, limits: Limits) throws(DataError) -> [Int] {
    let bytes = try reader.readAll()
    let name = reader.place.joined(separator: ": ")
    let header = try NPYHeader(of: bytes, name: name)
    guard header.shape.count == 1 || header.shape.count == 2 && header.shape[1] == 1 else {
      throw DataError(
        .badInput, at: [name], "labels of shape \(header.shape); one number for each image was expected",
        remedy: "save class indices, not one-hot rows")
    }
    try checkNPYSize(header, found: bytes.count - header.length, name: name)
    let values = bytes.withUnsafeBytes { header.integers(UnsafeRawBufferPointer(rebasing: $0[header.length...])) }
    guard let values else {
      throw DataError(.badInput, at: [name], "labels of type \(header.element.rawValue), not integers")
    }
    for (index, value) in values.enumerated() where value < 0 || value >= maxClasses {
      throw DataError(
        .badInput, at: [name, "label \(grouped(index + 1))"], "class \(value) is out of range",
        remedy: "number the classes from 0 to \(grouped(maxClasses - 1))")
    }
    return values
  }

  private static func samples(
    _ reader: MemberReader, _ labels: [Int], _ request: LayoutRequest, split: DatasetInfo.Split?
  ) throws(DataError) -> OpenedLayout {
    let source = try reader.memberSource()
    let header = try NPYHeader(reading: source)
    guard let form = Form(header) else {
      throw DataError(
        .badInput, at: [source.name],
        "images of shape \(header.shape) and type \(header.element.rawValue); bytes or floats of N×H×W, N×H×W×C or N×C×H×W"
          + " with 1 or 3 channels were expected")
    }
    guard form.height > 0, form.width > 0, form.height <= request.options.limits.maxPixels / form.width else {
      throw DataError(
        .badInput, at: [source.name],
        "images of \(form.height)×\(form.width); 1 to \(grouped(request.options.limits.maxPixels)) pixels are allowed")
    }
    let count = header.shape[0]
    guard count == labels.count else {
      let excess = count > labels.count ? "an image without a label" : "a label without an image"
      throw DataError(
        .badInput, at: [source.name],
        "\(counted(count, "image")) but \(counted(labels.count, "label")): number \(grouped(min(count, labels.count) + 1)) is"
          + " \(excess)", remedy: Remedy.pairUp)
    }
    let classes = (labels.max() ?? -1) + 1
    var countPerClass = [Int](repeating: 0, count: classes)
    for label in labels { countPerClass[label] += 1 }
    let info = DatasetInfo(
      name: request.datasetName(), split: request.options.split, classNames: (0..<classes).map(String.init),
      shape: [form.channels, form.height, form.width], countPerClass: countPerClass)
    let size = form.channels * form.height * form.width * header.element.size
    var index = 0
    return OpenedLayout(
      info: info, channels: form.channels, split: split, place: { [source.name, "image \(grouped(index))"] }
    ) { () throws(DataError) in
      guard index < count else {
        if index == count {
          index += 1
          guard try source.peek(1).isEmpty else {
            throw DataError(.badInput, at: [source.name], "there are bytes after the \(grouped(count)) images")
          }
          while try reader.next() != nil {}
        }
        return nil
      }
      let bytes = try source.readExactly(size, what: "image \(grouped(index + 1)) of \(grouped(count))")
      defer { index += 1 }
      let content = try form.content(bytes, header, place: [source.name, "image \(grouped(index + 1))"])
      return Sample(key: numberKey(index), content: content, label: labels[index])
    }
  }

  /// How the elements of one image stand in memory.
  private struct Form {
    var height: Int
    var width: Int
    var channels: Int
    var isPlanar: Bool

    init?(_ header: NPYHeader) {
      guard header.element == .uint8 || header.element.isFloat else { return nil }
      let shape = header.shape
      switch shape.count {
      case 3: self.init(height: shape[1], width: shape[2], channels: 1, isPlanar: false)
      case 4 where shape[3] == 1 || shape[3] == 3:
        self.init(height: shape[1], width: shape[2], channels: shape[3], isPlanar: false)
      case 4 where shape[1] == 1 || shape[1] == 3:
        self.init(height: shape[2], width: shape[3], channels: shape[1], isPlanar: true)
      default: return nil
      }
    }

    private init(height: Int, width: Int, channels: Int, isPlanar: Bool) {
      self.height = height
      self.width = width
      self.channels = channels
      self.isPlanar = isPlanar
    }

    func content(_ bytes: [UInt8], _ header: NPYHeader, place: [String]) throws(DataError) -> Content {
      let plane = height * width
      if header.element == .uint8 {
        let interleaved = isPlanar ? transposed(bytes, rows: channels, columns: plane) : bytes
        return .pixels(Pixels(height: height, width: width, channels: channels, bytes: interleaved))
      }
      let values = bytes.withUnsafeBytes { header.floats($0) }
      // Normalised images stay far below this; grey levels up to 255 do not.
      if let strange = values.first(where: { !(abs($0) <= 100) }) {
        throw DataError(
          .badInput, at: place, "the value \(strange); float images have 0 for black and 1 for white",
          remedy: "save bytes as uint8, or divide by 255")
      }
      let planar = isPlanar ? values : transposed(values, rows: plane, columns: channels)
      return .floats(FloatArray(shape: [channels, height, width], values: planar))
    }
  }
}

/// A matrix of rows × columns elements, with rows and columns exchanged.
func transposed<Element>(_ elements: [Element], rows: Int, columns: Int) -> [Element] {
  if rows == 1 || columns == 1 { return elements }
  return elements.withUnsafeBufferPointer { from in
    [Element](unsafeUninitializedCapacity: elements.count) { to, count in
      for row in 0..<rows {
        for column in 0..<columns {
          (to.baseAddress.map { $0 + (column &* rows &+ row) })?.initialize(to: from[row &* columns &+ column])
        }
      }
      count = elements.count
    }
  }
}
