internal import Datasets

/// What a trainer must know of an export and its format cannot say: `description.json`, or the metadata of safetensors.
struct ExportDescription: Encodable {
  /// The file beside, or within, an export; readers of the formats ignore it.
  static let fileName = "description.json"

  /// One field of every sample.
  struct Field: Encodable, Equatable {
    /// Its type in the format's own words: `ndarray:float32:3,32,32`, `float_list`.
    var type: String
    /// Extents of an array.
    var shape: [Int]?
    /// What it is.
    var meaning: String
  }

  var format = "pipe-export"
  var formatVersion = "1.0"
  var dataset: String
  var split: DatasetInfo.Split
  var kind: DatasetInfo.Kind
  var samples: Int
  var countsPerClass: [Int]
  var labelNames: [String]
  var labelKind: DatasetInfo.LabelKind
  /// C×H×W, or of latents.
  var shape: [Int]?
  /// Black and white as they are stored; nil for latents and spectrograms.
  var valueRange: [Int]?
  var normalization: Normalization?
  /// What a network is given: `(image / 255 - mean) / std`.
  var networkInput: String?
  var spectrogram: Spectrogram?
  var mirror: Bool?
  var formation: Formation?
  var learnedLearningRate: Double?
  var provenance: [ProvenanceStep]
  var fields: [String: Field]
  /// Fields of the samples that the format does not hold.
  var leftOut: [String]

  init(
    _ info: DatasetInfo, counts: [Int], layout: ExportLayout, fields: [String: Field], leftOut: [String]
  ) {
    dataset = info.name
    split = info.split
    kind = info.kind
    samples = counts.reduce(0, +)
    countsPerClass = counts
    labelNames = info.classNames
    labelKind = leftOut.contains("soft.npy") ? .hard : info.labelKind
    shape = layout.shape ?? info.shape
    let areFloats = layout.content == .floats
    if info.kind == .samples && info.spectrogram == nil { valueRange = areFloats ? [0, 1] : [0, 255] }
    normalization = info.normalization
    if normalization != nil { networkInput = areFloats ? "(image - mean) / std" : "(image / 255 - mean) / std" }
    spectrogram = info.spectrogram
    mirror = info.mirror
    formation = info.formation
    learnedLearningRate = info.learnedLearningRate
    provenance = info.provenance
    self.fields = fields
    self.leftOut = leftOut
  }

  /// The file's bytes.
  func encoded() -> [UInt8] { encodeJSON(self, indented: true) + [10] }
}
