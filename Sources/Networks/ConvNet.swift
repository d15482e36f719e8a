public import Tensors

/// The numeric format in which a network convolves.
///
/// Weights, statistics, embeddings and gradients of the weights are float32 in either case; in bfloat16 the weights
/// are rounded on the way into each convolution and the activations between the layers are kept rounded.
public enum Precision: String, Sendable, CaseIterable {
  case float32
  case bfloat16
}

/// The shape of a `ConvNet`: images of `channels`×`height`×`width`, `depth` blocks of `filters` maps, `classes` logits.
public struct ConvNetOptions: Sendable, Equatable {
  /// Channels of the images.
  public var channels: Int
  /// Height of the images, in pixels.
  public var height: Int
  /// Width of the images, in pixels.
  public var width: Int
  /// Number of classes, which is the number of logits.
  public var classes: Int
  /// Feature maps of every block; 128 in every published ConvNet.
  public var filters: Int
  /// Number of blocks; each halves height and width.
  public var depth: Int
  /// The numeric format of the convolutions.
  public var precision: Precision

  /// Describes a network for images of one size; `depth` follows the size unless it is given.
  public init(
    channels: Int, height: Int, width: Int, classes: Int, filters: Int = 128, depth: Int? = nil,
    precision: Precision = .float32
  ) {
    precondition(
      channels > 0 && height > 1 && width > 1 && classes > 0 && filters > 0,
      "a ConvNet needs at least one channel, class and filter and images of 2 by 2 pixels or more, "
        + "not \(channels)×\(height)×\(width), \(classes) classes, \(filters) filters")
    self.channels = channels
    self.height = height
    self.width = width
    self.classes = classes
    self.filters = filters
    self.depth = depth ?? Self.usualDepth(height: height, width: width)
    self.precision = precision
    precondition(
      self.depth > 0 && mapHeight > 0 && mapWidth > 0,
      "images of \(height)×\(width) cannot be halved \(self.depth) times")
  }

  /// The depth that the literature uses: 3 up to 63 pixels, 4 from 64, 5 from 128; fewer where the image is too small.
  public static func usualDepth(height: Int, width: Int) -> Int {
    let side = min(height, width)
    let halvings = Int.bitWidth - 1 - side.leadingZeroBitCount  // ⌊log₂ side⌋
    if side >= 128 { return 5 }
    if side >= 64 { return 4 }
    return min(3, halvings)
  }

  /// The greatest depth that leaves a map of at least one pixel; 0 where images are too small for any network.
  public static func greatestDepth(channels: Int, height: Int, width: Int) -> Int {
    let side = min(height, width)
    guard side > 1 else { return 0 }
    let padded = side + 2 * firstPadding(channels: channels, height: height, width: width) - 2
    return Int.bitWidth - 1 - padded.leadingZeroBitCount  // ⌊log₂⌋
  }

  /// Zero padding of the first convolution: 3 for 28×28 images of one channel, which then behave as 32×32, else 1.
  public var firstPadding: Int { Self.firstPadding(channels: channels, height: height, width: width) }

  private static func firstPadding(channels: Int, height: Int, width: Int) -> Int {
    channels == 1 && height == 28 && width == 28 ? 3 : 1
  }

  /// Height of the last feature map.
  public var mapHeight: Int { (height + 2 * firstPadding - 2) >> depth }
  /// Width of the last feature map.
  public var mapWidth: Int { (width + 2 * firstPadding - 2) >> depth }
  /// Length of an embedding: the flattened last feature map.
  public var featureCount: Int { filters * mapHeight * mapWidth }

  /// Floating-point operations of one image on its way to the embedding: those of the convolutions, two for each multiplication
  /// and addition.
  public var operations: Double {
    var (height, width, channels) = (height + 2 * firstPadding - 2, width + 2 * firstPadding - 2, channels)
    var operations = 0.0
    for _ in 0..<depth {
      operations += 2 * 9 * Double(height * width) * Double(channels * filters)
      (height, width, channels) = (height / 2, width / 2, filters)
    }
    return operations
  }

