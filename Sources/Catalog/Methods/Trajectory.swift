extension Method {
  static let trajectory = Method(
    "trajectory", of: "fit", title: "Networks trained on the data",
    summary: "trains networks on the samples and keeps each as it is after 0, 1, 2 and more epochs, for --trajectories",
    reference: "none; the networks of Kim et al., Dataset Condensation via Efficient Synthetic-Data Parameterization, "
      + "ICML 2022",
    settings: trajectorySettings, fit: .only(trajectorySettings.map(\.option)))

  private static let trajectorySettings =
    [
      MethodOption(
        Option("networks", .integer(1...10_000), defaultNote: "see the method", help: "networks to train"), "1"),
      MethodOption(
        Option("epochs", .integer(1...1_000_000), defaultNote: "see the method", help: "epochs of training"), "10"),
      MethodOption(.batch, "128", help: "samples per step at most"),
      MethodOption(.learningRate, "0.02", help: "learning rate, the same in all epochs"),
      MethodOption(.momentum, "0.9", help: "momentum, empty at the start of each epoch"),
      MethodOption(.augment, note: "color_crop_flip, flip as --mirror says; none for spectrograms"),
      MethodOption(.cutMix, "0"),
    ] + MethodOption.network
}
