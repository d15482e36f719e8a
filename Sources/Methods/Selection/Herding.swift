public import Networks
public import Tensors

/// Herding: real images whose mean embedding follows the mean of their class.
///
/// picks one after the other   j_k = argmin_j ‖ k·μ − Σ_{i<k} f(x_{j_i}) − f(x_j) ‖,   k = 1, 2, …
///
/// with μ the mean embedding of the class and j not picked before: each pick moves the mean of the picks as near to μ
/// as one image can. In embeddings g = f − μ this is argmin_j ‖ Σ_{i<k} g_{j_i} + g_j ‖, which is what is computed: the
/// numbers stay small.
/// Shapes: embeddings (m, d) of one class; budget k gives min(m, k) indices in the order of picking.
/// Reference: Welling, "Herding Dynamical Weights to Learn", ICML 2009; as used by IDC's code.
/// Deviations: none. (DeepCore's code takes the argmax of the same distance, the farthest image; its results are not those of
/// herding.)
/// Decisions: ties go to the lowest index. The embeddings are those of a network trained briefly on the real data.
public enum Herding {
  /// The order in which herding picks rows of `embeddings` (m, d): min(m, count) different indices.
  public static func picks(_ count: Int, from embeddings: Tensor) throws(TensorError) -> [Int] {
    let centred = try embeddings - embeddings.mean(axes: [0], keepDims: true)  // g
    let squares = try centred.squared().sum(axes: [1]).floats()  // ‖g_j‖²
    var sum = Tensor.zeros([centred.shape[1], 1])  // Σ g of the picks
    var picked: [Int] = []
    var taken = [Bool](repeating: false, count: squares.count)
    while picked.count < min(count, squares.count) {
      let products = try centred.matmul(sum).floats()  // g_jᵀ Σ
      var best: (index: Int, value: Float)?
      for j in squares.indices where !taken[j] {
        let value = squares[j] + 2 * products[j]  // ‖Σ + g_j‖² − ‖Σ‖²
        if value < best?.value ?? .infinity { best = (j, value) }
      }
      guard let best else { break }
      taken[best.index] = true
      picked.append(best.index)
      sum = try sum + centred.slice(axis: 0, from: best.index, to: best.index + 1).transposed(0, 1)
    }
    return picked
  }

  /// Selects `counts[c]` images of each class c, embedded by `network`; all of a class that has fewer.
  public static func select(
    from real: some RealImages, counts: [Int], network: ConvNet, normalization: Normalization,
    control: RunControl = RunControl()
  ) throws(TensorError) -> Condensation {
    try selectByEmbedding(
      from: real, counts: counts, network: network, normalization: normalization, control: control
    ) { count, embeddings, _ throws(TensorError) in try picks(count, from: embeddings) }
  }
}

/// Selects in each class by its embeddings.
///
/// A selection is short and is of no use without its last classes: it does not ask whether to stop.
func selectByEmbedding(
  from real: some RealImages, counts: [Int], network: ConvNet, normalization: Normalization, control: RunControl,
  _ picks: (_ count: Int, _ embeddings: Tensor, _ label: Int) throws(TensorError) -> [Int]
) throws(TensorError) -> Condensation {
  let counts = imagesPerClass(counts, of: real)
  let classes = counts.indices.filter { counts[$0] > 0 }
  var chosen: [SourceImage] = []
  for (done, label) in classes.enumerated() {
    let embeddings = try classEmbeddings(of: real, label: label, network: network, normalization: normalization)
    chosen += try picks(counts[label], embeddings, label).map { SourceImage(label: label, index: $0) }
    control.progress(StepReport(step: done + 1, steps: classes.count, loss: 0))
  }
  return Condensation(synthetic: try Synthetic(selecting: chosen, from: real), steps: chosen.count)
}

/// The embeddings of every image of a class: (count, featureCount).
func classEmbeddings(
  of real: some RealImages, label: Int, network: ConvNet, normalization: Normalization
) throws(TensorError) -> Tensor {
  let total = real.count(ofClass: label)
  var parts: [Tensor] = []
  for start in stride(from: 0, to: total, by: 8 * chunkSize) {
    let indices = Array(start..<min(start + 8 * chunkSize, total))
    parts.append(
      try embedded(normalization.normalized(bytes: real.images(ofClass: label, at: indices)), in: network))
  }
  return try Tensor.concatenated(parts, axis: 0)
}
