import Datasets
import Tensors
import TensorTurn
import Testing

@testable import Networks

@Suite(.serialized, .takesTurns)
struct NetworkTests {
  private static let colour = ImageShape(channels: 3, height: 32, width: 32)
  private static let grey = ImageShape(channels: 1, height: 28, width: 28)

  // MARK: PyTorch

  /// Names of the golden results: network, norm, shape.
  private static let cases = [
    "convnet instance 3x32x32", "convnet group 1x28x28", "convnet batch 3x64x64", "convnet none 3x32x32",
    "alexnet none 3x32x32", "alexnet batch 1x28x28", "vgg11 instance 3x32x32", "vgg11 batch 1x28x28",
    "vgg11 group 3x64x64", "resnet18 instance 3x32x32", "resnet18 batch 1x28x28", "resnet18 batch 3x160x160",
    "resnet10 batch 3x32x32", "resnet10 group 3x72x72", "resnetap10 instance 3x32x32", "resnetap10 batch 1x28x28",
    "resnetap10 instance 3x72x72", "resnetap10 instance 3x132x132", "densenet121 batch 3x32x32",
    "densenet121 batch 3x96x96", "efficientnet-b0 batch 3x32x32", "efficientnet-b0 group 1x28x28",
    "efficientnet-b0 batch 3x96x96",
  ]

  private func architecture(_ title: String) throws -> Architecture {
    let words = title.split(separator: " ").map(String.init)
    let sizes = words[2].split(separator: "x").compactMap { Int($0) }
    let shape = ImageShape(channels: sizes[0], height: sizes[1], width: sizes[2])
    let norm = try #require(Norm(rawValue: words[1]))
    if words[0] == "convnet" { return try .convNet(shape, classes: 4, norm: norm, filters: 8) }
    let entry = try #require(Architecture.table.first { $0.name == words[0] })
    #expect(entry.norms.contains(norm) && entry.norms.contains(entry.norm))
    // The golden one is the paper's, of every size.
    if words[0] == "densenet121" { return try .denseNet121(shape, classes: 4, norm: norm, growth: 32) }
    return try entry.make(shape, 4, .init(norm: norm))
  }

  @Test(arguments: cases) func `parameters, embeddings and logits are PyTorch's`(title: String) throws {
    let golden = try Golden.load("architectures")
    let architecture = try architecture(title)
    #expect(golden["\(title) parameters"]?.values == [architecture.weightCount])
    let network = scattered(architecture)
    let x = images(architecture, count: 2)
    #expect(distance(try network.embed(x), golden["\(title) embedding"], thinnedTo: 40) < 1e-4)
    #expect(distance(try network(x), golden["\(title) logits"]) < 1e-4)
    guard architecture.usesBatchStatistics else { return }
    var buffers = network.buffers
    #expect(distance(try network(x, updating: &buffers), golden["\(title) training logits"]) < 1e-3)
    let means = Tensor(doubles: buffers.map { $0.mean().item }, shape: [buffers.count])
    #expect(distance(means, golden["\(title) statistics"]) < 1e-4)
  }

  @Test func `for ImageNet they have the parameters of torchvision's`() throws {
    let shape = ImageShape(channels: 3, height: 224, width: 224)
    let counts = [
      try Architecture.resNet18(shape, classes: 1000), try .denseNet121(shape, classes: 1000),
      try .efficientNetB0(shape, classes: 1000),
    ].map(\.weightCount)
    #expect(try Golden.load("architectures")["published parameters"]?.values == counts)
  }

  @Test func `for ImageNet they have the operations that their papers name`() throws {
    let shape = ImageShape(channels: 3, height: 224, width: 224)
    // Multiplications and additions: 1.8 billion [He et al., table 1], 0.39 billion [Tan & Le, table 2]; DenseNet-121 has 2.9 billion.
    #expect(abs(try Architecture.resNet18(shape, classes: 1000).operations / 2 / 1.8e9 - 1) < 0.02)
    #expect(abs(try Architecture.efficientNetB0(shape, classes: 1000).operations / 2 / 0.39e9 - 1) < 0.02)
    #expect(abs(try Architecture.denseNet121(shape, classes: 1000).operations / 2 / 2.9e9 - 1) < 0.03)
  }

