internal import Datasets
internal import Networks
internal import Tensors

/// Which network each step compares gradients under.
///
/// A network serves `stepsPerNetwork` steps and learns after each of them but the last, by SGD of rate 0.01:
///   synthetic  on the synthetic images as they are then: `innerLoop` passes in batches of 256 (DC, DSA)
///   real       on real images: `innerLoop` batches of 64, momentum 0.9, weight decay 5e-4 (IDC, Algorithm 1)
///   snapshots  not at all: every step takes one snapshot of trajectories, of one of the first `earlyEpochs` epochs
/// It begins as it is drawn; with `real` as the snapshot after `earlyEpochs` epochs of the network whose turn it is.
///
/// Reference: the published code of DC and DSA, and of IDC. Snapshots in place of training inside the loop, with noise on
/// their weights, are those of Zhang et al., "Accelerating Dataset Distillation via Model Augmentation" (Acc-DD), CVPR 2023, §3.
public struct NetworkSchedule: Sendable {
  /// What networks learn from.
  public var training: Training
  /// Steps that share one network; nil for a number that suits the images per class.
  ///
  /// A snapshot serves one step unless it is said.
  public var stepsPerNetwork: Int?
  /// Passes or batches after each step; nil for a number that suits the images per class.
  ///
  /// Without meaning for snapshots.
  public var innerLoop: Int?
  /// How training on real images is regularised; nil for `strong`.
  public var regularization: Regularization?
  /// Networks that are trained on the real images beforehand; nil for 1.
  public var networks: Int?
  /// Epochs that each of them is trained for; nil for `usualEpochs` with snapshots, else none.
  public var earlyEpochs: Int?
  /// The length of the noise on the weights of a snapshot, filter by filter, as a share of the filter's length; nil for none.
  public var weightNoise: Double?

  /// Epochs of which snapshots are taken.
  public static let usualEpochs = 4

  /// What networks learn from.
  public enum Training: String, Sendable, CaseIterable, SettingValue {
    /// The synthetic images.
    case synthetic
    /// Real images.
    case real
    /// Real images, before the run.
    case snapshots
  }

  /// How training on real images is regularised.
  public enum Regularization: String, Sendable, CaseIterable, SettingValue {
    /// By IDC's combination of augmentations, each image its own, and CutMix for half of the batches.
    case strong
    /// By one augmentation for each batch, as in DSA; snapshots by those of trajectories, without CutMix.
    case one
    /// Not at all.
    case none
  }

  /// Networks that learn from that.
  init(_ training: Training) { self.training = training }

  /// The options.
  static var settings: [Setting<NetworkSchedule>] {
    [
      Setting("train-on", \.training), Setting("iterations-per-model", \.stepsPerNetwork),
      Setting("inner-loop", \.innerLoop), Setting("regularization", \.regularization),
      Setting("networks", \.networks), Setting("early-epochs", \.earlyEpochs),
      Setting("weight-noise", \.weightNoise),
    ]
  }

  /// Fills in what follows from the images per class, and leaves out what means nothing to the way of training.
  ///
  /// For synthetic images the published code has 1 step and 1 pass at 1 image per class, 10 and 50 at 10, 50 and 10 at 50,
  /// which is ipc steps and 500 / ipc passes; it has a few passes more in between. On real images: 100 steps, and about 2,000
  /// images after each.
  mutating func decide(for task: MethodTask) {
    let most = task.counts.max() ?? 0
    if training != .synthetic {
      regularization = regularization ?? .strong
      networks = networks ?? 1
      earlyEpochs = earlyEpochs ?? (training == .snapshots ? Self.usualEpochs : 0)
    } else {
      (regularization, networks, earlyEpochs) = (nil, nil, nil)
    }
    weightNoise = training == .snapshots ? weightNoise ?? 0 : nil
    switch training {
    case .synthetic:
      stepsPerNetwork = stepsPerNetwork ?? min(50, max(1, most))
      innerLoop = innerLoop ?? (most <= 1 ? 1 : min(50, max(10, 500 / most)))
    case .real:
      stepsPerNetwork = stepsPerNetwork ?? 100
      innerLoop = innerLoop ?? 32
    case .snapshots:
      stepsPerNetwork = stepsPerNetwork ?? 1
      innerLoop = nil
    }
  }

  /// Chooses the epochs of snapshots, where they were not typed, so that training leaves the larger part of a time to the images.
  mutating func share(_ budget: TimeBudget) {
    guard training == .snapshots, earlyEpochs == nil else { return }
    let epochsInTime = Guidance.shareOfNetworks * budget.seconds / (budget.secondsPerEpoch * Double(networks ?? 1))
    earlyEpochs = max(1, Int(min(Double(Self.usualEpochs), epochsInTime)))
  }

  /// Images that networks are trained on for each step, on average, of a schedule that is decided.
  func imagesTrained(perStep synthetic: Double) -> Double {
    let (steps, loop) = (Double(stepsPerNetwork ?? 1), Double(innerLoop ?? 0))
    switch training {
    case .synthetic: return loop * synthetic * (steps - 1) / steps
    case .real: return loop * 64 * (steps - 1) / steps
    case .snapshots: return 0
    }
  }

  /// The trajectories that it needs; nil where it needs none.
  func trajectories(of network: NetworkChoice, for task: MethodTask) -> TrajectoryRecipe? {
    guard training != .synthetic, training == .snapshots || (earlyEpochs ?? 0) > 0 else {
      return nil
    }
    var recipe = TrajectoryTraining()
    recipe.network = network
    recipe.networks = networks ?? 1
    recipe.epochs = earlyEpochs ?? 0
    if regularization == .strong { recipe.cutMixProbability = 0.5 }
    if regularization == Regularization.none { recipe.augmentation = AugmentationStrategy.none }
    return recipe.recipe(for: task)
  }
}

