public import Datasets
internal import FoundationEssentials
internal import Glibc

/// What `pipe.manifest` says of a dataset.
///
/// Without it there is no dataset. See `docs/shard-format.md`.
public struct Manifest: Codable, Sendable, Equatable {
  /// The manifest's file name: JSON inside, under an extension that no loader takes for data.
  public static let fileName = manifestFileName
  /// `sha256sum -c` reads this file.
  public static let sumsName = "SHA256SUMS"
  /// The value of `format`.
  public static let format = "pipe-shards"
  /// The version that this program writes.
  public static let version = "1.0"

  /// The name among `fields` for an image that is a JPEG file in some samples and a PNG file in others, as WebDataset's readers take it.
  public static let eitherImage = "jpg;png"

  /// One file of the dataset.
  public struct Shard: Codable, Sendable, Equatable {
    /// File name, in the manifest's own folder.
    public var name: String
    /// Size of the file.
    public var bytes: Int
    /// Number of samples in it, never 0.
    public var samples: Int
    /// SHA-256 of the file.
    public var sha256: String
    /// Key of the first sample.
    public var firstKey: String
    /// Key of the last sample.
    public var lastKey: String
    /// Size of the tar archive inside a `.tar.zst`, nil for a plain `.tar`.
    public var uncompressedBytes: Int?
    /// SHA-256 of the tar archive inside a `.tar.zst`, nil for a plain `.tar`.
    public var uncompressedSha256: String?
    /// Smallest and largest label in it; nil where nothing is said of that.
    public var labels: [Int]?
  }

  /// Always `pipe-shards`.
  public var format: String
  /// `major.minor`; a reader refuses another major version.
  public var formatVersion: String
  /// SHA-256 of this file with the digits of this value as zeros: the name of this very dataset.
  public var generation: String
  /// Always true: a dataset that is not complete has no manifest.
  public var complete: Bool
  /// Short name of the data.
  public var dataset: String
  /// Training or test split.
  public var split: DatasetInfo.Split
  /// Images or latents.
  public var kind: DatasetInfo.Kind
  /// Fields of every sample, in the order of the members; the first is `jpg;png` where some samples have the one and some the other.
  public var fields: [String]
  /// Number of samples in all shards.
  public var samples: Int
  /// Samples per class, in index order.
  public var countsPerClass: [Int]
  /// Class names in index order.
  public var labelNames: [String]
  /// Hard labels, or what `soft.npy` holds.
  public var labelKind: DatasetInfo.LabelKind
  /// C×H×W where all samples agree.
  public var shape: [Int]?
  /// Values of black and white in `npy`.
  ///
  /// `png` and `jpg` hold the same as 0…255. Nil for latents and spectrograms.
  public var valueRange: [Float]?
  /// Smallest and largest value in `npy`, where there is one: a condensed image may leave the range of the real ones.
  public var observedRange: [Float]?
  /// Per-channel constants, for pixels in `valueRange`, or for spectrograms.
  public var normalization: Normalization?
  /// How the samples were made from sound; nil for images.
  public var spectrogram: Spectrogram?
  /// Whether an image keeps its class when left and right are exchanged; nil where nobody said.
  public var mirror: Bool?
  /// What to do to each image before training.
  public var formation: Formation?
  /// Learning rate learned with the images.
  public var learnedLearningRate: Double?
  /// How the data came to be, oldest step first.
  public var provenance: [ProvenanceStep]
  /// What a run needs to know of all samples when it reads only some of them; nil where nobody measured it.
  public var measured: MeasuredSet?
  /// The files, in reading order.
  public var shards: [Shard]

  /// The description that travels with the samples.
  public var info: DatasetInfo {
    DatasetInfo(
      name: dataset, kind: kind, split: split, classNames: labelNames, shape: shape, normalization: normalization,
      spectrogram: spectrogram, mirror: mirror, formation: formation, learnedLearningRate: learnedLearningRate,
      labelKind: labelKind,
      countPerClass: countsPerClass, provenance: provenance)
  }

