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
  /// The options of its verb that it understands beyond those of every method, with the value it takes when nothing
  /// is typed; nil where the option's own default holds.
  public var settings: [MethodOption]
  /// Named sets of values.
  public var presets: [Preset]

  /// Makes a method.
  public init(
    _ name: String, of verb: String = "condense", title: String, summary: String, reference: String,
    settings: [MethodOption] = [], presets: [Preset] = []
  ) {
    self.verb = verb
    self.name = name
    self.title = title
    self.summary = summary
    self.reference = reference
    self.settings = settings
    self.presets = presets
  }

  /// Whether the method reads that option of its verb.
  public func understands(_ option: String) -> Bool {
    settings.contains { $0.option == option } || !Catalog.methodOptionNames.contains(option)
  }

  /// The preset of that name.
  public func preset(_ name: String) -> Preset? {
    presets.first { $0.name == name }
  }
}

/// The value of an option under a method or preset.
public struct MethodOption: Sendable {
  /// Long name of an option of the method's verb.
  public var option: String
  /// The value as it would be typed; nil where the option's own default holds.
  public var text: String?
  /// What the option does in this method; nil where the option's own line says it.
  public var help: String?

  /// Makes a setting.
  public init(_ option: String, _ text: String? = nil, help: String? = nil) {
    self.option = option
    self.text = text
    self.help = help
  }
}

/// A named set of values, such as those of a paper.
public struct Preset: Sendable {
  /// What is typed after `--preset`.
  public var name: String
  /// One line without full stop: what it reproduces, and what it costs.
  public var summary: String
  /// The values.
  public var settings: [MethodOption]

  /// Makes a preset.
  public init(_ name: String, summary: String, settings: [MethodOption]) {
    self.name = name
    self.summary = summary
    self.settings = settings
  }
}
