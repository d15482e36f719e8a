extension Option {
  static let batch = Option(
    "batch", .integer(1...65_536), defaultNote: "see the method", help: "real images per class and step")

  static let learningRate = Option(
    "lr", .number(0...1e9), defaultNote: "see the method", help: "learning rate of the images")

  static let augment = Option(
    "augment", .text("OPS"), defaultNote: "all six, without flip for grey images",
    help: "operations joined by _ of color, crop, cutout, flip, scale, rotate; or none")

  /// What makes samples, and what samples go through; those are never cut out.
  static let expandingAugmentation = Option(
    "augment", .text("OPS"), defaultNote: "those that suit the images",
    help: "operations joined by _ of color, crop, cutout, flip, scale, rotate, or none: what augment makes samples "
      + "by, what the classifier of expansive sees, and what its --sources go through, which are never cut out")

  /// α of one of the losses that a method adds up.
  static func lossWeight(_ name: String, _ loss: String) -> Option {
    Option(
      "weight-\(name)", .number(0...1e9), defaultNote: "see the method", help: "weight of the \(loss); 0 leaves it out")
  }
}

extension MethodOption {
  /// Of methods that embed images: the network.
  static let network = OptionGroup.network.options.map { MethodOption($0) }

  /// Of methods that compare features: how long their network is trained.
  static let features = [
    MethodOption(
      Option(
        "feature-steps", .integer(0...1_000_000), defaultNote: "see the method",
        help: "steps of training the network whose features are compared"), "200")
  ]

  /// Of methods that learn images by matching embeddings.
  static func learnedImages(initialization: String, factor: Int) -> [MethodOption] {
    [
      MethodOption(.steps), MethodOption(.batch, "256"), MethodOption(.learningRate, "1"),
      MethodOption(
        Option("momentum", .number(0...1), defaultNote: "see the method", help: "momentum of the images' SGD"), "0.5"),
      MethodOption(
        Option(
          "init", .choice(["real", "noise", "mixed"]), defaultNote: "see the method",
          help: "first images: real ones, noise, or a different real one in each tile"), initialization),
      MethodOption(.augment),
      MethodOption(
        Option(
          "factor", .integer(1...16), defaultNote: "see the method",
          help: "tiles per side of a stored image, cut before training"), String(factor)),
      MethodOption(.snapshots), MethodOption(.snapshotEvery),
    ]
  }
}

extension OptionGroup {
  /// The options of some methods, each once, but for those that stand in another group of the verb.
  static func methods(_ methods: [Method], beside others: [String]) -> OptionGroup {
    var options: [Option] = []
    for option in methods.flatMap(\.settings) where !others.contains(option.option) {
      guard !options.contains(where: { $0.name == option.option }) else { continue }
      options.append(option.described)
    }
    return OptionGroup("Method", options)
  }

  /// The options that make models, each once, but for those that stand in another group of the verb.
  static func fitting(beside others: [String]) -> OptionGroup {
    var fitted = Catalog.fittedMethods
    for place in fitted.indices {
      guard case .only(let names) = fitted[place].fit else { continue }
      fitted[place].settings.removeAll { !names.contains($0.option) }
    }
    return methods(fitted, beside: others)
  }
}
