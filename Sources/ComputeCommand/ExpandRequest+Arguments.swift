import Command
import Methods
import Stages

extension ExpandRequest {
  /// What was typed after `expand`, and the catalogue's defaults for the method.
  init(_ arguments: Arguments) throws(UsageError) {
    let name = arguments.choice("method") ?? ""
    guard let method = Registry.expansion(name) else {
      preconditionFailure("the catalogue offers the expansion \(name), which nothing carries out")
    }
    var amount = Amount.ratio(arguments.number("ratio") ?? 10)
    if let counts = arguments.counts("ipc") {
      amount = .perClass(Budget(rest: counts.others, named: counts.named))
    }
    self.init(method: try method.init(arguments), amount: amount, seed: UInt64(arguments.integer("seed") ?? 0))
    keepsOriginals = arguments.flag("originals")
    softLabels = arguments.flag("soft-labels")
    reading = arguments.typedOptions(under: "Reading")
    let hasStart = arguments.given("model") || arguments.given("pretrain")
    if method is any PretrainedMethod.Type, !hasStart {
      throw UsageError(
        "the method \(name) begins with other images",
        hint: "name similar ones with --pretrain PATH, or a model of them with -m FILE; --method augment needs none")
    }
  }
}

extension ExpandingMethod {
  /// The method with the values that are in force for its options.
  init(_ arguments: Arguments) throws(UsageError) {
    self.init()
    try take(Self.settings, from: arguments, in: &self)
  }
}

extension PretrainedMethod {
  /// The method with the values that are in force for the options of its pre-training.
  init(fitting arguments: Arguments) throws(UsageError) {
    self.init()
    try take(Self.pretrainingSettings, from: arguments, in: &self)
  }
}
