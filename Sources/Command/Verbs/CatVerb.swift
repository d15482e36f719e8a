internal import Shards
internal import Streaming

let catVerb = VerbRunner("cat") { invocation in
  let folder = invocation.arguments.operands[0]
  try await writeStream(invocation) { writer in
    let reader = try DatasetReader(folder)
    invocation.report.detail(reader.info)
    invocation.report.detail(reader.manifest)
    try writer.begin(reader.info)
    var done = 0
    while try reader.copyNext(to: writer) {
      try Task.checkCancellation()
      done += 1
      invocation.report.progress(
        ProgressEvent(stage: "cat", done: done, total: reader.manifest.samples, unit: "samples"))
    }
    try writer.finish()
  }
  return .ok
}
