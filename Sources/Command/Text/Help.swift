internal import Catalog

/// Help texts, from the catalogue: examples first, then what the words mean.
enum Help {
  /// `pipe --help`.
  static func overview(width: Int) -> String {
    let width = readable(width)
    var text = wrapped("pipe: " + Catalog.summary, width)
    text += examples(Catalog.examples, width)
    text += "\nVerbs\n"
    for verb in Catalog.verbs { text += entry(verb.name, verb.summary, column: 14, width) }
    text += "\n"
    text += wrapped("`pipe VERB --help` explains a verb, `pipe methods` the methods, `pipe man` everything.", width)
    return text
  }

  /// `pipe VERB --help`: the options that every method takes, and the methods; with one of them, its options with the values that
  /// are in force for it.
  static func of(_ verb: Verb, method: Method? = nil, width: Int) -> String {
    let width = readable(width)
    var text = wrapped("pipe \(verb.name): \(verb.summary)", width)
    text += examples(verb.examples, width)
    text += "\nUsage\n  pipe \(verb.name) \(verb.usage)\n"
    for operand in verb.operands { text += entry(operand.name, detail(operand), column: 24, width) }
    for paragraph in verb.description { text += "\n" + wrapped(paragraph, width) }
    for group in verb.groups {
      let options = group.options.filter { !verb.methods.isEmpty ? !$0.belongsToMethods : true }
      guard !options.isEmpty else { continue }
      text += "\n\(group.title)\n"
      // The longest group is that of other verbs, too, and what is particular to this one shall be found.
      if !verb.methods.isEmpty, let other = group.explainedBy {
        let names = options.map { "--\($0.name)" }.joined(separator: ", ")
        text += wrapped("\(names): see `pipe \(other) --help`", width, indent: 2)
        continue
      }
      for option in options { text += entry(spelling(option), detail(option), column: 26, width) }
    }
    guard !verb.methods.isEmpty else { return text }
    guard let method, verb.methods.contains(where: { $0.name == method.name }) else {
      text += "\nMethods\n"
      for method in verb.methods { text += entry(method.name, method.title, column: 14, width) }
      return text + wrapped("`pipe \(verb.name) --method NAME --help` adds the options of a method.", width, indent: 2)
    }
    return text + "\nOptions of \(method.name)\n" + options(of: method, for: verb, width)
  }

  /// `pipe methods`.
  static func methods(width: Int) -> String {
    let width = readable(width)
    var text = ""
    for verb in Catalog.verbs where verb.methods.contains(where: { $0.verb == verb.name }) {
      text += "\(text.isEmpty ? "" : "\n")Methods of pipe \(verb.name)\n"
      for method in verb.methods where method.verb == verb.name {
        let mark = verb.option("method")?.defaultText == method.name ? " (default)" : ""
        text += entry(method.name, method.title + mark, column: 14, width)
      }
    }
    let names = Catalog.networks.map(\.name).joined(separator: ", ")
    text += "\n" + wrapped("Networks (--net): " + names, width, hanging: 2)
    let more = "`pipe methods NAME` says what a method does, its paper and its options, or what a network is."
    return text + "\n" + wrapped(more, width)
  }

  /// `pipe methods NAME` of a network.
  static func of(_ network: NetworkDescription, width: Int) -> String {
    wrapped("\(network.name): \(network.summary)", readable(width))
  }

  /// A line for each option of a method beyond those of every method, and for each preset.
  private static func options(of method: Method, for verb: Verb?, _ width: Int) -> String {
    var text = ""
    for setting in method.settings {
      guard verb?.option(setting.option) != nil else { continue }
      text += entry(spelling(setting.described), detail(setting.described, default: setting.text), column: 26, width)
    }
    for preset in method.presets {
      let values = preset.values.map { "--\($0.option) \($0.text)" }.joined(separator: " ")
      text += entry("--preset \(preset.name)", "\(preset.summary): \(values)", column: 26, width)
    }
    return text
  }

