internal import Datasets

/// How samples are laid out in fields.
///
/// First `png` or `jpg`, or `npy` (and a `png` view), or `latent.npy`, then `cls`, `soft.npy`, `json`, then the rest by name.
struct SampleFields: Sendable {
  /// Names that this program gives a meaning.
  static let ownNames: Set<String> = ["png", "jpg", "npy", "latent.npy", "cls", "soft.npy", "json"]
  /// The fields of image files, of which a sample has one.
  static let imageNames: Set<String> = ["png", "jpg"]
  /// Extensions that make some reader run a program; never written.
  static let refusedExtensions: Set<String> = ["pkl", "pickle", "pyd", "pth", "pt", "npz"]

  /// Images or latents.
  var kind: DatasetInfo.Kind
  /// The fields to write, nil for all that there are.
  var selected: Set<String>?
  /// Whether float images are accompanied by an 8-bit view.
  var withView: Bool
  var limits: Limits
  /// C×H×W of all images, or the extents of all latents; nil where they are not known.
  var shape: [Int]?
  /// What soft labels hold.
  var labelKind = DatasetInfo.LabelKind.logit

  /// What travels between processes: all fields, without views.
  init(streaming kind: DatasetInfo.Kind) {
    self.kind = kind
    withView = false
    limits = Limits()
  }

  /// - Throws: `DataError` (`.usage`) when the selection could not be read back.
  init(of info: DatasetInfo, for options: ShardOptions) throws(DataError) {
    if let selected = options.fields {
      guard selected.contains("cls") else {
        throw DataError(
          .usage, at: ["--fields"], "leaves out cls, without which samples have no label", remedy: "add cls")
      }
      guard !selected.isDisjoint(with: ["png", "jpg", "npy", "latent.npy"]) else {
        throw DataError(
          .usage, at: ["--fields"], "names none of png, jpg, npy and latent.npy, so that samples would show nothing",
          remedy: "add one of them")
      }
    }
    (kind, selected, limits) = (info.kind, options.fields, options.limits)
    withView = info.spectrogram == nil
    (shape, labelKind) = (info.shape, info.labelKind)
  }

  /// - Throws: `DataError` (`.badInput`), placed at the sample's key.
  func record(of sample: Sample) throws(DataError) -> Record {
    guard MemberName.isKey(sample.key) else {
      throw DataError(
        .badInput, at: [sample.key],
        "is not a key that shards can hold: letters, digits, '_' and '-', not starting with '__'")
    }
    var record = Record(key: sample.key, fields: [])
    func add(_ name: String, _ bytes: @autoclosure () throws(DataError) -> [UInt8]) throws(DataError) {
      guard selected?.contains(name) ?? true else { return }
      record.fields.append(Field(name: name, bytes: try bytes()))
    }
    do throws(DataError) {
      try checkShape(sample)
      try addContent(sample, to: &record)
      try add("cls", Array(String(sample.label).utf8))
      if let soft = sample.softLabel {
        try checkSoftLabel(soft, labelKind)
        try add("soft.npy", npyBytes(FloatArray(shape: [soft.count], values: soft)))
      }
      if let metadata = sample.metadata { try add("json", metadata) }
      for extra in sample.extras.sorted(by: { $0.name < $1.name }) where selected?.contains(extra.name) ?? true {
        try check(extra)
        try add(extra.name, extra.bytes)
      }
    } catch {
      throw error.at(sample.key)
    }
    var made = Set(record.fields.map(\.name))
    // Of the two kinds of image files a sample has one.
    if case .floats = sample.content {
    } else if !made.isDisjoint(with: ["png", "jpg"]) {
      made.formUnion(["png", "jpg"])
    }
    if let missing = selected?.subtracting(made).min() {
      throw DataError(.badInput, at: [sample.key], "has no field \(missing), which --fields names")
    }
    return record
  }

  /// Throws where the sample is not of the size that all are to have; grey images may be among colour ones.
  private func checkShape(_ sample: Sample) throws(DataError) {
    guard let shape else { return }
    var found: [Int]
    switch sample.content {
    case .floats(let array): found = array.shape
    case .pixels(let pixels): found = [pixels.channels, pixels.height, pixels.width]
    case .encoded(let image): found = try image.shape(limits: limits)
    }
    if case .floats = sample.content {} else if found[0] == 1 { found[0] = shape[0] }
    guard found != shape else { return }
    throw DataError(
      .badInput, at: [], "has shape \(shapeText(found)), where all are to have \(shapeText(shape))",
      remedy: "bring all to one size with --resize where they are read")
  }

  private func addContent(_ sample: Sample, to record: inout Record) throws(DataError) {
    let wanted = { (name: String) in selected?.contains(name) ?? true }
    switch sample.content {
    case .pixels(let pixels):
      let isGrey = shape?.first == 3 && pixels.channels == 1
      if wanted("png") {
        record.fields.append(Field(name: "png", bytes: encodePNG(isGrey ? pixels.inColour() : pixels)))
      }
    case .encoded(let image):
      if image.format == .jpg, wanted("jpg") {
        record.fields.append(Field(name: "jpg", bytes: image.bytes))
      } else if wanted("png") {
        // A grey JPEG may be among images in colour, a grey PNG file not.
        var isGrey = false
        if shape?.first == 3 { isGrey = try image.shape(limits: limits)[0] == 1 }
        var bytes = image.bytes
        if image.format != .png || isGrey {
          let pixels = try sample.pixels(limits: limits)
          bytes = encodePNG(isGrey ? pixels.inColour() : pixels)
        }
        record.fields.append(Field(name: "png", bytes: bytes))
      }
    case .floats(let array):
      let name = kind == .latents ? "latent.npy" : "npy"
      if wanted(name) { record.fields.append(Field(name: name, bytes: npyBytes(array))) }
      if kind == .samples && withView && wanted("png") {
        record.fields.append(Field(name: "png", bytes: encodePNG(try sample.pixels(limits: limits))))
      }
    }
  }

