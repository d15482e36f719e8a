import Command
import Datasets
import Foundation
import Methods
import Networks
import Shards
import Stages
import Streaming
import Tensors

/// `pipe evaluate`: trains classifiers on a set and reports their accuracy on real test data.
let evaluateVerb = VerbRunner("evaluate") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let reading = try ReadOptions(arguments)
  let testPaths = arguments.paths("test").isEmpty ? arguments.paths("real") : arguments.paths("test")
  let realPaths = arguments.paths("real").isEmpty ? arguments.paths("test") : arguments.paths("real")
  guard !testPaths.isEmpty else {
    throw UsageError(
      "evaluate needs --test ARCHIVE", hint: "the archive that the set was condensed from has a test part")
  }
  let surroundings = try await Surroundings(invocation)
  let stage = surroundings.context(invocation)

  func opened(_ paths: [String], split: DatasetInfo.Split) throws(DataError) -> any SampleSource {
    var options = reading
    options.split = split
    let source = try openSamples(paths.map(Input.init(path:)), options: options, log: { report.log($0) })
    if split == .test, source.info.split != .test {
      report.warn(
        "\(source.info.name): the networks are tested on a \(source.info.split.rawValue) part, from which the judged images "
          + "may come: the accuracies will be too high")
    }
    report.detail(source.info)
    return source
  }

  func store(_ source: any SampleSource) throws(DataError) -> ClassStore {
    var builder = ClassStoreBuilder(
      info: source.info, memoryLimit: surroundings.memoryLimit, spillDirectory: stage.spillDirectory)
    while let sample = try source.next() { try builder.add(sample) }
    return try builder.finish()
  }

  // All descriptions come first: what does not fit together is refused before anything is read to its end.
  let testSource = try opened(testPaths, split: .test)
  let (testName, testSplit) = (testSource.info.name, testSource.info.split)
  let judged = try opened([arguments.path("train") ?? "-"], split: .train)
  try checkComparable(judged.info, with: testSource.info)
  var realSource = arguments.flag("baselines") ? try opened(realPaths, split: .train) : nil
  if let realSource { try checkBaselines(from: realSource.info, testedOn: testSource.info) }
  let network = try NetworkChoice(arguments)
  if let shape = judged.info.shape, shape.count == 3 {
    let options = try network.options(
      shape: (shape[0], shape[1], shape[2]), classes: judged.info.classNames.count, of: judged.info.name)
    // What is known now; once the images are there, all of it is.
    let tiles = judged.info.formation.map { $0.factor * $0.factor } ?? 1
    let need = MemoryNeed.judging(
      options, images: judged.info.countPerClass?.reduce(0, +) ?? 0, tiles: tiles,
      baselines: realSource.map { Double($0.info.countPerClass?.max() ?? 0) })
    try need.check(decoded: 0, machine: surroundings.machineMemory, dataset: judged.info.name)
  }

  let training = try TrainingImages(reading: judged)
  let test = try store(testSource)
  var request = EvaluationRequest(
    recipe: recipe(arguments, channels: test.shape.channels), repeats: arguments.integer("repeats") ?? 3,
    seed: UInt64(arguments.integer("seed") ?? 0), network: network)
  if let epochs = arguments.integer("epochs") { request.recipe.epochs = epochs }

  if realSource == nil, training.info.normalization == nil { realSource = try opened(realPaths, split: .train) }
  let real = try realSource.map { source throws(DataError) in try store(source) }
  let counts = training.countPerClass
  let order = test.classNames.map { name in training.info.classNames.firstIndex(of: name) }
  let wanted = order.map { index in index.map { counts[$0] } ?? 0 }

  let rows = try await surroundings.compute(for: .judging) { [request] in
    var contestants = [
      try Contestant(
        training, testedOn: test, testName: testName, fallback: real.map { Methods.Normalization.measured(on: $0) })
    ]
    let beside = arguments.flag("baselines") ? real : nil
    let estimate = try EvaluationEstimate(
      training, on: test, beside: beside, request: request, cacheDirectory: stage.cacheDirectory,
      machineMemory: surroundings.machineMemory, clock: stage.clock)
    for line in announcement(estimate, of: contestants[0].label, request) { stage.log(line) }
    if let real = beside {
      contestants += try baselines(
        counts: wanted, from: real, testedOn: test, network: request.network, seed: request.seed,
        in: stage)
    }
    var rows: [EvaluationRow] = []
    for contestant in contestants {
      rows.append(
        try Stages.evaluate(
          contestant, on: test, request: request, shouldStop: stage.shouldStop, detail: stage.detail,
          progress: stage.progress, clock: stage.clock))
    }
    return rows
  }
  // A run that was stopped for good reports nothing.
  try Task.checkCancellation()
  if rows.allSatisfy(\.accuracies.isEmpty) {
    if invocation.interrupts.signal != nil { throw CancellationError() }
    throw DataError(
      .temporary, at: [testName], "the time was up before the first network was trained",
      remedy: "give it more --time, or lower --epochs")
  }
  let table = EvaluationReport(
    rows: rows, request: request, classNames: test.classNames, test: testName, testSplit: testSplit, counts: wanted)
  try invocation.output.write(arguments.flag("json") ? table.json() : table.text())
  if rows.contains(where: \.isCut) {
    report.warn("stopped early: rows with fewer than \(request.repeats) networks are marked")
    if rows.contains(where: \.accuracies.isEmpty), invocation.interrupts.signal != nil { return .interrupted }
  }
  return .ok
}

private func recipe(_ arguments: Arguments, channels: Int) -> TrainingProtocol {
  switch arguments.choice("protocol") {
  case "dc": .dc(digits: false)
  case "idc": .idc(flip: channels > 1)
  default: .dsa(flip: channels > 1)
  }
}

/// What comes, and what it takes: said before the first network is trained.
private func announcement(
  _ estimate: EvaluationEstimate, of judged: String, _ request: EvaluationRequest
) -> [String] {
  var sets = judged
  var features = ""
  if let seconds = estimate.featureSeconds {
    sets += ", random baseline, herding baseline"
    features =
      seconds > 0 ? ", \(durationText(seconds)) of it for the features of herding" : ", features from the cache"
  }
  return [
    "\(request.recipe.label): \(request.repeats) networks for each of \(sets); "
      + "about \(durationText(estimate.seconds)) in all\(features)",
    memoryLine(decoded: estimate.decodedBytes, working: Int(estimate.memoryNeed.total)),
  ]
}
