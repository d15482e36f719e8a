import Catalog
import Command
import Datasets
import Shards
import Methods
import Stages
import Streaming

/// Runs one of the verbs that a model turns a stream into another with: opens the stream, checks it against the model, and
/// writes what the stage makes of it.
///
/// - Parameters:
///   - kind: the stage.
///   - options: how the input is read.
///   - check: refuses a stream that is not the model's.
func passThroughModel<S: LatentStage>(
  _ invocation: Invocation, _ kind: S.Type, options: ReadOptions = ReadOptions(),
  check: (LatentModelFile, DatasetInfo) throws(DataError) -> Void
) async throws {
  let arguments = invocation.arguments
  let report = invocation.report
  let name = arguments.verb.name
  leaveInOrderWithoutMemory(for: .passing)
  try await writeStream(invocation) { writer in
    let path = arguments.path("model") ?? ""
    let surroundings = try await Surroundings(invocation)
    let file = try LatentModelFile(contentsOf: path)
    report.detail("\(path): \(file.summary)")
    let source = try openSamples(
      arguments.paths("input").map(Input.init(path:)), options: options, log: { report.log($0) })
    try check(file, source.info)
    var step = ProvenanceStep(
      verb: name, tool: toolVersion, options: arguments.recorded, digests: ["model": file.digest])
    // What it makes was decided when the model was fitted: that is to be found where the model's file is not.
    if name == "condense" { step.recordFit(of: file) }
    var passing = LatentSurroundings(file, computeThread: surroundings.computeThread)
    passing.formation = file.formation(of: source.info)
    // Asked when the flow has ended, and nobody else reads from it.
    nonisolated(unsafe) let read = source
    if name == "condense" { passing.atEnd = { () throws(DataError) in try file.check(encoded: read.info) } }
    let stage = S(passing)
    let info = stage.describe(source.info, adding: step)
    let total = source.info.countPerClass?.reduce(0, +)
    let stages = pipeline {
      Counted<Sample>(as: name, total: total, progress: report.progressHandler)
      Buffered<Sample>(capacity: 64)
      stage
      Chunked()
      Pack(forStreamOf: info)
    }
    let sink = WireSink(
      named: name, to: writer, info: info,
      final: { [step] in
        let final = stage.describe(read.info, adding: step).leavingOut(read.skipped)
        return final == info ? nil : final
      })
    _ = try await stages.run(from: samples(of: source, stage: name), into: sink)
  }
}

/// The same for a verb that takes latents where it has a model, and whose other options then mean nothing.
///
/// - Throws: `UsageError` with the hint for one of the `meaningless` options that was typed.
func passLatents<S: LatentStage>(
  _ invocation: Invocation, _ kind: S.Type, attention: LatentModelFile.Attention, meaningless: some Sequence<String>,
  hint: String
) async throws {
  let arguments = invocation.arguments
  for option in meaningless where arguments.given(option) {
    throw UsageError("--\(option) means nothing beside --model", hint: hint)
  }
  try await passThroughModel(invocation, kind, options: try ReadOptions(arguments)) { file, info throws(DataError) in
    try file.check(latents: info, attention: attention)
  }
}

extension ProvenanceStep {
  /// Takes the options of the model's last step in place of its own, and the digest of what it was fitted to.
  fileprivate mutating func recordFit(of file: LatentModelFile) {
    let fit = file.description.provenance.last
    options = ["method": LatentModelFile.method, "ipc": file.condensedText].merging(fit?.options ?? [:]) { $1 }
    digests["source"] = fit?.digests["source"]
  }
}

extension LatentModelFile {
  /// `10`, or a table where the classes differ.
  var condensedText: String {
    let counts = description.condensedPerClass
    if let first = counts.first, counts.allSatisfy({ $0 == first }) { return String(first) }
    return zip(description.classNames, counts).map { "\($0)=\($1)" }.joined(separator: ",")
  }
}
