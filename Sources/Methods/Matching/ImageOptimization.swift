internal import Datasets
internal import Networks
internal import Tensors

/// The synthetic images while they are being optimised: one normalised tensor per class, with SGD and its momentum.
struct ImageOptimization {
  /// The classes that have images, ascending.
  let classes: [Int]
  /// The images of each of them, normalised: (count, C, H, W).
  private(set) var images: [Tensor]
  private var start: [Tensor]
  private var optimizer: SGD
  private let normalization: Normalization
  private let formation: Formation

  /// The first images of all classes.
  ///
  /// - Parameter network: embeds images for an initialization by k-means; see `LearnedImages.initialNetwork`.
  init(
    _ real: some RealImages, counts: [Int], initialization: Initialization, formation: Formation,
    normalization: Normalization, embeddedIn network: Network? = nil, momentum: Double, random: RandomSource
  ) throws(TensorError) {
    let counts = imagesPerClass(counts, of: real)
    classes = counts.indices.filter { counts[$0] > 0 }
    precondition(!classes.isEmpty, "no class has any images to make")
    var images: [Tensor] = []
    for label in classes {
      var random = random.split("initial images", label)
      images.append(
        try initialization.images(
          count: counts[label], ofClass: label, of: real, normalization: normalization, formation: formation,
          embeddedIn: network, using: &random))
    }
    self.images = images
    start = images
    optimizer = SGD(learningRate: 0, momentum: momentum, weightDecay: 0)
    self.normalization = normalization
    self.formation = formation
  }

  /// The images where another run of the same kind left them.
  init(
    _ checkpoint: ImageCheckpoint, counts: [Int], formation: Formation, normalization: Normalization, momentum: Double
  ) {
    classes = counts.indices.filter { counts[$0] > 0 }
    (images, start) = (checkpoint.images, checkpoint.start)
    optimizer = SGD(learningRate: 0, momentum: momentum, weightDecay: 0, moments: checkpoint.moments)
    self.normalization = normalization
    self.formation = formation
  }

  /// All there is to go on from after a step.
  func checkpoint(after report: StepReport) -> ImageCheckpoint {
    ImageCheckpoint(report: report, images: images, moments: optimizer.moments, start: start)
  }

  /// One step of all classes by so high a learning rate; `number` counts from 0.
  mutating func step(
    _ gradients: [Tensor], loss: Double, terms: [LossTerm] = [], rate: Double, number: Int, of steps: Int,
    pixels: LearnedImages.PixelRange = .free
  ) throws(TensorError) -> StepReport {
    optimizer.learningRate = rate
    try optimizer.step(&images, gradients)
    if pixels == .clamped {
      for place in images.indices {
        images[place] = try normalization.normalized(normalization.restored(images[place]).clamped(min: 0, max: 1))
      }
    }
    var squares = 0.0
    var distance = 0.0
    var values = 0
    for place in images.indices {
      squares += gradients[place].squared().sum().item
      let way = images[place] - start[place]
      distance += way.squared().sum().item
      values += way.count
    }
    return StepReport(
      step: number + 1, steps: steps, loss: loss, gradientNorm: squares.squareRoot(),
      movement: (distance / Double(values)).squareRoot(), terms: terms)
  }

  /// The images as they are now as a training set: formed, normalised, with one-hot targets.
  func trainingSet(classes count: Int) throws(TensorError) -> TrainingSet {
    var parts: [Tensor] = []
    var labels: [Int] = []
    for (label, images) in zip(classes, images) {
      let formed = try formation.decoded(images, normalization: normalization)
      parts.append(formed)
      labels += Array(repeating: label, count: formed.shape[0])
    }
    return TrainingSet(images: try Tensor.concatenated(parts, axis: 0), targets: oneHot(labels, classes: count))
  }

  /// The images as they are now, un-normalised, in class order.
  func synthetic() throws(TensorError) -> Synthetic { try restored(images) }

  /// The images before the first step, likewise.
  func initial() throws(TensorError) -> Synthetic { try restored(start) }

  private func restored(_ images: [Tensor]) throws(TensorError) -> Synthetic {
    Synthetic(
      images: try normalization.restored(Tensor.concatenated(images, axis: 0)),
      labels: zip(classes, images).flatMap { Array(repeating: $0, count: $1.shape[0]) }, formation: formation)
  }
}
