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
  let reading = try ReadOptions(arguments)
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)
  @Sendable func announce(_ estimate: ExpansionEstimate) {
    for line in estimate.lines(for: request) { report.log(line) }
  }

  let expanded = try await emitWhole(invocation, options: reading) { info in
    let promised = try request.promise(of: info, tool: toolVersion)
    var (request, prior) = (request, (@Sendable () async throws -> ExpansionPrior)?.none)
    if let path = arguments.path("model"), var method = request.method as? any PretrainedMethod {
      let model = try method.begin(withModelAt: path)
      report.detail("\(path): \(model.file.summary)")
      if let shape = info.shape { try model.check(imageShape: shape, of: info.name) }
      request.method = method
      prior = { .model(model) }
    } else if let path = arguments.path("pretrain") {
      prior = { try await similarSet(path, invocation, surroundings) }
    }
    return (
      ExpandStage(request, reading: prior, of: info, tool: toolVersion, in: context, announce: announce), promised
    )
  } announce: { estimate in
    announce(estimate)
    report.estimate(
      seconds: estimate.seconds,
      memoryBytes: estimate.decodedBytes + estimate.workingBytes)
  }
  if let distance = expanded?.meanDistance {
    report.log("new images are \(fixed(distance, 2)) deviations a value from the nearest sample, on average")
  }
  return .ok
}

/// The larger set to learn from first.
private func similarSet(
  _ path: String, _ invocation: Invocation, _ surroundings: Surroundings
) async throws -> ExpansionPrior {
  // Sizes are made equal; classes and parts are those of the samples alone.
  var reading = ReadOptions()
  let own = try ReadOptions(invocation.arguments)
  (reading.resize, reading.centerCrop, reading.exifRotate) = (own.resize, own.centerCrop, own.exifRotate)
  let (store, info) = try await store(
    [Input(path: path)], reading, stage: "pretrain", in: surroundings.context(invocation), invocation,
    mayLack: { _ in true }, check: checkExpandable)
  return .images(store, info)
}
