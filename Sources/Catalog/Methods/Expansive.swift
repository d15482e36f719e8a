extension Method {
  static let expansive = Method(
    "expansive", of: "expand", title: "Expansive Synthesis",
    summary: "puts features of a class's samples together in the latents of an autoencoder that a similar, larger set "
      + "taught",
    reference: "Jebraeeli, Jiang, Cansever & Krim, Expansive Synthesis: Generating Large-Scale Datasets from Minimal "
      + "Samples, 2024",
    settings: [
      MethodOption(
        Option(
          "pretrain", .path("PATH"), defaultNote: "none", isRecorded: false,
          help: "a similar, larger set to learn from first: an archive, a folder or a shard folder")),
      MethodOption(.setting, "mhsa+sc+egm"),
      MethodOption(
        Option(
          "pretrain-steps", .integer(1...100_000_000), defaultNote: "chosen for this machine, and printed",
          help: "steps of learning on the larger set")),
      MethodOption(.steps),
      MethodOption(
        Option(
          "batch", .integer(2...65_536), defaultNote: "see the method", help: "samples per step, and as many new ones"),
        "64"),
      MethodOption(
        Option(
          "lr", .number(0...1e9), defaultNote: "see the method",
          help: "learning rate of Adam for scales and shifts"), "0.001"),
      MethodOption(.expandingAugmentation),
      MethodOption(
        Option(
          "sources", .choice(["plain", "augmented"]), defaultNote: "see the method",
          help: "whether expansive takes features of the samples as they are, or of samples that were augmented first"),
        "augmented"),
      MethodOption(
        Option(
          "reach", .number(-4...1), defaultNote: "see the method",
          help: "how far a copy goes from its sample towards its neighbour's features; below 0 away from them"),
        "-0.3"),
      MethodOption(
        Option(
          "detail", .number(0...1), defaultNote: "see the method",
          help: "how much of what the model leaves out of a sample its copies get back"), "1"),
      MethodOption(
        Option(
          "classify-by", .choice(["learned", "snapshots"]), defaultNote: "see the method",
          help:
            "whether copies are classified by a network that learns along, or by networks that were trained on the samples before"
        ),
        "learned"),
      MethodOption(.lossWeight("re", "reconstruction loss"), "10"),
      MethodOption(.lossWeight("ce", "classification loss"), "0.1"),
      MethodOption(.lossWeight("w", "transport loss"), "0.1"),
      MethodOption(.lossWeight("cov", "covariance loss"), "0.1"),
      MethodOption(.lossWeight("att", "attention's own loss"), "0.1"),
    ],
    relations: [
      .excludes("pretrain", "model", "both say what to begin with"),
      .excludes("setting", "model", "it belongs to the pre-training, which made the model"),
      .excludes("pretrain-steps", "model", "it belongs to the pre-training, which made the model"),
    ], fit: .only(["setting", "steps", "batch", "lr"]))
}

extension Option {
  /// Which of the settings of Expansive Synthesis.
  static let setting = Option(
    "setting", .choice(["rwa", "sa", "sa+sc", "mhsa+sc", "mhsa+sc+egm"]), defaultNote: "mhsa+sc+egm",
    help: "row-wise attention, spatial self-attention, with skip connection, with several heads, with expander graph")
}
