internal import Catalog
internal import Datasets
internal import Shards

/// A dataset of a pipeline file after everything that can be checked without its inputs was checked.
struct DatasetPlan: Equatable, Sendable {
  /// A process that will be started.
  struct Step: Equatable {
    /// The verb.
    var verb: String
    /// Its options as the command line takes them, without input and output.
    var words: [String]
    /// Every option that can change the data, defaults included: what provenance records too.
    var recorded: [String: String]
    /// Ctrl-C makes it emit a smaller result instead of none.
    var canEndEarly: Bool
    /// What it reads beside its input: the model, the larger set.
    var models: [String] = []
    /// The dataset with whose images it begins, once there is one: last night's.
    ///
    /// What it holds decides nothing about what is up to date.
    var startsFrom: String?
    /// Where it writes beside its output: snapshots, the cache.
    var written: [String] = []
  }

  /// The folder to make, seen from the current one.
  var output: String
  /// The folder as the file names it.
  var name: String
  /// What the first step reads; a pattern that nothing fits stays as it is written.
  var inputs: [String]
  /// The processes, in the order of the shell pipe.
  var steps: [Step]
  /// How the dataset is evaluated once it is there.
  var evaluations: [EvaluationPlan]
  /// Where the table of results is written, without `.md` and `.csv`; nil for nowhere.
  var table: String?
  /// Its place in the file as it is written.
  var origin: PipelineExpansion.Origin
  /// Everything whose content decides the dataset: inputs, and then the models of the steps.
  var sources: [String] { inputs + steps.flatMap(\.models) }
  /// What a new dataset has to pass; nil where nothing is asked.
  var check: CheckPlan?
  /// Where readers find it; nil where that is the output alone.
  var publish: PublishPlan?
  /// The patterns among the inputs.
  private var inputPatterns: [PlanPattern] = []
  /// What is wrong with a pattern among the inputs that nothing fits.
  private var missingInput: DataError?
  /// The patterns among all that is read.
  var patterns: [PlanPattern] { inputPatterns + (check?.patterns ?? []) + evaluations.flatMap(\.patterns) }
  /// Why the dataset cannot be made or checked: nothing fits a pattern; nil where that is not so.
  var missing: DataError? { missingInput ?? check?.missing }
  /// Everything that is read.
  var reads: [String] { sources + (check?.test ?? []) + (check?.real ?? []) + evaluations.flatMap(\.sources) }

  /// What is written beside the dataset, which may be neither in it nor in what is read.
  var written: [String] {
    let tables = table.map { ["\($0).md", "\($0).csv"] } ?? []
    return steps.flatMap(\.written) + (check?.written ?? []) + evaluations.flatMap(\.written) + tables
  }

  /// Checks all datasets of a file.
  ///
  /// - Throws: `DataError` (`.badInput`) with the file, the place in it, and what the command line would say.
  static func plans(for file: PipelineFile, at path: String) throws(DataError) -> [DatasetPlan] {
    var plans: [DatasetPlan] = []
    for dataset in file.datasets {
      plans.append(try DatasetPlan(dataset, in: FilePlace(path, dataset.origin.place)))
    }
    try checkPlaces(of: plans, at: path)
    try checkPublishPlaces(of: plans, at: path)
    try checkPatterns(of: plans, at: path)
    return plans
  }

  private init(_ dataset: PipelineFile.Dataset, in place: FilePlace) throws(DataError) {
    name = dataset.output
    output = place.resolve(dataset.output)
    while output.count > 1, output.hasSuffix("/") { output.removeLast() }
    guard !dataset.output.isEmpty, !["", "/", ".", ".."].contains(String(lastComponent(output))) else {
      throw place.below("output").refuse("should name a folder, such as 'out/cifar10'")
    }
    var listed = ListedPaths()
    for (index, input) in dataset.input.enumerated() {
      guard !input.isEmpty, input != "-" else {
        throw place.below("input[\(index)]").refuse("should name a file or a folder")
      }
      listed.add(place.resolve(input), at: place.below("input[\(index)]"))
    }
    (inputs, inputPatterns, missingInput) = (listed.paths, listed.patterns, listed.missing)
    steps = []
    for (index, step) in dataset.steps.enumerated() {
      let isLast = index == dataset.steps.count - 1
      steps.append(try Step(step, isLast: isLast, in: place.below("steps[\(index)]")))
    }
    if let check = dataset.check { self.check = try CheckPlan(check, of: inputs, in: place.below("check")) }
    if let publish = dataset.publish { self.publish = PublishPlan(publish, in: place.below("publish")) }
    origin = dataset.origin
    evaluations = []
    for (index, options) in dataset.evaluate.enumerated() {
      evaluations.append(try EvaluationPlan(options, in: place.below("evaluate[\(index)]")))
    }
    guard dataset.table != "" else { throw place.below("table").refuse("should name a file without its ending") }
    table = dataset.table.map(place.resolve)
  }

