extension Method {
  static let idcI = Method(
    "idc-i", title: "Information-intensive Dataset Condensation, identity",
    summary: "matches gradients in networks that learn from the real images",
    reference: idcReference, settings: idcSettings(factor: 1),
    presets: [idcPreset], relations: MethodOption.gradientMatchingRelations, classesAreIndependent: true)

  static let idc = Method(
    "idc", title: "Information-intensive Dataset Condensation",
    summary: "matches gradients in networks that learn from the real images; several training images in one",
    reference: idcReference, settings: idcSettings(factor: 2),
    presets: [idcPreset], relations: MethodOption.gradientMatchingRelations, classesAreIndependent: true)

  private static let idcReference =
    "Kim et al., Dataset Condensation via Efficient Synthetic-Data Parameterization, ICML 2022"

  private static func idcSettings(factor: Int) -> [MethodOption] {
    MethodOption.learnedImages(initialization: "mixed", factor: factor, batch: "64", rate: nil)
      + MethodOption.gradientMatching(
        pixels: "clamped", match: nil, layers: "convolutions", trainOn: "snapshots")
      + MethodOption.network
  }

  private static let idcPreset = Preset(
    "paper",
    summary: "the code's numbers for small colour images: 2,000 networks of 100 steps, trained between them; days",
    values: [
      ("steps", "200000"), ("train-on", "real"), ("iterations-per-model", "100"), ("inner-loop", "32"),
      ("early-epochs", "0"), ("batch", "64"), ("lr", "0.12"),
    ])
}
