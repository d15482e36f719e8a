public import Datasets
public import Methods
import Networks
import Shards
import Tensors

/// Trajectories as they lie in a file: the weights of every snapshot, and everything that is needed to use them.
///
/// The file is a `ModelFile`. Snapshot e of network n has the tensors `network.n.epoch.e.parameter.i` and, with batch norm,
/// `network.n.epoch.e.buffer.i`, in the order of `Architecture.parameterShapes` and `bufferShapes`.
public struct TrajectoryFile: Sendable {
  /// What the metadata says.
  public struct Description: Codable, Sendable, Equatable {
    /// Name of the data that the networks were trained on.
    public var dataset: String
    /// Class names in index order.
    public var classNames: [String]
    /// C×H×W of the images.
    public var shape: [Int]
    /// What images are shifted and scaled by, in units of `valueRange`.
    public var normalization: Normalization
    /// Values of black and white.
    public var valueRange: [Float] = [0, 1]
    /// The options of the network as they would be typed: `net`, `norm`, `width`, `depth`.
    public var network: [String: String]
    /// Number of networks.
    public var networks: Int
    /// Epochs of each; there is one snapshot more.
    public var epochs: Int
    /// SHA-256 of the images, as `ClassStore` has it.
    public var source: String
    /// How the networks came to be, oldest step first.
    public var provenance: [ProvenanceStep]
  }

  static let method = TrajectoryTraining.name

  /// The networks.
  public let trajectories: Trajectories
  /// What they were trained on, and how.
  public let description: Description
  /// SHA-256 of the file.
  public let digest: String
  /// The file's bytes.
  public let bytes: [UInt8]
  private let path: String

  /// Trajectories that have just been trained on the images in `store`, which `info` describes.
  public init(
    _ trajectories: Trajectories, by recipe: TrajectoryRecipe, on store: ClassStore, of info: DatasetInfo,
    normalization: Normalization, provenance step: ProvenanceStep
  ) throws(DataError) {
    self.trajectories = trajectories
    path = ""
    var network: [String: String] = [:]
    for setting in NetworkChoice.settings where setting.option != "precision" {
      network[setting.option] = setting.text(of: recipe.training.network)
    }
    let shape = recipe.network.input
    description = Description(
      dataset: info.name, classNames: store.classNames, shape: [shape.channels, shape.height, shape.width],
      normalization: normalization, network: network, networks: trajectories.networks, epochs: trajectories.epochs,
      source: store.digest, provenance: info.provenance + [step])
    var tensors: [String: Tensor] = [:]
    for (number, snapshots) in trajectories.snapshots.enumerated() {
      for (epoch, snapshot) in snapshots.enumerated() {
        tensors.merge(snapshot.named("network.\(number).epoch.\(epoch)")) { _, new in new }
      }
    }
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
    self.path = path
    let shape = description.shape
    guard shape.count == 3, shape.allSatisfy({ (1...65_535).contains($0) }), !description.classNames.isEmpty,
      (1...1 << 20).contains(description.networks), (0...1 << 20).contains(description.epochs),
      description.normalization.mean.count == shape[0], description.normalization.std.count == shape[0],
      let network = NetworkChoice(recorded: description.network)
    else { throw file.refuse("describes networks that cannot be") }
    let architecture = try network.architecture(
      for: ImageShape(channels: shape[0], height: shape[1], width: shape[2]), classes: description.classNames.count,
      of: path)
    var snapshots: [[Network]] = []
    for number in 0..<description.networks {
      var own: [Network] = []
      for epoch in 0...description.epochs {
        own.append(
          try Network(architecture, named: "network.\(number).epoch.\(epoch)") {
            name, shape throws(DataError) in try file.tensor(name, shape)
          })
      }
      snapshots.append(own)
    }
    trajectories = Trajectories(snapshots)
    (bytes, digest) = (file.bytes, file.digest)
  }

  /// `trajectory, 2 networks of 10 epochs (convnet), 3×32×32, 10 classes, trained on cifar10`.
  public var summary: String {
    let (networks, epochs) = (description.networks, description.epochs)
    return "\(Self.method), \(counted(networks, "network")) of \(counted(epochs, "epoch")) "
      + "(\(description.network["net"] ?? "")), \(shapeText(description.shape)), "
      + "\(description.classNames.count) classes, trained on \(description.dataset)"
  }

