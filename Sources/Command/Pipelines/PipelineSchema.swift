internal import Catalog

/// The JSON schema (draft 2020-12) of pipeline files, made from the catalogue: editors complete and check by it.
///
/// It knows keys, verbs, options, their values and the methods that they belong to. What it cannot say, such as that paths
/// must not lie in one another, the program checks when it reads a file.
enum PipelineSchema {
  /// The schema.
  static var json: JSONText {
    let verbs = DatasetPlan.Step.usable
    var definitions: [(key: String, value: JSONText)] = [
      ("name", .object([("type", .string("string")), ("pattern", .string("\\$\\{"))])),
      ("path", .object([("type", .string("string")), ("minLength", .integer(1))])),
      ("scalar", types("string", "number", "boolean")),
    ]
    for verb in verbs { definitions.append(("\(verb.name)-options", options(verb, DatasetPlan.Step.reserved))) }
    if let verb = Catalog.verb("evaluate") {
      guard case .object(let table) = options(verb, EvaluationPlan.reserved) else {
        preconditionFailure("options are an object")
      }
      definitions.append(("evaluate-options", .object(table + [("allOf", .array(relations(verb)))])))
    }
    definitions.append(("check", check))
    definitions.append(("publish", publish))
    definitions.append(("step", step(verbs)))
    definitions.append(("dataset", dataset(verbs)))
    return .object([
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string("pipeline file of \(toolVersion)")),
      ("type", .string("object")),
      (
        "properties",
        .object([
          ("$schema", .object([("type", .string("string"))])),
          ("format", .object([("const", .integer(PipelineFile.format))])),
          ("variables", named(.bool(true))),
          ("datasets", list(reference("dataset"))),
        ])
      ),
      ("required", texts(["format", "datasets"])), ("additionalProperties", .bool(false)),
      ("$defs", .object(definitions)),
    ])
  }

  private static func dataset(_ verbs: [Verb]) -> JSONText {
    let ends = verbs.filter { !$0.writesBinary }.map(\.name)
    let end = anyOf([.object([("enum", texts(ends))]), reference("name")])
    let last = JSONText.object([("properties", .object([("verb", end)])), ("required", texts(["verb"]))])
    guard case .object(let steps) = list(reference("step")) else { preconditionFailure("a list is an object here") }
    let evaluation = anyOf([reference("evaluate-options"), reference("name")])
    let value = anyOf([reference("scalar"), .object([("type", .string("object")), ("required", texts(["label"]))])])
    return .object([
      ("type", .string("object")),
      (
        "properties",
        .object([
          ("output", described("the folder to make", reference("path"))),
          ("input", described("what the first step reads", anyOf([list(reference("path")), reference("name")]))),
          ("steps", described("a shell pipe", .object(steps + [("contains", last)]))),
          ("check", described("what a new dataset has to pass", anyOf([reference("check"), reference("name")]))),
          ("publish", described("where readers find it", anyOf([reference("publish"), reference("name")]))),
          ("evaluate", described("options of pipe evaluate", anyOf([evaluation, list(evaluation)]))),
          ("table", described("where results are listed, without .md and .csv", reference("path"))),
          ("matrix", described("one dataset per cell", named(anyOf([list(value), reference("name")])))),
          ("exclude", described("cells that are left out", list(named(reference("scalar"))))),
        ])
      ),
      ("required", texts(["output", "input", "steps"])),
      (
        "dependentRequired",
        .object([("exclude", texts(["matrix"])), ("table", texts(["evaluate"]))])
      ),
      ("additionalProperties", .bool(false)),
    ])
  }

  /// Conditions, and the other options of `pipe evaluate`.
  private static var check: JSONText {
    let percent = anyOf([
      .object([("type", .string("number")), ("const", .integer(0))]),
      .object([("type", .string("number")), ("exclusiveMinimum", .integer(1)), ("maximum", .integer(100))]),
      reference("name"),
    ])
    let points = anyOf([
      .object([("type", .string("number")), ("minimum", .integer(0)), ("exclusiveMaximum", .integer(100))]),
      reference("name"),
    ])
    var properties: [(key: String, value: JSONText)] = [
      ("verify", anyOf([types("boolean"), reference("name")])), ("accuracy", percent), ("class-accuracy", percent),
      ("not-worse-than-last", points), ("test", anyOf([reference("path"), list(reference("path"))])),
    ]
    let options = Catalog.verb("evaluate")?.options ?? []
    for option in options where PipelineFile.Check.optionNames.contains(option.name) {
      properties.append((option.name, described(option.help, value(option))))
    }
    return .object([
      ("type", .string("object")), ("properties", .object(properties)), ("additionalProperties", .bool(false)),
    ])
  }

  private static var publish: JSONText {
    let keep = anyOf([bounded("integer", 1, 100_000), reference("name")])
    return .object([
      ("type", .string("object")),
      (
        "properties",
        .object([
          ("to", reference("path")), ("keep", keep), ("command", reference("path")), ("read-back", reference("path")),
          ("switch", reference("path")),
        ])
      ),
      ("anyOf", .array([.object([("required", texts(["to"]))]), .object([("required", texts(["command"]))])])),
      (
        "dependentRequired",
        .object([
          ("keep", texts(["to"])), ("command", texts(["read-back"])), ("read-back", texts(["command"])),
          ("switch", texts(["command"])),
        ])
      ),
      ("additionalProperties", .bool(false)),
    ])
  }

  /// A verb, and the options of that verb.
  private static func step(_ verbs: [Verb]) -> JSONText {
    let rules = verbs.map { verb -> JSONText in
      let table = reference("\(verb.name)-options")
      let own = JSONText.object([("allOf", .array([table] + relations(verb)))])
      let parts = list(anyOf([table, reference("name")]))
      return condition(
        [("verb", .object([("const", .string(verb.name))]))], isNeeded: "verb",
        then: .object([("properties", .object([("options", anyOf([own, parts, reference("name")]))]))]))
    }
    return .object([
      ("type", .string("object")),
      (
        "properties",
        .object([
          ("verb", anyOf([.object([("enum", texts(verbs.map(\.name)))]), reference("name")])), ("options", .bool(true)),
        ])
      ),
      ("required", texts(["verb"])), ("additionalProperties", .bool(false)), ("allOf", .array(rules)),
    ])
  }

  private static func options(_ verb: Verb, _ reserved: [String: String]) -> JSONText {
    var properties: [(key: String, value: JSONText)] = []
    for option in verb.options where reserved[option.name] == nil {
      properties.append((option.name, described(option.help, value(option))))
      if let alias = option.alias { properties.append((alias, described(option.help, value(option)))) }
    }
    return .object([
      ("type", .string("object")), ("properties", .object(properties)), ("additionalProperties", .bool(false)),
    ])
  }

  /// Which options go together: those of the method, and what the relations of the verb say.
  private static func relations(_ verb: Verb) -> [JSONText] {
    var rules: [JSONText] = []
    for method in verb.methods {
      let names = verb.options.filter { method.understands($0.name, of: verb.name) }.flatMap {
        [$0.name] + ($0.alias.map { [$0] } ?? [])
      }
      let known = JSONText.object([("propertyNames", .object([("enum", texts(names))]))])
      rules.append(condition([("method", .object([("const", .string(method.name))]))], isNeeded: "method", then: known))
      guard method.name == verb.option("method")?.defaultText else { continue }
      rules.append(
        .object([
          ("if", .object([("not", .object([("required", texts(["method"]))]))])), ("then", known),
        ]))
    }
    for relation in verb.relations {
      switch relation {
      case .needs(let option, let other, _) where verb.option(option)?.kind != .flag:
        rules.append(.object([("dependentRequired", .object([(option, texts([other]))]))]))
      case .excludes(let option, let other, _) where [option, other].allSatisfy { takesValue($0, verb) }:
        rules.append(.object([("not", .object([("required", texts([option, other]))]))]))
      default: continue
      }
    }
    return rules
  }

  private static func takesValue(_ name: String, _ verb: Verb) -> Bool {
    verb.option(name).map { $0.kind != .flag && $0.impliedText == nil } ?? false
  }

  /// What a value of an option may be; a text with `${…}` is always one.
  private static func value(_ option: Option) -> JSONText {
    var forms = forms(option.kind)
    if option.impliedText != nil { forms.append(types("boolean")) }
    if option.repeats, case .path = option.kind { forms.append(list(reference("path"))) }
    return anyOf(forms + [reference("name")])
  }

  private static func forms(_ kind: ValueKind) -> [JSONText] {
    switch kind {
    case .flag: [types("boolean"), .object([("enum", texts(["true", "false"]))])]
    case .integer(let range):
      [bounded("integer", Double(range.lowerBound), Double(range.upperBound)), pattern("^[+-]?[0-9]+$")]
    case .number(let range):
      [bounded("number", range.lowerBound, range.upperBound), pattern("^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$")]
    case .text: [pattern("."), types("number")]
    case .list: [pattern("."), types("number"), list(pattern("^[^,]+$"))]
    case .choice(let words): [.object([("enum", texts(words))])]
    case .duration:
      [bounded("number", 0, .infinity), pattern("^([0-9.]+|(?=.)([0-9.]+d)?([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?)$")]
    case .size: [bounded("number", 1, .infinity), pattern("^[0-9.]+[KMGTkmgt]?([iI]?[bB])?$")]
    case .path: [reference("path")]
    case .extent: [bounded("integer", 1, 65_535), pattern("^[0-9]+(x[0-9]+)?$")]
    case .counts: [bounded("integer", 1, 1e9), pattern("."), table(bounded("integer", 0, 1e9))]
    }
  }
}

