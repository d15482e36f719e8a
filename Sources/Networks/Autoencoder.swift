internal import Datasets
public import Tensors

/// The shape of an `Autoencoder`: images of `channels`×`height`×`width`, latents of `latent` numbers.
public struct AutoencoderOptions: Sendable, Equatable {
  /// Number of convolutions of the encoder; the decoder has as many.
  public enum Depth: String, Sendable, CaseIterable {
    case shallow, medium, deep

    /// 5, 7 or 9.
    public var convolutions: Int {
      switch self {
      case .shallow: 5
      case .medium: 7
      case .deep: 9
      }
    }
  }

  /// What the encoder says of an image.
  public enum Form: String, Sendable, CaseIterable {
    /// A latent.
    case plain
    /// A normal distribution of latents: mean and logarithm of the variance.
    case variational
  }

  /// Channels of the images.
  public var channels: Int
  /// Height of the images, in pixels.
  public var height: Int
  /// Width of the images, in pixels.
  public var width: Int
  /// How many convolutions.
  public var depth: Depth
  /// Latent or distribution of latents.
  public var form: Form
  /// Length of a latent.
  public var latent: Int
  /// Feature maps at full size; twice as many at half, four times at a quarter and below.
  public var filters: Int

  /// Describes an autoencoder for images of one size.
  public init(
    channels: Int, height: Int, width: Int, depth: Depth = .shallow, form: Form = .plain, latent: Int = 512,
    filters: Int = 32
  ) {
    precondition(
      channels > 0 && height > 1 && width > 1 && latent > 0 && filters > 0,
      "an autoencoder needs at least one channel, latent and filter and images of 2 by 2 pixels or more, "
        + "not \(channels)×\(height)×\(width), \(latent) latents, \(filters) filters")
    self.channels = channels
    self.height = height
    self.width = width
    self.depth = depth
    self.form = form
    self.latent = latent
    self.filters = filters
  }

  /// How often the size is halved: as often as by a ConvNet for such images.
  public var halvings: Int { Architecture.convNetDepth(ImageShape(channels: channels, height: height, width: width)) }
  /// Height of the smallest maps.
  public var mapHeight: Int { (height + (1 << halvings) - 1) >> halvings }
  /// Width of the smallest maps.
  public var mapWidth: Int { (width + (1 << halvings) - 1) >> halvings }

  /// Maps of one image at level `level`, where the size has been halved that often.
  func maps(_ level: Int) -> Int { filters << min(level, 2) }

  /// Convolutions of stride 1 at each level: what the halving ones leave over, from the full size down and around again.
  private func plainConvolutions(_ depth: Depth) -> [Int] {
    var counts = Array(repeating: 0, count: halvings + 1)
    var level = 0
    for _ in 0..<(depth.convolutions - halvings) {
      counts[level] += 1
      level = level == halvings ? min(1, halvings) : level + 1
    }
    return counts
  }

  /// One convolution: 3 × 3 weights, zero padding 1.
  struct Convolution: Equatable {
    var inputs: Int
    var outputs: Int
    /// 2 halves the size.
    var stride = 1
    /// Whether the outputs are the four corners of pixels of twice the size.
    var isEnlarging = false
    /// Whether a SiLU follows.
    var isActivated = true
    /// Whether the result is added to what went in.
    var isResidual = false
    /// How often the size has been halved where its weights are applied.
    var level: Int
  }

  var encoder: [Convolution] {
    var layers: [Convolution] = []
    var inputs = channels
    let shallow = plainConvolutions(.shallow)
    for (level, count) in plainConvolutions(depth).enumerated() {
      if level > 0 {
        layers.append(Convolution(inputs: inputs, outputs: maps(level), stride: 2, level: level))
        inputs = maps(level)
      }
      for number in 0..<count {
        let isResidual = number >= shallow[level] && inputs == maps(level) && !layers.isEmpty
        layers.append(Convolution(inputs: inputs, outputs: maps(level), isResidual: isResidual, level: level))
        inputs = maps(level)
      }
    }
    return layers
  }

  /// The encoder backwards.
  var decoder: [Convolution] {
    encoder.enumerated().reversed().map { index, layer in
      let isLast = index == 0
      return layer.stride == 2
        ? Convolution(
          inputs: layer.outputs, outputs: 4 * layer.inputs, isEnlarging: true, isActivated: !isLast, level: layer.level)
        : Convolution(
          inputs: layer.outputs, outputs: layer.inputs, isActivated: !isLast, isResidual: layer.isResidual,
          level: layer.level)
    }
  }

