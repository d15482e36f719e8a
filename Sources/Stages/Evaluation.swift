public import Datasets
public import Methods
import Networks
public import Streaming
import Tensors

/// How sets are judged.
public struct EvaluationRequest: Sendable {
  /// The training protocol, with the epochs in force.
  public var recipe: TrainingProtocol
  /// Classifiers trained per set, each from its own seed.
  public var repeats: Int
  /// Where all randomness comes from.
  public var seed: UInt64
  /// The classifier.
  public var network: NetworkChoice

  /// Makes a request.
  public init(recipe: TrainingProtocol, repeats: Int, seed: UInt64, network: NetworkChoice) {
    self.recipe = recipe
    self.repeats = repeats
    self.seed = seed
    self.network = network
  }
}

/// What one set achieved.
public struct EvaluationRow: Sendable {
  /// The method that made the set, or `random`, `herding`.
  public var name: String
  /// Whether these are real images that the judged set is shown beside.
  public var isBaseline: Bool
  /// Test accuracy after the last epoch, one per classifier, in [0, 1].
  public var accuracies: [Double]
  /// Mean accuracy per class, in index order; nil for a class without test images.
  public var perClass: [Double?]
  /// Images stored per set.
  public var stored: Int
  /// Images trained on per epoch: more than stored where the set has a formation.
  public var trained: Int
  /// Seconds for all classifiers.
  public var seconds: Double
  /// Whether a time limit or a signal ended the last training early; its result is not among `accuracies`.
  public var isCut: Bool

  /// Makes a row; see the properties.
  public init(
    name: String, isBaseline: Bool = false, accuracies: [Double], perClass: [Double?], stored: Int, trained: Int,
    seconds: Double, isCut: Bool
  ) {
    self.name = name
    self.isBaseline = isBaseline
    self.accuracies = accuracies
    self.perClass = perClass
    self.stored = stored
    self.trained = trained
    self.seconds = seconds
    self.isCut = isCut
  }

  /// What tells it from the other rows: a judged set may be one of random images too.
  public var label: String { rowLabel(name, isBaseline: isBaseline) }
  /// Mean accuracy; NaN where no classifier finished.
  public var mean: Double { accuracies.reduce(0, +) / Double(accuracies.count) }
  /// Sample standard deviation over the classifiers; nil for fewer than two.
  public var deviation: Double? {
    guard accuracies.count > 1 else { return nil }
    let mean = mean
    let squares = accuracies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(accuracies.count - 1)).squareRoot()
  }
}

/// `random`, or `random baseline` where real images are the baseline.
private func rowLabel(_ name: String, isBaseline: Bool) -> String { isBaseline ? "\(name) baseline" : name }

/// A set to be judged: which images a classifier sees, possibly others in every repeat.
public struct Contestant: Sendable {
  /// The method that made it.
  public var name: String
  /// Whether it is shown for comparison only.
  public var isBaseline: Bool
  /// Shown in the table.
  public var label: String { rowLabel(name, isBaseline: isBaseline) }
  /// Constants that its images are normalised with, for training and for testing.
  public var normalization: Methods.Normalization
  /// The set for one repeat; called on the compute thread.
  public var set: @Sendable (_ repetition: Int) throws -> Synthetic

  /// Makes a contestant.
  public init(
    name: String, isBaseline: Bool = false, normalization: Methods.Normalization,
    set: @escaping @Sendable (_ repetition: Int) throws -> Synthetic
  ) {
    self.name = name
    self.isBaseline = isBaseline
    self.normalization = normalization
    self.set = set
  }

  /// The set that a manifest or a wire describes: its own normalisation and formation; labels in the order of
  /// `classNames`.
  ///
  /// Throws where its classes are not those of the test set, or its images of another shape.
  public init(
    _ training: TrainingImages, testedOn test: ClassStore, testName: String, fallback: Methods.Normalization?
  ) throws(DataError) {
    var info = training.info
    info.shape = Array(training.images.shape.dropFirst())
    let shape = [test.shape.channels, test.shape.height, test.shape.width]
    try checkComparable(info, with: DatasetInfo(name: testName, classNames: test.classNames, shape: shape))
    if let stated = info.normalization {
      guard stated.mean.count == shape[0], stated.std.count == shape[0], stated.std.allSatisfy({ $0 > 0 }) else {
        throw DataError(
          .badInput, at: [info.name],
          "its normalisation has means \(stated.mean) and deviations \(stated.std), where \(shape[0]) channels need as "
            + "many of each, and deviations above 0",
          remedy:
            "correct mean and std in its manifest, or leave them out: those of the real training data are taken then")
      }
    }
    guard
      let normalization = info.normalization.map({ Methods.Normalization(mean: $0.mean, deviation: $0.std) })
        ?? fallback
    else {
      throw DataError(
        .badInput, at: [info.name], "it does not say how to normalise its images",
        remedy: "give the real training data with --real")
    }
    let factor = info.formation?.factor ?? 1
    guard factor >= 1, Methods.Formation(factor: factor).fits(height: shape[1], width: shape[2]) else {
      throw DataError(
        .badInput, at: [info.name],
        "its formation of \(factor) tiles per side does not fit images of \(shape[1])×\(shape[2])",
        remedy: "correct the formation in its manifest, or condense again with a smaller --factor")
    }
    let formation = Methods.Formation(factor: factor)
    let order = info.classNames.map { name in test.classNames.firstIndex(of: name) ?? 0 }
    let labels = training.labels.map { order[$0] }
    var soft = training.softLabels
    if let rows = soft {
      let back = test.classNames.map { name in info.classNames.firstIndex(of: name) ?? 0 }
      do {
        soft = try rows.indexed(by: Tensor(integers: back, shape: [back.count]), axis: 1)
        if info.labelKind == .logit { soft = try soft?.softmax(axis: 1) }
      } catch {
        throw DataError(.badInput, at: [info.name], "its soft labels cannot be used: \(error)")
      }
    }
    let targets = soft
    let images = training.images
    let method = info.provenance.last { $0.options["method"] != nil }?.options["method"]
    self.init(name: method ?? info.name, normalization: normalization) { _ in
      Synthetic(images: images, labels: labels, formation: formation, softLabels: targets)
    }
  }
}

