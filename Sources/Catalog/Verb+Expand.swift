extension Verb {
  /// `pipe expand`.
  public static let expand = Verb(
    "expand",
    summary: "turn a few labelled samples into many",
    description: [
      "Reads samples and writes --ratio times as many of each class as 8-bit images: first copy 0 of every sample, then "
        + "copy 1, and so on, so that a smaller expansion is the beginning of a larger one.",
      "The method expansive learns an autoencoder on a similar, larger set (--pretrain, or a model of `pipe fit --method "
        + "expansive`), fits a scale and a shift of each of its filters to the samples, and puts features of a class's "
        + "samples together through attention and a graph. Progress shows its losses one by one: re (reconstruction), ce "
        + "(classification), w (transport), cov (covariance), att (the attention's own), and gap, the graphs' mean spectral gap. "
        + "The method augment moves, turns and recolours the samples; it is what the other is measured by.",
      "Expected times are printed before the work starts. Ctrl-C and --time end the learning early with a valid result. "
        + "The same command with the same seed on the same machine gives the same bytes; a run that was ended early is "
        + "repeated by giving --steps and --pretrain-steps the numbers that it recorded.",
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input, .streamOutput,
          Option(
            "pretrain", .path("PATH"), defaultNote: "none", isRecorded: false,
            help: "a similar, larger set to learn from first: an archive, a folder or a shard folder"),
          Option(
            "model", short: "m", .path("FILE"), defaultNote: "none", isRecorded: false,
            help: "in place of --pretrain, a model that pipe fit --method expansive wrote"),
        ]),
      OptionGroup(
        "What to make",
        [
          Option(
            "method", .choice(Catalog.expansions.map(\.name)), default: "expansive",
            help: "how to expand; see pipe methods"),
          Option(
            "ratio", .number(0.001...1_000_000), default: "10",
            help: "samples for each one that there is, in every class; rounded, and at least one"),
          Option(
            "ipc", .counts, defaultNote: "by --ratio",
            help: "in place of --ratio, samples per class: a number, or a table such as cat=50,dog=100,*=30"),
          Option("originals", .flag, help: "let copy 0 of each sample be the sample as it is"),
          .seed, .steps,
          Option(
            "pretrain-steps", .integer(1...100_000_000), defaultNote: "chosen for this machine, and printed",
            help: "steps of learning on the larger set"),
          .time, .onTermination,
          .dryRun,
        ]),
      OptionGroup("Learning", [.setting] + learning),
      .machine, .reading, .terminal,
    ],
    examples: [
      Example(
        "pipe expand --ratio 10 --pretrain similar.tar < ten-per-class.tar | pipe shard -o expanded",
        "ten times as many, from an autoencoder of similar images"),
      Example(
        "pipe expand --method augment --ratio 10 < ten-per-class.tar | pipe shard -o baseline",
        "as many by classical augmentation"),
      Example(
        "pipe expand -m model.safetensors --ipc 50 < ten-per-class.tar | pipe shard -o fifty",
        "fifty per class, with a model that pipe fit made"),
    ],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .finishEarly)

  private static let learning = [
    Option(
      "batch", .integer(2...65_536), defaultNote: "see the method", help: "samples per step, and as many new ones"),
    Option("lr", .number(0...1e9), defaultNote: "see the method", help: "learning rate of Adam for scales and shifts"),
    Option(
      "augment", .text("OPS"), defaultNote: "those that suit the images",
      help: "operations joined by _ of color, crop, cutout, flip, scale, rotate, or none: what augment makes samples "
        + "by, what the classifier of expansive sees, and what its --sources go through, which are never cut out"),
    Option(
      "sources", .choice(["plain", "augmented"]), defaultNote: "see the method",
      help: "whether expansive takes features of the samples as they are, or of samples that were augmented first"),
    Option(
      "reach", .number(-4...1), defaultNote: "see the method",
      help: "how far a copy of expansive goes from its sample towards its neighbour's features; below 0 away from them"),
    Option(
      "detail", .number(0...1), defaultNote: "see the method",
      help: "how much of what the model leaves out of a sample expansive gives back to its copies"),
    .lossWeight("re", "reconstruction loss"), .lossWeight("ce", "classification loss"),
    .lossWeight("w", "transport loss"), .lossWeight("cov", "covariance loss"),
    .lossWeight("att", "attention's own loss"),
  ]
}

extension Option {
  /// Which of the settings of Expansive Synthesis.
  static let setting = Option(
    "setting", .choice(["rwa", "sa", "sa+sc", "mhsa+sc", "mhsa+sc+egm"]), defaultNote: "mhsa+sc+egm",
    help: "row-wise attention, spatial self-attention, with skip connection, with several heads, with expander graph")
}
