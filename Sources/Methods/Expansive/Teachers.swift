internal import Datasets
internal import Networks
public import Tensors

/// Networks that are trained on the few samples alone: they classify what is made of the samples.
///
///     label of x' of class c:   ½ e_c + ½ · 1/N Σ_n softmax f_n(x')
///
///   f_n   network n of N after its last epoch          e_c   1 at class c, 0 elsewhere
///
/// Reference: soft labels by trained networks are those of SRe2L (Yin et al., NeurIPS 2023); mixed with the hard one as in label smoothing.
/// Decisions:
/// - *The class keeps half of a label.* A network that saw ten samples of a class is often wrong about an eleventh; so the largest
///   share is always that of the sample's own class.
/// - *Small batches.* An epoch of a hundred samples would be one step; here a network takes about `steps` steps, of which every
///   epoch is kept, at most `mostEpochs`.
public enum Teachers {
  /// N.
  static let networks = 3
  /// Steps of each, about.
  static let steps = 600
  /// Epochs of each at most, and so snapshots that are kept.
  static let mostEpochs = 60
  /// Epochs of each at least.
  static let fewestEpochs = 4

  /// The networks for samples; `task.available` tells how many there are.
  public static func recipe(for task: MethodTask) -> TrajectoryRecipe {
    let samples = task.available.reduce(0, +)
    var training = TrajectoryTraining()
    training.network = NetworkChoice(filters: 32)
    training.networks = networks
    training.batchSize = min(64, max(4, samples / 10))
    let stepsPerEpoch = max(1, (samples + training.batchSize - 1) / training.batchSize)
    training.epochs = min(mostEpochs, max(fewestEpochs, steps / stepsPerEpoch))
    return training.recipe(for: task)
  }

  /// Soft labels of images of one class: float32 (n, classes), each row a distribution whose largest share is the class's.
  ///
  /// - Parameters:
  ///   - images: (n, C, H, W), normalised as those that the networks were trained on.
  ///   - label: the class.
  public static func softLabels(
    of images: Tensor, label: Int, by teachers: Trajectories
  ) throws(TensorError) -> Tensor {
    let last = (0..<teachers.networks).map { teachers.network($0, epoch: teachers.epochs) }
    var labels = oneHot(Array(repeating: label, count: images.shape[0]), classes: last[0].architecture.classes) * 0.5
    for network in last {
      let shares = try inFixedChunks(images) { chunk throws(TensorError) in try network(chunk).softmax(axis: 1) }
      labels = labels + shares * (0.5 / Double(last.count))
    }
    return labels
  }
}
