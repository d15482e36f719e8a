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
public struct Herding: FeatureSelection {
  /// See `CondensingMethod`.
  public static let name = "herding"

  /// The network whose features are compared.
  public var features = FeatureNetwork()

  /// See `CondensingMethod`.
  public init() {}

  /// See `FeatureSelection`.
  public func picks(
    _ count: Int, from embeddings: Tensor, ofClass label: Int, using random: RandomSource
  ) throws(TensorError) -> [Int] {
    try Self.picks(count, from: embeddings)
  }

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
}
