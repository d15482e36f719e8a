public import Datasets
internal import Networks

/// Networks that are trained on the real data, of which every epoch is kept: what decides them, before the images' size is known.
///
/// Methods that need networks of some training ask for them by a recipe; see `TrajectoryRecipe`.
public struct TrajectoryTraining: Sendable, Equatable {
  /// What `pipe fit --method` calls it.
  public static let name = "trajectory"

  /// Their kind.
  public var network = NetworkChoice()
  /// How many of them, each from its own start.
  public var networks = 1
  /// Epochs.
  public var epochs = 10
  /// Images per step at most.
  public var batchSize = 128
  /// Learning rate of SGD, the same in all epochs.
  public var learningRate = 0.02
  /// Momentum of SGD.
  public var momentum = 0.9
  /// Weight decay of SGD, which also acts on biases and norms.
  public var weightDecay = 5e-4
  /// Augmentation, in IDC's combination; nil for color, crop and, of images that may be mirrored, flip.
  public var augmentation: AugmentationStrategy?
  /// The share of batches that CutMix mixes.
  public var cutMixProbability = 0.0

  /// The defaults.
  public init() {}

  /// The options.
  public static var settings: [Setting<TrajectoryTraining>] {
    [
      Setting("networks", \.networks), Setting("epochs", \.epochs), Setting("batch", \.batchSize),
      Setting("lr", \.learningRate), Setting("momentum", \.momentum), Setting("augment", \.augmentation),
      Setting("cutmix", \.cutMixProbability),
    ] + NetworkChoice.settings.map { $0.within(\.network) }
  }

  /// Fills in what follows from the data.
  ///
  /// - Throws: `DataError` where the images are too small for the network, or the network does not go with the options.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    try network.decide(for: task, isTrained: true)
    decideAugmentation(for: task)
  }

  /// What it comes to for a task.
  ///
  /// - Precondition: Its network was decided for the task.
  public func recipe(for task: MethodTask) -> TrajectoryRecipe {
    var decided = self
    decided.decideAugmentation(for: task)
    return TrajectoryRecipe(network: network.decided(for: task), training: decided)
  }

  private mutating func decideAugmentation(for task: MethodTask) {
    augmentation = augmentation ?? Self.usualAugmentation(for: task)
  }

  /// Color, crop and flip; without flip of images that may not be mirrored; of spectrograms none.
  static func usualAugmentation(for task: MethodTask) -> AugmentationStrategy {
    task.usualAugmentation.without(.cutout).without(.scale).without(.rotate)
  }
}
