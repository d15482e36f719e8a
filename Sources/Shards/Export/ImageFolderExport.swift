public import Datasets
internal import Glibc

/// `OUT/<split>/<class>/<key>.png`, as torchvision's `ImageFolder` reads `OUT/<split>`.
///
/// Such readers number the classes by their sorted folders. So the folders' names have to sort as the classes are numbered, and
/// every class has to have an image; `class_to_idx.json` says which number each folder has.
final class ImageFolderExport: ExportWriter {
  private let folder: NewFolder
  private let layout: ExportLayout
  private let split: DatasetInfo.Split
  private let classNames: [String]
  private let classFolders: [String]
  private let allowsRounding: Bool
  private var counts: [Int]

  init(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions, in folder: NewFolder
  ) throws(DataError) {
    try options.check(info)
    if let shape = layout.shape, shape.count != 3 || ![1, 3].contains(shape[0]) {
      throw refusal(info, "holds arrays, not image files", ExportOptions.otherFormats)
    }
    guard layout.softLabels == nil || options.losses.contains(.softLabels) else { throw softLabelRefusal(info) }
    self.folder = folder
    self.layout = layout
    split = info.split
    classNames = info.classNames
    counts = Array(repeating: 0, count: classNames.count)
    allowsRounding = options.losses.contains(.precision)
    classFolders = try folderNames(of: info, options.classFolders)
    try folder.createFolder(split.rawValue)
    for name in classFolders { try folder.createFolder("\(split.rawValue)/\(name)") }
  }

  static func encoder(
    _ layout: ExportLayout, _ info: DatasetInfo, _ options: ExportOptions
  ) -> @Sendable (Sample) throws(DataError) -> ExportedSample {
    { (sample) throws(DataError) in
      try layout.check(sample)
      let (bytes, ending) = try sample.imageFile(channels: info.shape?.first, limits: options.limits)
      var exported = ExportedSample(key: sample.key, label: sample.label, bytes: bytes, ending: ending)
      if case .floats(let array) = sample.content { exported.rounding = Rounding(array) }
      return exported
    }
  }

  var fields: [String: ExportDescription.Field] {
    ["image": .init(type: "file", shape: layout.shape, meaning: "a PNG or JPEG file, named by the sample's key")]
  }

  var leftOut: [String] {
    (layout.softLabels == nil ? [] : ["soft.npy"]) + (layout.hasMetadata ? ["json"] : []) + layout.extras
  }

  func write(_ sample: ExportedSample) throws(DataError) {
    if let rounding = sample.rounding, rounding.isLoss, !allowsRounding {
      throw DataError(
        .badInput, at: [sample.key], "has float values that 8 bits cannot hold: \(rounding.words)",
        remedy: "export to another format, or round the images with --lose precision")
    }
    let name = "\(split.rawValue)/\(classFolders[sample.label])/\(sample.key).\(sample.ending)"
    guard let descriptor = try folder.createFile(name) else {
      throw DataError(.badInput, at: [sample.key], "is the key of two samples")
    }
    defer { close(descriptor) }
    try writeWhole(sample.bytes, to: descriptor, name: name)
    counts[sample.label] += 1
  }

  func finish(_ description: ExportDescription) throws(DataError) {
    if let formation = description.formation, formation.multiplicity > 1 {
      throw DataError(
        .badInput, at: [description.dataset],
        "each image holds \(formation.multiplicity) training images, which an ImageFolder cannot say",
        remedy: "add --form to write the training images")
    }
    if let empty = counts.firstIndex(of: 0) {
      throw DataError(
        .badInput, at: [description.dataset],
        "has no image of class \(classNames[empty]), and readers of an ImageFolder refuse or miscount an empty folder",
        remedy: "choose the classes with --classes, or export to another format")
    }
    let numbers = Dictionary(uniqueKeysWithValues: classFolders.enumerated().map { ($1, $0) })
    try folder.add("class_to_idx.json", encodeJSON(numbers, indented: true, keysAreData: true) + [10])
    try folder.add(ExportDescription.fileName, description.encoded())
  }

  private func writeWhole(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(DataError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw systemError(.io, at: ["\(folder.path)/\(name)"], "cannot be written")
      }
    }
  }
}

extension ExportOptions {
  fileprivate static let otherFormats = "export to npz, safetensors, mds or tfrecord"