  private func check(_ extra: Field) throws(DataError) {
    let name = extra.name
    guard MemberName.isField(name) else {
      throw DataError(
        .badInput, at: [name], "is not a field name that shards can hold: lower-case words joined by dots")
    }
    guard !Self.ownNames.contains(name) else {
      throw DataError(
        .badInput, at: [name], "is a field of the program's own, and this sample has another meaning for it")
    }
    guard let last = name.split(separator: ".").last, !Self.refusedExtensions.contains(String(last)) else {
      throw DataError(
        .badInput, at: [name], "is of a kind that can run programs in the reader, which shards never hold",
        remedy: "select other fields with --fields")
    }
  }
}

/// Throws where one of the numbers is not finite, or where they should be probabilities and are not.
func checkSoftLabel(_ values: [Float], _ kind: DatasetInfo.LabelKind) throws(DataError) {
  guard values.allSatisfy(\.isFinite) else {
    throw DataError(.badInput, at: ["soft.npy"], "holds values that are not finite", remedy: "make it again")
  }
  guard kind != .probability || areProbabilities(values) else {
    throw DataError(
      .badInput, at: ["soft.npy"], "holds other values than probabilities, which are at least 0 and add up to 1",
      remedy: "make it again")
  }
}

extension FloatArray {
  /// Whether none of its numbers is NaN or infinite.
  var isFinite: Bool {
    // The greatest bits but the sign, which is quicker than a question for each.
    values.reduce(UInt32(0)) { max($0, $1.bitPattern & 0x7fff_ffff) } < 0x7f80_0000
  }
}

extension PendingSample {
  /// A record that is still to be read as a sample; `place` is the archive, for messages.
  init(_ record: Record, classCount: Int, place: String) {
    let size = record.fields.reduce(0) { $0 + $1.bytes.count }
    self.init(byteCount: size) { () throws(DataError) in
      do throws(DataError) {
        return try Sample(record, classCount: classCount)
      } catch {
        throw error.at(place)
      }
    }
  }
}

extension Sample {
  /// Reads a record back; `png` beside `npy` is only a view and is left out.
  ///
  /// - Throws: `DataError` (`.badInput`), placed at the record's key.
  init(_ record: Record, classCount: Int) throws(DataError) {
    var content: Content?
    var label: Int?
    self.init(key: record.key, content: .floats(FloatArray(shape: [0], values: [])), label: 0)
    for field in record.fields {
      do throws(DataError) {
        switch field.name {
        case "png", "jpg":
          if case .floats = content { continue }
          guard content == nil else { throw DataError(.badInput, at: [], "is a second image of the same sample") }
          content = .encoded(try EncodedImage(field: field))
        case "npy", "latent.npy":
          let array = try parseNPY(field.bytes)
          guard !array.shape.contains(0) else {
            throw DataError(.badInput, at: [], "is an empty array, of shape \(array.shape)")
          }
          content = .floats(array)
        case "cls":
          label = try Self.label(field.bytes, classCount: classCount)
        case "soft.npy":
          let soft = try parseNPY(field.bytes)
          guard soft.shape == [classCount] else {
            throw DataError(.badInput, at: [], "has shape \(soft.shape), where \([classCount]) is one value per class")
          }
          softLabel = soft.values
        case "json":
          metadata = field.bytes
        default:
          extras.append(field)
        }
      } catch {
        throw error.at(field.name).at(record.key)
      }
    }
    guard let content else {
      throw DataError(.badInput, at: [record.key], "has none of the fields png, jpg, npy and latent.npy")
    }
    guard let label else { throw DataError(.badInput, at: [record.key], "has no label: the field cls is missing") }
    self.content = content
    self.label = label
  }

  fileprivate static func label(_ bytes: [UInt8], classCount: Int) throws(DataError) -> Int {
    let text = String(decoding: bytes.prefix(20), as: UTF8.self)
    guard !bytes.isEmpty, bytes.count < 10, bytes.allSatisfy({ (48...57).contains($0) }), let label = Int(text) else {
      throw DataError(.badInput, at: [], "is not a class index: \"\(text)\"")
    }
    guard label < classCount else {
      throw DataError(.badInput, at: [], "is class \(label), and there are \(classCount), counted from 0")
    }
    return label
  }
}

extension Record {
  /// The class index.
  ///
  /// - Throws: `DataError` (`.badInput`), placed at the record's key.
  func label(classCount: Int) throws(DataError) -> Int {
    guard let bytes = self["cls"] else {
      throw DataError(.badInput, at: [key], "has no label: the field cls is missing")
    }
    do throws(DataError) {
      return try Sample.label(bytes, classCount: classCount)
    } catch {
      throw error.at("cls").at(key)
    }
  }
}

extension EncodedImage {
  fileprivate init(field: Field) throws(DataError) {
    let format: Format
    if field.bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      format = .png
    } else if field.bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      format = .jpg
    } else {
      throw DataError(.badInput, at: [], "is neither a PNG nor a JPEG file")
    }
    guard format.rawValue == field.name else {
      throw DataError(.badInput, at: [], "is a \(format.rawValue) file under the name \(field.name)")
    }
    self.init(format: format, bytes: field.bytes)
  }
}

extension DataError {
  /// The same error, seen from one level further out.
  func at(_ place: String) -> DataError {
    var error = self
    error.place.insert(place, at: 0)
    return error
  }
}
