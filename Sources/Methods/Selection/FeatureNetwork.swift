public import Networks
public import Tensors

/// The network whose embeddings Herding and K-Center compare: a ConvNet trained briefly on the real data.
///
/// The caller may keep the weights: they depend on the real images, the options, the normalisation and the seed alone.
/// Decisions: `steps` batches drawn without regard to class, one DSA operation per batch, a tenth of the rate after the first
/// 150 steps. That place does not move with `steps`, so that a training that is cut short is one of fewer steps. The
/// literature trains to convergence (IDC, DeepCore) or does not say (DC); the picks change little after the
/// first hundreds of steps.
public enum FeatureNetwork {
  /// How long and with what the network is trained.
  public struct Options: Sendable, Equatable {
    /// Steps of training.
    public var steps = 200
    /// Steps at the full rate; those behind them take a tenth.
    public var stepsAtFullRate = 150
    /// Images per step.
    public var batchSize = 256
    /// Rate of SGD.
    public var learningRate = 0.01
    /// Momentum of SGD.
    public var momentum = 0.9
    /// Weight decay of SGD.
    public var weightDecay = 5e-4
    /// Augmentation; take `withoutFlip` for digits and letters.
    public var augmentation = AugmentationStrategy.full

    /// The defaults.
    public init() {}
  }

  /// Trains a network on real images.
  ///
  /// Stopped early, it returns what it has, with the steps completed: asking for that many gives the same weights.
  public static func trained(
    on real: some RealImages, network options: ConvNetOptions, normalization: Normalization,
    training: Options = Options(), using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> (network: ConvNet, steps: Int) {
    let (_, height, width) = real.shape
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    let total = counts.reduce(0, +)
    precondition(total > 0, "a network cannot be trained on a dataset without images")
    var initial = random.split("feature network")
    let network = ConvNet(options, using: &initial)
    var parameters = network.parameters
    var sgd = SGD(
      learningRate: training.learningRate, momentum: training.momentum, weightDecay: training.weightDecay)
    var completed = 0
    while completed < training.steps, !control.shouldStop() {
      let step = completed
      if step == training.stepsAtFullRate { sgd.learningRate = training.learningRate * 0.1 }
      var random = random.split("feature step", step)
      var chosen = random.choice(min(training.batchSize, total), of: total)
      chosen.sort()
      var images: [Tensor] = []
      var labels: [Int] = []
      var first = 0
      for (label, count) in counts.enumerated() {
        let indices = chosen.filter { $0 >= first && $0 < first + count }.map { $0 - first }
        if !indices.isEmpty { images.append(real.images(ofClass: label, at: indices)) }
        labels += Array(repeating: label, count: indices.count)
        first += count
      }
      let transformations = training.augmentation.drawOne(
        rows: labels.count, height: height, width: width, using: &random)
      let batch = try augmented(
        normalization.normalized(bytes: Tensor.concatenated(images, axis: 0)), by: transformations)
      let (loss, gradients) = try crossEntropy(
        of: network.with(parameters: parameters), images: batch,
        targets: oneHot(labels, classes: options.classes))
      try sgd.step(&parameters, gradients)
      completed += 1
      control.progress(StepReport(step: completed, steps: training.steps, loss: loss))
    }
    return (network.with(parameters: parameters), completed)
  }
}
