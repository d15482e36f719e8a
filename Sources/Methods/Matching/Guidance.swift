public import Datasets
internal import Networks
internal import Tensors

/// Where methods that match embeddings compare them, and which of them also classify the images.
///
/// minimises over S:   E_{θ, ω}  Σ_c  D( ψ_θ(A(T_c, ω)), ψ_θ(A(decode(S_c), ω)) )  +  α · mean CE( f_θ(A(decode(S_c), ω)), c )
///
///   ψ_θ, f_θ   embedding and logits of the same network, in one pass; S_c, T_c, A, decode as in `LearnedImages`
///   D          the method's distance of two sets of embeddings
///   θ          drawn anew (DM, M3D, KR-dual), or a snapshot of a network that was trained on the real images: network and epoch
///              uniform in those of its trajectories, the untrained ones included
///   α          weight of the cross entropy, with snapshots alone: a network that was never trained recognises nothing
///
/// Reference: the cross entropy of trained networks beside the matching of features is that of DANCE (Zhang et al., IJCAI 2024)
/// and of TGDD (AAAI 2026), which keeps every epoch and compares features early and late; both ask a network of another epoch for
/// the cross entropy, which takes a second pass.
public struct Guidance: Sendable {
  /// Which networks embed.
  public var encoders: Encoders
  /// Networks that are trained on the real images, for snapshots; nil for 1.
  public var networks: Int?
  /// Epochs that each of them is trained for; nil for a number that suits the real images, see `usualEpochs`.
  public var epochs: Int?
  /// α; nil for what the method takes, see `usualWeight`.
  public var crossEntropyWeight: Double?
  /// The share of batches that CutMix mixes while networks are trained; nil for 0.
  public var cutMixProbability: Double?
  /// Training images of a class that a step moves, at most.
  ///
  /// Of more, the steps that share a batch of real images move the same ones, drawn for them; the others are embedded once for these steps
  /// and compared along.
  public var syntheticBatch: Int
  /// α by images per class, with snapshots.
  private let usualWeight: @Sendable (_ ipc: Int) -> Double

  /// Which networks embed.
  public enum Encoders: String, Sendable, CaseIterable, SettingValue {
    /// Networks that are drawn and never trained.
    case drawn
    /// Snapshots of networks that are trained on the real images.
    case snapshots
  }

  /// What a method sets by itself.
  init(
    _ encoders: Encoders, syntheticBatch: Int = 64, usualWeight: @escaping @Sendable (_ ipc: Int) -> Double = { _ in 0 }
  ) {
    self.encoders = encoders
    self.syntheticBatch = syntheticBatch
    self.usualWeight = usualWeight
  }

  /// The options.
  static var settings: [Setting<Guidance>] {
    networkSettings + [Setting("weight-ce", \.crossEntropyWeight)]
  }

  /// Those that choose the networks.
  static var networkSettings: [Setting<Guidance>] {
    [
      Setting("embed-in", \.encoders), Setting("networks", \.networks), Setting("early-epochs", \.epochs),
      Setting("cutmix", \.cutMixProbability),
    ]
  }

  /// Fills in what follows from the data, and leaves out what means nothing to drawn networks.
  ///
  /// - Parameter network: decided for the task.
  mutating func decide(for task: MethodTask, network: NetworkChoice) {
    guard encoders == .snapshots else {
      (networks, epochs, crossEntropyWeight, cutMixProbability) = (nil, nil, nil, nil)
      return
    }
    networks = networks ?? 1
    epochs = epochs ?? Self.usualEpochs(of: network.decided(for: task), for: task)
    cutMixProbability = cutMixProbability ?? 0
    crossEntropyWeight = crossEntropyWeight ?? usualWeight(task.counts.max() ?? 1)
  }

