public import Datasets
public import Methods
import Networks

/// Everything that decides a condensation, before the data is seen.
public struct CondenseRequest: Sendable {
  /// The method with its options.
  public var method: any CondensingMethod
  /// Images per class.
  public var budget: Budget
  /// Where all randomness comes from.
  public var seed: UInt64
  /// How the samples were read, option by option as typed: for the provenance.
  public var reading: [String: String] = [:]
  /// Trained networks that are given to a method that would train some; all of them are taken, unless numbers were typed.
  public var trajectories: TrajectoryFile? {
    didSet {
      guard let file = trajectories?.description else { return }
      method.adopt(networks: file.networks, epochs: file.epochs)
    }
  }

  /// An earlier set, with whose images the classes begin; nil for none.
  public var warmStart: WarmStart?

  /// A file in which the run keeps where it stands, to go on from there when it was killed.
  public var checkpoint: Checkpoint?
  /// Seconds that were asked for, as typed; nil for no limit.
  public var time: String?

  /// Where a run keeps how far it is.
  public struct Checkpoint: Sendable {
    /// The file.
    public var path: String
    /// What an earlier run left there; nil for nothing.
    public var found: CheckpointFile?
    /// Seconds between two checkpoints.
    public var interval: Double

    /// A place; see the properties.
    public init(path: String, found: CheckpointFile? = nil, interval: Double = 120) {
      self.path = path
      self.found = found
      self.interval = interval
    }
  }

  /// Real images that are held back to tell how well the result trains; nil for none.
  public var validation: Validation.Request?

  /// What networks see images shifted and scaled by; nil to measure it on all real images.
  public var normalization: Normalization?
  /// Whether each class is kept in the cache, and taken from there where it would not change.
  public var reusesClasses = false

  /// The part of the classes to make; nil for all of them.
  public var partition: Partition?
  /// What is known of all samples, where only those of the part's classes come; nil where all come.
  public var whole: KnownSet?
  /// What images are normalised by; nil where that is measured on those that are read.
  var givenNormalization: Normalization? { normalization ?? whole?.normalization }

  /// What is known of a set of which some classes are read.
  public struct KnownSet: Sendable, Equatable {
    /// Samples of each class.
    public var counts: [Int]
    /// SHA-256 of all decoded samples, as `ClassStore.digest`.
    public var digest: String
    /// Per-channel constants over all pixels.
    public var normalization: Normalization

    /// What is known; see the properties.
    public init(counts: [Int], digest: String, normalization: Normalization) {
      (self.counts, self.digest, self.normalization) = (counts, digest, normalization)
    }
  }

  /// A request; see the properties.
  public init(method: any CondensingMethod, budget: Budget, seed: UInt64) {
    self.method = method
    self.budget = budget
    self.seed = seed
  }

  /// Whether the method learns all classes in each step, and could let them take turns.
  public var learnsAllClassesInAStep: Bool {
    func offers<M: CondensingMethod>(_ method: M) -> Bool { M.settings.contains { $0.option == "classes-per-step" } }
    return offers(method) && method.recorded["classes-per-step"] == nil
  }

  /// Name and traits of the method.
  public var name: String { type(of: method).name }
  var traits: MethodTraits { type(of: method).traits }
}

extension CondenseRequest {
  /// Everything that decides the result beside the real images, before any of it follows from them.
  func asked(tool: String) -> [String: String] {
    var asked = reading.merging(method.recorded) { _, new in new }
    asked.merge(["method": name, "ipc": budget.text, "seed": String(seed), "tool": tool]) { $1 }
    (asked["time"], asked["trajectories"], asked[CheckpointFile.start]) = (time, trajectories?.digest, startDigest)
    asked.merge(validation?.recorded ?? [:]) { $1 }
    asked["partition"] = partition?.text
    return asked
  }

  /// Digest of the set with whose images the run began, in its history; nil for none.
  var startDigest: String? {
    if let found = checkpoint?.found { return found.start }
    return warmStart?.digest
  }

