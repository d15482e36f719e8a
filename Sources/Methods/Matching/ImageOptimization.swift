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

  /// The first images of all classes: those that are given, normalised, or else those of the initialization.
  ///
  /// - Parameters:
  ///   - network: embeds images for an initialization by k-means; see `LearnedImages.initialNetwork`.
  ///   - shouldStop: see `Initialization.images`.
  init(
    _ real: some RealImages, counts: [Int], given: [Int: Tensor] = [:], initialization: Initialization,
    formation: Formation, normalization: Normalization, embeddedIn network: Network? = nil, momentum: Double,
    random: RandomSource, shouldStop: () -> Bool = { false }
  ) throws(TensorError) {
    let counts = imagesPerClass(counts, of: real)
    classes = counts.indices.filter { counts[$0] > 0 }
    precondition(!classes.isEmpty, "no class has any images to make")
    var images: [Tensor] = []
    for label in classes {
      if let given = given[label] {
        precondition(given.shape[0] == counts[label], "class \(label) is to begin with another number of images")
        images.append(try normalization.normalized(given))
        continue
      }
      var random = random.split("initial images", label)
      images.append(
        try initialization.images(
          count: counts[label], ofClass: label, of: real, normalization: normalization, formation: formation,
          embeddedIn: network, using: &random, shouldStop: shouldStop))
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

  /// One step of all classes, or of those at the places among `classes` that are given, by so high a learning rate; `number` counts from 0.
  mutating func step(
    _ gradients: [Tensor], at places: [Int]? = nil, loss: Double, terms: [LossTerm] = [], rate: Double, number: Int,
    of steps: Int,
    pixels: LearnedImages.PixelRange = .free
  ) throws(TensorError) -> StepReport {
    optimizer.learningRate = rate
    if let places {
      try move(places, gradients)
    } else {
      try optimizer.step(&images, gradients)
    }
    if pixels == .clamped {
      for place in places ?? Array(images.indices) {
        images[place] = try normalization.normalized(normalization.restored(images[place]).clamped(min: 0, max: 1))
      }
    }
    var squares = 0.0
    var distance = 0.0
    var values = 0
    for gradient in gradients { squares += gradient.squared().sum().item }
    for place in images.indices {
      let way = images[place] - start[place]
      distance += way.squared().sum().item
      values += way.count
    }
    return StepReport(
      step: number + 1, steps: steps, loss: loss, gradientNorm: squares.squareRoot(),
      movement: (distance / Double(values)).squareRoot(), terms: terms)
  }

  /// Moves the images of some classes; those of the others and their moments stay as they are.
  private mutating func move(_ places: [Int], _ gradients: [Tensor]) throws(TensorError) {
    var moments = optimizer.moments
    if moments.isEmpty, optimizer.momentum != 0 { moments = images.map { Tensor.zeros($0.shape) } }
    let (rate, momentum) = (optimizer.learningRate, optimizer.momentum)
    var own = SGD(
      learningRate: rate, momentum: momentum, weightDecay: 0, moments: moments.isEmpty ? [] : places.map { moments[$0] }
    )
    var moved = places.map { images[$0] }
    try own.step(&moved, gradients)
    for (number, place) in places.enumerated() {
      images[place] = moved[number]
      if !moments.isEmpty { moments[place] = own.moments[number] }
    }
    optimizer = SGD(learningRate: rate, momentum: momentum, weightDecay: 0, moments: moments)
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
