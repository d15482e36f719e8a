internal import Catalog
internal import Datasets
internal import Shards

/// What the cache is for in one run: its results, and which of them several datasets need.
struct RunCache: Sendable {
  /// The results.
  var steps: StepCache
  /// Whether its place was typed, so that steps keep their networks there too.
  let isTyped: Bool
  /// The texts of results that at least two datasets of the file need.
  private let shared: Set<String>

  /// The cache of a run; nil where there is to be none, or no place for it.
  ///
  /// - Throws: `DataError` (`.badInput`) for a typed place inside of what is read or made.
  init?(_ plans: [DatasetPlan], _ arguments: Arguments) throws(DataError) {
    if arguments.flag("no-cache") { return nil }
    let typed = arguments.path("cache").map { CacheFolder($0) }
    guard let folder = typed ?? CacheFolder() else { return nil }
    let place = Place(folder.path)
    for plan in plans {
      for path in plan.sources + [plan.output] where place.isSame(as: Place(path)) || place.isInside(Place(path)) {
        guard typed != nil else { return nil }
        throw DataError(
          .badInput, at: [folder.path], "--cache lies inside \(path), which a dataset reads or is",
          remedy: "name a place outside of it")
      }
    }
    isTyped = typed != nil
    steps = StepCache(folder, maxBytes: arguments.size("cache-size") ?? Int.max)
    var counts: [String: Int] = [:]
    for plan in plans {
      for index in plan.keepableSteps { counts[plan.text(afterStep: index), default: 0] += 1 }
    }
    shared = Set(counts.filter { $0.value > 1 }.keys)
  }

  /// Whether the result of a step is to be kept: it took long, or another dataset of the file needs it too.
  func isWorthKeeping(_ plan: DatasetPlan, step index: Int) -> Bool {
    plan.steps[index].isWorthKeeping || shared.contains(plan.text(afterStep: index))
  }
}

/// Where the steps of a dataset begin, and what is kept of them.
struct CachedSteps {
  /// The last step whose result is there, with that result; nil where all have to be done.
  var start: (step: Int, found: StepCache.Found)?
  /// What is recorded behind later steps, by number.
  var recordings: [Int: StepRecording] = [:]
  /// The digest of the result behind each step.
  var digests: [Int: String] = [:]
  /// No result was looked for: those that are there may be wrong.
  var isAfresh = false

  /// The number of steps that need not be done.
  var skipped: Int { start.map { $0.step + 1 } ?? 0 }
}

extension PipelineRun {
  /// Looks for results of a dataset's steps, the last first, and begins to record what is worth keeping.
  ///
  /// - Parameter afresh: no result is taken from there.
  mutating func cached(_ plan: DatasetPlan, _ inputs: [InputContent], afresh: Bool) -> CachedSteps {
    var result = CachedSteps()
    result.isAfresh = afresh
    guard let cache else { return result }
    let report = report
    for index in plan.keepableSteps {
      result.digests[index] = plan.digest(afterStep: index, inputs: inputs.map(\.digest))
    }
    for index in plan.keepableSteps.reversed() {
      guard let digest = result.digests[index] else { continue }
      if !afresh, let found = self.cache?.steps.find(digest, log: report.warn) {
        result.start = (index, found)
        report.log("\(plan.output): the result of \(plan.steps[index].verb) is in the cache")
        break
      }
      guard cache.isWorthKeeping(plan, step: index) else { continue }
      result.recordings[index] = cache.steps.begin(digest, log: report.log)
    }
    return result
  }

  /// Keeps what was recorded of steps that ended well.
  ///
  /// - Parameter codes: the exit codes of the steps that were started.
  func keep(_ steps: CachedSteps, codes: [Int32]) {
    guard let cache else { return }
    for (index, recording) in steps.recordings.sorted(by: { $0.key < $1.key }) {
      guard codes[...(index - steps.skipped)].allSatisfy({ $0 == 0 }), let digest = steps.digests[index] else {
        continue
      }
      cache.steps.keep(recording, of: digest, afresh: steps.isAfresh, log: report.log)
    }
  }

  /// What tells a step where trained networks and classes are kept; nothing where it knows by itself.
  ///
  /// - Parameter afresh: nothing that was kept is taken.
  func cacheWords(for step: DatasetPlan.Step, afresh: Bool = false) -> [String] {
    guard !afresh, !arguments.flag("no-cache") else { return step.hasCache ? ["--cache=-"] : [] }
    guard let cache, cache.isTyped, step.takesCache else { return [] }
    return ["--cache=\(cache.steps.folder.path)"]
  }
}
