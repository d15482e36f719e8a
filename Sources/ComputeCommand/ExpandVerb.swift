import Command
import Datasets
import Foundation
import Shards
import Stages
import Streaming

/// `pipe expand`: a few samples in, many out, as the stream that `pipe shard` reads.
let expandVerb = VerbRunner("expand") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let request = try ExpandRequest(arguments)
  if arguments.given("pretrain"), arguments.path("pretrain") == "-", arguments.paths("input").contains("-") {
    throw UsageError("--pretrain and --input cannot both be the standard input", hint: "name a file for one of them")
  }
  let reading = try ReadOptions(arguments)
  let surroundings = try await Surroundings(invocation)
  var stageSurroundings = surroundings.stage(invocation)
  stageSurroundings.dryRun = arguments.flag("dry-run")

  let stage = stageSurroundings
  let expanded = try await emitWhole(invocation, options: reading, isDry: stage.dryRun) { info in
    let promised = try request.promise(of: info, tool: toolVersion)
    let prior = try await prior(invocation, surroundings)
    if let shape = info.shape { try prior?.check(imageShape: shape, of: info.name) }
    var stage = stage
    // The larger set stays in memory beside the samples.
    if case .images(let similar, _) = prior { stage.memoryLimit = max(0, stage.memoryLimit - similar.residentBytes) }
    let expanding = ExpandStage(
      request, prior: prior, of: info, tool: toolVersion, in: stage,
      announce: { estimate in
        for line in estimate.lines(for: request) { report.log(line) }
      })
    return (expanding, promised)
  }
  if let distance = expanded?.meanDistance {
    report.log("new images are \(fixed(distance, 2)) deviations a value from the nearest sample, on average")
  }
  return .ok
}

/// What was named to begin with; nil where the method needs nothing.
private func prior(_ invocation: Invocation, _ surroundings: Surroundings) async throws -> ExpansivePrior? {
  let arguments = invocation.arguments
  if arguments.given("model"), let path = arguments.path("model") {
    let file = try ExpansiveFile(contentsOf: path)
    invocation.report.detail("\(path): \(file.summary)")
    return .model(file)
  }
  guard arguments.given("pretrain"), let path = arguments.path("pretrain") else { return nil }
  // Sizes are made equal; classes and parts are those of the samples alone.
  var reading = ReadOptions()
  let own = try ReadOptions(arguments)
  (reading.resize, reading.centerCrop) = (own.resize, own.centerCrop)
  let (store, info) = try await store(
    [Input(path: path)], reading, stage: "pretrain", in: surroundings.stage(invocation), invocation)
  return .images(store, info)
}

extension ExpansiveFile {
  /// `expansive, setting mhsa+sc+egm, 1×28×28, pre-trained on mnist`.
  var summary: String {
    "expansive, setting \(description.setting), \(shapeText(description.shape)), pre-trained on \(description.dataset)"
  }
}
