internal import Shards
internal import Streaming

let catVerb = VerbRunner("cat") { invocation in
  let folder = invocation.arguments.operands[0]
  try await writeStream(invocation) { writer in
    let reader = try DatasetReader(folder)
    invocation.report.detail(reader.info)
    invocation.report.detail(reader.manifest)
    let times = invocation.report.workTimes()
    try await reader.copy(to: writer, times: times, progress: invocation.report.progressHandler)
    invocation.report.detail(times)
  }
  return .ok
}
