extension Layout {
  /// Sound files that tell their class by their folder or by their name.
  ///
  /// No single member tells it from others: see `Recognition`.
  public static let audioFolder = Layout("audio-folder") { _, _ in
    false
  } open: { request throws(DataError) in
    try AudioFolder.open(request)
  }
}

/// WAV and FLAC files, in an archive or on disk; every one becomes a spectrogram, see `Spectrogram`.
///
/// The class is the folder, `[root/][train|val|test/]class/…/file`, or with `ReadOptions.labelPattern` a part of the file's name. The test
/// split is what a folder or `ReadOptions.testPattern` says. Classes are sorted by name, over both splits together; that order
/// and the sample rate are known only after the last member, so everything is read twice.
enum AudioFolder {
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let (name, options) = (request.container.name, request.options)
    guard options.resize == nil, options.centerCrop == nil else {
      throw DataError(
        .usage, at: [name], "spectrograms cannot be resized or cropped", remedy: "leave --resize and --center-crop out")
    }
    var survey = Survey(options)
    let first = try request.container.open(last: false)
    while let member = try first.next() { try survey.add(member, first) }
    survey.otherFolders.formUnion(first.folders)
    let labels = try Labels(survey, options, name: name)
    guard let rate = survey.rate else { throw DataError(.badInput, at: [name], "there are no clips in it") }
    let spectrogram = Spectrogram(sampleRate: rate)

    var counts = [Int](repeating: 0, count: labels.classNames.count)
    for (place, count) in survey.found where labels.contains(place) {
      counts[try labels.index(of: place, at: [name])] += count
    }
    let info = DatasetInfo(
      name: request.datasetName(), split: options.split, classNames: labels.classNames,
      shape: [1, Spectrogram.side, Spectrogram.side], spectrogram: spectrogram, countPerClass: counts)
    var notes = [
      "clips of \(grouped(rate)) Hz become spectrograms of \(Spectrogram.side)×\(Spectrogram.side), a Hann window of "
        + "\(spectrogram.nFft) samples every \(spectrogram.hopLength)"
    ]
    if options.labelPattern != nil {
      let some = labels.classNames.prefix(20).joined(separator: ", ") + (labels.classNames.count > 20 ? ", …" : "")
      notes.append("the names of its files give the classes \(some)")
    }
    if survey.others > 0 { notes.append("\(grouped(survey.others)) files that are not clips were skipped") }
    if labels.readsValidation { notes.append("there is no test split; val is read") }

