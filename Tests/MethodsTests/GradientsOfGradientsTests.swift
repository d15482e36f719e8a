import Datasets
import Methods
import Networks
import Tensors
import TensorTurn
import Testing

/// What gradient matching takes of networks: gradients at the weights, and gradients of those at the images.
@Suite(.serialized, .takesTurns)
struct GradientsOfGradientsTests {
  /// A pair of batches of Scripts/golden/matching.py.
  struct Pair: CustomTestStringConvertible, Sendable {
    let name: String
    let input: ImageShape
    let classes: Int
    let filters: Int
    let depth: Int
    let labels: (real: [Int], synthetic: [Int])
    let seed: Int
    /// Values that were kept of a gradient; nil for all.
    let kept: Int?

    var testDescription: String { name }

    static let all = [
      Pair(
        name: "one class", input: ImageShape(channels: 3, height: 16, width: 16), classes: 3, filters: 6, depth: 2,
        labels: ([1, 1, 1, 1, 1], [1, 1, 1]), seed: 5108, kept: nil),
      Pair(
        name: "all classes", input: ImageShape(channels: 3, height: 16, width: 16), classes: 3, filters: 6, depth: 2,
        labels: ([0, 1, 2, 0, 1], [2, 0, 1]), seed: 5068, kept: 40),
      Pair(
        name: "grey", input: ImageShape(channels: 1, height: 28, width: 28), classes: 2, filters: 4, depth: 3,
        labels: ([0, 0, 0, 0], [0, 0]), seed: 5060, kept: 12),
      Pair(
        name: "wide", input: ImageShape(channels: 3, height: 32, width: 32), classes: 2, filters: 32, depth: 3,
        labels: ([1, 1, 1], [1]), seed: 5048, kept: 12),
    ]

