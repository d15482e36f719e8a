public import Datasets

/// A network without its weights: for images of one shape, a list of layers that makes the embedding, and after it a
/// linear layer that makes `classes` logits.
///
/// Everything that can be known before there are weights follows from the list: shapes, sizes, operations, memory.
/// Making one walks through the list, so that one which exists fits its images.
public struct Architecture: Sendable, Hashable {
  /// What users call it, as in `Architecture.table`.
  public let name: String
  /// Shape of the images.
  public let input: ImageShape
  /// Number of classes, which is the number of logits.
  public let classes: Int
  /// From the images to the embedding, which is the flattened output of the last one.
  public let layers: [Layer]
  /// Precision of activations in `Layer.convolutionNormReluPool`; all other layers compute in float32.
  public var precision: Precision
  private let walk: LayerWalk

  /// The network of these layers; throws where the images are too small for one of them.
  ///
  /// - Precondition: The layers fit each other: groups divide channels, branches have the shapes that they are joined in.
  public init(
    _ name: String, input: ImageShape, classes: Int, layers: [Layer], precision: Precision = .float32
  ) throws(ArchitectureError) {
    precondition(classes > 0, "\(name) needs at least one class, not \(classes)")
    guard min(input.channels, input.side) > 0 else {
      throw ArchitectureError(name: name, input: input, reason: "there are no pixels")
    }
    var walk = LayerWalk(at: input)
    for layer in layers {
      do throws(LayerWalk.TooSmall) {
        try walk.pass(layer)
      } catch {
        throw ArchitectureError(name: name, input: input, reason: error.reason)
      }
      walk.outputs.append(walk.shape)
    }
    walk.head(classes: classes)
    self.name = name
    self.input = input
    self.classes = classes
    self.layers = layers
    self.precision = precision
    self.walk = walk
  }

  /// Shape of the maps after each of `layers`; vectors are maps of one pixel.
  public var outputShapes: [ImageShape] { walk.outputs }

  /// Length of an embedding.
  public var featureCount: Int { (walk.outputs.last ?? input).count }

  /// The shapes of the parameters in the order in which they are drawn and `Network` holds them: layer by layer weight
  /// and bias or scale and shift, of a residual block the branch before the shortcut, last the classifier's weight and
  /// bias.
  public var parameterShapes: [[Int]] { walk.parameters.map(\.shape) }

  /// How each parameter begins.
  var parameters: [Parameter] { walk.parameters }

  /// The shapes of the buffers: of each batch norm its running mean and its running variance.
  public var bufferShapes: [[Int]] { walk.buffers.map { [$0] } }

  /// Whether an image's output in training depends on the batch that it is in.
  public var usesBatchStatistics: Bool { !walk.buffers.isEmpty }

  /// Operations of one image's way to its embedding, two for each multiplication and addition of convolutions and
  /// linear layers.
  public var operations: Double { walk.operations }

  /// Number of weights and other parameters.
  public var weightCount: Double { walk.parameters.reduce(0) { $0 + $1.count } }

  /// Size of the largest parameter.
  public var largestWeightCount: Double { walk.parameters.map(\.count).max() ?? 0 }

  /// Bytes of one image's largest map.
  public var largestMapBytes: Double { max(walk.largestMap * 4, walk.largestFusedMap * fusedValueSize) }

  /// Bytes of one image's maps that wait for the gradient: what each layer makes, but for ReLU, which takes the place
  /// of its input; a fused block keeps its convolution's maps and the pooled ones, maximum pooling its indices.
  public var keptMapBytes: Double { walk.keptValues * 4 + walk.keptFusedValues * fusedValueSize }

  private var fusedValueSize: Double { precision == .bfloat16 ? 2 : 4 }

  /// A parameter before it is drawn.
  struct Parameter: Hashable {
    enum Start: Hashable {
      /// U(−1/√fanIn, 1/√fanIn).
      case uniform(fanIn: Int)
      case zeros, ones
    }
    var shape: [Int]
    var start: Start

    var count: Double { shape.reduce(1) { $0 * Double($1) } }
  }
}

/// Images are too small for a network.
public struct ArchitectureError: Error, Hashable, CustomStringConvertible {
  /// Name of the network.
  public var name: String
  /// Shape of the images.
  public var input: ImageShape
  /// Which layer they are too small for, and what reaches it.
  public var reason: String

  /// One sentence.
  public var description: String { "images of \(input) are too small for \(name): \(reason)" }
}

/// A way through layers that computes shapes in place of maps, and counts.
private struct LayerWalk: Hashable {
  /// Of the maps here.
  var shape: ImageShape
  var outputs: [ImageShape] = []
  var parameters: [Architecture.Parameter] = []
  /// Channels, once for the mean and once for the variance.
  var buffers: [Int] = []
  var operations = 0.0
  /// Values of one image; those of fused blocks may have another size.
  var (largestMap, largestFusedMap, keptValues, keptFusedValues) = (0.0, 0.0, 0.0, 0.0)

  struct TooSmall: Error { var reason: String }

