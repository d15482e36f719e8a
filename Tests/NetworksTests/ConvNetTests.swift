import Datasets
import Networks
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct ConvNetTests {
  /// The network of the golden script: every weight a wave, the norm's scale near 1.
  private func waveNetwork(_ architecture: Architecture) -> Network {
    let parameters = architecture.parameterShapes.enumerated().map { index, shape in
      let values = wave(shape, 0.7 + 0.01 * Double(index), 0.3 * Double(index), 0.2)
      return index < architecture.parameterShapes.count - 2 && index % 4 == 2 ? values + 1 : values
    }
    return Network(architecture, parameters: parameters)
  }

  private func convNet(
    _ channels: Int, _ height: Int, _ width: Int, classes: Int, filters: Int = 128, depth: Int? = nil,
    precision: Precision = .float32
  ) throws -> Architecture {
    try .convNet(
      ImageShape(channels: channels, height: height, width: width), classes: classes, filters: filters, depth: depth,
      precision: precision)
  }

  @Test func `the reference network for CIFAR-10 has 320,010 parameters and 2,048 features`() throws {
    let architecture = try convNet(3, 32, 32, classes: 10)
    #expect(architecture.weightCount == 320_010 && architecture.featureCount == 2048)
  }

  @Test func `28 by 28 grey images have the features of 32 by 32 ones`() throws {
    #expect(try convNet(1, 28, 28, classes: 10).featureCount == 2048)
    #expect(try convNet(1, 32, 32, classes: 10).featureCount == 2048)
  }

  @Test(arguments: [(8, 3), (28, 3), (32, 3), (63, 3), (64, 4), (96, 4), (128, 5), (224, 5), (4, 2), (2, 1)])
  func `depth follows the size of the images`(side: Int, depth: Int) throws {
    let shape = ImageShape(channels: 3, height: side, width: side)
    #expect(Architecture.convNetDepth(shape) == depth)
    #expect(try convNet(3, side, side, classes: 2, filters: 4).layers.count == depth)
  }

  @Test func `embeddings and logits are PyTorch's`() throws {
    let golden = try Golden.load()
    let colour = waveNetwork(try convNet(3, 32, 32, classes: 10, filters: 4))
    let x = wave([2, 3, 32, 32], 0.013, 0.5)
    #expect(agree(try colour.embed(x), golden["convnet colour embedding"]))
    #expect(agree(try colour(x), golden["convnet colour logits"]))
    let grey = waveNetwork(try convNet(1, 28, 28, classes: 10, filters: 4))
    let y = wave([2, 1, 28, 28], 0.017, 0.1)
    #expect(agree(try grey.embed(y), golden["convnet grey embedding"]))
    #expect(agree(try grey(y), golden["convnet grey logits"]))
    let odd = waveNetwork(try convNet(2, 13, 10, classes: 3, filters: 4, depth: 2))
    #expect(agree(try odd(wave([2, 2, 13, 10], 0.11, 0.2)), golden["convnet odd logits"]))
  }

  @Test func `weights are drawn uniformly within one over the root of the fan-in`() throws {
    var random = RandomSource(seed: 5)
    let options = try convNet(3, 32, 32, classes: 10)
    let network = Network(options, using: &random)
    for (index, fanIn) in [(0, 27), (1, 27), (4, 1152), (5, 1152), (12, 2048), (13, 2048)] {
      let bound = 1 / Float(fanIn).squareRoot()
      let values = network.parameters[index].floats()
      #expect(values.allSatisfy { abs($0) <= bound })
      if values.count > 1000 {
        // A uniform distribution has standard deviation bound/√3 and its extremes near the bounds.
        let variance = values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
        #expect(abs(variance.squareRoot() / (bound / Float(3).squareRoot()) - 1) < 0.03)
        #expect((values.max() ?? 0) > 0.99 * bound)
      }
    }
    #expect(network.parameters[2].floats().allSatisfy { $0 == 1 })
    #expect(network.parameters[3].floats().allSatisfy { $0 == 0 })
  }

  @Test func `the same seed draws the same weights and another seed others`() throws {
    let options = try convNet(1, 8, 8, classes: 2, filters: 3, depth: 2)
    func weights(_ seed: UInt64) -> [[Float]] {
      var random = RandomSource(seed: seed)
      return Network(options, using: &random).parameters.map { $0.floats() }
    }
    #expect(weights(3) == weights(3))
    #expect(weights(3) != weights(4))
  }

  @Test func `bfloat16 embeddings are float32 and near those of float32`() throws {
    var options = try convNet(3, 16, 16, classes: 4, filters: 8, depth: 2)
    let exact = waveNetwork(options)
    options.precision = .bfloat16
    let rounded = Network(options, parameters: exact.parameters)
    let x = wave([3, 3, 16, 16], 0.05, 0.2)
    let (a, b) = (try exact.embed(x), try rounded.embed(x))
    #expect(b.dtype == .float32)
    let distance = (a - b).squared().sum().item.squareRoot() / a.squared().sum().item.squareRoot()
    #expect(distance < 0.02)
    #expect(distance > 0)
  }
}
