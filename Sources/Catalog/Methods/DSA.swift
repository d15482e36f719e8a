extension Method {
  static let dsa = Method(
    "dsa", title: "Differentiable Siamese Augmentation",
    summary: "gradient matching under one augmentation of both sides",
    reference: "Zhao & Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021",
    settings: MethodOption.learnedImages(initialization: "real", factor: 1, rate: "1")
      + MethodOption.gradientMatching(
        pixels: "free", match: "cosine", layers: "all", trainOn: "synthetic") + MethodOption.network,
    presets: [
      Preset(
        "paper", summary: "the code's numbers for 10 images per class: 1,000 networks of 10 steps",
        values: [
          ("steps", "10000"), ("batch", "256"), ("lr", "0.1"), ("iterations-per-model", "10"), ("inner-loop", "50"),
        ])
    ],
    relations: MethodOption.gradientMatchingRelations)
}
