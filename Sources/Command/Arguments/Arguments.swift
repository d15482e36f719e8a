public import Catalog
internal import Datasets

/// What was typed after a verb, checked against the catalogue, with defaults filled in.
///
/// A value comes from the first of these that has one: what was typed, the preset, the method, the option's default. A
/// getter gives nil when none has. Asking for an option that the verb does not have, or as another kind than the
/// catalogue says, is a mistake in the program and stops it.
public struct Arguments: Sendable {
  /// The verb.
  public let verb: Verb
  /// Arguments without a name.
  public private(set) var operands: [String] = []
  private var typed: [String: [Entry]] = [:]
  private var defaults: [String: Entry] = [:]
  /// What to say of a word such as `-metod` that was read as `-m etod`, should the words after it make no sense.
  private var attachedSlip: UsageError?

  private struct Entry {
    var text: String
    var value: OptionValue
  }

  /// Reads the words after the verb.
  ///
  /// - Throws: `UsageError` with the nearest name for one that is unknown, or with what a value has to look like.
  public init(_ words: [String], for verb: Verb) throws(UsageError) {
    self.verb = verb
    var rest = words[...]
    var onlyOperands = false
    while let word = rest.popFirst() {
      if onlyOperands || word == "-" || !word.hasPrefix("-") {
        operands.append(word)
      } else if word == "--" {
        onlyOperands = true
      } else if word.hasPrefix("--") {
        try readLong(word, &rest)
      } else {
        try readShort(word, &rest)
      }
    }
    if asksForHelp { return }
    try takeFurtherInputs()
    try checkOperands()
    for option in verb.options where option.isRequired && typed[option.name] == nil {
      throw UsageError("\(verb.name) needs \(spelling(option)) \(option.kind.placeholder ?? "")", hint: option.help)
    }
    try fillDefaults()
    try checkRelations()
  }

  /// Replaces patterns among the inputs by the files that they stand for.
  ///
  /// - Throws: `DataError` (`.noInput`) for a pattern without a file, and for a range of which some are missing.
  mutating func expandInputs() throws(DataError) {
    for option in verb.options where option.repeats && !option.isWritten {
      guard case .path = option.kind, let entries = typed[option.name] else { continue }
      var expanded: [Entry] = []
      for entry in entries {
        expanded += try InputPattern.expanded(entry.text).map { Entry(text: $0, value: .text($0)) }
      }
      typed[option.name] = expanded
    }
  }

  /// Whether `--help` is among the words; nothing else was checked then.
  public var asksForHelp: Bool { typed["help"] != nil }

  /// The method that was typed, for help.
  var typedMethod: Method? { typed["method"]?.last.flatMap { Catalog.method($0.text) } }

  /// Whether the option was typed.
  public func given(_ name: String) -> Bool {
    _ = option(name)
    return typed[name] != nil
  }

  /// Whether the flag was typed.
  public func flag(_ name: String) -> Bool {
    precondition(option(name).kind == .flag, "--\(name) is no flag")
    return typed[name] != nil
  }

  /// The whole number.
  public func integer(_ name: String) -> Int? {
    guard let value = value(name) else { return nil }
    guard case .integer(let integer) = value else { wrongKind(name, "a whole number") }
    return integer
  }

  /// The number.
  public func number(_ name: String) -> Double? {
    guard let value = value(name) else { return nil }
    guard case .number(let number) = value else { wrongKind(name, "a number") }
    return number
  }

  /// The text, word of a choice, or path; the last one where the option repeats.
  public func text(_ name: String) -> String? {
    guard let value = value(name) else { return nil }
    guard case .text(let text) = value else { wrongKind(name, "a text") }
    return text
  }

  /// The value in force as it would be typed, of any kind; the last one where the option repeats.
  public func valueText(_ name: String) -> String? {
    _ = option(name)
    return typed[name]?.last?.text ?? defaults[name]?.text
  }

  /// The word of a choice.
  public func choice(_ name: String) -> String? { text(name) }

  /// The path; the last one where the option repeats.
  public func path(_ name: String) -> String? { text(name) }

