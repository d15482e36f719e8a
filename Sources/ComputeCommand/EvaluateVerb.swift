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
  let stage = surroundings.stage(invocation)

  func opened(_ paths: [String], split: DatasetInfo.Split) throws(DataError) -> any SampleSource {
    var options = reading
    options.split = split
    let source = try openSamples(paths.map(Input.init(path:)), options: options, log: { report.log($0) })
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
  let testName = testSource.info.name
  let judged = try opened([arguments.path("train") ?? "-"], split: .train)
  try checkComparable(judged.info, with: testSource.info)
  var realSource = arguments.flag("baselines") ? try opened(realPaths, split: .train) : nil
  if let realSource { try checkBaselines(from: realSource.info, testedOn: testSource.info) }
  let network = NetworkChoice(arguments)
  if let shape = judged.info.shape, shape.count == 3 {
    let options = try network.options(
      shape: (shape[0], shape[1], shape[2]), classes: judged.info.classNames.count, of: judged.info.name)
    let tiles = judged.info.formation.map { $0.factor * $0.factor } ?? 1
    let need = MemoryNeed.training(options, images: judged.info.countPerClass?.reduce(0, +) ?? 0, tiles: max(1, tiles))
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

  let results = await surroundings.computeThread.run { [request] in
    Result {
      var contestants = [
        try Contestant(
          training, testedOn: test, testName: testName, fallback: real.map { Methods.Normalization.measured(on: $0) })
      ]
      if arguments.flag("baselines"), let real {
        contestants += try baselines(
          counts: wanted, from: real, testedOn: test, network: request.network, seed: request.seed,
          cacheDirectory: stage.cacheDirectory, shouldStop: stage.shouldStop, log: stage.log, progress: stage.progress)
      }
      for line in try announcement(contestants, training, test, request, stage) { stage.log(line) }
      var rows: [EvaluationRow] = []
      for contestant in contestants {
        rows.append(
          try Stages.evaluate(
            contestant, on: test, request: request, shouldStop: stage.shouldStop, detail: stage.detail,
            progress: stage.progress, clock: stage.clock))
      }
      return rows
    }
  }
  let rows = try results.mapError { forgivingMemory($0, for: .judging) }.get()
  if rows.allSatisfy(\.accuracies.isEmpty) {
    if invocation.interrupts.signal != nil { throw CancellationError() }
    throw DataError(
      .temporary, at: [testName], "the time was up before the first network was trained",
      remedy: "give it more --time, or lower --epochs")
  }
  let table = EvaluationReport(
    rows: rows, request: request, classNames: test.classNames, test: testName, counts: wanted)
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

private func announcement(
  _ contestants: [Contestant], _ training: TrainingImages, _ test: ClassStore, _ request: EvaluationRequest,
  _ stage: CondenseStage.Surroundings
) throws -> [String] {
  let network = try request.network.options(shape: test.shape, classes: test.classCount, of: "test images")
  let factor = training.info.formation?.factor ?? 1
  let rate = try Work.measuredRate(network: network, clock: stage.clock)
  func estimate(_ images: Int) -> Double {
    // Steps of training reach about two thirds of the forward rate.
    1.5 * Work.training(network: network, images: images, passes: request.recipe.passes).operations / rate
  }
  let stored = training.labels.count
  let seconds =
    Double(request.repeats) * (estimate(stored * factor * factor) + Double(contestants.count - 1) * estimate(stored))
  return [
    "\(request.recipe.label): \(request.repeats) networks for each of \(contestants.map(\.name).joined(separator: ", ")); "
      + "about \(durationText(seconds)) in all"
  ]
}