  /// One of every kind of layer, on small maps.
  private static func everyLayer() throws -> Architecture {
    let factors: [Layer] = [
      .globalAveragePooling, .convolution(to: 3, kernel: 1), .activation(.silu), .convolution(to: 12, kernel: 1),
      .activation(.sigmoid),
    ]
    return try Architecture(
      "every layer", input: ImageShape(channels: 3, height: 12, width: 12), classes: 4,
      layers: [
        .convolutionNormReluPool(to: 8, padding: 2),
        .convolution(to: 8, kernel: 3, padding: 1, groups: 2), .norm(.batch), .activation(.silu), .norm(.none),
        .residual(
          [.convolution(to: 8, kernel: 3, stride: 2, padding: 1, hasBias: false), .norm(.group)],
          shortcut: [.convolution(to: 8, kernel: 1, stride: 2), .norm(.instance)]),
        .residual([.norm(.batch), .activation(.relu), .convolution(to: 8, kernel: 3, padding: 1)]),
        .dense([.norm(.instance), .activation(.relu), .convolution(to: 4, kernel: 1)]),
        .excitation(factors), .maximumPooling(kernel: 2, stride: 1, padding: 1), .averagePooling(kernel: 2, stride: 2),
        .linear(to: 5), .activation(.sigmoid),
      ])
  }

  @Test func `gradients through every kind of layer are PyTorch's`() throws {
    let golden = try Golden.load("architectures")
    let network = scattered(try Self.everyLayer())
    let x = images(network.architecture, count: 3)
    var buffers = network.buffers
    let logits = try network(x, updating: &buffers)
    #expect(distance(logits, golden["every layer logits"]) < 1e-5)
    let sums = scatter([3, 4], 5001)
    let gradients = try valueAndGradients(at: [x] + network.parameters) { points throws(TensorError) in
      var buffers = network.buffers
      return try (network.with(parameters: Array(points.dropFirst()))(points[0], updating: &buffers) * sums).sum()
    }.gradients
    #expect(distance(gradients[0], golden["every layer image gradient"], thinnedTo: 100) < 1e-4)
    for (index, gradient) in gradients.dropFirst().enumerated() {
      #expect(distance(gradient, golden["every layer gradient \(index)"], thinnedTo: 12) < 1e-4, "parameter \(index)")
    }
    #expect(golden["every layer gradient \(network.parameters.count)"] == nil)
  }

  @Test func `gradients of gradients through every kind of layer are PyTorch's`() throws {
    let network = scattered(try Self.everyLayer())
    let x = images(network.architecture, count: 3)
    /// Squared length of the weights' gradient, as gradient matching has it.
    func length(_ x: Tensor) throws(TensorError) -> Tensor {
      let gradients = try valueAndGradients(at: network.parameters, createGraph: true) { points throws(TensorError) in
        var buffers = network.buffers
        return try network.with(parameters: points)(x, updating: &buffers).squared().sum()
      }.gradients
      return gradients.reduce(Tensor(0)) { $0 + $1.squared().sum() }
    }
    let gradient = try valueAndGradients(at: [x]) { points throws(TensorError) in try length(points[0]) }.gradients[0]
    let golden = try Golden.load("architectures")
    #expect(distance(gradient, golden["every layer gradient of gradients"], thinnedTo: 100) < 1e-4)
  }

  // MARK: Shapes

