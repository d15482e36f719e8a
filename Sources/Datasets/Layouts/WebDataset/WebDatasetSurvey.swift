internal import Dispatch
internal import Synchronization

/// What a first pass over a WebDataset finds out: its classes, shapes, and what its keys need.
struct WebDatasetSurvey: Sendable {
  var classes = WebDatasetClasses()
  private(set) var shapes: Set<[Int]> = []
  // Beside an array an image is only its view.
  private(set) var arrayShapes: Set<[Int]> = []
  private(set) var hasArrays = false
  /// Whether any key is not as readers take it, or is there twice.
  private(set) var changesKeys = false
  /// Whether shards have keys in common.
  private(set) var sharesKeys = false
  /// Samples whose key was there before, in the same archive.
  private(set) var repeatedKeys = 0
  /// Samples with soft labels, and those of them whose numbers are probabilities.
  private var softLabels = (count: 0, probabilities: 0)
  /// The first label that is none.
  private var badLabel: DataError?
  /// Files that belong to no sample, and one of them.
  private(set) var strangers: (count: Int, example: String) = (0, "")

  private let names: WebDatasetNames
  private let options: ReadOptions
  /// The archive in which a key was met last, and whether its sample was whole there; by hashes, as in `WebDatasetKeys`.
  private var seen: [Int: (archive: Int, isWhole: Bool)] = [:]
  private var archives = 0
  private var archive = ""
  private var run: (key: String, hasImage: Bool, hasLabel: Bool, members: Int, first: String)?

  init(_ names: WebDatasetNames, options: ReadOptions) {
    self.names = names
    self.options = options
  }

  /// Takes all members into account; those of several archives at the same time, where each can be opened by its path.
  mutating func add(all container: Container) throws(DataError) {
    if let joined = joining(container) {
      self = joined
    } else {
      // One after another; also where anything is wrong, so that the first fault is the one that is told of.
      let reader = try container.open(last: false)
      while let member = try reader.next() { try add(member, reader) }
      try endRun()
    }
    try check()
  }

