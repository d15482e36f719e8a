extension Method {
  static let koopcon = Method(
    "koopcon", title: "Koopcon",
    summary: "learns an autoencoder and, for each class, a linear map that packs many latents into few; "
      + "pipe fit keeps the model",
    reference: "Jebraeeli, Jiang, Cansever & Krim, Koopcon: A new approach towards smarter and less complex learning, "
      + "2024",
    settings: [
      MethodOption(.steps),
      MethodOption(.batch, "100", help: "real images per step, of all classes together"),
      MethodOption(.learningRate, "0.001", help: "learning rate of the autoencoder and the attention"),
      MethodOption(.augment),
      MethodOption(
        Option(
          "autoencoder", .choice(["shallow", "medium", "deep"]), defaultNote: "see the method",
          help: "5, 7 or 9 convolutions each way"), "shallow"),
      MethodOption(
        Option(
          "reconstruction", .choice(["plain", "variational"]), defaultNote: "see the method",
          help: "a latent per image, or a normal distribution of latents"), "plain"),
      MethodOption(
        Option("latent", .integer(1...65_536), defaultNote: "see the method", help: "latent dimensions"), "512"),
      MethodOption(
        Option("heads", .integer(1...64), defaultNote: "see the method", help: "heads of the attention"), "4"),
      MethodOption(.lossWeight("re", "reconstruction loss"), "10"),
      MethodOption(.lossWeight("ce", "classification loss"), "1"),
      MethodOption(.lossWeight("w", "transport loss"), "1"),
      MethodOption(
        .lossWeight("fm", "distance between the classifier's mean features of condensed and of real images"), "100"),
      MethodOption(.lossWeight("cov", "covariance loss"), "0.01"),
      MethodOption(
        Option(
          "transported-pixels", .number(0...1e9), defaultNote: "see the method",
          help: "weight, within the reconstruction loss, of the pixels that transport assigns to condensed images"),
        "0.1"),
      MethodOption(
        Option("map-lr", .number(0...1e9), defaultNote: "see the method", help: "learning rate of the linear map"),
        "0.3"),
      MethodOption(
        Option(
          "classifier-life", .integer(1...100_000_000), defaultNote: "see the method",
          help: "steps after which a drawn classifier is drawn anew"), note: "20 for drawn"),
      MethodOption(shareOfSteps("warm-up", "in which only autoencoder and classifier learn"), "0.25"),
      MethodOption(shareOfSteps("settling", "at the end, in which encoder and attention stand still"), "0.5"),
      MethodOption(.schedule),
      MethodOption(.factor, "2", help: "tiles per side, each a condensed image, shrunk"),
      MethodOption(.formation, "uniform", help: "tiles, or tiles along time (with --factor); not multi"),
      MethodOption(.trajectories),
    ]
      + MethodOption.snapshots(
        embedIn: "snapshots", reuse: nil,
        help: "the classifier: drawn, learning as the run goes on, or snapshots of training on the real images")
      + MethodOption.network,
    relations: MethodOption.snapshotRelations + [
      .belongs("classifier-life", to: "embed-in", ["drawn"]), .belongs("reuse", to: "embed-in", ["snapshots"]),
      .clashes(
        "factor", with: "formation", "multi",
        "koopcon makes the finest tiles alone, and nothing would learn what the others show"),
    ],
    fit: .all)

  private static func shareOfSteps(_ name: String, _ which: String) -> Option {
    Option(name, .number(0...1), defaultNote: "see the method", help: "share of the steps \(which)")
  }
}
