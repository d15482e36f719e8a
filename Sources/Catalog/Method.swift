/// A method of condensation or expansion, as a plain value.
public struct Method: Sendable {
  /// The verb that it is a method of.
  public var verb: String
  /// What is typed after `--method`: `m3d`.
  public var name: String
  /// Its full name: `Minimizing Maximum Mean Discrepancy`.
  public var title: String
  /// One line without full stop: what it does and when to take it.
  public var summary: String
  /// The paper.
  public var reference: String
  /// Its options beyond those of every method.
  public var settings: [MethodOption]
  /// Named sets of values.
  public var presets: [Preset]
  /// What must hold between its options.
  public var relations: [Relation]
  /// What `pipe fit` takes to make its model; nil where it has none.
  public var fit: FitOptions?
  /// Whether what is made of a class depends on the seed, the options, the class's own samples and networks that all classes share, and
  /// on nothing that is made of other classes: then classes may be made apart, and give the same bytes.
  public var classesAreIndependent: Bool

  /// Makes a method.
  public init(
    _ name: String, of verb: String = "condense", title: String, summary: String, reference: String,
    settings: [MethodOption] = [], presets: [Preset] = [], relations: [Relation] = [],
    fit: FitOptions? = nil, classesAreIndependent: Bool = false
  ) {
    self.verb = verb
    self.name = name
    self.title = title
    self.summary = summary
    self.reference = reference
    self.settings = settings
    self.presets = presets
    self.relations = relations
    self.fit = fit
    self.classesAreIndependent = classesAreIndependent
  }

  /// Whether the method reads that option of a verb; of its own one unless another is named.
  public func understands(_ option: String, of verb: String? = nil) -> Bool {
    if verb == "fit", case .allBut(let names) = fit, names.contains(option) { return false }
    if verb == "fit", case .only(let names) = fit, Catalog.methodOptionNames.contains(option) || option == "ipc" {
      return names.contains(option)
    }
    return settings.contains { $0.option == option } || !Catalog.methodOptionNames.contains(option)
  }

  /// The preset of that name.
  public func preset(_ name: String) -> Preset? {
    presets.first { $0.name == name }
  }
}

/// Which options of a method make the model that `pipe fit` keeps.
public enum FitOptions: Sendable, Equatable {
  /// All of them, and --ipc.
  case all
  /// All but these, and --ipc.
  case allBut([String])
  /// These alone.
  case only([String])
}

/// An option of a method, with the value that is in force when nothing is typed.
public struct MethodOption: Sendable {
  /// What the verbs of the method offer.
  public var definition: Option
  /// The value as it would be typed; nil where the option's own default holds.
  public var text: String?
  /// What the option does in this method; nil where the option's own line says it.
  public var help: String?
  /// In words, what happens without it in this method, where `text` cannot say it; nil where the option's own note does.
  public var note: String?

  /// An option of a method; see the properties.
  public init(_ definition: Option, _ text: String? = nil, help: String? = nil, note: String? = nil) {
    self.definition = definition
    self.text = text
    self.help = help
    self.note = note
  }

  /// Its long name.
  public var option: String { definition.name }

  /// The option with the method's line.
  public var described: Option {
    var option = definition
    option.help = help ?? option.help
    option.defaultNote = note ?? option.defaultNote
    return option
  }
}

/// A named set of values, such as those of a paper.
public struct Preset: Sendable {
  /// What is typed after `--preset`.
  public var name: String
  /// One line without full stop: what it reproduces, and what it costs.
  public var summary: String
  /// Options of the method and their values as they would be typed.
  public var values: [(option: String, text: String)]

  /// A preset; see the properties.
  public init(_ name: String, summary: String, values: [(option: String, text: String)]) {
    self.name = name
    self.summary = summary
    self.values = values
  }
}
