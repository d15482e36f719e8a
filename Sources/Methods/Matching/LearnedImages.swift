public import Datasets
internal import Foundation
internal import Networks
internal import Tensors

/// What all methods share that learn images: everything but the networks and the loss.
///
/// repeats `steps` times:
///   θ                                        the network of the step
///   for each class c that has images, or each of those whose turn it is:
///     B ~ T_c, ω                             a batch of real images, and one augmentation for both sides
///     L_c = loss( θ, A(B, ω), A(decode(S_c), ω) )
///   S ← S − η ∇ Σ_c L_c                      SGD with momentum, in normalised units; clamped where a method asks for it
///
///   S_c  synthetic images of class c, (count_c, C, H, W)        T_c  real images of class c
///   decode  multi-formation, see `Formation`
///
/// With `classesPerStep`, a step learns so many of all classes at most; the others stay as they are, their moments too. All take turns: the
/// classes in random order are cut into pieces, one for each step, and when all had their turn, in another order.
///
/// Classes are independent of each other given the seed and the networks, and a run that is stopped equals the shorter run: with a
/// rate that falls, the shorter run of the same `schedule`.
public struct LearnedImages: Sendable {
  /// Steps; nil for a number that suits the machine, see `usualSteps`.
  public var steps: Int?
  /// Classes that a step learns, at most; nil for all.
  public var classesPerStep: Int?
  /// Real images per class and step.
  public var realBatch = 256
  /// Learning rate of the images' SGD; nil where the method decides by the data.
  public var learningRate: Double?
  /// Momentum of the images' SGD.
  public var momentum = 0.5
  /// What the images are at first.
  public var initialization: Initialization
  /// Siamese augmentation; nil for all operations, without the flip for images that may not be mirrored, for spectrograms none.
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
  /// Steps that share a batch of real images and an augmentation, class by class.
  ///
  /// Not an option of every method.
  public var stepsPerBatch = 1
  /// How the learning rate falls.
  ///
  /// Not an option of every method.
  public var decay = Decay.none
  /// Steps after which a falling rate is 0; nil for the steps of the run.
  public var schedule: Int?

  /// Which values learned images may take.
  public enum PixelRange: String, Sendable, CaseIterable, SettingValue {
    /// Any.
    case free
    /// From black to white: what lies outside after a step is moved to the nearer one. Spectrograms have neither, and are free.
    case clamped
  }

  /// How the learning rate of the images falls.
  public enum Decay: String, Sendable, CaseIterable, SettingValue {
    /// Not at all.
    case none
    /// Along half a cosine to 0: η · ½ (1 + cos(π · step / schedule)).
    case cosine
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
      Setting("steps", \.steps), Setting("classes-per-step", \.classesPerStep), Setting("batch", \.realBatch),
      Setting("lr", \.learningRate), Setting("momentum", \.momentum), Setting("init", \.initialization),
      Setting("augment", \.augmentation),
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
    schedule = decay == .cosine ? schedule ?? steps : nil
    try formation.checkTiles(task)
  }

  /// Cost of a task: real images go forward; synthetic ones forward, and backward to the pixels at the same price.
  ///
  /// - Parameter comparedValues: values that the loss makes of so many rows of embeddings, beside them.
  public func cost(of task: MethodTask, comparedValues: (_ rows: Double) -> Double = { _ in 0 }) -> Cost {
    let network = network.decided(for: task)
    let classes = task.counts.indices.filter { task.counts[$0] > 0 }
    let real = classes.reduce(0.0) { $0 + Double(min(realBatch, task.available[$1])) } / Double(stepsPerBatch)
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
    if let trajectories {
      cost.trajectories.append(trajectories)
      // Every image is embedded; the clusters take about twice as long again.
      cost.operationsBefore = 3 * network.operations * task.available.reduce(0) { $0 + Double($1) }
    }
    cost.probe = Probe(network)
    cost.operationsPerStep = network.operations * (real + 2 * trainingImages(of: task)) / turns(of: task)
    // Augmentation and the loss take about a quarter more than the network.
    cost.slowness = 1.25
    cost.usualSteps = usualSteps(allowance: 4.2e13, range: 100...2000, for: task)
    return cost
  }

