import Command
import Datasets
import Foundation
import Methods
import Shards
import Stages
import Streaming

/// `pipe fit`: samples in, a model out.
let fitVerb = VerbRunner("fit") { invocation in
  let arguments = invocation.arguments
  let options = try ReadOptions(arguments)
  if arguments.choice("method") == TrajectoryTraining.name {
    try await emitModel(invocation) { try await trainTrajectories(options, invocation) }
  } else if let method = Registry.expansion(arguments.choice("method") ?? "") as? any PretrainedMethod.Type {
    let chosen = try method.init(fitting: arguments)
    try await emitModel(invocation) { try await pretrain(chosen, options, invocation) }
  } else {
    let request = try CondenseRequest(arguments)
    try await emitModel(invocation) { try await fit(request, options, invocation) }
  }
  return .ok
}

/// Writes the model that `fit` gives to --output; a dry run, which gives none, opens no file.
private func emitModel(_ invocation: Invocation, make: () async throws -> FittedModel?) async throws {
  if invocation.arguments.flag("dry-run") {
    _ = try await make()
    return
  }
  let path = invocation.arguments.path("output") ?? "-"
  try await writeOutput(path) { descriptor in
    guard let model = try await make() else { return }
    // A model that was stopped for good is not one that ended early.
    try Task.checkCancellation()
    try write(model.bytes, to: descriptor, named: path)
    invocation.report.log("wrote a model of \(sizeText(model.bytes.count)) to \(path): \(model.summary)")
  }
}

private func fit(
  _ request: CondenseRequest, _ options: ReadOptions, _ invocation: Invocation
) async throws -> FittedModel? {
  let report = invocation.report
  let isDry = invocation.arguments.flag("dry-run")
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)
  let (store, info) = try await store(
    invocation.arguments.paths("input").map(Input.init(path:)), options, stage: "fit", in: context, invocation,
    mayLack: { (request.budget.named[$0] ?? request.budget.rest) == 0 },
    check: { info in
      // What the description rules out is refused before the samples are read.
      guard info.spectrogram == nil else {
        throw DataError(
          .badInput, at: [info.name], "holds spectrograms, and models of latents encode images of 8 bits",
          remedy: "condense them with pipe condense --method \(request.name)")
      }
      _ = try request.promise(of: info, tool: toolVersion)
      try request.checkMemory(for: info, memoryLimit: surroundings.memoryLimit, machine: surroundings.machineMemory)
    })
  return try await surroundings.compute(for: .fitting) {
    let plan = try CondensePlan(request, for: store, of: info, in: context)
    for line in plan.estimate.lines(for: request) { report.log(line) }
    return isDry ? nil : try plan.fit(on: store, tool: toolVersion, verb: "fit", in: context)
  }
}

private func pretrain(
  _ method: any PretrainedMethod, _ options: ReadOptions, _ invocation: Invocation
) async throws -> FittedModel? {
  let report = invocation.report
  let arguments = invocation.arguments
  let isDry = arguments.flag("dry-run")
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)
  let (store, info) = try await store(
    arguments.paths("input").map(Input.init(path:)), options, stage: "fit", in: context, invocation,
    check: checkExpandable)
  return try await surroundings.compute(for: .expanding) {
    let plan = try PretrainingPlan(
      method, seed: UInt64(arguments.integer("seed") ?? 0), reading: arguments.typedOptions(under: "Reading"),
      for: store, of: info, until: context.deadline, in: context)
    let phase = plan.estimate
    report.log(
      "\(arguments.choice("method") ?? ""): \(stepsLine(phase.steps, phase.secondsPerStep, digits: 2, option: "--steps"))"
    )
    report.log(
      memoryLine(
        decoded: store.residentBytes, spilled: store.spilledBytes, working: Int(plan.memoryNeed.total)))
    if isDry { return nil }
    return try plan.run(tool: toolVersion, verb: "fit", shouldStop: context.shouldStop, in: context).model.file
  }
}

private func trainTrajectories(_ options: ReadOptions, _ invocation: Invocation) async throws -> FittedModel? {
  let report = invocation.report
  let arguments = invocation.arguments
  let isDry = arguments.flag("dry-run")
  var typed = TrajectoryTraining()
  try take(TrajectoryTraining.settings, from: arguments, in: &typed)
  let training = typed
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)
  let (store, info) = try await store(
    arguments.paths("input").map(Input.init(path:)), options, stage: "fit", in: context, invocation,
    check: { info in try TrajectoryPlan.check(training, for: info, machine: surroundings.machineMemory) })
  return try await surroundings.compute(for: .training) {
    let plan = try TrajectoryPlan(
      training, seed: UInt64(arguments.integer("seed") ?? 0), reading: arguments.typedOptions(under: "Reading"),
      for: store, of: info, until: arguments.given("epochs") ? nil : context.deadline, in: context)
    report.log(plan.estimate.line)
    report.log(
      memoryLine(
        decoded: store.residentBytes, spilled: store.spilledBytes, working: Int(plan.memoryNeed.total)))
    return isDry ? nil : try plan.run(tool: toolVersion, verb: "fit", in: context)
  }
}

/// All samples of some inputs, sorted by class, with their description.
///
/// - Parameters:
///   - name: the stage, for errors.
///   - mayLack: whether a class, by its name, may have no samples.
///   - check: refuses a set by its description.
func store(
  _ inputs: [Input], _ options: ReadOptions, stage name: String, in surroundings: RunContext,
  _ invocation: Invocation, mayLack: (String) -> Bool = { _ in false },
  check: (DatasetInfo) throws -> Void = { _ in }
) async throws -> (ClassStore, DatasetInfo) {
  let source = try openSamples(inputs, options: options, log: { invocation.report.log($0) })
  try check(source.info)
  // The larger set of an expansion gives no labels and is tested on nothing.
  if name != "pretrain" { warnOfTestPart(source.info, invocation) }
  let store = try await filledStore(
    from: samples(of: source, stage: name), of: source.info, stage: name, in: surroundings, mayLack: mayLack)
  return (store, source.info)
}
