public import Datasets
import Foundation
public import Methods
import Networks
import Shards
import Tensors

/// A pre-trained model of Expansive Synthesis as it lies in a file: weights, and everything that is needed to use them.
///
/// The file is in the safetensors format (`TensorFile`). Its metadata has `format` and `format_version`, `method`, and
/// `description`, the JSON of `ExpansiveFile.Description`.
public struct ExpansiveFile: Sendable {
  /// What the metadata says.
  public struct Description: Codable, Sendable, Equatable {
    /// Name of the data that the model was pre-trained on.
    public var dataset: String
    /// C×H×W of the images.
    public var shape: [Int]
    /// What those images were shifted and scaled by, in units of `valueRange`; other data are by their own numbers.
    public var normalization: Datasets.Normalization
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

  static let method = "expansive"

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
    _ model: ExpansiveModel, of info: DatasetInfo, normalization: Methods.Normalization, provenance step: ProvenanceStep
  ) {
    self.model = model
    let options = model.autoencoder.options
    description = Description(
      dataset: info.name, shape: [options.channels, options.height, options.width],
      normalization: Datasets.Normalization(mean: normalization.mean, std: normalization.deviation),
      setting: model.setting.rawValue, slots: model.attention.slots, patch: model.attention.patch,
      filters: options.filters, maps: options.maps, provenance: info.provenance + [step])
    var tensors = ["latent.mean": model.mean, "latent.deviation": model.deviation]
    for (entry, value) in zip(options.weightShapes, model.autoencoder.weights) { tensors[entry.name] = value }
    for (name, value) in zip(SelfAttention.parameterNames, model.attention.attention.parameters) {
      tensors["attention.\(name)"] = value
    }
    if let placement = model.placement { tensors["placement.weight"] = placement }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    guard let text = try? encoder.encode(description) else {
      preconditionFailure("the description of a model cannot be written as JSON: \(description)")
    }
    bytes = TensorFile(
      tensors: tensors,
      metadata: [
        "format": KoopconFile.format, "format_version": KoopconFile.formatVersion, "method": Self.method,
        "description": String(decoding: text, as: UTF8.self),
      ]
    ).encoded()
    digest = sha256(bytes)
  }

  /// Reads a file.
  ///
  /// Throws where it is missing, damaged, of another kind or version, or where its tensors are not those of its description.
  public init(contentsOf path: String) throws(DataError) {
    let file = try TensorFile(contentsOf: path)
    func refuse(_ problem: String) -> DataError {
      DataError(.badInput, at: [path], problem, remedy: "make it again with pipe fit --method \(Self.method)")
    }
    guard file.metadata["format"] == KoopconFile.format else {
      throw refuse("holds tensors, but no model of this program")
    }
    guard let version = file.metadata["format_version"], version.split(separator: ".").first == "1" else {
      throw refuse(
        "has format version \(file.metadata["format_version"] ?? "none"), and this program reads "
          + KoopconFile.formatVersion)
    }
    guard file.metadata["method"] == Self.method else {
      throw refuse("is a model of the method \(file.metadata["method"] ?? "none"), not of \(Self.method)")
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let text = file.metadata["description"],
      let description = try? decoder.decode(Description.self, from: Data(text.utf8))
    else { throw refuse("has no description that can be read") }
    self.description = description
    let shape = description.shape
    guard shape.count == 3, shape.allSatisfy({ (1...65_535).contains($0) }),
      let setting = ExpansiveModel.Setting(rawValue: description.setting),
      (1...4096).contains(description.filters), (1...4096).contains(description.maps),
      (4...64).contains(description.slots), description.slots % 2 == 0, description.maps % description.slots == 0,
      (1...64).contains(description.patch)
    else { throw refuse("describes a model that cannot be") }
    let options = MapAutoencoderOptions(
      channels: shape[0], height: shape[1], width: shape[2], filters: description.filters, maps: description.maps,
      multiple: description.patch)
    func tensor(_ name: String, _ shape: [Int]) throws(DataError) -> Tensor {
      guard let tensor = file.tensors[name] else { throw refuse("lacks the tensor \(name)") }
      guard tensor.shape == shape else {
        throw refuse("holds \(name) as \(tensor.shape), where its description asks for \(shape)")
      }
      return tensor
    }
    var weights: [Tensor] = []
    for entry in options.weightShapes { weights.append(try tensor(entry.name, entry.shape)) }
    let width = PatchAttention.width(setting.kind, channels: options.maps, patch: description.patch)
    var matrices: [Tensor] = []
    for name in SelfAttention.parameterNames { matrices.append(try tensor("attention.\(name)", [width, width])) }
    let placement =
      setting.hasGraph
      ? try tensor("placement.weight", [options.maps, description.slots * options.maps, 3, 3]) : nil
    model = ExpansiveModel(
      setting, autoencoder: MapAutoencoder(options, weights: weights),
      attention: PatchAttention(
        setting.kind, slots: description.slots, channels: options.maps, patch: description.patch,
        attention: SelfAttention(heads: setting.isMultiHead ? description.slots : 1, parameters: matrices)),
      placement: placement, mean: try tensor("latent.mean", [options.maps]),
      deviation: try tensor("latent.deviation", [options.maps]))
    bytes = file.encoded()
    digest = sha256(bytes)
  }

  /// Checks that images of `shape` (C×H×W), from `place`, are such as the model takes; throws with both shapes.
  public func check(imageShape shape: [Int], of place: String) throws(DataError) {
    try checkSimilar(shape, of: place, to: description.shape, "the model takes")
  }
}

/// Throws with both shapes where images are not of the shape that is expected.
func checkSimilar(
  _ shape: [Int], of place: String, to expected: [Int], _ whose: String
) throws(DataError) {
  guard shape != expected else { return }
  func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
  throw DataError(
    .badInput, at: [place], "has images of \(text(shape)) (C×H×W), and \(whose) \(text(expected))",
    remedy: shape.first == expected.first
      ? "give --resize \(expected[1])x\(expected[2])" : "take images with as many channels")
}
