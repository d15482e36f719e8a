extension Verb {
  /// `pipe fit`.
  public static let fit = Verb(
    "fit",
    summary: "learn a model that condense or expand takes up",
    description: [
      "Reads samples, learns an autoencoder, attention and a linear map for every class, and writes one safetensors file "
        + "for `pipe encode`, `attend`, `condense -m` and `decode -m`. Progress shows the losses: re (reconstruction), ce "
        + "(classification), fm (features), w (transport), cov (covariance). "
        + "With a --factor above 1 its images are tiles, which `pipe decode -m` puts together.",
      "With --method expansive it learns the autoencoder and the attention that `pipe expand -m` begins with, without "
        + "labels. With --method trajectory it trains networks to tell the classes apart, for `condense --trajectories`.",
      "Ctrl-C and --time end it early with a valid model. The same command and seed give the same bytes; a run that ended "
        + "early is repeated by the numbers that it recorded.",
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
            "method", .choice(Catalog.fittedMethods.map(\.name)), default: Catalog.fittedMethods[0].name,
            help: "what to fit; see pipe methods"),
          Option(
            "ipc", .counts, default: "10",
            help: "images per class of the model, or a table: cat=5,*=3"),
          .seed, .steps, .time, .onTermination,
          .dryRun,
        ]),
      .fitting(beside: ["steps"]),
      .machine, .reading, .terminal,
    ],
    examples: [
      Example("pipe fit --ipc 10 -o koopcon.safetensors < cifar10.tar", "a model for ten images per class"),
      Example(
        "pipe fit --method expansive -o model.safetensors < similar.tar",
        "an autoencoder of many images, for pipe expand -m"),
      Example(
        "pipe fit --method trajectory --networks 2 --epochs 10 -o nets.safetensors < cifar10.tar",
        "two networks after 0 to 10 epochs"),
    ],
    relations: [.clashes("formation", with: "factor", "1", "a stored image is then one training image")]
      + OptionGroup.networkRelations,
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
  /// The model of the verbs that can do nothing without one.
  static let model = Option(
    "model", short: "m", .path("FILE"), isRequired: true, isRecorded: false, help: "a model that pipe fit wrote")

  /// The model of the verbs that take latents only when they have one.
  static let optionalModel = Option(
    "model", short: "m", .path("FILE"), defaultNote: "none", isRecorded: false,
    help: "the input is latents; a model that pipe fit wrote")
}

extension OptionGroup {
  /// Threads alone: the verbs that pass latents on keep no images.
  static let latentMachine = OptionGroup("Machine", machine.options.filter { $0.name != "memory" })
}