  /// Refuses a dataset whose description alone says that the format cannot hold it, long before its last sample.
  ///
  /// - Throws: `DataError` (`.badInput`).
  public func check(_ info: DatasetInfo) throws(DataError) {
    guard format == .imageFolder else { return }
    guard info.kind == .samples, info.spectrogram == nil else {
      let what = info.kind == .latents ? "latents" : "spectrograms"
      throw refusal(info, "holds \(what), not image files", Self.otherFormats)
    }
    guard info.labelKind == .hard || losses.contains(.softLabels) else { throw softLabelRefusal(info) }
    _ = try folderNames(of: info, classFolders)
  }
}

private func softLabelRefusal(_ info: DatasetInfo) -> DataError {
  refusal(
    info, "has soft labels, which an ImageFolder cannot hold",
    "export to another format, or keep only the class of each image with --lose soft-labels")
}

private func refusal(_ info: DatasetInfo, _ problem: String, _ remedy: String) -> DataError {
  DataError(.badInput, at: [info.name], problem, remedy: remedy)
}

/// The folder of each class, in index order.
///
/// - Throws: `DataError` (`.badInput`) where sorted names would number the classes in another way, or two would be the same. Names are
///   sorted by their bytes, as most readers do, and also by numbers and without case, as timm does.
func folderNames(of info: DatasetInfo, _ naming: ClassFolders) throws(DataError) -> [String] {
  let clean = info.classNames.map(folderName)
  if naming == .indexed {
    let digits = String(max(0, clean.count - 1)).count
    return clean.enumerated().map { number, name in
      name.isEmpty ? zeroPadded(number, digits: digits) : "\(zeroPadded(number, digits: digits))-\(name)"
    }
  }
  func refuse(_ problem: String) -> DataError {
    DataError(
      .badInput, at: [info.name], problem, remedy: "name the folders by index and class with --class-folders indexed")
  }
  for (number, name) in clean.enumerated() where name.isEmpty || name.hasPrefix(".") || name != info.classNames[number]
  {
    throw refuse("class \(number) is called \"\(info.classNames[number])\", which cannot be the name of a folder")
  }
  // Two names that Unicode or a file system without case takes for one would be one folder wherever it is copied to.
  var seen: Set<String> = []
  for name in clean where !seen.insert(name.lowercased()).inserted {
    throw refuse("two classes are called \"\(name)\" where case and the spelling of accents make no difference")
  }
  let natural = clean.map(naturalKey)
  for (number, pair) in zip(natural, natural.dropFirst()).enumerated() where !pair.0.lexicographicallyPrecedes(pair.1) {
    throw refuse(
      "some readers of an ImageFolder, such as timm, sort names by their numbers and without case, and class \(number + 1), "
        + "\"\(clean[number + 1])\", would come before class \(number), \"\(clean[number])\"")
  }
  for (number, pair) in zip(clean, clean.dropFirst()).enumerated()
  where !pair.0.utf8.lexicographicallyPrecedes(pair.1.utf8) {
    throw refuse(
      "readers of an ImageFolder number classes by their sorted names, and class \(number + 1), \"\(pair.1)\", would come before "
        + "class \(number), \"\(pair.0)\"")
  }
  return clean
}

/// A class name without what a folder's name cannot hold, and no longer than one may be beside an index.
private func folderName(_ name: String) -> String {
  var clean = ""
  for scalar in name.unicodeScalars {
    let isPlain = scalar.value >= 0x20 && scalar.value != 0x7f && !"/\\:".unicodeScalars.contains(scalar)
    clean.unicodeScalars.append(isPlain ? scalar : "_")
    if clean.utf8.count > 200 {
      clean.unicodeScalars.removeLast()
      break
    }
  }
  return clean
}

/// A piece of a name as it is compared where names are sorted naturally: numbers by their value, before texts.
private enum NaturalPiece: Comparable {
  case number(digits: String)
  case text(String)

  static func < (one: Self, other: Self) -> Bool {
    switch (one, other) {
    case (.number(let a), .number(let b)):
      a.count == b.count ? a < b : a.count < b.count
    case (.text(let a), .text(let b)): a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
    case (.number, .text): true
    case (.text, .number): false
    }
  }
}

/// The texts and numbers of a name in turn, in lower case; it begins with a text, which may be empty.
private func naturalKey(_ name: String) -> [NaturalPiece] {
  var pieces: [NaturalPiece] = []
  var rest = name.lowercased()[...]
  while true {
    let text = rest.prefix { !("0"..."9").contains($0) }
    pieces.append(.text(String(text)))
    rest = rest.dropFirst(text.count)
    guard !rest.isEmpty else { return pieces }
    let digits = rest.prefix { ("0"..."9").contains($0) }
    rest = rest.dropFirst(digits.count)
    let value = digits.drop { $0 == "0" }
    pieces.append(.number(digits: String(value)))
  }
}
