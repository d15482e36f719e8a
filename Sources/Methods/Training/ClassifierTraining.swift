public import Datasets
public import Networks
public import Tensors

/// How classifiers are trained when a set is evaluated: one of the literature's protocols, or one with other epochs.
///
///   P-DC    300 epochs without augmentation; on MNIST 1000 with one of shift, zoom and turn per image
///   P-DSA   1000 epochs, one DSA operation per batch with parameters per image
///   P-IDC   1000 epochs of batches of 64, IDC's augmentation without cutout, CutMix for half of the batches
///
/// All: SGD with rate 0.01, momentum 0.9 and weight decay 5e-4, which also acts on biases and norms; the last epoch counts.
/// P-DC and P-DSA make E + 1 passes over the data and, after pass E/2 + 1 (counted from 0), go on at a tenth of the rate with an
/// empty momentum. P-IDC makes E passes and multiplies the rate by 0.2 after ⌊2E/3⌋ and ⌊5E/6⌋ passes, keeping the momentum.
/// Reference: the evaluation code of DC/DSA/DM and of IDC.
/// Deviations: P-DC's augmentation, see `AugmentationStrategy.drawClassic`.
public struct TrainingProtocol: Sendable, Equatable {
  /// How a batch is augmented.
  public enum Augmentation: Sendable, Equatable {
    /// Not at all.
    case none
    /// One operation per batch, parameters per image.
    case one(AugmentationStrategy)
    /// IDC's combination, parameters per image.
    case combined(AugmentationStrategy)
    /// DC's shift, zoom or turn per image.
    case classic
  }

  /// How the rate falls.
  public enum Schedule: Sendable, Equatable {
    /// ×0.1 past the middle, with an empty momentum, in E + 1 passes.
    case tenthPastMiddle
    /// ×0.2 at two thirds and again at five sixths, in E passes.
    case fifthTwice
  }

  /// `P-DC`, `P-DSA` or `P-IDC`, and what is different from it.
  public var name: String
  /// Epochs that the protocol prescribes.
  public let prescribedEpochs: Int
  /// Epochs to train.
  public var epochs: Int
  /// Images per step.
  public var batchSize: Int
  /// Rate of the first epochs.
  public var learningRate: Double
  /// Momentum of the classifier's SGD.
  public var momentum: Double
  /// Weight decay of the classifier's SGD.
  public var weightDecay: Double
  /// How a batch is augmented.
  public var augmentation: Augmentation
  /// The share of batches that CutMix mixes.
  public var cutMixProbability: Float
  /// How the rate falls.
  public var schedule: Schedule

  /// P-DC; `digits` is its form for MNIST.
  public static func dc(digits: Bool = false) -> TrainingProtocol {
    TrainingProtocol(
      name: "P-DC", epochs: digits ? 1000 : 300, batchSize: 256, augmentation: digits ? .classic : .none,
      cutMixProbability: 0, schedule: .tenthPastMiddle)
  }

  /// P-DSA; without flips for digits and letters.
  public static func dsa(flip: Bool = true) -> TrainingProtocol {
    TrainingProtocol(
      name: "P-DSA", epochs: 1000, batchSize: 256, augmentation: .one(flip ? .full : .withoutFlip),
      cutMixProbability: 0, schedule: .tenthPastMiddle)
  }

  /// P-IDC; without flips for digits and letters.
  public static func idc(flip: Bool = true) -> TrainingProtocol {
    TrainingProtocol(
      name: "P-IDC", epochs: 1000, batchSize: 64,
      augmentation: .combined((flip ? AugmentationStrategy.full : .withoutFlip).without(.cutout)),
      cutMixProbability: 0.5, schedule: .fifthTwice)
  }

  /// The same without augmentation and CutMix: how IDC's code evaluates spectrograms, for which the others are not made.
  public var withoutAugmentation: TrainingProtocol {
    var recipe = self
    guard augmentation != .none || cutMixProbability > 0 else { return recipe }
    recipe.name += " without augmentation"
    recipe.augmentation = .none
    recipe.cutMixProbability = 0
    return recipe
  }

