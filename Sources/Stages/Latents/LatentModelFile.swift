public import Datasets
public import Methods
import Networks
import Shards
public import Tensors

/// A Koopcon model as it lies in a file: weights, and everything that is needed to use them.
///
/// The file is a `ModelFile`.
public struct LatentModelFile: Sendable {
  /// What the metadata says.
  public struct Description: Codable, Sendable, Equatable {
    /// Name of the data that the model was fitted to.
    public var dataset: String
    /// Class names in index order.
    public var classNames: [String]
    /// C×H×W of the images.
    public var shape: [Int]
    /// What images are shifted and scaled by, in units of `valueRange`.
    public var normalization: Normalization
    /// Values of black and white.
    public var valueRange: [Float] = [0, 1]
    /// `shallow`, `medium` or `deep`.
    public var depth: String
    /// `plain` or `variational`.
    public var form: String
    /// Length of a latent.
    public var latent: Int
    /// Feature maps at full size.
    public var filters: Int
    /// Heads of the attention.
    public var heads: Int
    /// Consecutive samples of a class that attend to each other.
    public var attentionChunk: Int
    /// n'_c: latents that are made of each class.
    public var condensedPerClass: [Int]
    /// The formation whose tiles their images are; nil where each of them is an image of its own.
    public var formation: Formation?
    /// n_c: samples of each class that T_c was fitted to.
    public var samplesPerClass: [Int]
    /// Digest of the keys of each class, in archive order; see `KeyDigest`.
    public var keyDigests: [String]
    /// How the model came to be, oldest step first.
    public var provenance: [ProvenanceStep]

    /// Whether its images keep their class when left and right are exchanged; nil where nobody said.
    public var mirror: Bool? { provenance.last?.options["mirror"].map { $0 == "yes" } }
  }

  /// Autoencoders of version 1 have no linear path: its weights are 0.
  static let majorVersion = 2

  /// The method whose models these are.
  public static let method = Koopcon.name

  /// The model.
  public let model: KoopconModel
  /// What it was fitted to, and how.
  public let description: Description
  /// SHA-256 of the file.
  public let digest: String
  /// The file's bytes.
  public let bytes: [UInt8]

  /// A model that has just been fitted to the samples in `store`.
  public init(
    _ model: KoopconModel, formation: Formation, of info: DatasetInfo, fittedTo store: ClassStore,
    provenance step: ProvenanceStep
  ) throws(DataError) {
    self.model = model
    let options = model.autoencoder.options
    description = Description(
      dataset: info.name, classNames: store.classNames, shape: [options.channels, options.height, options.width],
      normalization: model.normalization,
      depth: options.depth.rawValue, form: options.form.rawValue, latent: options.latent, filters: options.filters,
      heads: model.attention.heads, attentionChunk: KoopconModel.attentionChunk,
      condensedPerClass: model.maps.map { $0.shape[0] }, formation: formation.factor == 1 ? nil : formation,
      samplesPerClass: model.maps.map { $0.shape[1] },
      keyDigests: (0..<store.classCount).map { label in
        let digest = KeyDigest()
        for index in 0..<store.count(ofClass: label) { digest.add(store.key(ofClass: label, at: index)) }
        return digest.finish()
      }, provenance: info.provenance + [step])
    var tensors = ["latent.mean": model.mean, "latent.deviation": model.deviation]
    for (entry, value) in zip(options.parameterShapes, model.autoencoder.parameters) { tensors[entry.name] = value }
    for (name, value) in zip(SelfAttention.parameterNames, model.attention.parameters) {
      tensors["attention.\(name)"] = value
    }
    for (label, map) in model.maps.enumerated() { tensors["map.\(label)"] = map }
    let file = try ModelFile(of: Self.method, majorVersion: Self.majorVersion, description, tensors: tensors)
    (bytes, digest) = (file.bytes, file.digest)
  }

