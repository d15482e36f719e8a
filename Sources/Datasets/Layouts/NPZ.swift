extension Layout {
  /// NumPy arrays of images and labels: `x_train.npy`, `y_train.npy` and the like, in an `.npz`, beside each other, or in files of
  /// their own.
  public static let npz = Layout("npz") { member, _ in
    NPZ.isNPZ(member.basename)
  } open: { request throws(DataError) in
    try NPZ.open(request)
  }
}

/// NumPy arrays of images and labels: `x_train`, `y_train`, `x_test`, `y_test` and the other usual names, in an npz archive, in
/// several with one array each, or as npy files beside each other.
///
/// Images are bytes, other whole numbers or floats (see `PixelScale`), N×H×W, N×H×W×C or N×C×H×W with C = 1 or 3; labels are whole
/// numbers, N or N×1. The labels are read in a first pass; images stream by, however large their array is. An array without
/// a name (`arr_0`) is what its file's name says, or its shape.
enum NPZ {
  static func isNPZ(_ basename: String) -> Bool {
    let lower = basename.lowercased()
    if lower.hasSuffix(".npz") { return true }
    guard lower.hasSuffix(".npy") else { return false }
    let name = ArrayName(lower)
    // `train_image_0001.npy` is a sample of a WebDataset.
    let isNumbered = name.dataset.split(separator: "-").contains { $0.allSatisfy(\.isNumber) }
    return name.isExact || name.isUnnamed || name.role != nil && name.split != nil && !isNumbered
  }

  /// As many bytes of an npz as hold the name of its first array, in all but strange cases.
  static let firstNameLength = 512

  /// Whether the first array of an npz, given by its first bytes, has no name or one that images and labels have.
  ///
  /// Otherwise it may be something else beside images in class folders, such as their features.
  static func startsAsDataset(_ start: [UInt8]) -> Bool {
    guard start.count > 30, start.starts(with: ArchiveReader.zipSignature) else { return true }
    let length = Int(start[26]) | Int(start[27]) << 8
    let name = ArrayName(String(decoding: start[30...].prefix(length), as: UTF8.self))
    return name.role != nil || name.isUnnamed
  }

  /// An array that may be the images or the labels.
  private struct Candidate {
    var role: ArrayName.Role
    var split: Part?
    /// Of several in one input.
    var dataset: String
    /// Whether its own name says nothing beside role and split.
    var isExact: Bool
    /// The file or archive that it is in, and its path there.
    var id: [String]
    var labels: [Int] = []
    var scale: PixelScale?

    /// The parts of its whole path, which `--subset` may name.
    var components: [String] { id.flatMap { $0.split(separator: "/").map(String.init) } }
    /// The folder of it, or of the npz that it is in.
    var folder: [String] {
      let above = components.dropLast()
      return Array(above.last?.lowercased().hasSuffix(".npz") == true ? above.dropLast() : above)
    }
  }

  /// An array whose name says not what it is, and whose shape is one that images have.
  private struct Nameless {
    var candidate: Candidate
    /// What is wrong with its values; nil where they can be levels.
    var error: DataError?
  }

