public import Datasets
import Methods
import Networks
import Shards
import Streaming
import Tensors

/// What a condensed set was before its first step, made again from its history and the real images.
///
/// It is the method with the recorded options and seed, and no steps.
public struct InitialImages: Sendable {
  private let method: any CondensingMethod
  private let seed: UInt64
  private let counts: [Int]
  private let keepsClassesMirrored: Bool
  /// Epochs that have to be trained for them.
  private let missingEpochs: Int
  /// Memory that making them takes; nil where it is next to nothing.
  let memoryNeed: MemoryNeed?
  private let given: Normalization?
  /// Networks that are trained for them; nil where none are.
  private let recipe: TrajectoryRecipe?

  /// The start of the set that `info` describes, with `counts[c]` images of each class c; nil where its history names none.
  ///
  /// - Parameters:
  ///   - real: the images that it was condensed from, if they are.
  ///   - normalization: what the set was made with; nil for the one that is measured on the real images.
  ///   - directory: where trained networks are kept.
  ///   - log: told of damaged files there.
  /// - Throws: `DataError` that says why it cannot be made again.
  public init?(
    of info: DatasetInfo, counts: [Int], from real: ClassStore, normalization: Normalization?,
    cacheDirectory directory: String?,
    log: (String) -> Void
  ) throws(DataError) {
    guard let place = info.provenance.lastIndex(where: { $0.options["method"] != nil }),
      info.provenance[place].verb == "condense", let start = info.provenance[place].options["init"],
      let name = info.provenance[place].options["method"]
    else { return nil }
    let step = info.provenance[place]
    func cannot(_ problem: String) -> DataError { DataError(.badInput, at: [info.name], problem) }
    if let later = info.provenance[(place + 1)...].first(where: { $0.verb == "cat" }) {
      let how = later.options.sorted { $0.key < $1.key }.map { "--\($0) \($1)" }.joined(separator: " ")
      throw cannot("it was changed afterwards, by pipe cat \(how)")
    }
    guard let type = Registry.method(name), type.traits.learns else {
      throw cannot("this program has no method \(name)")
    }
    guard step.digests["source"] == real.digest else {
      throw cannot("it was condensed from other images than --real has, or from these read otherwise")
    }
    guard step.digests["start"] == nil else { throw cannot("it began with the images of another dataset") }
    guard step.options["validate"] == nil else { throw cannot("some of the images were held back from it") }
    let asksNetworks = start == Initialization.kMeans.rawValue
    guard !asksNetworks || step.digests["trajectories"] == nil else {
      throw cannot("its clusters came from networks in a file")
    }
    // As it was known when they were made, whatever is said of the set now.
    let keepsClassesMirrored = step.options["mirror"].map { $0 == "yes" } ?? (real.shape.channels > 1)
    let real = real.with(keepsClassesMirrored: keepsClassesMirrored)
    guard let seed = step.options["seed"].flatMap(UInt64.init) else { throw cannot("its history has no seed") }
    let task = MethodTask(
      dataset: info.name, shape: real.shape, isSpectrogram: real.isSpectrogram,
      keepsClassesMirrored: keepsClassesMirrored, counts: counts,
      available: counts.indices.map(real.count(ofClass:)))
    var method = type.init()
    do throws(SettingError) {
      try method.setAll(step.options)
    } catch {
      throw cannot("its history has an option of another version: \(error)")
    }
    method.steps = 0
    try method.decide(for: task)
    self.method = method
    self.seed = seed
    given = normalization
    self.counts = counts
    self.keepsClassesMirrored = keepsClassesMirrored
    let cost = method.cost(of: task)
    recipe = asksNetworks ? cost.trajectories.first : nil
    memoryNeed = recipe == nil ? nil : cost.memory
    missingEpochs =
      recipe.map {
        TrajectoryCache($0, for: real, normalization: normalization, seed: seed, directory: directory, log: log)
          .missingEpochs
      } ?? 0
  }

  /// Seconds of training networks for them, where a forward pass reaches `rate` operations a second; nil where none are.
  func trainingSeconds(on real: ClassStore, atRate rate: Double) -> Double? {
    recipe.map { Estimate.Trajectories($0, missingEpochs: missingEpochs, on: real, atRate: rate).seconds }
  }

  /// Makes them, on the compute thread.
  func contestant(from real: ClassStore, in context: RunContext) throws -> Contestant {
    let normalization = given ?? .measured(on: real)
    let real = real.with(keepsClassesMirrored: keepsClassesMirrored)
    var control = RunControl(shouldStop: context.shouldStop)
    control.progress = { report in
      guard let phase = report.phase else { return }
      context.progress(
        ProgressEvent(
          stage: phase, done: report.step, total: report.steps, unit: report.unit ?? "steps", loss: report.loss))
    }
    control.trajectories = TrajectoryCache.source(for: real, normalization: given, seed: seed, in: context)
    let start = try method.condense(
      real, counts: counts, normalization: normalization, using: RandomSource(seed: seed), control: control
    ).synthetic
    return Contestant(name: EvaluationResult.initialImages, isBaseline: true, normalization: normalization) { _ in
      start
    }
  }
}
