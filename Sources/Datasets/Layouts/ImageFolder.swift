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
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let name = request.container.name
    var survey = Survey()
    let first = try request.container.open(last: false)
    while let member = try first.next() { try survey.add(member, first, request.options) }
    survey.otherFolders.formUnion(first.folders)
    let structure = try FolderStructure(survey.folders, of: "image", name: name)
    let classNames = structure.classNames
    // Who names the classes to keep has seen that there are others.
    if request.options.classes.isEmpty {
      try structure.refuseEmptyClasses(classNames, beside: survey.otherFolders, name: name)
    }
    let part = try structure.part(of: request.options.split, name: name)

    let indices = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
    var counts = [Int](repeating: 0, count: classNames.count)
    var forms: Set<[Int]> = []
    for (folder, found) in survey.found {
      guard structure.isIn(part, folder) else { continue }
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
        let folder = foldersAbove(member)
        guard survey.found[folder] != nil, structure.isIn(part, folder) else { continue }
        guard let bytes = try reader.readImageFile() else { continue }
        guard let label = indices[folder[structure.classLevel]] else {
          throw DataError(.io, at: reader.place, "the input changed while it was read")
        }
        defer { index += 1 }
        // A running number and not the path, which may hold what a key must not: two paths could become one key.
        return Sample(
          key: numberKey(index), content: .encoded(EncodedImage(file: bytes)), label: label, origin: member.path)
      }
      return nil
    }
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

    mutating func add(_ member: Member, _ reader: MemberReader, _ options: ReadOptions) throws(DataError) {
      let folder = foldersAbove(member)
      guard let bytes = try reader.readImageFile() else {
        others += 1
        otherFolders.insert(folder)
        return
      }
      guard paths.insert(member.path.hashValue).inserted else {
        throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
      }
      var (count, shapes) = found[folder] ?? (0, [])
      // Photographs have thousands of sizes; one more than one says enough.
      if let shape = EncodedImage(file: bytes).surveyedShape(options),
        shapes.count < 4 || !shapes.contains(where: { $0[0] == shape[0] })
      {
        shapes.insert(shape)
      }
      found[folder] = (count + 1, shapes)
    }
  }
}

/// Runs something that knows no place and adds it to its error.
func located<Result>(_ place: [String], _ body: () throws(DataError) -> Result) throws(DataError) -> Result {
  do throws(DataError) {
    return try body()
  } catch {
    throw DataError(error.fault, at: place + error.place, error.problem, remedy: error.remedy)
  }
}

/// The same for what concerns one sample alone: those after it can be read.
func ofOneSample<Result>(_ place: [String], _ body: () throws(DataError) -> Result) throws(DataError) -> Result {
  do throws(DataError) {
    return try located(place, body)
  } catch {
    var error = error
    if error.fault == .badInput { error.fault = .badSample }
    throw error
  }
}

/// The channels that images of these C×H×W are unified to, colour where there is any, and their shape where it is one.
func commonShape(_ shapes: Set<[Int]>) -> (channels: Int?, shape: [Int]?) {
  guard let channels = shapes.map({ $0[0] }).max() else { return (nil, nil) }
  let sizes = Set(shapes.map { [$0[1], $0[2]] })
  guard sizes.count == 1, let size = sizes.first else { return (channels, nil) }
  return (channels, [channels] + size)
}
