internal import Catalog
internal import Datasets

/// The check of a dataset, after its options were checked.
struct CheckPlan: Equatable {
  /// What is asked.
  var conditions: CheckConditions
  /// What networks are tested on: archives, or the inputs of the dataset.
  var test: [String]
  /// What else is read: the training images that give sets without a normalisation theirs.
  var real: [String] = []
  /// Further options of `pipe evaluate`, as the command line takes them.
  var words: [String]
  /// Every option that can change an accuracy, defaults included.
  var recorded: [String: String]
  /// Where `pipe evaluate` writes: the cache.
  var written: [String] = []
  /// Whether networks are trained at all.
  var evaluates: Bool
  /// The patterns among what is read.
  private(set) var patterns: [PlanPattern] = []
  /// What is wrong with a pattern that nothing fits.
  private(set) var missing: DataError?

  /// Checks the key `check` of a dataset with these inputs.
  ///
  /// - Throws: `DataError` (`.badInput`) with the place and what the command line would say.
  init(_ check: PipelineFile.Check, of inputs: [String], in place: FilePlace) throws(DataError) {
    conditions = check.conditions
    evaluates = check.conditions.needAccuracy || !check.test.isEmpty || !check.options.isEmpty
    test = []
    var listed = ListedPaths()
    for path in check.test {
      guard !path.isEmpty, path != "-" else { throw place.below("test").refuse("should name a file or a folder") }
      listed.add(place.resolve(path), at: place.below("test"))
    }
    test = listed.paths
    (patterns, missing) = (listed.patterns, listed.missing)
    if test.isEmpty, evaluates { test = inputs }
    words = []
    recorded = [:]
    guard evaluates, let verb = Catalog.verb("evaluate") else { return }
    var reals: [String] = []
    do throws(UsageError) {
      for (name, value) in check.options.sorted(by: { $0.key < $1.key }) {
        let option = verb.option(name)
        if option?.isWritten ?? false, let path = value.path(for: option) { written.append(place.resolve(path)) }
        words += try value.words(name, for: option) { place.resolve($0) }
      }
      let arguments = try Arguments(words, for: verb)
      recorded = arguments.recorded
      reals = arguments.paths("real")
    } catch {
      throw place.refuse(error.message, error.hint)
    }
    var listedReals = ListedPaths()
    for path in reals { listedReals.add(path, at: place.below("real")) }
    real = listedReals.paths
    patterns += listedReals.patterns
    missing = missing ?? listedReals.missing
  }

  /// What `pipe` is started with to find the accuracy of the dataset in a folder.
  func command(on folder: String) -> [String] {
    ["evaluate", "--train=\(folder)"] + test.map { "--test=\($0)" } + words + ["--json"]
  }
}
