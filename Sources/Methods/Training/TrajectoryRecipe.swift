public import Datasets
public import Networks
public import Tensors

/// Everything that decides trajectories, beside the real images, their normalisation and the seed.
///
/// for each network n, from its own random start θ_{n,0}:
///   for each epoch e = 0, 1, …
///     v ← 0                                                     momentum begins empty
///     for each batch B of a random permutation of T:
///       x, y ← CutMix_p(A(B))                                   A augments image by image
///       v ← m v + ∇ CE(f_θ(x), y) + w θ,   θ ← θ − η v
///     θ_{n,e+1} ← θ                                             a snapshot
///
///   T  all real images, normalised          η, m, w  learning rate, momentum and weight decay; all of them constant
///
/// Reference: the networks that IDC's code trains on the real data (its learning rate is 0.01); the expert trajectories of
/// Cazenavette et al., "Dataset Distillation by Matching Training Trajectories", CVPR 2022.
/// Decisions:
/// - *No epoch depends on how many there will be.* The learning rate is constant, and each epoch draws from its own random source: so
///   a training that is stopped is one of fewer epochs, and every snapshot is of use.
/// - *Momentum begins empty in each epoch.* A snapshot is then all there is to go on from: a longer trajectory continues a kept one
///   and has the same bytes. It costs the first ten of some hundred steps a part of their length.
/// - *Networks advance side by side*, epoch by epoch, so that all of them have as many epochs when the training is stopped.
/// - *Batches of an epoch are nearly equal*, and differ by one image at most: batch norm would learn nothing from a last batch of one.
public struct TrajectoryRecipe: Sendable, Equatable {
  /// The network.
  public var network: Architecture
  /// How many are trained, and how; decided.
  public var training: TrajectoryTraining

  /// The trajectories: those that `control` was given or has kept, or what is trained now.
  ///
  /// Stopped early, they have fewer epochs than were asked for, possibly none.
  ///
  /// - Parameter random: the source that the method was handed, without a split: so all methods share what is kept.
  public func trajectories(
    on real: some RealImages, normalization: Normalization, using random: RandomSource, control: RunControl
  ) throws(TensorError) -> Trajectories {
    try control.trajectories(self) { kept, reached throws(TensorError) in
      try trained(
        on: real, normalization: normalization, continuing: kept, reached: reached, using: random, control: control)
    }
  }

  /// Trains the networks.
  ///
  /// - Parameter kept: snapshots of earlier trainings by the same recipe on the same data with the same seed, by network and
  ///   epoch, as far as there are any; what is missing is trained.
  /// - Parameter reached: told all snapshots of a network after each of its epochs.
  public func trained(
    on real: some RealImages, normalization: Normalization, continuing kept: [[Network]] = [],
    reached tell: (_ number: Int, _ snapshots: [Network]) -> Void = { _, _ in },
    using random: RandomSource, control: RunControl = RunControl()
  ) throws(TensorError) -> Trajectories {
    var snapshots = (0..<training.networks).map { number in
      if kept.indices.contains(number), !kept[number].isEmpty { return Array(kept[number].prefix(training.epochs + 1)) }
      var initial = random.split("trajectory", number)
      return [Network(network, using: &initial)]
    }
    let missing = snapshots.reduce(0) { $0 + training.epochs + 1 - $1.count }
    let counts = (0..<real.classCount).map { real.count(ofClass: $0) }
    var progress = Progress(batches: missing * evenRanges(counts.reduce(0, +), atMost: training.batchSize).count)
    training: for epoch in 0..<training.epochs {
      for number in snapshots.indices where snapshots[number].count == epoch + 1 {
        var random = random.split("trajectory epoch", number, epoch)
        guard
          let next = try epochLater(
            snapshots[number][epoch], on: real, counts: counts, normalization: normalization, using: &random,
            control: control, &progress)
        else { break training }
        snapshots[number].append(next)
        tell(number, snapshots[number])
      }
    }
    let reached = snapshots.map(\.count).min() ?? 0
    return Trajectories(snapshots.map { Array($0.prefix(reached)) })
  }

  /// A network after one epoch more; nil where it was stopped.
  private func epochLater(
    _ start: Network, on real: some RealImages, counts: [Int], normalization: Normalization,
    using random: inout RandomSource, control: RunControl, _ progress: inout Progress
  ) throws(TensorError) -> Network? {
    let total = counts.reduce(0, +)
    precondition(total > 0, "a network cannot be trained on a dataset without images")
    var network = start
    var sgd = SGD(
      learningRate: training.learningRate, momentum: training.momentum, weightDecay: training.weightDecay)
    let order = random.permutation(total)
    for range in evenRanges(total, atMost: training.batchSize) {
      if control.shouldStop() { return nil }
      let batch = try MixedBatch(of: Array(order[range]), from: real, counts: counts)
      var images = try augmented(
        normalization.normalized(bytes: batch.images),
        by: (training.augmentation ?? .none).drawCombined(
          rows: range.count, height: real.shape.height, width: real.shape.width, using: &random))
      var targets = oneHot(batch.labels, classes: network.architecture.classes)
      if training.cutMixProbability > 0, random.uniform() < training.cutMixProbability {
        let mix = CutMix.drawn(
          count: range.count, height: real.shape.height, width: real.shape.width, using: &random)
        (images, targets) = try mix.applied(images: images, targets: targets)
      }
      let (loss, gradients, buffers) = try crossEntropy(of: network, images: images, targets: targets)
      var parameters = network.parameters
      try sgd.step(&parameters, gradients)
      network = network.with(parameters: parameters).with(buffers: buffers)
      control.progress(progress.report(loss: loss))
    }
    return network
  }

  /// Batches, counted over all networks and epochs that are trained.
  private struct Progress {
    let batches: Int
    var done = 0

    init(batches: Int) { self.batches = batches }

    mutating func report(loss: Double) -> StepReport {
      done += 1
      return StepReport(step: done, steps: batches, loss: loss, phase: "trajectories", unit: "batches")
    }
  }
}
