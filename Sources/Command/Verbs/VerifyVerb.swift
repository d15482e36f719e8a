internal import Datasets
internal import Shards
internal import Streaming

let verifyVerb = VerbRunner("verify") { invocation in
  let arguments = invocation.arguments
  let folder = arguments.operands[0]
  let repair =
    arguments.flag("repair")
    ? try repairDataset(at: folder, knowing: try KnownFacts(arguments), tool: toolVersion) : nil
  // A manifest that cannot be read is damage, which the check itself reports.
  if invocation.report.verbose, let manifest = try? Manifest(inFolder: folder) {
    invocation.report.detail(manifest.info)
    invocation.report.detail(manifest)
  }
  let report: VerifyReport
  do {
    report = try await verifyDataset(at: folder) { done, total in
      invocation.report.progress(ProgressEvent(stage: "verify", done: done, total: total, unit: "samples"))
    }
  } catch let error as DataError where error.fault == .noInput && repair?.impossible.isEmpty == false {
    // Why there is no dataset, the repair says.
    report = VerifyReport(damage: [.init(file: Manifest.fileName, problem: "is not there")])
  }
  let text =
    arguments.flag("json")
    ? json(report, repair).rendered(indented: true) + "\n" : sentences(report, repair, folder)
  try invocation.output.write(text)
  if report.damage.isEmpty { return .ok }
  invocation.report.warn(
    repair == nil
      ? "\(folder) is damaged; restore it from a copy, make it anew, or see what --repair can do"
      : "\(folder) is still damaged; restore it from a copy, or make it anew")
  return .damage
}

private func sentences(_ report: VerifyReport, _ repair: RepairReport?, _ folder: String) -> String {
  var text = ""
  for note in repair?.done ?? [] { text += "\(folder)/\(note.file): \(note.text)\n" }
  for note in repair?.impossible ?? [] { text += "\(folder)/\(note.file): \(note.text)\n" }
  if report.damage.isEmpty {
    return text + "\(folder): sound; \(counted(report.samples, "sample")) in \(counted(report.shards, "shard")), "
      + "generation \(report.generation ?? "")\n"
  }
  for damage in report.damage {
    let key = damage.key.map { "sample \($0): " } ?? ""
    text += "\(folder)/\(damage.file): \(key)\(damage.problem)\n"
  }
  return text
}

private func json(_ report: VerifyReport, _ repair: RepairReport?) -> JSONText {
  let damage = report.damage.map { damage -> JSONText in
    .object([
      ("file", .string(damage.file)), ("key", damage.key.map { .string($0) } ?? .null),
      ("problem", .string(damage.problem)),
    ])
  }
  func notes(_ notes: [RepairReport.Note]) -> JSONText {
    .array(notes.map { .object([("file", .string($0.file)), ("text", .string($0.text))]) })
  }
  var members: [(String, JSONText)] = [
    ("sound", .bool(report.damage.isEmpty)), ("generation", report.generation.map { .string($0) } ?? .null),
    ("shards", .integer(report.shards)), ("samples", .integer(report.samples)), ("damage", .array(damage)),
  ]
  if let repair {
    members += [("repaired", notes(repair.done)), ("not_repaired", notes(repair.impossible))]
  }
  return .object(members)
}

extension KnownFacts {
  /// What `--formation` and `--class-names` say.
  fileprivate init(_ arguments: Arguments) throws(UsageError) {
    self.init(classNames: arguments.list("class-names"), acceptsManifest: arguments.flag("accept-manifest"))
    guard let text = arguments.text("formation") else { return }
    if text == "none" {
      formation = .some(nil)
      return
    }
    let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let kind = Formation.Kind(rawValue: parts[0]), let factor = Int(parts[1]),
      (2...Formation.maxFactor).contains(factor)
    else {
      throw UsageError(
        "--formation takes none, uniform=N, multi=N or time=N, not \(quoted(text))", hint: "N is 2 or more")
    }
    formation = .some(Formation(kind, factor: factor))
  }
}
