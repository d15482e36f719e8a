public import Datasets
public import Methods
import Networks
public import Shards
import Streaming
import Tensors

/// How sets are evaluated.
public struct EvaluationRequest: Sendable {
  /// The training protocol, with the epochs in force.
  public var recipe: TrainingProtocol
  /// Whether a set with formation is trained for as many steps as the same set without one; see
  /// `TrainingProtocol.withEqualSteps`.
  public var equalSteps = false
  /// Networks trained per set, each from its own seed.
  public var repeats: Int
  /// Where all randomness comes from.
  public var seed: UInt64
  /// Whether every image of the set gets a score, see `PredictionErrors`.
  public var scoresImages = false
  /// The networks, in the order of the table's columns; features of the herded baseline are those of the first.
  public var networks: [NetworkChoice]

  /// A request; see the properties.
  ///
  /// - Precondition: It has a network.
  public init(
    recipe: TrainingProtocol, equalSteps: Bool = false, repeats: Int, seed: UInt64, networks: [NetworkChoice]
  ) {
    precondition(!networks.isEmpty, "an evaluation needs a network")
    self.recipe = recipe
    self.equalSteps = equalSteps
    self.repeats = repeats
    self.seed = seed
    self.networks = networks
  }

  /// The protocol for a set that stores so many images and gives so many to train on.
  func recipe(stored: Int, formed: Int) -> TrainingProtocol {
    equalSteps ? recipe.withEqualSteps(stored: stored, formed: formed) : recipe
  }

  /// Throws where the described set cannot be evaluated: a network does not fit its images, or there is not the memory for it;
  /// nothing where its size is not known yet.
  public func check(_ info: DatasetInfo, besides real: DatasetInfo?, machine: Int) throws(DataError) {
    guard let shape = info.shape, shape.count == 3 else { return }
    let size = ImageShape(channels: shape[0], height: shape[1], width: shape[2])
    let tiles = info.formation?.multiplicity ?? 1
    for choice in networks {
      let network = try choice.architecture(for: size, classes: info.classNames.count, of: info.name)
      guard !network.usesBatchStatistics || (info.countPerClass?.reduce(0, +) ?? 2) * tiles > 1 else {
        throw DataError(
          .usage, at: [info.name], "\(choice.name) has batch norm, which learns nothing from one image",
          remedy: "give --norm instance, or another --net")
      }
      try MemoryNeed.evaluating(
        network, images: info.countPerClass?.reduce(0, +) ?? 0, tiles: tiles,
        baselines: real.map { Double($0.countPerClass?.max() ?? 0) }
      ).check(decoded: 0, machine: machine, dataset: info.name)
    }
  }
}

/// An evaluation with everything read and decided.
public struct EvaluationPlan: Sendable {
  private let request: EvaluationRequest
  private let evaluated: Contestant
  private let test: ClassStore
  /// Nil without baselines.
  private let real: ClassStore?
  /// Nil without baselines, and where it cannot be told.
  private let initial: InitialImages?
  /// What the set was normalised by, where that was chosen.
  private let given: Normalization?
  /// Images of each class of the set, in the order of the test data's classes.
  public let countPerClass: [Int]
  /// What it will take on this machine.
  public let estimate: EvaluationEstimate

  /// Decides, and measures this machine; on the compute thread.
  ///
  /// - Parameters:
  ///   - training: the set.
  ///   - real: real images, for baselines.
  ///   - fallback: real images by which a set is normalised that does not say how.
  /// - Throws: `DataError` where set and test data do not fit each other, or the machine has not the memory for it.
  public init(
    _ request: EvaluationRequest, of training: TrainingImages, on test: ClassStore, named testName: String,
    besides real: ClassStore?, fallback: ClassStore?, in context: RunContext
  ) throws {
    self.request = request
    self.test = test
    self.real = real
    evaluated = try Contestant(
      training, testedOn: test, testName: testName, fallback: (fallback ?? real).map(Normalization.measured(on:)))
    let counts = training.countPerClass
    let countPerClass = test.classNames.map { name in
      training.info.classNames.firstIndex(of: name).map { counts[$0] } ?? 0
    }
    self.countPerClass = countPerClass
    let made = training.info.provenance.last { $0.options["method"] != nil }
    let given = made?.options["normalization"].flatMap(Normalization.init(text:))
    self.given = given
    do throws(DataError) {
      initial = try real.flatMap { real throws(DataError) in
        try InitialImages(
          of: training.info, counts: countPerClass, from: real, normalization: given,
          cacheDirectory: context.cacheDirectory,
          log: context.log)
      }
    } catch {
      context.log("the images that the set began with are not evaluated: \(error.problem)")
      initial = nil
    }
    estimate = try EvaluationEstimate(
      training, on: test, beside: real, normalization: given, startingFrom: initial, request: request,
      cacheDirectory: context.cacheDirectory,
      machineMemory: context.machineMemory, clock: context.clock)
  }

