import Networks
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct ConvNetTests {
  /// The network of the golden script: every weight a wave, the norm's scale near 1.
  private func waveNetwork(_ options: ConvNetOptions) -> ConvNet {
    let parameters = options.parameterShapes.enumerated().map { index, shape in
      let values = wave(shape, 0.7 + 0.01 * Double(index), 0.3 * Double(index), 0.2)
      return index < 4 * options.depth && index % 4 == 2 ? values + 1 : values
    }
    return ConvNet(options, parameters: parameters)
  }

  @Test func `the reference network for CIFAR-10 has 320,010 parameters and 2,048 features`() {
    let options = ConvNetOptions(channels: 3, height: 32, width: 32, classes: 10)
    var random = RandomSource(seed: 1)
    let network = ConvNet(options, using: &random)
    #expect(network.parameters.reduce(0) { $0 + $1.count } == 320_010)
    #expect(options.featureCount == 2048)
  }

  @Test func `28 by 28 grey images have the features of 32 by 32 ones`() {
    #expect(ConvNetOptions(channels: 1, height: 28, width: 28, classes: 10).featureCount == 2048)
    #expect(ConvNetOptions(channels: 1, height: 32, width: 32, classes: 10).featureCount == 2048)
  }

  @Test(arguments: [(8, 3), (28, 3), (32, 3), (63, 3), (64, 4), (96, 4), (128, 5), (224, 5), (4, 2), (2, 1)])
  func `depth follows the size of the images`(side: Int, depth: Int) {
    #expect(ConvNetOptions.usualDepth(height: side, width: side) == depth)
    let options = ConvNetOptions(channels: 3, height: side, width: side, classes: 2)
    #expect(options.mapHeight >= 1)
  }

  @Test func `embeddings and logits are PyTorch's`() throws {
    let golden = try Golden.load()
    let colour = waveNetwork(ConvNetOptions(channels: 3, height: 32, width: 32, classes: 10, filters: 4))
    let x = wave([2, 3, 32, 32], 0.013, 0.5)
    #expect(agree(try colour.embed(x), golden["convnet colour embedding"]))
    #expect(agree(try colour(x), golden["convnet colour logits"]))
    let grey = waveNetwork(ConvNetOptions(channels: 1, height: 28, width: 28, classes: 10, filters: 4))
    let y = wave([2, 1, 28, 28], 0.017, 0.1)
    #expect(agree(try grey.embed(y), golden["convnet grey embedding"]))
    #expect(agree(try grey(y), golden["convnet grey logits"]))
    let odd = waveNetwork(ConvNetOptions(channels: 2, height: 13, width: 10, classes: 3, filters: 4, depth: 2))
    #expect(agree(try odd(wave([2, 2, 13, 10], 0.11, 0.2)), golden["convnet odd logits"]))
  }

  @Test func `weights are drawn uniformly within one over the root of the fan-in`() {
    var random = RandomSource(seed: 5)
    let options = ConvNetOptions(channels: 3, height: 32, width: 32, classes: 10)
    let network = ConvNet(options, using: &random)
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

  @Test func `the same seed draws the same weights and another seed others`() {
    let options = ConvNetOptions(channels: 1, height: 8, width: 8, classes: 2, filters: 3, depth: 2)
    func weights(_ seed: UInt64) -> [[Float]] {
      var random = RandomSource(seed: seed)
      return ConvNet(options, using: &random).parameters.map { $0.floats() }
    }
    #expect(weights(3) == weights(3))
    #expect(weights(3) != weights(4))
  }

  @Test func `bfloat16 embeddings are float32 and near those of float32`() throws {
    var options = ConvNetOptions(channels: 3, height: 16, width: 16, classes: 4, filters: 8, depth: 2)
    let exact = waveNetwork(options)
    options.precision = .bfloat16
    let rounded = ConvNet(options, parameters: exact.parameters)
    let x = wave([3, 3, 16, 16], 0.05, 0.2)
    let (a, b) = (try exact.embed(x), try rounded.embed(x))
    #expect(b.dtype == .float32)
    let distance = (a - b).squared().sum().item.squareRoot() / a.squared().sum().item.squareRoot()
    #expect(distance < 0.02)
    #expect(distance > 0)
  }
}
