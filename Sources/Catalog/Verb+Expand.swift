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
          Option(
            "soft-labels", .flag,
            help:
              "write soft labels beside the hard ones: half the class, half what networks trained on the samples see"),
          .seed, .steps,
          .time, .onTermination,
          .dryRun,
        ]),
      .methods(Catalog.expansions, beside: ["steps"]),
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
    relations: [.excludes("ratio", "ipc", "both say how many samples to make")],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .finishEarly)
}
