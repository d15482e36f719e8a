extension Layout {
  /// One folder per class, with or without `train`, `val` and `test` folders above.
  ///
  /// No single member tells it from others: see `Recognition`.
  public static let imageFolder = Layout("image-folder") { _, _ in
    false
  } open: { request throws(DataError) in
    try ImageFolder.open(request)
  }
}

/// One folder per class: `[root/][train|val|test/]class/…/file`, in an archive or on disk.
///
/// Classes are sorted by name, as torchvision sorts them, over all splits together, so that the splits agree on the indices.
/// That order is known only after the last member, so everything is read twice.
enum ImageFolder {
  /// Image formats that are not read; passing over them in silence would lose data.
  private static let foreignExtensions: Set<String> = [
    "bmp", "gif", "webp", "tif", "tiff", "ppm", "pgm", "heic", "avif",
  ]

  private enum SplitFolder: String {
    case train, val, test

    init?(folder: String) {
      switch folder.lowercased() {
      case "train", "training": self = .train
      case "val", "valid", "validation": self = .val
      case "test", "testing": self = .test
      default: return nil
      }
    }
  }

  /// Where in a path the class stands, and where the split, if there are splits.
  private struct Structure {
    var partLevel: Int?
    var classLevel: Int

    /// Works it out from all folders that hold images.
    init(_ folders: Set<[String]>, name: String) throws(DataError) {
      let all = folders.sorted { $0.lexicographicallyPrecedes($1) }
      guard let shortest = all.map(\.count).min() else {
        throw DataError(.badInput, at: [name], "there are no images in it", remedy: Remedy.lookInside)
      }
      guard shortest > 0 else {
        throw DataError(
          .badInput, at: [name], "images without labels: there are images outside every class folder",
          remedy: "put each image into a folder with its class's name")
      }
      var common = 0
      while common < shortest, all.allSatisfy({ $0[common] == all[0][common] }) { common += 1 }
      let level = (0...min(common, shortest - 1)).first { level in
        all.allSatisfy { SplitFolder(folder: $0[level]) != nil }
      }
      if let level {
        partLevel = level
        classLevel = level + 1
        if let bare = all.first(where: { $0.count == level + 1 }) { throw Self.unlabelled(bare, name) }
        return
      }
      if all.count > 1, common == shortest, let bare = all.first(where: { $0.count == common }) {
        throw Self.unlabelled(bare, name)
      }
      classLevel = min(common, shortest - 1)
    }

    private static func unlabelled(_ folder: [String], _ name: String) -> DataError {
      DataError(
        .badInput, at: [name, folder.joined(separator: "/")],
        "images without labels: they stand beside the class folders, not in one",
        remedy: "put each image into a folder with its class's name")
    }
  }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let name = request.container.name
    var survey = Survey()
    let first = try request.container.open(last: false)
    while let member = try first.next() { try survey.add(member, first, limits: request.options.limits) }
    survey.otherFolders.formUnion(first.folders)
    let structure = try Structure(survey.folders, name: name)
    let classNames = Set(survey.folders.map { $0[structure.classLevel] })
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    // Who names the classes to keep has seen that there are others.
    if request.options.classes.isEmpty { try refuseEmptyClasses(survey, structure, classNames, name: name) }
    let parts = Set(
      survey.folders.compactMap { folder in structure.partLevel.flatMap { SplitFolder(folder: folder[$0]) } })
    var part: SplitFolder?
    if structure.partLevel != nil {
      let choices: [SplitFolder] = request.options.split == .train ? [.train] : [.test, .val]
      guard let choice = choices.first(where: parts.contains) else {
        throw missingPart(request.options.split, in: name)
      }
      part = choice
    }

    let indices = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
    var counts = [Int](repeating: 0, count: classNames.count)
    var forms: Set<[Int]> = []
    for (folder, found) in survey.found {
      if let level = structure.partLevel, SplitFolder(folder: folder[level]) != part { continue }
      counts[indices[folder[structure.classLevel]] ?? 0] += found.count
      forms.formUnion(found.shapes)
    }
    let (channels, shape) = commonShape(forms)
    let info = DatasetInfo(
      name: request.datasetName(), split: request.options.split, classNames: classNames, shape: shape,
      countPerClass: counts)
    var notes: [String] = []
    if survey.others > 0 { notes.append("\(grouped(survey.others)) files that are not images were skipped") }
    if let part, part.rawValue != request.options.split.rawValue { notes.append("there is no test split; val is read") }

