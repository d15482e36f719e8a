public import Datasets
public import Networks

/// Which network, before the images' size is known.
public struct NetworkChoice: Sendable, Equatable {
  /// The kinds of networks, named as on the command line.
  public enum Architecture: String, Sendable, CaseIterable, SettingValue {
    case convNet = "convnet"
  }

  /// What kind of network.
  public var architecture: Architecture
  /// Feature maps of each block.
  public var filters: Int
  /// Blocks; nil for the depth that suits the images' size.
  public var depth: Int?
  /// Numeric format of the activations.
  public var precision: Precision

  /// A choice; see the properties.
  public init(
    architecture: Architecture = .convNet, filters: Int = 128, depth: Int? = nil, precision: Precision = .float32
  ) {
    self.architecture = architecture
    self.filters = filters
    self.depth = depth
    self.precision = precision
  }

  /// Its options.
  public static var settings: [Setting<NetworkChoice>] {
    [
      Setting("net", \.architecture), Setting("width", \.filters), Setting("depth", \.depth),
      Setting("precision", \.precision),
    ]
  }

  /// Fills in what follows from the images' size.
  public mutating func decide(for task: CondensingTask) throws(DataError) {
    depth = try options(shape: task.shape, classes: task.classes, of: task.dataset).depth
  }

  /// The network's shape for images of one size.
  ///
  /// Throws where the images of `dataset` cannot be halved as often as the depth asks.
  public func options(
    shape: (channels: Int, height: Int, width: Int), classes: Int, of dataset: String
  ) throws(DataError) -> ConvNetOptions {
    let greatest = ConvNetOptions.greatestDepth(channels: shape.channels, height: shape.height, width: shape.width)
    guard greatest > 0 else {
      throw DataError(
        .badInput, at: [dataset],
        "images of \(shape.height)×\(shape.width) are too small for a network, which needs 2×2 or more",
        remedy: "enlarge them with --resize")
    }
    if let depth, depth > greatest {
      throw DataError(
        .badInput, at: [dataset], "images of \(shape.height)×\(shape.width) cannot be halved \(depth) times",
        remedy: "give --depth \(greatest) or less")
    }
    switch architecture {
    case .convNet:
      return ConvNetOptions(
        channels: shape.channels, height: shape.height, width: shape.width, classes: classes, filters: filters,
        depth: depth, precision: precision)
    }
  }

  /// The network for a task that `decide` has accepted.
  func decided(for task: CondensingTask) -> ConvNetOptions {
    do throws(DataError) {
      return try options(shape: task.shape, classes: task.classes, of: task.dataset)
    } catch {
      preconditionFailure("a network was asked for images that it was not decided for: \(error)")
    }
  }
}

extension Precision: SettingValue {}
