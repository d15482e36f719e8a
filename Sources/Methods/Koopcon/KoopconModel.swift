public import Datasets
public import Networks
public import Tensors

/// What Koopcon learns: φ and φ⁻¹, the attention, and the linear map T_c of every class.
///
/// A latent, here and on the wire, is what the encoder gives, standardised: (φ(x) − mean) / deviation in each of its d numbers.
public struct KoopconModel: Sendable {
  /// Latents of a class that attend to each other: so many consecutive ones, in archive order; the last chunk may be shorter.
  public static let attentionChunk = 256
  /// Images that pass through the encoder at a time, and latents through the decoder.
  public static let codingChunk = chunkSize

  /// φ and φ⁻¹.
  public var autoencoder: Autoencoder
  /// SA.
  public var attention: SelfAttention
  /// Mean of each latent number over the training images, (d).
  public var mean: Tensor
  /// Standard deviation of each latent number over the training images, (d); positive.
  public var deviation: Tensor
  /// T_c of each class, (n'_c, n_c); without rows for a class of which nothing is made.
  public var maps: [Tensor]
  /// What images are shifted and scaled by before they are encoded.
  public var normalization: Normalization

  /// A model; see the properties.
  public init(
    autoencoder: Autoencoder, attention: SelfAttention, mean: Tensor, deviation: Tensor, maps: [Tensor],
    normalization: Normalization
  ) {
    let latent = autoencoder.options.latent
    precondition(
      attention.width == latent && mean.shape == [latent] && deviation.shape == [latent]
        && maps.allSatisfy { $0.rank == 2 },
      "attention of width \(attention.width) and statistics of shape \(mean.shape) do not fit latents of \(latent)")
    self.autoencoder = autoencoder
    self.attention = attention
    self.mean = mean
    self.deviation = deviation
    self.maps = maps
    self.normalization = normalization
  }
}

// MARK: Algorithm 2

extension KoopconModel {
  /// Line 12, Y ← φ(X): normalised images (n, C, H, W) → latents (n, d).
  ///
  /// In chunks of one shape, so that no image's latent depends on how many others there are.
  public func latents(ofNormalized images: Tensor) throws(TensorError) -> Tensor {
    let raw = try inFixedChunks(images) { chunk throws(TensorError) in try autoencoder.encode(chunk) }
    return (raw - mean) / deviation
  }

  /// As above for 8-bit images.
  public func latents(of images: Tensor) throws(TensorError) -> Tensor {
    try latents(ofNormalized: normalization.normalized(bytes: images))
  }

  /// Line 13, SA(Y) of one chunk of a class: (m, d) → (m, d).
  public func attended(_ chunk: Tensor) throws(TensorError) -> Tensor {
    try attention(chunk.unsqueezed(0)).squeezed(0)
  }

  /// Line 14, X' ← φ⁻¹(Y'): latents (n, d) → images (n, C, H, W) in units of [0, 1], not clamped.
  public func images(of latents: Tensor) throws(TensorError) -> Tensor {
    try normalization.restored(
      inFixedChunks(latents) { chunk throws(TensorError) in try autoencoder.decode(chunk * deviation + mean) })
  }
}

extension KoopconModel {
  /// Line 14 for latents (n, d) whose images are tiles: stored images (n / tiles, C, H, W), in units of [0, 1].
  ///
  /// In the chunks of the streaming step, so that both give the same numbers.
  ///
  /// - Precondition: They are of one class, where the formation has tiles, and as many as fill its images.
  public func images(of latents: Tensor, formation: Formation) throws(TensorError) -> Tensor {
    var images: [Tensor] = []
    for start in stride(from: 0, to: latents.shape[0], by: Self.codingChunk) {
      images.append(
        try self.images(of: latents.slice(from: start, to: min(start + Self.codingChunk, latents.shape[0]))))
    }
    return try formation.encoded(Tensor.concatenated(images, axis: 0))
  }

  /// Lines 12 to 14 on the set that the model was fitted to: its condensed images, class by class.
  func condensed(_ real: some RealImages, formation: Formation) throws(TensorError) -> Synthetic {
    var waiting: [[Tensor]] = maps.map { _ in [] }
    var sums = maps.map { KoopmanSum(map: $0, width: autoencoder.options.latent) }
    func attend(_ label: Int) throws(TensorError) {
      let values = try attended(Tensor.concatenated(waiting[label], axis: 0)).floats()
      waiting[label] = []
      let width = sums[label].width
      values.withUnsafeBufferPointer { values in
        for start in stride(from: 0, to: values.count, by: width) {
          sums[label].add(UnsafeBufferPointer(rebasing: values[start..<start + width]))
        }
      }
    }
    let order = real.archiveOrder
    for start in stride(from: 0, to: order.count, by: Self.codingChunk) {
      let chunk = order[start..<min(start + Self.codingChunk, order.count)]
      var images: [Tensor] = []
      for place in chunk { images.append(real.images(ofClass: place.label, at: [place.index])) }
      let latents = try latents(of: Tensor.concatenated(images, axis: 0))
      for (row, place) in chunk.enumerated() {
        waiting[place.label].append(try latents.slice(from: row, to: row + 1))
        if waiting[place.label].count == Self.attentionChunk { try attend(place.label) }
      }
    }
    for label in waiting.indices where !waiting[label].isEmpty { try attend(label) }
    let classes = sums.filter { $0.rows > 0 }.map(\.result)
    var images: [Tensor] = []
    for latents in formation.factor == 1 ? [try Tensor.concatenated(classes, axis: 0)] : classes {
      images.append(try self.images(of: latents, formation: formation))
    }
    return Synthetic(
      images: try Tensor.concatenated(images, axis: 0),
      labels: sums.enumerated().flatMap { Array(repeating: $0, count: $1.rows / formation.finest.count) },
      formation: formation)
  }
}

/// Line 13, Y' ← T(SA(Y)), of one class as its latents come: Y'_k ← Y'_k + T_kj · y_j for j = 1, 2, … in archive order.
///
/// Memory is that of Y', whatever the number of latents. The sum is made in Double, one latent after the other, so that its bits
/// do not depend on how they were grouped.
public struct KoopmanSum: Sendable {
  /// n'.
  public let rows: Int
  /// n_c.
  public let columns: Int
  /// Length of a latent.
  public let width: Int
  /// Latents taken so far.
  public private(set) var count = 0
  private let map: [Float]
  private var sums: [Double]

  /// The sum for a map T_c (n', n_c) over latents of `width` numbers.
  public init(map: Tensor, width: Int) {
    rows = map.shape[0]
    columns = map.shape[1]
    self.width = width
    self.map = map.floats()
    sums = Array(repeating: 0, count: rows * width)
  }

  /// Takes the next latent of the class.
  ///
  /// - Precondition: It is one of n_c, and has `width` numbers.
  public mutating func add(_ latent: UnsafeBufferPointer<Float>) {
    precondition(
      count < columns && latent.count == width,
      "latent \(count + 1) of \(latent.count) numbers does not fit a map of \(columns) latents of \(width)")
    sums.withUnsafeMutableBufferPointer { sums in
      for row in 0..<rows {
        let weight = Double(map[row * columns + count])
        for place in 0..<width { sums[row &* width &+ place] += weight * Double(latent[place]) }
      }
    }
    count += 1
  }

  /// Y'_c so far: (n', d).
  public var result: Tensor { Tensor(sums.map { Float($0) }, shape: [rows, width]) }
}
