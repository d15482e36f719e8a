public import Datasets

extension Architecture {
  /// A network that can be chosen by name.
  public struct Entry: Sendable {
    /// What users call it.
    public let name: String
    /// What the papers that compare condensed data normalise its maps with.
    public let norm: Norm
    /// What else its maps can be normalised with.
    public let norms: [Norm]
    /// The network for images, classes and a norm of `norms`.
    public let make: @Sendable (ImageShape, Int, Norm) throws(ArchitectureError) -> Architecture
  }

  /// All networks, as they are defined in the files beside this one.
  public static let table: [Entry] = [
    Entry(name: "convnet", norm: .instance, norms: Norm.allCases, make: usualConvNet),
    Entry(name: "resnet10", norm: .batch, norms: withNorm, make: resNet10),
    Entry(name: "resnet18", norm: .instance, norms: withNorm, make: resNet18),
    Entry(name: "resnetap10", norm: .instance, norms: withNorm, make: resNetAP10),
    Entry(name: "vgg11", norm: .instance, norms: Norm.allCases, make: vgg11),
    Entry(name: "alexnet", norm: .none, norms: Norm.allCases, make: alexNet),
    Entry(name: "densenet121", norm: .batch, norms: withNorm, make: usualDenseNet121),
    Entry(name: "efficientnet-b0", norm: .batch, norms: withNorm, make: efficientNetB0),
  ]

  /// Deep networks do not train without a norm.
  private static let withNorm: [Norm] = [.instance, .group, .batch]

  private static func usualConvNet(
    _ input: ImageShape, classes: Int, norm: Norm
  ) throws(ArchitectureError) -> Architecture {
    try convNet(input, classes: classes, norm: norm)
  }

  private static func usualDenseNet121(
    _ input: ImageShape, classes: Int, norm: Norm
  ) throws(ArchitectureError) -> Architecture {
    try denseNet121(input, classes: classes, norm: norm)
  }
}
