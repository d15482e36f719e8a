import Command
import Methods
import Stages

extension ExpandRequest {
  /// What was typed after `expand`, and the catalogue's defaults for the method.
  ///
  /// Throws where options contradict each other or mean nothing to the method.
  init(_ arguments: Arguments) throws(UsageError) {
    guard let method = arguments.choice("method").flatMap(Method.init(rawValue:)) else {
      preconditionFailure("the catalogue offers an expansion that nothing carries out")
    }
    var amount = Amount.ratio(arguments.number("ratio") ?? 10)
    if let counts = arguments.counts("ipc") {
      amount = .perClass(Budget(rest: counts.others, named: counts.named))
    }
    self.init(method: method, amount: amount, seed: UInt64(arguments.integer("seed") ?? 0))
    keepsOriginals = arguments.flag("originals")
    augmentation = try typedAugmentation(arguments)
    reading = arguments.typedOptions(under: "Reading")
    switch method {
    case .augment:
      for option in ["model", "time"] where arguments.given(option) {
        throw UsageError("--\(option) means nothing to the method augment", hint: "it belongs to expansive")
      }
    case .expansive:
      expansive = ExpansiveChoice(arguments)
      let hasModel = arguments.given("model")
      guard hasModel != arguments.given("pretrain") else {
        throw UsageError(
          hasModel
            ? "--pretrain and --model both say what to begin with" : "the method expansive begins with other images",
          hint: hasModel
            ? "give one of them"
            : "name similar ones with --pretrain PATH, or a model of them with -m FILE; --method augment needs none")
      }
      for option in ["setting", "pretrain-steps"] where hasModel && arguments.given(option) {
        throw UsageError("--\(option) belongs to the pre-training, which the model has behind it")
      }
    }
  }
}

extension ExpansiveChoice {
  /// What was typed after `expand`, and the catalogue's defaults.
  fileprivate init(_ arguments: Arguments) {
    self.init()
    setting = arguments.choice("setting").flatMap(ExpansiveModel.Setting.init(rawValue:))
    pretrainingSteps = arguments.integer("pretrain-steps")
    steps = arguments.integer("steps")
    batch = arguments.integer("batch")
    learningRate = arguments.number("lr")
    movesSources = arguments.choice("sources").map { $0 == "augmented" }
    reach = arguments.number("reach")
    detail = arguments.number("detail")
    weights = (
      arguments.number("weight-re"), arguments.number("weight-ce"), arguments.number("weight-w"),
      arguments.number("weight-cov"), arguments.number("weight-att")
    )
  }

  /// What was typed after `fit --method expansive`.
  ///
  /// Throws where options belong to the fine-tuning, or to another method.
  init(fitting arguments: Arguments) throws(UsageError) {
    for option in ["ipc", "augment", "weight-re", "weight-ce", "weight-w", "weight-cov"] where arguments.given(option) {
      throw UsageError("--\(option) means nothing to a pre-training", hint: "give it to pipe expand -m")
    }
    self.init()
    setting = arguments.choice("setting").flatMap(ExpansiveModel.Setting.init(rawValue:))
    pretrainingSteps = arguments.integer("steps")
    pretrainingBatch = arguments.given("batch") ? arguments.integer("batch") : nil
    pretrainingRate = arguments.given("lr") ? arguments.number("lr") : nil
  }
}

private func typedAugmentation(_ arguments: Arguments) throws(UsageError) -> AugmentationStrategy? {
  guard let text = arguments.text("augment") else { return nil }
  guard let strategy = AugmentationStrategy(named: text) else {
    throw UsageError("--augment takes \(AugmentationStrategy.settingForm); not '\(text)'")
  }
  return strategy
}
