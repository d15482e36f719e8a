extension Option {
  static let batch = Option(
    "batch", .integer(1...65_536), defaultNote: "see the method", help: "real images per class and step")

  static let learningRate = Option(
    "lr", .number(0...1e9), defaultNote: "see the method", help: "learning rate of the images")

  /// The first images from an earlier set.
  ///
  /// In a pipeline file the dataset may not be there yet.
  static let startFrom = Option(
    "start-from", .path("DATASET"), defaultNote: "see --init", isRecorded: false,
    help: "first images: those of that condensed dataset, where it has as many of a class of the same name")

  static let momentum = Option(
    "momentum", .number(0...1), defaultNote: "see the method", help: "momentum of the images' SGD")

  static let classesPerStep = Option(
    "classes-per-step", .integer(1...1_000_000), defaultNote: "all",
    help: "classes that a step learns; all take turns, in an order by the seed")

  /// Networks in place of those that a method would train by itself.
  static let trajectories = Option(
    "trajectories", .path("FILE"), defaultNote: "trained, and kept in the cache", isRecorded: false,
    help: "trained networks that pipe fit --method trajectory wrote")

  static let augment = Option(
    "augment", .text("OPS"), defaultNote: "all six, flip as --mirror says; none for sound",
    help: "operations joined by _ of color, crop, cutout, flip, scale, rotate; or none")

  static let factor = Option(
    "factor", .integer(1...16), defaultNote: "see the method",
    help: "tiles per side of a stored image, cut before training")

  /// The kinds of `Formation`.
  static let formation = Option(
    "formation", .choice(["uniform", "multi", "time"]), defaultNote: "uniform",
    help: "tiles, tiles at every scale, or along time (with --factor)")

  /// What makes samples, and what samples go through; those are never cut out.
  static let expandingAugmentation = Option(
    "augment", .text("OPS"), defaultNote: "those that suit the images",
    help: "operations joined by _ of color, crop, cutout, flip, scale, rotate, or none: what augment makes samples "
      + "by, what the classifier of expansive sees, and what its --sources go through, which are never cut out")

  /// Of methods that take snapshots of networks.
  static let networksBeforehand = Option(
    "networks", .integer(1...1000), defaultNote: "1", help: "networks trained on the real images beforehand")

  static let earlyEpochs = Option(
    "early-epochs", .integer(0...1000), defaultNote: "4 for snapshots, else none",
    help: "epochs of that training; snapshots are of all of them")

  static let cutMix = Option(
    "cutmix", .number(0...1), defaultNote: "see the method", help: "share of the steps of training that CutMix mixes")

  static let schedule = Option(
    "schedule", .integer(1...100_000_000), defaultNote: "the steps",
    help: "steps that falling rates, and shares of the steps, are laid out for")

  static let pixels = Option(
    "pixels", .choice(["free", "clamped"]), defaultNote: "see the method",
    help: "whether pixels are kept between black and white")

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
        help: "steps of training the network whose features are compared"), "200"),
    MethodOption(.trajectories, help: "networks of pipe fit --method trajectory; features are those of the last epoch"),
  ]

  /// A network that is given is not trained.
  static let givenFeatures: [Relation] = [
    .excludes("trajectories", "feature-steps", "networks that are given are trained already")
  ]

  /// Of methods that learn images by matching embeddings.
  ///
  /// - Parameter rate: nil where the method decides by the data.
  static func learnedImages(
    initialization: String, factor: Int?, factorNote: String? = nil, batch: String = "256", rate: String? = "1",
    rateNote: String? = nil,
    augment: String? = nil, augmentNote: String? = nil
  ) -> [MethodOption] {
    [
      MethodOption(.steps), MethodOption(.classesPerStep), MethodOption(.batch, batch),
      MethodOption(.learningRate, rate, note: rateNote), MethodOption(.momentum, "0.5"),
      MethodOption(
        Option(
          "init", .choice(["real", "noise", "mixed", "kmeans"]), defaultNote: "see the method",
          help: "first images: real ones, noise, a different real one in each tile, or one of each cluster"),
        initialization),
      MethodOption(.startFrom),
      MethodOption(.augment, augment, note: augmentNote),
      MethodOption(.factor, factor.map { String($0) }, note: factorNote),
      MethodOption(.formation, "uniform"),
      MethodOption(.trajectories), MethodOption(.validateEvery), MethodOption(.checkpoint),
      MethodOption(.checkpointEvery), MethodOption(.snapshots),
      MethodOption(.snapshotEvery),
    ]
  }

  /// Of methods that match embeddings: which networks embed, and whether they also classify the images.
  ///
  /// - Parameter reuse: steps that share what is drawn.
  static func guidance(embedIn encoders: String, reuse: String, weightNote: String = "0") -> [MethodOption] {
    snapshots(embedIn: encoders, reuse: reuse) + [
      MethodOption(
        .lossWeight("ce", "cross entropy"), help: "weight of the cross entropy of the images in their snapshot",
        note: weightNote)
    ]
  }

  /// Which networks embed, and how long one of them serves.
  static func snapshots(embedIn encoders: String, reuse: String?, help: String? = nil) -> [MethodOption] {
    [
      MethodOption(
        Option(
          "embed-in", .choice(["drawn", "snapshots"]), defaultNote: "see the method",
          help: "networks that embed images: drawn anew, or snapshots of training on the real ones"), encoders,
        help: help),
      MethodOption(.networksBeforehand), MethodOption(.earlyEpochs, note: "2 to 30, by the images"),
      MethodOption(.cutMix, note: "0"),
      MethodOption(
        Option(
          "reuse", .integer(1...1_000_000), defaultNote: "see the method",
          help: "steps that share a network, an augmentation and a real batch"), reuse),
    ]
  }

  /// What belongs to snapshots.
  static let guidanceRelations: [Relation] =
    snapshotRelations + [.belongs("weight-ce", to: "embed-in", ["snapshots"])]

  /// What chooses networks that are trained beforehand.
  static let snapshotRelations: [Relation] =
    ["networks", "early-epochs", "cutmix"].map { .belongs($0, to: "embed-in", ["snapshots"]) }
    + [.excludes("trajectories", "cutmix", "networks that are given are trained already")]
}

