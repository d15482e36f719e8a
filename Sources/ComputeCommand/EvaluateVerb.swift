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

  func store(_ paths: [String], split: DatasetInfo.Split, classes: [String]) throws(DataError) -> (ClassStore, String) {
    var options = reading
    options.split = split
    if options.classes.isEmpty { options.classes = classes }
    let source = try openSamples(paths.map(Input.init(path:)), options: options, log: { report.log($0) })
    var builder = ClassStoreBuilder(
      info: source.info, memoryLimit: surroundings.memoryLimit, spillDirectory: stage.spillDirectory)
    while let sample = try source.next() { try builder.add(sample) }
    return (try builder.finish(), source.info.name)
  }

  let judged = try openSamples([Input(path: arguments.path("train") ?? "-")], options: reading, log: { report.log($0) })
  let training = try TrainingImages(reading: judged)
  let (test, testName) = try store(testPaths, split: .test, classes: [])
  var request = EvaluationRequest(
    recipe: recipe(arguments, channels: test.shape.channels), repeats: arguments.integer("repeats") ?? 3,
    seed: UInt64(arguments.integer("seed") ?? 0), network: NetworkChoice(arguments))
  if let epochs = arguments.integer("epochs") { request.recipe.epochs = epochs }

  let needsReal = arguments.flag("baselines") || training.info.normalization == nil
  let real = needsReal ? try store(realPaths, split: .train, classes: []).0 : nil
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
            contestant, on: test, request: request, shouldStop: stage.shouldStop, progress: stage.progress,
            clock: stage.clock))
      }
      return rows
    }
  }
  let rows = try results.get()
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