/// The networks of a run, one after the other.
struct ScheduledNetworks<Real: RealImages> {
  let schedule: NetworkSchedule
  let architecture: Architecture
  /// Of the real images, where the schedule needs them.
  let trajectories: Trajectories?
  let real: Real
  let normalization: Normalization
  /// What networks learn synthetic images through.
  let augmentation: AugmentationStrategy
  let random: RandomSource
  private var current: Network?
  private var optimizer = SGD(learningRate: 0.01)

  init(
    _ schedule: NetworkSchedule, architecture: Architecture, trajectories: Trajectories?, real: Real,
    normalization: Normalization, augmentation: AugmentationStrategy, using random: RandomSource
  ) {
    self.schedule = schedule
    self.architecture = architecture
    self.trajectories = trajectories
    self.real = real
    self.normalization = normalization
    self.augmentation = augmentation
    self.random = random
  }

  /// The network of a step, counted from 0; steps are asked for one after the other.
  mutating func network(ofStep step: Int, synthetic: ImageOptimization) throws(TensorError) -> Network {
    let life = max(1, schedule.stepsPerNetwork ?? 1)
    if schedule.training == .snapshots, let trajectories {
      if step % life == 0 || current == nil { current = try snapshot(step / life, of: trajectories) }
    } else if step % life == 0 {
      current =
        trajectories.map { $0.network(step / life % $0.networks, epoch: $0.epochs) }
        ?? Network(architecture, drawn: step / life, using: random)
      optimizer =
        schedule.training == .real
        ? SGD(learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4) : SGD(learningRate: 0.01)
    } else if let network = current {
      var draw = random.split("inner loop", step)
      current =
        schedule.training == .synthetic
        ? try trained(network, on: synthetic.trainingSet(classes: architecture.classes), using: &draw)
        : try trainedOnReal(network, using: &draw)
    }
    return current ?? Network(architecture, drawn: 0, using: random)
  }

  /// One snapshot, with noise on its weights.
  private func snapshot(_ number: Int, of trajectories: Trajectories) throws(TensorError) -> Network {
    var draw = random.split("snapshot", number)
    let network = trajectories.snapshot(using: &draw)
    guard let noise = schedule.weightNoise, noise > 0 else { return network }
    return try network.with(
      parameters: network.parameters.map { weight throws(TensorError) in
        try weight.withFilterNoise(noise, using: &draw)
      })
  }

  /// `innerLoop` passes over the synthetic images, each through augmentations of its own.
  private mutating func trained(
    _ start: Network, on set: TrainingSet, using random: inout RandomSource
  ) throws(TensorError) -> Network {
    var network = start
    let count = set.images.shape[0]
    for _ in 0..<(schedule.innerLoop ?? 0) {
      let order = random.permutation(count)
      for first in stride(from: 0, to: count, by: 256) {
        let rows = Array(order[first..<min(first + 256, count)])
        let index = Tensor(integers: rows, shape: [rows.count])
        let transformations = augmentation.drawOne(
          rows: rows.count, height: real.shape.height, width: real.shape.width, using: &random)
        network = try stepped(
          network, images: augmented(set.images.indexed(by: index), by: transformations),
          targets: set.targets.indexed(by: index))
      }
    }
    return network
  }

  /// `innerLoop` batches of 64 real images.
  private mutating func trainedOnReal(
    _ start: Network, using random: inout RandomSource
  ) throws(TensorError) -> Network {
    var network = start
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    let total = counts.reduce(0, +)
    let (height, width) = (real.shape.height, real.shape.width)
    for _ in 0..<(schedule.innerLoop ?? 0) {
      let batch = try MixedBatch(of: random.choice(min(64, total), of: total), from: real, counts: counts)
      let rows = batch.labels.count
      var images = try normalization.normalized(bytes: batch.images)
      var targets = oneHot(batch.labels, classes: architecture.classes)
      switch schedule.regularization ?? .strong {
      case .none: break
      case .one:
        let all = MethodTask(real, counts: counts).usualAugmentation
        images = try augmented(images, by: all.drawOne(rows: rows, height: height, width: width, using: &random))
      case .strong:
        let some = TrajectoryTraining.usualAugmentation(for: MethodTask(real, counts: counts))
        images = try augmented(images, by: some.drawCombined(rows: rows, height: height, width: width, using: &random))
        if random.uniform() < 0.5 {
          let mix = CutMix.drawn(count: rows, height: height, width: width, using: &random)
          (images, targets) = try mix.applied(images: images, targets: targets)
        }
      }
      network = try stepped(network, images: images, targets: targets)
    }
    return network
  }

  private mutating func stepped(
    _ network: Network, images: Tensor, targets: Tensor
  ) throws(TensorError) -> Network {
    let (_, gradients, buffers) = try crossEntropy(of: network, images: images, targets: targets)
    var parameters = network.parameters
    try optimizer.step(&parameters, gradients)
    return network.with(parameters: parameters).with(buffers: buffers)
  }
}

extension Tensor {
  /// A weight plus normal noise whose length in each filter (row of the first axis) is `share` of the filter's, as in Acc-DD.
  ///
  /// Biases and norms (one axis) stay as they are.
  fileprivate func withFilterNoise(_ share: Double, using random: inout RandomSource) throws(TensorError) -> Tensor {
    guard rank > 1 else { return self }
    let axes = Array(1..<rank)
    let noise = random.normal(shape)
    let lengths = try squared().sum(axes: axes, keepDims: true).sqrt()
    return self + noise * (share * lengths / (try noise.squared().sum(axes: axes, keepDims: true).sqrt() + 1e-12))
  }
}
