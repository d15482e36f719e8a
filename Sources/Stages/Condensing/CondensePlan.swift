public import Datasets
import Methods
import Networks
import Streaming
import Tensors

/// A condensation with everything decided: the method's options after typed options, defaults and the size of the work.
public struct CondensePlan: Sendable {
  let request: CondenseRequest
  let info: DatasetInfo
  let digest: String
  /// Images to make of each class.
  private let counts: [Int]
  /// The number of the first of them among the images of all parts.
  let firstImage: Int
  let method: any CondensingMethod
  private let cache: FeatureCache?
  let givenFeatures: Network?
  /// The networks whose snapshots are taken in every step; nil where there are none.
  private let mainRecipe: TrajectoryRecipe?
  /// The real images that are condensed: all of them, or those that are not held back.
  let real: ClassStore
  private let validation: Validation?
  /// The first images of the classes that begin with those of an earlier set, by class, un-normalised.
  private let firstImages: [Int: Tensor]
  /// The moment of the clock at which the steps end, so that there is time to validate; nil for none.
  private let deadline: Double?
  let normalization: Normalization
  /// Whether the images of a class follow from the request and its own samples.
  private let classesFollowFromSamples: Bool
  private let usesNormalization: Bool
  /// What the run will take on this machine.
  public let estimate: Estimate

