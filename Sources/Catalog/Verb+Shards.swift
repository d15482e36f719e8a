extension Verb {
  static let decode = Verb(
    "decode",
    summary: "read any archive of labelled images or sounds and write it as a stream of samples",
    description: [
      "Recognises the layout from the content: CIFAR (binary or python), MNIST's IDX, a folder per class, a table of labels beside images, WebDataset "
        + "tars, npz and npy, STL-10, SVHN, tables of pixels; plain or compressed, as an archive or a folder. Memory stays small however long the archive is.",
      "A folder of the dataset's parts, hidden folders and copies are never classes; what can be read in two ways is refused, with both "
        + "readings and the option that chooses. `pipe inspect` says beforehand what is read.",
      "WAV and FLAC files, in a folder per class or with the class in their names (--label-pattern), become spectrograms: "
        + "of one second, log magnitudes, 64 by 64. In a pattern {label} is the class, * any characters, ? one, [0-4] one of "
        + "these; --test-pattern tells which files are the test split.",
      "Images are PNG, JPEG, WebP, GIF, BMP, TIFF or PNM, whatever their endings. What is not 8-bit grey or RGB is written anew as "
        + "PNG, and the log says how many. Images that cannot be read are listed together, and nothing is published; "
        + "--on-bad-sample skip leaves them out and lists them in the history.",
      "The stream is a tar that any WebDataset reader takes, with a header and an end that `pipe shard` checks.",
      "With --model the input is a stream of latents, and the output their images.",
    ],
    groups: [OptionGroup("Input and output", [.input, .streamOutput, .optionalModel]), .reading, .terminal],
    examples: [
      Example("pipe decode < photos.tar | pipe shard --zstd -o photos", "re-shard an archive, streaming"),
      Example(
        "pipe decode -i photos.tar --on-bad-sample skip --max-bad 1% | pipe shard -o photos",
        "without the images that are damaged"),
      Example("pipe decode -i cifar-10-binary.tar.gz --split test | tar t", "list the samples of the test split"),
      Example(
        "pipe decode -i train-images-idx3-ubyte.gz -i train-labels-idx1-ubyte.gz -o mnist.tar", "MNIST's own files"),
      Example(
        "pipe decode -i tones.tar.gz --label-pattern '{label}_*' --test-pattern '*_[0-1].*' | pipe shard -o tones",
        "sounds whose names begin with their class"),
      Example("pipe decode -m koopcon.safetensors < few.tar | pipe shard -o small", "the images of condensed latents"),
    ],
    tensorOption: "model", samplesOption: "input", writesBinary: true)

  static let shard = Verb(
    "shard",
    summary: "write a stream of samples as a folder of verified tar shards",
    description: [
      "Takes pipe's stream, or any archive that `pipe decode` takes. The folder appears under its name only when it is "
        + "complete and synced; a stream that stops before its end publishes nothing and exits with 75, one whose "
        + "producer failed with the producer's own code. An existing folder is never overwritten.",
      "Shards are plain tar files in the WebDataset convention beside `pipe.manifest` and `SHA256SUMS`. WebDataset gives every worker of a "
        + "DataLoader whole shards, and a worker without one fails: there must be at least as many shards as workers. --shards 8 --shuffle 0 "
        + "makes eight that are alike.",
      "--by-class is for sets that several machines condense: samples are ordered by class, and the manifest tells which classes each shard "
        + "holds and what was measured of all images, so that `pipe condense --partition` reads the shards of its own classes alone.",
      "With --shuffle or --by-class, and with --shards where the input does not say how many samples it has, all samples are first kept in a temporary "
        + "file (TMPDIR, else /var/tmp) as large as the shards.",
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input,
          Option(
            "output", short: "o", .path("DIR"), defaultNote: "named after the dataset, in the current folder",
            isRecorded: false, isWritten: true, help: "the folder to make; it must not exist"),
          .onTermination,
        ]),
      OptionGroup(
        "Shards",
        OptionGroup.shards.options + [
          Option(
            "fields", .list("FIELD"), defaultNote: "all",
            help: "keep only these fields of each sample, such as png,cls"),
          Option(
            "shuffle", .integer(0...Int.max), defaultNote: "the order in which they come",
            help: "shuffle all samples, by this seed and their keys"),
          Option(
            "by-class", .flag,
            help: "order by class; measure the set for --partition"),
        ]),
      .reading, .terminal,
    ],
    examples: [
      Example("pipe condense < cifar10.tar | pipe shard", "the end of a condensation"),
      Example("pipe shard --zstd=9 --max-bytes 1G -i photos.tar -o photos", "re-shard an archive in one process"),
      Example("pipe shard --shards 8 --shuffle 0 -i cifar10-m3d -o eight", "for a DataLoader with up to 8 workers"),
    ],
    relations: OptionGroup.shardRelations + [
      .excludes("by-class", "shuffle", "samples are in one order, by class or shuffled")
    ],
    samplesOption: "input", interruption: .waitForUpstream)

  static let cat = Verb(
    "cat",
    summary: "write a shard folder as a stream of samples",
    description: [
      "The opposite of `pipe shard`: the stream that made the folder, with its header and history. Every shard's checksum "
        + "is checked on the way.",
      "With --form the stream has what a trainer sees of a condensed set whose images hold several training images: each of them "
        + "as a sample, cut out and enlarged, and no formation in the header. The history says so.",
      "A selection is of stored samples, in this order: classes, then the first of each class, then the first in all; --form comes "
        + "after it. The list of classes stays as it is, so that no label changes its meaning; --relabel takes the classes out that "
        + "were not selected, and numbers the others anew in `cls`, soft labels and class names.",
    ],
    operands: [.shardFolder],
    groups: [
      OptionGroup(
        "Output",
        [
          .streamOutput,
          Option("form", .flag, help: "a sample for each training image, cut and enlarged"),
        ]),
      OptionGroup(
        "Selection",
        [
          Option(
            "filter", .text("class=NAME,…"), defaultNote: "all", repeats: true,
            help: "only samples of these classes, by name or index"),
          Option(
            "drop-class", .text("NAME,…"), defaultNote: "none", repeats: true,
            help: "no samples of these classes"),
          Option(
            "per-class", .integer(1...Int.max), defaultNote: "no limit", help: "only the first N samples of each class"),
          Option(
            "lowest", .path("FILE"), defaultNote: "the first", isRecorded: false,
            help: "with --per-class: those with the lowest scores of pipe evaluate --scores"),
          Option("take", .integer(1...Int.max), defaultNote: "no limit", help: "only the first N samples in all"),
          Option(
            "relabel", .flag,
            help: "number the selected classes anew; alone: those that have samples"),
        ]), .terminal,
    ],
    examples: [
      Example("pipe cat cifar10-m3d | pipe shard --zstd -o cifar10-m3d-zst", "compress a dataset"),
      Example("pipe cat cifar10-m3d | tar t", "list its samples"),
      Example("pipe cat --form cifar10-m3d | pipe shard -o formed", "for a trainer that cuts no tiles"),
      Example("pipe cat --per-class 5 cifar10-m3d | pipe shard -o five", "fewer images per class, without a rerun"),
      Example(
        "pipe cat --filter class=cat,dog --relabel cifar10-m3d | pipe shard -o pets", "two classes, numbered 0 and 1"),
    ],
    relations: [.needs("lowest", "per-class", "it says which images of each class to keep")],
    writesBinary: true)

  static let inspect = Verb(
    "inspect",
    summary: "say what a dataset holds, before it is used or after it was made",
    description: [
      "Of raw data, in any layout that `pipe decode` reads: the layout and what it was recognised by, parts, classes in index order with "
        + "their counts, kinds and sizes of images, EXIF orientations, duplicates (also between train and test), samples that cannot be "
        + "read, and a warning wherever another reading was possible. Every sample is decoded; nothing is written.",
      "Of a shard folder it reads the manifest only: classes, counts, shards, value range, formation, and every step of its history.",
    ],
    operands: [
      Operand(
        "PATH", .path("PATH"),
        help: "an archive, a folder, a stream in a file, or a folder that pipe shard wrote; - is the standard input")
    ],
    groups: [OptionGroup("Report", [.json]), .readingLayout, .terse],
    examples: [
      Example("pipe inspect photos.tar", "what is in it, before anything is made of it"),
      Example("pipe inspect photos.tar --json | jq .warnings", "for programs"),
      Example("pipe inspect cifar10-m3d", "how a dataset was made"),
    ])

  static let verify = Verb(
    "verify",
    summary: "check every byte of a shard folder against its manifest",
    description: [
      "Exits with 0 when all is well and with 2 when something is damaged, missing or too much, and says what.",
      "With --repair it first rebuilds what can be rebuilt, and says what cannot: names of shards that lie under other names, `SHA256SUMS`, "
        + "the dataset of a writer that was killed while its files got their names, and a lost or damaged manifest. Shards do not tell all that a manifest "
        + "did: the formation has to be said, class names can be; the history says what is unknown. A shard whose bytes are not those "
        + "that were listed is never listed anew, and files of others are neither changed nor removed.",
    ],
    operands: [.shardFolder],
    groups: [
      OptionGroup("Report", [.json]),
      OptionGroup(
        "Repair",
        [
          Option("repair", .flag, help: "rebuild what can be rebuilt"),
          Option(
            "formation", .text("none|KIND=N"), defaultNote: "unknown",
            help: "for a lost manifest: none, uniform=2, multi=2, time=4"),
          Option(
            "class-names", .list("NAME"), defaultNote: "numbers",
            help: "for a lost manifest: names of all classes, in index order"),
          Option(
            "accept-manifest", .flag, help: "take a manifest that was changed by hand for the right one"),
        ]), .terminal,
    ],
    examples: [
      Example("pipe verify cifar10-m3d && echo sound", "before using a copy"),
      Example("pipe verify --repair cifar10-m3d", "after a copy that went wrong"),
      Example("pipe verify --repair --formation none photos", "a set of whole images whose manifest is lost"),
    ],
    relations: [
      .needs("formation", "repair", "it is what a lost manifest would have said"),
      .needs("class-names", "repair", "they are what a lost manifest would have said"),
      .needs("accept-manifest", "repair", "it writes the digest of the manifest anew"),
      .excludes("accept-manifest", "formation", "the manifest says what formation there is"),
      .excludes("accept-manifest", "class-names", "the manifest names the classes"),
    ])

  static let preview = Verb(
    "preview",
    summary: "draw a contact sheet of a shard folder",
    description: [
      "One row per class, as a PNG. Spectrograms have low frequencies at the bottom, and loud is bright.",
      "With --attention each image is followed by how much the model's attention looks at each of its patches: blue "
        + "where least, red where most, the mean over the heads.",
    ],
    operands: [.shardFolder],
    groups: [
      OptionGroup(
        "Sheet",
        [
          Option(
            "output", short: "o", .path("FILE"), isRequired: true, isRecorded: false, isWritten: true,
            help: "the PNG to write; - is the standard output"),
          Option("per-class", .integer(1...10_000), default: "10", help: "images per class"),
          Option(
            "scale", .integer(1...64), defaultNote: "so that tiles have about 64 pixels",
            help: "enlarge every pixel this many times"),
          Option(
            "attention", .path("FILE"), defaultNote: "images alone", isRecorded: false,
            help: "a model of pipe fit --method expansive, whose attention is drawn beside the images"),
        ]),
      .terminal,
    ],
    examples: [
      Example("pipe preview cifar10-m3d -o sheet.png", "ten images of every class"),
      Example("pipe preview few --attention model.safetensors -o maps.png", "where attention looks"),
    ],
    tensorOption: "attention", writesBinary: true)
}

extension Operand {
  static let shardFolder = Operand("DIR", .path("DIR"), help: "a folder that pipe shard wrote")
}
