public import Datasets
internal import Networks
public import Tensors

/// What all methods share that learn images: everything but the networks and the loss.
///
/// repeats `steps` times:
///   θ                                        the network of the step
///   for each class c that has images:
///     B ~ T_c, ω                             a batch of real images, and one augmentation for both sides
///     L_c = loss( θ, A(B, ω), A(decode(S_c), ω) )
///   S ← S − η ∇ Σ_c L_c                      SGD with momentum, in normalised units; clamped where a method asks for it
///
///   S_c  synthetic images of class c, (count_c, C, H, W)        T_c  real images of class c
///   decode  multi-formation, see `Formation`
///
/// Methods that compare embeddings draw a network every so many steps and give the loss of two sets of embeddings. Classes are
/// independent of each other given the seed and the networks, and a run that is stopped equals the shorter run.
public struct LearnedImages: Sendable {
  /// Steps; nil for a number that suits the machine, see `usualSteps`.
  public var steps: Int?
  /// Real images per class and step.
  public var realBatch = 256
  /// Learning rate of the images' SGD; nil where the method decides by the data.
  public var learningRate: Double?
  /// Momentum of the images' SGD.
  public var momentum = 0.5
  /// What the images are at first.
  public var initialization: Initialization
  /// Siamese augmentation; nil for all operations, for grey images (digits and letters) without the flip, for spectrograms none.
  public var augmentation: AugmentationStrategy?
  /// How a stored image becomes training images.
  public var formation: Formation
  /// The networks to draw.
  public var network = NetworkChoice()
  /// Whether flip, color and cutout are applied whenever listed, with one of the other operations, as in IDC's code; otherwise
  /// one operation is, as in DSA's.
  public let combinesAugmentations: Bool
  /// Which values the images may take.
  ///
  /// Not an option of every method.
  public var pixels = PixelRange.free

  /// Which values learned images may take.
  public enum PixelRange: String, Sendable, CaseIterable, SettingValue {
    /// Any.
    case free
    /// From black to white: what lies outside after a step is moved to the nearer one. Spectrograms have neither, and are free.
    case clamped
  }

  /// What a method sets by itself; the rest at the defaults.
  public init(
    initialization: Initialization, factor: Int, learningRate: Double? = 1, augmentation: AugmentationStrategy? = nil,
    combinesAugmentations: Bool = false, pixels: PixelRange = .free
  ) {
    self.initialization = initialization
    self.learningRate = learningRate
    self.augmentation = augmentation
    formation = Formation(factor: factor)
    self.combinesAugmentations = combinesAugmentations
    self.pixels = pixels
  }

  /// The options.
  public static var settings: [Setting<LearnedImages>] {
    [
      Setting("steps", \.steps), Setting("batch", \.realBatch), Setting("lr", \.learningRate),
      Setting("momentum", \.momentum), Setting("init", \.initialization), Setting("augment", \.augmentation),
      Setting("factor", \.formation.factor), Setting("formation", \.formation.kind),
    ] + NetworkChoice.settings.map { $0.within(\.network) }
  }

  /// Fills in what follows from the data.
  ///
  /// - Throws: `DataError` where a tile would have no pixel, or the images are too small for the network.
  ///
  /// - Parameter isTrained: whether its networks are trained before they are compared under.
  public mutating func decide(for task: MethodTask, isTrained: Bool = false) throws(DataError) {
    try network.decide(for: task, isTrained: isTrained)
    augmentation = augmentation ?? task.usualAugmentation
    if task.isSpectrogram { pixels = .free }
    try formation.checkTiles(task)
  }

  /// Cost of a task: real images go forward; synthetic ones forward, and backward to the pixels at the same price.
  ///
  /// - Parameter comparedValues: values that the loss makes of so many rows of embeddings, beside them.
  public func cost(of task: MethodTask, comparedValues: (_ rows: Double) -> Double = { _ in 0 }) -> Cost {
    let network = network.decided(for: task)
    let classes = task.counts.indices.filter { task.counts[$0] > 0 }
    let real = classes.reduce(0) { $0 + min(realBatch, task.available[$1]) }
    let tiles = Double(formation.multiplicity)
    let most = Double(task.counts.max() ?? 0)
    var need = MemoryNeed()
    // The old network and the new one, and twice what is being drawn.
    need.weights = 4 * (2 * network.weightCount + 2 * network.largestWeightCount)
    need.maps = network.mapBytes(images: 64) + network.mapBytesWithGradient(images: most * tiles)
    let rows = Double(min(realBatch, task.largestClass)) + most * tiles
    need.embeddings = 4 * 3 * rows * Double(network.featureCount) + comparedValues(rows) * 4
    // Images, where they began, momentum, gradient, new images, and three forms of the result.
    need.images = 4 * task.pixels * (8 * task.images + 4 * rows)
    let trajectories = initialTrajectories(for: task)
    if let trajectories {
      var before = MemoryNeed.training(trajectories, for: .making)
      // Embeddings of a class, and distances to the centres.
      before.embeddings = 4 * 3 * Double(task.largestClass) * (Double(network.featureCount) + most * tiles)
      need = need.covering(before)
    }
    var cost = Cost(memory: need)
    if let trajectories { cost.trajectories.append(trajectories) }
    cost.probe = Probe(network)
    cost.operationsPerStep = network.operations * (Double(real) + 2 * task.images * tiles)
    // Augmentation and the loss take about a quarter more than the network.
    cost.slowness = 1.25
    cost.usualSteps = UsualSteps(allowance: 4.2e13, range: 100...2000)
    return cost
  }

  /// Epochs after which a network embeds images for the k-means of the first images.
  public static let initialEpochs = 2