  /// Decides, and measures this machine on one chunk of images.
  ///
  /// With a deadline, and no number of steps that was asked for, the plan takes as many as fit. On the compute thread.
  ///
  /// - Throws: `DataError` where the request does not fit the data, or the machine has not the memory for it.
  public init(_ request: CondenseRequest, for whole: ClassStore, of info: DatasetInfo, in context: RunContext) throws {
    self.request = request
    self.info = info
    digest = request.whole?.digest ?? whole.digest
    let counts = try request.budget.counts(classNames: whole.classNames, dataset: info.name)
    let network = request.network
    validation = try request.validation.map { asked throws(DataError) in
      try Validation(asked, of: whole, seed: request.seed, network: network, counts: counts)
    }
    if let names = validation?.untried, !names.isEmpty {
      context.log("nothing is held back of \(names.joined(separator: ", ")): of one sample there is nothing to try")
    }
    if validation != nil, request.trajectories != nil {
      context.log(
        "the given networks may have been trained on samples that are held back now: then the held-out accuracy is too high"
      )
    }
    let store = validation?.training ?? whole
    real = store
    let stored = (0..<store.classCount).map(store.count(ofClass:))
    let available = request.whole?.counts ?? stored
    try request.checkCounts(counts, of: available, classNames: store.classNames, dataset: info.name)
    if let empty = counts.indices.first(where: { counts[$0] > 0 && available[$0] == 0 }) {
      throw emptyClass(empty, store.classNames[empty], of: info.name)
    }
    let share = try request.share(of: counts, samples: available, dataset: info.name)
    (self.counts, firstImage) = share
    // Options follow from what all parts make, cost from what this one does.
    let task = MethodTask(
      dataset: info.name, shape: store.shape, isSpectrogram: store.isSpectrogram,
      keepsClassesMirrored: store.keepsClassesMirrored, counts: counts, available: available)
    var method = request.method
    if let checkpoint = request.checkpoint, let found = checkpoint.found {
      try found.check(source: Self.checkpointSource(digest, info), at: checkpoint.path)
      do throws(SettingError) {
        try method.setAll(found.options)
      } catch {
        throw DataError(.badInput, at: [checkpoint.path], "has an option of another version: \(error)")
      }
    }
    var undecided = method
    try method.decide(for: task)
    var own = task
    (own.counts, own.available) = (share.counts, stored)
    var cost = method.cost(of: own)
    func checkMemory() throws(DataError) {
      try cost.memory.check(decoded: store.residentBytes, machine: context.machineMemory, dataset: info.name)
    }
    try checkMemory()
    let rate = try cost.probe.map { probe throws(TensorError) in
      try Work.measuredRate(probe, clock: context.clock)
    }
    var deadline = context.deadline
    if let validation, let rate, let moment = deadline {
      let network = try request.network.architecture(for: store.shape, classes: store.classCount, of: info.name)
      let needed = validation.seconds(
        of: network, tiles: method.formation.multiplicity, learns: request.traits.learns, atRate: rate)
      deadline = moment - needed
      guard moment - needed > context.clock() || request.checkpoint?.found != nil else {
        throw DataError(
          .usage, at: [info.name],
          "the trial of --validate takes about \(Int(needed.rounded(.up))) seconds, so that --time leaves none for the images",
          remedy: "give --time more, or leave --validate out")
      }
    }
    self.deadline = deadline
    if let deadline, let rate, method.steps == nil, request.trajectories == nil,
      let recipe = cost.trajectories.last
    {
      let epoch = Work.training(network: recipe.network, images: store.count, passes: 1)
      undecided.share(
        TimeBudget(
          seconds: deadline - context.clock(), secondsPerEpoch: epoch.trainingSeconds(atRate: rate), for: task))
      let wanted = method.recorded
      method = undecided
      try method.decide(for: task)
      cost = method.cost(of: own)
      try checkMemory()
      if method.recorded["embed-in"] != wanted["embed-in"] {
        let first = method.recorded["init"] == wanted["init"] ? "" : ", and first images are drawn, too"
        context.log(
          "the time has no room for one epoch on the real images: networks are drawn and not trained\(first)")
      }
    }
    mainRecipe = cost.trajectories.last
    cache = cost.features.map {
      FeatureCache(
        $0, for: store, normalization: request.givenNormalization, seed: request.seed, directory: context.cacheDirectory
      )
    }
    givenFeatures = try request.givenFeatures(for: cost, classNames: store.classNames)
    // A run that goes on has its first images behind it.
    let first =
      request.checkpoint?.found == nil
      ? request.warmStart.map { start in
        start.firstImages(counts: share.counts, formation: method.formation, of: store, log: context.log)
      } : nil
    if first != nil, validation != nil {
      context.log(
        "the earlier set may have been learned from samples that are held back now: then the held-out accuracy is too high"
      )
    }
    firstImages = first ?? [:]
    if request.traits.learns, method.recorded["init"] != "noise" {
      let tiles = method.formation.finest.count
      let scarce = counts.indices.filter {
        share.counts[$0] > 0 && first?[$0] == nil && counts[$0] * tiles > available[$0]
      }
      if let first = scarce.first {
        let others = scarce.count > 1 ? "; so in \(scarce.count) classes in all" : ""
        context.log(
          "\(store.classNames[first]) has \(counted(available[first], "sample")) for \(counts[first] * tiles) first images, so that "
            + "samples serve again, changed a little\(others)")
      }
    }
    if let file = request.trajectories, file.description.source != digest {
      context.log("the given networks were trained on other images than these, those of \(file.description.dataset)")
    }
    var estimate = Estimate(
      images: share.counts.reduce(0, +), steps: nil, decodedBytes: store.residentBytes,
      spilledBytes: store.spilledBytes,
      workingBytes: Int(cost.memory.total))
    if request.trajectories == nil, let rate {
      estimate.trajectories = cost.trajectories.map { recipe in
        let cache = TrajectoryCache(
          recipe, for: store, normalization: request.givenNormalization, seed: request.seed,
          directory: context.cacheDirectory, log: context.log)
        return .init(recipe, missingEpochs: cache.missingEpochs, on: store, atRate: rate)
      }
    }
    let beginsAnew = share.counts.indices.contains { share.counts[$0] > 0 && first?[$0] == nil }
    if let rate, method.steps != 0, beginsAnew { estimate.startSeconds = cost.operationsBefore / rate }
    if let operations = cost.operationsPerStep, let rate {
      let seconds = cost.slowness * operations / rate
      if let deadline, method.steps == nil {
        let before = estimate.trajectories.reduce(estimate.startSeconds) { $0 + $1.seconds }
        method.steps = Work.steps(of: seconds, in: deadline - context.clock() - before)
      }
      method.steps = method.steps ?? cost.usualSteps?.steps(of: operations, threads: context.threads)
      try method.decide(for: task)
      (estimate.steps, estimate.secondsPerStep) = (method.steps, seconds)
    }
    if let steps = method.steps {
      if let every = context.snapshotEvery, every > steps {
        context.log("no snapshot will be written: \(counted(steps, "step")), and --snapshot-every \(every)")
      }
      if let every = request.validation?.every, every > steps {
        context.log("tried at the end alone: \(counted(steps, "step")), and --validate-every \(every)")
      }
    }
    if let features = cost.features, let rate, let cache {
      let passes = cache.isKept || givenFeatures != nil ? 0 : features.training.steps
      let training = Work.training(network: features.network, images: features.training.batchSize, passes: passes)
      estimate.features = .init(
        steps: passes,
        seconds: training.trainingSeconds(atRate: rate) + features.network.operations * Double(store.count) / rate)
    }
    self.method = method
    self.estimate = estimate
    if let given = request.normalization, given.mean.count != store.shape.channels {
      throw DataError(
        .usage, at: [info.name],
        "has \(store.shape.channels) channels, and --normalization has \(given.mean.count) means and deviations")
    }
    normalization = request.givenNormalization ?? Normalization.measured(on: store)
    classesFollowFromSamples =
      !cost.trainsOnAllClasses
      && (request.trajectories != nil || cost.trajectories.isEmpty && cost.features == nil)
    usesNormalization = cost.probe != nil || cost.features != nil
    if let file = request.trajectories, file.description.normalization != normalization {
      context.log(
        "the given networks were trained on images with the mean \(rounded(file.description.normalization.mean)) and deviation "
          + "\(rounded(file.description.normalization.std)) taken out, and here these are \(rounded(normalization.mean)) and "
          + rounded(normalization.std))
    }
  }

