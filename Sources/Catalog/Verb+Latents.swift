extension Verb {
  /// `pipe fit`.
  public static let fit = Verb(
    "fit",
    summary: "learn a model of latents that condense or expand takes up",
    description: [
      "Reads samples, learns an autoencoder, attention and a linear map for every class, and writes them as one "
        + "safetensors file for `pipe encode`, `attend`, `condense -m` and `decode -m`. Progress shows the losses one by "
        + "one: re (reconstruction), ce (classification), fm (the classifier's features), w (transport), cov (covariance).",
      "With --method expansive it learns the autoencoder and the attention that `pipe expand -m` begins with; labels are "
        + "not used then.",
      "Ctrl-C and --time end it early with a valid model. The same command with the same seed on the same machine gives "
        + "the same bytes; a run that was ended early is repeated by giving --steps, and --schedule with koopcon, the "
        + "numbers that it recorded.",
    ],
    groups: [
      OptionGroup(
        "Input and output",
        [
          .input,
          Option(
            "output", short: "o", .path("FILE"), isRequired: true, isRecorded: false, isWritten: true,
            help: "the model to write; - is the standard output"),
        ]),
      OptionGroup(
        "What to make",
        [
          Option(
            "method", .choice(Catalog.fittedMethods), default: "koopcon", help: "what to fit; see pipe methods"),
          Option(
            "ipc", .counts, default: "10",
            help: "images per class that the model will make: a number, or a table such as cat=5,dog=10,*=3"),
          .seed, .steps, .time, .onTermination,
          .dryRun,
        ]),
      OptionGroup(
        "Learning",
        [
          Option(
            "batch", .integer(1...65_536), defaultNote: "see the method",
            help: "real images per step, of all classes together"),
          Option(
            "lr", .number(0...1e9), defaultNote: "see the method",
            help: "learning rate of the autoencoder and the attention"),
        ] + OptionGroup.method.options.filter { $0.name == "augment" }),
      OptionGroup("Expansive Synthesis", [.setting]), .latents, .network, .machine, .reading, .terminal,
    ],
    examples: [
      Example("pipe fit --ipc 10 -o koopcon.safetensors < cifar10.tar", "a model for ten images per class"),
      Example(
        "pipe fit --ipc 1 --autoencoder deep --weight-cov 0 -o deep.safetensors -i mnist/",
        "a deeper one, without the covariance loss"),
      Example(
        "pipe fit --method expansive -o model.safetensors < similar.tar",
        "an autoencoder of many images, for pipe expand -m"),
    ],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .finishEarly)

  static let encode = Verb(
    "encode",
    summary: "write the latents of a stream's images",
    description: [
      "Latents are ordinary samples with `latent.npy` in place of an image: `pipe shard`, `cat`, `inspect` and `verify` "
        + "take them. Order and keys stay. Memory stays small however long the stream is.",
      "A model that does not fit the stream is refused.",
    ],
    groups: [OptionGroup("Input and output", [.model, .input, .streamOutput]), .latentMachine, .reading, .terminal],
    examples: [
      Example(
        "pipe decode < cifar10.tar | pipe encode -m koopcon.safetensors | pipe shard -o latents", "keep the latents")
    ],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .waitForUpstream)

  static let attend = Verb(
    "attend",
    summary: "let the latents of each class attend to each other",
    description: [
      "Takes latents and writes as many. Each chunk of 256 consecutive samples of a class goes through the model's "
        + "self-attention; at most one chunk of every class is in memory. The order within a class stays."
    ],
    groups: [
      OptionGroup("Input and output", [.model, .input, .streamOutput]), .latentMachine, .terminal,
    ],
    examples: [
      Example(
        "pipe cat latents | pipe attend -m koopcon.safetensors | pipe condense -m koopcon.safetensors -o few.tar",
        "from latents that were kept, to the condensed ones")
    ],
    needsTensors: true, samplesOption: "input", writesBinary: true, interruption: .waitForUpstream)
}

extension Option {
  /// α of one of the losses that a method adds up.
  static func lossWeight(_ name: String, _ loss: String) -> Option {
    Option(
      "weight-\(name)", .number(0...1e9), defaultNote: "see the method", help: "weight of the \(loss); 0 leaves it out")
  }

  /// The model of the verbs that can do nothing without one.
  static let model = Option(
    "model", short: "m", .path("FILE"), isRequired: true, isRecorded: false, help: "a model that pipe fit wrote")

  /// The model of the verbs that take latents only when they have one.
  static let optionalModel = Option(
    "model", short: "m", .path("FILE"), defaultNote: "none", isRecorded: false,
    help: "the input is latents; a model that pipe fit wrote")
}

extension OptionGroup {
  /// What only the methods with latents understand; the defaults are the method's.
  static let latents = OptionGroup(
    "Latents",
    [
      Option(
        "autoencoder", .choice(["shallow", "medium", "deep"]), defaultNote: "see the method",
        help: "5, 7 or 9 convolutions each way"),
      Option(
        "reconstruction", .choice(["plain", "variational"]), defaultNote: "see the method",
        help: "a latent per image, or a normal distribution of latents"),
      Option("latent", .integer(1...65_536), defaultNote: "see the method", help: "latent dimensions"),
      Option("heads", .integer(1...64), defaultNote: "see the method", help: "heads of the attention"),
      .lossWeight("re", "reconstruction loss"),
      .lossWeight("ce", "classification loss"),
      .lossWeight("fm", "distance between the classifier's mean features of condensed and of real images"),
      .lossWeight("w", "transport loss"),
      .lossWeight("cov", "covariance loss"),
      Option(
        "transported-pixels", .number(0...1e9), defaultNote: "see the method",
        help: "weight, within the reconstruction loss, of the pixels that transport assigns to condensed images"),
      Option("map-lr", .number(0...1e9), defaultNote: "see the method", help: "learning rate of the linear map"),
      Option(
        "classifier-life", .integer(1...100_000_000), defaultNote: "see the method",
        help: "steps after which the classifier is drawn anew"),
      shareOfSteps("warm-up", "in which only autoencoder and classifier learn"),
      shareOfSteps("settling", "at the end, in which encoder and attention stand still"),
      Option(
        "schedule", .integer(1...100_000_000), defaultNote: "the steps",
        help: "steps that the shares and the falling rates are laid out for"),
    ])

  private static func shareOfSteps(_ name: String, _ which: String) -> Option {
    Option(name, .number(0...1), defaultNote: "see the method", help: "share of the steps \(which)")
  }

  /// Threads alone: the verbs that pass latents on keep no images.
  static let latentMachine = OptionGroup("Machine", machine.options.filter { $0.name != "memory" })
}
