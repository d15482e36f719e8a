import Catalog
import Command
import Datasets
import Foundation
import Methods
import Networks
import Shards
import Stages
import Streaming
import Tensors

/// `pipe evaluate`: trains networks on a set and reports their accuracy on real test data.
let evaluateVerb = VerbRunner("evaluate") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let testPaths = arguments.paths("test").isEmpty ? arguments.paths("real") : arguments.paths("test")
  let realPaths = arguments.paths("real").isEmpty ? arguments.paths("test") : arguments.paths("real")
  guard !testPaths.isEmpty else {
    throw UsageError(
      "evaluate needs --test ARCHIVE", hint: "the archive that the set was condensed from has a test split")
  }
  if arguments.path("scores") == "-" {
    throw UsageError("evaluate --scores -: the standard output is for the report", hint: "name a file for the scores")
  }
  if let path = arguments.path("scores") { try checkOutput(path) }
  let networks = try typedNetworks(arguments)
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)

  // All descriptions come first: what does not fit together is refused before anything is read to its end.
  let testSource = try opened(testPaths, split: .test, invocation)
  let evaluated = try openedSet(arguments.path("train") ?? "-", like: testSource.info, arguments, report)
  report.detail(evaluated.info)
  let testInfo = testSource.info.knowingNumbers(of: evaluated.info)
  try checkComparable(evaluated.info, with: testInfo)
  // What is known of the evaluated set counts: it says how its images were made.
  let mirror = evaluated.info.mirror
  var realSource =
    arguments.flag("baselines") ? try opened(realPaths, split: .train, mirror: mirror, invocation) : nil
  if let info = realSource?.info.knowingNumbers(of: evaluated.info) {
    try checkBaselines(from: info, testedOn: testInfo)
  }
  func request(channels: Int) -> EvaluationRequest {
    var recipe = protocolNamed(
      arguments.choice("protocol"), flip: mirror ?? testSource.info.keepsClassesMirrored(channels: channels))
    if testSource.info.spectrogram != nil { recipe = recipe.withoutAugmentation }
    recipe.epochs = arguments.integer("epochs") ?? recipe.epochs
    var request = EvaluationRequest(
      recipe: recipe, equalSteps: arguments.flag("equal-steps"), repeats: arguments.integer("repeats") ?? 3,
      seed: UInt64(arguments.integer("seed") ?? 0), networks: networks)
    request.scoresImages = arguments.path("scores") != nil
    return request
  }
  try request(channels: 3).check(evaluated.info, besides: realSource?.info, machine: surroundings.machineMemory)

  let collected = try await collectedTraining(
    from: samples(of: evaluated, stage: "read"), of: evaluated.info, stage: "read", in: context)
  let training = try collected.finish(info: evaluated.info)
  // A class that the evaluated set leaves empty may be empty in the real data, too.
  let empty = Set(zip(training.info.classNames, training.countPerClass).filter { $1 == 0 }.map(\.0))
  // Without images of a class the others can be told all the same.
  let test = try await store(testSource, of: testInfo, mayLack: Set(testInfo.classNames), in: context)
  let untested = (0..<test.classCount).filter { test.count(ofClass: $0) == 0 }.map { test.classNames[$0] }
  if !untested.isEmpty, Set(untested) != empty {
    report.warn(
      "\(testSource.info.name): the networks are not tested on \(untested.joined(separator: ", ")), of which there are no images"
    )
  }
  let beside = arguments.flag("baselines")
  if realSource == nil, training.info.normalization == nil {
    report.log(
      "\(training.info.name): mean and deviation of its pixels are not stated, and are those of the real images")
    realSource = try opened(realPaths, split: .train, mirror: mirror, invocation)
  }
  let real: ClassStore? =
    if let realSource {
      try await store(realSource, of: realSource.info.knowingNumbers(of: evaluated.info), mayLack: empty, in: context)
    } else { nil }

  let request = request(channels: test.shape.channels)
  let name = testSource.info.name
  let (rows, scores, counts) = try await surroundings.compute(for: .evaluating) {
    let plan = try EvaluationPlan(
      request, of: training, on: test, named: name, besides: beside ? real : nil, fallback: real, in: context)
    for line in announcement(plan, request) { context.log(line) }
    let (rows, scores) = try plan.run(in: context)
    return (rows, scores, plan.countPerClass)
  }
  // A run that was stopped for good reports nothing.
  try Task.checkCancellation()
  if rows.allSatisfy(\.accuracies.isEmpty) {
    if invocation.interrupts.signal != nil { throw CancellationError() }
    throw DataError(
      .temporary, at: [name], "the time was up before the first network was trained",
      remedy: "give it more --time, or lower --epochs")
  }
  let result = EvaluationResult(
    protocol: request.recipe.name, augmentation: request.recipe.operations, epochs: request.recipe.epochs,
    prescribedEpochs: request.recipe.prescribedEpochs,
    repeats: request.repeats, equalSteps: request.equalSteps, seed: request.seed,
    precision: Set(networks.map(\.precision.rawValue)).sorted().joined(separator: " and "),
    networks: networks.map(\.name), width: networks[0].width, device: Runtime.device.description, test: name,
    testSplit: testSource.info.split, classes: test.classNames, countPerClass: counts, rows: rows)
  let text =
    arguments.flag("json")
    ? printableJSON(encodeJSON(result, indented: true)) + "\n" : result.text
  // First what took the time: the file of the scores may fail.
  try invocation.output.write(text)
  if let path = arguments.path("scores"), let scores {
    try await write(scores, of: training, to: path, report)
  }
  if rows.contains(where: \.stoppedEarly) {
    report.warn("stopped early: rows with fewer than \(request.repeats) networks are marked")
    if rows.contains(where: \.accuracies.isEmpty), invocation.interrupts.signal != nil { return .interrupted }
  }
  return .ok
}