  @Test(arguments: Architecture.table.map(\.name), [grey, colour, ImageShape(channels: 3, height: 64, width: 64)])
  func `maps have the shapes that the architecture says`(name: String, shape: ImageShape) throws {
    let entry = try #require(Architecture.table.first { $0.name == name })
    for norm in entry.norms {
      let architecture = try entry.make(shape, 7, .init(norm: norm))
      #expect(architecture.name == name && architecture.usesBatchStatistics == (norm == .batch))
      // Weights of zeros are quick to make.
      let network = Network(architecture, parameters: architecture.parameterShapes.map { .zeros($0) })
      let maps = try network.maps(of: images(architecture, count: 1), after: Array(architecture.layers.indices))
      #expect(
        maps.map { Array($0.shape.dropFirst()) }
          == architecture.outputShapes.map { [$0.channels, $0.height, $0.width] })
      #expect(maps.last?.count == architecture.featureCount)
      if norm == entry.norm {
        #expect(try network(images(architecture, count: 1)).shape == [1, 7])
      }
    }
  }

  @Test func `the literature's networks have the features that it says`() throws {
    let counts = try Architecture.table.map { try $0.make(Self.colour, 10, .init(norm: $0.norm)).featureCount }
    #expect(counts == [2048, 256, 512, 256, 512, 192 * 4 * 4, 384, 1280])
    #expect(try Architecture.denseNet121(Self.colour, classes: 10, growth: 32).featureCount == 1024)
    #expect(try Architecture.alexNet(Self.grey, classes: 10).featureCount == 192 * 4 * 4)
  }

  @Test(arguments: Architecture.table.map(\.name), 0...31)
  func `images that are too small are reported, and others pass`(name: String, side: Int) throws {
    let entry = try #require(Architecture.table.first { $0.name == name })
    let shape = ImageShape(channels: 3, height: side, width: 40)
    do {
      let architecture = try entry.make(shape, 2, .init(norm: entry.norm))
      let network = Network(architecture, parameters: architecture.parameterShapes.map { .zeros($0) })
      #expect(try network(images(architecture, count: 1)).shape == [1, 2])
    } catch let error as ArchitectureError {
      #expect(side < 32)
      #expect(error.description.hasPrefix("images of \(shape) are too small for \(name): "))
    }
  }

  @Test func `the report names the layer and what reaches it`() throws {
    let error = try #require(throws: ArchitectureError.self) {
      try Architecture.vgg11(ImageShape(channels: 1, height: 20, width: 30), classes: 2)
    }
    #expect(
      error.description
        == "images of 1×20×30 are too small for vgg11: 2×2 maximum pooling in layer 29 gets maps of 1×1")
    #expect(throws: ArchitectureError.self) { try Architecture.convNet(Self.colour, classes: 2, depth: 6) }
    #expect(try Architecture.convNet(Self.colour, classes: 2, depth: 5).featureCount == 128)
  }

  // MARK: Batch norm

  @Test func `evaluation leaves an image to itself and training mixes the batch`() throws {
    let network = scattered(try Self.everyLayer())
    let x = images(network.architecture, count: 4)
    let first = try x.slice(from: 0, to: 2)
    #expect(near(try network(first), try network(x).slice(from: 0, to: 2)))
    var (few, many) = (network.buffers, network.buffers)
    #expect(!near(try network(first, updating: &few), try network(x, updating: &many).slice(from: 0, to: 2)))
  }

  @Test func `running statistics come to those of the batch, and evaluation to training`() throws {
    var random = RandomSource(seed: 2)
    let network = Network(try .resNet10(Self.colour, classes: 3), using: &random)
    for (index, buffer) in network.buffers.enumerated() {
      #expect(buffer.floats().allSatisfy { $0 == (index % 2 == 0 ? 0 : 1) })
    }
    let x = images(network.architecture, count: 8)
    var buffers = network.buffers
    let trained = try network.embed(x, updating: &buffers)
    #expect(network.buffers[0].floats().allSatisfy { $0 == 0 })
    // A tenth of the way in one pass: the mean of what the first norm sees.
    let seen = try network.maps(of: x, after: 0)
    #expect(near(buffers[0], try seen.mean(axes: [0, 2, 3]) * 0.1))
    let count = Double(8 * 32 * 32)
    #expect(near(buffers[1], try seen.variance(axes: [0, 2, 3]) * (0.1 * count / (count - 1)) + 0.9))
    for _ in 0..<150 { _ = try network.embed(x, updating: &buffers) }
    // Deep in the network a channel's variance over 8 · 4 · 4 values is unbiased here and biased there.
    let evaluated = try network.with(buffers: buffers).embed(x)
    #expect((evaluated - trained).squared().sum().item < 1e-3 * trained.squared().sum().item)
  }

  @Test func `training without batch norm is evaluation`() throws {
    let network = scattered(try .resNet18(Self.colour, classes: 3))
    let x = images(network.architecture, count: 2)
    var buffers: [Tensor] = []
    #expect(try network(x, updating: &buffers).floats() == network(x).floats())
    #expect(buffers.isEmpty)
  }

  @Test func `a batch with one value per channel is refused in training`() throws {
    let architecture = try Architecture(
      "narrow", input: ImageShape(channels: 2, height: 1, width: 1), classes: 2, layers: [.norm(.batch)])
    let network = scattered(architecture)
    var buffers = network.buffers
    let error = #expect(throws: TensorError.self) {
      try network(.ones([1, 2, 1, 1]), updating: &buffers)
    }
    #expect(error?.message == "the batch has one value per channel, which has no variance")
    #expect(buffers.map { $0.floats() } == network.buffers.map { $0.floats() })
    #expect(try network(.ones([1, 2, 1, 1])).shape == [1, 2])
  }

  @Test func `running statistics are constants for gradients`() throws {
    let network = scattered(try Self.everyLayer())
    let x = images(network.architecture, count: 2)
    let gradient = try valueAndGradients(at: [x]) { points throws(TensorError) in
      var buffers = network.buffers
      _ = try network(points[0], updating: &buffers)
      return buffers[0].sum()
    }.gradients[0]
    #expect(gradient.floats().allSatisfy { $0 == 0 })
  }

  // MARK: Depths

  @Test func `embeddings of several depths are those of one pass`() throws {
    let network = scattered(try Self.everyLayer())
    let x = images(network.architecture, count: 2)
    let maps = try network.maps(of: x, after: [9, 2])
    #expect(
      maps.map(\.shape)
        == [9, 2].map { index in
          let shape = network.architecture.outputShapes[index]
          return [2, shape.channels, shape.height, shape.width]
        })
    #expect(try maps[1].floats() == network.maps(of: x, after: 2).floats())
    let last = try network.maps(of: x, after: network.architecture.layers.count - 1)
    #expect(try last.flattened(from: 1).floats() == network.embed(x).floats())
    var buffers = network.buffers
    _ = try network.maps(of: x, after: [2], updating: &buffers)
    let moved = zip(buffers, network.buffers).map { $0.floats() != $1.floats() }
    #expect(moved == [true, true, false, false])
  }

  @Test func `weights are drawn uniformly within one over the root of the fan-in`() throws {
    var random = RandomSource(seed: 5)
    let network = Network(try .efficientNetB0(Self.colour, classes: 10), using: &random)
    for (parameter, tensor) in zip(network.architecture.parameters, network.parameters) {
      let values = tensor.floats()
      switch parameter.start {
      case .ones: #expect(values.allSatisfy { $0 == 1 })
      case .zeros: #expect(values.allSatisfy { $0 == 0 })
      case .uniform(let fanIn):
        let bound = 1 / Float(fanIn).squareRoot()
        #expect(values.allSatisfy { abs($0) <= bound })
        if values.count > 1000 { #expect((values.max() ?? 0) > 0.98 * bound && (values.min() ?? 0) < -0.98 * bound) }
        if parameter.shape.count > 1 { #expect(fanIn == parameter.shape.dropFirst().reduce(1, *)) }
      }
    }
  }
}

/// The network of the golden script: weights by He's rule, scales and variances near 1.
private func scattered(_ architecture: Architecture) -> Network {
  let parameters = architecture.parameters.enumerated().map { index, parameter in
    guard case .uniform(let fanIn) = parameter.start, parameter.shape.count > 1 else {
      return scatter(parameter.shape, index, 0.2, offset: parameter.start == .ones ? 1 : 0)
    }
    return scatter(parameter.shape, index, (6 / Double(fanIn)).squareRoot())
  }
  let buffers = architecture.bufferShapes.enumerated().map { index, shape in
    index % 2 == 0 ? scatter(shape, 1000 + index, 0.2) : scatter(shape, 1000 + index, 0.5, offset: 1)
  }
  return Network(architecture, parameters: parameters, buffers: buffers)
}

private func images(_ architecture: Architecture, count: Int) -> Tensor {
  let shape = architecture.input
  return scatter([count, shape.channels, shape.height, shape.width], 5000)
}

private func near(_ a: Tensor, _ b: Tensor) -> Bool {
  a.shape == b.shape && zip(a.doubles(), b.doubles()).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-4 * abs($1) }
}