  /// Reads a file.
  ///
  /// Throws where it is missing, damaged, of another kind or version, where its tensors are not those of its description, or where
  /// their values cannot be.
  public init(contentsOf path: String) throws(DataError) {
    let file = try ModelFile<Description>(contentsOf: path, of: Self.method, upTo: Self.majorVersion)
    let description = file.description
    self.description = description
    guard description.shape.count == 3, description.shape.allSatisfy({ (1...65_535).contains($0) }),
      description.shape[1] > 1, description.shape[2] > 1, (1...1 << 20).contains(description.latent),
      (1...4096).contains(description.filters), description.heads > 0, description.latent % description.heads == 0,
      let depth = AutoencoderOptions.Depth(rawValue: description.depth),
      let form = AutoencoderOptions.Form(rawValue: description.form),
      description.normalization.mean.count == description.shape[0],
      description.normalization.std.count == description.shape[0],
      description.normalization.std.allSatisfy({ $0 > 0 }),
      description.attentionChunk == KoopconModel.attentionChunk,
      [description.samplesPerClass.count, description.condensedPerClass.count, description.keyDigests.count]
        .allSatisfy({ $0 == description.classNames.count }), !description.classNames.isEmpty,
      description.formation.map({ formation in
        formation.kind != .multi && (2...Formation.maxFactor).contains(formation.factor)
          && formation.fits(height: description.shape[1], width: description.shape[2])
          && description.condensedPerClass.allSatisfy { $0 % formation.finest.count == 0 }
      }) ?? true
    else { throw file.refuse("describes a model that cannot be") }
    let options = AutoencoderOptions(
      channels: description.shape[0], height: description.shape[1], width: description.shape[2], depth: depth,
      form: form, latent: description.latent, filters: description.filters)
    var parameters: [Tensor] = []
    for entry in options.parameterShapes {
      let names = AutoencoderOptions.linearNames
      let isMissing = file.majorVersion == 1 && [names.encoder, names.decoder].contains(entry.name)
      parameters.append(isMissing ? .zeros(entry.shape) : try file.tensor(entry.name, entry.shape))
    }
    var attention: [Tensor] = []
    for name in SelfAttention.parameterNames {
      attention.append(try file.tensor("attention.\(name)", [description.latent, description.latent]))
    }
    var maps: [Tensor] = []
    for label in description.classNames.indices {
      maps.append(
        try file.tensor("map.\(label)", [description.condensedPerClass[label], description.samplesPerClass[label]]))
    }
    model = KoopconModel(
      autoencoder: Autoencoder(options, parameters: parameters),
      attention: SelfAttention(heads: description.heads, parameters: attention),
      mean: try file.tensor("latent.mean", [description.latent]),
      deviation: try file.positiveTensor("latent.deviation", [description.latent]), maps: maps,
      normalization: description.normalization)
    (bytes, digest) = (file.bytes, file.digest)
  }

  /// Checks that a stream of images is what the model was fitted to.
  ///
  /// Throws with both shapes or both lists of classes where it is not.
  public func check(images info: DatasetInfo) throws(DataError) {
    guard info.kind == .samples else {
      throw DataError(
        .badInput, at: [info.name], "holds latents already", remedy: "leave out the second pipe encode")
    }
    try checkClasses(info)
    if let shape = info.shape { try check(imageShape: shape, of: info.name) }
  }

  /// How often latents must have been attended to before a verb takes them.
  public enum Attention: Sendable {
    /// Not yet.
    case none
    /// Exactly once.
    case once
    /// The verb does not mind.
    case any
  }

  /// Checks that a stream of latents is of this model's kind, and as far on its way as `attention` asks.
  ///
  /// Its history is looked at from the last `encode` on; latents without one, or without a model in it, are someone's own and may be
  /// anything.
  /// Throws with both shapes, both lists of classes or both models where it is not.
  public func check(latents info: DatasetInfo, attention: Attention = .any) throws(DataError) {
    guard info.kind == .latents else {
      throw DataError(
        .badInput, at: [info.name], "holds images, where latents are expected",
        remedy: "put pipe encode -m MODEL before it")
    }
    try checkClasses(info)
    if let shape = info.shape { try check(latentShape: shape, of: info.name) }
    try check(historyOf: info, attention)
  }