  /// Epochs when nobody says: about as much work as two cores do in some minutes, so that few images are seen often and many
  /// are seen twice.
  ///
  /// At CIFAR-10's size and number of images it is 12.
  ///
  /// - Parameter share: of that work.
  static func usualEpochs(of network: Architecture, for task: MethodTask, share: Double = 1) -> Int {
    let images = task.available.reduce(0, +)
    guard images > 0 else { return 12 }
    let epochs = share * 6.1e13 / (network.operations * Double(images))
    return max(2, min(mostEpochs, Int(min(1e6, epochs.rounded()))))
  }

  /// The trajectories whose snapshots embed; nil for drawn networks.
  func trajectories(of network: NetworkChoice, for task: MethodTask) -> TrajectoryRecipe? {
    guard encoders == .snapshots else { return nil }
    var training = TrajectoryTraining()
    training.network = network
    training.networks = networks ?? 1
    training.epochs = epochs ?? Self.usualEpochs(of: network.decided(for: task), for: task)
    training.cutMixProbability = cutMixProbability ?? 0
    return training.recipe(for: task)
  }

  /// Whether a recipe's first network also embeds the first images of a k-means.
  private func servesInitialImages(_ recipe: TrajectoryRecipe?) -> Bool {
    guard let training = recipe?.training else { return false }
    return training.epochs >= LearnedImages.initialEpochs && training.cutMixProbability == 0
  }

  /// Cost of a task: that of the images, and the networks that are trained beforehand.
  ///
  /// - Parameter keptRows: rows of real embeddings that are kept of a class at most, where steps share a batch; see `learned`.
  /// - Parameter comparedValues: values that the loss makes of so many rows of embeddings, beside them.
  func cost(
    of task: MethodTask, images: LearnedImages, keptRows: Int = .max,
    comparedValues: (_ rows: Double) -> Double = { _ in 0 }
  ) -> Cost {
    var cost = images.cost(of: task, comparedValues: comparedValues)
    if images.stepsPerBatch > 1 {
      let rows = task.counts.indices.reduce(0.0) { sum, label in
        sum + (task.counts[label] > 0 ? Double(min(keptRows, images.realBatch, task.available[label])) : 0)
      }
      cost.memory.embeddings += 4 * rows * Double(images.network.decided(for: task).featureCount)
    }
    guard images.steps != 0, let recipe = trajectories(of: images.network, for: task) else { return cost }
    if servesInitialImages(recipe) { cost.trajectories = [] }
    cost.trajectories.append(recipe)
    let formed = Double(task.counts.max() ?? 0) * Double(images.formation.multiplicity)
    cost.memory.maps =
      recipe.network.mapBytes(images: 64)
      + recipe.network.mapBytesWithGradient(images: min(formed, Double(syntheticBatch)))
    cost.memory = cost.memory.covering(.training(recipe, for: .making))
    let (all, taken) = (images.trainingImages(of: task), images.trainingImages(of: task, atMost: syntheticBatch))
    // The others go forward once for the steps that share a batch, without a gradient.
    let saved = 2 - 1 / Double(images.stepsPerBatch)
    cost.operationsPerStep = cost.operationsPerStep.map {
      $0 - saved * recipe.network.operations * (all - taken) / images.turns(of: task)
    }
    cost.memory.embeddings += 4 * (all - taken) * Double(recipe.network.featureCount)
    return cost
  }

  /// Takes all networks and epochs that are given, where none were typed.
  mutating func adopt(networks given: Int, epochs: Int) {
    guard encoders == .snapshots else { return }
    networks = networks ?? given
    self.epochs = self.epochs ?? epochs
  }

  /// Whether nobody chose the networks, and a time has no room for one epoch of one.
  func isTooShort(_ budget: TimeBudget) -> Bool {
    encoders == .snapshots && networks == nil && epochs == nil
      && Self.shareOfNetworks * budget.seconds < budget.secondsPerEpoch
  }

