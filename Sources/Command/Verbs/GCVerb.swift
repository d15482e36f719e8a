internal import Datasets
internal import Shards

let gcVerb = VerbRunner("gc") { invocation in
  let arguments = invocation.arguments
  guard let folder = arguments.path("cache").map({ CacheFolder($0) }) ?? CacheFolder() else {
    throw UsageError("gc needs --cache DIR: neither XDG_CACHE_HOME nor HOME says where it is")
  }
  if arguments.given("cache"), !isFolder(folder.path) {
    throw DataError(.noInput, at: [folder.path], "there is no such folder")
  }
  let isDry = arguments.flag("dry-run")
  let now = secondsSince1970()
  let result = try folder.collect(
    maxBytes: arguments.size("max-bytes"), olderThan: arguments.duration("older-than"), now: now, isDry: isDry)
  if arguments.flag("json") {
    try invocation.output.write(report(result, folder, now, isDry).rendered(indented: true) + "\n")
    return .ok
  }
  var text = ""
  for entry in result.removed {
    text +=
      "\(entry.name)  \(sizeText(entry.bytes)), \(cacheKind(entry.name)), unused for "
      + "\(durationText(max(0, now - entry.used)))\n"
  }
  func total(_ entries: [CacheFolder.Entry]) -> String {
    "\(counted(entries.count, "file")) of \(sizeText(entries.reduce(0) { $0 + $1.bytes }))"
  }
  text += "\(folder.path): \(isDry ? "would remove" : "removed") \(total(result.removed)), kept \(total(result.kept))\n"
  try invocation.output.write(text)
  return .ok
}

private func report(_ result: CacheFolder.Collection, _ folder: CacheFolder, _ now: Double, _ isDry: Bool) -> JSONText {
  func list(_ entries: [CacheFolder.Entry]) -> JSONText {
    .array(
      entries.map { entry in
        .object([
          ("name", .string(entry.name)), ("kind", .string(cacheKind(entry.name))), ("bytes", .integer(entry.bytes)),
          ("unused_seconds", .integer(Int(max(0, now - entry.used)))),
        ])
      })
  }
  return .object([
    ("cache", .string(folder.path)), ("dry_run", .bool(isDry)), ("removed", list(result.removed)),
    ("kept", list(result.kept)),
  ])
}
