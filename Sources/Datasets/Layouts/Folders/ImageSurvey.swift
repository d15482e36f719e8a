/// What the first pass over a folder of images finds out.
final class ImageSurvey {
  private let options: ReadOptions
  private var found: [FilePlace: (tally: FileTally, shapes: Set<[Int]>)] = [:]
  private var others = 0
  /// Folders that hold something else than images, or nothing.
  var otherFolders: Set<[String]> = []
  /// Tables beside the images.
  var tables: [RawTable] { kept.tables }
  private var kept = KeptTables()
  /// What is to be said of the tables where folders tell the labels.
  var tableNotes: [String] = []
  /// Archives whose images stand in no folder.
  private var archives: Set<String> = []
  /// Archives beside the images, which are not entered.
  private var besides: [String] = []
  // Hashes of 64 bits instead of the paths, as in `WebDatasetReader`.
  private var paths: Set<Int> = []

  init(_ options: ReadOptions) { self.options = options }

  /// Whether a file is taken for an image: by its first bytes, or by a name that promises one.
  static func isImage(_ member: Member, _ reader: MemberReader) throws(DataError) -> Bool {
    if hasImageExtension(member.basename) { return true }
    return isImageFile(named: "", firstBytes: try reader.start(EncodedImage.Format.signatureLength))
  }

  func add(_ member: Member, _ reader: MemberReader) throws(DataError) {
    guard try Self.isImage(member, reader) else { return try addOther(member, reader) }
    guard paths.insert(Array(member.fullPath.utf8).hashValue).inserted else {
      throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
    }
    if member.isInClassArchive, let archive = member.archives.last { archives.insert(archive) }
    let image = EncodedImage(file: try reader.readAll())
    // Photographs have thousands of sizes; one more than one says enough.
    let place = try FilePlace(of: member, options, at: reader.place)
    var known = found[place] ?? (FileTally(), [])
    known.tally.add(member.basename, image.bytes)
    if let shape = image.surveyedShape(options),
      known.shapes.count < 4 || !known.shapes.contains(where: { $0[0] == shape[0] })
    {
      known.shapes.insert(shape)
    }
    found[place] = known
  }

  private func addOther(_ member: Member, _ reader: MemberReader) throws(DataError) {
    others += 1
    let folder = member.foldersAbove
    otherFolders.insert(folder)
    if isArchiveName(member.basename) { besides.append(member.fullPath) }
    try kept.add(member, reader, beside: "image", remedy: "read the folders as classes with --layout image-folder")
  }

  /// How many images there are where.
  var tallies: [FilePlace: FileTally] { found.mapValues(\.tally) }

  /// The same by folder.
  var folders: [[String]: FileTally] { Dictionary(found.map { ($0.folder, $1.tally) }, uniquingKeysWith: +) }

  /// The shapes of the images that are read.
  func forms(of labels: FileLabels, _ table: TableLabels?) -> Set<[Int]> {
    var forms: Set<[Int]> = []
    let folders = table?.folders(of: labels)
    for (place, kind) in found where folders?.contains(place.folder) ?? (labels.index(of: place) != nil) {
      forms.formUnion(kind.shapes)
    }
    return forms
  }

  /// What it shall say where another reading was possible.
  var doubts: [String] {
    var doubts = archives.isEmpty ? [] : ["every archive is a class: \(someOf(archives.sorted()))"]
    if let archive = besides.first {
      doubts.append(
        "\(counted(besides.count, "archive")) beside the images \(besides.count == 1 ? "was" : "were") not entered, such as \(archive); "
          + "unpack \(besides.count == 1 ? "it" : "them"), or give each input with -i")
    }
    doubts += kept.doubts(of: "image")
    return doubts
  }

  /// What the log shall say.
  var notes: [String] {
    var notes: [String] = []
    let rest = others - tables.count
    if rest > 0 {
      notes.append(
        "\(counted(rest, "file")) that \(rest == 1 ? "is not an image was" : "are not images were") skipped")
    }
    return notes
  }

  /// Refuses archives of images without folders whose names say that they are pieces of one dataset.
  func refuseArchivesOfPieces(name: String) throws(DataError) {
    guard archives.count > 1, tables.isEmpty, options.labelPattern == nil else { return }
    let isPiece = archives.filter { archive in
      let words = archive.lowercased().split { !$0.isLetter }.map(String.init)
      return words.isEmpty || words.contains { pieceWords.contains($0) || isGenericFolder($0) }
    }
    guard !isPiece.isEmpty || pieces(among: archives.sorted()).count == archives.count else { return }
    throw DataError(
      .badInput, at: [name],
      "images without labels: the archives \(someOf(archives.sorted())) hold images in no folder, and their names are no classes",
      remedy: "put each image into a folder with its class's name, or a table of labels beside the archives")
  }
}