/// Throws where a set cannot be judged on that test data, as far as both descriptions tell.
///
/// Descriptions are known before any sample is read.
public func checkComparable(_ info: DatasetInfo, with test: DatasetInfo) throws(DataError) {
  let missing = info.classNames.filter { !test.classNames.contains($0) }
  guard missing.isEmpty, Set(info.classNames).count == test.classNames.count else {
    throw DataError(
      .badInput, at: [info.name],
      "its classes (\(info.classNames.joined(separator: ", "))) are not those of \(test.name) "
        + "(\(test.classNames.joined(separator: ", ")))",
      remedy: "choose the same classes on both sides with --classes")
  }
  guard let found = info.shape, let expected = test.shape, found != expected else { return }
  throw DataError(
    .badInput, at: [info.name],
    "its images are \(shapeText(found)) (C×H×W), "
      + "those of \(test.name) are \(shapeText(expected))",
    remedy: "give both one size with --resize")
}

/// Throws where real images cannot be baselines on that test data, as far as both descriptions tell.
public func checkBaselines(from real: DatasetInfo, testedOn test: DatasetInfo) throws(DataError) {
  let isSameShape = real.shape == nil || test.shape == nil || real.shape == test.shape
  guard real.classNames != test.classNames || !isSameShape else { return }
  func described(_ info: DatasetInfo) -> String {
    let shape = info.shape.map(shapeText) ?? "of several sizes"
    return "\(shape) of \(info.classNames.joined(separator: ", "))"
  }
  throw DataError(
    .badInput, at: ["real training data"],
    "its images are \(described(real)), and those of the test part are \(described(test))",
    remedy: "give --real the archive that --test belongs to, or one size and the same classes for both")
}

extension ClassStore {
  /// Classes and size, as a description has them.
  fileprivate var described: DatasetInfo {
    DatasetInfo(name: "", classNames: classNames, shape: [shape.channels, shape.height, shape.width])
  }
}

/// Trains classifiers on a set and tests each after its last epoch; on the compute thread.
public func evaluate(
  _ contestant: Contestant, on test: ClassStore, request: EvaluationRequest, shouldStop: @escaping @Sendable () -> Bool,
  detail: (String) -> Void = { _ in }, progress: @escaping ProgressHandler, clock: () -> Double
) throws -> EvaluationRow {
  let network = try request.network.options(shape: test.shape, classes: test.classCount, of: "test images")
  var row = EvaluationRow(
    name: contestant.name, isBaseline: contestant.isBaseline, accuracies: [], perClass: [], stored: 0, trained: 0,
    seconds: 0, isCut: false)
  var correct = Array(repeating: 0, count: test.classCount)
  let start = clock()
  for repetition in 0..<request.repeats {
    if shouldStop() {
      row.isCut = true
      break
    }
    let synthetic = try contestant.set(repetition)
    let set = try TrainingSet(synthetic, classes: test.classCount, normalization: contestant.normalization)
    row.stored = synthetic.labels.count
    row.trained = set.images.shape[0]
    let name = contestant.label
    let control = RunControl(
      progress: { report in
        progress(
          ProgressEvent(
            stage: "\(name) \(repetition + 1)/\(request.repeats)", done: report.step, total: report.steps,
            unit: "epochs",
            loss: report.loss))
      }, shouldStop: shouldStop)
    let trained = try trainedClassifier(
      on: set, network: network, following: request.recipe,
      using: RandomSource(seed: request.seed).split("repeat", repetition),
      control: control)
    guard trained.passes == request.recipe.passes else {
      row.isCut = true
      break
    }
    let result = try accuracy(of: trained.network, on: test, normalization: contestant.normalization)
    row.accuracies.append(result.overall)
    let percent = (1000 * result.overall).rounded() / 10
    detail("\(name), network \(repetition + 1): \(percent) % right, loss \(Float(trained.loss)) in the last epoch")
    for (label, right) in result.correct.enumerated() { correct[label] += right }
  }
  row.seconds = clock() - start
  row.perClass = correct.enumerated().map { label, right in
    let total = test.count(ofClass: label) * row.accuracies.count
    return total == 0 ? nil : Double(right) / Double(total)
  }
  return row
}