  /// Chooses epochs and networks, where they were not typed, so that training them leaves the larger part of a time to the images.
  mutating func share(_ budget: TimeBudget, mostEpochs: Int = Self.mostEpochs) {
    guard encoders == .snapshots else { return }
    let epochsInTime = Self.shareOfNetworks * budget.seconds / budget.secondsPerEpoch
    if networks == nil {
      let inTime = epochsInTime / Double(max(1, epochs ?? Self.mostEpochs))
      networks = max(1, Int(min(Double(Self.mostNetworks), inTime)))
    }
    epochs = epochs ?? max(1, Int(min(Double(mostEpochs), epochsInTime / Double(max(1, networks ?? 1)))))
  }

  /// The share of a time that goes into networks, at most.
  static let shareOfNetworks = 0.4
  /// Epochs at most: 20 were no better than 12 on held-out data, and a few hundred images are seen often enough.
  static let mostEpochs = 30
  /// Networks at most; how much more than one of them gain was not measured.
  static let mostNetworks = 5

  /// The training images of a class, of so many, that the steps of one real batch move: ascending.
  private func drawn(of count: Int, for shown: LearnedImages.ClassStep, using random: RandomSource) -> [Int] {
    var draw = random.split("synthetic batch", shown.first, shown.label)
    return draw.choice(syntheticBatch, of: count).sorted()
  }

  /// Learns `counts[c]` images of each class c by comparing embeddings; 0 leaves a class out.
  ///
  /// - Precondition: This and the images were decided for the task.
  /// - Parameters:
  ///   - stepsPerNetwork: steps that share one drawn network.
  ///   - kept: what of the real embeddings (n, d) of a class the distance asks for, where several steps share them.
  ///   - distance: of one class, from real embeddings (n, d), which are constants, and synthetic ones (m, d): a scalar.
  func learned(
    _ images: LearnedImages, from real: some RealImages, counts: [Int], normalization: Normalization,
    stepsPerNetwork: Int = 1, using random: RandomSource, control: RunControl,
    keeping kept: (_ real: Tensor) throws(TensorError) -> Tensor = { $0 },
    distance: (_ real: Tensor, _ synthetic: Tensor) throws(TensorError) -> Tensor
  ) throws -> Condensation {
    precondition(stepsPerNetwork > 0, "a network serves at least one step, not \(stepsPerNetwork)")
    let task = MethodTask(real, counts: counts)
    let architecture = images.network.decided(for: task)
    // Without steps, nothing but the first images is asked for.
    let recipe = images.steps == 0 ? nil : trajectories(of: images.network, for: task)
    let trajectories = try recipe?.trajectories(
      on: real, normalization: normalization, using: random, control: control)
    let weight = encoders == .snapshots ? crossEntropyWeight ?? 0 : 0
    var encoder: (number: Int, network: Network)?
    var targets: [Int: Tensor] = [:]
    var others: [Int: Tensor] = [:]
    let drawsImages = encoders == .snapshots && images.drawsTrainingImages(of: task, atMost: syntheticBatch)
    let (sharesBatches, tiles) = (images.stepsPerBatch > 1, images.formation.multiplicity)
    return try images.learned(
      from: real, counts: counts, normalization: normalization,
      firstEmbeddedIn: servesInitialImages(recipe) ? trajectories.map(LearnedImages.initialNetwork(of:)) : nil,
      using: random, control: control,
      // What was embedded once for some steps is of the images before the first of them.
      isRestart: { !drawsImages || $0 % images.stepsPerBatch == 0 }
    ) { step, _ in
      let number = (step - step % images.stepsPerBatch) / stepsPerNetwork
      if let encoder, encoder.number == number { return encoder.network }
      var draw = random.split("snapshot", number)
      let network =
        trajectories?.snapshot(using: &draw) ?? Network(architecture, drawn: number, using: random)
      encoder = (number, network)
      return network
    } gradient: { network, shown, images throws(TensorError) in
      let target: Tensor
      if let known = targets[shown.label], !shown.isFresh {
        target = known
      } else {
        targets[shown.label] = nil
        target = try kept(embedded(shown.real(), in: network))
        // Of a thousand classes they would be a gigabyte.
        if sharesBatches { targets[shown.label] = target }
      }
      var terms: [LossTerm] = []
      let count = images.shape[0] * tiles
      let moved = drawsImages && count > syntheticBatch ? drawn(of: count, for: shown, using: random) : nil
      if let moved, shown.isFresh || others[shown.label] == nil {
        others[shown.label] = nil
        let rest = Tensor(integers: Set(0..<count).subtracting(moved).sorted())
        others[shown.label] = try embedded(shown.asShown(images).indexed(by: rest), in: network)
      }
      let rest = others[shown.label]
      if !sharesBatches { others[shown.label] = nil }
      let (value, gradients) = try valueAndGradients(at: [images]) { images throws(TensorError) in
        var batch = try shown.asShown(images[0])
        if let moved { batch = try batch.indexed(by: Tensor(integers: moved)) }
        let embeddings = try embeddedKeepingGraph(batch, in: network)
        let all = try rest.map { rest throws(TensorError) in try Tensor.concatenated([embeddings, rest], axis: 0) }
        let difference = try distance(target, all ?? embeddings)
        // So the gradient at those that move is as large as if there were no others.
        let share = Double(count) / Double(embeddings.shape[0])
        guard weight > 0 else { return share * difference }
        let labels = Array(repeating: shown.label, count: embeddings.shape[0])
        let scores = try network.logits(ofEmbeddings: embeddings).logSoftmax(axis: 1)
        let entropy =
          (oneHot(labels, classes: network.architecture.classes) * scores).sum() * (-1 / Double(labels.count))
        terms = [LossTerm(name: "features", value: difference.item), LossTerm(name: "ce", value: entropy.item)]
        return share * difference + weight * entropy
      }
      return LearnedImages.ClassLoss(value: value.item, gradient: gradients[0], terms: terms)
    }
  }
}

