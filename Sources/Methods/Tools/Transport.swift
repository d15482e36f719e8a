internal import Foundation
public import Tensors

/// Entropic optimal transport between two clouds of points of equal weight, in the log domain, and its debiased form.
///
///     OT_ε(x, y) = min over π of  Σ_ij π_ij c(x_i, y_j) + ε Σ_ij π_ij log(n m π_ij)      π ≥ 0, rows sum to 1/n, columns to 1/m
///     S_ε(x, y)  = OT_ε(x, y) − ½ OT_ε(x, x) − ½ OT_ε(y, y)                  the Sinkhorn divergence
///     c(x, y)    = scale · ‖x − y‖²
///
/// S_ε is 0 for equal clouds, not negative, and between W₂² (ε → 0) and the squared distance of the means (ε → ∞). OT_ε itself is
/// smallest for a cloud that has shrunk, which would draw all of its points to their mean.
///
/// Solved by Sinkhorn's iterations on the potentials, where nothing over- or underflows:
///     f_i ← −ε log Σ_j exp((g_j − c_ij)/ε) / m        g_j ← −ε log Σ_i exp((f_i − c_ij)/ε) / n        π_ij = exp((f_i + g_j − c_ij)/ε) / nm
/// with ε falling geometrically from `start` to `epsilon` over the first half of them, which takes far fewer. Between a cloud and
/// itself both potentials are equal, and f ← ½ (f + its update) converges in a few.
///
/// Gradients take π as a constant (the envelope theorem: at the minimum the value does not depend on π in first order), so
/// nothing is differentiated through the iterations.
///
/// Shapes: x (n, d), y (m, d), c and π (n, m), f (n), g (m).
/// Reference: Cuturi, "Sinkhorn Distances", NeurIPS 2013; Feydy et al., "Interpolating between Optimal Transport and MMD using
/// Sinkhorn Divergences", AISTATS 2019.
public struct Transport: Sendable, Equatable {
  /// Weight of the entropy, in units of the cost.
  public var epsilon: Double
  /// The weight at the first iteration; no annealing where it is not above `epsilon`.
  public var start: Double
  /// Iterations, each of which moves both potentials.
  public var iterations: Int
  /// Factor of the squared distance; 1/d makes the cost of standardised latents about 1.
  public var scale: Double

  /// Settings; see the properties.
  public init(epsilon: Double = 0.05, start: Double = 1, iterations: Int = 100, scale: Double = 1) {
    precondition(
      epsilon > 0 && iterations > 0 && scale > 0,
      "transport needs a positive ε, scale and number of iterations, not \(epsilon), \(scale), \(iterations)")
    self.epsilon = epsilon
    self.start = start
    self.iterations = iterations
    self.scale = scale
  }

  /// What Sinkhorn's iterations end with.
  public struct Solution: Sendable {
    /// f (n) of the rows and g (m) of the columns.
    public let potentials: (rows: Tensor, columns: Tensor)
    /// π (n, m).
    public let plan: Tensor
    /// ⟨π, c⟩, without the entropy.
    public let cost: Double
    /// OT_ε.
    public let value: Double
  }

  /// c between the points of two clouds: (n, m); differentiable.
  public func costs(_ x: Tensor, _ y: Tensor) throws(TensorError) -> Tensor {
    try x.squaredDistances(to: y) * scale
  }

  /// Solves for costs (n, m); symmetric ones, of a cloud to itself, where `isSymmetric`.
  public func solve(_ costs: Tensor, isSymmetric: Bool = false) throws(TensorError) -> Solution {
    try solve([costs], isSymmetric: isSymmetric)[0]
  }

  /// Solves several problems; those of one shape together, which takes little more time than one.
  public func solve(_ problems: [Tensor], isSymmetric: Bool = false) throws(TensorError) -> [Solution] {
    var solutions = [Solution?](repeating: nil, count: problems.count)
    for place in problems.indices where solutions[place] == nil {
      let alike = problems.indices.filter { solutions[$0] == nil && problems[$0].shape == problems[place].shape }
      let found = try solve(stacked: Tensor.stacked(alike.map { problems[$0].detached() }), isSymmetric: isSymmetric)
      for (solution, place) in zip(found, alike) { solutions[place] = solution }
    }
    return solutions.compactMap(\.self)
  }

