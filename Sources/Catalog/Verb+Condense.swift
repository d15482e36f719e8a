extension Verb {
  /// `pipe condense`.
  public static let condense = Verb(
    "condense",
    summary: "turn a big labelled dataset into a small one that trains almost as well",
    description: [
      "Reads samples, learns or selects a few per class, and writes them as a stream for `pipe shard`.",
      "An expected time and memory are printed before the work starts. Ctrl-C and --time end it early with a valid "
        + "result: what has been reached so far. The same command with the same seed on the same machine gives the same "
        + "bytes; a run that was ended early is repeated by giving --steps (--feature-steps of a selection, and --schedule "
        + "with koopcon) the number that it recorded.",
      "With --model the input is latents that `pipe encode` and `pipe attend` made, and the output the few condensed ones "
        + "of each class, for `pipe decode -m`.",
      "`pipe methods` lists the methods with their own options and defaults.",
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input, .streamOutput, .optionalModel,
          Option(
            "cache", .path("DIR"), defaultNote: "$XDG_CACHE_HOME/pipe or ~/.cache/pipe", isRecorded: false,
            isWritten: true,
            help: "where networks that were trained for herding and k-center are kept"),
        ]),
      OptionGroup(
        "What to make",
        [
          Option(
            "method", .choice(Catalog.methods.map(\.name)), default: Catalog.defaultMethod,
            help: "how to condense; see pipe methods"),
          Option(
            "ipc", .counts, default: "10",
            help:
              "images per class: a number, or a table such as cat=5,dog=10,*=3; a class with 0 stays empty and keeps "
              + "its index"),
          .seed, .steps, .time, .onTermination,
          Option(
            "preset", .choice(["paper"]), defaultNote: "none",
            help: "take the values of the method's paper; options that are typed still win"),
          Option(
            "snapshots", .path("DIR"), defaultNote: "none", isRecorded: false, isWritten: true,
            help: "publish what there is into DIR/step-000100 and so on while it runs"),
          Option(
            "snapshot-every", .integer(1...1_000_000), default: "100", isRecorded: false, help: "steps between them"),
          .dryRun,
        ]),
      .method, .latents, .network, .machine, .reading, .terminal,
    ],
    examples: [
      Example(
        "pipe condense < cifar10.tar | pipe shard",
        "ten images per class by the default method, into a new folder named after dataset and method"),
      Example(
        "pipe condense --method m3d --ipc 10 --time 20m < cifar-10-binary.tar.gz | pipe shard -o cifar10-m3d",
        "twenty minutes of M3D"),
      Example(
        "pipe condense --method dm --ipc 'cat=5,dog=10,*=3' -i photos/ --resize 64 --center-crop 64 -o small.tar",
        "photographs, with a number of images for each class"),
      Example("pipe condense --dry-run -i mnist/", "how long it would take, and how much memory"),
      Example(
        "pipe condense -i train-images-idx3-ubyte.gz -i train-labels-idx1-ubyte.gz --method herding | pipe shard -o m",
        "MNIST's own files"),
    ],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .finishEarly)
}
