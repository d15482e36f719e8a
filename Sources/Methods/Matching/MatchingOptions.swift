/// What the methods that match embeddings have in common: how images are learned, whatever is matched.
public protocol MatchingOptions: Sendable {
  /// Steps.
  var steps: Int { get set }
  /// Real images per class and step.
  var realBatch: Int { get set }
  /// Rate of the images' SGD.
  var learningRate: Double { get set }
  /// Momentum of the images' SGD.
  var momentum: Double { get set }
  /// What the images are at first.
  var initialization: Initialization { get set }
  /// Siamese augmentation.
  var augmentation: AugmentationStrategy { get set }
  /// Tiles per side of a stored image.
  var formation: Formation { get set }
}
