extension Method {
  static let guided = Method(
    "guided", title: "Guided matching",
    summary: "matches features of networks that were trained on the real images, which must recognise the images, too; "
      + "the default",
    reference: "this program; after Zhang et al., DANCE, IJCAI 2024, and TGDD, AAAI 2026",
    settings: MethodOption.learnedImages(
      initialization: "kmeans", factor: nil, factorNote: "2; of small grey images 1 from 20 per class on", batch: "128",
      rate: nil,
      rateNote: "by images per class",
      augmentNote: "color_crop_cutout_flip, no cutout of grey images, flip as --mirror says; none for sound")
      + MethodOption.guidance(
        embedIn: "snapshots", reuse: "4", weightNote: "2.5; above 20 images per class 0.5") + [
        MethodOption(
          Option(
            "distance", .choice(["mean", "kernel", "dual"]), defaultNote: "see the method",
            help: "of features: of their means, by M3D's kernel, or by KR-dual's potential"), "kernel"),
        MethodOption(
          Option(
            "decay", .choice(["none", "cosine"]), defaultNote: "see the method",
            help: "how the learning rate of the images falls"), "cosine"),
        MethodOption(.schedule), MethodOption(.pixels, "clamped"),
      ] + MethodOption.network,
    relations: MethodOption.guidanceRelations + [.belongs("schedule", to: "decay", ["cosine"])],
    classesAreIndependent: true)
}