  /// The shapes of the parameters, in the order in which `ConvNet` holds them.
  public var parameterShapes: [[Int]] {
    (0..<depth).flatMap { block in
      [[filters, block == 0 ? channels : filters, 3, 3], [filters], [filters], [filters]]
    } + [[classes, featureCount], [classes]]
  }
}

/// The convolutional network of the dataset-condensation literature.
///
///     embed(x) = flatten(B_depth(… B₁(x)))        B(x) = averagePool₂(relu(instanceNorm(conv₃ₓ₃(x))))
///     logits   = W · embed(x) + b
///
/// Instance norm is `GroupNorm(filters, filters)` with scale and shift and ε = 1e-5, as in the reference code, not
/// `InstanceNorm2d`. The network is a plain value: a list of parameters and two functions.
///
/// Shapes: x (n, channels, height, width) normalised float32; embeddings (n, featureCount) float32; logits (n, classes).
/// Reference: Zhao & Bilen, "Dataset Condensation with Distribution Matching", WACV 2023, and its published code.
public struct ConvNet: Sendable {
  /// Size and shape of the network.
  public let options: ConvNetOptions
  /// Per block convolution weight and bias, norm scale and shift; last the classifier's weight and bias; float32.
  public private(set) var parameters: [Tensor]

  /// Draws a network with PyTorch's default initialisation.
  ///
  /// Weights and biases are U(−1/√fanIn, 1/√fanIn), which is what Kaiming-uniform with a = √5 comes to; the norm's
  /// scale is 1 and its shift 0.
  public init(_ options: ConvNetOptions, using random: inout RandomSource) {
    self.options = options
    var parameters: [Tensor] = []
    func drawn(_ shape: [Int], fanIn: Int) -> Tensor {
      let bound = 1 / Float(fanIn).squareRoot()
      return Tensor(random.uniform(shape.reduce(1, *)).map { (2 * $0 - 1) * bound }, shape: shape)
    }
    for block in 0..<options.depth {
      let inputs = block == 0 ? options.channels : options.filters
      parameters.append(drawn([options.filters, inputs, 3, 3], fanIn: inputs * 9))
      parameters.append(drawn([options.filters], fanIn: inputs * 9))
      parameters.append(.ones([options.filters]))
      parameters.append(.zeros([options.filters]))
    }
    parameters.append(drawn([options.classes, options.featureCount], fanIn: options.featureCount))
    parameters.append(drawn([options.classes], fanIn: options.featureCount))
    self.parameters = parameters
  }

  /// A network with the given weights, in the order of `ConvNetOptions.parameterShapes`.
  ///
  /// Weights of other shapes are our own mistake, or the mistake of whoever stored them without their options.
  public init(_ options: ConvNetOptions, parameters: [Tensor]) {
    precondition(
      parameters.map(\.shape) == options.parameterShapes,
      "a ConvNet with \(options) holds \(options.parameterShapes), not \(parameters.map(\.shape))")
    self.options = options
    self.parameters = parameters
  }

  /// The same network with other parameters of the same shapes: how gradients with respect to them are taken.
  public func with(parameters: [Tensor]) -> ConvNet {
    var copy = self
    copy.parameters = parameters
    return copy
  }

  /// The flattened output of the last block: (n, channels, height, width) → (n, featureCount), float32.
  public func embed(_ images: Tensor) throws(TensorError) -> Tensor {
    let type: DType = options.precision == .bfloat16 ? .bfloat16 : .float32
    var maps = images
    for block in 0..<options.depth {
      maps = try maps.convolutionNormReluPool(
        parameters[4 * block], bias: parameters[4 * block + 1], scale: parameters[4 * block + 2],
        shift: parameters[4 * block + 3], padding: block == 0 ? options.firstPadding : 1, as: type)
    }
    return try maps.to(.float32).flattened(from: 1)
  }

  /// The logits: (n, channels, height, width) → (n, classes), float32.
  public func callAsFunction(_ images: Tensor) throws(TensorError) -> Tensor {
    try embed(images).linear(parameters[4 * options.depth], bias: parameters[4 * options.depth + 1])
  }
}
