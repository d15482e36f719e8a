extension Verb {
  static let merge = Verb(
    "merge",
    summary: "join shard folders that belong together into one dataset",
    description: [
      "Parts belong together when split, kind, class names and their order, fields, kind of labels, shape, normalisation, spectrogram, mirroring, "
        + "formation and learned learning rate are the same; the first difference is named otherwise (65). They may hold different classes, as the parts of "
        + "a condensation that was run class by class, or more samples of the same ones.",
      "Samples of condensed and expanded parts are ordered class by class, as one run writes them; those of other parts come one part after "
        + "the other. Within a class the order of the parts decides. --order says otherwise.",
      "Keys are unique in a dataset. Parts of one run number their samples from 0 each: --renumber numbers all samples anew, in "
        + "their final order. Without it a key that occurs twice is refused. Samples with the same content are kept, and the log says how many.",
      "Every byte is checked on the way. The history has once what the parts have in common, and then this step with the generation and the "
        + "further history of each part. To order by class, all samples are first kept in a temporary file "
        + "(TMPDIR, else /var/tmp) as large as the shards.",
    ],
    operands: [Operand("DIR", .path("DIR"), repeats: true, help: "folders that pipe shard wrote")],
    groups: [
      OptionGroup(
        "Output",
        [
          Option(
            "output", short: "o", .path("DIR"), default: "-", isRecorded: false, isWritten: true,
            help: "the folder to make; - is a stream to the standard output")
        ]),
      OptionGroup(
        "Merging",
        [
          Option(
            "renumber", .flag, help: "give all samples new keys: 000000000, 000000001 and so on"),
          Option(
            "order", .choice(["class", "parts"]), defaultNote: "class for condensed and expanded sets, else parts",
            help: "class by class, or part after part"),
          Option("name", .text("NAME"), defaultNote: "that of the first part", help: "name of the dataset"),
        ]),
      .shards, .terminal,
    ],
    examples: [
      Example("pipe merge --renumber part-0 part-1 -o whole", "a condensation that was run class by class"),
      Example(
        "pipe merge monday tuesday | pipe shard --shuffle 0 -o week", "more samples of the same classes, shuffled"),
    ],
    relations: OptionGroup.shardRelations, writesBinary: true)
}