  /// All paths, in the order in which they were typed.
  public func paths(_ name: String) -> [String] {
    guard case .path = option(name).kind else { wrongKind(name, "a path") }
    return typed[name]?.map(\.text) ?? defaults[name].map { [$0.text] } ?? []
  }

  /// The words of a list; empty where there is none.
  public func list(_ name: String) -> [String] {
    guard let value = value(name) else { return [] }
    guard case .list(let words) = value else { wrongKind(name, "a list") }
    return words
  }

  /// Every text that was typed for an option that repeats.
  public func texts(_ name: String) -> [String] {
    precondition(option(name).repeats, "--\(name) does not repeat")
    return typed[name]?.map(\.text) ?? []
  }

  /// The time in seconds.
  public func duration(_ name: String) -> Double? {
    guard let value = value(name) else { return nil }
    guard case .seconds(let seconds) = value else { wrongKind(name, "a time") }
    return seconds
  }

  /// The size in bytes.
  public func size(_ name: String) -> Int? {
    guard let value = value(name) else { return nil }
    guard case .bytes(let bytes) = value else { wrongKind(name, "a size in bytes") }
    return bytes
  }

  /// The image size.
  public func extent(_ name: String) -> Extent? {
    guard let value = value(name) else { return nil }
    guard case .extent(let extent) = value else { wrongKind(name, "an image size") }
    return extent
  }

  /// The images per class.
  public func counts(_ name: String) -> ClassCounts? {
    guard let value = value(name) else { return nil }
    guard case .counts(let counts) = value else { wrongKind(name, "a table of counts") }
    return counts
  }

  /// Every option in force that can change the data, as it would be typed, by name: what provenance records.
  ///
  /// Options that are typed or have a default text are in it; what depends on data or machine is the verb's to add.
  public var recorded: [String: String] {
    var record: [String: String] = [:]
    for option in verb.options where option.isRecorded {
      if let entries = typed[option.name] {
        record[option.name] = option.kind == .flag ? "true" : entries.map(\.text).joined(separator: " ")
      } else if let entry = defaults[option.name] {
        record[option.name] = entry.text
      }
    }
    return record
  }

  /// What was typed of the options under that heading, by name; of that, what provenance records.
  public func typedOptions(under title: String) -> [String: String] {
    let group = verb.groups.first { $0.title == title }?.options.map(\.name) ?? []
    return recorded.filter { group.contains($0.key) && typed[$0.key] != nil }
  }

  private func option(_ name: String) -> Option {
    guard let option = verb.option(name) else { preconditionFailure("pipe \(verb.name) has no option --\(name)") }
    return option
  }

  private func value(_ name: String) -> OptionValue? {
    _ = option(name)
    return typed[name]?.last?.value ?? defaults[name]?.value
  }

  private func wrongKind(_ name: String, _ kind: String) -> Never {
    preconditionFailure("--\(name) of pipe \(verb.name) was asked for as \(kind), which it is not")
  }
}

// MARK: - Reading words

extension Arguments {
  private mutating func readLong(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let body = word.dropFirst(2)
    let mark = body.firstIndex(of: "=")
    let name = String(body[..<(mark ?? body.endIndex)])
    let attached = mark.map { String(body[body.index(after: $0)...]) }
    guard let option = verb.option(name) else {
      let near = nearest(to: name, among: verb.options.map(\.name)).map { "did you mean --\($0)?" }
      throw UsageError("\(verb.name) has no option --\(name)", hint: near ?? "see pipe \(verb.name) --help")
    }
    try take(option, attached: attached, &rest)
  }