  /// The classes that an earlier run made; nil where none is looked for.
  private func reuse(tool: String, in context: RunContext) -> ClassReuse? {
    guard request.reusesClasses else { return nil }
    guard let directory = context.cacheDirectory, classesFollowFromSamples else {
      context.log(
        context.cacheDirectory == nil
          ? "no class is kept: there is no cache"
          : "all classes are made: with these options of \(request.name) they depend on networks that are trained on all images"
      )
      return nil
    }
    // What stands in a checkpoint, and trials of the whole set, are of all classes.
    guard validation == nil, deadline == nil, context.snapshotEvery == nil, request.checkpoint?.found == nil else {
      context.log(
        "all classes are made: with --validate, --time, snapshots, or a checkpoint to go on from, none is taken from an earlier run"
      )
      return nil
    }
    let options = method.recorded.sorted { $0.key < $1.key }.map { "--\($0.key)=\($0.value)" }.joined(separator: " ")
    let networks = request.trajectories.map { "networks \($0.digest)" } ?? "networks by seed"
    // A class that stays is taken whichever earlier set it began with: that is another one every night.
    let start = request.warmStart == nil ? "" : " from an earlier set"
    let scale = usesNormalization ? "normalized by \(normalization.mean) \(normalization.std)" : "as they are"
    // Which classes a step learns depends on their number.
    let turns = method.recorded["classes-per-step"] == nil ? "" : " of \(counts.count) classes"
    let recipe =
      "\(tool)\n\(request.name)\(start) \(options)\(turns)\nseed \(request.seed)\n\(networks)\n\(scale)\ndevice \(Runtime.device) threads \(context.threads)"
    return ClassReuse(
      recipe, of: real, counts: counts, formation: method.formation, directory: directory, log: context.log)
  }

  /// Carries it out, on the compute thread; `snapshot` receives what there is every so many steps.
  ///
  /// - Returns: the result, and the names of classes that an earlier run had made.
  func run(
    tool: String, in context: RunContext, snapshot: @escaping @Sendable (Int, Synthetic) -> Void
  ) throws -> (result: Condensation, reused: [String]) {
    let reuse = reuse(tool: tool, in: context)
    let reused = reuse.map { $0.classes.map { real.classNames[$0] } } ?? []
    if !reused.isEmpty {
      context.log("\(reused.count) of \(counted(counts.count { $0 > 0 }, "class")) are as an earlier run made them")
    }
    if let reuse, reuse.missing.allSatisfy({ $0 == 0 }) { return (try reuse.whole(with: nil), reused) }
    var control = control(for: real, in: context)
    let trials = Trials(request.checkpoint?.found?.trials ?? .init())
    let wanted = Set(context.snapshotEvery.map { Array(stride(from: $0, through: method.steps ?? 0, by: $0)) } ?? [])
    control.firstImages = { [firstImages] in firstImages[$0] }
    control.snapshotSteps = wanted.union(
      (1...max(1, method.steps ?? 1)).filter { validation?.isDue(afterStep: $0) ?? false })
    control.snapshot = { step, synthetic in
      if wanted.contains(step) { snapshot(step, synthetic) }
      if let validation, validation.isDue(afterStep: step) {
        let accuracy = Result {
          try validation.accuracy(of: synthetic, named: request.name, normalization: normalization, in: context)
        }
        trials.add(accuracy, ofStep: step, log: context.log)
        report(try? accuracy.get(), afterStep: step, in: context)
      }
    }
    let shouldStop = control.shouldStop
    control.shouldStop = { [deadline] in
      shouldStop() || trials.areOver || deadline.map { context.clock() >= $0 } ?? false
    }
    let keeper = (reused.isEmpty ? request.checkpoint : nil).map { checkpoint in
      CheckpointKeeper(
        checkpoint, asked: request.asked(tool: tool), source: Self.checkpointSource(digest, info),
        options: method.recorded, recipe: mainRecipe,
        trials: trials, in: context)
    }
    keeper?.take(part: &control)
    let result = try method.condense(
      real, counts: reuse?.missing ?? counts, normalization: normalization,
      using: RandomSource(seed: request.seed), control: control)
    try keeper?.finish()
    try trials.finish()
    try check(steps: result.steps, result.lastReport)
    try checkImages(result.synthetic.images, in: context)
    guard let reuse else { return (result, []) }
    let isWhole = request.traits.learns ? result.steps == method.steps : !context.shouldStop()
    if isWhole { reuse.keep(result, log: context.log) }
    return (reused.isEmpty ? result : try reuse.whole(with: result), reused)
  }

