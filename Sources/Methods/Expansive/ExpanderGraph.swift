internal import Foundation

/// A small weighted graph that learns to be well connected with few edges, from the spectrum of its Laplacian.
///
///     ℒ = D − A        0 = λ_1 ≤ λ_2 ≤ … ≤ λ_L        ∂λ_k/∂w_uv = (v_ku − v_kv)²                       weights w_uv = w_vu ≥ 0
///     improves         λ_2 − ρ · mean_k (λ_k − λ°_k)²              λ°: the spectrum that is to be preserved
///
/// λ_1 is 0, so λ_2 − λ_1 is λ_2, the algebraic connectivity; it is positive exactly where the graph is connected.
/// Every pair of vertices has a score s. The `edges` pairs with the highest scores are the edges, with weights
/// w = edges · exp s / Σ exp s over them: number and total weight never change, else the complete graph would win.
/// A pair that is no edge gets the gradient of the weight that its score would give, and so can become one.
///
/// Shapes: scores and weights have one number for each pair u < v, in the order (0,1), (0,2), …, (1,2), ….
/// Reference: Jebraeeli et al., "Expansive Synthesis", 2024, section 3.3; Fiedler, "Algebraic Connectivity of Graphs", 1973.
/// Decisions: steps that lower the objective are taken back and the rate is halved, so that it never falls; where λ_2 is not simple the
/// gradient is that of one of its eigenvectors.
public struct ExpanderGraph: Sendable, Equatable {
  /// L.
  public let vertices: Int
  /// Edges, and the sum of their weights.
  public let edges: Int
  /// s of all pairs.
  public private(set) var scores: [Double]
  private var rate: Double

  /// A graph whose edges are the `edges` pairs with the highest scores; of equal ones the first.
  public init(vertices: Int, edges: Int, scores: [Double], rate: Double = 0.5) {
    precondition(
      scores.count == vertices * (vertices - 1) / 2 && (1...max(1, scores.count)).contains(edges),
      "a graph on \(vertices) vertices cannot have \(scores.count) pairs and \(edges) edges")
    self.vertices = vertices
    self.edges = edges
    self.scores = scores
    self.rate = rate
  }

  /// The circle with its diameters, every vertex of degree 3, on an even number of vertices; `noise` is added to the scores.
  public static func circleWithDiameters(_ vertices: Int, noise: [Double]? = nil) -> ExpanderGraph {
    precondition(vertices >= 4 && vertices % 2 == 0, "a circle of \(vertices) vertices has no diameters")
    var scores = pairs(vertices).map { u, v in
      (v - u == 1 || v - u == vertices - 1 || v - u == vertices / 2) ? 1.0 : 0
    }
    if let noise { for place in scores.indices { scores[place] += noise[place] } }
    return ExpanderGraph(vertices: vertices, edges: 3 * vertices / 2, scores: scores)
  }

  /// (0,1), (0,2), …, (1,2), ….
  public static func pairs(_ vertices: Int) -> [(u: Int, v: Int)] {
    (0..<vertices).flatMap { u in ((u + 1)..<vertices).map { (u, $0) } }
  }

  /// w of all pairs; 0 for those that are no edge.
  public var weights: [Double] {
    let (potential, chosen) = potentialWeights
    return zip(potential, chosen).map { $1 ? $0 : 0 }
  }

  /// The weight that each score gives or would give, and which pairs are edges.
  private var potentialWeights: (weights: [Double], isEdge: [Bool]) {
    let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
    var isEdge = Array(repeating: false, count: scores.count)
    for place in order.prefix(edges) { isEdge[place] = true }
    let highest = scores[order[0]]
    let exponentials = scores.map { exp($0 - highest) }
    let sum = zip(exponentials, isEdge).reduce(0) { $1.1 ? $0 + $1.0 : $0 }
    return (exponentials.map { Double(edges) * $0 / sum }, isEdge)
  }

  /// ℒ of a graph with these weights of all pairs, row by row.
  public static func laplacian(_ weights: [Double], vertices: Int) -> [Double] {
    var matrix = [Double](repeating: 0, count: vertices * vertices)
    for ((u, v), weight) in zip(pairs(vertices), weights) {
      matrix[u * vertices + v] -= weight
      matrix[v * vertices + u] -= weight
      matrix[u * vertices + u] += weight
      matrix[v * vertices + v] += weight
    }
    return matrix
  }

  /// λ_1 … λ_L of a graph with these weights of all pairs.
  public static func spectrum(_ weights: [Double], vertices: Int) -> [Double] {
    SymmetricEigen(laplacian(weights, vertices: vertices), size: vertices).values
  }

  /// λ_1 … λ_L.
  public var spectrum: [Double] { Self.spectrum(weights, vertices: vertices) }

  /// λ_2.
  public var gap: Double { spectrum[1] }

  /// Â = D^(−½) (A + 1) D^(−½) with the degrees of A + 1, row by row: what mixes the features of the vertices.
  public var normalizedAdjacency: [Double] {
    var matrix = [Double](repeating: 0, count: vertices * vertices)
    for vertex in 0..<vertices { matrix[vertex * vertices + vertex] = 1 }
    for ((u, v), weight) in zip(Self.pairs(vertices), weights) {
      matrix[u * vertices + v] = weight
      matrix[v * vertices + u] = weight
    }
    let roots = (0..<vertices).map { row in
      matrix[(row * vertices)..<((row + 1) * vertices)].reduce(0, +).squareRoot()
    }
    for place in matrix.indices { matrix[place] /= roots[place / vertices] * roots[place % vertices] }
    return matrix
  }

  /// The objective of these weights and its gradient at each pair.
  ///
  /// - Parameters:
  ///   - target: λ°, ascending; nil for none.
  ///   - preservation: ρ.
  public static func objective(
    _ weights: [Double], vertices: Int, target: [Double]?, preservation: Double
  ) -> (value: Double, gradient: [Double]) {
    let eigen = SymmetricEigen(laplacian(weights, vertices: vertices), size: vertices)
    var value = eigen.values[1]
    var slopes = [Double](repeating: 0, count: vertices)  // ∂/∂λ_k
    slopes[1] = 1
    if let target {
      for (place, (found, wanted)) in zip(eigen.values, target).enumerated() {
        value -= preservation * (found - wanted) * (found - wanted) / Double(vertices)
        slopes[place] -= 2 * preservation * (found - wanted) / Double(vertices)
      }
    }
    let gradient = pairs(vertices).map { u, v in
      zip(slopes, eigen.vectors).reduce(0.0) { $0 + $1.0 * ($1.1[u] - $1.1[v]) * ($1.1[u] - $1.1[v]) }
    }
    return (value, gradient)
  }

  /// One step up.
  ///
  /// - Parameters:
  ///   - target: λ°, ascending; nil for none.
  ///   - preservation: ρ.
  public mutating func improve(target: [Double]? = nil, preservation: Double = 0) {
    let (potential, isEdge) = potentialWeights
    let now = zip(potential, isEdge).map { $1 ? $0 : 0 }
    let (value, gradient) = Self.objective(
      now, vertices: vertices, target: target, preservation: preservation)
    // Through w = edges · softmax s.
    let mean = zip(now, gradient).reduce(0) { $0 + $1.0 * $1.1 } / Double(edges)
    var next = self
    for place in scores.indices { next.scores[place] += rate * potential[place] * (gradient[place] - mean) }
    let found = Self.objective(
      next.weights, vertices: vertices, target: target, preservation: preservation
    ).value
    if found >= value { self = next } else { rate = max(rate / 2, 1e-6) }
  }
}
