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
    let prior = try prior(invocation, surroundings)
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

/// `pipe fit --method expansive`: many samples in, a pre-trained model out.
func fitExpansion(_ invocation: Invocation) async throws {
  let arguments = invocation.arguments
  let report = invocation.report
  let choice = try ExpansiveChoice(fitting: arguments)
  let reading = try ReadOptions(arguments)
  let isDry = arguments.flag("dry-run")

  func fitted() async throws -> ExpansiveFile? {
    let surroundings = try await Surroundings(invocation)
    let (store, info) = try store(
      arguments.paths("input").map(Input.init(path:)), reading, invocation, surroundings)
    return try await surroundings.compute(for: .expanding) {
      let plan = ExpansivePretraining(
        choice, seed: UInt64(arguments.integer("seed") ?? 0), reading: arguments.typedOptions(under: "Reading"),
        for: store, of: info, threads: surroundings.threads)
      try plan.checkMemory(machine: surroundings.machineMemory)
      let (steps, pace) = try plan.estimate(clock: seconds)
      report.log(
        "expansive: \(steps) steps of about \(fixed(pace, 2))s: \(durationText(pace * Double(steps))) (--steps or --time "
          + "for another length)")
      let (decoded, spilled) = plan.decodedBytes
      report.log(memoryLine(decoded: decoded, spilled: spilled, working: Int(plan.memoryNeed.total)))
      if isDry { return nil }
      return try plan.run(
        tool: toolVersion, verb: "fit", shouldStop: surroundings.shouldStop, progress: { report.progress($0) })
    }
  }

  if isDry {
    _ = try await fitted()
    return
  }
  let path = arguments.path("output") ?? "-"
  try await writeOutput(path) { descriptor in
    guard let file = try await fitted() else { return }
    try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(file.bytes))
    report.log("wrote a model of \(sizeText(file.bytes.count)) to \(path): \(file.summary)")
  }
}

/// What was named to begin with; nil where the method needs nothing.
private func prior(_ invocation: Invocation, _ surroundings: Surroundings) throws -> ExpansivePrior? {
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
  let (store, info) = try store([Input(path: path)], reading, invocation, surroundings)
  return .images(store, info)
}

/// All samples of some inputs, sorted by class.
private func store(
  _ inputs: [Input], _ reading: ReadOptions, _ invocation: Invocation, _ surroundings: Surroundings
) throws -> (ClassStore, DatasetInfo) {
  let report = invocation.report
  let source = try openSamples(inputs, options: reading, log: { report.log($0) })
  var builder = ClassStoreBuilder(
    info: source.info, memoryLimit: surroundings.memoryLimit,
    spillDirectory: surroundings.stage(invocation).spillDirectory)
  while let sample = try source.next() { try builder.add(sample) }
  return (try builder.finish(), source.info)
}

/// `memory: 7.5 MiB of decoded images, about 420 MiB to compute`.
private func memoryLine(decoded: Int, spilled: Int, working: Int) -> String {
  "memory: \(sizeText(decoded)) of decoded images\(spilled > 0 ? ", \(sizeText(spilled)) in a spill file" : "")"
    + ", about \(sizeText(working)) to compute"
}

extension ExpansionEstimate {
  /// What is said before the work starts.
  fileprivate func lines(for request: ExpandRequest) -> [String] {
    ["\(request.method.rawValue): \(images) images, seed \(request.seed)"]
      + stretches.map { stretch in
        let option = stretch.name == "pre-training" ? "--pretrain-steps" : "--steps"
        return "\(stretch.name): \(stretch.steps) steps of about \(fixed(stretch.secondsPerStep, 2))s: "
          + "\(durationText(stretch.secondsPerStep * Double(stretch.steps))) (\(option) or --time for another length)"
      } + [memoryLine(decoded: decodedBytes, spilled: spilledBytes, working: workingBytes)]
  }
}

extension ExpansiveFile {
  /// `expansive, setting mhsa+sc+egm, 1×28×28, pre-trained on mnist`.
  var summary: String {
    "expansive, setting \(description.setting), \(shapeText(description.shape)), pre-trained on \(description.dataset)"
  }
}
