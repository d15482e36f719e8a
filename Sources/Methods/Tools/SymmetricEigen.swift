/// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.
///
///     M = Σ_k λ_k v_k v_kᵀ        λ_1 ≤ λ_2 ≤ …        ∂λ_k/∂M = v_k v_kᵀ where λ_k is simple
///
/// Cyclic sweeps over all pairs until what is off the diagonal is below rounding; quadratic convergence, some 6 sweeps for 8×8.
/// Reference: Golub & Van Loan, "Matrix Computations", section 8.5.
public struct SymmetricEigen: Sendable {
  /// λ, ascending.
  public let values: [Double]
  /// v_k for each value; orthonormal.
  public let vectors: [[Double]]

  /// Decomposes a matrix of `size` rows, row by row.
  ///
  /// - Precondition: it has size² numbers, all finite; of those above the diagonal and below it the former count.
  public init(_ matrix: [Double], size: Int) {
    precondition(
      matrix.count == size * size && matrix.allSatisfy(\.isFinite),
      "\(matrix.count) numbers are no \(size)×\(size) matrix")
    var m = matrix
    for row in 0..<size { for column in 0..<row { m[row * size + column] = m[column * size + row] } }
    var v = [Double](repeating: 0, count: size * size)
    for place in 0..<size { v[place * size + place] = 1 }
    let scale = m.reduce(0) { $0 + $1 * $1 }
    for _ in 0..<64 {
      var off = 0.0
      for row in 0..<size { for column in (row + 1)..<size { off += m[row * size + column] * m[row * size + column] } }
      if off <= 1e-30 * scale { break }
      for p in 0..<size {
        for q in (p + 1)..<size {
          let pivot = m[p * size + q]
          if pivot * pivot <= 1e-36 * scale { continue }
          let theta = (m[q * size + q] - m[p * size + p]) / (2 * pivot)
          let t = (theta >= 0 ? 1.0 : -1.0) / (abs(theta) + (theta * theta + 1).squareRoot())
          let c = 1 / (t * t + 1).squareRoot()
          let s = t * c
          for k in 0..<size {
            let (a, b) = (m[k * size + p], m[k * size + q])
            m[k * size + p] = c * a - s * b
            m[k * size + q] = s * a + c * b
          }
          for k in 0..<size {
            let (a, b) = (m[p * size + k], m[q * size + k])
            m[p * size + k] = c * a - s * b
            m[q * size + k] = s * a + c * b
          }
          for k in 0..<size {
            let (a, b) = (v[k * size + p], v[k * size + q])
            v[k * size + p] = c * a - s * b
            v[k * size + q] = s * a + c * b
          }
        }
      }
    }
    let order = (0..<size).sorted { (m[$0 * size + $0], $0) < (m[$1 * size + $1], $1) }
    values = order.map { m[$0 * size + $0] }
    vectors = order.map { column in (0..<size).map { v[$0 * size + column] } }
  }
}
