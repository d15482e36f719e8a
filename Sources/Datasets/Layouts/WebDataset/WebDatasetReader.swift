/// Reads samples in the WebDataset convention from archives that continue one another, when everything about them is known.
final class WebDatasetReader {
  private let reader: MemberReader
  private let names: WebDatasetNames
  private let classCount: Int
  private let indices: [String: Int]
  private var keys: WebDatasetKeys
  /// The part whose samples are read; nil for all.
  private let part: Part?
  /// Whether the samples' own keys are kept in their metadata.
  private let keepsKeys: Bool
  // The member that was found to belong to the next sample, and the archive that it is in.
  private var pending: (key: String, field: String, archive: String)?
  private var started = false
  /// Where the sample that was returned last stands.
  private(set) var place: [String] = []
  /// The smallest and the largest value of float images so far.
  private var range: ClosedRange<Float>?

  init(
    _ reader: MemberReader, names: WebDatasetNames, classNames: [String], part: Part?, keys: WebDatasetKeys,
    keepsKeys: Bool
  ) {
    self.reader = reader
    self.names = names
    self.part = part
    self.keys = keys
    self.keepsKeys = keepsKeys
    classCount = classNames.count
    indices = Dictionary(classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func next() throws(DataError) -> Sample? {
    if !started {
      started = true
      try advance()
    }
    while let (key, _, archive) = pending {
      place = [archive, key]
      var fields: [Field] = []
      while let (nextKey, field, nextArchive) = pending, nextKey == key, nextArchive == archive {
        if fields.contains(where: { $0.name == field }) {
          throw error("the field \(field) occurs twice", remedy: "pack the archive again, with every key once")
        }
        fields.append(Field(name: field, bytes: try reader.readAll()))
        try advance()
      }
      if let sample = try sample(key, archive, fields) { return sample }
    }
    return nil
  }

  private func advance() throws(DataError) {
    pending = nil
    while let member = try reader.next() {
      if let (key, field) = names.parts(of: member.path), part == nil || part == PartName.first(in: folders(of: key)) {
        pending = (key, field, reader.name)
        return
      }
    }
  }

  private func error(_ problem: String, _ fault: DataError.Fault = .badInput, remedy: String? = nil) -> DataError {
    DataError(fault, at: place, problem, remedy: remedy)
  }

  /// The sample; nil for files that belong to none.
  private func sample(_ key: String, _ archive: String, _ fields: [Field]) throws(DataError) -> Sample? {
    var label: Int?
    var image: (field: String, bytes: [UInt8])?
    var array: (field: String, bytes: [UInt8])?
    var sample = Sample(key: "", content: .floats(FloatArray(shape: [0], values: [])), label: 0)
    let chosen = names.chosenImages.first { wanted in fields.contains { $0.name == wanted } }
    for field in fields {
      let isImage =
        names.chosenImages.isEmpty ? names.isImage(field.name) || names.isArray(field.name) : field.name == chosen
      if field.name == names.labelField {
        label = try index(of: field)
        if field.name == "json" { sample.metadata = field.bytes }
        if field.name != "json", field.name.lastPart == "json" { sample.extras.append(field) }
      } else if isImage, names.isArray(field.name) {
        array = (field.name, field.bytes)
      } else if isImage {
        if let image {
          throw error(
            "two images, \(image.field) and \(field.name); one was expected", remedy: "choose one with --image-field")
        }
        image = (field.name, field.bytes)
      } else if field.name == "soft.npy" {
        let soft = try parseNPY(field.bytes, name: (place + ["soft.npy"]).joined(separator: ": "))
        guard soft.values.count == classCount else {
          throw error("a soft label of \(soft.values.count) numbers for \(classCount) classes")
        }
        if let strange = soft.values.first(where: { !$0.isFinite }) {
          throw error("a soft label with the number \(strange)", .badSample)
        }
        sample.softLabel = soft.values
      } else if field.name == "json" {
        guard isJSON(field.bytes) else {
          throw error(
            "its json is not a JSON document", .badSample, remedy: "correct it, or pack the archive without it")
        }
        sample.metadata = field.bytes
      } else {
        sample.extras.append(
          Self.own.contains(field.name) ? Field(name: "other.\(field.name)", bytes: field.bytes) : field)
      }
    }
    var found: String { fields.map(\.name).joined(separator: ", ") }
    guard image != nil || array != nil || label != nil else {
      // A key that ends too early hides whole samples, which are no strangers.
      guard
        let hidden = fields.first(where: { imageFields.contains($0.name.lastPart) || $0.name.lastPart == "cls" })
      else { return nil }
      throw error(
        "the first dot of a name ends its key, so “\(hidden.name)” is a field of it, neither image nor label",
        remedy: "rename the files without further dots, or choose fields with --image-field and --label-field")
    }
    guard image != nil || array != nil else {
      let wanted = names.chosenImages.isEmpty ? "png, jpg or npy" : names.chosenImages.joined(separator: " or ")
      throw error(
        "a label without an image: there are only \(found), but no \(wanted)", .badSample, remedy: Remedy.pairUp)
    }
    guard let label else {
      throw error(
        "an image without a label: there are only \(found), but no \(names.labelField)", .badSample,
        remedy: Remedy.pairUp)
    }
    sample.label = label
    if let array {
      sample.content = try WebDataset.content(of: array.bytes, place: place + [array.field])
      if case .floats(let floats) = sample.content { note(floats.values) }
    } else if let image {
      sample.content = .encoded(EncodedImage(file: image.bytes))
    }
    sample.key = keys.unique(key, in: archive)
    if keepsKeys { sample.keep(key: key) }
    return sample
  }

  private func note(_ values: [Float]) {
    guard let low = values.min(), let high = values.max() else { return }
    range = range.map { Swift.min($0.lowerBound, low)...Swift.max($0.upperBound, high) } ?? low...high
  }

  /// What the log shall say when the last sample was read: nothing in the arrays tells which values are black and white.
  var closingNotes: [String] {
    guard let range, range.lowerBound < 0 || range.upperBound > 1 else { return [] }
    return [
      "its float images have values from \(range.lowerBound) to \(range.upperBound), and are read as they are: 0 is black and 1 is white"
    ]
  }

  /// Fields that have another meaning in what this program writes.
  private static let own: Set<String> = ["png", "jpg", "jpeg", "npy", "cls", "latent.npy"]

  private func index(of field: Field) throws(DataError) -> Int {
    switch try WebDatasetLabel(field.bytes, keys: names.labelKeys, place: place + [field.name]) {
    case .index(let index):
      guard index < classCount else {
        throw error("label \(index), but there are only the labels 0 to \(classCount - 1)", remedy: Remedy.nameAll)
      }
      return index
    case .name(let name):
      guard let index = indices[name] else {
        throw DataError(.io, at: place, "the input changed while it was read")
      }
      return index
    }
  }
}
