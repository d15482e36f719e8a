extension Method {
  /// Of methods that embed images: the network.
  private static let network = [
    MethodOption("net"), MethodOption("width"), MethodOption("depth"), MethodOption("precision"),
  ]
  /// Of methods that compare features: how long their network is trained.
  private static let features = MethodOption("feature-steps", "200")
  /// Of methods that learn in steps: what there is on the way.
  private static let snapshots = [MethodOption("snapshots"), MethodOption("snapshot-every")]

  static let random = Method(
    "random", title: "Random selection",
    summary: "takes real images at random; the baseline of all others",
    reference: "none")

  static let herding = Method(
    "herding", title: "Herding",
    summary: "takes the real images whose running mean stays nearest to the class mean in feature space",
    reference: "Welling, Herding Dynamical Weights to Learn, ICML 2009; "
      + "Rebuffi et al., iCaRL, CVPR 2017",
    settings: [features] + network)

  static let kCenter = Method(
    "k-center", title: "Greedy k-center",
    summary: "takes real images that cover the class: always the one farthest from those taken so far",
    reference: "Sener & Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018",
    settings: [features] + network)

  static let distributionMatching = Method(
    "dm", title: "Distribution Matching",
    summary: "learns images whose mean embedding is that of the real ones, under many random networks; fast",
    reference: "Zhao & Bilen, Dataset Condensation with Distribution Matching, WACV 2023",
    settings: [
      MethodOption("steps"), MethodOption("batch", "256"), MethodOption("lr", "1"), MethodOption("momentum", "0.5"),
      MethodOption("init", "real"),
      MethodOption("augment"), MethodOption("factor", "1"),
    ] + snapshots + network,
    presets: [
      Preset(
        "paper", summary: "the paper's numbers, below 100 images per class (add --lr 10 from 100 on); 20,000 steps",
        settings: [
          MethodOption("steps", "20000"), MethodOption("batch", "256"), MethodOption("lr", "1"),
          MethodOption("momentum", "0.5"),
          MethodOption("init", "real"), MethodOption("factor", "1"),
        ])
    ])

  static let m3d = Method(
    "m3d", title: "Minimizing Maximum Mean Discrepancy",
    summary: "learns images whose embeddings have the distribution of the real ones in all moments, by a kernel; "
      + "the default",
    reference: "Zhang et al., M3D: Dataset Condensation by Minimizing Maximum Mean Discrepancy, AAAI 2024",
    settings: [
      MethodOption("steps"), MethodOption("batch", "256"), MethodOption("lr", "1"), MethodOption("momentum", "0.5"),
      MethodOption("init", "mixed"),
      MethodOption("augment"), MethodOption("factor", "2"), MethodOption("kernel", "gaussian-mixture"),
      MethodOption("bandwidth"),
      MethodOption("units", "linear"), MethodOption("iterations-per-model", "1"),
    ] + snapshots + network,
    presets: [
      Preset(
        "paper",
        summary: "the paper's numbers for small images: one Gaussian, a rate of 1 in its own units; 10,000 steps",
        settings: [
          MethodOption("steps", "10000"), MethodOption("lr", "1"), MethodOption("kernel", "gaussian"),
          MethodOption("bandwidth", "1"),
          MethodOption("units", "kernel"),
          MethodOption("factor", "2"), MethodOption("iterations-per-model", "5"),
        ])
    ])

  static let koopcon = Method(
    "koopcon", title: "Koopcon",
    summary: "learns an autoencoder and, for each class, a linear map that packs many latents into few; "
      + "pipe fit keeps the model",
    reference: "Jebraeeli, Jiang, Cansever & Krim, Koopcon: A new approach towards smarter and less complex learning, "
      + "2024",
    settings: [
      MethodOption("steps"), MethodOption("batch", "100", help: "real images per step, of all classes together"),
      MethodOption("lr", "0.001", help: "learning rate of the autoencoder and the attention"), MethodOption("augment"),
      MethodOption("autoencoder", "shallow"), MethodOption("reconstruction", "plain"), MethodOption("latent", "512"),
      MethodOption("heads", "4"), MethodOption("weight-re", "10"), MethodOption("weight-ce", "0.1"),
      MethodOption("weight-w", "1"),
      MethodOption("weight-fm", "100"), MethodOption("weight-cov", "0.01"), MethodOption("transported-pixels", "0.1"),
      MethodOption("map-lr", "0.3"), MethodOption("classifier-life", "20"),
      MethodOption("warm-up", "0.25"), MethodOption("settling", "0.5"), MethodOption("schedule"),
    ] + network)

  static let augment = Method(
    "augment", of: "expand", title: "Classical augmentation",
    summary: "moves, enlarges, turns, mirrors and recolours samples at random; what other expansions are measured by",
    reference: "none", settings: [MethodOption("augment")])

  static let expansive = Method(
    "expansive", of: "expand", title: "Expansive Synthesis",
    summary: "puts features of a class's samples together in the latents of an autoencoder that a similar, larger set "
      + "taught",
    reference: "Jebraeeli, Jiang, Cansever & Krim, Expansive Synthesis: Generating Large-Scale Datasets from Minimal "
      + "Samples, 2024",
    settings: [
      MethodOption("pretrain"), MethodOption("setting", "mhsa+sc+egm"), MethodOption("pretrain-steps"),
      MethodOption("steps"),
      MethodOption("batch", "64"), MethodOption("lr", "0.001"), MethodOption("augment"),
      MethodOption("sources", "augmented"),
      MethodOption("reach", "-0.3"), MethodOption("detail", "1"), MethodOption("weight-re", "10"),
      MethodOption("weight-ce", "0.1"),
      MethodOption("weight-w", "0.1"),
      MethodOption("weight-cov", "0.1"),
      MethodOption("weight-att", "0.1"),
    ])
}