private func reference(_ name: String) -> JSONText { .object([("$ref", .string("#/$defs/\(name)"))]) }

private func texts(_ texts: [String]) -> JSONText { .array(texts.map(JSONText.string)) }

private func anyOf(_ schemas: [JSONText]) -> JSONText { .object([("anyOf", .array(schemas))]) }

private func types(_ names: String...) -> JSONText {
  .object([("type", names.count == 1 ? .string(names[0]) : texts(names))])
}

private func pattern(_ pattern: String) -> JSONText {
  .object([("type", .string("string")), ("pattern", .string(pattern))])
}

/// A list with at least one element.
private func list(_ items: JSONText) -> JSONText {
  .object([("type", .string("array")), ("minItems", .integer(1)), ("items", items)])
}

/// A table with at least one entry.
private func table(_ values: JSONText) -> JSONText {
  .object([("type", .string("object")), ("minProperties", .integer(1)), ("additionalProperties", values)])
}

/// A table whose keys are names of variables or axes.
private func named(_ values: JSONText) -> JSONText {
  .object([
    ("type", .string("object")),
    ("propertyNames", .object([("pattern", .string("^[A-Za-z_][A-Za-z0-9_-]*$"))])),
    ("additionalProperties", values),
  ])
}

private func described(_ description: String, _ schema: JSONText) -> JSONText {
  guard case .object(let members) = schema else { return schema }
  return .object([("description", .string(description))] + members)
}

/// Bounds that a number of JSON holds exactly.
private func bounded(_ type: String, _ low: Double, _ high: Double) -> JSONText {
  var members: [(key: String, value: JSONText)] = [("type", .string(type))]
  if abs(low) < 0x1p53 { members.append(("minimum", .number(low))) }
  if abs(high) < 0x1p53 { members.append(("maximum", .number(high))) }
  return .object(members)
}

/// A schema for values whose properties are so.
private func condition(
  _ properties: [(key: String, value: JSONText)], isNeeded name: String, then schema: JSONText
) -> JSONText {
  .object([
    ("if", .object([("properties", .object(properties)), ("required", texts([name]))])), ("then", schema),
  ])
}