    /// Weights by He's rule, other parameters of [-0.2, 0.2), scales of norms around 1.
    var network: Network {
      let architecture = known { try .convNet(input, classes: classes, filters: filters, depth: depth) }
      let parameters = architecture.parameterShapes.enumerated().map { index, shape in
        shape.count > 1
          ? scatter(shape, index, (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
          : scatter(shape, index, 0.2, offset: index < 4 * depth && index % 4 == 2 ? 1 : 0)
      }
      return Network(architecture, parameters: parameters)
    }

    var real: Tensor { scatter([labels.real.count, input.channels, input.height, input.width], seed) }

    var synthetic: Tensor { scatter([labels.synthetic.count, input.channels, input.height, input.width], seed + 1) }
  }

  private func gradients(
    of network: Network, images: Tensor, labels: [Int], createGraph: Bool = false
  ) throws(TensorError) -> (value: Tensor, gradients: [Tensor]) {
    let labels = Tensor(integers: labels)
    return try valueAndGradients(at: network.parameters, createGraph: createGraph) { points throws(TensorError) in
      try network.with(parameters: points)(images).crossEntropy(labels: labels)
    }
  }

  /// The distances by the names that the script gives them.
  private static let distances: [(name: String, GradientDistance, ComparedLayers)] = [
    ("dc", .cosine, .all), ("mse", .squared, .convolutions), ("l1", .absolute, .convolutions),
    ("cosine", .cosine, .convolutions),
  ]

  @Test(arguments: Pair.all) func `gradients at the weights are PyTorch's`(pair: Pair) throws {
    let golden = try Golden.load("matching")
    for (side, images, labels) in [
      ("real", pair.real, pair.labels.real), ("synthetic", pair.synthetic, pair.labels.synthetic),
    ] {
      let (loss, found) = try gradients(of: pair.network, images: images, labels: labels)
      #expect(agree(loss, golden["\(pair.name) loss \(side)"], absolute: 1e-5))
      for (index, gradient) in found.enumerated() {
        let wanted = golden["\(pair.name) gradient \(side) \(index)"]
        #expect(distance(gradient, wanted, thinnedTo: pair.kept) < 1e-4, "\(side), parameter \(index)")
      }
      #expect(golden["\(pair.name) gradient \(side) \(found.count)"] == nil)
    }
  }

  @Test(arguments: Pair.all, [1, 2])
  func `gradients of distances at the images are PyTorch's`(pair: Pair, factor: Int) throws {
    let golden = try Golden.load("matching")
    let (network, formation) = (pair.network, Formation(factor: factor))
    let labels = formation.decoded(labels: pair.labels.synthetic)
    let target = try gradients(of: network, images: pair.real, labels: pair.labels.real).gradients
    for (name, apart, layers) in Self.distances {
      let places = layers.places(in: network.architecture)
      let (value, gradient) = try valueAndGradients(at: [pair.synthetic]) { images throws(TensorError) in
        let decoded = try formation.decoded(images[0])
        let found = try gradients(of: network, images: decoded, labels: labels, createGraph: true).gradients
        return try apart(places.map { found[$0] }, places.map { target[$0] })
      }
      let title = "\(pair.name)\(factor == 1 ? "" : " formed") \(name)"
      #expect(agree(value, golden[title], absolute: 1e-4))
      #expect(distance(gradient[0], golden["\(title) images"], thinnedTo: 100) < 1e-3, "\(title)")
      #expect(agree(gradient[0].squared().sum().sqrt(), golden["\(title) length"], relative: 1e-3))
    }
  }

  /// The pairs whose images are of one class, as the methods compare them.
  @Test(arguments: Pair.all.filter { Set($0.labels.real + $0.labels.synthetic).count == 1 })
  func `gradients of a class are those of its batch`(pair: Pair) throws {
    let (network, label) = (pair.network, pair.labels.real[0])
    let places = ComparedLayers.all.places(in: network.architecture)
    let whole = try gradients(of: network, images: pair.real, labels: pair.labels.real).gradients
    let constants = try classGradients(of: network, at: places, images: pair.real, label: label)
    let functions = try differentiableClassGradients(of: network, at: places, images: pair.real, label: label)
    for (place, (a, b)) in zip(places, zip(constants, functions)) {
      let scale = try whole[place].abs().max().item
      #expect(try (whole[place] - a).abs().max().item < 1e-5 * scale)
      #expect(try (whole[place] - b).abs().max().item < 1e-5 * scale)
    }
  }

  /// D along its gradient against differences of D, in a network without kinks, at which gradients jump; its second convolution goes
  /// through our kernel.
  @Test(arguments: [GradientDistance.squared, .cosine])
  func `the gradient at the images is the limit of differences of the distance`(apart: GradientDistance) throws {
    let architecture = known {
      try Architecture(
        "smooth", input: ImageShape(channels: 3, height: 16, width: 16), classes: 2,
        layers: [
          .convolution(to: 32, kernel: 3, padding: 1), .norm(.instance), .activation(.silu),
          .convolution(to: 32, kernel: 3, padding: 1), .norm(.instance), .activation(.silu),
          .averagePooling(kernel: 4, stride: 4),
        ])
    }
    var random = RandomSource(seed: 3)
    let network = Network(architecture, using: &random)
    let places = ComparedLayers.all.places(in: architecture)
    let images = random.normal([2, 3, 16, 16])
    let target = try classGradients(of: network, at: places, images: random.normal([4, 3, 16, 16]), label: 1)
    func value(_ images: Tensor) throws(TensorError) -> Tensor {
      try apart(differentiableClassGradients(of: network, at: places, images: images, label: 1), target)
    }
    let gradient = try valueAndGradients(at: [images]) { points throws(TensorError) in try value(points[0]) }
      .gradients[0]
    let length = gradient.squared().sum().item.squareRoot()
    let direction = gradient * (0.05 / length)
    let difference = try value(images + direction).item - value(images - direction).item
    #expect(abs(difference / (2 * 0.05 * length) - 1) < 0.01)
  }
}
