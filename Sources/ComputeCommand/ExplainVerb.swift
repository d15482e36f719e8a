import Command
import Datasets
import Foundation
import Methods
import Shards
import Stages
import Streaming
import Tensors

/// `pipe explain`: what the images of a set are, beside the real ones.
let explainVerb = VerbRunner("explain") { invocation in
  let arguments = invocation.arguments
  let report = invocation.report
  let sheetPath = arguments.path("output")
  if sheetPath == "-" {
    throw UsageError("explain -o -: the standard output is for the report", hint: "name a file for the sheet")
  }
  if let sheetPath { try checkOutput(sheetPath) }
  var request = ExplanationRequest()
  if arguments.choice("by") == "features" {
    var features = FeatureNetwork()
    try take(FeatureNetwork.settings, from: arguments, in: &features)
    request.features = features
  }
  request.neighbours = arguments.integer("nearest") ?? request.neighbours
  request.sameness = arguments.number("same-below") ?? request.sameness
  request.seed = UInt64(arguments.integer("seed") ?? 0)
  let surroundings = try await Surroundings(invocation)
  let context = surroundings.context(invocation)

  func opened(_ paths: [String], _ split: DatasetInfo.Split, isRequired: Bool = false) throws -> any SampleSource {
    var options = try ReadOptions(arguments)
    (options.split, options.isSplitRequired) = (split, isRequired)
    let source = try openSamples(paths.map(Input.init(path:)), options: options, log: { report.log($0) })
    report.detail(source.info)
    return source
  }
  let realPaths = arguments.paths("real")
  let realSource = try opened(realPaths, .train)
  try checkIsTrainingPart(realSource.info)
  let explained = try openedSet(arguments.operands[0], like: realSource.info, arguments, report)
  report.detail(explained.info)
  guard explained.info.kind == .samples else {
    throw DataError(
      .badInput, at: [explained.info.name], "it holds latents, not images", remedy: "decode them first")
  }
  let testSource = try testPart(arguments.paths("test"), realPaths, report) { try opened($0, .test, isRequired: $1) }

  let collected = try await collectedTraining(
    from: samples(of: explained, stage: "read"), of: explained.info, stage: "read", in: context)
  let training = try collected.finish(info: explained.info)
  let real = try await filledStore(
    from: samples(of: realSource, stage: "read"), of: realSource.info, stage: "read", in: context,
    mayLack: { _ in true })
  var test: ClassStore?
  if let testSource {
    test = try await filledStore(
      from: samples(of: testSource, stage: "read"), of: testSource.info, stage: "read", in: context,
      mayLack: { _ in true })
  }
  let plan = try ExplanationPlan(request, of: training, among: real, named: realSource.info.name, test: test)
  let isSpectrogram = real.isSpectrogram
  let perClass = sheetPath == nil ? 0 : arguments.integer("per-class") ?? 3
  let (explanation, rows) = try await surroundings.compute(for: .evaluating) {
    try plan.run(picturesPerClass: perClass, in: context)
  }
  try invocation.output.write(
    arguments.flag("json")
      ? printableJSON(encodeJSON(explanation, indented: true)) + "\n" : explanation.text)
  if let sheetPath {
    let side = training.images.shape.dropFirst(2).max() ?? 64
    let sheet = try contactSheet(
      of: rows, isSpectrogram: isSpectrogram, scale: arguments.integer("scale") ?? max(1, 64 / max(side, 1)),
      named: explanation.dataset)
    try await writeOutput(sheetPath) { descriptor in try write(encodePNG(sheet), to: descriptor, named: sheetPath) }
    report.log("drew \(sheet.width)×\(sheet.height) pixels to \(sheetPath)")
  }
  for warning in explanation.warnings { report.warn(warning) }
  return .ok
}

/// The test part of the real data; nil, and a note says so, where none was given and the archive has none.
private func testPart(
  _ given: [String], _ real: [String], _ report: Reporter,
  _ open: (_ paths: [String], _ isRequired: Bool) throws -> any SampleSource
) throws -> (any SampleSource)? {
  func none(_ why: String) {
    report.log("traces of the test part are not looked for: \(why); name it with --test")
  }
  guard given.isEmpty else {
    let source = try open(given, false)
    guard source.info.split == .test else {
      throw DataError(
        .badInput, at: [source.info.name], "it has no test part",
        remedy: "give --test data whose names or folders say which part is the test part")
    }
    return source
  }
  guard !real.contains("-") else {
    none("the real data come from a pipe, which is read once")
    return nil
  }
  do {
    // Data without parts is training data: all of it as the test part would be compared with itself.
    return try open(real, true)
  } catch let error as DataError where error.fault == .badInput || error.fault == .usage {
    none(error.problem)
  }
  return nil
}
