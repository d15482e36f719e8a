extension Method {
  static let dc = Method(
    "dc", title: "Gradient Matching",
    summary: "learns images whose loss has the gradients of the real ones', in networks that learn from them",
    reference: "Zhao, Mopuri & Bilen, Dataset Condensation with Gradient Matching, ICLR 2021",
    settings: MethodOption.learnedImages(initialization: "noise", factor: 1, rate: "0.1", augment: "none")
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
