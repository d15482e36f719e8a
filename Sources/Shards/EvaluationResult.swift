public import Datasets

/// What `pipe evaluate` found, as its --json writes it: accuracies after the last epoch, never the best ones.
public struct EvaluationResult: Codable, Sendable, Equatable {
  /// One set under one network.
  public struct Row: Codable, Sendable, Equatable {
    /// The method that made the set, or `random`, `herding`, `initial images`.
    public var set: String
    /// Whether the set is shown beside the evaluated one: real images, or what that was before its first step.
    public var baseline: Bool
    /// The network.
    public var network: String
    /// Test accuracy after the last epoch, one per trained network, in [0, 1].
    public var accuracies: [Double]
    /// Their mean; nil where none finished.
    public var mean: Double?
    /// Their sample standard deviation; nil for fewer than two.
    public var std: Double?
    /// Mean accuracy per class, in index order; nil for a class without test images.
    public var perClass: [Double?]
    /// For each class in index order, how often its test images were taken for which class, by that one's index, over all networks; no
    /// entry for never.
    ///
    /// Nil for baselines, and where no network finished.
    public var confusion: [[Int: Int]]?
    /// Images stored in the set.
    public var images: Int
    /// Images trained on per epoch: more than stored where the set has a formation.
    public var trainedOn: Int
    /// Epochs trained, where they follow from the set; see `equalSteps`.
    public var epochs: Int?
    /// Training steps of each network, where they follow from the set.
    public var steps: Int?
    /// Seconds for all of them.
    public var seconds: Double
    /// Whether a time limit or a signal ended the last training early; its result is not among `accuracies`.
    public var stoppedEarly: Bool

    /// A row; mean and deviation follow from the accuracies.
    public init(
      set: String, baseline: Bool = false, network: String, accuracies: [Double], perClass: [Double?],
      confusion: [[Int: Int]]? = nil, images: Int, trainedOn: Int, epochs: Int? = nil, steps: Int? = nil,
      seconds: Double, stoppedEarly: Bool
    ) {
      self.set = set
      self.baseline = baseline
      self.network = network
      self.accuracies = accuracies
      self.perClass = perClass
      self.confusion = confusion
      self.images = images
      self.trainedOn = trainedOn
      self.epochs = epochs
      self.steps = steps
      self.seconds = seconds
      self.stoppedEarly = stoppedEarly
      guard !accuracies.isEmpty else { return }
      let average = accuracies.reduce(0, +) / Double(accuracies.count)
      mean = average
      guard accuracies.count > 1 else { return }
      let squares = accuracies.reduce(0) { $0 + ($1 - average) * ($1 - average) }
      std = (squares / Double(accuracies.count - 1)).squareRoot()
    }

    /// What tells the set from the others: an evaluated set may be one of random images, too.
    public var label: String { EvaluationResult.label(set, isBaseline: baseline) }
  }

  /// The set of what the evaluated one was before its first step.
  public static let initialImages = "initial images"

  /// What tells a set from others in the table.
  public static func label(_ set: String, isBaseline: Bool) -> String {
    isBaseline && set != initialImages ? "\(set) baseline" : set
  }

  /// `P-DC`, `P-DSA` or `P-IDC`.
  public var `protocol`: String
  /// Operations that augmented the images: `color_crop_flip_scale_rotate`, or `none`; nil in results from before they were told.
  public var augmentation: String?
  /// Epochs trained.
  public var epochs: Int
  /// Epochs that the protocol prescribes.
  public var prescribedEpochs: Int
  /// Networks trained per row, each from its own start.
  public var repeats: Int
  /// True where a set with formation was trained for as many steps as the same set without one; each row has its own `epochs` then.
  ///
  /// Nil otherwise.
  public var equalSteps: Bool?
  /// Where all randomness came from.
  public var seed: UInt64
  /// Precision of activations.
  public var precision: String
  /// The first network.
  public var network: String
  /// All networks, in the order of the table's columns.
  public var networks: [String]
  /// Feature maps per block of the first network, where that can be chosen.
  public var width: Int?
  /// Where tensors were.
  public var device: String
  /// The test data.
  public var test: String
  /// The split of it that was used.
  public var testSplit: DatasetInfo.Split
  /// Class names in index order.
  public var classes: [String]
  /// Images of each class in the set.
  public var countPerClass: [Int]
  /// Set by set, and for each of them network by network.
  public var rows: [Row]

  /// A result; see the properties.
  public init(
    protocol: String, augmentation: String? = nil, epochs: Int, prescribedEpochs: Int, repeats: Int,
    equalSteps: Bool = false, seed: UInt64,
    precision: String, networks: [String], width: Int?, device: String, test: String, testSplit: DatasetInfo.Split,
    classes: [String],
    countPerClass: [Int], rows: [Row]
  ) {
    self.protocol = `protocol`
    self.augmentation = augmentation
    self.epochs = epochs
    self.prescribedEpochs = prescribedEpochs
    self.repeats = repeats
    self.equalSteps = equalSteps ? true : nil
    self.seed = seed
    self.precision = precision
    network = networks.first ?? ""
    self.networks = networks
    self.width = width
    self.device = device
    self.test = test
    self.testSplit = testSplit
    self.classes = classes
    self.countPerClass = countPerClass
    self.rows = rows
  }
}
