public import Datasets
public import Methods
import Networks
public import Tensors

/// A pre-trained model of Expansive Synthesis as it lies in a file: weights, and everything that is needed to use them.
///
/// The file is a `ModelFile`.
public struct ExpansionModelFile: Sendable {
  /// What the metadata says.
  public struct Description: Codable, Sendable, Equatable {
    /// Name of the data that the model was pre-trained on.
    public var dataset: String
    /// Its class names in index order, of which nothing was learned.
    public var classNames: [String]
    /// C×H×W of the images.
    public var shape: [Int]
    /// What those images were shifted and scaled by, in units of `valueRange`; other data are by their own numbers.
    public var normalization: Normalization
    /// Values of black and white.
    public var valueRange: [Float] = [0, 1]
    /// One of `ExpansiveModel.Setting`.
    public var setting: String
    /// Features that the attention's result is split into, L.
    public var slots: Int
    /// Side of a patch, P.
    public var patch: Int
    /// Feature maps at full size.
    public var filters: Int
    /// Feature maps of a latent.
    public var maps: Int
    /// How the model came to be, oldest step first.
    public var provenance: [ProvenanceStep]
  }

  static let method = ExpansiveSynthesis.name

  /// The model, with γ = 1 and β = 0.
  public let model: ExpansiveModel
  /// What it was pre-trained on, and how.
  public let description: Description
  /// SHA-256 of the file.
  public let digest: String
  /// The file's bytes.
  public let bytes: [UInt8]

  /// A model that has just been pre-trained on the data that `info` describes.
  public init(
    _ model: ExpansiveModel, of info: DatasetInfo, normalization: Normalization, provenance step: ProvenanceStep
  ) throws(DataError) {
    self.model = model
    let options = model.autoencoder.options
    description = Description(
      dataset: info.name, classNames: info.classNames, shape: [options.channels, options.height, options.width],
      normalization: normalization,
      setting: model.setting.rawValue, slots: model.attention.slots, patch: model.attention.patch,
      filters: options.filters, maps: options.maps, provenance: info.provenance + [step])
    var tensors = ["latent.mean": model.mean, "latent.deviation": model.deviation]
    for (entry, value) in zip(options.weightShapes, model.autoencoder.weights) { tensors[entry.name] = value }
    for (name, value) in zip(SelfAttention.parameterNames, model.attention.attention.parameters) {
      tensors["attention.\(name)"] = value
    }
    if let placement = model.placement { tensors["placement.weight"] = placement }
    let file = try ModelFile(of: Self.method, description, tensors: tensors)
    (bytes, digest) = (file.bytes, file.digest)
  }

  /// Reads a file.
  ///
  /// Throws where it is missing, damaged, of another kind or version, or where its tensors are not those of its description.
  public init(contentsOf path: String) throws(DataError) {
    let file = try ModelFile<Description>(contentsOf: path, of: Self.method)
    let description = file.description
    self.description = description
    let shape = description.shape
    guard shape.count == 3, shape.allSatisfy({ (1...65_535).contains($0) }),
      let setting = ExpansiveModel.Setting(rawValue: description.setting),
      (1...4096).contains(description.filters), (1...4096).contains(description.maps),
      (4...64).contains(description.slots), description.slots % 2 == 0, description.maps % description.slots == 0,
      (1...64).contains(description.patch)
    else { throw file.refuse("describes a model that cannot be") }
    let options = MapAutoencoderOptions(
      channels: shape[0], height: shape[1], width: shape[2], filters: description.filters, maps: description.maps,
      multiple: description.patch)
    var weights: [Tensor] = []
    for entry in options.weightShapes { weights.append(try file.tensor(entry.name, entry.shape)) }
    let width = PatchAttention.width(setting.kind, channels: options.maps, patch: description.patch)
    var matrices: [Tensor] = []
    for name in SelfAttention.parameterNames { matrices.append(try file.tensor("attention.\(name)", [width, width])) }
    let placement =
      setting.hasGraph
      ? try file.tensor("placement.weight", [options.maps, description.slots * options.maps, 3, 3]) : nil
    model = ExpansiveModel(
      setting, autoencoder: MapAutoencoder(options, weights: weights),
      attention: PatchAttention(
        setting.kind, slots: description.slots, channels: options.maps, patch: description.patch,
        attention: SelfAttention(heads: setting.isMultiHead ? description.slots : 1, parameters: matrices)),
      placement: placement, mean: try file.tensor("latent.mean", [options.maps]),
      deviation: try file.positiveTensor("latent.deviation", [options.maps]))
    (bytes, digest) = (file.bytes, file.digest)
  }

  /// Checks that images of `shape` (C×H×W), from `place`, are such as the model takes; throws with both shapes.
  public func check(imageShape shape: [Int], of place: String) throws(DataError) {
    try Stages.check(imageShape: shape, of: place, against: description.shape, "the model takes")
  }
}

extension ExpansionModelFile {
  /// `expansive, setting mhsa+sc+egm, 1×28×28, pre-trained on mnist`.
  public var summary: String {
    "\(Self.method), setting \(description.setting), \(shapeText(description.shape)), pre-trained on \(description.dataset)"
  }

  fileprivate var pretrained: PretrainedModel {
    PretrainedModel(file: FittedModel(bytes: bytes, summary: summary), digest: digest, shape: description.shape)
  }
}

extension ExpansiveSynthesis: PretrainedMethod {
  /// See `PretrainedMethod`.
  public mutating func begin(withModelAt path: String) throws(DataError) -> PretrainedModel {
    let file = try ExpansionModelFile(contentsOf: path)
    take(file.model)
    return file.pretrained
  }

  /// See `PretrainedMethod`.
  public mutating func pretrain(
    on similar: ClassStore, of info: DatasetInfo, using random: RandomSource, control: RunControl,
    history: FittedHistory
  ) throws -> PretrainedModel {
    let normalization = Normalization.measured(on: similar)
    let result = try pretrained(on: similar, normalization: normalization, using: random, control: control)
    let file = try ExpansionModelFile(
      result.model, of: info, normalization: normalization, provenance: try history(result.steps, result.lastReport))
    take(result.model)
    return file.pretrained
  }
}