  /// Numbers in the smallest maps of one image.
  var mapCount: Int { maps(halvings) * mapHeight * mapWidth }
  var codeCount: Int { form == .variational ? 2 * latent : latent }

  /// Pixels per side that the linear path sees at most.
  static let linearSide = 32
  /// How often the size is halved before the linear path.
  var linearHalvings: Int {
    (0..<halvings).first { max(mapHeight, mapWidth) << (halvings - $0) <= Self.linearSide } ?? halvings
  }
  /// C×H×W of an image as the linear path sees it.
  var linearShape: [Int] {
    [channels, mapHeight << (halvings - linearHalvings), mapWidth << (halvings - linearHalvings)]
  }
  /// Values of an image as the linear path sees it.
  public var linearCount: Int { linearShape.reduce(1, *) }
  /// Names of the parameters of the linear path, there and back.
  public static let linearNames = (encoder: "encoder.linear.weight", decoder: "decoder.linear.weight")

  /// Names and shapes of the parameters, in the order in which `Autoencoder` holds them.
  public var parameterShapes: [(name: String, shape: [Int])] {
    var shapes: [(String, [Int])] = []
    for (index, layer) in encoder.enumerated() {
      shapes.append(("encoder.\(index).weight", [layer.outputs, layer.inputs, 3, 3]))
      shapes.append(("encoder.\(index).bias", [layer.outputs]))
    }
    shapes.append(("encoder.code.weight", [codeCount, mapCount]))
    shapes.append(("encoder.code.bias", [codeCount]))
    shapes.append((Self.linearNames.encoder, [latent, linearCount]))
    shapes.append(("decoder.code.weight", [mapCount, latent]))
    shapes.append(("decoder.code.bias", [mapCount]))
    shapes.append((Self.linearNames.decoder, [linearCount, latent]))
    for (index, layer) in decoder.enumerated() {
      shapes.append(("decoder.\(index).weight", [layer.outputs, layer.inputs, 3, 3]))
      shapes.append(("decoder.\(index).bias", [layer.outputs]))
    }
    return shapes
  }

  /// How many of the parameters, from the first on, are the encoder's.
  public var encoderParameterCount: Int { 2 * encoder.count + 3 }

  /// Multiplications of one image's way through encoder and decoder.
  public var multiplications: (encoder: Double, decoder: Double) {
    (
      encoder.multiplications(pixels: pixels) + Double(mapCount * codeCount + linearCount * latent),
      decoder.multiplications(pixels: pixels) + Double(mapCount * latent + linearCount * latent)
    )
  }

  /// Values in the maps that encoder and decoder make of one image.
  public var mapValues: Double { encoder.mapValues(pixels: pixels) + decoder.mapValues(pixels: pixels) }

  private func pixels(_ level: Int) -> Int { (mapHeight << (halvings - level)) * (mapWidth << (halvings - level)) }
}

extension [AutoencoderOptions.Convolution] {
  /// Multiplications for one image, whose maps have `pixels(level)` pixels where the size has been halved `level` times.
  func multiplications(pixels: (Int) -> Int) -> Double {
    reduce(0) { $0 + 9 * Double(pixels($1.level) * $1.inputs) * Double($1.outputs) }
  }

  /// Values in the maps of one image.
  func mapValues(pixels: (Int) -> Int) -> Double {
    reduce(0) { $0 + Double(pixels($1.level) * $1.outputs) }
  }
}

