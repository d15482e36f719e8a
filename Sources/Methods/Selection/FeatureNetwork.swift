public import Datasets
public import Networks
public import Tensors

/// The network whose embeddings Herding and K-Center compare: one trained briefly on the real data.
///
/// The caller may keep the weights: they depend on the real images, the options, the normalisation and the seed alone.
/// Decisions: `steps` batches drawn without regard to class, one DSA operation per batch, a tenth of the rate after the first
/// 150 steps. That place does not move with `steps`, so that a training that is cut short is one of fewer steps. The
/// literature trains to convergence (IDC, DeepCore) or does not say (DC); the picks change little after the
/// first hundreds of steps.
public struct FeatureNetwork: Sendable {
  /// How it is trained; nothing of its augmentation is decided by the data.
  public var training = Options()
  /// Its kind.
  public var network = NetworkChoice()

  /// The defaults.
  public init() {}

  /// What decides the weights, together with the real images, their normalisation and the seed.
  public struct Recipe: Sendable, Equatable {
    /// The network.
    public var network: Architecture
    /// How it is trained.
    public var training: Options
  }

  /// The options.
  public static var settings: [Setting<FeatureNetwork>] {
    [Setting("feature-steps", \.training.steps)] + NetworkChoice.settings.map { $0.within(\.network) }
  }

  /// Fills in what follows from the data.
  ///
  /// - Throws: `DataError` where the images are too small for the network.
  public mutating func decide(for task: MethodTask) throws(DataError) {
    try network.decide(for: task, isTrained: true)
    training.augmentation = task.usualAugmentation
  }

  /// What it comes to for a task.
  public func recipe(for task: MethodTask) -> Recipe {
    Recipe(network: network.decided(for: task), training: training)
  }

  /// Cost of a selection: training the network, and every real image through it.
  func cost(of task: MethodTask) -> Cost {
    let recipe = recipe(for: task)
    var need = MemoryNeed.selecting(recipe.network, largestClass: Double(task.largestClass))
    need.images += 11 * task.pixels * task.images
    var cost = Cost(memory: need)
    cost.probe = Probe(recipe.network)
    cost.features = recipe
    return cost
  }

  /// Selects `counts[c]` images of each class c by the embeddings of its images; all of a class that has fewer.
  ///
  /// A selection is short and is of no use without its last classes: it does not ask whether to stop.
  ///
  /// - Parameter picks: the places of `count` images, in order, among those of one class; embeddings (m, d).
  func selected(
    from real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl,
    _ picks: (_ count: Int, _ embeddings: Tensor, _ label: Int) throws(TensorError) -> [Int]
  ) throws -> Condensation {
    let counts = imagesPerClass(counts, of: real)
    let task = MethodTask(real, counts: counts)
    var decided = self
    try decided.decide(for: task)
    let recipe = decided.recipe(for: task)
    let trained = try control.featureNetwork(recipe) { () throws(TensorError) in
      try Self.trained(
        on: real, network: recipe.network, normalization: normalization, training: recipe.training, using: random,
        control: control)
    }
    let classes = counts.indices.filter { counts[$0] > 0 }
    var chosen: [SourceImage] = []
    for (done, label) in classes.enumerated() {
      let embeddings = try classEmbeddings(
        of: real, label: label, network: trained.network, normalization: normalization)
      guard try embeddings.min().item.isFinite, try embeddings.max().item.isFinite else {
        throw DataError(
          .usage, at: [task.dataset, "class \(label)"],
          "the network for features diverged: what it makes of the images is NaN or infinite",
          remedy: "choose another --net, --norm, --feature-steps or --normalization")
      }
      chosen += try picks(counts[label], embeddings, label).map { SourceImage(label: label, index: $0) }
      control.progress(StepReport(step: done + 1, steps: classes.count, loss: 0))
    }
    return Condensation(synthetic: try Synthetic(selecting: chosen, from: real), steps: trained.steps)
  }

  /// How long and with what the network is trained.
  public struct Options: Sendable, Equatable {
    /// Steps of training.
    public var steps = 200
    /// Steps at the full rate; those after them take a tenth.
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
    on real: some RealImages, network options: Architecture, normalization: Normalization,
    training: Options = Options(), using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> (network: Network, steps: Int) {
    let (height, width) = (real.shape.height, real.shape.width)
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    let total = counts.reduce(0, +)
    precondition(total > 0, "a network cannot be trained on a dataset without images")
    var initial = random.split("feature network")
    var network = Network(options, using: &initial)
    var sgd = SGD(
      learningRate: training.learningRate, momentum: training.momentum, weightDecay: training.weightDecay)
    var completed = 0
    while completed < training.steps, !control.shouldStop() {
      let step = completed
      if step == training.stepsAtFullRate { sgd.learningRate = training.learningRate * 0.1 }
      var random = random.split("feature step", step)
      let chosen = random.choice(min(training.batchSize, total), of: total)
      let batch = try MixedBatch(of: chosen, from: real, counts: counts)
      let transformations = training.augmentation.drawOne(
        rows: batch.labels.count, height: height, width: width, using: &random)
      let images = try augmented(normalization.normalized(bytes: batch.images), by: transformations)
      let (loss, gradients, buffers) = try crossEntropy(
        of: network, images: images, targets: oneHot(batch.labels, classes: options.classes))
      var parameters = network.parameters
      try sgd.step(&parameters, gradients)
      network = network.with(parameters: parameters).with(buffers: buffers)
      completed += 1
      control.progress(StepReport(step: completed, steps: training.steps, loss: loss, phase: "features"))
    }
    return (network, completed)
  }
}

/// The embeddings of every image of a class: (count, featureCount).
func classEmbeddings(
  of real: some RealImages, label: Int, network: Network, normalization: Normalization
) throws(TensorError) -> Tensor {
  guard
    let embeddings = try classEmbeddings(
      of: real, label: label, network: network, normalization: normalization, shouldStop: { false })
  else { preconditionFailure("nothing stops it") }
  return embeddings
}

/// The embeddings of every image of a class, (count, featureCount); nil where it was stopped before the last of them.
func classEmbeddings(
  of real: some RealImages, label: Int, network: Network, normalization: Normalization, shouldStop: () -> Bool
) throws(TensorError) -> Tensor? {
  let total = real.count(ofClass: label)
  var parts: [Tensor] = []
  for start in stride(from: 0, to: total, by: 8 * chunkSize) {
    if shouldStop() { return nil }
    let indices = Array(start..<min(start + 8 * chunkSize, total))
    parts.append(
      try embedded(normalization.normalized(bytes: real.images(ofClass: label, at: indices)), in: network))
  }
  return try Tensor.concatenated(parts, axis: 0)
}
