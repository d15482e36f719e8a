public import Networks
public import Tensors

/// How hard the images of a set are for a network that learns them: the rule by which a condensed set is made smaller.
///
///     LBPE(i) = Σ_{e ∈ E*} ‖ softmax(f_e(x_i)) − y_i ‖₂            E* = the K of the first E epochs after which f_e is right most often
///
/// Easy images, those with a low score, are worth most in a small set.
/// Shapes: images x (n, C, H, W), normalised and formed, with targets y (n, classes); one score for each of the n.
/// Reference: He, Xiao, Zhou, Tsang: "You Only Condense Once: Two Rules for Pruning Condensed Datasets", NeurIPS 2023, rule 1 (low
/// logit-based prediction error); its published code: E = 100 and K = 10 on CIFAR-10 with IDC.
/// Deviations: the code takes the logits of the training passes, of images as they were augmented then; here each epoch ends with a
/// pass over the images as they are, so that a score does not depend on an augmentation that one image happened to get.
public struct PredictionErrors: Sendable {
  /// E, the first epochs.
  public static let epochs = 100
  /// K of them.
  public static let kept = 10

  /// One epoch: right answers, and the error of each image.
  private var passes: [(right: Int, errors: [Float])] = []

  /// None yet.
  public init() {}

  /// Takes in the network after one more epoch; nothing after the first E of them.
  public mutating func add(_ network: Network, on set: TrainingSet) throws(TensorError) {
    guard passes.count < Self.epochs else { return }
    let logits = try inFixedChunks(set.images) { chunk throws(TensorError) in try network(chunk) }
    let errors = try (logits.softmax(axis: 1) - set.targets).squared().sum(axes: [1]).sqrt()
    let right = zip(try logits.argmax(axis: 1).integers(), try set.targets.argmax(axis: 1).integers()).count {
      $0 == $1
    }
    passes.append((right, errors.floats()))
  }

  /// The score of each image; of the epochs that are right equally often the first ones count.
  public var scores: [Double] {
    let chosen = passes.enumerated().sorted { ($1.element.right, $0.offset) < ($0.element.right, $1.offset) }
      .prefix(Self.kept)
    guard let first = chosen.first else { return [] }
    return first.element.errors.indices.map { image in
      chosen.reduce(0) { $0 + Double($1.element.errors[image]) }
    }
  }
}
