let versionVerb = VerbRunner("version") { invocation in
  let built = BuiltFrom.this
  let json = JSONText.object([
    ("version", .string(toolVersion)), ("commit", built.commit.map { .string($0) } ?? .null),
    ("dirty", built.commit == nil ? .null : .bool(built.isDirty)),
  ])
  try invocation.output.write(
    invocation.arguments.flag("json") ? json.rendered(indented: true) + "\n" : "\(toolVersion) (\(built.text))\n")
  return .ok
}