  /// Solves for costs (problems, n, m).
  private func solve(stacked costs: Tensor, isSymmetric: Bool) throws(TensorError) -> [Solution] {
    let (count, rows, columns) = (costs.shape[0], costs.shape[1], costs.shape[2])
    let (logRows, logColumns) = (log(Double(rows)), log(Double(columns)))
    var f = Tensor.zeros([count, rows, 1], dtype: costs.dtype)
    var g = Tensor.zeros([count, 1, columns], dtype: costs.dtype)
    for iteration in 0..<iterations {
      let weight = epsilon(at: iteration)
      if isSymmetric {
        let update = try (logColumns - ((g - costs) / weight).logSumExp(axes: [2], keepDims: true)) * weight
        f = (f + update) * 0.5
        g = try f.transposed()
      } else {
        f = try (logColumns - ((g - costs) / weight).logSumExp(axes: [2], keepDims: true)) * weight
        g = try (logRows - ((f - costs) / weight).logSumExp(axes: [1], keepDims: true)) * weight
      }
    }
    let plans = ((f + g - costs) / epsilon).exp() / Double(rows * columns)
    let transported = try (plans * costs).sum(axes: [1, 2]).doubles()
    let masses = try plans.sum(axes: [1, 2]).doubles()
    let (meanF, meanG) = (try f.mean(axes: [1, 2]).doubles(), try g.mean(axes: [1, 2]).doubles())
    return try (0..<count).map { problem throws(TensorError) in
      func part(_ tensor: Tensor) throws(TensorError) -> Tensor {
        try tensor.slice(from: problem, to: problem + 1).squeezed(0)
      }
      return Solution(
        potentials: (try part(f).squeezed(1), try part(g).squeezed(0)), plan: try part(plans),
        cost: transported[problem],
        // Of the dual: the last term is zero where the rows and columns of π sum to what they should.
        value: meanF[problem] + meanG[problem] - epsilon * (masses[problem] - 1))
    }
  }

  /// ε of one iteration: geometric from `start` over the first half, then `epsilon`.
  func epsilon(at iteration: Int) -> Double {
    let annealed = iterations / 2
    guard start > epsilon, iteration < annealed else { return epsilon }
    return start * pow(epsilon / start, Double(iteration) / Double(annealed))
  }

  /// OT_ε; its gradient reaches both clouds.
  public func entropic(_ x: Tensor, _ y: Tensor) throws(TensorError) -> Tensor {
    let costs = try costs(x, y)
    return try value(costs, solve(costs))
  }

  /// OT_ε of a cloud and itself; its gradient reaches the cloud through both sides.
  public func entropicSelf(_ x: Tensor) throws(TensorError) -> Tensor {
    let costs = try costs(x, x)
    return try value(costs, solve(costs, isSymmetric: true))
  }

  /// S_ε; its gradient reaches both clouds.
  public func divergence(_ x: Tensor, _ y: Tensor) throws(TensorError) -> Tensor {
    try entropic(x, y) - (entropicSelf(x) + entropicSelf(y)) * 0.5
  }

  /// ⟨π, c⟩ in place of OT_ε in the divergence: the “sharp” one that POT computes; a number, for comparison.
  public func sharpDivergence(_ x: Tensor, _ y: Tensor) throws(TensorError) -> Double {
    try solve(costs(x, y)).cost
      - (solve(costs(x, x), isSymmetric: true).cost + solve(costs(y, y), isSymmetric: true).cost) / 2
  }

  /// ⟨π, c⟩ with π constant and the entropy as a constant: value and gradient of OT_ε.
  func value(_ costs: Tensor, _ solution: Solution) -> Tensor {
    (solution.plan * costs).sum() + (solution.value - solution.cost)
  }
}