  init(at shape: ImageShape) { self.shape = shape }

  mutating func pass(_ layer: Layer) throws(TooSmall) {
    switch layer {
    case .convolution(let outputs, let kernel, let stride, let padding, let groups, let hasBias):
      try convolve(to: outputs, kernel, stride, padding, groups: groups, hasBias: hasBias)
      keep()
    case .norm(.none): break
    case .norm(let norm):
      normalise()
      if norm == .batch { buffers += [shape.channels, shape.channels] }
      keep()
    // ReLU needs its output for the gradient and not its input.
    case .activation(let activation): if activation != .relu { keep() }
    case .averagePooling(let kernel, let stride):
      try slide(kernel, stride, 0, "\(kernel)×\(kernel) average pooling")
      keep()
    case .maximumPooling(let kernel, let stride, let padding):
      try slide(kernel, stride, padding, "\(kernel)×\(kernel) maximum pooling")
      keep(3)  // Itself and an index of eight bytes.
    case .globalAveragePooling:
      (shape.height, shape.width) = (1, 1)
      keep()
    case .linear(let outputs):
      draw([outputs, shape.count], fanIn: shape.count, hasBias: true)
      operations += 2 * Double(shape.count) * Double(outputs)
      shape = ImageShape(channels: outputs, height: 1, width: 1)
      keep()
    case .residual(let branch, let shortcut):
      let start = shape
      try pass(branch)
      let end = shape
      shape = start
      try pass(shortcut)
      precondition(shape == end, "a branch that makes \(end) cannot be added to a shortcut that makes \(shape)")
      keep()
    case .dense(let branch):
      let start = shape
      try pass(branch)
      precondition(
        shape.height == start.height && shape.width == start.width,
        "a branch that makes \(shape) cannot be appended to \(start)")
      shape.channels += start.channels
      keep()
    case .excitation(let branch):
      let start = shape
      try pass(branch)
      precondition(
        shape == ImageShape(channels: start.channels, height: 1, width: 1),
        "a branch that makes \(shape) has not one factor for each channel of \(start)")
      shape = start
      keep()
    case .convolutionNormReluPool(let outputs, let padding):
      try convolve(to: outputs, 3, 1, padding, groups: 1, hasBias: true)
      normalise()
      let values = Double(shape.channels) * Double(shape.height) * Double(shape.width)
      largestFusedMap = max(largestFusedMap, values)
      keptFusedValues += 1.25 * values
      try slide(2, 2, 0, "2×2 average pooling")
    }
  }

  private mutating func pass(_ layers: [Layer]) throws(TooSmall) {
    for layer in layers { try pass(layer) }
  }

  /// The classifier.
  mutating func head(classes: Int) { draw([classes, shape.count], fanIn: shape.count, hasBias: true) }

  private mutating func convolve(
    to outputs: Int, _ kernel: Int, _ stride: Int, _ padding: Int, groups: Int, hasBias: Bool
  ) throws(TooSmall) {
    precondition(
      groups > 0 && shape.channels % groups == 0 && outputs % groups == 0,
      "\(groups) groups do not divide \(shape.channels) channels and \(outputs) filters")
    let inputs = shape.channels / groups
    draw([outputs, inputs, kernel, kernel], fanIn: inputs * kernel * kernel, hasBias: hasBias)
    try slide(kernel, stride, padding, "\(kernel)×\(kernel) convolution")
    shape.channels = outputs
    operations +=
      2 * Double(kernel * kernel) * Double(inputs) * Double(outputs) * Double(shape.height) * Double(shape.width)
  }

  private mutating func normalise() {
    parameters.append(.init(shape: [shape.channels], start: .ones))
    parameters.append(.init(shape: [shape.channels], start: .zeros))
  }

  private mutating func draw(_ shape: [Int], fanIn: Int, hasBias: Bool) {
    parameters.append(.init(shape: shape, start: .uniform(fanIn: fanIn)))
    if hasBias { parameters.append(.init(shape: [shape[0]], start: .uniform(fanIn: fanIn))) }
  }

  /// The size after a window has gone over the maps.
  private mutating func slide(_ kernel: Int, _ stride: Int, _ padding: Int, _ what: String) throws(TooSmall) {
    precondition(kernel > 0 && stride > 0 && padding >= 0, "\(what) with stride \(stride) and padding \(padding)")
    guard shape.side + 2 * padding >= kernel else {
      let place = outputs.isEmpty ? "the first layer" : "layer \(outputs.count + 1)"
      throw TooSmall(reason: "\(what) in \(place) gets maps of \(shape.height)×\(shape.width)")
    }
    shape.height = (shape.height + 2 * padding - kernel) / stride + 1
    shape.width = (shape.width + 2 * padding - kernel) / stride + 1
  }

  /// Counts the maps here, `times` over for what is kept of them.
  private mutating func keep(_ times: Double = 1) {
    let values = Double(shape.channels) * Double(shape.height) * Double(shape.width)
    largestMap = max(largestMap, values)
    keptValues += times * values
  }
}