  private init(
    name: String, epochs: Int, batchSize: Int, augmentation: Augmentation, cutMixProbability: Float,
    schedule: Schedule
  ) {
    self.name = name
    self.prescribedEpochs = epochs
    self.epochs = epochs
    self.batchSize = batchSize
    self.learningRate = 0.01
    self.momentum = 0.9
    self.weightDecay = 5e-4
    self.augmentation = augmentation
    self.cutMixProbability = cutMixProbability
    self.schedule = schedule
  }

  /// The operations of the augmentation: `color_crop_flip_scale_rotate`, or `none`.
  public var operations: String {
    switch augmentation {
    case .none: AugmentationStrategy.none.description
    case .one(let strategy), .combined(let strategy): strategy.description
    case .classic: "crop_scale_rotate"
    }
  }

  /// The name, and the epochs where they are not the prescribed ones: `P-DSA (30 of 1000 epochs)`.
  public var label: String {
    epochs == prescribedEpochs ? name : "\(name) (\(epochs) of \(prescribedEpochs) epochs)"
  }

  /// Passes over the training set.
  public var passes: Int { schedule == .tenthPastMiddle ? epochs + 1 : epochs }

  /// Steps of training on so many images: one for each batch of each pass.
  public func steps(forImages count: Int) -> Int { passes * ((count + batchSize - 1) / batchSize) }

  /// The protocol with so many epochs that `formed` images get the steps that `stored` ones get now, to the nearest whole pass, and
  /// at least one epoch.
  ///
  /// So IDC compares sets with formation with others (Kim et al., table 2): more images, and fewer epochs of them. The schedule
  /// of the rate is that of the new number of epochs.
  public func withEqualSteps(stored: Int, formed: Int) -> TrainingProtocol {
    precondition(stored > 0 && formed >= stored, "a formation makes \(formed) images of \(stored)")
    var scaled = self
    let stepsOfPass = Double((formed + batchSize - 1) / batchSize)
    let passes = Int((Double(steps(forImages: stored)) / stepsOfPass).rounded())
    scaled.epochs = max(1, passes - (self.passes - epochs))
    return scaled
  }

  /// The rate during one pass, counted from 0.
  public func learningRate(inPass pass: Int) -> Double {
    switch schedule {
    case .tenthPastMiddle:
      pass > epochs / 2 + 1 ? learningRate * 0.1 : learningRate
    case .fifthTwice:
      learningRate * (pass >= 2 * epochs / 3 ? 0.2 : 1) * (pass >= 5 * epochs / 6 ? 0.2 : 1)
    }
  }

  /// Whether a pass, counted from 0, begins with an empty momentum.
  public func clearsMomentum(beforePass pass: Int) -> Bool {
    schedule == .tenthPastMiddle && pass == epochs / 2 + 2
  }
}

/// What a classifier is trained on: normalised images and a distribution over the classes for each.
public struct TrainingSet: Sendable {
  /// float32 (n, C, H, W), normalised.
  public var images: Tensor
  /// float32 (n, classes), rows that sum to 1.
  public var targets: Tensor

  /// Images with their targets.
  public init(images: Tensor, targets: Tensor) {
    precondition(
      images.rank == 4 && targets.rank == 2 && images.shape[0] == targets.shape[0] && images.shape[0] > 0,
      "targets of shape \(targets.shape) do not describe images of shape \(images.shape)")
    self.images = images
    self.targets = targets
  }

  /// A condensed set, decoded by its formation and normalised; its soft labels where it has them.
  public init(_ synthetic: Synthetic, classes: Int, normalization: Normalization) throws(TensorError) {
    let formation = synthetic.formation
    let targets = synthetic.softLabels ?? oneHot(synthetic.labels, classes: classes)
    self.init(
      images: try normalization.normalized(formation.decoded(synthetic.images)),
      targets: try formation.decoded(rows: targets))
  }
}