  /// What the first pass finds out.
  private struct Survey {
    /// All arrays that could be meant, with their labels and the ranges of their values.
    var candidates: [Candidate] = []
    /// The names of some others.
    var others: [String] = []
    /// Of several inputs, those that could be the images.
    var nameless: [Nameless] = []
  }

  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    var beside = Beside()
    do throws(DataError) {
      return try open(request, &beside)
    } catch {
      guard beside.images > 0, error.fault == .badInput, request.options.layout == nil else { throw error }
      let other = "read the images in its folders in place of the arrays with --layout image-folder"
      throw DataError(
        .badInput, at: error.place, error.problem, remedy: error.remedy.map { "\($0), or \(other)" } ?? other)
    }
  }

  private static func open(_ request: LayoutRequest, _ beside: inout Beside) throws(DataError) -> OpenedLayout {
    let name = request.container.name
    var found = try survey(request, &beside)
    // The names of exported arrays say no part; their description does.
    for index in found.candidates.indices where found.candidates[index].split == nil {
      switch beside.exports[Array(found.candidates[index].id.dropLast())]?.split {
      case .train: found.candidates[index].split = .train
      case .test: found.candidates[index].split = .test
      case nil: break
      }
    }
    var candidates = try chosen(found.candidates, request)
    if let images = try imagesByShape(found, candidates, request) { candidates.append(images) }
    let isNamed = request.container.isListed && Set(candidates.map(\.split)).count == 1
    let (split, note) = isNamed ? (candidates.first?.split, nil) : try wantedSplit(candidates, request)
    func one(_ role: ArrayName.Role) throws(DataError) -> Candidate? {
      var found = candidates.filter { $0.role == role && $0.split == split }
      if found.contains(where: \.isExact) { found.removeAll { !$0.isExact } }
      guard found.count > 1 else { return found.first }
      if Set(found.map(\.dataset)).count == found.count { throw Subset.choice(found.map(\.dataset), in: name) }
      let folders = found.compactMap(\.folder.last)
      if Set(folders).count == found.count { throw Subset.choice(folders, in: name) }
      throw DataError(
        .badInput, at: [name],
        "two arrays of \(role) for the same split: \(found[0].id.joined(separator: ": ")) and \(found[1].id.joined(separator: ": "))",
        remedy: "take one of them out")
    }
    let labels = try one(.labels)
    guard let images = try one(.images) else {
      if let labels {
        throw DataError(.badInput, at: labels.id, "labels without images beside them", remedy: Remedy.pairUp)
      }
      throw DataError(
        .badInput, at: [name],
        "no arrays called x_train and y_train, or images and labels, but \(found.others.joined(separator: ", "))",
        remedy: "rename them, or save them with such names")
    }
    guard let labels else {
      throw DataError(
        .badInput, at: images.id, "images without labels: no such array beside it",
        remedy: "give the file with the labels, too, with an -i of its own")
    }
    guard images.dataset == labels.dataset || images.dataset.isEmpty || labels.dataset.isEmpty else {
      throw DataError(
        .badInput, at: [name], "the images are of \(images.dataset), the labels of \(labels.dataset)",
        remedy: "give the images and the labels of one dataset")
    }
    let export = beside.exports[Array(images.id.dropLast())]
    if let export { try export.refuseFormation(at: Array(images.id.dropLast())) }
    let reader = ArrayFiles(try request.container.open(last: true), limits: request.options.limits)
    while try reader.next(), reader.id != images.id {}
    return try samples(
      reader, labels.labels, export, scale: images.scale ?? PixelScale(white: request.options.white), request,
      split: split.map { $0 == .train ? .train : .test },
      dataset: request.container.isListed || request.options.subset != nil ? images.dataset : "",
      notes: note.map { [$0] } ?? [])
  }

  /// What is found beside arrays.
  private struct Beside {
    /// Images in folders.
    var images = 0
    /// The descriptions of `pipe export`, by the archive or folder that they are in.
    var exports: [[String]: ExportedArrays] = [:]

    mutating func add(_ reader: ArrayFiles, _ limits: Limits) throws(DataError) {
      if reader.path.contains("/"), hasImageExtension(reader.path) { images += 1 }
      guard reader.path == ExportedArrays.fileName else { return }
      exports[Array(reader.id.dropLast())] = ExportedArrays(try reader.source().readAll(limit: limits.maxMemberBytes))
    }
  }

  private static func survey(_ request: LayoutRequest, _ beside: inout Beside) throws(DataError) -> Survey {
    var survey = Survey()
    // Arrays that are called something with `labels` or `data`, and cannot be that: class names, means.
    var failures: [(candidate: Candidate, error: DataError)] = []
    let reader = ArrayFiles(try request.container.open(last: false), limits: request.options.limits)
    while try reader.next() {
      guard reader.path.lowercased().hasSuffix(".npy") else {
        try beside.add(reader, request.options.limits)
        continue
      }
      let own = ArrayName(reader.path)
      // One archive may be called anything; where there are several, or an array has no name, theirs tell.
      let isAlone = !request.container.isSequence && !reader.isNested
      let archive = reader.archive.map { ArrayName($0) }
      var role = own.role ?? (own.isUnnamed && !isAlone ? archive?.role : nil)
      let split = own.split ?? (isAlone ? nil : archive?.split)
      let isWanted =
        split == nil || split == request.options.split.parts[0] || request.container.isListed || split == .val
      guard isWanted || role != nil else { continue }
      let source = try reader.source()
      let header: NPYHeader
      do throws(DataError) {
        header = try NPYHeader(reading: source)
      } catch {
        guard let role else {
          // Texts or objects under a name of their own are neither images nor labels, but file names or the like.
          guard error.fault == .badInput, !own.isUnnamed else { throw error }
          if survey.others.count < 4 { survey.others.append(reader.path) }
          continue
        }
        guard !own.isExact else { throw error }
        failures.append((Candidate(role: role, split: split, dataset: "", isExact: false, id: reader.id), error))
        continue
      }
      if role == nil, own.isUnnamed {
        role = header.shape.count >= 3 ? .images : header.shape.count == 0 ? nil : .labels
      }
      guard let role else {
        if survey.others.count < 4 { survey.others.append(reader.path) }
        if request.container.isListed, reader.id.count == 1, (3...4).contains(header.shape.count) {
          survey.nameless.append(nameless(own, reader.id, source, header, request))
        }
        continue
      }
      let dataset = [isAlone ? "" : archive?.dataset ?? "", own.isUnnamed ? "" : own.dataset].filter { !$0.isEmpty }
      var candidate = Candidate(
        role: role, split: split, dataset: dataset.joined(separator: "-"), isExact: own.isExact || own.isUnnamed,
        id: reader.id)
      do throws(DataError) {
        switch role {
        case .images where isWanted:
          candidate.scale = try ImageArray.scale(source, header, white: request.options.white)
        case .labels where isWanted:
          candidate.labels = try LabelArray.read(source, header, limits: request.options.limits)
        default: break
        }
      } catch {
        failures.append((candidate, error))
        continue
      }
      survey.candidates.append(candidate)
    }
    for (failed, error) in failures {
      guard !failed.isExact, survey.candidates.contains(where: { $0.isExact && $0.role == failed.role })
      else { throw error }
    }
    return survey
  }

  private static func nameless(
    _ name: ArrayName, _ id: [String], _ source: ByteSource, _ header: NPYHeader, _ request: LayoutRequest
  ) -> Nameless {
    var candidate = Candidate(role: .images, split: name.split, dataset: name.dataset, isExact: false, id: id)
    do throws(DataError) {
      candidate.scale = try ImageArray.scale(source, header, white: request.options.white)
      return Nameless(candidate: candidate, error: nil)
    } catch {
      return Nameless(candidate: candidate, error: error)
    }
  }

  /// The images that stand beside labels in another input, where only the shape of their array tells that they are these: CIFAR-10-C's
  /// `fog.npy` and `labels.npy`; nil where names tell the images, or none is there.
  private static func imagesByShape(
    _ found: Survey, _ candidates: [Candidate], _ request: LayoutRequest
  ) throws(DataError) -> Candidate? {
    guard !candidates.contains(where: { $0.role == .images }), Set(candidates.map(\.split)).count == 1,
      let labels = candidates.first, let first = found.nameless.first
    else { return nil }
    guard found.nameless.count == 1 else {
      throw DataError(
        .badInput, at: [request.container.name],
        "which array holds the images is not clear: it may be \(someOf(found.nameless.map { $0.candidate.id.last ?? "" }))",
        remedy: "give one of them, and its labels")
    }
    if let error = first.error { throw error }
    var images = first.candidate
    // Labels of a part are those of the images beside them, unless these say another.
    images.split = images.split ?? labels.split
    return images
  }

  private static func chosen(_ all: [Candidate], _ request: LayoutRequest) throws(DataError) -> [Candidate] {
    guard let subset = request.options.subset.map(Subset.init) else { return all }
    let named = subset.chosen(all, dataset: { $0.dataset }, folders: { $0.components })
    if named.isEmpty { throw subset.missing(among: choices(all), in: request.container.name) }
    return all.filter { candidate in
      if named.contains(where: { $0.id == candidate.id }) { return true }
      // `x_train` belongs to `y_train_fine` and to `y_train_coarse`; `fog/train_images` is nothing that `identity/train_labels` lacks.
      guard candidate.dataset.isEmpty,
        !named.contains(where: { $0.role == candidate.role && $0.split == candidate.split })
      else { return false }
      return candidate.id.count == 1 || named.contains { $0.folder.starts(with: candidate.folder) }
    }
  }

  /// What `--subset` may be: names of datasets, or where they have none, the folders that they are in.
  private static func choices(_ all: [Candidate]) -> [String] {
    let names = all.map(\.dataset).filter { !$0.isEmpty }
    return names.isEmpty ? all.compactMap(\.folder.last) : names
  }

  /// Which arrays are read: the wanted split's, the validation split's where there is no test split, or those of none.
  private static func wantedSplit(
    _ candidates: [Candidate], _ request: LayoutRequest
  ) throws(DataError) -> (Part?, String?) {
    let found = Set(candidates.map(\.split))
    let wanted = request.options.split.parts[0]
    if found.contains(wanted) { return (wanted, nil) }
    if found.contains(nil) || found.isEmpty { return (nil, nil) }
    if wanted == .test, found.contains(.val) { return (.val, "there is no test split; val is read") }
    throw missingPart(request.options.split, in: request.container.name)
  }

  private static func samples(
    _ reader: ArrayFiles, _ labels: [Int], _ export: ExportedArrays?, scale: PixelScale, _ request: LayoutRequest,
    split: DatasetInfo.Split?,
    dataset: String, notes: [String]
  ) throws(DataError) -> OpenedLayout {
    let source = try reader.source()
    let header = try NPYHeader(reading: source)
    let place = [source.name]
    let form = try ImageArray(header, at: place)
    try LabelledImages.check(height: form.height, width: form.width, request.options.limits, at: place)
    try LabelledImages.check(header.shape[0], labels.count, at: place)
    var scale = scale
    let count = labels.count
    return try LabelledImages(
      shape: [form.channels, form.height, form.width], labels: labels, classNames: export?.classNames,
      mirror: export?.mirror, split: split, name: dataset.isEmpty ? nil : dataset, notes: notes,
      doubts: form.notes + (export?.doubts ?? []), closingNotes: { scale.notes },
      place: place,
      image: { index throws(DataError) in
        let bytes = try source.readExactly(form.byteCount, what: "image \(grouped(index + 1)) of \(grouped(count))")
        return .pixels(try form.pixels(bytes, &scale, at: place + ["image \(grouped(index + 1))"]))
      },
      finish: { () throws(DataError) in
        guard try source.peek(1).isEmpty else {
          throw DataError(.badInput, at: place, "there are bytes after the \(grouped(count)) images")
        }
        while try reader.next() {}
      }
    ).opened(request)
  }
}

