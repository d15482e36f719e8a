internal import Catalog
internal import Datasets

/// An evaluation of a dataset of a pipeline file, after everything that can be checked without its inputs was checked.
struct EvaluationPlan: Equatable {
  /// Its options as the command line takes them, without the dataset and the form of the report.
  var words: [String]
  /// Every option that can change the result, by name.
  var recorded: [String: String]
  /// The real data that it reads: what it tests on, then what `real` names.
  var sources: [String]
  /// How many of them it tests on.
  private var testCount: Int
  /// Where it writes beside its report: the cache.
  var written: [String]
  /// The patterns among the sources.
  let patterns: [PlanPattern]
  /// What is wrong with a pattern among them that nothing fits, which stays as it is written.
  let missing: DataError?

  /// Options of `evaluate` that belong to the run, and what takes their place.
  static let reserved = DatasetPlan.Step.reserved.merging([
    "train": "the dataset itself is evaluated", "json": "results are kept as JSON", "scores": "type pipe evaluate",
  ]) { $1 }

  /// Checks the options.
  ///
  /// - Throws: `DataError` (`.badInput`) with the file, the place in it, and what the command line would say.
  init(_ options: [String: StepOption], in place: FilePlace) throws(DataError) {
    guard let verb = Catalog.verb("evaluate") else { preconditionFailure("the catalogue has no evaluate") }
    (words, written) = ([], [])
    var (tests, reals): ([String], [String]) = ([], [])
    do throws(UsageError) {
      for (name, value) in options.sorted(by: { $0.key < $1.key }) {
        if let remedy = Self.reserved[name] { throw UsageError("--\(name) does not belong here", hint: remedy) }
        words += try value.words(name, for: verb.option(name)) { place.resolve($0) }
      }
      let arguments = try Arguments(words, for: verb)
      (tests, reals) = (arguments.paths("test"), arguments.paths("real"))
      written = arguments.given("cache") ? arguments.paths("cache") : []
      guard !(tests + reals).isEmpty else {
        throw UsageError("needs 'test', real data whose test split is used", hint: "name an archive")
      }
      recorded = arguments.recorded
    } catch {
      throw place.refuse(error.message, error.hint)
    }
    var listed = ListedPaths()
    for path in tests { listed.add(path, at: place.below("test")) }
    testCount = listed.paths.count
    for path in reals { listed.add(path, at: place.below("real")) }
    (sources, patterns, missing) = (listed.paths, listed.patterns, listed.missing)
  }

  /// The same as it is typed, sorted.
  var recordedWords: [String] { recorded.sorted { $0.key < $1.key }.map { "--\($0.key)=\($0.value)" } }

  /// What tells it from another evaluation of the same sources: these words, and where `real` begins.
  var identity: [String] {
    recordedWords + (testCount > 0 && testCount < sources.count ? ["real from \(testCount)"] : [])
  }

  /// What is typed to evaluate a dataset.
  func command(train: String) -> [String] { ["evaluate", "--train=\(train)"] + words + ["--json"] }
}