  /// What each process is started with; the last one writes into `folder`.
  func commands(into folder: String) -> [[String]] {
    steps.enumerated().map { index, step in
      // With an equals sign, because a path may begin with a dash.
      let reads = index == 0 ? inputs.map { "--input=\($0)" } : []
      let writes = index == steps.count - 1 ? ["--output=\(folder)"] : []
      let starts = step.startsFrom.flatMap { OutputState.canBegin(with: $0) ? ["--start-from=\($0)"] : nil } ?? []
      return [step.verb] + reads + step.words + starts + writes
    }
  }

  /// Whether a word of the command line means this dataset.
  func isCalled(_ word: String) -> Bool {
    var word = word
    while word.utf8.count > 1, word.hasSuffix("/") { word.removeLast() }
    return word == name || word + "/" == name || word == output
  }

  /// What comes after the steps, as lines for people.
  var furtherLines: [String] {
    var lines: [String] = []
    if let check, check.evaluates {
      lines.append((["pipe"] + check.command(on: output)).map(shellQuoted).joined(separator: " "))
    }
    if let to = publish?.to { lines.append("# published to \(to), with \(publish?.keep ?? 0) generations") }
    if let command = publish?.command { lines.append(command.send) }
    return lines
  }

  /// The shell line that does the same, but for the publication.
  var line: String {
    commands(into: output).map { (["pipe"] + $0).map(shellQuoted).joined(separator: " ") }.joined(separator: " | ")
  }
}

extension DatasetPlan.Step {
  /// Options of every verb that belong to the run as a whole, and what takes their place.
  static let reserved = [
    "input": "inputs stand beside the steps", "output": "the output stands beside the steps",
    "help": "it is for people", "dry-run": "type pipe run --dry-run", "progress": "type it after pipe run",
    "quiet": "type it after pipe run", "verbose": "type it after pipe run", "on-term": "type it after pipe run",
  ]

  /// The verbs that a step may be: a verb whose output has to be named writes no samples.
  static let usable = Catalog.verbs.filter {
    $0.samplesOption == "input" && $0.option("output").map { !$0.isRequired } ?? false
  }

  fileprivate init(_ step: PipelineFile.Step, isLast: Bool, in place: FilePlace) throws(DataError) {
    let usable = Self.usable
    guard let verb = usable.first(where: { $0.name == step.verb }) else {
      let near = nearest(to: step.verb, among: usable.map(\.name)).map { "did you mean \($0)?" }
      throw place.below("verb").refuse(
        "\(quoted(step.verb)) is no step", near ?? "it may be \(usable.map(\.name).joined(separator: ", "))")
    }
    if isLast, verb.writesBinary {
      throw place.refuse("is the last step, and \(verb.name) writes no dataset", "add { verb: \"shard\" } behind it")
    }
    if !isLast, !verb.writesBinary {
      throw place.refuse("has a step after it, and \(verb.name) writes no stream", "\(verb.name) has to be the last")
    }
    let place = place.below("options")
    var words: [String] = []
    var startWords: [String] = []
    for (name, value) in step.options.sorted(by: { $0.key < $1.key }) {
      let path = value.path(for: verb.option(name))
      if ["model", "pretrain", "trajectories"].contains(name), let path { models.append(place.resolve(path)) }
      if name == "start-from", let path, !path.isEmpty {
        startsFrom = place.resolve(path)
        startWords = ["--start-from=\(place.resolve(path))"]
        continue
      }
      if verb.option(name)?.isWritten ?? false, let path { written.append(place.resolve(path)) }
      if let remedy = Self.reserved[name] { throw place.refuse("--\(name) does not belong to a step", remedy) }
      do throws(UsageError) {
        words += try value.words(name, for: verb.option(name)) { place.resolve($0) }
      } catch {
        throw place.refuse(error.message, error.hint)
      }
    }
    self.verb = verb.name
    self.words = words
    canEndEarly = verb.interruption == .finishEarly
    do throws(UsageError) {
      recorded = try Arguments(words + startWords, for: verb).recorded
    } catch {
      throw place.refuse(error.message, error.hint)
    }
    if recorded["partition"]?.hasPrefix("auto") ?? false {
      throw place.refuse(
        "--partition auto would make another dataset on every machine under one recipe", "name the part, as in '2/8'")
    }
  }
}

/// A place inside a pipeline file.
struct FilePlace {
  let file: String
  let path: String

  init(_ file: String, _ path: String) {
    self.file = file
    self.path = path
  }

  func below(_ name: String) -> FilePlace { FilePlace(file, "\(path).\(name)") }

  func refuse(_ problem: String, _ remedy: String? = nil) -> DataError {
    DataError(.badInput, at: [file, path], problem, remedy: remedy)
  }

  /// The folder that holds the file.
  var folder: String { parentFolder(of: file) }

  /// A path of the file, seen from the current folder.
  func resolve(_ path: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return file[...slash] + path
  }
}

private func lastComponent(_ path: String) -> Substring {
  path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
}

/// A word as a shell takes it; control characters as bash, zsh and ksh take them, so that a line can be shown and copied.
func shellQuoted(_ word: String) -> String {
  if word.unicodeScalars.contains(where: isControl) {
    let bytes = word.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
      case 0x20...0x7e: String(UnicodeScalar(byte))
      default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return "$'" + bytes.joined() + "'"
  }
  let plain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0)) }
  guard !plain || word.isEmpty else { return word }
  return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
