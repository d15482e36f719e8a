extension Method {
  static let m3d = Method(
    "m3d", title: "Minimizing Maximum Mean Discrepancy",
    summary: "learns images whose embeddings have the distribution of the real ones in all moments, by a kernel",
    reference: "Zhang et al., M3D: Dataset Condensation by Minimizing Maximum Mean Discrepancy, AAAI 2024",
    settings: MethodOption.learnedImages(initialization: "mixed", factor: 2)
      + MethodOption.guidance(embedIn: "drawn", reuse: "1") + [
        MethodOption(
          Option(
            "kernel", .choice(["gaussian-mixture", "gaussian", "linear", "polynomial"]), defaultNote: "see the method",
            help: "kernel on embeddings"), "gaussian-mixture"),
        MethodOption(
          Option(
            "bandwidth", .number(1e-6...1e6), defaultNote: "1, with factor 1 16",
            help: "width of a gaussian kernel, in mean squared distances of the batch")),
        MethodOption(
          Option(
            "units", .choice(["linear", "kernel"]), defaultNote: "see the method",
            help: "units of the loss; linear makes --lr mean the same for every kernel"), "linear"),
        MethodOption(
          Option(
            "iterations-per-model", .integer(1...1_000_000), defaultNote: "see the method",
            help: "steps before a new network is drawn"), "1"),
      ] + MethodOption.network,
    presets: [
      Preset(
        "paper",
        summary: "the paper's numbers for small images: one Gaussian, a rate of 1 in its own units; 10,000 steps",
        values: [
          ("steps", "10000"), ("lr", "1"), ("kernel", "gaussian"), ("bandwidth", "1"), ("units", "kernel"),
          ("factor", "2"), ("iterations-per-model", "5"),
        ])
    ],
    relations: [.belongs("bandwidth", to: "kernel", ["gaussian-mixture", "gaussian"])] + MethodOption.guidanceRelations,
    classesAreIndependent: true)
}
