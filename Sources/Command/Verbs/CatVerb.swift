internal import Datasets
internal import Shards
internal import Streaming

let catVerb = VerbRunner("cat") { invocation in
  let folder = invocation.arguments.operands[0]
  try await writeStream(invocation) { writer in
    let reader = try DatasetReader(folder)
    invocation.report.detail(reader.info)
    invocation.report.detail(reader.manifest)
    let times = invocation.report.workTimes()
    if invocation.arguments.flag("form"), let formation = reader.info.formation, formation.multiplicity > 1 {
      try await copyFormed(reader, to: writer, times: times, invocation)
    } else {
      if invocation.arguments.flag("form") { invocation.report.log("every stored sample is one training sample") }
      try await reader.copy(to: writer, times: times, progress: invocation.report.progressHandler)
    }
    invocation.report.detail(times)
  }
  return .ok
}

/// Writes the training images of a dataset with a formation.
private func copyFormed(
  _ reader: DatasetReader, to writer: WireWriter, times: WorkTimes?, _ invocation: Invocation
) async throws {
  let source = FormedSource(
    reader,
    adding: ProvenanceStep(
      verb: "cat", tool: toolVersion, options: invocation.arguments.recorded,
      digests: ["source": reader.manifest.generation]))
  let info = source.info
  let stages = pipeline {
    Pack(forStreamOf: info, times: times)
    Counted<PackedChunk>(
      as: "cat", total: info.countPerClass?.reduce(0, +), units: \.count, progress: invocation.report.progressHandler)
  }
  let sink = WireSink(named: "cat", to: writer, info: info, times: times)
  _ = try await stages.run(from: chunks(of: source, stage: "cat", times: times), into: sink)
}
