public import Datasets
public import Methods
public import Networks

/// Everything that decides a condensation: nil where the method's own default is in force.
public struct CondenseRequest: Sendable {
  /// The methods.
  public enum Method: String, Sendable, CaseIterable {
    case random
    case herding
    case kCenter = "k-center"
    case distributionMatching = "dm"
    case m3d
    case koopcon

    /// Whether the method picks real images rather than optimising pixels.
    public var isSelection: Bool { self == .random || self == .herding || self == .kCenter }

    /// Whether the method makes at most as many images of a class as it has samples: selections pick them, Koopcon packs them.
    public var isBoundBySamples: Bool { isSelection || self == .koopcon }
  }

  /// Which method.
  public var method: Method
  /// Images per class.
  public var budget: Budget
  /// Where all randomness comes from.
  public var seed: UInt64
  /// The network that embeds.
  public var network: NetworkChoice
  /// Steps of an optimising method; nil for a number that suits the machine.
  public var steps: Int?
  /// Real images per class and step.
  public var realBatch: Int?
  /// Rate of the images' SGD.
  public var learningRate: Double?
  /// Momentum of the images' SGD.
  public var momentum: Double?
  /// What the images are at first.
  public var initialization: Initialization?
  /// Siamese augmentation; nil for all operations, without the flip for grey images of digits and the like.
  public var augmentation: AugmentationStrategy?
  /// Tiles per side of a stored image.
  public var factor: Int?
  /// M3D's kernel, whose own width is not looked at.
  public var kernel: Kernel?
  /// The width of that kernel, in mean squared distances of the batch; nil for the one that suits the factor.
  public var kernelWidth: Double?
  /// Whether M3D's loss is measured in the linear kernel's units.
  public var linearUnits: Bool?
  /// M3D's steps per network.
  public var stepsPerNetwork: Int?
  /// Steps of training the network whose features Herding and K-Center compare.
  public var featureSteps: Int?
  /// How the samples were read, option by option as typed: for the provenance.
  public var reading: [String: String] = [:]
  /// What belongs to Koopcon alone.
  public var koopcon = KoopconChoice()

  /// Makes a request with every option at its default.
  public init(method: Method, budget: Budget, seed: UInt64, network: NetworkChoice) {
    self.method = method
    self.budget = budget
    self.seed = seed
    self.network = network
  }
}

extension CondenseRequest {
  /// What will come, as far as it is known before any sample is read: enough to name and to check the place for it.
  ///
  /// Throws where the budget does not fit the classes, or asks for more than can be made of what there is.
  public func promise(of info: DatasetInfo, tool: String) throws(DataError) -> DatasetInfo {
    var promised = info
    let counts = try budget.counts(classNames: info.classNames, dataset: info.name)
    if let there = info.countPerClass {
      try checkCounts(counts, of: there, classNames: info.classNames, dataset: info.name)
    }
    promised.kind = .samples
    promised.countPerClass = counts
    promised.provenance.append(
      ProvenanceStep(verb: "condense", tool: tool, options: ["method": method.rawValue, "ipc": budget.text]))
    return promised
  }

  /// Throws where more images of a class are asked for than the method can make of what there is.
  func checkCounts(
    _ counts: [Int], of there: [Int], classNames: [String], dataset: String
  ) throws(DataError) {
    guard method.isBoundBySamples else { return }
    for (label, count) in counts.enumerated() where count > there[label] {
      throw DataError(
        .badInput, at: [dataset],
        "class \(classNames[label]) has \(there[label]) samples, fewer than the \(count) asked for",
        remedy: "lower --ipc, or give this class its own number")
    }
  }
}

/// Which network, before the images' size is known.
public struct NetworkChoice: Sendable, Equatable {
  /// The kinds of networks, named as on the command line.
  public enum Architecture: String, Sendable, CaseIterable {
    case convNet = "convnet"
  }

  /// What kind of network.
  public var architecture: Architecture
  /// Feature maps of each block.
  public var filters: Int
  /// Blocks; nil for the depth that suits the images' size.
  public var depth: Int?
  /// Numeric format of the convolutions.
  public var precision: Precision

  /// Makes a choice.
  public init(
    architecture: Architecture = .convNet, filters: Int = 128, depth: Int? = nil, precision: Precision = .float32
  ) {
    self.architecture = architecture
    self.filters = filters
    self.depth = depth
    self.precision = precision
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
}