  /// The sets, in the order of the table's rows.
  public var labels: [String] {
    [evaluated.name] + (initial == nil ? [] : [EvaluationResult.initialImages])
      + (real == nil ? [] : ["random baseline", "herding baseline"])
  }

  /// Trains and tests, on the compute thread; rows set by set, and for each of them network by network.
  ///
  /// - Returns: where it was asked for, a score for each stored image, too: the sum over its tiles and all trained networks, low where an
  ///   image is easy; see `PredictionErrors`.
  public func run(in context: RunContext) throws -> (rows: [EvaluationResult.Row], scores: [Double]?) {
    var contestants = [evaluated]
    if let real {
      if let initial { contestants.append(try initial.contestant(from: real, in: context)) }
      contestants += try baselines(
        counts: countPerClass, from: real, testedOn: test, network: request.networks[0], seed: request.seed,
        normalization: given, in: context)
    }
    var rows: [EvaluationResult.Row] = []
    var scores: [Double]?
    for (place, contestant) in contestants.enumerated() {
      for network in request.networks {
        let (row, own) = try evaluate(
          contestant, on: test, network: network, request: request, scoring: request.scoresImages && place == 0,
          in: context)
        rows.append(row)
        if let own { scores = scores.map { zip($0, own).map(+) } ?? own }
      }
    }
    return (rows, scores)
  }
}

/// Trains networks on a set and tests each after its last epoch; on the compute thread.
public func evaluate(
  _ contestant: Contestant, on test: ClassStore, network choice: NetworkChoice, request: EvaluationRequest,
  in context: RunContext
) throws -> EvaluationResult.Row {
  try evaluate(contestant, on: test, network: choice, request: request, scoring: false, in: context).row
}

private func evaluate(
  _ contestant: Contestant, on test: ClassStore, network choice: NetworkChoice, request: EvaluationRequest,
  scoring: Bool, in context: RunContext
) throws -> (row: EvaluationResult.Row, scores: [Double]?) {
  let network = try choice.architecture(for: test.shape, classes: test.classCount, of: "test images")
  var (accuracies, isCut, stored, trainedOn) = ([Double](), false, 0, 0)
  var recipe = request.recipe
  var answers: [[Int: Int]] = Array(repeating: [:], count: test.classCount)
  var scores: [Double]?
  let start = context.clock()
  let label = contestant.label
  let place = request.networks.count > 1 ? "\(label), \(choice.name)" : label
  for repetition in 0..<request.repeats {
    let stage = "\(place) \(repetition + 1)/\(request.repeats)"
    if context.shouldStop() {
      isCut = true
      break
    }
    let synthetic = try contestant.set(repetition)
    let set = try TrainingSet(synthetic, classes: test.classCount, normalization: contestant.normalization)
    (stored, trainedOn) = (synthetic.labels.count, set.images.shape[0])
    recipe = request.recipe(stored: stored, formed: trainedOn)
    let control = RunControl(
      progress: { report in
        context.progress(
          ProgressEvent(
            stage: stage, done: report.step, total: report.steps, unit: "epochs", loss: report.loss))
      }, shouldStop: context.shouldStop)
    var errors = PredictionErrors()
    let trained = try trainedClassifier(
      on: set, network: network, following: recipe,
      using: RandomSource(seed: request.seed).split("repeat", repetition), control: control
    ) { network throws(TensorError) in
      if scoring { try errors.add(network, on: set) }
    }
    guard trained.passes == recipe.passes else {
      isCut = true
      break
    }
    let result = try accuracy(of: trained.network, on: test, normalization: contestant.normalization)
    accuracies.append(result.overall)
    context.progress(
      ProgressEvent(
        stage: stage, done: recipe.passes, total: recipe.passes, unit: "epochs", loss: trained.loss,
        accuracy: result.overall))
    let percent = (1000 * result.overall).rounded() / 10
    context.detail(
      "\(place), network \(repetition + 1): \(percent) % right, loss \(Float(trained.loss)) in the last epoch")
    if !trained.loss.isFinite {
      context.log(
        "\(place), network \(repetition + 1) diverged: its loss is \(trained.loss), and its accuracy says nothing of the images"
      )
    }
    for (label, own) in result.answers.enumerated() { answers[label].merge(own, uniquingKeysWith: +) }
    guard scoring else { continue }
    // Formed images come tile by tile.
    let own = errors.scores
    let sums = (0..<stored).map { image in
      stride(from: image, to: trainedOn, by: stored).reduce(0) { $0 + own[$1] }
    }
    scores = scores.map { zip($0, sums).map(+) } ?? sums
  }
  let row = EvaluationResult.Row(
    set: contestant.name, baseline: contestant.isBaseline, network: choice.name, accuracies: accuracies,
    perClass: answers.enumerated().map { label, own in
      let total = test.count(ofClass: label) * accuracies.count
      return total == 0 ? nil : Double(own[label] ?? 0) / Double(total)
    }, confusion: contestant.isBaseline || accuracies.isEmpty ? nil : answers, images: stored, trainedOn: trainedOn,
    epochs: request.equalSteps ? recipe.epochs : nil,
    steps: request.equalSteps ? recipe.steps(forImages: trainedOn) : nil, seconds: context.clock() - start,
    stoppedEarly: isCut)
  return (row, scores)
}