  /// `-o x`, `-ox`, and flags in a row: `-qv`.
  private mutating func readShort(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    // `-ipc` for `--ipc` is the usual slip, and would be read as `-i pc`.
    let long = String(word.dropFirst().prefix { $0 != "=" })
    if long.count > 1, verb.option(long) != nil {
      throw UsageError("\(verb.name) has no option -\(long)", hint: "did you mean --\(long)?")
    }
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = verb.options.first(where: { $0.short == letter }) else {
        let near = nearest(to: long, among: verb.options.map(\.name)).map { "did you mean --\($0)?" }
        throw UsageError("\(verb.name) has no option -\(letter)", hint: near ?? "see pipe \(verb.name) --help")
      }
      if option.kind == .flag {
        try take(option, attached: nil, &rest)
      } else {
        // `-metod dm` may be `-m etod`: what follows tells.
        if !letters.isEmpty, let near = nearest(to: long, among: verb.options.map(\.name)) {
          let slip = UsageError("\(verb.name) has no option -\(long)", hint: "did you mean --\(near)?")
          if letters.contains("=") { throw slip }
          attachedSlip = attachedSlip ?? slip
        }
        try take(option, attached: letters.isEmpty ? nil : String(letters), &rest)
        return
      }
    }
  }

  private mutating func take(
    _ option: Option, attached: String?, _ rest: inout ArraySlice<String>
  ) throws(UsageError) {
    var text = attached
    if option.kind == .flag {
      guard text == nil else { throw UsageError("\(spelling(option)) takes no value") }
      text = ""
    } else if text == nil, let implied = option.impliedText {
      text = implied
    } else if text == nil, let next = rest.first, isValue(next) {
      text = rest.removeFirst()
    }
    guard let text else {
      var hint = "it takes \(option.kind.placeholder ?? "a value")"
      if let next = rest.first {
        hint += "; write \(spelling(option, attached: next)) if \(next) is meant as its value"
      }
      throw UsageError("\(spelling(option)) needs a value", hint: hint)
    }
    let entry = Entry(text: text, value: try read(text, for: option))
    if option.repeats { typed[option.name, default: []].append(entry) } else { typed[option.name] = [entry] }
  }

  /// A word that looks like an option is none's value: the value was probably forgotten.
  ///
  /// Negative numbers are values.
  private func isValue(_ word: String) -> Bool {
    word == "-" || !word.hasPrefix("-") || Double(word) != nil
  }

  private func read(_ text: String, for option: Option) throws(UsageError) -> OptionValue {
    do throws(UsageError) {
      return try OptionValue(text, as: option.kind)
    } catch {
      throw UsageError("\(spelling(option)) \(error.message)", hint: error.hint)
    }
  }

  private func spelling(_ option: Option, attached value: String? = nil) -> String {
    value.map { "--\(option.name)=\($0)" } ?? "--\(option.name)"
  }

  /// What a shell makes of `-i shard-*.tar`: the first file is the option's, the others stand behind it.
  private mutating func takeFurtherInputs() throws(UsageError) {
    guard attachedSlip == nil, let name = verb.samplesOption, let option = verb.option(name), option.repeats,
      verb.operands.isEmpty ? typed[name] != nil : verb.operands[0].standsFor == name
    else { return }
    for word in operands { typed[name, default: []].append(Entry(text: word, value: try read(word, for: option))) }
    operands = []
  }

  /// Each argument without a name, with what the verb says of it.
  var describedOperands: [(operand: Operand, word: String)] {
    operands.enumerated().compactMap { index, word in
      let operand =
        index < verb.operands.count ? verb.operands[index] : verb.operands.last.flatMap { $0.repeats ? $0 : nil }
      return operand.map { ($0, word) }
    }
  }

  private func checkOperands() throws(UsageError) {
    for (operand, word) in describedOperands {
      do throws(UsageError) {
        _ = try OptionValue(word, as: operand.kind)
      } catch {
        throw UsageError("\(operand.name) of \(verb.name) \(error.message)", hint: error.hint)
      }
    }
    if operands.count > verb.operands.count, !(verb.operands.last?.repeats ?? false) {
      if let attachedSlip { throw attachedSlip }
      let word = operands[verb.operands.count]
      let hint = verb.samplesOption.map { verb.option($0)?.short == nil ? "--\($0) \(word)" : "-i \(word)" }
      throw UsageError(
        "\(verb.name) does not expect \(quoted(word))",
        hint: hint.map { "to read it, type \($0)" } ?? "see pipe \(verb.name) --help")
    }
    if let missing = verb.operands.dropFirst(operands.count).first, missing.isRequired {
      throw UsageError("\(verb.name) needs \(missing.name): \(missing.help)", hint: "see pipe \(verb.name) --help")
    }
  }

  /// Defaults of the option, replaced by the method's, replaced by the preset's.
  private mutating func fillDefaults() throws(UsageError) {
    var texts: [(option: String, text: String)] = []
    for option in verb.options {
      if let text = option.defaultText { texts.append((option.name, text)) }
    }
    if let name = typed["method"]?.last?.text ?? verb.option("method")?.defaultText, let method = Catalog.method(name) {
      for option in typed.keys.sorted() where !method.understands(option, of: verb.name) {
        let users = verb.methods.filter { $0.understands(option, of: verb.name) }.map(\.name).joined(separator: ", ")
        throw UsageError("--\(option) means nothing to the method \(method.name)", hint: "it belongs to \(users)")
      }
      // A method may belong to several verbs, which do not have all of its options.
      for setting in method.settings where verb.option(setting.option) != nil {
        if let text = setting.text { texts.append((setting.option, text)) }
      }
      if let name = typed["preset"]?.last?.text {
        guard let preset = method.preset(name) else {
          let known = Catalog.methods.filter { $0.preset(name) != nil }.map(\.name).joined(separator: ", ")
          throw UsageError("the method \(method.name) has no preset \(quoted(name))", hint: "these have one: \(known)")
        }
        texts += preset.values
      }
    }
    for (name, text) in texts {
      let option = self.option(name)
      defaults[name] = Entry(text: text, value: try read(text, for: option))
    }
  }

  /// What was typed must go together.
  private func checkRelations() throws(UsageError) {
    let name = typed["method"]?.last?.text ?? verb.option("method")?.defaultText
    for relation in verb.relations + (name.flatMap(Catalog.method)?.relations ?? []) {
      switch relation {
      case .excludes(let option, let other, let why) where typed[option] != nil && typed[other] != nil:
        throw UsageError("--\(option) and --\(other) do not go together: \(why)", hint: "leave one of them out")
      case .needs(let option, let other, let why) where typed[option] != nil && typed[other] == nil:
        throw UsageError("--\(option) means nothing without --\(other): \(why)", hint: "add --\(other)")
      case .belongs(let option, let other, let values) where typed[option] != nil:
        guard let text = valueText(other), !values.contains(text) else { continue }
        throw UsageError(
          "--\(option) means nothing with --\(other) \(text)",
          hint: "it belongs to --\(other) \(values.joined(separator: " and "))")
      case .clashes(let option, let other, let value, let why)
      where typed[option] != nil && valueText(other) == value:
        throw UsageError(
          "--\(option) means nothing with --\(other) \(value): \(why)",
          hint: "leave it out, or give --\(other) another value")
      case .makesPart(let option) where typed[option] != nil:
        guard let method = name.flatMap(Catalog.method) else { continue }
        try checkMakesPart(option, method)
      case .meansNothing(let option) where typed[option] != nil:
        throw UsageError("--\(option) means nothing to the method \(name ?? "")", hint: "leave it out")
      default: continue
      }
    }
  }

  /// Parts of a run must be what the run would have made of their classes.
  private func checkMakesPart(_ option: String, _ method: Method) throws(UsageError) {
    guard method.classesAreIndependent else {
      let others = verb.methods.filter(\.classesAreIndependent).map(\.name).joined(separator: ", ")
      throw UsageError(
        "--\(option) means nothing to the method \(method.name), which makes the images of all classes together: parts would not be those of one run",
        hint: "leave it out, or take one of \(others)")
    }
    if valueText(option).map({ !$0.hasPrefix("auto") }) ?? false { _ = try partition(option, environment: [:]) }
    guard method.settings.contains(where: { $0.option == "steps" }), valueText("steps") == nil else { return }
    throw UsageError(
      "--\(option) needs --steps: without it each machine would choose a number for itself",
      hint: "add --steps N; pipe condense --dry-run tells what this machine would take")
  }
}
