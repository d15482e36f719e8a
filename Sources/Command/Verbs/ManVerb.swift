let manVerb = VerbRunner("man") { invocation in
  try invocation.output.write(ManualPage.troff())
  return .ok
}
