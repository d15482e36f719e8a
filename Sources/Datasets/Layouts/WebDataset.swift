extension Layout {
  /// Members that share a name up to the first dot are one sample.
  public static let webDataset = Layout("webdataset") { member, _ in
    Recognition.fieldName(member.basename) == "cls"
  } open: { request throws(DataError) in
    try WebDataset.open(request)
  }
}

/// The WebDataset convention: adjacent members that share their path up to the first dot of the basename are one sample.
///
/// The image is `png`, `jpg`, `jpeg` or `npy` (float32 C×H×W; bytes H×W×C; beside an `npy` a `png` is only its 8-bit view),
/// the label `cls`, an integer in ASCII. `soft.npy` is a soft label, `json` metadata; all other fields are passed on
/// untouched. Members called `__…__/…` and files without a dot are no samples.
enum WebDataset {
  /// A raw archive: a first pass finds the number of classes, which no member tells.
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    var classes = 0
    var counts: [Int] = []
    var shapes: Set<[Int]> = []
    // Beside an array an image is only its view.
    var arrayShapes: Set<[Int]> = []
    var isImage = true
    let first = try request.container.open(last: false)
    while let member = try first.next() {
      guard let (_, field) = parts(of: member) else { continue }
      if field == "cls" {
        let label = try parseLabel(try first.readAll(), place: first.place)
        classes = max(classes, label + 1)
        if counts.count < classes { counts += [Int](repeating: 0, count: classes - counts.count) }
        counts[label] += 1
      } else if imageFields.contains(field) {
        guard let shape = EncodedImage(file: try first.readAll()).surveyedShape(request.options) else { continue }
        if shapes.count < 4 || !shapes.contains(where: { $0[0] == shape[0] }) { shapes.insert(shape) }
      } else if field == "npy" {
        isImage = false
        let name = first.place.joined(separator: ": ")
        let header = try NPYHeader(of: try first.readAll(), name: name)
        arrayShapes.insert(header.element == .uint8 ? imageShape(header.shape) ?? header.shape : header.shape)
      }
    }
    let (channels, imageShape) = commonShape(shapes)
    let shape = isImage ? imageShape : arrayShapes.count == 1 ? arrayShapes.first : nil
    let info = DatasetInfo(
      name: request.datasetName(), split: request.options.split, classNames: (0..<classes).map(String.init),
      shape: shape, countPerClass: counts)
    let reader = WebDatasetReader(
      try request.container.open(last: true), info: info, limits: request.options.limits)
    return OpenedLayout(
      info: info, channels: isImage ? channels : nil, split: nil, place: { reader.place }, next: reader.readSample)
  }

  /// Key and field of a member; nil for what is no part of a sample.
  static func parts(of member: Member) -> (key: String, field: String)? {
    plainParts(of: member.path) ?? generalParts(of: member)
  }

  /// Of a bare name in lower case, as most are.
  private static func plainParts(of path: String) -> (key: String, field: String)? {
    var path = path
    return path.withUTF8 { bytes in
      guard let dot = bytes.firstIndex(of: 0x2e), dot > 0, bytes[0] != 0x5f,
        bytes[..<dot].allSatisfy({ $0 < 0x80 && $0 != 0x2f }),
        bytes[dot...].allSatisfy({ $0 < 0x80 && $0 != 0x2f && !(0x41...0x5a).contains($0) })
      else { return nil }
      return (String(decoding: bytes[..<dot], as: UTF8.self), String(decoding: bytes[(dot + 1)...], as: UTF8.self))
    }
  }

  private static func generalParts(of member: Member) -> (key: String, field: String)? {
    let components = member.path.split(separator: "/")
    guard let basename = components.last, let dot = basename.firstIndex(of: "."), dot > basename.startIndex else {
      return nil
    }
    if components.contains(where: { $0.hasPrefix("__") && $0.hasSuffix("__") && $0.count > 4 }) { return nil }
    let key = (components.dropLast() + [basename[..<dot]]).joined(separator: "/")
    return (key, basename[basename.index(after: dot)...].lowercased())
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

  static func parseLabel(_ bytes: [UInt8], place: @autoclosure () -> [String]) throws(DataError) -> Int {
    if (1...5).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }) {
      let label = bytes.reduce(0) { 10 * $0 + Int($1 - 0x30) }
      if label < maxClasses { return label }
    }
    let text = String(decoding: bytes.prefix(64), as: UTF8.self).filter { !$0.isWhitespace }
    guard let label = Int(text), (0..<maxClasses).contains(label) else {
      throw DataError(
        .badInput, at: place(), "the label “\(text)” is not a class index from 0 to \(grouped(maxClasses - 1))",
        remedy: "number the classes, and write the number in digits")
    }
    return label
  }
}

/// Reads samples in the WebDataset convention from archives that continue one another, when their description is known.
///
/// Blocking and single-pass, as every source.
public final class WebDatasetReader: SampleSource {
  /// What the caller said.
  public let info: DatasetInfo
  private let reader: MemberReader
  private let limits: Limits
  // The member that was found to belong to the next sample, and the archive that it is in.
  private var pending: (key: String, field: String, archive: String)?
  // Hashes of 64 bits instead of the keys: a million samples take megabytes, and the odds of a false alarm are 1 in 10⁷.
  private var keys: Set<Int> = []
  private var started = false
  private var failure: DataError?
  /// Where the sample that was returned last stands.
  private(set) var place: [String] = []

