public import Tensors

/// K-Center: real images such that no image of the class is far from a chosen one, greedily.
///
/// the first pick is random;   then   j_k = argmax_j min_{i<k} ‖ f(x_j) − f(x_{j_i}) ‖
///
/// The largest distance of any image to its nearest pick is at most twice the smallest that k picks can reach.
/// Shapes: embeddings (m, d) of one class; budget k gives min(m, k) indices in the order of picking.
/// Reference: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985; Sener & Savarese, "Active
/// Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR 2018.
/// Deviations: none.
/// Decisions: Euclidean distance, classes apart, ties to the lowest index. The embeddings are those of a network
/// trained briefly on the real data (the reference code does not say which).
public struct KCenter: FeatureSelection {
  /// See `CondensingMethod`.
  public static let name = "k-center"

  /// The network whose features are compared.
  public var features = FeatureNetwork()

  /// See `CondensingMethod`.
  public init() {}

  /// See `FeatureSelection`.
  public func picks(
    _ count: Int, from embeddings: Tensor, ofClass label: Int, using random: RandomSource
  ) throws(TensorError) -> [Int] {
    var random = random.split("k-center", label)
    return try Self.picks(count, from: embeddings, first: random.integer(below: embeddings.shape[0]))
  }

  /// The order in which rows of `embeddings` (m, d) are picked, beginning with `first`: min(m, count) indices.
  public static func picks(_ count: Int, from embeddings: Tensor, first: Int) throws(TensorError) -> [Int] {
    let total = embeddings.shape[0]
    precondition(first >= 0 && first < total, "row \(first) cannot be the first of \(total)")
    if count <= 0 { return [] }
    var picked = [first]
    var nearest = [Float](repeating: .infinity, count: total)  // squared distance to the nearest pick
    nearest[first] = -1
    while picked.count < min(count, total) {
      let last = picked[picked.count - 1]
      let distances = try embeddings.squaredDistances(to: embeddings.slice(axis: 0, from: last, to: last + 1)).floats()
      var farthest = 0
      for j in 0..<total {
        if nearest[j] >= 0 { nearest[j] = min(nearest[j], distances[j]) }
        if nearest[j] > nearest[farthest] { farthest = j }
      }
      picked.append(farthest)
      nearest[farthest] = -1
    }
    return picked
  }
}
