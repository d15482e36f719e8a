internal import Datasets
internal import Networks
internal import Tensors

/// What the synthetic images are before the first step.
public enum Initialization: String, Sendable, CaseIterable, SettingValue {
  /// Real images of the class, drawn without repetition.
  case real
  /// Normal noise with the mean and deviation of normalised data.
  case noise
  /// Every tile of the finest grid a different real image, shrunk; the same as `real` without formation.
  case mixed
  /// Every tile the real image nearest to the centre of a group, shrunk: as many groups as tiles, by k-means of the embeddings of
  /// the class in a trained network.
  case kMeans = "kmeans"
}

extension Initialization {
  /// Deviation of the noise of an image that is used again, where the data's is 1.
  static let noiseOfRepeats = 0.1

  /// The first images of one class, normalised: (count, C, H, W).
  ///
  /// Where a class has fewer real images than are asked for, they are used again in another order, with a little noise: images that
  /// begin alike would stay alike.
  ///
  /// - Parameters:
  ///   - network: embeds images for `kMeans`, which needs it.
  ///   - shouldStop: asked while images are embedded; once it is true, they are those of `mixed`, which take no time.
  func images(
    count: Int, ofClass label: Int, of real: some RealImages, normalization: Normalization, formation: Formation,
    embeddedIn network: Network? = nil, using random: inout RandomSource,
    shouldStop: () -> Bool = { false }
  ) throws(TensorError) -> Tensor {
    let (channels, height, width) = (real.shape.channels, real.shape.height, real.shape.width)
    func shown(_ indices: [Int]) throws(TensorError) -> Tensor {
      let images = try normalization.normalized(bytes: real.images(ofClass: label, at: indices))
      let repeated = indices.count - real.count(ofClass: label)
      guard repeated > 0 else { return images }
      // The first of a class are all of its images, each once.
      let noise = random.normal(repeated * channels * height * width)
      let again = try images.slice(from: indices.count - repeated, to: indices.count)
      let moved = again + Tensor(noise, shape: again.shape) * Self.noiseOfRepeats
      return try Tensor.concatenated([images.slice(from: 0, to: indices.count - repeated), moved], axis: 0)
    }
    func mixed() throws(TensorError) -> Tensor {
      let indices = drawRepeating(count * formation.finest.count, of: real.count(ofClass: label), using: &random)
      return try formation.encoded(shown(indices))
    }
    switch self {
    case .noise:
      return Tensor(
        random.normal(count * channels * height * width), shape: [count, channels, height, width])
    case .real:
      let indices = drawRepeating(count, of: real.count(ofClass: label), using: &random)
      return try shown(indices)
    case .mixed:
      return try mixed()
    case .kMeans:
      guard let network else { preconditionFailure("a k-means needs a network to embed images in") }
      guard
        let embeddings = try classEmbeddings(
          of: real, label: label, network: network, normalization: normalization, shouldStop: shouldStop)
      else { return try mixed() }
      let indices = try representatives(of: embeddings, count: count * formation.finest.count, using: &random)
      return try formation.encoded(shown(indices))
    }
  }
}

/// `count` indices below `total` without repetition as long as there are any left, then a new round.
func drawRepeating(_ count: Int, of total: Int, using random: inout RandomSource) -> [Int] {
  precondition(total > 0, "nothing can be drawn from an empty class")
  var indices: [Int] = []
  while indices.count < count {
    indices += random.permutation(total).prefix(count - indices.count)
  }
  return indices
}
