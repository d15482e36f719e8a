public import Tensors

/// A network: an architecture with its weights, and with the running statistics of its batch norms.
///
///     embed(x) = flatten(L_K(… L₁(x)))        logits = W · embed(x) + b
///
/// It is a plain value. Evaluation and training are two pairs of functions, which differ where there is batch norm: in
/// evaluation it goes by the running statistics, in training by those of the batch, with which it updates the running
/// ones.
///
/// Shapes: x (n, channels, height, width) normalised float32; embeddings (n, featureCount) float32; logits (n, classes)
/// float32.
public struct Network: Sendable {
  /// Layers and shapes.
  public let architecture: Architecture
  /// In the order of `Architecture.parameterShapes`; float32.
  public private(set) var parameters: [Tensor]
  /// In the order of `Architecture.bufferShapes`; float32, without gradients.
  public private(set) var buffers: [Tensor]

  /// How much of the batch's statistics goes into the running ones in each training pass: m ← 0.9 m + 0.1 m', as
  /// PyTorch does by default.
  public static let momentum = 0.1

  /// Draws a network with PyTorch's default initialisation.
  ///
  /// Weights and biases of convolutions and linear layers are U(−1/√fanIn, 1/√fanIn), which is what Kaiming-uniform
  /// with a = √5 comes to; a norm's scale is 1 and its shift 0, the running mean 0 and the running variance 1.
  public init(_ architecture: Architecture, using random: inout RandomSource) {
    self.architecture = architecture
    parameters = []
    for parameter in architecture.parameters {
      switch parameter.start {
      case .zeros: parameters.append(.zeros(parameter.shape))
      case .ones: parameters.append(.ones(parameter.shape))
      case .uniform(let fanIn):
        let bound = 1 / Float(fanIn).squareRoot()
        let values = random.uniform(parameter.shape.reduce(1, *)).map { (2 * $0 - 1) * bound }
        parameters.append(Tensor(values, shape: parameter.shape))
      }
    }
    buffers = Self.startingBuffers(architecture)
  }

  /// A network with the given weights and running statistics; nil for those that a network is drawn with.
  ///
  /// - Precondition: They have the architecture's shapes.
  public init(_ architecture: Architecture, parameters: [Tensor], buffers: [Tensor]? = nil) {
    self.architecture = architecture
    self.parameters = parameters
    self.buffers = buffers ?? Self.startingBuffers(architecture)
    check()
  }

  /// The same network with other parameters of the same shapes: how gradients with respect to them are taken.
  public func with(parameters: [Tensor]) -> Network {
    var copy = self
    copy.parameters = parameters
    copy.check()
    return copy
  }

  /// The same network with other running statistics.
  public func with(buffers: [Tensor]) -> Network {
    var copy = self
    copy.buffers = buffers
    copy.check()
    return copy
  }

  private static func startingBuffers(_ architecture: Architecture) -> [Tensor] {
    architecture.bufferShapes.enumerated().map { $0 % 2 == 0 ? .zeros($1) : .ones($1) }
  }

  private func check() {
    precondition(
      parameters.map(\.shape) == architecture.parameterShapes,
      "\(architecture.name) holds \(architecture.parameterShapes), not \(parameters.map(\.shape))")
    precondition(
      buffers.map(\.shape) == architecture.bufferShapes,
      "\(architecture.name) holds buffers of \(architecture.bufferShapes), not \(buffers.map(\.shape))")
  }

  // MARK: Evaluation

  /// The embeddings: (n, channels, height, width) → (n, featureCount).
  public func embed(_ images: Tensor) throws(TensorError) -> Tensor {
    var pass = LayerPass(self, isTraining: false)
    return try pass.embed(images)
  }

  /// The logits: (n, channels, height, width) → (n, classes).
  public func callAsFunction(_ images: Tensor) throws(TensorError) -> Tensor {
    var pass = LayerPass(self, isTraining: false)
    return try pass.logits(images)
  }

  /// The logits that belong to embeddings: (n, featureCount) → (n, classes).
  public func logits(ofEmbeddings embeddings: Tensor) throws(TensorError) -> Tensor {
    try embeddings.linear(parameters[parameters.count - 2], bias: parameters[parameters.count - 1])
  }

  /// Embeddings of several depths in one pass: the maps after the layers with the given indices, each (n, c, h, w)
  /// float32 with the shape in `Architecture.outputShapes`.
  public func maps(of images: Tensor, after layers: [Int]) throws(TensorError) -> [Tensor] {
    var pass = LayerPass(self, isTraining: false)
    return try pass.maps(images, after: layers)
  }

  /// The maps after the layer with index `layer`: (n, c, h, w) float32.
  public func maps(of images: Tensor, after layer: Int) throws(TensorError) -> Tensor {
    try maps(of: images, after: [layer])[0]
  }

  // MARK: Training

  /// The embeddings in training: batch norm goes by the batch, and the running statistics in `buffers` are updated.
  ///
  /// Throws where batch norm sees only one value of each channel.
  public func embed(_ images: Tensor, updating buffers: inout [Tensor]) throws(TensorError) -> Tensor {
    var pass = LayerPass(with(buffers: buffers), isTraining: true)
    let result = try pass.embed(images)
    buffers = pass.buffers
    return result
  }

