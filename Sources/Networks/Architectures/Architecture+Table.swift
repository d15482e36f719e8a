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
    /// The usual size for images, of a network that takes `Options.filters`, `depth` and `precision`; nil for others.
    public var usualSize: (@Sendable (ImageShape) -> (filters: Int, depth: Int))?
    /// The network for images, classes and options.
    public let make: @Sendable (ImageShape, Int, Options) throws(ArchitectureError) -> Architecture
  }

  /// What can be chosen of a network.
  public struct Options: Sendable, Hashable {
    /// One of the network's norms.
    public var norm: Norm
    /// Feature maps of every block; nil for the usual number.
    public var filters: Int?
    /// Blocks; nil for as many as suit the images' size.
    public var depth: Int?
    /// Precision of activations.
    public var precision = Precision.float32

    /// Options with the usual size.
    public init(norm: Norm) { self.norm = norm }
  }

  /// All networks, as they are defined in the files beside this one; the first is the default.
  public static let table: [Entry] = [
    Entry(name: "convnet", norm: .instance, norms: Norm.allCases, usualSize: usualConvNet, make: convNet),
    Entry(name: "resnet10", norm: .batch, norms: withNorm, make: byNorm(resNet10)),
    Entry(name: "resnet18", norm: .instance, norms: withNorm, make: byNorm(resNet18)),
    Entry(name: "resnetap10", norm: .instance, norms: withNorm, make: byNorm(resNetAP10)),
    Entry(name: "vgg11", norm: .instance, norms: Norm.allCases, make: byNorm(vgg11)),
    Entry(name: "alexnet", norm: .none, norms: Norm.allCases, make: byNorm(alexNet)),
    Entry(name: "densenet121", norm: .batch, norms: withNorm, make: byNorm(usualDenseNet121)),
    Entry(name: "efficientnet-b0", norm: .batch, norms: withNorm, make: byNorm(efficientNetB0)),
  ]

  /// Deep networks do not train without a norm.
  private static let withNorm: [Norm] = [.instance, .group, .batch]

  private typealias Maker = @Sendable (ImageShape, Int, Options) throws(ArchitectureError) -> Architecture

  /// A network of one size.
  private static func byNorm(
    _ make: @escaping @Sendable (ImageShape, Int, Norm) throws(ArchitectureError) -> Architecture
  ) -> Maker {
    { input, classes, options throws(ArchitectureError) in try make(input, classes, options.norm) }
  }

  private static func usualDenseNet121(
    _ input: ImageShape, classes: Int, norm: Norm
  ) throws(ArchitectureError) -> Architecture {
    try denseNet121(input, classes: classes, norm: norm)
  }

  private static func usualConvNet(_ input: ImageShape) -> (filters: Int, depth: Int) { (128, convNetDepth(input)) }

  private static func convNet(
    _ input: ImageShape, classes: Int, options: Options
  ) throws(ArchitectureError) -> Architecture {
    try convNet(
      input, classes: classes, norm: options.norm, filters: options.filters ?? usualConvNet(input).filters,
      depth: options.depth,
      precision: options.precision)
  }
}
