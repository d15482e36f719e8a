extension Verb {
  /// `pipe condense`.
  public static let condense = Verb(
    "condense",
    summary: "turn a big labelled dataset into a small one to train on",
    description: [
      "Learns or selects a few samples per class, as a stream for `pipe shard`. Ctrl-C and --time end it early with a valid "
        + "result. Same seed, same bytes."
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input, .streamOutput, .optionalModel,
          Option(
            "cache", .path("DIR"), defaultNote: "~/.cache/pipe", isRecorded: false,
            isWritten: true,
            help: "where trained networks are kept"),
          Option(
            "reuse-classes", .flag, isRecorded: false,
            help: "keep classes there; take those that stay"),
        ]),
      OptionGroup(
        "What to make",
        [
          Option(
            "method", .choice(Catalog.methods.map(\.name)), default: Catalog.defaultMethod,
            help: "how to condense"),
          Option(
            "ipc", .counts, default: "10",
            help: "images per class, or a table: cat=5,dog=10,*=3"),
          .seed, .steps, .time, .onTermination,
          Option(
            "partition", .text("I/N"), defaultNote: "all",
            help: "make that part of the classes; auto, auto/N"),
          Option(
            "validate", .number(0.001...0.9), defaultNote: "no",
            help: "hold this share back; tell how well it is learned"),
          .validateEvery,
          Option(
            "normalization", .text("MEAN:STD"), defaultNote: "measured",
            help: "by channel: 0.5,0.5,0.4:0.2,0.2,0.3"),
          Option(
            "preset", .choice(["paper"]), defaultNote: "none",
            help: "the values of the method's paper; typed options win"),
          .checkpoint, .checkpointEvery, .snapshots, .snapshotEvery,
          .dryRun,
        ]),
      .methods(
        Catalog.methods,
        beside: ["steps", "validate-every", "checkpoint", "checkpoint-every", "snapshots", "snapshot-every"]), .machine,
      .reading, .terminal,
    ],
    examples: [
      Example(
        "pipe condense < cifar10.tar | pipe shard",
        "ten images per class by the default method, into a new folder"),
      Example(
        "pipe condense --ipc 'cat=5,*=3' -i photos/ --resize 64 --center-crop 64 -o small.tar",
        "photographs, with a number of images for each class"),
      Example(
        "pipe condense --method dm --steps 500 --partition 1/4 -i photos | pipe shard -o part-1",
        "the first of four parts, for pipe merge part-1 part-2 part-3 part-4"),
    ],
    relations: [
      .needs("validate-every", "validate", "there is nothing to try it on"),
      .needs("snapshot-every", "snapshots", "it tells the steps between snapshots, and there are none"),
      .clashes("formation", with: "factor", "1", "a stored image is then one training image"),
      .excludes(
        "partition", "time",
        "machines reach different numbers of steps in it, and all parts need the same; give --steps"),
      .excludes("partition", "validate", "it trains on the images of all classes, and a part has its own"),
      .excludes("partition", "model", "a model condenses the latents of each class as they come"),
      .makesPart("partition"),
    ]
      + OptionGroup.networkRelations,
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .finishEarly)
}
