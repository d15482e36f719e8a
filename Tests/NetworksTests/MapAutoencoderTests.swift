import Networks
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct MapAutoencoderTests {
  private func network(_ options: MapAutoencoderOptions) -> MapAutoencoder {
    var random = RandomSource(seed: 3)
    return MapAutoencoder(options, using: &random)
  }

  @Test(arguments: [(1, 28, 28, 8, 8), (3, 32, 32, 8, 8), (3, 9, 17, 4, 6), (1, 5, 5, 2, 2)])
  func `latents have a quarter of the size, in whole patches, and images come back in theirs`(
    channels: Int, height: Int, width: Int, mapHeight: Int, mapWidth: Int
  ) throws {
    let network = network(MapAutoencoderOptions(channels: channels, height: height, width: width, filters: 4, maps: 8))
    let images = wave([2, channels, height, width], 0.37, 0.1)
    let latents = try network.encode(images)
    #expect(latents.shape == [2, 8, mapHeight, mapWidth])
    #expect(try network.decode(latents).shape == images.shape)
  }

  @Test func `without scale and shift it is the network of the weights alone`() throws {
    let network = network(MapAutoencoderOptions(channels: 1, height: 8, width: 8, filters: 4, maps: 8))
    let images = wave([2, 1, 8, 8], 0.37, 0.1)
    // The first convolution by itself, and the whole with its scales written out.
    let scales = network.scales.enumerated().map { place, tensor in
      place % 2 == 0 ? Tensor.ones(tensor.shape) : .zeros(tensor.shape)
    }
    let same = network.with(scales: scales)
    #expect(try same.encode(images).floats() == network.encode(images).floats())
    var latents = images
    for (index, layer) in [1, 2, 1, 2, 1].enumerated() {
      latents = try latents.convolution2d(
        network.weights[2 * index], bias: network.weights[2 * index + 1], stride: layer, padding: 1)
      if index < 4 { latents = latents.silu() }
    }
    let found = try network.encode(images).floats()
    #expect(zip(found, latents.floats()).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func `a filter's scale multiplies what it gives and its shift is added`() throws {
    let network = network(MapAutoencoderOptions(channels: 1, height: 8, width: 8, filters: 4, maps: 8))
    let images = wave([2, 1, 8, 8], 0.37, 0.1)
    // The encoder's last convolution has no activation: its filters are the maps of the latent.
    var scales = network.scales
    let (gamma, beta) = (wave([8], 0.9, 0.5), wave([8], 1.3, 0.2))
    scales[8] = gamma
    scales[9] = beta
    let found = try network.with(scales: scales).encode(images)
    let expected = try network.encode(images) * gamma.reshaped([1, 8, 1, 1]) + beta.reshaped([1, 8, 1, 1])
    #expect(zip(found.floats(), expected.floats()).allSatisfy { abs($0 - $1) < 1e-5 })
  }
}