/// A convolutional autoencoder: images to latents and back.
///
///     encode(x) = W · flatten(C_K(… C₁(p)))  + b  +  U · flatten(shrink(p))         p = pad(x)
///     decode(y) = crop(D_K(… D₁(reshape(V · y + c)))  +  enlarge(reshape(U′ · y)))
///
///   C   silu(conv₃ₓ₃(x)), some of stride 2
///   D   mirrors C: where C halves the size, D computes the four pixels of each corner from the maps of half size
///   U   the linear path, of images that are halved (by means, and enlarged bilinearly) until no side is above 32 pixels
///
/// The linear path lets a network begin as a linear autoencoder (`beginning(along:)`), which the convolutions then improve on; drawn
/// without that, it is 0.
/// There is no normalisation layer: instance norm would take brightness and contrast out of the latents. The last
/// convolution has no activation. The padding (zeros, the mean colour) makes the size a multiple of what is halved.
/// Convolutions that the shallow network has not, where they keep size and number of maps, are added to what they take:
/// C(x) = x + silu(conv₃ₓ₃(x)), with weights of 0 at first. So a deeper network for images below 128 pixels begins as the shallow one.
///
/// Shapes: x (n, channels, height, width) normalised float32; y (n, latent) float32.
/// Initialisation, of all but the linear path: uniform in ±√(6 / fan-in) before an activation, ±√(3 / fan-in) elsewhere; biases 0.
/// Enlarging: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional
/// Neural Network", CVPR 2016.
public struct Autoencoder: Sendable {
  /// Size and shape of the network.
  public let options: AutoencoderOptions
  /// In the order of `AutoencoderOptions.parameterShapes`; float32.
  public private(set) var parameters: [Tensor]

  /// Draws a network.
  public init(_ options: AutoencoderOptions, using random: inout RandomSource) {
    self.options = options
    func drawn(_ shape: [Int], isActivated: Bool) -> Tensor {
      let fanIn = shape.dropFirst().reduce(1, *)
      let bound = ((isActivated ? 6 : 3) / Float(fanIn)).squareRoot()
      return Tensor(random.uniform(shape.reduce(1, *)).map { (2 * $0 - 1) * bound }, shape: shape)
    }
    func convolution(_ layer: AutoencoderOptions.Convolution) -> [Tensor] {
      let shape = [layer.outputs, layer.inputs, 3, 3]
      return [layer.isResidual ? .zeros(shape) : drawn(shape, isActivated: layer.isActivated), .zeros([layer.outputs])]
    }
    parameters = []
    for layer in options.encoder { parameters += convolution(layer) }
    parameters += [drawn([options.codeCount, options.mapCount], isActivated: false), .zeros([options.codeCount])]
    parameters.append(.zeros([options.latent, options.linearCount]))
    parameters += [drawn([options.mapCount, options.latent], isActivated: true), .zeros([options.mapCount])]
    parameters.append(.zeros([options.linearCount, options.latent]))
    for layer in options.decoder { parameters += convolution(layer) }
  }

  /// A network with the given weights, in the order of `AutoencoderOptions.parameterShapes`.
  ///
  /// Weights of other shapes are our own mistake, or the mistake of whoever stored them without their options.
  public init(_ options: AutoencoderOptions, parameters: [Tensor]) {
    precondition(
      parameters.map(\.shape) == options.parameterShapes.map(\.shape),
      "an autoencoder with \(options) holds other parameters than \(parameters.map(\.shape))")
    self.options = options
    self.parameters = parameters
  }

  /// The same network with other parameters of the same shapes: how gradients with respect to them are taken.
  public func with(parameters: [Tensor]) -> Autoencoder {
    var copy = self
    copy.parameters = parameters
    return copy
  }

  /// The latents of images; with a variational encoder the means.
  public func encode(_ images: Tensor) throws(TensorError) -> Tensor {
    let code = try self.code(images)
    return options.form == .plain ? code : try code.slice(axis: 1, from: 0, to: options.latent)
  }

  /// Mean and logarithm of the variance of each image's latents, for a variational encoder: (n, latent) each.
  public func distribution(_ images: Tensor) throws(TensorError) -> (mean: Tensor, logVariance: Tensor) {
    precondition(options.form == .variational, "a plain autoencoder has no distribution of latents")
    let code = try self.code(images)
    return (
      try code.slice(axis: 1, from: 0, to: options.latent),
      // Beyond these bounds a variance is no longer one of latents of about unit size.
      try code.slice(axis: 1, from: options.latent, to: 2 * options.latent).clamped(min: -12, max: 4)
    )
  }

  private func code(_ images: Tensor) throws(TensorError) -> Tensor {
    let padded = try padded(images)
    var maps = try padded.channelsLast()
    var place = 0
    for layer in options.encoder {
      maps = try applied(layer, at: place, to: maps)
      place += 2
    }
    let code = try maps.flattened(from: 1).linear(parameters[place], bias: parameters[place + 1])
    let linear = try shrunk(padded: padded).linear(parameters[place + 2])
    return try code + (options.form == .plain ? linear : linear.padded([0, options.latent]))
  }

  /// What the linear path sees of images: (n, channels, height, width) → (n, `linearCount`).
  public func shrunk(_ images: Tensor) throws(TensorError) -> Tensor { try shrunk(padded: padded(images)) }