extension MethodOption {
  /// Of methods that match gradients.
  static func gradientMatching(
    pixels: String, match: String?, layers: String, trainOn: String
  ) -> [MethodOption] {
    [
      MethodOption(
        Option(
          "match", .choice(["cosine", "squared", "absolute"]), defaultNote: "see the method",
          help: "distance of gradients: cosine per output, or a sum of differences"), match),
      MethodOption(
        Option(
          "match-layers", .choice(["all", "convolutions"]), defaultNote: "see the method",
          help: "layers whose gradients are compared"), layers),
      MethodOption(.pixels, pixels),
      MethodOption(
        Option(
          "train-on", .choice(["synthetic", "real", "snapshots"]), defaultNote: "see the method",
          help: "what networks learn from, between steps or before"), trainOn),
      MethodOption(
        Option(
          "iterations-per-model", .integer(1...1_000_000), defaultNote: "see the method",
          help: "steps before a new network is drawn")),
      MethodOption(
        Option(
          "inner-loop", .integer(0...1_000_000), defaultNote: "see the method",
          help: "training after each step: passes over the synthetic images, or batches of 64 real ones")),
      MethodOption(
        Option(
          "regularization", .choice(["strong", "one", "none"]), defaultNote: "strong",
          help: "training on real images: IDC's augmentations and CutMix, one augmentation a batch, or none")),
      MethodOption(.networksBeforehand), MethodOption(.earlyEpochs),
      MethodOption(
        Option(
          "weight-noise", .number(0...100), defaultNote: "none",
          help: "noise on the weights of snapshots, as a share of each filter")),
    ]
  }

  /// What belongs to one way of training the networks of those methods.
  static let gradientMatchingRelations: [Relation] = [
    .belongs("inner-loop", to: "train-on", ["synthetic", "real"]),
    .belongs("regularization", to: "train-on", ["real", "snapshots"]),
    .belongs("networks", to: "train-on", ["real", "snapshots"]),
    .belongs("early-epochs", to: "train-on", ["real", "snapshots"]),
    .belongs("weight-noise", to: "train-on", ["snapshots"]),
  ]
}

extension OptionGroup {
  /// The options of some methods, each once, but for those that stand in another group of the verb.
  static func methods(_ methods: [Method], beside others: [String]) -> OptionGroup {
    var options: [Option] = []
    var known = Set(others)
    for option in methods.flatMap(\.settings) where known.insert(option.option).inserted {
      options.append(option.described)
    }
    return OptionGroup("Method", options)
  }

  /// The options that make models, each once, but for those that stand in another group of the verb.
  static func fitting(beside others: [String]) -> OptionGroup {
    var fitted = Catalog.fittedMethods
    for place in fitted.indices {
      switch fitted[place].fit {
      case .only(let names): fitted[place].settings.removeAll { !names.contains($0.option) }
      case .allBut(let names): fitted[place].settings.removeAll { names.contains($0.option) }
      default: continue
      }
    }
    return methods(fitted, beside: others)
  }
}
