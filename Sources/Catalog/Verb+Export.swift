extension Verb {
  static let export = Verb(
    "export",
    summary: "write a dataset in another trainer's format",
    description: [
      "Reads a folder that pipe shard wrote, whose checksums it checks on the way, or whatever `pipe shard` reads, such as a stream on the "
        + "standard input. The output appears under its name only when it is complete and synced, and never over an existing one.",
      "mds: MosaicML's streaming format; litdata reads it with --zstd. tfrecord: records of tf.train.Example, as many files as --max-bytes "
        + "asks for. Both keep every field of every sample.",
      "safetensors and npz: one file with the arrays labels (int64), soft_labels (float32), and images (samples, channels, rows, columns: uint8 where the images "
        + "have 8 bits, float32 otherwise) or latents. All samples need one shape.",
      "imagefolder: a folder per class with PNG and JPEG files. Its readers number classes by their sorted names; a dataset that they "
        + "would number otherwise is refused, and --class-folders indexed names the folders 0-cat, 1-ant and so on",
      "What a trainer must know beside samples (class names, normalisation, value range, formation, label kind, history) is in description.json, "
        + "in safetensors in the metadata. What a format cannot hold is lost only with --lose; fields that mean nothing to training are "
        + "left out with a message.",
    ],
    operands: [
      Operand(
        "DIR", .path("DIR"), isRequired: false, standsFor: "input",
        help: "a folder that pipe shard wrote, or another input")
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input,
          Option(
            "output", short: "o", .path("PATH"), isRequired: true, isRecorded: false, isWritten: true,
            help: "the file or folder to make; it must not exist"),
        ]),
      OptionGroup(
        "Format",
        [
          Option(
            "to", .choice(["mds", "tfrecord", "safetensors", "npz", "imagefolder"]), isRequired: true,
            help: "the format"),
          Option("form", .flag, help: "a sample for each training image, cut and enlarged"),
          Option(
            "max-bytes", alias: "max-size", .size, defaultNote: "64M",
            help: "begin a new file at this size; mds, tfrecord"),
          Option(
            "zstd", .integer(1...19), defaultNote: "none", implied: "3",
            help: "compress the files of mds, at this level"),
          Option(
            "class-folders", .choice(["names", "indexed"]), defaultNote: "names",
            help: "folders by class, or by index and class; imagefolder"),
          Option(
            "lose", .list("WHAT"), defaultNote: "nothing",
            help: "what may be lost: soft-labels, precision; imagefolder"),
        ]),
      .reading, .terminal,
    ],
    examples: [
      Example("pipe export cifar10-m3d --to npz -o cifar10-m3d.npz", "NumPy arrays in one file"),
      Example("pipe cat cifar10-m3d | pipe export --to safetensors -o cifar10-m3d.safetensors", "from a stream"),
      Example("pipe export --form cifar10-m3d --to mds -o mds", "for a trainer that cuts no tiles"),
      Example(
        "pipe export --form --lose precision cifar10-m3d --to imagefolder -o folder",
        "images of 8 bits, in a folder per class"),
      Example("pipe export -i photos.tar --to tfrecord --max-bytes 256M -o records", "any archive that pipe reads"),
    ],
    relations: [
      .belongs("max-bytes", to: "to", ["mds", "tfrecord"]),
      .belongs("zstd", to: "to", ["mds"]),
      .belongs("class-folders", to: "to", ["imagefolder"]),
      .belongs("lose", to: "to", ["imagefolder"]),
    ],
    samplesOption: "input", writesBinary: true, interruption: .waitForUpstream)
}
