import Networks
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct AutoencoderTests {
  /// The network of the golden script: the i-th parameter is a wave of its own.
  private func waveAutoencoder(_ options: AutoencoderOptions) -> Autoencoder {
    Autoencoder(
      options,
      parameters: options.parameterShapes.enumerated().map { index, entry in
        wave(entry.shape, 0.7 + 0.01 * Double(index), 0.3 * Double(index), 0.2)
      })
  }

  private func options(
    _ depth: AutoencoderOptions.Depth, _ form: AutoencoderOptions.Form = .plain, channels: Int = 3, height: Int = 16,
    width: Int = 16
  ) -> AutoencoderOptions {
    AutoencoderOptions(
      channels: channels, height: height, width: width, depth: depth, form: form, latent: 6, filters: 4)
  }

  @Test func `codes and images are PyTorch's`() throws {
    let golden = try Golden.load("networks")
    for (name, options) in [
      ("shallow", options(.shallow)), ("shallow, large", options(.shallow, channels: 1, height: 34, width: 33)),
      ("medium grey", options(.medium, channels: 1, height: 13, width: 10)),
      ("deep variational", options(.deep, .variational)),
    ] {
      let network = waveAutoencoder(options)
      let images = wave([name.contains("large") ? 1 : 2, options.channels, options.height, options.width], 0.13, 0.5)
      if options.form == .variational {
        let (mean, logVariance) = try network.distribution(images)
        #expect(agree(try Tensor.concatenated([mean, logVariance], axis: 1), golden["\(name) code"]), "\(name)")
      } else {
        #expect(agree(try network.encode(images), golden["\(name) code"]), "\(name)")
      }
      #expect(agree(try network.decode(network.encode(images)), golden["\(name) images"]), "\(name)")
    }
  }

  @Test(arguments: AutoencoderOptions.Depth.allCases)
  func `encoder and decoder have as many convolutions as the depth says`(depth: AutoencoderOptions.Depth) {
    let expected: [AutoencoderOptions.Depth: Int] = [.shallow: 5, .medium: 7, .deep: 9]
    for side in [2, 8, 28, 32, 64, 128] {
      let options = AutoencoderOptions(channels: 3, height: side, width: side, depth: depth)
      let names = options.parameterShapes.filter { $0.shape.count == 4 }.map(\.name)
      #expect(names.count { $0.hasPrefix("encoder") } == expected[depth], "\(side)")
      #expect(names.count { $0.hasPrefix("decoder") } == expected[depth], "\(side)")
    }
  }

  @Test(arguments: [AutoencoderOptions.Depth.medium, .deep], [16, 28, 64, 128])
  func `a deeper autoencoder begins as the shallow one, and learns`(depth: AutoencoderOptions.Depth, side: Int) throws {
    func drawn(_ depth: AutoencoderOptions.Depth) -> Autoencoder {
      var random = RandomSource(seed: 1)
      let options = AutoencoderOptions(channels: 1, height: side, width: side, depth: depth, latent: 5, filters: 2)
      return Autoencoder(options, using: &random)
    }
    var random = RandomSource(seed: 2)
    let images = random.normal([2, 1, side, side])
    let deeper = drawn(depth)
    // Where nothing but halving fits into five convolutions, the first one of the deeper network has no counterpart.
    if deeper.options.halvings < 5 {
      #expect(try deeper.encode(images).floats() == drawn(.shallow).encode(images).floats())
      #expect(
        try deeper.decode(deeper.encode(images)).floats() == drawn(.shallow).decode(deeper.encode(images)).floats())
    }
    let factors = random.normal([2, 1, side, side])
    let gradients = try valueAndGradients(at: deeper.parameters) { points throws(TensorError) in
      let network = deeper.with(parameters: points)
      return (try network.decode(network.encode(images)) * factors).sum()
    }.gradients
    for (entry, gradient) in zip(deeper.options.parameterShapes, gradients) {
      #expect(gradient.squared().sum().item > 0, "\(entry.name)")
    }
  }

  @Test(arguments: AutoencoderOptions.Depth.allCases)
  func `images of any size come back in that size`(depth: AutoencoderOptions.Depth) throws {
    for (channels, height, width) in [(1, 28, 28), (3, 9, 7), (3, 2, 3), (3, 33, 32)] {
      let options = AutoencoderOptions(
        channels: channels, height: height, width: width, depth: depth, latent: 5, filters: 2)
      var random = RandomSource(seed: 1)
      let network = Autoencoder(options, using: &random)
      let latents = try network.encode(random.normal([3, channels, height, width]))
      #expect(latents.shape == [3, 5])
      #expect(try network.decode(latents).shape == [3, channels, height, width])
    }
  }

  @Test(arguments: [(3, 16, 16), (1, 13, 10), (3, 2, 3)])
  func `a network that begins along directions gives back what lies along them`(size: (Int, Int, Int)) throws {
    let options = options(.medium, channels: size.0, height: size.1, width: size.2)
    var random = RandomSource(seed: 1)
    let drawn = Autoencoder(options, using: &random)
    let images = random.normal([4, size.0, size.1, size.2])
    let directions = try drawn.shrunk(images).transposed().orthonormalColumns().transposed()
    let network = try drawn.beginning(along: directions)
    #expect(try network.encode(images).slice(axis: 1, from: directions.shape[0], to: 6).squared().sum().item == 0)
    #expect(try (network.decode(network.encode(images)) - images).abs().max().item < 1e-4)
  }

  @Test func `gradients agree with differences of values`() throws {
    let options = options(.medium, channels: 1, height: 8, width: 8)
    let network = waveAutoencoder(options)
    let images = wave([2, 1, 8, 8], 0.13, 0.5).to(.float64)
    let weights = wave([2, 1, 8, 8], 0.9, 0.1).to(.float64)
    let start = network.parameters.map { $0.to(.float64) }
    func value(_ parameters: [Tensor]) throws(TensorError) -> Tensor {
      let network = network.with(parameters: parameters)
      return (try network.decode(network.encode(images)) * weights).sum()
    }
    let gradients = try valueAndGradients(at: start, value).gradients
    var random = RandomSource(seed: 3)
    let directions = start.map { random.normal($0.shape).to(.float64) }
    let found = zip(gradients, directions).reduce(0) { $0 + ($1.0 * $1.1).sum().item }
    let h = 1e-5
    let ahead = try value(zip(start, directions).map { $0 + $1 * h }).item
    let behind = try value(zip(start, directions).map { $0 - $1 * h }).item
    #expect(abs(found - (ahead - behind) / (2 * h)) < 1e-5 * abs(found))
  }

  @Test func `four maps become the corners of a square of pixels`() throws {
    let maps = try Tensor.arange(8).reshaped([1, 8, 1, 1])
    #expect(try enlarged(maps).shape == [1, 2, 2, 2])
    #expect(try enlarged(maps).floats() == [0, 2, 4, 6, 1, 3, 5, 7])
  }

  @Test func `the variance of a variational code is bounded`() throws {
    let options = options(.shallow, .variational)
    var random = RandomSource(seed: 1)
    let network = Autoencoder(options, using: &random)
    let (_, logVariance) = try network.distribution(random.normal([2, 3, 16, 16]) * 1e4)
    #expect(logVariance.floats().allSatisfy { $0 >= -12 && $0 <= 4 })
  }
}
