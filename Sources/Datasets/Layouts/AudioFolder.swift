extension Layout {
  /// Sound files that tell their class by their folder, by their name or by a table beside them.
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
/// The class is the folder, `[root/][train|val|test/]class/…/file`, or with `ReadOptions.labelPattern` a part of the file's name, or what
/// a table says where folders are no classes. The test split is what a folder, `ReadOptions.testPattern`, a table or a list says, see
/// `ClipParts`. Classes are sorted by name, over both splits together; that order and the sample rate are known only after the last
/// member, so everything is read twice, and three times where there are lists.
enum AudioFolder {
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let (name, options) = (request.container.name, request.options)
    guard options.resize == nil, options.centerCrop == nil else {
      throw DataError(
        .usage, at: [name], "spectrograms cannot be resized or cropped", remedy: "leave --resize and --center-crop out")
    }
    let container = try request.container.withTables()
    var survey = ClipSurvey(options)
    let first = try container.open(last: false)
    while let member = try first.next() { try survey.add(member, first) }
    survey.addFolders(first.folders)
    let lists = ClipParts(survey, options, name: name)
    let byFolder = try tallies(survey, lists, container, options)
    let (labels, table) = try Self.labels(survey, byFolder, container, options)
    guard let rate = survey.rate else {
      guard let bad = survey.firstBad else { throw DataError(.badInput, at: [name], "there are no clips in it") }
      throw DataError(
        .badInput, at: bad.place, "none of the clips of \(name) can be read; the first is \(bad.problem)",
        remedy: bad.remedy)
    }
    let spectrogram = Spectrogram(sampleRate: rate)
    let found = table?.found ?? byFolder

    let info = DatasetInfo(
      name: request.datasetName(), split: options.split, classNames: labels.classNames,
      shape: [1, Spectrogram.side, Spectrogram.side], spectrogram: spectrogram, countPerClass: labels.counts(found))
    var notes = [
      "clips of \(grouped(rate)) Hz become spectrograms of \(Spectrogram.side)×\(Spectrogram.side), a Hann window of "
        + "\(spectrogram.nFft) samples every \(spectrogram.hopLength)"
    ]
    if options.labelPattern != nil {
      let some = labels.classNames.prefix(20).joined(separator: ", ") + (labels.classNames.count > 20 ? ", …" : "")
      notes.append("the names of its files give the classes \(some)")
    }
    notes += survey.notes(read: table == nil ? lists.listCount : survey.tables.count)
    if table == nil { notes += lists.notes }
    notes += labels.notes
    var doubts = labels.doubts
    if table == nil { doubts += lists.doubts + unlisted(byFolder) }

    let reader = try container.open(last: true)
    let transform = SpectrogramTransform(spectrogram)
    var (number, index, missing) = (0, 0, 0)
    // Of the clips that were read, those that are longer than a spectrogram.
    var (read, long) = (0, 0)
    var opened = OpenedLayout(
      info: info, channels: 1, split: labels.hasSplits ? info.split : nil, notes: notes, doubts: doubts,
      parts: labels.partCounts(found), closingNotes: { lengthNotes(long, of: read) }, place: { reader.place }
    ) { () throws(DataError) in
      while let member = try reader.next() {
        guard ClipSurvey.isClip(member, options) else { continue }
        defer { number += 1 }
        let place: FilePlace?
        if let table {
          guard number < table.places.count else { throw changed }
          place = table.places[number]
        } else {
          place = try lists.place(of: member, options, at: reader.place)
        }
        guard let place, let label = labels.index(of: place) else { continue }
        let clip = Clip(bytes: try reader.readAll())
        let at = reader.place
        defer { index += 1 }
        let (samples, count) = try ofOneSample(at) { () throws(DataError) in
          guard try clip.sampleRate() == rate else { throw changed }
          return try clip.samples(spectrogram.clipLength)
        }
        read += 1
        if count > spectrogram.clipLength { long += 1 }
        return Sample(
          key: numberKey(index), content: .floats(FloatArray(shape: [samples.count], values: samples)), label: label,
          metadata: Array("{\"seconds\":\(Double(count) / Double(rate))}".utf8), origin: member.path)
      }
      guard let table, missing < table.missing.count else { return nil }
      defer { missing += 1 }
      throw DataError(
        .badSample, at: [name, table.missing[missing].place], "the clip \(table.missing[missing].file) is not there",
        remedy: "get it, or leave it out with --on-bad-sample skip")
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

  /// What the log shall say of clips of which only the beginning is used.
  private static func lengthNotes(_ long: Int, of all: Int) -> [String] {
    guard long > 0 else { return [] }
    return [
      "\(grouped(long)) of \(counted(all, "clip")) \(long == 1 ? "is" : "are") longer than one second; only the first second of "
        + "\(long == 1 ? "it" : "each") is used"
    ]
  }

  // MARK: Labels and parts

  /// How many clips there are where, with the parts that lists tell.
  private static func tallies(
    _ survey: ClipSurvey, _ lists: ClipParts, _ container: Container, _ options: ReadOptions
  ) throws(DataError) -> [FilePlace: FileTally] {
    if lists.isEmpty { return survey.found }
    var found: [FilePlace: FileTally] = [:]
    let reader = try container.open(last: false)
    while let member = try reader.next() {
      guard ClipSurvey.isClip(member, options) else { continue }
      let place = try lists.place(of: member, options, at: reader.place)
      found[place, default: FileTally()].add(member.basename, try reader.readAll())
    }
    return found
  }

  /// What the log shall say of clips that are in no list, where there is one for every part.
  private static func unlisted(_ found: [FilePlace: FileTally]) -> [String] {
    let count = found.reduce(0) { $0 + ($1.key.part == .unlabelled ? $1.value.count : 0) }
    guard count > 0 else { return [] }
    return ["\(counted(count, "clip")) that no list names \(count == 1 ? "was" : "were") left out"]
  }

  /// The labels by folders and names, or by tables where these tell none or where the user names a table's columns.
  private static func labels(
    _ survey: ClipSurvey, _ found: [FilePlace: FileTally], _ container: Container, _ options: ReadOptions
  ) throws(DataError) -> (FileLabels, TableLabels?) {
    let name = container.name
    let asksForTable = options.labelColumn != nil || options.imageColumn != nil || !options.testFolds.isEmpty
    let hasPattern = options.labelPattern != nil || options.testPattern != nil
    guard !asksForTable || !hasPattern else {
      throw DataError(
        .usage, at: [name], "columns of a table are named, and a pattern says not to read one",
        remedy: "leave one of them out")
    }
    var byFolder: FileLabels?
    var failure: DataError?
    do throws(DataError) {
      let labels = try FileLabels(found, otherFolders: survey.otherFolders, options, of: "clip", name: name)
      if tellClasses(labels, options) { byFolder = labels } else { failure = oneFolder(labels, survey, name: name) }
    } catch {
      failure = error
    }
    if let byFolder, !asksForTable { return (byFolder, nil) }
    // Folders that are classes, of which only the part is missing, are none that a table has to tell.
    let mayHaveTable = !hasPattern && failure?.isMissingPart != true && !found.isEmpty
    if asksForTable || mayHaveTable && !survey.tables.isEmpty,
      let table = try tableLabels(survey, container, options, isForced: byFolder == nil)
    {
      return (table.labels, table)
    }
    guard !asksForTable else {
      throw DataError(
        .usage, at: [name],
        "columns of a table are named, and there is no table in it that has them and names the clips",
        remedy: "leave --label-column, --image-column and --test-fold out")
    }
    if let byFolder { return (byFolder, nil) }
    throw failure ?? DataError(.badInput, at: [name], "there are no clips in it", remedy: Remedy.lookInside)
  }

  /// Whether folders are classes: not where one folder holds all clips, unless the user names it.
  private static func tellClasses(_ labels: FileLabels, _ options: ReadOptions) -> Bool {
    if options.labelPattern != nil || labels.classNames.count != 1 { return true }
    return !options.classes.isEmpty && options.classes.allSatisfy(labels.classNames.contains)
  }

  private static func oneFolder(_ labels: FileLabels, _ survey: ClipSurvey, name: String) -> DataError {
    let patterns =
      !survey.example.contains("_") && survey.example.contains("-") ? "'*-{label}' or '{label}-*'" : "'{label}_*'"
    return DataError(
      .badInput, at: [name], "all clips are in one folder, \(labels.classNames[0]), which would be the only class",
      remedy: "say where file names hold the class, as with --label-pattern \(patterns)")
  }

  /// The labels that tables tell; nil where they tell none.
  private static func tableLabels(
    _ survey: ClipSurvey, _ container: Container, _ options: ReadOptions, isForced: Bool
  ) throws(DataError) -> TableLabels? {
    var paths: [String] = []
    let reader = try container.open(last: false)
    while let member = try reader.next() {
      if ClipSurvey.isClip(member, options) { paths.append(member.fullPath) }
    }
    let rows = try TableRows(survey.tables, images: ImageIndex(paths), options, name: container.name)
    // Lists of a part alone are no reason to read folders otherwise.
    let hasLabels = rows.byImage.values.contains { $0.label != nil }
    guard hasLabels || !rows.unclear.isEmpty || !options.testFolds.isEmpty else { return nil }
    let folders = Dictionary(survey.found.map { ($0.folder, $1) }, uniquingKeysWith: +)
    return try TableLabels(rows, folders, options, name: container.name, isForced: isForced)
  }
}