/// Rows with a one at the label: (labels.count, classes), float32.
func oneHot(_ labels: [Int], classes: Int) -> Tensor {
  var values = [Float](repeating: 0, count: labels.count * classes)
  for (row, label) in labels.enumerated() {
    precondition(label >= 0 && label < classes, "label \(label) is not one of \(classes) classes")
    values[row * classes + label] = 1
  }
  return Tensor(values, shape: [labels.count, classes])
}

/// A trained classifier and how far its training went.
public struct TrainedClassifier: Sendable {
  /// The network after the last epoch.
  public var network: Network
  /// Passes over the data completed; fewer than `TrainingProtocol.passes` when the run was stopped.
  public var passes: Int
  /// Mean cross entropy of the last pass, on augmented images.
  public var loss: Double
}

/// Draws a classifier and trains it; progress counts passes over the data.
///
/// - Parameter watch: is shown the network after every pass.
public func trainedClassifier(
  on set: TrainingSet, network options: Architecture, following recipe: TrainingProtocol,
  using random: RandomSource, control: RunControl = RunControl(),
  watch: (Network) throws(TensorError) -> Void = { _ in }
) throws(TensorError) -> TrainedClassifier {
  var initial = random.split("classifier weights")
  return try trainedClassifier(
    on: set, from: Network(options, using: &initial), following: recipe, using: random, control: control, watch: watch)
}

/// Trains a classifier that has weights already; progress counts passes over the data.
public func trainedClassifier(
  on set: TrainingSet, from network: Network, following recipe: TrainingProtocol, using random: RandomSource,
  control: RunControl = RunControl(), watch: (Network) throws(TensorError) -> Void = { _ in }
) throws(TensorError) -> TrainedClassifier {
  let (count, height, width) = (set.images.shape[0], set.images.shape[2], set.images.shape[3])
  var current = network
  func optimizer(inPass pass: Int) -> SGD {
    SGD(
      learningRate: recipe.learningRate(inPass: pass), momentum: recipe.momentum, weightDecay: recipe.weightDecay)
  }
  var sgd = optimizer(inPass: 0)
  var result = TrainedClassifier(network: network, passes: 0, loss: .nan)
  for pass in 0..<recipe.passes {
    if control.shouldStop() { break }
    if recipe.clearsMomentum(beforePass: pass) { sgd = optimizer(inPass: pass) }
    sgd.learningRate = recipe.learningRate(inPass: pass)
    var random = random.split("classifier pass", pass)
    let order = random.permutation(count)
    var loss = 0.0
    for range in batches(of: count, atMost: recipe.batchSize, for: current.architecture) {
      let rows = Array(order[range])
      let index = Tensor(integers: rows, shape: [rows.count])
      var images = try set.images.indexed(by: index, axis: 0)
      var targets = try set.targets.indexed(by: index, axis: 0)
      images = try augmented(
        images, by: recipe.augmentation.drawn(rows: rows.count, height: height, width: width, using: &random))
      if recipe.cutMixProbability > 0, random.uniform(1)[0] < recipe.cutMixProbability {
        let mix = CutMix.drawn(count: rows.count, height: height, width: width, using: &random)
        (images, targets) = try mix.applied(images: images, targets: targets)
      }
      let (value, gradients, buffers) = try crossEntropy(of: current, images: images, targets: targets)
      var parameters = current.parameters
      try sgd.step(&parameters, gradients)
      current = current.with(parameters: parameters).with(buffers: buffers)
      loss += value * Double(rows.count) / Double(count)
    }
    result.passes = pass + 1
    result.loss = loss
    try watch(current)
    control.progress(StepReport(step: pass + 1, steps: recipe.passes, loss: loss))
  }
  result.network = current
  return result
}