  // MARK: In place of training

  /// The trajectories that a recipe asks for.
  ///
  /// - Parameter classNames: of the images that they are used for.
  /// - Throws: `DataError` where the file has other networks, or fewer of them, or of fewer epochs.
  func trajectories(for recipe: TrajectoryRecipe, classNames: [String]) throws(DataError) -> Trajectories {
    try check(recipe.network, classNames: classNames)
    let (networks, epochs) = (recipe.training.networks, recipe.training.epochs)
    guard trajectories.networks >= networks, trajectories.epochs >= epochs else {
      throw DataError(
        .badInput, at: [path],
        "holds \(counted(trajectories.networks, "network")) of \(counted(trajectories.epochs, "epoch")), and the method asks for "
          + "\(networks) of \(epochs)",
        remedy: "give pipe fit --method \(Self.method) --networks \(networks) --epochs \(epochs) or more")
    }
    return Trajectories(
      trajectories.snapshots.prefix(networks).map { snapshots in
        snapshots.prefix(epochs + 1).map { $0.with(architecture: recipe.network) }
      })
  }

  /// The first network after its last epoch, for features.
  ///
  /// - Throws: `DataError` where the file has other networks.
  func features(in architecture: Architecture, classNames: [String]) throws(DataError) -> Network {
    try check(architecture, classNames: classNames)
    return trajectories.network(0, epoch: trajectories.epochs).with(architecture: architecture)
  }

  private func check(_ architecture: Architecture, classNames: [String]) throws(DataError) {
    let input = architecture.input
    try Stages.check(
      imageShape: [input.channels, input.height, input.width], of: "the input", against: description.shape,
      "the networks in \(path) take")
    guard classNames == description.classNames else {
      throw DataError(
        .badInput, at: [path],
        "its networks tell \(description.classNames.joined(separator: ", ")) apart, and the input has the classes "
          + classNames.joined(separator: ", "), remedy: "choose the same classes with --classes")
    }
    guard architecture.layers == trajectories.network(0, epoch: 0).architecture.layers else {
      let options = NetworkChoice.settings.compactMap { setting in
        description.network[setting.option].map { "--\(setting.option) \($0)" }
      }
      throw DataError(
        .badInput, at: [path], "its networks are not those that the method asks for",
        remedy: "give \(options.joined(separator: " "))")
    }
  }
}

extension NetworkChoice {
  /// The choice that options stand for; nil where they stand for none.
  fileprivate init?(recorded options: [String: String]) {
    self.init()
    for (option, text) in options {
      guard let setting = Self.settings.first(where: { $0.option == option }) else { return nil }
      do throws(SettingError) { try setting.set(text, in: &self) } catch { return nil }
    }
    let name = name
    guard Architecture.table.contains(where: { $0.name == name }), (1...8192).contains(filters ?? 1),
      (1...12).contains(depth ?? 1)
    else { return nil }
  }
}

extension Network {
  /// Weights and running statistics, by names that begin with `prefix`: `parameter.0`, `buffer.0` and so on.
  func named(_ prefix: String) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (place, tensor) in parameters.enumerated() { tensors["\(prefix).parameter.\(place)"] = tensor }
    for (place, tensor) in buffers.enumerated() { tensors["\(prefix).buffer.\(place)"] = tensor }
    return tensors
  }

  /// The network whose tensors `tensor` gives by name and shape.
  init(
    _ architecture: Architecture, named prefix: String,
    _ tensor: (_ name: String, _ shape: [Int]) throws(DataError) -> Tensor
  ) throws(DataError) {
    var (parameters, buffers) = ([Tensor](), [Tensor]())
    for (place, shape) in architecture.parameterShapes.enumerated() {
      parameters.append(try tensor("\(prefix).parameter.\(place)", shape))
    }
    for (place, shape) in architecture.bufferShapes.enumerated() {
      buffers.append(try tensor("\(prefix).buffer.\(place)", shape))
    }
    self.init(architecture, parameters: parameters, buffers: buffers)
  }

  /// The same weights in an architecture of the same layers, which may compute in another precision.
  func with(architecture: Architecture) -> Network {
    Network(architecture, parameters: parameters, buffers: buffers)
  }
}
