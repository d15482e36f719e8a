internal import Datasets
internal import Foundation
internal import Networks
internal import Tensors

extension KoopconFit {
  // MARK: The sample axis

  /// The end of the warm-up: the statistics of the latents, and T as block averages.
  mutating func beginKoopman() throws(TensorError) {
    let width = coding.latent
    var sums = Tensor.zeros([width], dtype: .float64)
    var squares = sums
    var total = 0
    var codesOfClass: [Tensor?] = Array(repeating: nil, count: real.classCount)
    for label in 0..<real.classCount where real.count(ofClass: label) > 0 {
      let codes = try classCodes(label)
      if counts[label] > 0 { codesOfClass[label] = codes }
      let exact = codes.to(.float64)
      sums += try exact.sum(axes: [0])
      squares += try exact.squared().sum(axes: [0])
      total += codes.shape[0]
    }
    let mean = sums / Double(total)
    let variance = (squares / Double(total) - mean.squared()).clamped(min: 0)
    // A number that says nothing must not become one that says most.
    let floor = max(variance.mean().item * 1e-4, 1e-12)
    let statistics = (mean: mean.to(.float32), deviation: variance.clamped(min: floor).sqrt().to(.float32))
    let labels = counts.indices.filter { counts[$0] > 0 }
    var begun = Koopman(
      mean: statistics.mean, deviation: statistics.deviation, scaledMaps: [], labels: labels)
    for label in labels {
      guard let codes = codesOfClass[label] else { preconditionFailure("class \(label) has no images") }
      let latents = try standardized(codes, begun)
      begun.scaledMaps.append(try firstMap(ofClass: label, latents) * Double(latents.shape[0]))
      begun.latents.raw.append(latents)
    }
    koopman = begun
  }

  /// T_c at first, (n'_c, n_c): the samples that stand for the groups of a k-means in a trained network; without one, the
  /// averages of such groups of latents.
  ///
  /// Of a class with fewer samples than are made of it: each sample, and then the averages of two.
  private func firstMap(ofClass label: Int, _ latents: Tensor) throws(TensorError) -> Tensor {
    var draw = random.split("k-means", label)
    let (count, total) = (counts[label], latents.shape[0])
    if count > total {
      let pairs = (total..<count).map { _ in draw.choice(min(2, total), of: total) }
      let rows = (0..<total).map { [$0] } + pairs
      var values = [Float](repeating: 0, count: count * total)
      for (row, chosen) in rows.enumerated() {
        for place in chosen { values[row * total + place] = 1 / Float(chosen.count) }
      }
      return Tensor(values, shape: [count, total])
    }
    guard let trajectories else {
      return blockAverages(try kMeans(latents, count: count, using: &draw), count: count)
    }
    let embeddings = try classEmbeddings(
      of: real, label: label, network: LearnedImages.initialNetwork(of: trajectories), normalization: normalization)
    let chosen = try representatives(of: embeddings, count: count, using: &draw)
    return oneHot(chosen, classes: total)
  }

  /// Computes all latents anew.
  mutating func refresh() throws(TensorError) {
    guard let koopman else { return }
    var latents = Latents()
    // Right after the warm-up they have just been computed.
    let areFresh = koopman.latents.attended.isEmpty
    for (index, label) in koopman.labels.enumerated() {
      let raw = areFresh ? koopman.latents.raw[index] : try standardized(classCodes(label), koopman)
      var attended: [Tensor] = []
      for first in stride(from: 0, to: raw.shape[0], by: KoopconModel.attentionChunk) {
        let chunk = try raw.slice(from: first, to: min(first + KoopconModel.attentionChunk, raw.shape[0]))
        attended.append(try attention(chunk.unsqueezed(0)).squeezed(0))
      }
      var draw = random.split("transport", label)
      let sample = draw.choice(min(options.transportSample, raw.shape[0]), of: raw.shape[0]).sorted()
      let points = try raw.indexed(by: Tensor(integers: sample))
      let own = options.weights.transport == 0 ? 0 : try transport.entropicSelf(points).item
      latents.raw.append(raw)
      latents.attended.append(try Tensor.concatenated(attended, axis: 0))
      latents.targets.append((points, own))
    }
    latents.areCurrent = true
    self.koopman?.latents = latents
  }

  func classCodes(_ label: Int) throws(TensorError) -> Tensor {
    let total = real.count(ofClass: label)
    var parts: [Tensor] = []
    for start in stride(from: 0, to: total, by: 8 * chunkSize) {
      let images = real.images(ofClass: label, at: Array(start..<min(start + 8 * chunkSize, total)))
      parts.append(try codes(normalization.normalized(bytes: images)))
    }
    return try Tensor.concatenated(parts, axis: 0)
  }

  func codes(_ images: Tensor) throws(TensorError) -> Tensor {
    try inFixedChunks(images) { chunk throws(TensorError) in try autoencoder.encode(chunk) }
  }

  func standardized(_ codes: Tensor, _ koopman: Koopman) throws(TensorError) -> Tensor {
    (codes - koopman.mean) / koopman.deviation
  }

  /// The model as it is now; a run that ended in its warm-up gets its first T.
  mutating func model() throws(TensorError) -> KoopconModel {
    if koopman == nil { try beginKoopman() }
    guard let koopman else { preconditionFailure("the sample axis has begun") }
    return KoopconModel(
      autoencoder: autoencoder, attention: attention, mean: koopman.mean, deviation: koopman.deviation,
      maps: counts.indices.map { label in
        guard let index = koopman.labels.firstIndex(of: label) else {
          return .zeros([0, real.count(ofClass: label)])
        }
        return koopman.scaledMaps[index] / Double(koopman.scaledMaps[index].shape[1])
      },
      normalization: normalization)
  }
}
