internal import Tensors

/// Real images of several classes: what a network is trained on in one step.
struct MixedBatch {
  /// uint8, or float32 for spectrograms, (n, C, H, W), class by class.
  let images: Tensor
  /// Their classes, ascending.
  let labels: [Int]

  /// The images at some places, counted through all classes, of which class c has `counts[c]`.
  init(of places: [Int], from real: some RealImages, counts: [Int]) throws(TensorError) {
    let places = places.sorted()
    var images: [Tensor] = []
    var labels: [Int] = []
    var first = 0
    for (label, count) in counts.enumerated() {
      let indices = places.filter { $0 >= first && $0 < first + count }.map { $0 - first }
      if !indices.isEmpty { images.append(real.images(ofClass: label, at: indices)) }
      labels += Array(repeating: label, count: indices.count)
      first += count
    }
    self.images = try Tensor.concatenated(images, axis: 0)
    self.labels = labels
  }
}
