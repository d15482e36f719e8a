extension OptionGroup {
  /// How datasets are read, for every verb that reads archives.
  static let reading = OptionGroup(
    "Reading",
    [
      Option(
        "layout",
        .choice([
          "cifar10-binary", "cifar100-binary", "cifar-pickle", "stl10-binary", "svhn", "idx", "image-folder",
          "image-table", "audio-folder", "webdataset", "npz", "pixel-csv",
        ]),
        defaultNote: "recognised", isRecorded: true, help: "layout of the archive"),
      Option("split", .choice(["train", "test"]), default: "train", help: "split of the dataset to read"),
      Option("classes", .list("NAME"), defaultNote: "all", help: "keep only these classes"),
      Option(
        "label-pattern", .text("P"), defaultNote: "the folder",
        help: "class in names of files: {label}_*"),
      Option(
        "test-pattern", .text("P"), defaultNote: "by folder",
        help: "names of files for testing: *_[0-4].wav"),
      Option(
        "label-column", .text("NAME"), defaultNote: "by its name",
        help: "column of the label, in a table beside images"),
      Option(
        "image-column", .text("NAME"), defaultNote: "by its cells",
        help: "column of the images' names in that table"),
      Option("test-fold", .list("FOLD"), defaultNote: "none", help: "folds of that table for testing"),
      Option(
        "image-field", .text("FIELD"), defaultNote: "recognised", help: "field of the image: input.jpg, or jpg;png"),
      Option("label-field", .text("FIELD"), defaultNote: "cls", help: "field of the label: output.cls, json:label"),
      Option("subset", .text("NAME"), defaultNote: "the only one", help: "which of several datasets in one input"),
      Option("white", .integer(1...65_535), defaultNote: "1 or 255", help: "number that is white in arrays of pixels"),
      Option(
        "resize", .extent, defaultNote: "none",
        help: "resize: the shorter side to N, or exactly"),
      Option(
        "center-crop", .integer(1...65_535), defaultNote: "none", help: "cut a square of N pixels from the middle"),
      Option(
        "exif-rotate", .flag, help: "turn images upright by their EXIF orientation"),
      Option(
        "mirror", .choice(["yes", "no"]), defaultNote: "in colour",
        help: "whether images keep their class when left and right are exchanged"),
      Option(
        "on-bad-sample", .choice(["fail", "skip"]), defaultNote: "fail",
        help: "list all bad samples and fail, or skip them"),
      Option("max-bad", .text("N|P%"), defaultNote: "no limit", help: "fail if more samples than that are skipped"),
      Option("name", .text("NAME"), defaultNote: "the file's", help: "name of the dataset"),
    ], explainedBy: "decode")

  /// Reading, for verbs whose reader is told the split by another option.
  static let readingBothSplits = OptionGroup(
    "Reading", reading.options.filter { $0.name != "split" && $0.name != "name" }, explainedBy: "decode")

  /// Reading, for a verb that looks at all samples as they are.
  static let readingLayout = OptionGroup(
    "Reading",
    reading.options.filter { option in
      ["layout", "subset", "white"].contains(option.name)
        || ["label-", "test-", "image-"].contains { option.name.hasPrefix($0) }
    })

  /// The network that embeds or is trained.
  static let network = OptionGroup(
    "Network",
    [
      Option(
        "net", .choice(Catalog.networks.map(\.name)), default: Catalog.networks[0].name,
        help: "the network"),
      Option(
        "norm", .choice(["none", "instance", "group", "batch"]), defaultNote: "the network's",
        help: "what normalises its maps"),
      Option("width", .integer(1...8192), defaultNote: "128", help: "feature maps per block of convnet"),
      Option(
        "depth", .integer(1...12), defaultNote: "3 at 32 pixels, 4 at 64, 5 at 128", help: "blocks of convnet"),
      Option(
        "precision", .choice(["float32", "bfloat16"]), default: "float32",
        help: "precision of activations; statistics and weights stay float32"),
    ])

  /// What belongs to networks whose size can be chosen.
  static let networkRelations: [Relation] = ["width", "depth"].map { option in
    .belongs(option, to: "net", Catalog.networks.filter(\.hasSize).map(\.name))
  }

  /// How samples are cut into shards.
  static let shards = OptionGroup(
    "Shards",
    [
      Option(
        "zstd", .integer(1...19), defaultNote: "plain tar", implied: "3",
        help: "compress every shard, at this level"),
      Option("max-bytes", alias: "max-size", .size, default: "64M", help: "begin a new shard at this size"),
      Option(
        "max-samples", .integer(1...Int.max), defaultNote: "no limit",
        help: "begin a new shard at this many samples"),
      Option(
        "shards", .integer(1...999_999), defaultNote: "as many as sizes ask for",
        help: "make exactly N shards with as many samples each, or one more"),
    ])

  /// Their names: what is cut otherwise is the same data.
  public static let shardOptionNames = shards.options.map(\.name)

  /// What belongs to them.
  static let shardRelations: [Relation] = [
    .excludes("shards", "max-bytes", "the number of shards decides their size"),
    .excludes("shards", "max-samples", "the number of shards decides their size"),
  ]

  /// What the machine may be used for.
  static let machine = OptionGroup(
    "Machine",
    [
      Option("threads", .integer(1...1024), defaultNote: "one per core", help: "threads for tensor work"),
      Option(
        "device", .choice(["cpu", "cuda", "auto"]), default: "cpu",
        help: "where tensors are; auto prefers cuda"),
      Option(
        "memory", .size, defaultNote: "half", isRecorded: false,
        help: "memory for decoded images; more go to a file"),
    ])

  /// What is said on the standard error.
  static let terminal = OptionGroup(
    "Terminal",
    [
      Option(
        "progress", .choice(["auto", "always", "never", "json"]), default: "auto", isRecorded: false,
        help: "progress on the standard error"),
      Option("quiet", short: "q", .flag, isRecorded: false, help: "say only what is wrong"),
      Option(
        "verbose", short: "v", .flag, isRecorded: false,
        help: "say what is read, how, and what took how long"),
      .help,
    ])

  /// The same for verbs that have no more to say than they report.
  static let terse = OptionGroup("Terminal", terminal.options.filter { $0.name != "verbose" })

  /// The same for verbs that are done at once.
  static let brief = OptionGroup("Terminal", [.help])
}

