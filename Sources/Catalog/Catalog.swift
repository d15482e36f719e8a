/// Everything that has a name on the command line: the one source of help, man page, completions, `pipe methods` and
/// the checks of what was typed.
public enum Catalog {
  /// One line without full stop: what the program is for.
  public static let summary = "turn big labelled image datasets into small ones that train almost as well"

  /// The command lines that a newcomer should see first.
  public static let examples: [Example] = [
    Example("pipe condense < cifar10.tar | pipe shard", "ten images per class, into a new folder"),
    Example(
      "pipe condense --method dm --ipc 50 --time 20m -i photos/ --resize 64x64 | pipe shard -o small",
      "twenty minutes of one method"),
    Example("pipe evaluate --train small --test photos/ --baselines", "how well it trains, beside real images"),
    Example("pipe decode < photos.tar | pipe shard --zstd -o photos", "re-shard any archive, streaming"),
    Example("pipe verify photos && pipe preview photos -o sheet.png", "check every byte; look at it"),
  ]

  /// The verbs, in the order of help.
  public static let verbs: [Verb] = table.map { $0.verb() }

  /// Makes each verb when it is asked for: those with methods have hundreds of options, and most runs are of another.
  private static let table: [(name: String, verb: @Sendable () -> Verb)] = [
    ("condense", { .condense }), ("expand", { .expand }), ("evaluate", { .evaluate }), ("explain", { .explain }),
    ("decode", { .decode }),
    ("fit", { .fit }), ("encode", { .encode }), ("attend", { .attend }), ("shard", { .shard }), ("cat", { .cat }),
    ("merge", { .merge }),
    ("export", { .export }),
    ("run", { .run }), ("gc", { .gc }), ("inspect", { .inspect }), ("verify", { .verify }), ("preview", { .preview }),
    ("report", { .report }),
    ("methods", { .methods }), ("doctor", { .doctor }), ("completion", { .completion }), ("man", { .man }),
    ("help", { .help }),
    ("version", { .version }),
  ]

  /// The methods of `condense`, simplest first.
  public static let methods: [Method] = [
    .random, .herding, .kCenter, .distributionMatching, .krDual, .m3d, .dc, .dsa, .idcI, .idc, .koopcon,
    .guided,
  ]

  /// The methods of `expand`, simplest first.
  public static let expansions: [Method] = [.augment, .expansive]

  /// What `fit` makes beside the models of these.
  public static let models: [Method] = [.trajectory]

  /// The methods of all verbs.
  public static let allMethods: [Method] = methods + expansions + models

  /// The methods whose models `fit` makes.
  public static let fittedMethods: [Method] = allMethods.filter { $0.fit != nil }

  /// The networks of `condense` and `evaluate`; the first is the default.
  public static let networks: [NetworkDescription] = [
    .init("convnet", "the papers' ConvNet: 3x3 convolutions and pooling; instance norm", hasSize: true),
    .init("resnet10", "one residual block at each of four sizes; batch norm"),
    .init("resnet18", "two residual blocks at each of four sizes; instance norm"),
    .init("resnetap10", "ResNet-10 with pooling in place of strides; instance norm"),
    .init("vgg11", "eight convolutions and maximum pooling; instance norm"),
    .init("alexnet", "five convolutions and maximum pooling; no norm"),
    .init("densenet121", "layers that see all those before; batch norm"),
    .init("efficientnet-b0", "inverted residual blocks with excitation; batch norm"),
  ]

  /// The method that `condense` takes when none is named.
  public static let defaultMethod = "guided"

  /// The verb of that name.
  public static func verb(_ name: String) -> Verb? {
    table.first { $0.name == name }?.verb()
  }

  /// The method of that name.
  public static func method(_ name: String) -> Method? {
    allMethods.first { $0.name == name }
  }

  /// The options of `condense`, `expand` and `fit` that a method takes only if it names them among its settings.
  public static let methodOptionNames: Set<String> = Set(allMethods.flatMap(\.settings).map(\.option))
}