    let reader = try request.container.open(last: true)
    var index = 0
    return OpenedLayout(
      info: info, channels: channels, split: part.map { _ in info.split }, notes: notes, place: { reader.place }
    ) { () throws(DataError) in
      while let member = try reader.next() {
        guard let folder = imageFolder(member) else { continue }
        if let level = structure.partLevel, SplitFolder(folder: folder[level]) != part { continue }
        guard let label = indices[folder[structure.classLevel]] else {
          throw DataError(.io, at: reader.place, "the input changed while it was read")
        }
        let image = try encodedImage(try reader.readAll(), place: reader.place)
        defer { index += 1 }
        // A running number and not the path, which may hold what a key must not: two paths could become one key.
        return Sample(key: numberKey(index), content: .encoded(image), label: label, origin: member.path)
      }
      return nil
    }
  }

  /// Refuses folders that stand where classes stand and hold no image: without them the indices of the others would shift.
  private static func refuseEmptyClasses(
    _ survey: Survey, _ structure: Structure, _ classNames: [String], name: String
  ) throws(DataError) {
    let level = structure.classLevel
    let above = Set(survey.folders.map { Array($0[..<level]) })
    let known = Set(classNames)
    let others = survey.otherFolders.filter { $0.count > level && above.contains(Array($0[..<level])) }.map {
      $0[level]
    }
    // A hidden folder, such as a version control's, is nobody's class.
    let empty = Set(others).filter { !known.contains($0) && !$0.hasPrefix(".") }.sorted()
    guard !empty.isEmpty else { return }
    let names = empty.prefix(10).joined(separator: ", ") + (empty.count > 10 ? ", …" : "")
    let some = classNames.prefix(3).joined(separator: ",") + (classNames.count > 3 ? ",…" : "")
    throw DataError(
      .badInput, at: [name], "\(empty.count == 1 ? "a class folder" : "class folders") without images: \(names)",
      remedy: "put images there, or keep the other classes with --classes \(some)")
  }

  /// The folders above an image; nil for a file that is none.
  private static func imageFolder(_ member: Member) -> [String]? {
    guard imageExtensions.contains(member.basename.lowercased().lastPart) else { return nil }
    return foldersAbove(member)
  }

  private static func foldersAbove(_ member: Member) -> [String] {
    member.path.split(separator: "/").dropLast().map(String.init)
  }

  /// What the first pass finds out.
  private struct Survey {
    var found: [[String]: (count: Int, shapes: Set<[Int]>)] = [:]
    var others = 0
    /// Folders that hold something else than images, or nothing.
    var otherFolders: Set<[String]> = []
    // Hashes of 64 bits instead of the paths, as in `WebDatasetReader`.
    private var paths: Set<Int> = []
    var folders: Set<[String]> { Set(found.keys) }

    mutating func add(_ member: Member, _ reader: MemberReader, limits: Limits) throws(DataError) {
      guard let folder = imageFolder(member) else {
        let kind = member.basename.lowercased().lastPart
        if foreignExtensions.contains(kind) {
          throw DataError(
            .badInput, at: reader.place, "an image in the format \(kind); PNG and JPEG are read", remedy: "convert it")
        }
        others += 1
        otherFolders.insert(foldersAbove(member))
        return
      }
      guard paths.insert(member.path.hashValue).inserted else {
        throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
      }
      let image = try encodedImage(try reader.readAll(), place: reader.place)
      let shape = try located(reader.place) { () throws(DataError) in try image.shape(limits: limits) }
      // Photographs have thousands of sizes; one more than one says enough.
      let known = found[folder] ?? (0, [])
      let keep = known.shapes.count < 4 || !known.shapes.contains { $0[0] == shape[0] }
      found[folder] = (known.count + 1, keep ? known.shapes.union([shape]) : known.shapes)
    }
  }
}

/// A file's bytes as an image; throws where they are neither PNG nor JPEG.
func encodedImage(_ bytes: [UInt8], place: @autoclosure () -> [String]) throws(DataError) -> EncodedImage {
  guard let image = EncodedImage(recognising: bytes) else {
    throw DataError(
      .badInput, at: place(), "neither a PNG nor a JPEG image: it starts with \(hex(Array(bytes.prefix(8))))",
      remedy: "convert it to one of them, or take it out")
  }
  return image
}

/// Runs something that knows no place and adds it to its error.
func located<Result>(_ place: [String], _ body: () throws(DataError) -> Result) throws(DataError) -> Result {
  do throws(DataError) {
    return try body()
  } catch {
    throw DataError(error.fault, at: place + error.place, error.problem, remedy: error.remedy)
  }
}

/// The channels that images of these C×H×W are unified to, colour where there is any, and their shape where it is one.
func commonShape(_ shapes: Set<[Int]>) -> (channels: Int?, shape: [Int]?) {
  guard let channels = shapes.map({ $0[0] }).max() else { return (nil, nil) }
  let sizes = Set(shapes.map { [$0[1], $0[2]] })
  guard sizes.count == 1, let size = sizes.first else { return (channels, nil) }
  return (channels, [channels] + size)
}