extension Option {
  static let validateEvery = Option(
    "validate-every", .integer(1...1_000_000), defaultNote: "at the end",
    help: "with --validate: tell it every so many steps, and stop after two trials without gain")

  static let checkpoint = Option(
    "checkpoint", .path("FILE"), defaultNote: "none", isRecorded: false, isWritten: true,
    help: "kept up to date; a killed run goes on from it, to the same bytes")

  static let checkpointEvery = Option(
    "checkpoint-every", .duration, default: "2m", isRecorded: false, help: "time between two checkpoints")

  static let help = Option("help", short: "h", .flag, isRecorded: false, help: "show this help")

  static let input = Option(
    "input", short: "i", .path("PATH"), default: "-", repeats: true, isRecorded: false,
    help: "archive, folder, shards or stream")

  static let streamOutput = Option(
    "output", short: "o", .path("FILE"), default: "-", isRecorded: false, isWritten: true,
    help: "where the stream goes")

  static let seed = Option("seed", .integer(0...Int.max), default: "0", help: "where all randomness comes from")

  static let steps = Option(
    "steps", .integer(1...100_000_000), defaultNote: "to suit the machine", help: "steps of learning")

  static let time = Option(
    "time", .duration, defaultNote: "no limit",
    help: "emit what that time (90s, 1h30m) or the steps reach")

  static let onTermination = Option(
    "on-term", .choice(["stop", "keep"]), default: "stop", isRecorded: false,
    help: "at SIGTERM, publish nothing or do as at Ctrl-C")

  static let snapshots = Option(
    "snapshots", .path("DIR"), defaultNote: "none", isRecorded: false, isWritten: true,
    help: "publish what there is into DIR/step-000100 and so on while it runs")

  static let snapshotEvery = Option(
    "snapshot-every", .integer(1...1_000_000), default: "100", isRecorded: false, help: "steps between them")

  static let dryRun = Option(
    "dry-run", .flag, isRecorded: false, help: "print the expected time and memory, and stop")

  static let json = Option("json", .flag, isRecorded: false, help: "report as one JSON object")
}
