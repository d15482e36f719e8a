extension Verb {
  static let explain = Verb(
    "explain",
    summary: "show what the images of a set are, beside the real ones that they stand for",
    description: [
      "For each image of the set, and each tile where images hold several: the nearest real images, and how many real images it is the "
        + "nearest for. For each class its coverage: the share of its real images whose nearest image of the set has their class, beside "
        + "the same for as many real images at random.",
      "It names images of the set that are the same as one another, and looks for the test part: images that are the same as a test image, "
        + "and whether more of them lie nearer to test images than chance gives. A set that was made from the training part alone has none.",
      "Images are compared value by value, tiles with real images that are as coarse; with --by features by the embeddings of a network that is "
        + "trained on the real images, as herding does.",
    ],
    operands: [
      Operand(
        "DIR", .path("PATH"), help: "the set: a folder that pipe shard wrote, or a stream; - is the standard input")
    ],
    groups: [
      OptionGroup(
        "Data",
        [
          Option(
            "real", .path("PATH"), repeats: true, isRequired: true, isRecorded: false,
            help: "the real data that it was made from; its train split is used"),
          Option(
            "test", .path("PATH"), defaultNote: "the archive of --real", repeats: true, isRecorded: false,
            help: "real data of the test split, to look for traces of it"),
        ]),
      OptionGroup(
        "Comparison",
        [
          Option("by", .choice(["pixels", "features"]), default: "pixels", help: "what images are compared by"),
          Option("nearest", .integer(1...1000), default: "5", help: "real images to name beside each image"),
          Option(
            "same-below", .number(0...1), default: "0.01",
            help: "root mean square difference up to which images are the same; 1 is from black to white"),
          Option(
            "seed", .integer(0...Int.max), default: "0", help: "the draw of the random images, and of the network"),
          Option(
            "cache", .path("DIR"), defaultNote: "~/.cache/pipe", isRecorded: false, isWritten: true,
            help: "where the network is kept"),
          Option("feature-steps", .integer(0...1_000_000), default: "200", help: "steps of training the network"),
        ]),
      OptionGroup(
        "Report",
        [
          .json,
          Option(
            "output", short: "o", .path("FILE"), defaultNote: "no sheet", isRecorded: false, isWritten: true,
            help: "a PNG with a row for each image: the image, then the nearest real ones"),
          Option("per-class", .integer(1...10_000), default: "3", help: "rows of each class in the sheet"),
          Option(
            "scale", .integer(1...64), defaultNote: "so that tiles have about 64 pixels",
            help: "enlarge every pixel this many times"),
        ]),
      .network, .machine, .readingBothSplits, .terminal,
    ],
    examples: [
      Example("pipe explain cifar10-guided --real cifar-10-binary.tar.gz -o sheet.png", "a table, and a sheet"),
      Example(
        "pipe explain cifar10-guided --real cifar-10-binary.tar.gz --json | jq .leakage", "traces of the test part"),
    ],
    relations: [
      .belongs("cache", to: "by", ["features"]), .belongs("feature-steps", to: "by", ["features"]),
      .needs("per-class", "output", "it is about the sheet"),
      .needs("scale", "output", "it is about the sheet"),
    ] + OptionGroup.network.options.map { .belongs($0.name, to: "by", ["features"]) } + OptionGroup.networkRelations,
    needsTensors: true)
}