  /// This with what a survey of every archive on its own found; nil where one failed, or two do not agree.
  private func joining(_ container: Container) -> WebDatasetSurvey? {
    guard let paths = container.paths, paths.count > 1, Set(paths).count == paths.count else { return nil }
    let found = Mutex([WebDatasetSurvey?](repeating: nil, count: paths.count))
    let hasFailed = Atomic(false)
    let (names, options, limits) = (names, options, container.limits)
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      if hasFailed.load(ordering: .relaxed) { return }
      var survey = WebDatasetSurvey(names, options: options)
      do throws(DataError) {
        let reader = try Container([.file(paths[index])], limits: limits).open(last: false)
        while let member = try reader.next() { try survey.add(member, reader) }
        try survey.endRun()
        found.withLock { [survey] in $0[index] = survey }
      } catch {
        hasFailed.store(true, ordering: .relaxed)
      }
    }
    var joined = self
    for survey in found.withLock({ $0 }) {
      guard let survey, joined.join(survey) else { return nil }
    }
    return joined
  }

  /// Adds what the survey of the archive behind found; false where the labels of one are numbers, and those of the other names.
  private mutating func join(_ next: WebDatasetSurvey) -> Bool {
    shapes.formUnion(next.shapes)
    arrayShapes.formUnion(next.arrayShapes)
    hasArrays = hasArrays || next.hasArrays
    changesKeys = changesKeys || next.changesKeys
    repeatedKeys += next.repeatedKeys
    softLabels.count += next.softLabels.count
    softLabels.probabilities += next.softLabels.probabilities
    badLabel = badLabel ?? next.badLabel
    strangers = (
      strangers.count + next.strangers.count, strangers.count == 0 ? next.strangers.example : strangers.example
    )
    archive = next.archive
    archives += 1
    for (key, place) in next.seen where seen.updateValue((archives, place.isWhole), forKey: key) != nil {
      changesKeys = true
      sharesKeys = true
    }
    return classes.join(next.classes)
  }

  /// Takes one more member into account.
  mutating func add(_ member: Member, _ reader: MemberReader) throws(DataError) {
    if WebDatasetClasses.isList(member.path) {
      classes.take(list: try reader.readAll(), of: member.path)
    }
    if member.basename == manifestFileName, options.layout == nil {
      throw DataError(
        .badInput, at: reader.place, "describes a dataset of pipe, whose class names and formation would be lost",
        remedy: "unpack it and name its folder, or read it as plain files with --layout webdataset")
    }
    guard let (key, field) = names.parts(of: member.path) else { return }
    if reader.name != archive || run?.key != key {
      try endRun()
      if reader.name != archive {
        archive = reader.name
        archives += 1
      }
      run = (key, false, false, 0, member.path)
    }
    run?.members += 1
    if field == names.labelField {
      run?.hasLabel = true
      guard let label = try label(reader) else { return }
      try classes.add(label, of: PartName.first(in: folders(of: key)), at: reader.place)
    } else if field == "soft.npy" {
      let values = try parseNPY(try reader.readAll(), name: reader.place.joined(separator: ": ")).values
      softLabels.count += 1
      if areProbabilities(values) { softLabels.probabilities += 1 }
    } else if names.isArray(field) {
      run?.hasImage = true
      hasArrays = true
      let header = try NPYHeader(of: reader)
      let shape = header.element == .uint8 ? WebDataset.imageShape(header.shape) : WebDataset.floatShape(header.shape)
      // An empty one is a bad sample, which may be left out.
      if !header.shape.contains(0) { arrayShapes.insert(shape ?? header.shape) }
    } else if names.isImage(field) {
      run?.hasImage = true
      guard let shape = EncodedImage(file: try reader.readAll()).surveyedShape(options) else { return }
      if shapes.count < 4 || !shapes.contains(where: { $0[0] == shape[0] }) { shapes.insert(shape) }
    }
  }

  /// Takes note of the class of a member of another part.
  mutating func know(_ member: Member, _ reader: MemberReader) throws(DataError) {
    guard let (_, field) = names.parts(of: member.path), field == names.labelField else { return }
    if let label = try label(reader) { classes.know(label) }
  }

  /// The label in the member that the reader is at; nil for a bad one, which is told of when its sample is read.
  private mutating func label(_ reader: MemberReader) throws(DataError) -> WebDatasetLabel? {
    do throws(DataError) {
      return try WebDatasetLabel(try reader.readAll(), keys: names.labelKeys, place: reader.place)
    } catch  where error.fault == .badSample {
      badLabel = badLabel ?? error
      return nil
    }
  }

  /// Which samples are read, where the folders in their keys tell train from test; nil for all.
  ///
  /// - Throws: `badInput` where there is no such part.
  func part(
    of split: DatasetInfo.Split, name: String
  ) throws(DataError) -> (part: Part, split: DatasetInfo.Split, notes: [String])? {
    let found = classes.parts
    // A class may be called `train`: only where every key says its part do they.
    guard !found.contains(nil), let only = found.first ?? nil else { return nil }
    if found.count == 1 { return (only, only == .train ? .train : .test, []) }
    guard let choice = split.parts.first(where: found.contains) else { throw missingPart(split, in: name) }
    return (choice, split, choice == .val ? ["there is no test split; val is read"] : [])
  }

  /// Throws where all labels are bad, or soft labels are of two kinds.
  private func check() throws(DataError) {
    guard softLabels.probabilities == 0 || softLabels.probabilities == softLabels.count else {
      throw DataError(
        .badInput, at: [archive],
        "\(grouped(softLabels.probabilities)) of \(counted(softLabels.count, "soft label")) are probabilities, and the others are not",
        remedy: "write either probabilities, which add up to 1, or logits")
    }
    if let badLabel, classes.parts.isEmpty {
      throw DataError(.badInput, at: badLabel.place, badLabel.problem, remedy: badLabel.remedy)
    }
  }

  private mutating func endRun() throws(DataError) {
    guard let ended = run else { return }
    run = nil
    guard ended.hasImage || ended.hasLabel else {
      // The list of the classes is no stranger.
      if !WebDatasetClasses.isList(ended.first) {
        strangers = (strangers.count + ended.members, strangers.count == 0 ? ended.first : strangers.example)
      }
      return
    }
    let key = WebDatasetKeys.cleaned(ended.key)
    if !WebDatasetKeys.isClean(ended.key) { changesKeys = true }
    let isWhole = ended.hasImage && ended.hasLabel
    if let before = seen.updateValue((archives, isWhole), forKey: key.hashValue) {
      changesKeys = true
      if before.archive != archives {
        sharesKeys = true
      } else if before.isWhole && isWhole {
        repeatedKeys += 1
      } else {
        throw DataError(
          .badInput, at: [archive, ended.key], "the members of this sample are not adjacent: some stand further ahead",
          remedy: "pack the archive again with tar --sort=name")
      }
    }
  }

  /// What labels are, by all that were seen.
  var labelKind: DatasetInfo.LabelKind {
    softLabels.count == 0 ? .hard : softLabels.probabilities > 0 ? .probability : .logit
  }

  /// What the log shall say.
  var notes: [String] {
    var notes: [String] = []
    if strangers.count > 0 {
      notes.append(
        "\(counted(strangers.count, "file")) that \(strangers.count == 1 ? "belongs" : "belong") to no sample"
          + " \(strangers.count == 1 ? "was" : "were") skipped, such as \(strangers.example)")
    }
    if sharesKeys { notes.append("its shards have keys in common, so all keys begin with the name of the shard") }
    if repeatedKeys > 0 {
      notes.append("\(counted(repeatedKeys, "sample")) under keys that were there before got a number behind the key")
    }
    if changesKeys { notes.append("keys had to change; each sample's own is in its json, as __key__") }
    return notes
  }
}

/// The folders in a sample's key.
func folders(of key: String) -> [String] {
  key.utf8.contains(UInt8(ascii: "/")) ? key.split(separator: "/").dropLast().map(String.init) : []
}

/// Whether the numbers of a soft label are probabilities: none below 0, and 1 in all.
public func areProbabilities(_ values: [Float]) -> Bool {
  abs(values.reduce(0.0) { $0 + Double($1) } - 1) < 1e-3 && values.allSatisfy { (0...1.001).contains($0) }
}
