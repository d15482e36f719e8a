extension Layout {
  /// One folder per class, with or without folders for parts above; or labels in a table beside the images.
  ///
  /// No single member tells it from others: see `Recognition`.
  public static let imageFolder = Layout("image-folder") { _, _ in
    false
  } open: { request throws(DataError) in
    try ImageFolder.open(request)
  }

  /// Images whose labels are in a table beside them, whatever their folders say.
  ///
  /// Recognised as `imageFolder` is, which decides for the table where there is one.
  public static let imageTable = Layout("image-table") { _, _ in
    false
  } open: { request throws(DataError) in
    try ImageFolder.open(request)
  }
}

/// Image files that tell their class by their folder, by a table beside them, or by their name, in an archive or on disk.
///
/// The folders are read as `FolderStructure` says, tables as `TableLabels` does, names by `ReadOptions.labelPattern`. Classes are sorted
/// by name, as torchvision sorts them, over all parts together, so that the parts agree on the indices. That order is known only after
/// the last member, so everything is read twice, and the names three times where there is a table.
enum ImageFolder {
  static func open(_ request: LayoutRequest) throws(DataError) -> OpenedLayout {
    let (name, options) = (request.container.name, request.options)
    let container = try request.container.withTables()
    let survey = ImageSurvey(options)
    let first = try container.open(last: false)
    while let member = try first.next() { try survey.add(member, first) }
    survey.otherFolders.formUnion(first.folders)
    try survey.refuseArchivesOfPieces(name: name)

    let table = try tableLabels(survey, container, options)
    let labels: FileLabels
    if let table { labels = table.labels } else { labels = try folderLabels(survey, options, name: name) }
    let (channels, shape) = commonShape(survey.forms(of: labels, table))
    let info = DatasetInfo(
      name: request.datasetName(), split: options.split, classNames: labels.classNames, shape: shape,
      countPerClass: labels.counts(table?.found ?? survey.tallies))
    var notes = (table == nil ? survey.tableNotes : []) + labels.notes + survey.notes
    if let note = first.litter.note { notes.append(note) }

    let reader = try container.open(last: true)
    var (index, image, missing) = (0, 0, 0)
    return OpenedLayout(
      info: info, channels: channels, split: labels.hasSplits ? info.split : nil,
      layout: table == nil ? nil : .imageTable, notes: notes, doubts: labels.doubts + survey.doubts,
      parts: labels.partCounts(table?.found ?? survey.tallies), place: { reader.place }
    ) { () throws(DataError) in
      while let member = try reader.next() {
        guard try ImageSurvey.isImage(member, reader) else { continue }
        defer { image += 1 }
        let place: FilePlace?
        if let table {
          guard image < table.places.count else { throw changed(reader.place) }
          place = table.places[image]
        } else {
          place = try FilePlace(of: member, options, at: reader.place)
        }
        guard let place, let label = labels.index(of: place) else { continue }
        let content = EncodedImage(file: try reader.readAll())
        defer { index += 1 }
        // A running number and not the path, which may hold what a key must not: two paths could become one key.
        return Sample(key: numberKey(index), content: .encoded(content), label: label, origin: member.fullPath)
      }
      guard let table else { return nil }
      guard image == table.places.count else { throw changed([name]) }
      guard missing < table.missing.count else { return nil }
      defer { missing += 1 }
      throw DataError(
        .badSample, at: [name, table.missing[missing].place], "the image \(table.missing[missing].file) is not there",
        remedy: "get it, or leave it out with --on-bad-sample skip")
    }
  }

  private static func changed(_ place: [String]) -> DataError {
    DataError(.io, at: place, "the input changed while it was read")
  }

  private static func folderLabels(_ survey: ImageSurvey, _ options: ReadOptions, name: String) throws(DataError)
    -> FileLabels
  {
    if options.layout == .imageTable {
      throw DataError(
        .badInput, at: [name], "there is no table in it that names the images and their labels",
        remedy: "put one beside them, such as labels.csv with the columns file and label")
    }
    do throws(DataError) {
      return try FileLabels(survey.tallies, otherFolders: survey.otherFolders, options, of: "image", name: name)
    } catch {
      // What is wrong with the table is why the folders had to tell the labels.
      guard let note = survey.tableNotes.first, error.fault == .badInput, error.problem.contains("without labels")
      else { throw error }
      throw DataError(.badInput, at: error.place, "\(error.problem); \(note)", remedy: error.remedy)
    }
  }

  /// The labels that tables tell; nil where they tell none.
  private static func tableLabels(
    _ survey: ImageSurvey, _ container: Container, _ options: ReadOptions
  ) throws(DataError) -> TableLabels? {
    let name = container.name
    let isForcedFolder = options.layout == .imageFolder
    guard options.labelPattern == nil, options.testPattern == nil, !isForcedFolder else {
      if options.labelColumn != nil || options.imageColumn != nil || !options.testFolds.isEmpty {
        throw DataError(
          .usage, at: [name],
          "columns of a table are named, and \(isForcedFolder ? "--layout image-folder" : "a pattern") says not to read one",
          remedy: "leave one of them out")
      }
      return nil
    }
    let asksForTable = options.labelColumn != nil || options.imageColumn != nil || !options.testFolds.isEmpty
    guard !survey.tables.isEmpty || asksForTable else { return nil }
    var paths: [String] = []
    let reader = try container.open(last: false)
    while let member = try reader.next() {
      if try ImageSurvey.isImage(member, reader) { paths.append(member.fullPath) }
    }
    let rows = try TableRows(survey.tables, images: ImageIndex(paths), options, name: name)
    survey.tableNotes = rows.notes
    return try TableLabels(rows, survey.folders, options, name: name, isForced: options.layout == .imageTable)
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
