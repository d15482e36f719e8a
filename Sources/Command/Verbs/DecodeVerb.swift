internal import Datasets
internal import Shards
internal import Streaming

let decodeVerb = VerbRunner("decode") { invocation in
  let arguments = invocation.arguments
  let inputs = arguments.paths("input").map(Input.init(path:))
  try await writeStream(invocation) { writer in
    let source = try openSamples(inputs, options: try ReadOptions(arguments), log: { invocation.report.log($0) })
    let step = ProvenanceStep(
      verb: "decode", tool: toolVersion, options: arguments.recorded, digests: try sourceDigests(of: inputs))
    let info = source.info
    invocation.report.detail(info)
    let times = invocation.report.workTimes()
    let stages = pipeline {
      Pack(forStreamOf: info, times: times)
      Counted<PackedChunk>(
        as: "decode", total: info.countPerClass?.reduce(0, +), units: \.count,
        progress: invocation.report.progressHandler)
    }
    let sink = WireSink(named: "decode", to: writer, describing: source, adding: step, times: times)
    _ = try await stages.run(from: chunks(of: source, stage: "decode", times: times), into: sink)
    invocation.report.detail(times)
  }
  return .ok
}