/// The batches of a pass: all but the last have `size` rows.
///
/// The statistics of a batch of one image may be those of one number, which batch norm cannot divide by: then all have nearly the same
/// size.
private func batches(of count: Int, atMost size: Int, for network: Architecture) -> [Range<Int>] {
  if network.usesBatchStatistics, count % size == 1 { return evenRanges(count, atMost: size) }
  return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
}

extension TrainingProtocol.Augmentation {
  func drawn(rows: Int, height: Int, width: Int, using random: inout RandomSource) -> [Transformation] {
    switch self {
    case .none: []
    case .one(let strategy): strategy.drawOne(rows: rows, height: height, width: width, using: &random)
    case .combined(let strategy): strategy.drawCombined(rows: rows, height: height, width: width, using: &random)
    case .classic: AugmentationStrategy.drawClassic(rows: rows, height: height, width: width, using: &random)
    }
  }
}

/// Mean cross entropy −Σ target · log softmax(logits) / n over a batch, its gradient with respect to the parameters, and the
/// network's buffers after it.
///
/// The batch passes through in nearly equal chunks whose gradients are added: the activations of a chunk stay near
/// the cache and memory does not grow with the batch. A network that goes by the batch sees it whole.
func crossEntropy(
  of network: Network, images: Tensor, targets: Tensor
) throws(TensorError) -> (loss: Double, gradients: [Tensor], buffers: [Tensor]) {
  let count = images.shape[0]
  var loss = 0.0
  var sums: [Tensor] = []
  var buffers = network.buffers
  for range in evenRanges(count, atMost: network.architecture.usesBatchStatistics ? count : passSize) {
    let x = try images.slice(axis: 0, from: range.lowerBound, to: range.upperBound)
    let y = try targets.slice(axis: 0, from: range.lowerBound, to: range.upperBound)
    let (value, gradients) = try valueAndGradients(at: network.parameters) { parameters throws(TensorError) in
      let logits = try network.with(parameters: parameters)(x, updating: &buffers)
      return try (y * logits.logSoftmax(axis: 1)).sum() * (-1 / Double(count))
    }
    loss += value.item
    sums = sums.isEmpty ? gradients : zip(sums, gradients).map { $0 + $1 }
  }
  return (loss, sums, buffers)
}

/// Answers on a labelled set.
public struct Accuracy: Sendable, Equatable {
  /// For each class, how often its images were taken for which class: no entry for never.
  public var answers: [[Int: Int]]
  /// Images of each class.
  public var total: [Int]

  /// Counts of each class.
  public init(answers: [[Int: Int]], total: [Int]) {
    self.answers = answers
    self.total = total
  }

  /// Right answers for each class.
  public var correct: [Int] { answers.enumerated().map { label, answers in answers[label] ?? 0 } }

  /// The share of right answers over all images.
  public var overall: Double { Double(correct.reduce(0, +)) / Double(max(total.reduce(0, +), 1)) }
  /// The share of right answers in each class; nil for a class without images.
  public var perClass: [Double?] { zip(correct, total).map { $1 == 0 ? nil : Double($0) / Double($1) } }
}

/// The accuracy of a classifier on every image of a set, which must have the classifier's classes in its order.
public func accuracy(
  of network: Network, on test: some RealImages, normalization: Normalization
) throws(TensorError) -> Accuracy {
  var answers: [[Int: Int]] = []
  var total: [Int] = []
  for label in 0..<test.classCount {
    let count = test.count(ofClass: label)
    var own: [Int: Int] = [:]
    for start in stride(from: 0, to: count, by: 8 * chunkSize) {
      let images = test.images(ofClass: label, at: Array(start..<min(start + 8 * chunkSize, count)))
      let logits = try inFixedChunks(normalization.normalized(bytes: images)) { chunk throws(TensorError) in
        try network(chunk)
      }
      for answer in try logits.argmax(axis: 1).integers() { own[Int(answer), default: 0] += 1 }
    }
    answers.append(own)
    total.append(count)
  }
  return Accuracy(answers: answers, total: total)
}