/// Writes the score of each image of a set, one JSON object a line.
private func write(_ scores: [Double], of set: TrainingImages, to path: String, _ report: Reporter) async throws {
  guard scores.allSatisfy(\.isFinite) else {
    return report.warn("\(path) is not written: a network diverged, so that its scores are not numbers")
  }
  let lines = scores.enumerated().map { ImageScore(key: set.keys[$0], label: set.labels[$0], lbpe: $1) }
  let bytes = lines.flatMap { encodeJSON($0) + [UInt8(ascii: "\n")] }
  try await writeOutput(path) { descriptor in try write(bytes, to: descriptor, named: path) }
  report.log("wrote the scores of \(counted(lines.count, "image")) to \(path)")
}

/// The networks of `--nets`, or the one of `--net`.
private func typedNetworks(_ arguments: Arguments) throws(UsageError) -> [NetworkChoice] {
  let typed = try NetworkChoice(arguments)
  let names = arguments.list("nets")
  guard !names.isEmpty else { return [typed] }
  let sized = Catalog.networks.filter(\.hasSize).map(\.name)
  for option in ["width", "depth", "precision"] where arguments.given(option) {
    guard names.contains(where: sized.contains) else {
      throw UsageError(
        "--\(option) means nothing to \(names.joined(separator: " and "))",
        hint: "leave it out; it is for \(sized.joined(separator: ", "))")
    }
  }
  var choices: [NetworkChoice] = []
  for name in names {
    guard Catalog.networks.contains(where: { $0.name == name }) else {
      throw UsageError(
        "--nets: there is no network \(name)",
        hint: "these are known: \(Catalog.networks.map(\.name).joined(separator: ", "))")
    }
    guard !choices.contains(where: { $0.name == name }) else {
      throw UsageError("--nets names \(name) twice", hint: "leave one of them out")
    }
    var choice = typed
    choice.name = name
    // Size and precision are those of the networks that have a choice.
    if choice.entry.usualSize == nil { (choice.filters, choice.depth, choice.precision) = (nil, nil, .float32) }
    choices.append(choice)
  }
  return choices
}

extension NetworkChoice {
  /// Feature maps per block, where that can be chosen.
  fileprivate var width: Int? { entry.usualSize == nil ? nil : filters }
}

/// A set that was made of data whose description is known: it is not resized where it has its size already.
func openedSet(
  _ path: String, like data: DatasetInfo, _ arguments: Arguments, _ report: Reporter
) throws -> any SampleSource {
  var options = try ReadOptions(arguments)
  options.requiresPatterns = false
  func opened(_ options: ReadOptions) throws -> any SampleSource {
    try openSamples([Input(path: path)], options: options, log: { report.log($0) })
  }
  // A stream is read once; its floats pass where they have the size.
  guard path != "-", options.resize != nil || options.centerCrop != nil else { return try opened(options) }
  var plain = options
  (plain.resize, plain.centerCrop) = (nil, nil)
  let source = try opened(plain)
  return source.info.shape != nil && source.info.shape == data.shape ? source : try opened(options)
}

