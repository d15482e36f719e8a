extension Verb {
  static let run = Verb(
    "run",
    summary: "make the datasets that a pipeline file describes, unless they are up to date",
    description: [
      "A pipeline file is commented JSON5: for every dataset its inputs, its steps with their options, and the folder to "
        + "make. The whole file is checked before anything starts. The steps of a dataset run as in a shell pipe; "
        + "datasets are made one after another, and one that fails does not stop the next.",
      "Each dataset remembers the recipe that made it: steps, options, tool version and what the inputs held. When "
        + "nothing of that has changed, nothing is done. When something has, the run refuses (73), or with --replace makes "
        + "the new dataset beside the old one and swaps them in one step.",
      "With the key check a dataset has to pass before it takes its place: accuracies on test data, and not worse than the "
        + "last one. What does not pass is kept in NAME.held, and the run exits with 3. With the key publish readers find every "
        + "generation in a folder, and the newest one under current.",
      "Ctrl-C lets the steps at hand end early and starts no other dataset. What they reached is published where there was "
        + "nothing, never in place of a whole dataset.",
    ],
    operands: [
      Operand("FILE", .path("FILE"), isRequired: false, help: "a pipeline file; paths in it are relative to it")
    ],
    groups: [
      OptionGroup(
        "What to do",
        [
          Option("dry-run", short: "n", .flag, isRecorded: false, help: "say what would be made and how, and stop"),
          Option(
            "plan", .flag, isRecorded: false,
            help: "say what flows between steps, what is done, expected time and memory, and stop"),
          Option(
            "set", .text("NAME=VALUE"), defaultNote: "as in the file", repeats: true, isRecorded: false,
            help: "give a variable of the file this value"),
          Option(
            "replace", .flag, isRecorded: false,
            help: "replace datasets that were made by another recipe or are damaged"
          ),
          Option(
            "retry", .flag, isRecorded: false,
            help: "make datasets that did not pass their check again, without the cache"),
          Option(
            "rollback", .flag, isRecorded: false,
            help: "make nothing, and lead current to the generation before"),
          Option(
            "only", .list("OUTPUT"), defaultNote: "all", isRecorded: false,
            help: "these datasets of the file"),
          Option(
            "schema", .flag, isRecorded: false, help: "print the JSON schema of pipeline files, and stop"),
          .onTermination, .json,
          Option(
            "metrics", .path("FILE"), defaultNote: "none", isRecorded: false, isWritten: true,
            help: "write a textfile for Prometheus, in place of an older one"),
        ]),
      OptionGroup(
        "Cache",
        [
          Option(
            "cache", .path("DIR"), defaultNote: "~/.cache/pipe", isRecorded: false, isWritten: true,
            help: "where results of steps and trained networks are kept"),
          Option(
            "cache-size", .size, default: Option.cacheSize, isRecorded: false,
            help: "what they may take; what was used least recently goes"),
          Option("no-cache", .flag, isRecorded: false, help: "make every step anew, and keep no result"),
        ]),
      .terminal,
    ],
    examples: [
      Example("pipe run --replace pipelines/cifar10.json5", "a nightly job"),
      Example(
        "pipe run --replace --metrics /var/lib/prometheus/node-exporter/photos.prom nightly.json5",
        "the same, watched by Prometheus"),
      Example("pipe run --rollback --only out/photos nightly.json5", "readers get the generation before"),
      Example("pipe run --dry-run pipelines/cifar10.json5", "what it would do, as shell lines"),
      Example("pipe run --plan pipelines/smoke.json5", "what flows between the steps, and how long it will take"),
      Example("pipe run --schema > pipeline.schema.json", "what editors check pipeline files by"),
    ],
    relations: [
      .excludes("rollback", "retry", "it makes nothing"), .excludes("rollback", "replace", "it makes nothing"),
      .excludes("rollback", "dry-run", "it looks at nothing else"),
      .excludes("rollback", "plan", "it looks at nothing else"),
      .excludes("metrics", "dry-run", "nothing is made that could be measured"),
      .excludes("metrics", "plan", "nothing is made that could be measured"),
      .excludes("plan", "dry-run", "a plan says all that a dry run says"),
      .excludes("no-cache", "cache", "nothing is kept then"),
      .excludes("no-cache", "cache-size", "nothing is kept then"),
    ],
    interruption: .waitForUpstream)
}
