extension Method {
  static let distributionMatching = Method(
    "dm", title: "Distribution Matching",
    summary: "learns images whose mean embedding is that of the real ones, under many random networks; fast",
    reference: "Zhao & Bilen, Dataset Condensation with Distribution Matching, WACV 2023",
    settings: MethodOption.learnedImages(initialization: "real", factor: 1)
      + MethodOption.guidance(embedIn: "drawn", reuse: "1") + MethodOption.network,
    presets: [
      Preset(
        "paper", summary: "the paper's numbers, below 100 images per class (add --lr 10 from 100 on); 20,000 steps",
        values: [
          ("steps", "20000"), ("batch", "256"), ("lr", "1"), ("momentum", "0.5"), ("init", "real"), ("factor", "1"),
        ])
    ],
    relations: MethodOption.guidanceRelations, classesAreIndependent: true)
}
