public import Tensors

/// The directions in which points lie furthest from the origin: the first eigenvectors of Σ_i x_i x_iᵀ, by subspace iteration.
///
///     Q ← orth(Xᵀ X Q), three times, from a normal Q;      Xᵀ X on Q's space, diagonalised
///
/// Shapes: points (n, d); the result (k, d) has orthonormal rows, the strongest first, with k = min(count, n, d).
/// Computed on the processor, whatever the device: it is little work, and its bits should not depend on a graphics card.
/// Reference: Halko, Martinsson & Tropp, "Finding Structure with Randomness", SIAM Review 2011, algorithm 4.4.
public func principalDirections(
  of points: Tensor, count: Int, using random: inout RandomSource
) throws(TensorError) -> Tensor {
  let device = points.device
  let rows = try points.to(.cpu)
  let bound = min(points.shape[0], points.shape[1])
  let (kept, drawn) = (min(count, bound), min(count + 16, bound))
  var basis = try random.normal([points.shape[1], drawn]).to(.cpu).orthonormalColumns()
  for _ in 0..<3 { basis = try rows.transposed().matmul(rows.matmul(basis)).orthonormalColumns() }
  let seen = try rows.matmul(basis)
  let vectors = try seen.transposed().matmul(seen).symmetricEigen().vectors
  let strongest = Tensor(integers: (0..<kept).map { drawn - 1 - $0 })
  return try basis.matmul(vectors).transposed().indexed(by: strongest.to(.cpu)).contiguous().to(device)
}
