let versionVerb = VerbRunner("version") { invocation in
  try invocation.output.write(toolVersion + "\n")
  return .ok
}