  /// Refuses images that the last step made infinite, and says where they lie far from all real ones: the rate was too high.
  private func checkImages(_ images: Tensor, in context: RunContext) throws {
    guard request.traits.learns, images.shape[0] > 0 else { return }
    let rates = request.traits.learningRates.map { "--\($0)" }.joined(separator: " or ")
    let (low, high) = (try images.min().item, try images.max().item)
    guard low.isFinite, high.isFinite else {
      throw DataError(
        .usage, at: [info.name], "\(request.name) diverged: its images have values that are not finite",
        remedy: "lower \(rates)")
    }
    // Of real images everything lies within some deviations of the mean.
    let shown = try normalization.normalized(images)
    let far = try max(abs(shown.min().item), abs(shown.max().item))
    if far > 100 {
      context.log(
        "the images lie up to \(Int(min(far, 1e15))) deviations from the mean of the data: try a lower \(rates)")
    }
  }

  /// Tells how well a result trains, on the compute thread; nil where nothing was held back, or it was stopped.
  func validate(_ made: Condensation, in context: RunContext) throws -> ValidationResult? {
    try validation?.result(of: made, named: request.name, normalization: normalization, in: context)
  }

  /// Shows how well the set trains after so many steps; nothing where it was not told.
  func report(_ accuracy: Double?, afterStep step: Int, in context: RunContext) {
    guard let accuracy else { return }
    context.progress(
      ProgressEvent(stage: request.name, done: step, total: method.steps, unit: "steps", accuracy: accuracy))
  }

  /// Fits the method's model and packs it as a file, on the compute thread.
  ///
  /// - Parameter tool: stands in the provenance, as `verb` does.
  /// - Throws: `DataError` where nothing was learned.
  public func fit(on store: ClassStore, tool: String, verb: String, in context: RunContext) throws -> FittedModel {
    guard let fitted = method as? any FittedMethod else {
      preconditionFailure("the catalogue offers to fit \(request.name), which has no model")
    }
    let control = control(for: store, in: context)
    return try fitted.fitted(
      to: store, of: info, counts: counts, normalization: normalization,
      using: RandomSource(seed: request.seed), control: control
    ) { steps, report in
      try check(steps: steps, report)
      return step(verb, tool: tool, stepsReached: steps)
    }
  }

  private func control(for store: ClassStore, in context: RunContext) -> RunControl {
    let (name, learns) = (request.name, request.traits.learns)
    var control = RunControl(shouldStop: context.shouldStop)
    control.progress = { report in
      let isCounted = learns || report.phase != nil
      context.progress(
        ProgressEvent(
          stage: report.phase ?? name, done: report.step, total: report.steps,
          unit: report.unit ?? (isCounted ? "steps" : "classes"),
          loss: isCounted ? report.loss : nil, gradientNorm: learns ? report.gradientNorm : nil, note: report.note,
          terms: report.terms.map { .init(name: $0.name, value: $0.value) }))
    }
    if let network = givenFeatures {
      // As far as it was trained, which the file tells.
      control.featureNetwork = { recipe, _ in (network, recipe.training.steps) }
    } else if let cache {
      control.featureNetwork = { _, train throws(TensorError) in try cache.made(log: context.log, train) }
    }
    if let file = request.trajectories {
      control.trajectories = { recipe, _ in
        do throws(DataError) {
          return try file.trajectories(for: recipe, classNames: store.classNames)
        } catch {
          preconditionFailure("\(name) asks for networks that its cost did not name: \(error)")
        }
      }
    } else {
      control.trajectories = TrajectoryCache.source(
        for: store, normalization: request.givenNormalization, seed: request.seed, in: context)
    }
    return control
  }

  /// Throws where nothing was learned.
  private func check(steps: Int, _ report: StepReport?) throws(DataError) {
    let asked = method.steps ?? 0
    if request.traits.learns {
      let rates = request.traits.learningRates.map { "--\($0)" }.joined(separator: " or ")
      try checkLearned(report, method: request.name, dataset: info.name, remedy: "lower \(rates)")
    } else if asked > 0, steps == 0 {
      throw stoppedBeforeFirstStep("the training of the network for \(request.name)", info.name)
    }
  }
}

/// `66.1 %`.
func percentText(_ share: Double) -> String { "\((1000 * share).rounded() / 10) %" }

/// Numbers as a message shows them.
private func rounded<Value: BinaryFloatingPoint>(_ values: [Value]) -> String {
  values.map { "\((Double($0) * 1e4).rounded() / 1e4)" }.joined(separator: ", ")
}