    let reader = try request.container.open(last: true)
    let transform = SpectrogramTransform(spectrogram)
    var index = 0
    var opened = OpenedLayout(
      info: info, channels: 1, split: labels.hasSplits ? info.split : nil, notes: notes, place: { reader.place }
    ) { () throws(DataError) in
      while let member = try reader.next() {
        guard isClip(member) else { continue }
        let place = try survey.place(of: member, at: reader.place)
        guard labels.contains(place) else { continue }
        let label = try labels.index(of: place, at: reader.place)
        let clip = Clip(bytes: try reader.readAll())
        let at = reader.place
        defer { index += 1 }
        let (samples, count) = try ofOneSample(at) { () throws(DataError) in
          guard try clip.sampleRate() == rate else { throw changed }
          return try clip.samples(spectrogram.clipLength)
        }
        return Sample(
          key: numberKey(index), content: .floats(FloatArray(shape: [samples.count], values: samples)), label: label,
          metadata: Array("{\"seconds\":\(Double(count) / Double(rate))}".utf8), origin: member.path)
      }
      return nil
    }
    opened.finish = { (sample) throws(DataError) in
      guard case .floats(let samples) = sample.content else { return sample }
      var sample = sample
      sample.content = .floats(transform.image(of: samples.values))
      return sample
    }
    return opened
  }

  private static let changed = DataError(.io, at: [], "the input changed while it was read")

  private static func isClip(_ member: Member) -> Bool {
    Clip.extensions.contains(member.basename.lowercased().lastPart)
  }

  /// What `body` finds in a clip; nil for a bad one.
  private static func sound<Result>(_ body: () throws(DataError) -> Result) throws(DataError) -> Result? {
    do throws(DataError) {
      return try body()
    } catch {
      guard error.fault == .badInput else { throw error }
      return nil
    }
  }

  /// What decides the label and the split of a file.
  private struct Place: Hashable {
    var folder: [String]
    /// By the pattern of labels, where there is one.
    var label: String?
    /// By the pattern of the test split, where there is one.
    var isTest: Bool?
  }

  /// What the first pass finds out.
  private struct Survey {
    let labelPattern: FilePattern?
    let testPattern: FilePattern?
    var found: [Place: Int] = [:]
    var others = 0
    /// Folders that hold something else than clips, or nothing.
    var otherFolders: Set<[String]> = []
    /// The rate of all clips, and the first of them.
    var rate: Int?
    private var firstPath = ""
    // Hashes of 64 bits instead of the paths, as in `WebDatasetReader`.
    private var paths: Set<Int> = []

    init(_ options: ReadOptions) {
      labelPattern = options.labelPattern
      testPattern = options.testPattern
    }

    mutating func add(_ member: Member, _ reader: MemberReader) throws(DataError) {
      let kind = member.basename.lowercased().lastPart
      guard isClip(member) else {
        guard !Clip.foreignExtensions.contains(kind) else {
          throw DataError(
            .badInput, at: reader.place, "a sound file in the format \(kind); WAV and FLAC are read",
            remedy: "convert it")
        }
        others += 1
        otherFolders.insert(foldersAbove(member))
        return
      }
      guard paths.insert(member.path.hashValue).inserted else {
        throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
      }
      let clip = Clip(bytes: try reader.readAll())
      self.found[try place(of: member, at: reader.place), default: 0] += 1
      // A bad clip is found again when it is decoded, and counted there.
      guard let found = try sound({ () throws(DataError) in try clip.sampleRate() }) else { return }
      if let rate, rate != found {
        throw DataError(
          .badInput, at: reader.place,
          "a clip of \(grouped(found)) Hz, where \(firstPath) has \(grouped(rate)) Hz: their spectrograms would have different rows",
          remedy: "resample them to one rate")
      }
      if rate == nil { (rate, firstPath) = (found, member.path) }
    }

    /// - Throws: `DataError` (`.badInput`) where the name does not tell the label.
    func place(of member: Member, at place: [String]) throws(DataError) -> Place {
      var label: String?
      if let labelPattern {
        let labels = labelPattern.labels(in: member.path)
        guard labels.count == 1 else {
          throw DataError(
            .badInput, at: place,
            labels.isEmpty
              ? "its name does not fit --label-pattern '\(labelPattern.text)'"
              : "--label-pattern '\(labelPattern.text)' leaves open whether its label is \(labels.joined(separator: " or "))",
            remedy: "give a pattern that tells the label of every file, or take the file out")
        }
        label = labels.first
      }
      return Place(folder: foldersAbove(member), label: label, isTest: testPattern?.fits(member.path))
    }
  }

  /// Which places belong to the split that is read, and what their labels are.
  private struct Labels {
    let classNames: [String]
    private let indices: [String: Int]
    private let structure: FolderStructure
    private let part: SplitFolder?
    private let wanted: DatasetInfo.Split
    private let hasPattern: Bool

    init(_ survey: Survey, _ options: ReadOptions, name: String) throws(DataError) {
      structure = try FolderStructure(
        Set(survey.found.keys.map(\.folder)), of: "clip", name: name, needsClasses: options.labelPattern == nil)
      if options.labelPattern == nil {
        classNames = structure.classNames
        // Who names the classes to keep has seen that there are others.
        if options.classes.isEmpty {
          try structure.refuseEmptyClasses(classNames, beside: survey.otherFolders, name: name)
          guard classNames.count > 1 else {
            throw DataError(
              .badInput, at: [name], "all clips are in one folder, \(classNames[0]), which would be the only class",
              remedy: "say where file names hold the class, as with --label-pattern '{label}_*'")
          }
        }
      } else {
        classNames = Set(survey.found.keys.compactMap(\.label)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      }
      indices = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
      wanted = options.split
      hasPattern = options.testPattern != nil
      guard let pattern = options.testPattern else {
        part = try structure.part(of: wanted, name: name)
        return
      }
      guard structure.partLevel == nil else {
        throw DataError(
          .usage, at: [name], "it has folders for its splits, and --test-pattern tells them apart in another way",
          remedy: "leave --test-pattern out")
      }
      part = nil
      guard survey.found.keys.contains(where: { $0.isTest == true }) else {
        throw DataError(
          .badInput, at: [name], "no file fits --test-pattern '\(pattern.text)'", remedy: "correct the pattern")
      }
      guard wanted == .test || survey.found.keys.contains(where: { $0.isTest == false }) else {
        throw DataError(
          .badInput, at: [name],
          "every file fits --test-pattern '\(pattern.text)', so that nothing is left to train on",
          remedy: "correct the pattern")
      }
    }

    var hasSplits: Bool { hasPattern || structure.partLevel != nil }
    /// Whether a folder for validation stands in for the test split.
    var readsValidation: Bool { part == .val }

    func contains(_ place: Place) -> Bool {
      place.isTest.map { $0 == (wanted == .test) } ?? structure.isIn(part, place.folder)
    }

    func index(of place: Place, at path: [String]) throws(DataError) -> Int {
      let name = place.label ?? (place.folder.count > structure.classLevel ? place.folder[structure.classLevel] : "")
      guard let index = indices[name] else { throw DataError(.io, at: path, changed.problem) }
      return index
    }
  }
}
