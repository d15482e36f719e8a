/// What the first pass over a folder of sounds finds out.
struct ClipSurvey {
  private let options: ReadOptions
  private(set) var found: [FilePlace: FileTally] = [:]
  private var others = 0
  /// Folders that hold something else than clips, or nothing.
  private(set) var otherFolders: Set<[String]> = []
  /// Tables, and lists of the clips of a part.
  var tables: [RawTable] { kept.tables }
  private var kept = KeptTables()
  /// The rate of all clips, and the first of them.
  private(set) var rate: Int?
  private var firstPath = ""
  /// What is wrong with the first clip that cannot be read.
  private(set) var firstBad: DataError?
  /// The name of one of the clips.
  private(set) var example = ""
  /// Hashes of the clips' paths.
  ///
  /// Of 64 bits, instead of the paths, as in `WebDatasetReader`.
  private(set) var paths: Set<Int> = []
  private var noises = 0

  /// The folder of Google's Speech Commands with minutes of noise to be mixed with the words; they are not a class.
  private static let noiseFolder = "_background_noise_"

  init(_ options: ReadOptions) { self.options = options }

  /// Whether a member is read as a clip.
  static func isClip(_ member: Member, _ options: ReadOptions) -> Bool {
    isSound(member) && !isNoise(member.foldersAbove, options)
  }

  private static func isSound(_ member: Member) -> Bool {
    Clip.extensions.contains(member.basename.lowercased().lastPart)
  }

  /// Whether files in these folders are noises, which nobody named as a class to keep.
  private static func isNoise(_ folders: [String], _ options: ReadOptions) -> Bool {
    folders.contains(noiseFolder) && !options.classes.contains(noiseFolder)
  }

  mutating func add(_ member: Member, _ reader: MemberReader) throws(DataError) {
    guard !Self.isNoise(member.foldersAbove, options) else {
      if Self.isSound(member) { noises += 1 } else { others += 1 }
      return
    }
    guard Self.isSound(member) else { return try addOther(member, reader) }
    guard paths.insert(Array(member.fullPath.utf8).hashValue).inserted else {
      throw DataError(.badInput, at: reader.place, "the file occurs twice", remedy: "pack the archive again")
    }
    let clip = Clip(bytes: try reader.readAll())
    if example.isEmpty { example = member.basename }
    found[try FilePlace(of: member, options, at: reader.place), default: FileTally()].add(member.basename, clip.bytes)
    let ownRate: Int
    do throws(DataError) {
      ownRate = try located(reader.place) { () throws(DataError) in try clip.sampleRate() }
    } catch {
      // A bad clip is found again when it is decoded, and counted there.
      guard error.fault == .badInput else { throw error }
      if firstBad == nil { firstBad = error }
      return
    }
    if let rate, rate != ownRate {
      throw DataError(
        .badInput, at: reader.place,
        "a clip of \(grouped(ownRate)) Hz, where \(firstPath) has \(grouped(rate)) Hz: their spectrograms would have different rows",
        remedy: "resample them to one rate")
    }
    if rate == nil { (rate, firstPath) = (ownRate, member.fullPath) }
  }

  private mutating func addOther(_ member: Member, _ reader: MemberReader) throws(DataError) {
    if let foreign = Clip.foreign(member.path, at: reader.place) { throw foreign }
    others += 1
    otherFolders.insert(member.foldersAbove)
    try kept.add(member, reader, beside: "clip", remedy: "move them away")
  }

  /// Notes folders that were met on the way, also those without a file.
  mutating func addFolders(_ folders: Set<[String]>) {
    otherFolders.formUnion(folders.filter { !Self.isNoise($0, options) })
  }

  /// What the log shall say; `read` is how many tables were read.
  func notes(read: Int) -> [String] {
    var notes: [String] = []
    if noises > 0 {
      let isOne = noises == 1
      notes.append(
        "\(Self.noiseFolder): \(counted(noises, "file")) of noise \(isOne ? "was" : "were") left out: \(isOne ? "it is" : "they are") not a class"
      )
    }
    notes += kept.doubts(of: "clip")
    let rest = others - read
    if rest > 0 {
      notes.append(
        rest == 1
          ? "1 file that is not a clip was skipped" : "\(grouped(rest)) files that are not clips were skipped")
    }
    return notes
  }
}