/// The files of arrays in a container, those in an npz that is itself a member among them.
private final class ArrayFiles {
  private let reader: MemberReader
  private let limits: Limits
  private var nested: MemberReader?
  private var nestedIn: String?

  init(_ reader: MemberReader, limits: Limits) {
    self.reader = reader
    self.limits = limits
  }

  private var inner: MemberReader { nested ?? reader }
  /// The current file's path in its archive or folder.
  var path: String { inner.current?.path ?? "" }
  /// The file or archive that the current one is in, and its path there.
  var id: [String] { inner.place }
  /// Whether it is in an npz that is a member.
  var isNested: Bool { nested != nil }
  /// The npz that it is in; nil where it stands in none.
  var archive: String? {
    if let nestedIn { return nestedIn }
    return inner.name.lowercased().hasSuffix(".npz") ? inner.name : nil
  }

  func next() throws(DataError) -> Bool {
    while true {
      if let nested {
        if try nested.next() != nil { return true }
        self.nested = nil
        nestedIn = nil
      }
      guard let member = try reader.next() else { return false }
      guard member.path.lowercased().hasSuffix(".npz"), member.path != reader.name else { return true }
      // Its directory stands at its end.
      let archive = try ArchiveReader(spilled(try reader.memberSource(), limits: limits), limits: limits)
      nested = MemberReader(archive, limits: limits)
      nestedIn = member.path
    }
  }

  func source() throws(DataError) -> ByteSource { try inner.memberSource() }
}
