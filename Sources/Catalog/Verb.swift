/// A verb of the command line, as a plain value: what help, man page, completions and the checks of arguments read.
public struct Verb: Sendable {
  /// What is typed: `condense`.
  public var name: String
  /// One line without full stop: what it is for.
  public var summary: String
  /// Paragraphs for help and man page: what goes in, what comes out, what happens when nothing is said.
  public var description: [String]
  /// What may be typed without a name, in order.
  public var operands: [Operand]
  /// Options in the groups under which help shows them.
  public var groups: [OptionGroup]
  /// Command lines that work as they stand, simplest first.
  public var examples: [Example]
  /// What must hold between its options, whatever the method is.
  public var relations: [Relation]
  /// Runs in the sibling program, which links the tensor library.
  public var needsTensors: Bool
  /// The option that, when it is typed, makes the verb run in the sibling program.
  public var tensorOption: String?
  /// The option whose value is read as samples, when it is `-` from the standard input.
  public var samplesOption: String?
  /// Writes bytes that are no text to the standard output when `output` is `-`.
  public var writesBinary: Bool
  /// What the first Ctrl-C does.
  public var interruption: Interruption

  /// Makes a verb.
  public init(
    _ name: String, summary: String, description: [String], operands: [Operand] = [], groups: [OptionGroup],
    examples: [Example], relations: [Relation] = [], needsTensors: Bool = false, tensorOption: String? = nil,
    samplesOption: String? = nil,
    writesBinary: Bool = false, interruption: Interruption = .stop
  ) {
    self.name = name
    self.summary = summary
    self.description = description
    self.operands = operands
    self.groups = groups
    self.examples = examples
    self.relations = relations
    self.needsTensors = needsTensors
    self.tensorOption = tensorOption
    self.samplesOption = samplesOption
    self.writesBinary = writesBinary
    self.interruption = interruption
  }

  /// All options, in the order of help.
  public var options: [Option] { groups.flatMap(\.options) }

  /// The methods that its option `method` offers, in the order of help; none where it has no such option.
  public var methods: [Method] {
    guard case .choice(let names) = option("method")?.kind else { return [] }
    return names.compactMap(Catalog.method)
  }

  /// The option of that long name, or of that other name.
  public func option(_ name: String) -> Option? {
    for group in groups {
      for option in group.options where option.name == name || option.alias == name { return option }
    }
    return nil
  }

  /// Whether it reads samples: the wire, a shard folder, or an archive in a known layout.
  public var readsSamples: Bool { samplesOption != nil }

  /// What is typed after the verb, short: `[options] DIR`.
  public var usage: String {
    (["[options]"] + operands.map { ($0.isRequired ? $0.name : "[\($0.name)]") + ($0.repeats ? " …" : "") })
      .joined(separator: " ")
  }
}

/// What the first Ctrl-C does to a verb; the second one always ends it.
public enum Interruption: Sendable {
  /// It finishes the step at hand and emits a valid, smaller result.
  case finishEarly
  /// It goes on when it reads from another process, which got the Ctrl-C too and is about to finish; otherwise it stops.
  case waitForUpstream
  /// It stops and leaves nothing behind.
  case stop
}

/// An argument without a name.
public struct Operand: Sendable {
  /// What stands for it in help texts: `DIR`.
  public var name: String
  /// What it may be.
  public var kind: ValueKind
  /// Whether it must be there.
  public var isRequired: Bool
  /// Whether further ones of its kind may follow; only the last operand of a verb repeats.
  public var repeats: Bool
  /// The option whose value it is, for which it is only a shorter way to type; nil where it is none's.
  public var standsFor: String?
  /// One line, as for options.
  public var help: String

  /// Makes an operand.
  public init(
    _ name: String, _ kind: ValueKind, isRequired: Bool = true, repeats: Bool = false, standsFor: String? = nil,
    help: String
  ) {
    self.name = name
    self.kind = kind
    self.isRequired = isRequired
    self.repeats = repeats
    self.standsFor = standsFor
    self.help = help
  }
}

/// Options that belong together.
public struct OptionGroup: Sendable {
  /// The heading: `Reading`.
  public var title: String
  /// The options, most used first.
  public var options: [Option]
  /// The verb whose help explains the group, where that of a verb with methods only names its options; nil where it explains them itself.
  public var explainedBy: String?

  /// Makes a group.
  public init(_ title: String, _ options: [Option], explainedBy verb: String? = nil) {
    self.title = title
    self.options = options
    explainedBy = verb
  }
}

/// A command line and what it does.
public struct Example: Sendable {
  /// As typed into a shell.
  public var line: String
  /// What happens.
  public var meaning: String

  /// Makes an example.
  public init(_ line: String, _ meaning: String) {
    self.line = line
    self.meaning = meaning
  }
}
