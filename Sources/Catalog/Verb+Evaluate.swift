extension Verb {
  static let evaluate = Verb(
    "evaluate",
    summary: "train classifiers on a small dataset and report their accuracy on real test data",
    description: [
      "Trains fresh networks on --train under a published protocol and tests each on the test split of --test, after the "
        + "last epoch, never the best one. Normalisation, formation and kind of label come from the dataset's own "
        + "manifest. The report has mean and deviation over --repeats, and the accuracy of every class.",
      "Spectrograms are trained on without augmentation and CutMix under every protocol.",
      "With --baselines the same number of real images per class, taken at random and by herding, is trained and tested "
        + "in the same way; and so are the images that the method began with, where the set's history names them.",
    ],
    groups: [
      OptionGroup(
        "Data",
        [
          Option(
            "train", .path("PATH"), default: "-", isRecorded: false,
            help: "the dataset to evaluate: a shard folder or a stream; - is the standard input"),
          Option(
            "test", .path("PATH"), defaultNote: "the archive of --real", repeats: true, isRecorded: false,
            help: "real data; its test split is used"),
          Option(
            "real", .path("PATH"), defaultNote: "the archive of --test", repeats: true, isRecorded: false,
            help: "real training data for the baselines; its train split is used"),
          Option(
            "cache", .path("DIR"), defaultNote: "~/.cache/pipe", isRecorded: false,
            isWritten: true,
            help: "where networks that were trained for baselines are kept"),
        ]),
      OptionGroup(
        "Protocol",
        [
          Option(
            "protocol", .choice(["dc", "dsa", "idc"]), default: "dsa",
            help: "how to train: 300 epochs plain, 1000 with siamese augmentation, 1000 with augmentation and CutMix"),
          Option("repeats", .integer(1...10_000), default: "3", help: "networks to train, each from its own start"),
          Option(
            "nets", .list("NET"), defaultNote: "--net alone",
            help: "train several networks, and print a column for each"),
          Option("baselines", .flag, help: "evaluate its initial images and random and herded ones, too"),
          Option("epochs", .integer(1...1_000_000), defaultNote: "the protocol's", help: "epochs of training"),
          Option(
            "equal-steps", .flag,
            help: "train a set with formation for as many steps as one without"),
          .seed,
          Option(
            "time", .duration, defaultNote: "no limit",
            help: "stop in time and report the networks that are done; 75 when there is none"),
          Option(
            "scores", .path("FILE"), defaultNote: "none", isRecorded: false, isWritten: true,
            help: "write how hard each image is, low for easy ones, for pipe cat --lowest"),
          .onTermination,
          .json,
        ]),
      .network, .machine, .readingBothSplits, .terminal,
    ],
    examples: [
      Example(
        "pipe evaluate --train cifar10-m3d --test cifar-10-binary.tar.gz --repeats 5 --baselines",
        "five networks on the condensed set, five on random and five on herded images"),
      Example(
        "pipe evaluate --train cifar10-m3d --test cifar10.tar --nets convnet,resnet10,densenet121",
        "a table with a column for each network"),
      Example(
        "pipe condense --method dm < cifar10.tar | pipe evaluate --test cifar10.tar --protocol idc --json",
        "condense and judge without keeping the result"),
    ],
    relations: [
      .needs("cache", "baselines", "it is where networks for baselines are kept, and there are none"),
      .excludes("nets", "net", "both say which networks to train"),
    ] + OptionGroup.networkRelations,
    needsTensors: true, samplesOption: "train", interruption: .finishEarly)
}
