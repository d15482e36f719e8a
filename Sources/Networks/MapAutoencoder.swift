public import Tensors

/// The shape of a `MapAutoencoder`: images of `channels`×`height`×`width`, latents of `maps` feature maps of a quarter of their size.
public struct MapAutoencoderOptions: Sendable, Equatable {
  /// Channels of the images.
  public var channels: Int
  /// Height of the images, in pixels.
  public var height: Int
  /// Width of the images, in pixels.
  public var width: Int
  /// Feature maps at full size; twice as many at half.
  public var filters: Int
  /// Feature maps of a latent, C.
  public var maps: Int
  /// What height and width of a latent are multiples of.
  public var multiple: Int

  /// Describes an autoencoder for images of one size.
  public init(channels: Int, height: Int, width: Int, filters: Int = 16, maps: Int = 64, multiple: Int = 2) {
    precondition(
      channels > 0 && height > 0 && width > 0 && filters > 0 && maps > 0 && multiple > 0,
      "an autoencoder cannot have \(channels)×\(height)×\(width) images, \(filters) filters, \(maps) maps")
    self.channels = channels
    self.height = height
    self.width = width
    self.filters = filters
    self.maps = maps
    self.multiple = multiple
  }

  /// Height h of a latent.
  public var mapHeight: Int { (height + 4 * multiple - 1) / (4 * multiple) * multiple }
  /// Width w of a latent.
  public var mapWidth: Int { (width + 4 * multiple - 1) / (4 * multiple) * multiple }

  var encoder: [AutoencoderOptions.Convolution] {
    [
      .init(inputs: channels, outputs: filters, level: 0),
      .init(inputs: filters, outputs: 2 * filters, stride: 2, level: 1),
      .init(inputs: 2 * filters, outputs: 2 * filters, level: 1),
      .init(inputs: 2 * filters, outputs: maps, stride: 2, level: 2),
      .init(inputs: maps, outputs: maps, isActivated: false, level: 2),
    ]
  }

  var decoder: [AutoencoderOptions.Convolution] {
    [
      .init(inputs: maps, outputs: maps, level: 2),
      .init(inputs: maps, outputs: 4 * 2 * filters, isEnlarging: true, level: 2),
      .init(inputs: 2 * filters, outputs: 2 * filters, level: 1),
      .init(inputs: 2 * filters, outputs: 4 * filters, isEnlarging: true, level: 1),
      .init(inputs: filters, outputs: channels, isActivated: false, level: 0),
    ]
  }

  /// Names and shapes of weights and biases, in the order in which `MapAutoencoder` holds them.
  public var weightShapes: [(name: String, shape: [Int])] {
    var shapes: [(String, [Int])] = []
    for (part, layers) in [("encoder", encoder), ("decoder", decoder)] {
      for (index, layer) in layers.enumerated() {
        shapes.append(("\(part).\(index).weight", [layer.outputs, layer.inputs, 3, 3]))
        shapes.append(("\(part).\(index).bias", [layer.outputs]))
      }
    }
    return shapes
  }

  /// Multiplications of one image's way through encoder and decoder.
  public var multiplications: (encoder: Double, decoder: Double) {
    (encoder.multiplications(pixels: pixels), decoder.multiplications(pixels: pixels))
  }

  /// Values in the maps that encoder and decoder make of one image.
  public var mapValues: Double { encoder.mapValues(pixels: pixels) + decoder.mapValues(pixels: pixels) }

  private func pixels(_ level: Int) -> Int { (mapHeight << (2 - level)) * (mapWidth << (2 - level)) }
}

/// A convolutional autoencoder whose latents are feature maps, with a scale and a shift for each of its filters.
///
///     encode(x) = C₅(… C₁(pad(x)))       C(x) = silu(γ · conv₃ₓ₃(x; W, b) + β), two of the five with stride 2
///     decode(y) = crop(D₅(… D₁(y)))      D mirrors C: where C halves the size, D computes the four pixels of each corner
///
/// γ_i scales what filter i gives and β_i is added to it, so that γ = 1 and β = 0 is the network of W and b alone. Applied to the
/// weights, which is the same: conv(x; γ W, γ b + β). The last convolutions of both ways have no activation. The padding (zeros, the
/// mean colour) makes the size a multiple of 4·`multiple`.
///
/// Shapes: x (n, channels, height, width) normalised float32; y (n, maps, mapHeight, mapWidth) float32; γ and β (filters of the layer).
/// Initialisation: uniform in ±√(6 / fan-in) before an activation, ±√(3 / fan-in) elsewhere; biases 0.
/// Enlarging: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
/// Neural Network", CVPR 2016.
public struct MapAutoencoder: Sendable {
  /// Size and shape of the network.
  public let options: MapAutoencoderOptions
  /// W and b of each convolution, in the order of `MapAutoencoderOptions.weightShapes`; float32.
  public private(set) var weights: [Tensor]
  /// γ and β of each convolution, in the same order; float32.
  public private(set) var scales: [Tensor]