  private func shrunk(padded images: Tensor) throws(TensorError) -> Tensor {
    var small = images
    for _ in 0..<options.linearHalvings { small = try small.averagePool2d(2) }
    return try small.flattened(from: 1)
  }

  private func padded(_ images: Tensor) throws(TensorError) -> Tensor {
    let (top, left) = margins
    let (bottom, right) = (paddedHeight - options.height - top, paddedWidth - options.width - left)
    return top + bottom + left + right == 0 ? images : try images.padded([left, right, top, bottom])
  }

  /// This network with a linear path along `directions`, orthonormal rows (at most `latent`, `linearCount`): y = U x and x = Uᵀ y.
  ///
  /// What the convolutions add is 0 at first, and a variance e⁻⁴.
  public func beginning(along directions: Tensor) throws(TensorError) -> Autoencoder {
    let rows = try directions.padded([0, 0, 0, options.latent - directions.shape[0]])
    var copy = self
    for (place, entry) in options.parameterShapes.enumerated() {
      switch entry.name {
      case "encoder.code.weight", "decoder.\(options.decoder.count - 1).weight":
        copy.parameters[place] = .zeros(entry.shape)
      case "encoder.code.bias" where options.form == .variational:
        let means = Tensor.zeros([options.latent])
        copy.parameters[place] = try Tensor.concatenated([means, means - 4], axis: 0)
      case AutoencoderOptions.linearNames.encoder: copy.parameters[place] = rows
      case AutoencoderOptions.linearNames.decoder: copy.parameters[place] = try rows.transposed().contiguous()
      default: break
      }
    }
    return copy
  }

  /// The images of latents: (n, latent) → (n, channels, height, width).
  public func decode(_ latents: Tensor) throws(TensorError) -> Tensor {
    var place = options.encoderParameterCount
    var maps = try latents.linear(parameters[place], bias: parameters[place + 1]).silu()
      .reshaped([latents.shape[0], options.maps(options.halvings), options.mapHeight, options.mapWidth])
      .channelsLast()
    var linear = try latents.linear(parameters[place + 2]).reshaped([latents.shape[0]] + options.linearShape)
    if options.linearHalvings > 0 { linear = try linear.upsampled(toHeight: paddedHeight, width: paddedWidth) }
    place += 3
    for layer in options.decoder {
      maps = try applied(layer, at: place, to: maps)
      place += 2
    }
    maps = maps + linear
    let (top, left) = margins
    if (paddedHeight, paddedWidth) == (options.height, options.width) { return maps }
    return try maps.slice(axis: 2, from: top, to: top + options.height)
      .slice(axis: 3, from: left, to: left + options.width)
  }

  /// A convolution, with the parameters that begin at `place`.
  private func applied(
    _ layer: AutoencoderOptions.Convolution, at place: Int, to maps: Tensor
  ) throws(TensorError) -> Tensor {
    var result = try maps.convolution2d(
      parameters[place], bias: parameters[place + 1], stride: layer.stride, padding: 1)
    if layer.isEnlarging { result = try enlarged(result) }
    if layer.isActivated { result = result.silu() }
    return layer.isResidual ? maps + result : result
  }

  private var paddedHeight: Int { options.mapHeight << options.halvings }
  private var paddedWidth: Int { options.mapWidth << options.halvings }
  private var margins: (top: Int, left: Int) {
    ((paddedHeight - options.height) / 2, (paddedWidth - options.width) / 2)
  }
}

/// Four maps of each pixel to a square of 2 × 2 pixels: (n, 4c, h, w) → (n, c, 2h, 2w).
///
/// Map (2·row + column)·c + k holds the pixel (row, column) of map k. One copy, in memory order n, h, w, c.
public func enlarged(_ maps: Tensor) throws(TensorError) -> Tensor {
  let (count, channels, height, width) = (maps.shape[0], maps.shape[1] / 4, maps.shape[2], maps.shape[3])
  precondition(4 * channels == maps.shape[1], "\(maps.shape[1]) maps are not four for each of some others")
  return try maps.permuted([0, 2, 3, 1]).reshaped([count, height, width, 2, 2, channels])
    .permuted([0, 1, 3, 2, 4, 5]).reshaped([count, 2 * height, 2 * width, channels])
    .permuted([0, 3, 1, 2])
}