/// One split of some data.
private func opened(
  _ paths: [String], split: DatasetInfo.Split, mirror: Bool? = nil, _ invocation: Invocation
) throws -> any SampleSource {
  let report = invocation.report
  var options = try ReadOptions(invocation.arguments)
  options.split = split
  options.mirror = options.mirror ?? mirror
  let source: any SampleSource
  do throws(DataError) {
    source = try openSamples(
      paths.map(Input.init(path:)), options: options,
      log: { line in
        guard line.hasSuffix(ReadOptions.readsAllAsTest) else { return report.log(line) }
        report.warn("\(line): if the evaluated images come from it, the accuracies will be too high")
      })
  } catch {
    // There is no --split to choose another one with.
    guard error.remedy?.contains("--split") == true else { throw error }
    throw DataError(
      error.fault, at: error.place, error.problem,
      remedy: split == .test ? "give data that has one with --test" : "give data that has one with --real")
  }
  if split == .train { try checkIsTrainingPart(source.info) }
  if split == .test, source.info.split != .test {
    report.warn(
      "\(source.info.name): the networks are tested on a \(source.info.split.rawValue) split, from which the evaluated images "
        + "may come: the accuracies will be too high")
  }
  report.detail(source.info)
  return source
}

private func store(
  _ source: any SampleSource, of info: DatasetInfo, mayLack empty: Set<String>, in context: RunContext
) async throws(PipelineError) -> ClassStore {
  try await filledStore(
    from: samples(of: source, stage: "read"), of: info, stage: "read", in: context,
    mayLack: { empty.contains($0) })
}

/// Refuses the test part of some data where real training images are asked for: a dataset and a stream hold one part only.
func checkIsTrainingPart(_ info: DatasetInfo) throws(DataError) {
  guard info.split == .test else { return }
  throw DataError(
    .badInput, at: [info.name], "there is no train split in it, only a test split",
    remedy: "give data that has one with --real")
}

extension DatasetInfo {
  /// With the classes that another part of the same data has beyond these, where both are only numbers.
  ///
  /// Data that numbers its classes ends, for a reader of one part, with the highest number in that part.
  fileprivate func knowingNumbers(of other: DatasetInfo) -> DatasetInfo {
    let all = other.classNames
    guard all.count > classNames.count, all == all.indices.map(String.init), all.starts(with: classNames) else {
      return self
    }
    var info = self
    info.classNames = all
    info.countPerClass = countPerClass.map { $0 + Array(repeating: 0, count: all.count - classNames.count) }
    return info
  }
}

private func protocolNamed(_ name: String?, flip: Bool) -> TrainingProtocol {
  switch name {
  case "dc": .dc(digits: false)
  case "idc": .idc(flip: flip)
  default: .dsa(flip: flip)
  }
}

/// What comes, and what it takes: said before the first network is trained.
private func announcement(_ plan: EvaluationPlan, _ request: EvaluationRequest) -> [String] {
  let estimate = plan.estimate
  var features = ""
  if let seconds = estimate.featureSeconds {
    features =
      seconds > 0 ? ", \(durationText(seconds)) of it for the features of herding" : ", features from the cache"
  }
  if let seconds = estimate.initialSeconds {
    features +=
      seconds > 0
      ? ", \(durationText(seconds)) for the networks of the initial images" : ", those networks from the cache"
  }
  let operations = request.recipe.operations.split(separator: "_").joined(separator: ", ")
  let names = request.networks.map(\.name).joined(separator: ", ")
  let trained = counted(request.repeats, "network") + (request.networks.count > 1 ? " of each of \(names)" : "")
  let steps = request.equalSteps ? ", equal training steps" : ""
  return [
    "\(request.recipe.label)\(steps), augmented by \(operations): \(trained) for each of "
      + "\(plan.labels.joined(separator: ", ")); about \(durationText(estimate.seconds)) in all\(features)",
    memoryLine(decoded: estimate.decodedBytes, working: Int(estimate.memoryNeed.total)),
  ]
}
