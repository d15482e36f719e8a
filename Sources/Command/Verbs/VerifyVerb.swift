internal import Datasets
internal import Shards
internal import Streaming

let verifyVerb = VerbRunner("verify") { invocation in
  let arguments = invocation.arguments
  let folder = arguments.operands[0]
  // A manifest that cannot be read is damage, which the check itself reports.
  if invocation.report.verbose, let manifest = try? Manifest(inFolder: folder) {
    invocation.report.detail(manifest.info)
    invocation.report.detail(manifest)
  }
  let report = try await verifyDataset(at: folder) { done, total in
    invocation.report.progress(ProgressEvent(stage: "verify", done: done, total: total, unit: "samples"))
  }
  let text =
    if arguments.flag("json") {
      json(report).rendered(indented: true) + "\n"
    } else if report.damage.isEmpty {
      "\(folder): sound; \(counted(report.samples, "sample")) in \(counted(report.shards, "shard")), "
        + "generation \(report.generation ?? "")\n"
    } else {
      report.damage.map { damage in
        let key = damage.key.map { "sample \($0): " } ?? ""
        return "\(folder)/\(damage.file): \(key)\(damage.problem)\n"
      }.joined()
    }
  try invocation.output.write(text)
  if report.damage.isEmpty { return .ok }
  invocation.report.warn("\(folder) is damaged; restore it from a copy, or make it anew")
  return .damage
}

private func json(_ report: VerifyReport) -> JSONText {
  let damage = report.damage.map { damage -> JSONText in
    .object([
      ("file", .string(damage.file)), ("key", damage.key.map { .string($0) } ?? .null),
      ("problem", .string(damage.problem)),
    ])
  }
  return .object([
    ("sound", .bool(report.damage.isEmpty)), ("generation", report.generation.map { .string($0) } ?? .null),
    ("shards", .integer(report.shards)), ("samples", .integer(report.samples)), ("damage", .array(damage)),
  ])
}