/// The baselines that every accuracy is shown beside: as many real images per class as the judged set stores.
///
/// Random draws anew for every repeat; Herding is one set. Throws where the classes or the size of the real images are
/// not those of the test set.
public func baselines(
  counts: [Int], from real: ClassStore, testedOn test: ClassStore, network: NetworkChoice, seed: UInt64,
  in context: RunContext
) throws -> [Contestant] {
  try checkBaselines(from: real.described, testedOn: test.described)
  let normalization = Methods.Normalization.measured(on: real)
  let random = Contestant(name: "random", isBaseline: true, normalization: normalization) { repetition in
    try RandomSelection.select(
      from: real, counts: counts, using: RandomSource(seed: seed).split("random baseline", repetition)
    ).synthetic
  }
  var herding = Herding()
  herding.features.network = network
  let cache = try baselineFeatures(real, network: network, seed: seed, directory: context.cacheDirectory).cache
  var control = RunControl(shouldStop: context.shouldStop)
  control.featureNetwork = { _, train throws(TensorError) in try cache.made(log: context.log, train) }
  control.progress = { report in
    guard let phase = report.phase else { return }
    context.progress(
      ProgressEvent(stage: phase, done: report.step, total: report.steps, unit: "steps", loss: report.loss))
  }
  let picked = try herding.condense(
    real, counts: counts, normalization: normalization, using: RandomSource(seed: seed), control: control
  ).synthetic
  return [random, Contestant(name: "herding", isBaseline: true, normalization: normalization) { _ in picked }]
}

/// The features of the herded baseline, and where their network is kept.
private func baselineFeatures(
  _ real: ClassStore, network: NetworkChoice, seed: UInt64, directory: String?
) throws(DataError) -> (recipe: FeatureNetwork.Recipe, cache: FeatureCache) {
  let task = CondensingTask(
    dataset: "real training data", shape: real.shape, counts: real.classNames.map { _ in 1 },
    available: real.classNames.indices.map(real.count(ofClass:)))
  var features = FeatureNetwork()
  features.network = network
  try features.decide(for: task)
  let recipe = features.recipe(for: task)
  return (recipe, FeatureCache(recipe, for: real, seed: seed, directory: directory))
}

/// What judging will take on this machine, before it begins.
public struct EvaluationEstimate: Sendable, Equatable {
  /// Seconds for all classifiers, and for the features of a baseline.
  public var seconds: Double
  /// Of these, seconds for training the network of those features; nil without baselines, 0 where it was kept.
  public var featureSeconds: Double?
  /// Decoded images of the test part, and of the real training data, in RAM.
  public var decodedBytes: Int
  /// What computing takes beside them.
  public var memoryNeed: MemoryNeed

  /// Reckons it for the set that was read, with its formation; `real` is nil without baselines.
  ///
  /// Throws where the machine's memory cannot be enough, before anything is measured.
  public init(
    _ training: TrainingImages, on test: ClassStore, beside real: ClassStore?, request: EvaluationRequest,
    cacheDirectory: String?, machineMemory: Int, clock: () -> Double
  ) throws {
    let network = try request.network.options(shape: test.shape, classes: test.classCount, of: "test images")
    let (stored, factor) = (training.labels.count, training.info.formation?.factor ?? 1)
    memoryNeed = MemoryNeed.judging(
      network, images: stored, tiles: factor * factor, baselines: real.map { Double($0.largestClass) })
    decodedBytes = test.residentBytes + (real?.residentBytes ?? 0)
    try memoryNeed.check(decoded: decodedBytes, machine: machineMemory, dataset: training.info.name)
    let rate = try Work.measuredRate(network: network, clock: clock)
    func classifiers(_ images: Int) -> Double {
      Double(request.repeats)
        * Work.training(network: network, images: images, passes: request.recipe.passes).trainingSeconds(atRate: rate)
    }
    seconds = classifiers(stored * factor * factor)
    guard let real else { return }
    let (recipe, cache) = try baselineFeatures(
      real, network: request.network, seed: request.seed, directory: cacheDirectory)
    let featureSeconds = Work.training(
      network: recipe.network, images: cache.isKept ? 0 : recipe.training.batchSize, passes: recipe.training.steps
    ).trainingSeconds(atRate: rate)
    self.featureSeconds = featureSeconds
    seconds += 2 * classifiers(stored) + featureSeconds
  }
}