  /// Steps by default; the range is that of a class.
  func usualSteps(allowance: Double, range: ClosedRange<Int>, for task: MethodTask) -> UsualSteps {
    let turns = Int(turns(of: task))
    return UsualSteps(allowance: allowance, range: range.lowerBound * turns...range.upperBound * turns)
  }

  /// Steps, or groups of steps that share a batch, in which every class has its turn once.
  func turns(of task: MethodTask) -> Double { Double(turns(classes: task.classes)) }

  private func turns(classes: Int) -> Int {
    guard let classesPerStep, classesPerStep < classes else { return 1 }
    return (classes + classesPerStep - 1) / classesPerStep
  }

  /// Whether it is the turn of each class of a set in a step; nil where it is always that of all.
  ///
  /// It depends on the seed, the step and the number of classes alone, so that parts of the classes agree. Steps that share a batch share
  /// their classes.
  private func turn(ofStep step: Int, classes: Int, using random: RandomSource) -> [Bool]? {
    let turns = turns(classes: classes)
    guard turns > 1 else { return nil }
    let (round, place) = (step / stepsPerBatch).quotientAndRemainder(dividingBy: turns)
    var draw = random.split("turns of classes", round)
    var isOn = [Bool](repeating: false, count: classes)
    for label in draw.permutation(classes)[place * classes / turns..<(place + 1) * classes / turns] {
      isOn[label] = true
    }
    return isOn
  }

  /// Whether some class has more training images than so many.
  func drawsTrainingImages(of task: MethodTask, atMost limit: Int) -> Bool {
    task.counts.contains { $0 * formation.multiplicity > limit }
  }

  /// Training images of all classes, of each at most so many.
  func trainingImages(of task: MethodTask, atMost limit: Int = .max) -> Double {
    task.counts.reduce(0) { $0 + min(Double($1 * formation.multiplicity), Double(limit)) }
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
    return Self.initialNetwork(of: trajectories)
  }

  /// The network that embeds images for the first images; of fewer epochs where the training was stopped.
  static func initialNetwork(of trajectories: Trajectories) -> Network {
    trajectories.network(0, epoch: min(initialEpochs, trajectories.epochs))
  }

  /// What one class shows to the network of one step.
  struct ClassStep {
    /// Number of the step, from 0.
    let step: Int
    /// Number of the first of the steps that share its real images.
    let first: Int
    /// The class.
    let label: Int
    /// Whether the real images are others than in the step before.
    var isFresh: Bool { step == first }
    /// A batch of real images, normalised and augmented: (n, C, H, W).
    let real: () throws(TensorError) -> Tensor
    /// Stored images to training images, augmented as the real ones: (m, C, H, W) → (m·tiles, C, H, W); differentiable.
    let asShown: (Tensor) throws(TensorError) -> Tensor
  }

  /// The loss of one class.
  struct ClassLoss {
    let value: Double
    /// With respect to the stored images, (m, C, H, W) normalised.
    let gradient: Tensor
    /// What it is made of, unweighted, where it has several parts.
    var terms: [LossTerm] = []
  }