  /// What `pipe` alone says on the standard error.
  static func brief() -> String {
    """
    pipe: \(Catalog.summary)

      pipe condense < cifar10.tar | pipe shard

    Verbs: \(Catalog.verbs.map(\.name).joined(separator: ", ")).
    pipe --help says more.

    """
  }

  /// What a verb says when its input is a keyboard.
  static func brief(_ verb: Verb) -> String {
    let lines = verb.examples.prefix(2).map { "  \($0.line)\n" }.joined()
    return "pipe \(verb.name): \(verb.summary)\n\n\(lines)\npipe \(verb.name) --help says more.\n\n"
  }

  /// `pipe methods NAME`.
  static func of(_ method: Method, width: Int) -> String {
    let width = readable(width)
    var text = "\(method.name): \(method.title)\n"
    text += wrapped(method.summary, width, indent: 2)
    text += wrapped("Paper: " + method.reference, width, indent: 2, hanging: 4)
    return text + options(of: method, for: Catalog.verb(method.verb), width)
  }

  /// `-o, --output DIR`.
  static func spelling(_ option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? "    "
    return short + long(option)
  }

  /// `--output DIR`, `--zstd[=N]`.
  static func long(_ option: Option) -> String {
    guard let placeholder = option.kind.placeholder else { return "--\(option.name)" }
    let value: String =
      if case .choice = option.kind, placeholder.count > 24 { "WORD" } else { placeholder }
    return option.impliedText == nil ? "--\(option.name) \(value)" : "--\(option.name)[=\(value)]"
  }

  /// The help line with everything that belongs to it: words of a choice, and the default in parentheses.
  static func detail(_ option: Option, default value: String? = nil) -> String {
    var text = option.help
    if case .choice(let words) = option.kind, !long(option).contains("|"), words.count > 1, option.name != "method" {
      text += ": " + words.joined(separator: ", ")
    }
    var remarks: [String] = []
    if let alias = option.alias { remarks.append("also --\(alias)") }
    if option.repeats { remarks.append("repeatable") }
    if let implied = option.impliedText { remarks.append("without a value: \(implied)") }
    if let value {
      remarks.append(value)
    } else if let usual = option.defaultText ?? option.defaultNote, !["none", "no limit"].contains(usual) {
      remarks.append(usual)
    }
    if option.isRequired { remarks.append("required") }
    return remarks.isEmpty ? text : "\(text) (\(remarks.joined(separator: "; ")))"
  }

  private static func detail(_ operand: Operand) -> String {
    guard case .choice(let words) = operand.kind else { return operand.help }
    return operand.help + ": " + words.joined(separator: ", ")
  }

  private static func examples(_ examples: [Example], _ width: Int) -> String {
    guard !examples.isEmpty else { return "" }
    // Command lines are not wrapped: they are for copying.
    return "\nExamples\n" + examples.map { "  \($0.line)\n" + wrapped($0.meaning, width, indent: 6) }.joined()
  }

  private static func entry(_ name: String, _ text: String, column: Int, _ width: Int) -> String {
    let head = "  " + name
    let body = wrapped(text, width, indent: column)
    guard head.count + 2 <= column else { return head + "\n" + body }
    return head + String(repeating: " ", count: column - head.count) + body.dropFirst(column)
  }

  /// Between what fits and what can be read.
  private static func readable(_ width: Int) -> Int {
    min(max(width, 60), 100)
  }
}

/// Breaks a paragraph between words into lines of at most `width` columns, each ended by a line break.
func wrapped(_ text: String, _ width: Int, indent: Int = 0, hanging: Int? = nil) -> String {
  var lines: [String] = []
  var line = String(repeating: " ", count: indent)
  var isEmpty = true
  for word in text.split(separator: " ") {
    if !isEmpty, line.count + 1 + word.count > width {
      lines.append(line)
      line = String(repeating: " ", count: hanging ?? indent)
      isEmpty = true
    }
    line += (isEmpty ? "" : " ") + word
    isEmpty = false
  }
  lines.append(line)
  return lines.map { $0 + "\n" }.joined()
}
