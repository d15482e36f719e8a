internal import Catalog

let helpVerb = VerbRunner("help") { invocation in
  let width = invocation.terminal.width
  guard let name = invocation.arguments.operands.first else {
    try invocation.output.write(Help.overview(width: width))
    return .ok
  }
  guard let verb = Catalog.verb(name) else {
    let near = nearest(to: name, among: Catalog.verbs.map(\.name)).map { "did you mean pipe help \($0)?" }
    throw UsageError("there is no verb \(quoted(name))", hint: near ?? "see pipe help")
  }
  try invocation.output.write(Help.of(verb, width: width))
  return .ok
}