  /// Learns `counts[c]` images of each class c from gradients of any loss; 0 leaves a class out.
  ///
  /// - Precondition: It was decided for the images.
  /// - Parameters:
  ///   - initial: embeds images for the k-means of the first images; nil for a network that is trained for it, where it is needed.
  ///   - isRestart: whether a run can go on with a step, counted from 0, without those before it.
  ///   - network: of a step, counted from 0; it sees the synthetic images as they are then.
  ///   - gradient: the loss of one class at the stored images (m, C, H, W), normalised.
  func learned(
    from real: some RealImages, counts: [Int], normalization: Normalization,
    firstEmbeddedIn initial: Network? = nil, using random: RandomSource, control: RunControl,
    isRestart: (_ step: Int) -> Bool = { _ in true },
    network: (_ step: Int, _ synthetic: ImageOptimization) throws(TensorError) -> Network,
    gradient: (Network, ClassStep, _ images: Tensor) throws(TensorError) -> ClassLoss
  ) throws -> Condensation {
    let task = MethodTask(real, counts: counts)
    let (strategy, steps) = (augmentation ?? .none, steps ?? 1000)
    var set =
      if let resumed = control.resumed {
        ImageOptimization(
          resumed, counts: counts, formation: formation, normalization: normalization, momentum: momentum)
      } else {
        try begun(
          with: task, from: real, normalization: normalization, firstEmbeddedIn: initial, using: random,
          control: control)
      }
    var last = control.resumed?.report
    for step in (last?.step ?? 0)..<max(steps, last?.step ?? 0) {
      if control.shouldStop() { break }
      let network = try network(step, set)
      var loss = 0.0
      var terms: [LossTerm] = []
      var gradients: [Tensor] = []
      let places = turn(ofStep: step, classes: real.classCount, using: random).map { isOn in
        set.classes.indices.filter { isOn[set.classes[$0]] }
      }
      for place in places ?? Array(set.classes.indices) {
        let label = set.classes[place]
        let first = step - step % stepsPerBatch
        var draw = random.split("class batch", first, label)
        let chosen = draw.choice(min(realBatch, real.count(ofClass: label)), of: real.count(ofClass: label))
        let augmentation =
          combinesAugmentations
          ? strategy.drawCombined(rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
          : strategy.drawOne(rows: 1, height: real.shape.height, width: real.shape.width, using: &draw)
        let shown = ClassStep(step: step, first: first, label: label) { () throws(TensorError) in
          try augmented(normalization.normalized(bytes: real.images(ofClass: label, at: chosen)), by: augmentation)
        } asShown: { images throws(TensorError) in
          try augmented(formation.decoded(images, normalization: normalization), by: augmentation)
        }
        let found = try gradient(network, shown, set.images[place])
        loss += found.value
        terms =
          terms.isEmpty
          ? found.terms : zip(terms, found.terms).map { LossTerm(name: $0.name, value: $0.value + $1.value) }
        gradients.append(found.gradient)
      }
      let report = try set.step(
        gradients, at: places, loss: loss, terms: terms, rate: rate(ofStep: step), number: step, of: steps,
        pixels: real.isSpectrogram ? .free : pixels)
      last = report
      control.progress(report)
      if report.hasDiverged { break }
      if control.snapshotSteps.contains(step + 1) { control.snapshot(step + 1, try set.synthetic()) }
      if isRestart(step + 1) { control.checkpoint?(set.checkpoint(after: report)) }
    }
    return Condensation(
      synthetic: try set.synthetic(), steps: last?.step ?? 0, lastReport: last, initial: try set.initial())
  }

  /// The images before the first step.
  private func begun(
    with task: MethodTask, from real: some RealImages, normalization: Normalization, firstEmbeddedIn initial: Network?,
    using random: RandomSource, control: RunControl
  ) throws(TensorError) -> ImageOptimization {
    var given: [Int: Tensor] = [:]
    for label in task.counts.indices where task.counts[label] > 0 { given[label] = control.firstImages(label) }
    var network = initial
    if network == nil, given.count < task.counts.count(where: { $0 > 0 }) {
      network = try initialNetwork(
        for: task, on: real, normalization: normalization, using: random, control: control)
    }
    return try ImageOptimization(
      real, counts: task.counts, given: given, initialization: initialization, formation: formation,
      normalization: normalization, embeddedIn: network, momentum: momentum, random: random,
      shouldStop: control.shouldStop)
  }

  /// The learning rate of a step, counted from 0.
  private func rate(ofStep step: Int) -> Double {
    let rate = learningRate ?? 1
    guard decay == .cosine, let schedule, schedule > 0 else { return rate }
    return rate * 0.5 * (1 + cos(.pi * Double(min(step, schedule)) / Double(schedule)))
  }
}

extension Network {
  /// The network with that number among those that a run draws.
  init(_ architecture: Architecture, drawn number: Int, using random: RandomSource) {
    var draw = random.split("network", number)
    self.init(architecture, using: &draw)
  }
}
