extension Option {
  static let cacheSize = "10G"
}

extension Verb {
  static let gc = Verb(
    "gc",
    summary: "clean the cache: results of steps, trained networks",
    description: [
      "Removes what was used least recently until the rest fits, and what runs left that were killed. What a run uses at "
        + "this moment stays, and so do files that pipe did not name. Nothing is lost: what is missing is made again.",
      "`pipe run` does the same after each result that it keeps, with its --cache-size.",
    ],
    groups: [
      OptionGroup(
        "What to remove",
        [
          Option(
            "cache", .path("DIR"), defaultNote: "~/.cache/pipe", isRecorded: false, isWritten: true,
            help: "the folder"),
          Option(
            "max-bytes", .size, default: Option.cacheSize, isRecorded: false,
            help: "what all files may take together"),
          Option(
            "older-than", .duration, defaultNote: "no limit", isRecorded: false,
            help: "remove what was not used for this time (12h, 30d)"),
          Option("dry-run", short: "n", .flag, isRecorded: false, help: "say what would be removed, and stop"),
          .json,
        ]),
      .brief,
    ],
    examples: [
      Example("pipe gc --dry-run", "what would go"),
      Example("pipe gc --max-bytes 2G --older-than 30d", "keep two gigabytes, and nothing that is a month old"),
    ])
}
