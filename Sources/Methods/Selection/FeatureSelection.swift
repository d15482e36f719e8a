public import Datasets
internal import Networks
public import Tensors

/// A method that selects the images of each class by their features; what is its own is the order in which it picks.
public protocol FeatureSelection: CondensingMethod {
  /// The network whose features are compared.
  var features: FeatureNetwork { get set }

  /// The places of `count` images, or of all there are, among those of one class, in the order of picking.
  ///
  /// - Parameter embeddings: (m, d), of all images of the class.
  func picks(
    _ count: Int, from embeddings: Tensor, ofClass label: Int, using random: RandomSource
  ) throws(TensorError) -> [Int]
}

extension FeatureSelection {
  /// A selection makes no more than there is, class by class.
  public static var traits: MethodTraits {
    MethodTraits(learns: false, isBoundedBySamples: true)
  }

  /// The options of the feature network.
  public static var settings: [Setting<Self>] { FeatureNetwork.settings.map { $0.within(\Self.features) } }

  /// Steps are those of the feature network.
  public static var stepsOption: String { "feature-steps" }

  /// Steps of training the feature network.
  public var steps: Int? {
    get { features.training.steps }
    set { features.training.steps = newValue ?? features.training.steps }
  }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) { try features.decide(for: task) }

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost { features.cost(of: task) }

  /// Selects `counts[c]` images of each class c; all of a class that has fewer.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    try features.selected(
      from: real, counts: counts, normalization: normalization, using: random, control: control
    ) { count, embeddings, label throws(TensorError) in
      try picks(count, from: embeddings, ofClass: label, using: random)
    }
  }
}
