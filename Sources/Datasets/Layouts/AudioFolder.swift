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
    let labels = try FileLabels(survey.found, otherFolders: survey.otherFolders, options, of: "clip", name: name)
    if options.labelPattern == nil, options.classes.isEmpty, labels.classNames.count == 1 {
      throw DataError(
        .badInput, at: [name], "all clips are in one folder, \(labels.classNames[0]), which would be the only class",
        remedy: "say where file names hold the class, as with --label-pattern '{label}_*'")
    }
    guard let rate = survey.rate else {
      guard let bad = survey.firstBad else { throw DataError(.badInput, at: [name], "there are no clips in it") }
      throw DataError(.badInput, at: bad.place, "none of the clips of \(name) can be read; the first is \(bad.problem)")
    }
    let spectrogram = Spectrogram(sampleRate: rate)

    let info = DatasetInfo(
      name: request.datasetName(), split: options.split, classNames: labels.classNames,
      shape: [1, Spectrogram.side, Spectrogram.side], spectrogram: spectrogram,
      countPerClass: labels.counts(survey.found))
    var notes = [
      "clips of \(grouped(rate)) Hz become spectrograms of \(Spectrogram.side)×\(Spectrogram.side), a Hann window of "
        + "\(spectrogram.nFft) samples every \(spectrogram.hopLength)"
    ]
    if options.labelPattern != nil {
      let some = labels.classNames.prefix(20).joined(separator: ", ") + (labels.classNames.count > 20 ? ", …" : "")
      notes.append("the names of its files give the classes \(some)")
    }
    if survey.others > 0 { notes.append("\(grouped(survey.others)) files that are not clips were skipped") }
    notes += labels.notes

    let reader = try request.container.open(last: true)
    let transform = SpectrogramTransform(spectrogram)
    var index = 0
    var opened = OpenedLayout(
      info: info, channels: 1, split: labels.hasSplits ? info.split : nil, notes: notes, doubts: labels.doubts,
      parts: labels.partCounts(survey.found), place: { reader.place }
    ) { () throws(DataError) in
      while let member = try reader.next() {
        guard isClip(member) else { continue }
        guard let label = labels.index(of: try FilePlace(of: member, options, at: reader.place)) else { continue }
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

  /// What the first pass finds out.
  private struct Survey {
    let options: ReadOptions
    var found: [FilePlace: FileTally] = [:]
    var others = 0
    /// Folders that hold something else than clips, or nothing.
    var otherFolders: Set<[String]> = []
    /// The rate of all clips, and the first of them.
    var rate: Int?
    private var firstPath = ""
    /// What is wrong with the first clip that cannot be read.
    var firstBad: DataError?
    // Hashes of 64 bits instead of the paths, as in `WebDatasetReader`.
    private var paths: Set<Int> = []

    init(_ options: ReadOptions) {
      self.options = options
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
        otherFolders.insert(member.foldersAbove)
        return
      }
      guard paths.insert(member.fullPath.hashValue).inserted else {
        throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
      }
      let clip = Clip(bytes: try reader.readAll())
      self.found[try FilePlace(of: member, options, at: reader.place), default: FileTally()].add(
        member.basename, clip.bytes)
      let found: Int
      do throws(DataError) {
        found = try located(reader.place) { () throws(DataError) in try clip.sampleRate() }
      } catch {
        // A bad clip is found again when it is decoded, and counted there.
        guard error.fault == .badInput else { throw error }
        if firstBad == nil { firstBad = error }
        return
      }
      if let rate, rate != found {
        throw DataError(
          .badInput, at: reader.place,
          "a clip of \(grouped(found)) Hz, where \(firstPath) has \(grouped(rate)) Hz: their spectrograms would have different rows",
          remedy: "resample them to one rate")
      }
      if rate == nil { (rate, firstPath) = (found, member.fullPath) }
    }
  }
}