  private func check(historyOf info: DatasetInfo, _ attention: Attention) throws(DataError) {
    guard let first = info.provenance.lastIndex(where: { $0.verb == "encode" }),
      info.provenance[first].digests["model"] != nil
    else { return }
    let steps = info.provenance[first...]
    for step in steps {
      guard let other = step.digests["model"], other != digest else { continue }
      throw DataError(
        .badInput, at: [info.name],
        "pipe \(step.verb) had the model \(other.prefix(12)), and this one is \(digest.prefix(12))",
        remedy: "give one model to every step, from pipe encode on")
    }
    let count = steps.count(where: { $0.verb == "attend" })
    switch attention {
    case .none where count > 0:
      throw DataError(
        .badInput, at: [info.name], "has been through pipe attend already", remedy: "leave out the second pipe attend")
    case .once where count == 0:
      throw DataError(
        .badInput, at: [info.name], "has not been through pipe attend", remedy: "put pipe attend -m MODEL before it")
    case .once where count > 1:
      throw DataError(
        .badInput, at: [info.name], "has been through pipe attend \(count) times", remedy: "keep one pipe attend")
    default: break
    }
  }

  /// Checks that latents are of the images that the model was fitted to, in their order; those whose history does not say of which they are
  /// may be anyone's.
  ///
  /// To be called when the last of them was read, for only then `encode` knows what it has read.
  public func check(encoded info: DatasetInfo) throws(DataError) {
    guard let images = info.provenance.last(where: { $0.verb == "encode" })?.digests["source"],
      let own = description.provenance.last?.digests["source"], images != own
    else { return }
    throw DataError(
      .badInput, at: [info.name],
      "was encoded from other images than those that the model was fitted to, or from these in another order:"
        + " their SHA-256 is \(images.prefix(16))…, not \(own.prefix(16))…",
      remedy: "encode the data that pipe fit read, read as it was, or fit a model to these")
  }

  /// The formation that the images of latents are tiles of, where they have been through `pipe condense -m` with this model; nil
  /// where each is an image of its own.
  public func formation(of info: DatasetInfo) -> Formation? {
    let encoded = info.provenance.lastIndex { $0.verb == "encode" } ?? 0
    let isCondensed = info.provenance[encoded...].contains { $0.verb == "condense" && $0.digests["model"] == digest }
    return isCondensed ? description.formation : nil
  }

  func check(imageShape shape: [Int], of place: String) throws(DataError) {
    try Stages.check(imageShape: shape, of: place, against: description.shape, "the model takes")
  }

  func check(latentShape shape: [Int], of place: String) throws(DataError) {
    guard shape == [description.latent] else {
      throw DataError(
        .badInput, at: [place],
        "has latents of shape \(shapeText(shape)), and the model's are of \(description.latent)",
        remedy: "encode with the same model")
    }
  }

  private func checkClasses(_ info: DatasetInfo) throws(DataError) {
    guard info.classNames == description.classNames else {
      throw DataError(
        .badInput, at: [info.name],
        "has the classes \(info.classNames.joined(separator: ", ")), and the model "
          + description.classNames.joined(separator: ", "), remedy: "choose the same classes with --classes")
    }
  }
}

extension Koopcon: FittedMethod {
  /// See `FittedMethod`.
  public func fitted(
    to store: ClassStore, of info: DatasetInfo, counts: [Int], normalization: Normalization,
    using random: RandomSource, control: RunControl, history: FittedHistory
  ) throws -> FittedModel {
    let fit = try fit(store, counts: counts, normalization: normalization, using: random, control: control)
    let file = try LatentModelFile(
      fit.model, formation: formation, of: info, fittedTo: store, provenance: try history(fit.steps, fit.lastReport))
    return FittedModel(bytes: file.bytes, summary: file.summary)
  }
}

extension LatentModelFile {
  /// `koopcon, shallow autoencoder, 3×32×32 to 512, 10 classes`.
  public var summary: String {
    "\(Self.method), \(description.depth) autoencoder, \(shapeText(description.shape)) to \(description.latent), "
      + "\(description.classNames.count) classes, fitted to \(description.dataset)"
  }
}

/// SHA-256 over the keys of samples, one after the other, each ended by a line feed.
public struct KeyDigest {
  private let hash = SHA256()

  /// Of no keys.
  public init() {}

  /// Takes the next key.
  public func add(_ key: String) {
    Array("\(key)\n".utf8).withUnsafeBytes { hash.update($0) }
  }

  /// The digits; call once, at the end.
  public func finish() -> String { hash.finish() }
}