  /// The network that the method's options name, or the default one.
  var network: NetworkChoice {
    var network = NetworkChoice()
    let recorded = method.recorded
    for setting in NetworkChoice.settings {
      // They are of the same type, and were checked when they were set.
      if let text = recorded[setting.option] { try? setting.set(text, in: &network) }
    }
    return network
  }

  /// Throws where the method has no checkpoints, or the one that was found belongs to another run, as far as that is known before any sample is read.
  public func checkCheckpoint(tool: String) throws(DataError) {
    guard let checkpoint else { return }
    guard traits.resumes else {
      throw DataError(.usage, at: [checkpoint.path], "\(name) has no checkpoints", remedy: "leave --checkpoint out")
    }
    guard let found = checkpoint.found else { return }
    try found.check(asked: asked(tool: tool), at: checkpoint.path)
  }

  /// What will come, as far as it is known before any sample is read: enough to name and to check the place for it.
  ///
  /// Throws where the budget does not fit the classes, or asks for more than can be made of what there is.
  public func promise(of info: DatasetInfo, tool: String) throws(DataError) -> DatasetInfo {
    if let tiles = info.formation?.multiplicity, tiles > 1 {
      throw DataError(
        .badInput, at: [info.name], "stores \(tiles) training images in each image, which would be condensed as one",
        remedy: "condense the images that it was made from")
    }
    var promised = info
    let counts = try budget.counts(classNames: info.classNames, dataset: info.name)
    promised.kind = .samples
    (promised.labelKind, promised.learnedLearningRate) = (.hard, nil)
    promised.countPerClass = partition == nil ? counts : nil
    if let there = whole?.counts ?? info.countPerClass {
      try checkCounts(counts, of: there, classNames: info.classNames, dataset: info.name)
      promised.countPerClass = try share(of: counts, samples: there, dataset: info.name).counts
    }
    promised.provenance.append(
      ProvenanceStep(verb: "condense", tool: tool, options: ["method": name, "ipc": budget.text]))
    return promised
  }

  /// Throws where more images of a class are asked for than the method can make of what there is.
  func checkCounts(
    _ counts: [Int], of there: [Int], classNames: [String], dataset: String
  ) throws(DataError) {
    guard traits.isBoundedBySamples else { return }
    for (label, count) in counts.enumerated() where count > there[label] {
      if there[label] == 0 { throw emptyClass(label, classNames[label], of: dataset) }
      throw DataError(
        .badInput, at: [dataset],
        "class \(classNames[label]) has \(there[label]) samples, fewer than the \(count) asked for",
        remedy: "lower --ipc, or give this class its own number")
    }
  }

  /// The images to make of each class, those of other parts' classes left out, and the number of the first of them among those of all parts.
  ///
  /// Throws where there are more parts than classes.
  func share(of counts: [Int], samples: [Int], dataset: String) throws(DataError) -> (counts: [Int], first: Int) {
    guard let partition else { return (counts, 0) }
    guard let own = partition.classes(samples: samples, wanted: counts) else {
      let classes = counts.count { $0 > 0 }
      throw DataError(
        .usage, at: [dataset],
        "cannot be divided into \(partition.parts) parts: images of \(grouped(classes)) \(classes == 1 ? "class" : "classes") are asked for",
        remedy: "take at most \(classes) parts")
    }
    return (
      counts.indices.map { own.contains($0) ? counts[$0] : 0 }, counts[..<own.lowerBound].reduce(0, +)
    )
  }