  /// Reads the manifest of the dataset in a folder.
  ///
  /// - Throws: `DataError`: `.noInput` when there is none, `.badInput` when it cannot be understood, or is not what was written: one changed
  ///   word can give every sample another label.
  public init(inFolder folder: String) throws(DataError) {
    try self.init(inFolder: folder, nil)
  }

  /// The same where the folder is held open.
  init(inFolder folder: String, _ handle: FolderHandle?) throws(DataError) {
    let (bytes, path) = (try Self.bytes(inFolder: folder, handle), "\(folder)/\(Self.fileName)")
    try self.init(bytes: bytes, path: path)
    // What is not understood here may have been added, and spaces may have changed: then what is understood is as it was written.
    var understood = self
    understood.formatVersion = Self.version
    let isAsWritten = [bytes, understood.encoded()].contains {
      Self.generation(of: $0, stating: generation) == generation
    }
    guard isAsWritten else {
      throw DataError(
        .badInput, at: [path],
        "was changed after it was written: it does not have the digest that its generation states",
        remedy: "copy it again; if the change is meant, pipe verify --repair --accept-manifest \(folder) takes it over")
    }
  }

  /// Whether a sample has the fields that `fields` names.
  func names(_ found: [String]) -> Bool {
    guard fields.first == Self.eitherImage, let image = found.first else { return found == fields }
    return SampleFields.imageNames.contains(image) && found.dropFirst() == fields.dropFirst()
  }

  /// The manifest's bytes, as they are in a folder; throws where there is none.
  static func bytes(inFolder folder: String, _ handle: FolderHandle? = nil) throws(DataError) -> [UInt8] {
    let path = "\(folder)/\(fileName)"
    if access(path, F_OK) != 0, errno == ENOENT || errno == ENOTDIR, access(folder, F_OK) == 0 {
      throw isFolder(folder)
        ? DataError(
          .noInput, at: [folder], "holds no \(fileName), and is no dataset without it",
          remedy: "name a folder that pipe shard -o has written to its end")
        : DataError(
          .noInput, at: [folder], "is a file, where a folder that pipe shard wrote is expected",
          remedy: "name its folder, or put a stream through pipe shard -i \(folder) -o DIR")
    }
    return try readFile(path, in: handle, atMost: 64 << 20)
  }

  /// Refuses the sound manifest of another major version.
  ///
  /// It is not damaged, and must not be written anew as one of this version.
  ///
  /// - Throws: `DataError` (`.badInput`).
  static func refuseOtherVersion(_ bytes: [UInt8], path: String) throws(DataError) {
    struct Seal: Decodable { var generation: String }
    guard let stamp = try? decodeJSON(FormatStamp.self, from: bytes, at: [path]), stamp.format == format,
      let stated = try? decodeJSON(Seal.self, from: bytes, at: [path]).generation,
      generation(of: bytes, stating: stated) == stated
    else { return }
    try stamp.check(format: format, version: version, at: [path])
  }

