public import Datasets
internal import Networks
public import Tensors

/// Condensation by matching gradients: what DC, DSA, IDC-I and IDC share.
///
/// minimises over S:   E_{θ, ω}  Σ_c  D( ∇_θ ℓ(θ; A(T_c, ω)),  ∇_θ ℓ(θ; A(decode(S_c), ω)) )
///
///   ℓ    mean cross entropy of a batch of class c              D  see `GradientDistance`
///   θ    the network of the step, see `NetworkSchedule`        A, S_c, T_c, decode  see `LearnedImages`
///
/// The gradient of D with respect to the images goes through the gradient of ℓ: second derivatives, which are exact.
public struct GradientMatching: Sendable {
  /// How images are learned.
  public var images: LearnedImages
  /// How gradients are compared; nil for squared differences, and absolute ones for grey or large images.
  public var distance: GradientDistance?
  /// The layers whose gradients are compared.
  public var layers: ComparedLayers
  /// The networks.
  public var schedule: NetworkSchedule
  /// Training images of a class that are compared in a step, at most; a step draws so many of more.
  public let syntheticBatch: Int
  /// Whether the loss of a class is multiplied by a tenth of its images.
  ///
  /// The mean over the images gives each of them a gradient in inverse proportion to their number, which this undoes.
  public let isScaledByCount: Bool

  /// What a method sets by itself.
  init(
    images: LearnedImages, distance: GradientDistance?, layers: ComparedLayers, schedule: NetworkSchedule,
    syntheticBatch: Int = .max, isScaledByCount: Bool = false
  ) {
    self.images = images
    self.distance = distance
    self.layers = layers
    self.schedule = schedule
    self.syntheticBatch = syntheticBatch
    self.isScaledByCount = isScaledByCount
  }

  /// The options.
  public static var settings: [Setting<GradientMatching>] {
    LearnedImages.settings.map { $0.within(\.images) } + NetworkSchedule.settings.map { $0.within(\.schedule) } + [
      Setting("pixels", \.images.pixels), Setting("match", \.distance), Setting("match-layers", \.layers),
    ]
  }

  /// Fills in what follows from the data.
  mutating func decide(for task: MethodTask) throws(DataError) {
    let isPlain = task.shape.channels == 1 || max(task.shape.height, task.shape.width) > 64
    distance = distance ?? (isPlain ? .absolute : .squared)
    try images.decide(for: task, isTrained: schedule.training == .snapshots)
    schedule.decide(for: task)
  }

  /// Cost of a task, in passes of one image: of a real one forward and backward, 3; of a synthetic one 3, and 4 more for the
  /// gradient of the gradient; and those of training the networks.
  func cost(of task: MethodTask) -> Cost {
    let network = images.network.decided(for: task)
    let classes = task.counts.indices.filter { task.counts[$0] > 0 }
    let real = classes.reduce(0.0) { $0 + Double(min(images.realBatch, task.available[$1])) }
    let tiles = Double(images.formation.multiplicity)
    let formed = classes.map { min(Double(task.counts[$0]) * tiles, Double(syntheticBatch)) }
    let trained = schedule.imagesTrained(perStep: task.images * tiles)
    var cost = images.cost(of: task)
    // Weights that are trained, their moments and gradients; the gradients of both sides and what is between them.
    cost.memory.weights = 4 * (10 * network.weightCount + 2 * network.largestWeightCount)
    cost.memory.maps = max(
      network.mapBytesWithGradient(images: 64), 5 * network.mapBytesWithGradient(images: formed.max() ?? 0))
    if let trajectories = schedule.trajectories(of: images.network, for: task) {
      cost.trajectories.append(trajectories)
    }
    for recipe in cost.trajectories { cost.memory = cost.memory.covering(.training(recipe, for: .making)) }
    cost.trainsOnAllClasses = schedule.training == .real
    let turns = images.turns(of: task)
    cost.operationsPerStep = network.operations * (3 * (real / turns + trained) + 7 * formed.reduce(0, +) / turns)
    cost.usualSteps = images.usualSteps(allowance: 1.2e14, range: 100...5000, for: task)
    return cost
  }

  /// Learns the images.
  func learned(
    from real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl
  ) throws -> Condensation {
    var decided = self
    try decided.decide(for: MethodTask(real, counts: counts))
    let (distance, matching) = (decided.distance ?? .squared, decided)
    let task = MethodTask(real, counts: counts)
    // Without steps, nothing but the first images is asked for.
    let recipe = images.steps == 0 ? nil : matching.schedule.trajectories(of: matching.images.network, for: task)
    var networks = ScheduledNetworks(
      matching.schedule, architecture: matching.images.network.decided(for: task),
      trajectories: try recipe?.trajectories(
        on: real, normalization: normalization, using: random, control: control),
      real: real, normalization: normalization, augmentation: matching.images.augmentation ?? .none, using: random)
    return try matching.images.learned(
      from: real, counts: counts, normalization: normalization, using: random, control: control
    ) { step in
      // Networks that learn between steps are not part of a checkpoint.
      matching.schedule.training == .snapshots || step % max(1, matching.schedule.stepsPerNetwork ?? 1) == 0
    } network: { step, synthetic throws(TensorError) in
      try networks.network(ofStep: step, synthetic: synthetic)
    } gradient: { network, shown, images throws(TensorError) in
      let places = matching.layers.places(in: network.architecture)
      let target = try classGradients(of: network, at: places, images: shown.real(), label: shown.label)
      let weight = matching.isScaledByCount ? Double(images.shape[0]) / 10 : 1
      let (value, gradients) = try valueAndGradients(at: [images]) { images throws(TensorError) in
        var batch = try shown.asShown(images[0])
        if batch.shape[0] > matching.syntheticBatch {
          var draw = random.split("synthetic batch", shown.step, shown.label)
          let chosen = draw.choice(matching.syntheticBatch, of: batch.shape[0])
          batch = try batch.indexed(by: Tensor(integers: chosen, shape: [chosen.count]))
        }
        let found = try differentiableClassGradients(of: network, at: places, images: batch, label: shown.label)
        return try distance(found, target) * weight
      }
      return LearnedImages.ClassLoss(value: value.item, gradient: gradients[0])
    }
  }
}

/// A method that matches gradients; what is its own are the defaults.
public protocol GradientMatchingMethod: CondensingMethod {
  /// How.
  var matching: GradientMatching { get set }
}

extension GradientMatchingMethod {
  /// The options of all of them.
  public static var settings: [Setting<Self>] { GradientMatching.settings.map { $0.within(\Self.matching) } }

  /// See `CondensingMethod`.
  public var steps: Int? {
    get { matching.images.steps }
    set { matching.images.steps = newValue }
  }

  /// See `CondensingMethod`.
  public func cost(of task: MethodTask) -> Cost { matching.cost(of: task) }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) { try matching.decide(for: task) }

  /// See `CondensingMethod`.
  public mutating func share(_ budget: TimeBudget) { matching.schedule.share(budget) }

  /// See `CondensingMethod`.
  public func condense(
    _ real: some RealImages, counts: [Int], normalization: Normalization, using random: RandomSource,
    control: RunControl = RunControl()
  ) throws -> Condensation {
    var method = self
    try method.decide(for: MethodTask(real, counts: counts))
    return try method.matching.learned(
      from: real, counts: counts, normalization: normalization, using: random, control: control)
  }
}