  /// Reads the members of a reader as samples of the described dataset.
  public init(_ reader: MemberReader, info: DatasetInfo, limits: Limits = Limits()) {
    self.reader = reader
    self.info = info
    self.limits = limits
  }

  /// The next sample, its label checked against the class names.
  public func next() throws(DataError) -> Sample? {
    if let failure { throw failure }
    do throws(DataError) {
      return try readSample()
    } catch {
      failure = error
      throw error
    }
  }

  func readSample() throws(DataError) -> Sample? {
    if !started {
      started = true
      try advance()
    }
    guard let (key, _, archive) = pending else { return nil }
    place = [archive, key]
    let cleaned = cleaned(key)
    guard keys.insert(cleaned.hashValue).inserted else {
      throw error(
        "the key occurs twice, and not in one run of members",
        remedy: "pack the archive again, with the adjacent members per sample and every key once")
    }
    var fields: [Field] = []
    while let (nextKey, field, nextArchive) = pending, nextKey == key, nextArchive == archive {
      if fields.contains(where: { $0.name == field }) {
        throw error("the field \(field) occurs twice", remedy: "pack the archive again, with every key once")
      }
      fields.append(Field(name: field, bytes: try reader.readAll()))
      try advance()
    }
    return try sample(cleaned, fields)
  }

  private func advance() throws(DataError) {
    pending = nil
    while let member = try reader.next() {
      if let (key, field) = WebDataset.parts(of: member) {
        pending = (key, field, reader.name)
        return
      }
    }
  }

  private func error(_ problem: String, remedy: String? = nil) -> DataError {
    DataError(.badInput, at: place, problem, remedy: remedy)
  }

  private func sample(_ key: String, _ fields: [Field]) throws(DataError) -> Sample {
    var label: Int?
    var image: EncodedImage?
    var array: [UInt8]?
    var sample = Sample(key: key, content: .floats(FloatArray(shape: [0], values: [])), label: 0)
    for field in fields {
      switch field.name {
      case "cls": label = try WebDataset.parseLabel(field.bytes, place: place + ["cls"])
      case let name where imageFields.contains(name):
        guard image == nil else {
          throw error("two images, \(fields.map(\.name).joined(separator: ", ")); one was expected")
        }
        image = EncodedImage(file: field.bytes)
      case "npy": array = field.bytes
      case "soft.npy":
        let soft = try parseNPY(field.bytes, name: (place + ["soft.npy"]).joined(separator: ": "))
        guard soft.values.count == info.classNames.count else {
          throw error("a soft label of \(soft.values.count) numbers for \(info.classNames.count) classes")
        }
        sample.softLabel = soft.values
      case "json": sample.metadata = field.bytes
      default: sample.extras.append(field)
      }
    }
    guard image != nil || array != nil else {
      throw error(
        "a label without an image: there are only \(fields.map(\.name).joined(separator: ", ")), but no png, jpg or npy",
        remedy: Remedy.pairUp)
    }
    guard let label else {
      throw error(
        "an image without a label: there are only \(fields.map(\.name).joined(separator: ", ")), but no cls",
        remedy: Remedy.pairUp)
    }
    guard label < info.classNames.count else {
      throw error(
        "label \(label), but there are only the labels 0 to \(info.classNames.count - 1)", remedy: Remedy.nameAll)
    }
    sample.label = label
    if let array {
      sample.content = try arrayContent(array)
    } else if let image {
      sample.content = .encoded(image)
    }
    return sample
  }

  private func arrayContent(_ bytes: [UInt8]) throws(DataError) -> Content {
    let name = (place + ["npy"]).joined(separator: ": ")
    let header = try NPYHeader(of: bytes, name: name)
    guard header.element == .uint8 else { return .floats(try parseNPY(bytes, name: name)) }
    try checkNPYSize(header, found: bytes.count - header.length, name: name)
    let elements = Array(bytes[header.length...])
    guard let shape = WebDataset.imageShape(header.shape) else {
      throw error("bytes of shape \(header.shape) are no image; H×W, H×W×C or C×H×W with 1 or 3 channels were expected")
    }
    // Only an array that is not H×W or H×W×C already has its channels in front.
    let isPlanar = header.shape.count == 3 && header.shape == shape && shape[2] != 1 && shape[2] != 3
    let interleaved = isPlanar ? transposed(elements, rows: shape[0], columns: shape[1] * shape[2]) : elements
    return .pixels(Pixels(height: shape[1], width: shape[2], channels: shape[0], bytes: interleaved))
  }

  /// A key in the alphabet that every reader takes.
  private func cleaned(_ key: String) -> String {
    if key.utf8.allSatisfy({ isKeyScalar(Unicode.Scalar($0)) }) { return key }
    var scalars = String.UnicodeScalarView()
    for scalar in key.unicodeScalars { scalars.append(isKeyScalar(scalar) ? scalar : "_") }
    return String(scalars)
  }
}