/// What an evaluation will take on this machine, before it begins.
public struct EvaluationEstimate: Sendable, Equatable {
  /// Seconds for all networks, and for the features of a baseline.
  public var seconds: Double
  /// Of these, seconds for training the network of those features; nil without baselines, 0 where it was kept.
  public var featureSeconds: Double?
  /// Of these, seconds for training networks for the initial images; nil where those need none, 0 where they were kept.
  public var initialSeconds: Double?
  /// Decoded images of the test split, and of the real training data, in RAM.
  public var decodedBytes: Int
  /// What computing takes beside them: that of the network that takes most.
  public var memoryNeed: MemoryNeed

  /// Estimates it for the set that was read, with its formation; `real` is nil without baselines, and `initial` where the set's
  /// start is not evaluated.
  ///
  /// Throws where the machine's memory cannot be enough, before anything is measured.
  public init(
    _ training: TrainingImages, on test: ClassStore, beside real: ClassStore?,
    normalization given: Normalization? = nil, startingFrom initial: InitialImages? = nil, request: EvaluationRequest,
    cacheDirectory: String?, machineMemory: Int, clock: () -> Double
  ) throws {
    let (stored, tiles) = (training.labels.count, training.info.formation?.multiplicity ?? 1)
    decodedBytes = test.residentBytes + (real?.residentBytes ?? 0)
    memoryNeed = MemoryNeed(for: .evaluating)
    var networks: [Architecture] = []
    for choice in request.networks {
      let network = try choice.architecture(for: test.shape, classes: test.classCount, of: "test images")
      var need = MemoryNeed.evaluating(
        network, images: stored, tiles: tiles, baselines: real.map { Double($0.largestClass) })
      if let before = initial?.memoryNeed { need = need.covering(before) }
      try need.check(decoded: decodedBytes, machine: machineMemory, dataset: training.info.name)
      if need.total > memoryNeed.total { memoryNeed = need }
      networks.append(network)
    }
    seconds = 0
    // A set with tiles is as many sets as it has, each for the passes of that set.
    let passes = request.recipe(stored: stored, formed: stored * tiles).passes
    let (own, baselines) = (initial == nil ? tiles : 2 * tiles, real == nil ? 0 : 2)
    var firstRate = 0.0
    for (place, network) in networks.enumerated() {
      let rate = try Work.measuredRate(Probe(network), clock: clock)
      if place == 0 { firstRate = rate }
      for (sets, passes) in [(own, passes), (baselines, request.recipe.passes)] {
        seconds +=
          Double(request.repeats * sets)
          * Work.training(network: network, images: stored, passes: passes).trainingSeconds(atRate: rate)
      }
    }
    guard let real else { return }
    var herding = Herding()
    herding.features.network = request.networks[0]
    let (recipe, cache) = try keptFeatures(
      herding.features, of: real, normalization: given, seed: request.seed, directory: cacheDirectory)
    let featureSeconds = Work.training(
      network: recipe.network, images: cache.isKept ? 0 : recipe.training.batchSize, passes: recipe.training.steps
    ).trainingSeconds(atRate: firstRate)
    self.featureSeconds = featureSeconds
    initialSeconds = initial?.trainingSeconds(on: real, atRate: firstRate)
    seconds += featureSeconds + (initialSeconds ?? 0)
  }
}