  /// The trajectories that the first images need; nil where they need none.
  ///
  /// - Precondition: It was decided for the task.
  func initialTrajectories(for task: MethodTask) -> TrajectoryRecipe? {
    guard initialization == .kMeans else { return nil }
    var training = TrajectoryTraining()
    training.network = network
    training.epochs = Self.initialEpochs
    return training.recipe(for: task)
  }

  /// The network that embeds images for the first images; nil where they need none.
  ///
  /// Where it is stopped, it is one of fewer epochs: the caller is asked to stop then, too, before its first step.
  ///
  /// - Precondition: It was decided for the task.
  func initialNetwork(
    for task: MethodTask, on real: some RealImages, normalization: Normalization, using random: RandomSource,
    control: RunControl
  ) throws(TensorError) -> Network? {
    guard let recipe = initialTrajectories(for: task) else { return nil }
    let trajectories = try recipe.trajectories(
      on: real, normalization: normalization, using: random, control: control)
    return trajectories.network(0, epoch: min(Self.initialEpochs, trajectories.epochs))
  }

  /// Learns `counts[c]` images of each class c by comparing embeddings; 0 leaves a class out.
  ///
  /// - Parameters:
  ///   - stepsPerNetwork: steps that share one network.
  ///   - control: told of every step, asked before each whether to stop, and handed what there is at its snapshot steps.
  ///   - loss: of one class, from real embeddings (n, d), which are constants, and synthetic ones (m, d): a scalar.
  public func learned(
    from real: some RealImages, counts: [Int], normalization: Normalization, stepsPerNetwork: Int = 1,
    using random: RandomSource, control: RunControl,
    loss lossOfClass: (_ real: Tensor, _ synthetic: Tensor) throws(TensorError) -> Tensor
  ) throws -> Condensation {
    precondition(stepsPerNetwork > 0, "a network serves at least one step, not \(stepsPerNetwork)")
    let task = MethodTask(real, counts: counts)
    var options = self
    try options.decide(for: task)
    let architecture = options.network.decided(for: task)
    var encoder: Network?
    return try options.learned(
      from: real, counts: counts, normalization: normalization, using: random, control: control
    ) { step, _ in
      if let encoder, step % stepsPerNetwork != 0 { return encoder }
      let fresh = Network(architecture, drawn: step / stepsPerNetwork, using: random)
      encoder = fresh
      return fresh
    } gradient: { encoder, shown, images throws(TensorError) in
      let target = try embedded(shown.real, in: encoder)
      let (value, gradients) = try valueAndGradients(at: [images]) { images throws(TensorError) in
        try lossOfClass(target, embeddedKeepingGraph(shown.asShown(images[0]), in: encoder))
      }
      return (value.item, gradients[0])
    }
  }

  /// What one class shows to the network of one step.
  struct ClassStep {
    /// Number of the step, from 0.
    let step: Int
    /// The class.
    let label: Int
    /// A batch of real images, normalised and augmented: (n, C, H, W).
    let real: Tensor
    /// Stored images to training images, augmented as the real ones: (m, C, H, W) → (m·tiles, C, H, W); differentiable.
    let asShown: (Tensor) throws(TensorError) -> Tensor
  }

  /// Learns `counts[c]` images of each class c from gradients of any loss; 0 leaves a class out.
  ///
  /// - Precondition: It was decided for the images.
  /// - Parameters:
  ///   - network: of a step, counted from 0; it sees the synthetic images as they are then.
  ///   - gradient: the loss of one class and its gradient with respect to the stored images (m, C, H, W), normalised.
  func learned(
    from real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl,
    network: (_ step: Int, _ synthetic: ImageOptimization) throws(TensorError) -> Network,
    gradient: (Network, ClassStep, _ images: Tensor) throws(TensorError) -> (loss: Double, gradient: Tensor)
  ) throws -> Condensation {
    let task = MethodTask(real, counts: counts)
    let (strategy, steps) = (augmentation ?? .none, steps ?? 1000)
    var set = try ImageOptimization(
      real, counts: counts, initialization: initialization, formation: formation, normalization: normalization,
      embeddedIn: initialNetwork(
        for: task, on: real, normalization: normalization, using: random, control: control),
      learningRate: learningRate ?? 1, momentum: momentum, random: random)
    var last: StepReport?
    for step in 0..<steps {
      if control.shouldStop() { break }
      let network = try network(step, set)
      var loss = 0.0
      var gradients: [Tensor] = []
      for (place, label) in set.classes.enumerated() {
        var draw = random.split("class batch", step, label)
        let batch = try Methods.realBatch(
          realBatch, ofClass: label, of: real, normalization: normalization, using: &draw)
        let augmentation =
          combinesAugmentations
          ? strategy.drawCombined(rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
          : strategy.drawOne(rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
        let shown = ClassStep(step: step, label: label, real: try augmented(batch, by: augmentation)) {
          images throws(TensorError) in
          try augmented(formation.decoded(images, normalization: normalization), by: augmentation)
        }
        let (value, found) = try gradient(network, shown, set.images[place])
        loss += value
        gradients.append(found)
      }
      let report = try set.step(
        gradients, loss: loss, number: step, of: steps, pixels: real.isSpectrogram ? .free : pixels)
      last = report
      control.progress(report)
      if report.hasDiverged { break }
      if control.snapshotSteps.contains(step + 1) { control.snapshot(step + 1, try set.synthetic()) }
    }
    return Condensation(synthetic: try set.synthetic(), steps: last?.step ?? 0, lastReport: last)
  }
}

extension Network {
  /// The network with that number among those that a run draws.
  init(_ architecture: Architecture, drawn number: Int, using random: RandomSource) {
    var draw = random.split("network", number)
    self.init(architecture, using: &draw)
  }
}
