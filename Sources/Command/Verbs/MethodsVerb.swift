internal import Catalog

let methodsVerb = VerbRunner("methods") { invocation in
  let arguments = invocation.arguments
  let chosen = arguments.operands.first.flatMap(Catalog.method)
  let network = Catalog.networks.first { $0.name == arguments.operands.first }
  let methods = chosen.map { [$0] } ?? Catalog.allMethods
  if arguments.flag("json") {
    let networks = (network.map { [$0] } ?? Catalog.networks).map { network in
      JSONText.object([("name", .string(network.name)), ("summary", .string(network.summary))])
    }
    let ofMethods: [(key: String, value: JSONText)] = network == nil ? [("methods", .array(methods.map(json)))] : []
    let report = JSONText.object(ofMethods + (chosen == nil ? [("networks", .array(networks))] : []))
    try invocation.output.write(report.rendered(indented: true) + "\n")
  } else {
    let width = invocation.terminal.width
    try invocation.output.write(
      chosen.map { Help.of($0, width: width) } ?? network.map { Help.of($0, width: width) }
        ?? Help.methods(width: width))
  }
  return .ok
}

private func json(_ method: Method) -> JSONText {
  let options = method.settings.map { setting -> JSONText in
    let option = Catalog.verb(method.verb)?.option(setting.option)
    return .object([
      ("name", .string(setting.option)),
      ("default", setting.text.map { .string($0) } ?? .null),
      ("help", .string(setting.help ?? option?.help ?? "")),
    ])
  }
  let presets = method.presets.map { preset -> JSONText in
    .object([
      ("name", .string(preset.name)), ("summary", .string(preset.summary)),
      ("options", .object(preset.values.map { ($0.option, .string($0.text)) })),
    ])
  }
  return .object([
    ("name", .string(method.name)), ("verb", .string(method.verb)), ("title", .string(method.title)),
    ("summary", .string(method.summary)),
    ("reference", .string(method.reference)), ("is_default", .bool(method.name == Catalog.defaultMethod)),
    ("options", .array(options)), ("presets", .array(presets)),
  ])
}
