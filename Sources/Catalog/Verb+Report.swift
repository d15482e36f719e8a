extension Verb {
  static let report = Verb(
    "report",
    summary: "write a page about a dataset: pictures, accuracy, curves, history, how to load it",
    description: [
      "One HTML file that needs nothing else: no network, no scripts, pictures inside. It opens from the disk, follows a light or dark "
        + "screen, and is readable on a telephone and on paper.",
      "Pictures and history come from the dataset. With --real it shows real images beside its own, and reads the real data once, as the "
        + "dataset's history says that it was read (--resize and so on), unless these options are typed.",
      "Numbers come from other verbs: --evaluation from `pipe evaluate --json`, --explanation from `pipe explain --json`, --log from what "
        + "`--progress=json` wrote to the standard error of `pipe condense` or `pipe run`. A section without data says which command makes it.",
      "The page of the same inputs has the same bytes. It stays small: where there are many classes or large images it shows some of them, "
        + "and says so.",
    ],
    operands: [.shardFolder],
    groups: [
      OptionGroup(
        "Page",
        [
          Option(
            "output", short: "o", .path("FILE"), isRequired: true, isRecorded: false, isWritten: true,
            help: "the page to write; - is the standard output"),
          Option("per-class", .integer(1...100), default: "10", help: "pictures per class, at most"),
          Option("date", .text("TEXT"), defaultNote: "none", help: "a date for the end of the page"),
        ]),
      OptionGroup(
        "Data",
        [
          Option(
            "real", .path("PATH"), defaultNote: "none", repeats: true, isRecorded: false,
            help: "the real data that it was made from; its train split is used"),
          Option(
            "evaluation", .path("FILE"), defaultNote: "none", repeats: true, isRecorded: false,
            help: "what pipe evaluate --json wrote"),
          Option(
            "explanation", .path("FILE"), defaultNote: "none", isRecorded: false, help: "what pipe explain --json wrote"
          ),
          Option(
            "log", .path("FILE"), defaultNote: "none", repeats: true, isRecorded: false,
            help: "what --progress=json wrote, for the curves"),
          Option(
            "previous", .path("DIR"), defaultNote: "none", isRecorded: false,
            help: "the generation before, to say what changed"),
        ]),
      .readingBothSplits, .terminal,
    ],
    examples: [
      Example("pipe report cifar10-dm -o report.html", "pictures and history alone"),
      Example(
        "pipe report cifar10-dm --real cifar-10-binary.tar.gz --evaluation evaluation.json -o report.html",
        "beside real images, with what pipe evaluate --json wrote"),
      Example(
        "pipe report cifar10-dm --log run.jsonl --previous cifar10-dm-old -o report.html",
        "with curves, and with what changed"),
    ],
    relations: OptionGroup.readingBothSplits.options.map {
      .needs($0.name, "real", "it says how the real data are read")
    })
}
