internal import Datasets
internal import Shards
internal import Streaming

let decodeVerb = VerbRunner("decode") { invocation in
  let arguments = invocation.arguments
  let inputs = arguments.paths("input").map(Input.init(path:))
  try await writeStream(invocation) { writer in
    let source = try openSamples(inputs, options: try ReadOptions(arguments), log: { invocation.report.log($0) })
    var info = source.info
    invocation.report.detail(info)
    info.provenance.append(
      ProvenanceStep(
        verb: "decode", tool: toolVersion, options: arguments.recorded, digests: try sourceDigests(of: inputs)))
    let sink = WireSink(named: "decode", to: writer, info: info)
    let total = info.countPerClass?.reduce(0, +)
    let stages = pipeline {
      ReadAhead()
      Counted<Sample>(as: "decode", total: total, progress: invocation.report.progressHandler)
    }
    _ = try await stages.run(from: samples(of: source, stage: "decode"), into: sink)
  }
  return .ok
}