  /// Whether a run can do without the samples of the classes of which it makes nothing: where no network is trained on all of them.
  ///
  /// - Parameters:
  ///   - info: describes all samples, with their shape.
  ///   - counts: of all samples.
  public func needsOwnClassesAlone(of info: DatasetInfo, samples counts: [Int]) throws(DataError) -> Bool {
    guard partition != nil, validation == nil, let shape = info.shape, shape.count == 3 else { return false }
    let task = MethodTask(
      dataset: info.name, shape: ImageShape(channels: shape[0], height: shape[1], width: shape[2]),
      isSpectrogram: info.spectrogram != nil, keepsClassesMirrored: info.keepsClassesMirrored(channels: shape[0]),
      counts: try budget.counts(classNames: info.classNames, dataset: info.name), available: counts)
    var method = method
    try method.decide(for: task)
    let cost = method.cost(of: task)
    return !cost.trainsOnAllClasses
      && (trajectories != nil || cost.trajectories.isEmpty && cost.features == nil)
  }

  /// The classes that the run makes something of, where all samples are counted.
  public func ownClasses(of info: DatasetInfo, samples: [Int]) throws(DataError) -> [Bool] {
    let counts = try budget.counts(classNames: info.classNames, dataset: info.name)
    return try share(of: counts, samples: samples, dataset: info.name).counts.map { $0 > 0 }
  }

  /// Throws where the described data cannot be condensed with the machine's memory or the given networks; nothing where its size is
  /// not known yet.
  ///
  /// `memoryLimit` bounds decoded images in RAM.
  public func checkMemory(for info: DatasetInfo, memoryLimit: Int, machine: Int) throws(DataError) {
    guard let shape = info.shape, shape.count == 3 else { return }
    var counts = try budget.counts(classNames: info.classNames, dataset: info.name)
    // Some methods make no more images than there are; where that is not known yet, it is said once they are counted.
    if traits.isBoundedBySamples, info.countPerClass == nil { counts = counts.map { _ in 0 } }
    var task = MethodTask(
      dataset: info.name, shape: ImageShape(channels: shape[0], height: shape[1], width: shape[2]),
      isSpectrogram: info.spectrogram != nil, keepsClassesMirrored: info.keepsClassesMirrored(channels: shape[0]),
      counts: counts,
      available: whole?.counts ?? info.countPerClass ?? counts.map { _ in 0 })
    var method = method
    try method.decide(for: task)
    if whole != nil || info.countPerClass != nil {
      task.counts = try share(of: counts, samples: task.available, dataset: info.name).counts
    }
    // A description may come from elsewhere and say anything.
    let bytes = info.spectrogram == nil ? 1.0 : 4
    let decoded = (info.countPerClass ?? []).reduce(0) { $0 + Double($1) } * shape.reduce(bytes) { $0 * Double($1) }
    let cost = method.cost(of: task)
    _ = try givenFeatures(for: cost, classNames: info.classNames)
    try cost.memory.check(decoded: Int(min(decoded, Double(memoryLimit))), machine: machine, dataset: info.name)
  }

  /// The network for features that the file of trained networks gives to a run of that cost; nil where it gives trajectories, or
  /// where there is no file.
  ///
  /// - Throws: `DataError` where it has other networks than the method asks for.
  func givenFeatures(for cost: Cost, classNames: [String]) throws(DataError) -> Network? {
    guard let file = trajectories else { return nil }
    for recipe in cost.trajectories { _ = try file.trajectories(for: recipe, classNames: classNames) }
    if !cost.trajectories.isEmpty { return nil }
    guard let features = cost.features else {
      throw DataError(
        .usage, at: [], "--trajectories means nothing here: \(name) trains no networks with these options",
        remedy: "leave it out")
    }
    return try file.features(in: features.network, classNames: classNames)
  }

  /// What memory is needed for, for errors.
  var purpose: MemoryNeed.Purpose { traits.learns ? (traits.isBoundedBySamples ? .fitting : .making) : .selecting }
}

extension CondensingMethod {
  /// The formation that its options name.
  ///
  /// - Precondition: It was decided for the task.
  var formation: Formation {
    let recorded = recorded
    return Formation(
      recorded["formation"].flatMap(Formation.Kind.init(rawValue:)) ?? .uniform,
      factor: recorded["factor"].flatMap { Int($0) } ?? 1)
  }
}