  /// Draws a network, with γ = 1 and β = 0.
  public init(_ options: MapAutoencoderOptions, using random: inout RandomSource) {
    let isActivated = (options.encoder + options.decoder).flatMap { [$0.isActivated, false] }
    var weights: [Tensor] = []
    for (entry, isActivated) in zip(options.weightShapes, isActivated) {
      if entry.shape.count == 1 {
        weights.append(.zeros(entry.shape))
        continue
      }
      let fanIn = entry.shape.dropFirst().reduce(1, *)
      let bound = ((isActivated ? 6 : 3) / Float(fanIn)).squareRoot()
      weights.append(
        Tensor(random.uniform(entry.shape.reduce(1, *)).map { (2 * $0 - 1) * bound }, shape: entry.shape))
    }
    self.init(options, weights: weights)
  }

  /// A network with the given weights and biases, and γ = 1, β = 0.
  public init(_ options: MapAutoencoderOptions, weights: [Tensor]) {
    precondition(
      weights.map(\.shape) == options.weightShapes.map(\.shape),
      "an autoencoder with \(options) holds other weights than \(weights.map(\.shape))")
    self.options = options
    self.weights = weights
    scales = (options.encoder + options.decoder).flatMap { [.ones([$0.outputs]), .zeros([$0.outputs])] }
  }

  /// The same network with other weights of the same shapes: how gradients with respect to them are taken.
  public func with(weights: [Tensor]) -> MapAutoencoder {
    var copy = self
    copy.weights = weights
    return copy
  }

  /// The same network with other γ and β of the same shapes.
  public func with(scales: [Tensor]) -> MapAutoencoder {
    precondition(scales.map(\.shape) == self.scales.map(\.shape), "there is one γ and one β for each filter")
    var copy = self
    copy.scales = scales
    return copy
  }

  /// The latents of images: (n, channels, height, width) → (n, maps, mapHeight, mapWidth).
  public func encode(_ images: Tensor) throws(TensorError) -> Tensor {
    let (top, left) = margins
    let (bottom, right) = (4 * options.mapHeight - options.height - top, 4 * options.mapWidth - options.width - left)
    var maps = images
    if top + bottom + left + right > 0 { maps = try maps.padded([left, right, top, bottom]) }
    maps = try maps.channelsLast()
    for (index, layer) in options.encoder.enumerated() { maps = try applied(layer, at: index, to: maps) }
    return maps
  }

  /// The images of latents: (n, maps, mapHeight, mapWidth) → (n, channels, height, width).
  public func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
    var maps = try latents.channelsLast()
    let first = options.encoder.count
    for (index, layer) in options.decoder.enumerated() { maps = try applied(layer, at: first + index, to: maps) }
    let (top, left) = margins
    if (4 * options.mapHeight, 4 * options.mapWidth) == (options.height, options.width) { return maps }
    return try maps.slice(axis: 2, from: top, to: top + options.height)
      .slice(axis: 3, from: left, to: left + options.width)
  }

  private func applied(
    _ layer: AutoencoderOptions.Convolution, at index: Int, to maps: Tensor
  ) throws(TensorError) -> Tensor {
    let (gamma, beta) = (scales[2 * index], scales[2 * index + 1])
    let weight = try weights[2 * index] * gamma.reshaped([layer.outputs, 1, 1, 1])
    let bias = weights[2 * index + 1] * gamma + beta
    var maps = try maps.convolution2d(weight, bias: bias, stride: layer.stride, padding: 1)
    if layer.isEnlarging { maps = try enlarged(maps) }
    return layer.isActivated ? maps.silu() : maps
  }

  private var margins: (top: Int, left: Int) {
    ((4 * options.mapHeight - options.height) / 2, (4 * options.mapWidth - options.width) / 2)
  }
}
