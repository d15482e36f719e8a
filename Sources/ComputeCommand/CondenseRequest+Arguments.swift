import Catalog
import Command
import Datasets
import Methods
import Stages

extension CondenseRequest {
  /// What was typed, and the catalogue's defaults for the method and its preset.
  init(_ arguments: Arguments) throws(UsageError) {
    let name = arguments.choice("method") ?? ""
    guard let method = Registry.method(name) else {
      preconditionFailure("the catalogue offers the method \(name), which nothing carries out")
    }
    let counts = arguments.counts("ipc")
    self.init(
      method: try method.init(arguments), budget: Budget(rest: counts?.others, named: counts?.named ?? [:]),
      seed: UInt64(arguments.integer("seed") ?? 0))
    reading = arguments.typedOptions(under: "Reading")
    guard arguments.verb.option("validate") != nil else { return }
    if arguments.given("regularization"), arguments.given("trajectories"),
      self.method.recorded["train-on"] == "snapshots"
    {
      throw UsageError(
        "--regularization means nothing with --trajectories: the networks that are given are trained already",
        hint: "leave it out, or give --train-on real")
    }
    validation = arguments.number("validate").map {
      Validation.Request(share: $0, every: arguments.integer("validate-every"))
    }
    reusesClasses = arguments.flag("reuse-classes")
    if reusesClasses, !(Catalog.method(name)?.classesAreIndependent ?? false) {
      let others = Catalog.methods.filter(\.classesAreIndependent).map(\.name).joined(separator: ", ")
      throw UsageError(
        "--reuse-classes means nothing to the method \(name): its classes depend on each other",
        hint: "leave it out, or take one of \(others)")
    }
    if let text = arguments.text("normalization") {
      guard let value = Normalization(text: text) else {
        throw UsageError(
          "--normalization takes a mean for each channel, a colon and as many deviations of 0.0001 or more, not '\(text)'",
          hint: "such as 0.13:0.31, or 0.49,0.48,0.45:0.25,0.24,0.26")
      }
      normalization = value
      reading["normalization"] = text
    }
    time = arguments.given("time") ? arguments.valueText("time") : nil
  }
}

extension CondensingMethod {
  /// The method with the values that are in force for its options.
  init(_ arguments: Arguments) throws(UsageError) {
    self.init()
    try take(Self.settings, from: arguments, in: &self)
  }
}

/// Gives the properties of a value what is in force for their options.
///
/// A verb that has not all of a method's options leaves the others at their defaults.
func take<Owner>(_ settings: [Setting<Owner>], from arguments: Arguments, in owner: inout Owner) throws(UsageError) {
  for setting in settings where arguments.verb.option(setting.option) != nil {
    guard let text = arguments.valueText(setting.option) else { continue }
    do throws(SettingError) {
      try setting.set(text, in: &owner)
    } catch {
      throw UsageError("\(error)")
    }
  }
}

extension NetworkChoice {
  /// The network that was typed.
  init(_ arguments: Arguments) throws(UsageError) {
    self.init()
    try take(Self.settings, from: arguments, in: &self)
  }
}