/// A method that matches embeddings; what is its own are the distance and the defaults.
public protocol EmbeddingMatchingMethod: CondensingMethod {
  /// How images are learned.
  var images: LearnedImages { get set }
  /// Which networks embed, and whether they also classify the images.
  var guidance: Guidance { get set }
}

extension EmbeddingMatchingMethod {
  /// See `CondensingMethod`.
  public static var traits: MethodTraits {
    MethodTraits(
      learns: true, isBoundedBySamples: false, acceptsFormation: true, resumes: true)
  }

  /// The options of all of them.
  static var sharedSettings: [Setting<Self>] {
    LearnedImages.settings.map { $0.within(\Self.images) } + Guidance.settings.map { $0.within(\Self.guidance) }
      + [Setting("reuse", \.images.stepsPerBatch)]
  }

  /// See `CondensingMethod`.
  public var steps: Int? {
    get { images.steps }
    set { images.steps = newValue }
  }

  /// See `CondensingMethod`.
  public mutating func decide(for task: MethodTask) throws(DataError) { try decideShared(for: task) }

  /// What all of them decide.
  mutating func decideShared(for task: MethodTask) throws(DataError) {
    try images.decide(for: task, isTrained: guidance.encoders == .snapshots)
    guidance.decide(for: task, network: images.network)
  }

  /// See `CondensingMethod`.
  public mutating func adopt(networks: Int, epochs: Int) { guidance.adopt(networks: networks, epochs: epochs) }

  /// See `CondensingMethod`.
  public mutating func share(_ budget: TimeBudget) { guidance.share(budget) }
}

/// A time that is to be shared out between networks and images.
public struct TimeBudget: Sendable {
  /// Seconds from now on.
  public var seconds: Double
  /// Seconds of one epoch of one network on all real images.
  public var secondsPerEpoch: Double
  /// What is to be made in it.
  public var task: MethodTask

  /// A time; see the properties.
  public init(seconds: Double, secondsPerEpoch: Double, for task: MethodTask) {
    self.seconds = seconds
    self.secondsPerEpoch = secondsPerEpoch
    self.task = task
  }
}