  /// The logits in training, like the embeddings in training.
  public func callAsFunction(_ images: Tensor, updating buffers: inout [Tensor]) throws(TensorError) -> Tensor {
    var pass = LayerPass(with(buffers: buffers), isTraining: true)
    let result = try pass.logits(images)
    buffers = pass.buffers
    return result
  }

  /// The maps after some layers in training, like the embeddings in training; running statistics beyond the last of
  /// them stay.
  public func maps(
    of images: Tensor, after layers: [Int], updating buffers: inout [Tensor]
  ) throws(TensorError) -> [Tensor] {
    var pass = LayerPass(with(buffers: buffers), isTraining: true)
    let result = try pass.maps(images, after: layers)
    buffers = pass.buffers
    return result
  }
}

/// A way through a network's layers, which takes parameters and buffers in their order.
private struct LayerPass {
  let network: Network
  let isTraining: Bool
  /// Those of the network, or in training the updated ones as far as the pass has come.
  var buffers: [Tensor]
  private var nextParameter = 0
  private var nextBuffer = 0

  init(_ network: Network, isTraining: Bool) {
    self.network = network
    self.isTraining = isTraining
    buffers = network.buffers
  }

  mutating func embed(_ images: Tensor) throws(TensorError) -> Tensor {
    try run(network.architecture.layers, ordered(images)).to(.float32).flattened(from: 1)
  }

  mutating func logits(_ images: Tensor) throws(TensorError) -> Tensor {
    try embed(images).linear(parameter(), bias: parameter())
  }

  mutating func maps(_ images: Tensor, after indices: [Int]) throws(TensorError) -> [Tensor] {
    let layers = network.architecture.layers
    precondition(
      indices.allSatisfy(layers.indices.contains),
      "\(network.architecture.name) has \(layers.count) layers and none of the indices \(indices)")
    var (maps, found) = (try ordered(images), [Int: Tensor]())
    for index in 0..<(indices.max() ?? -1) + 1 {
      maps = try apply(layers[index], maps)
      if indices.contains(index) { found[index] = maps.to(.float32) }
    }
    return indices.compactMap { found[$0] }
  }

  /// Images in the memory order in which layers are quickest; a fused block takes them in either.
  private func ordered(_ images: Tensor) throws(TensorError) -> Tensor {
    if case .convolutionNormReluPool = network.architecture.layers.first { return images }
    return try images.channelsLast()
  }

  private mutating func parameter() -> Tensor {
    defer { nextParameter += 1 }
    return network.parameters[nextParameter]
  }

  private mutating func run(_ layers: [Layer], _ images: Tensor) throws(TensorError) -> Tensor {
    var maps = images
    for layer in layers { maps = try apply(layer, maps) }
    return maps
  }

  private mutating func apply(_ layer: Layer, _ input: Tensor) throws(TensorError) -> Tensor {
    if case .convolutionNormReluPool(_, let padding) = layer {
      return try input.convolutionNormReluPool(
        parameter(), bias: parameter(), scale: parameter(), shift: parameter(), padding: padding,
        as: network.architecture.precision == .bfloat16 ? .bfloat16 : .float32)
    }
    let x = input.to(.float32)
    switch layer {
    case .convolution(_, _, let stride, let padding, let groups, let hasBias):
      return try x.convolution2d(
        parameter(), bias: hasBias ? parameter() : nil, stride: stride, padding: padding, groups: groups)
    case .norm(let norm): return try normalise(x, norm)
    case .activation(.relu): return x.relu()
    case .activation(.silu): return x.silu()
    case .activation(.sigmoid): return x.sigmoid()
    case .averagePooling(let kernel, let stride): return try x.averagePool2d(kernel, stride: stride)
    case .maximumPooling(let kernel, let stride, let padding):
      return try x.maxPool2d(kernel, stride: stride, padding: padding)
    case .globalAveragePooling: return try x.mean(axes: [2, 3], keepDims: true)
    case .linear(let outputs):
      return try x.flattened(from: 1).linear(parameter(), bias: parameter()).reshaped([x.shape[0], outputs, 1, 1])
    case .residual(let branch, let shortcut):
      let sum = try run(branch, x)
      return try sum + run(shortcut, x)
    case .dense(let branch): return try .concatenated([x, run(branch, x)], axis: 1)
    case .excitation(let branch): return try x * run(branch, x)
    case .convolutionNormReluPool: return x  // Above.
    }
  }

  private mutating func normalise(_ x: Tensor, _ norm: Norm) throws(TensorError) -> Tensor {
    guard norm != .none else { return x }
    let (scale, shift) = (parameter(), parameter())
    switch norm {
    case .none: return x
    case .instance: return try x.instanceNorm(weight: scale, bias: shift)
    case .group:
      let groups = [4, 2].first { x.shape[1] % $0 == 0 } ?? 1
      return try x.groupNorm(groups: groups, weight: scale, bias: shift)
    case .batch:
      var statistics = (mean: buffers[nextBuffer], variance: buffers[nextBuffer + 1])
      defer { nextBuffer += 2 }
      guard isTraining else { return try x.batchNorm(weight: scale, bias: shift, statistics: statistics) }
      let result = try x.batchNorm(
        weight: scale, bias: shift, updating: &statistics, momentum: Network.momentum)
      (buffers[nextBuffer], buffers[nextBuffer + 1]) = statistics
      return result
    }
  }
}
