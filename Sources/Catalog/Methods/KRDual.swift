extension Method {
  static let krDual = Method(
    "kr-dual", title: "Kantorovich-Rubinstein Dual",
    summary:
      "learns images whose embeddings are near the real ones in the Wasserstein distance, by a learned potential",
    reference: "Li, Xue & Shi, Dataset Distillation via Kantorovich-Rubinstein Dual of Wasserstein Distance, 2025",
    settings: MethodOption.learnedImages(initialization: "real", factor: 1)
      + MethodOption.guidance(embedIn: "drawn", reuse: "1") + [
        MethodOption(
          Option(
            "hidden", .integer(1...65_536), defaultNote: "see the method", help: "hidden units of a potential"), "8"),
        MethodOption(
          Option(
            "clip", .number(1e-6...1e6), defaultNote: "see the method",
            help: "bound on every parameter of a potential"), "0.02"),
        MethodOption(
          Option(
            "ascent-steps", .integer(0...1_000_000), defaultNote: "see the method",
            help: "steps of learning each potential"), "100"),
        MethodOption(
          Option(
            "ascent-rate", .number(0...1e6), defaultNote: "see the method", help: "learning rate of the potentials"),
          "0.001"),
        MethodOption(
          Option(
            "step-size", .choice(["dm", "dual"]), defaultNote: "see the method",
            help: "units of the loss; dm gives its gradient the length of DM's"), "dm"),
      ] + MethodOption.network,
    presets: [
      Preset(
        "paper", summary: "the paper's numbers; it does not name the steps, for which DM's 20,000 are taken",
        values: [("steps", "20000"), ("lr", "1"), ("ascent-steps", "100"), ("ascent-rate", "0.001"), ("factor", "1")])
    ],
    relations: MethodOption.guidanceRelations, classesAreIndependent: true)
}