  init(bytes: [UInt8], path: String) throws(DataError) {
    try decodeJSON(FormatStamp.self, from: bytes, at: [path])
      .check(format: Self.format, version: Self.version, at: [path])
    if let key = repeatedKey(in: bytes) {
      throw DataError(
        .badInput, at: [path], "has the key \(key) twice, so that readers may take either for its value",
        remedy: "it is damaged or not written by pipe: make the dataset again")
    }
    self = try decodeJSON(Self.self, from: bytes, at: [path])
    func refuse(_ problem: String) -> DataError {
      DataError(.badInput, at: [path], problem, remedy: "it is damaged or not written by pipe: make the dataset again")
    }
    guard complete else { throw refuse("says that the dataset is not complete") }
    guard !labelNames.isEmpty else { throw refuse("names no labels") }
    try info.check(at: [path])
    // What is left is never more than there is, so nothing can be added up beyond what a number holds.
    var left = samples
    for shard in shards where left >= 0 { left = (0...left).contains(shard.samples) ? left - shard.samples : -1 }
    guard countsPerClass.reduce(0, +) == samples, left == 0 else {
      throw refuse("has \(samples) samples, and its classes or its shards add up to another number")
    }
    for range in [valueRange, observedRange] where range.map({ $0.count != 2 }) ?? false {
      throw refuse("has a range of values that is no pair")
    }
    for case let (shard, labels?) in shards.map({ ($0, $0.labels) }) {
      guard labels.count == 2, labels[0] <= labels[1], labelNames.indices.contains(labels[0]),
        labelNames.indices.contains(labels[1])
      else { throw refuse("gives \(shard.name) labels that are no two of its classes in order") }
    }
    if let measured, measured.source.utf8.count != 64 || !measured.isUsable(for: info) {
      throw refuse("measured something else than images of \(shape.map(shapeText) ?? "one shape")")
    }
    for shard in shards where shard.name.contains("/") || shard.name.hasPrefix(".") {
      throw refuse("names a shard outside its folder: \(shard.name)")
    }
  }

  init(
    info: DatasetInfo, fields: [String], counts: [Int], observedRange: [Float]?, measured: MeasuredSet? = nil,
    shards: [Shard]
  ) {
    format = Self.format
    formatVersion = Self.version
    generation = String(repeating: "0", count: 64)
    complete = true
    dataset = info.name
    split = info.split
    kind = info.kind
    self.fields = fields
    samples = counts.reduce(0, +)
    countsPerClass = counts
    labelNames = info.classNames
    labelKind = fields.contains("soft.npy") ? info.labelKind : .hard
    shape = info.shape
    valueRange = info.kind == .samples && info.spectrogram == nil ? [0, 1] : nil
    self.observedRange = observedRange
    normalization = info.normalization
    spectrogram = info.spectrogram
    mirror = info.mirror
    formation = info.formation
    learnedLearningRate = info.learnedLearningRate
    provenance = info.provenance
    self.measured = measured
    self.shards = shards
    generation = sha256(encoded())
  }

  /// The manifest as JSON text, one key a line.
  public var json: String { String(decoding: encoded(), as: UTF8.self) }

  /// The file's bytes.
  func encoded() -> [UInt8] {
    encodeJSON(self, indented: true) + [10]
  }

  /// The generation that these bytes of a manifest should state, given the one that they do.
  static func generation(of bytes: [UInt8], stating stated: String) -> String? {
    var blanked = bytes
    let quoted = Array("\"\(stated)\"".utf8)
    guard stated.utf8.count == 64,
      let start = bytes.indices.first(where: { bytes[$0...].starts(with: quoted) })
    else { return nil }
    blanked.replaceSubrange(start + 1..<start + 65, with: repeatElement(48, count: 64))
    return sha256(blanked)
  }

  /// The lines of `SHA256SUMS`: every shard, then the manifest.
  func sums(manifestBytes: [UInt8]) -> [UInt8] {
    var text = ""
    for shard in shards { text += "\(shard.sha256)  \(shard.name)\n" }
    text += "\(sha256(manifestBytes))  \(Self.fileName)\n"
    return Array(text.utf8)
  }
}

/// A whole small file.
///
/// - Throws: `DataError` (`.noInput`, `.io`, or `.badInput` beyond `limit` bytes).
func readFile(_ path: String, in folder: FolderHandle? = nil, atMost limit: Int) throws(DataError) -> [UInt8] {
  let file = try FileInput(path, in: folder)
  let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
  defer { chunk.deallocate() }
  var bytes: [UInt8] = []
  while true {
    let count = try file.read(into: chunk)
    if count == 0 { return bytes }
    bytes.append(contentsOf: chunk[..<count])
    guard bytes.count <= limit else { throw DataError(.badInput, at: [path], "is larger than \(limit) bytes") }
  }
}
