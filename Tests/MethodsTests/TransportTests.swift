import Foundation
import Methods
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct TransportTests {
  private let x = wave([40, 3], 0.7, 0.1).to(.float64)
  private let y = wave([7, 3], 1.9, 0.4, 1.5).to(.float64)

  private func transport(_ epsilon: Double, iterations: Int = 1000) -> Transport {
    Transport(epsilon: epsilon, start: 2, iterations: iterations)
  }

  @Test(arguments: [1.0, 0.2, 0.05]) func `divergences are those of POT`(epsilon: Double) throws {
    let golden = try Golden.load("transport")
    let transport = transport(epsilon)
    let name = epsilon == 1 ? "1" : "\(epsilon)"
    func expected(_ what: String) throws -> Double { try #require(golden["\(what) \(name)"]).values[0] }
    let sharp = try transport.sharpDivergence(x, y) / expected("sharp")
    let value = try transport.divergence(x, y).item / expected("value")
    let entropic = try transport.entropic(x, y).item / expected("entropic")
    for ratio in [sharp, value, entropic] { #expect(abs(ratio - 1) < 1e-3) }
    #expect(
      agree(try transport.solve(transport.costs(x, y)).plan, golden["plan \(name)"], absolute: 1e-5, relative: 1e-3))
  }

  @Test func `at small ε the divergence is the exact cost`() throws {
    let golden = try Golden.load("transport")
    let exact = try #require(golden["exact"]).values[0]
    #expect(abs(try transport(0.02).divergence(x, y).item / exact - 1) < 0.02)
    let large = try #require(golden["exact large"]).values[0]
    let (many, few) = (wave([60, 4], 0.37, 0.2).to(.float64), wave([30, 4], 1.1, 0.9, 0.8).to(.float64))
    #expect(abs(try transport(0.01).divergence(many, few).item / large - 1) < 0.02)
  }

  @Test func `in one dimension the points go in their order`() throws {
    let (a, b) = (wave([50, 1], 0.7, 0.1, 3).to(.float64), wave([50, 1], 1.3, 0.9).to(.float64) + 1)
    let pairs = zip(a.doubles().sorted(), b.doubles().sorted())
    let exact = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 50
    #expect(abs(try transport(0.01).divergence(a, b).item / exact - 1) < 0.02)
  }

  @Test(arguments: [0.05, 1, 10]) func `a cloud that is moved costs the squared way, at every ε`(epsilon: Double) throws
  {
    let moved = x + Tensor(doubles: [1, -2, 0.5], shape: [1, 3])
    #expect(abs(try transport(epsilon).divergence(x, moved).item - 5.25) < 0.01)
  }

  @Test(arguments: [0.5, 2]) func `gaussians cost what the closed form says`(epsilon: Double) throws {
    // OT_ε between N(0, a²) and N(0, b²), for the cost (x − y)² and the divergence to the product: Janati, Muzellec, Peyré, Cuturi,
    // “Entropic Optimal Transport between Unbalanced Gaussian Measures has a Closed Form”, NeurIPS 2020, theorem 1.
    func closed(_ a: Double, _ b: Double) -> Double {
      let s = epsilon / 2
      let d = (4 * a * a * b * b + s * s).squareRoot()
      return a * a + b * b - d + s * (1 - log(2 * s)) + s * log(d + s)
    }
    let expected = closed(1, 2) - (closed(1, 1) + closed(2, 2)) / 2
    let quantiles = (0..<400).map { normalQuantile((Double($0) + 0.5) / 400) }
    let narrow = Tensor(doubles: quantiles, shape: [400, 1])
    #expect(abs(try transport(epsilon, iterations: 300).divergence(narrow, narrow * 2).item / expected - 1) < 0.02)
  }

  @Test func `a cloud has no divergence from itself, and two have a positive one both ways`() throws {
    let transport = transport(0.1)
    #expect(abs(try transport.divergence(x, x).item) < 1e-6)
    let (there, back) = (try transport.divergence(x, y).item, try transport.divergence(y, x).item)
    #expect(there > 0 && abs(there - back) < 1e-6)
  }

  @Test func `rows and columns of the plan sum to the weights`() throws {
    let plan = try transport(0.05).solve(transport(0.05).costs(x, y)).plan
    #expect(try plan.sum(axes: [1]).doubles().allSatisfy { abs($0 - 1 / 40) < 1e-6 })
    #expect(try plan.sum(axes: [0]).doubles().allSatisfy { abs($0 - 1 / 7) < 1e-6 })
  }

  @Test func `the envelope's gradient agrees with differences of values`() throws {
    let transport = transport(0.3)
    let direction = wave([7, 3], 2.3, 0.2).to(.float64)
    let found = try valueAndGradients(at: [y]) { points throws(TensorError) in
      try transport.divergence(x, points[0])
    }.gradients[0]
    let h = 1e-4
    let ahead = try transport.divergence(x, y + direction * h).item
    let behind = try transport.divergence(x, y - direction * h).item
    let slope = (ahead - behind) / (2 * h)
    #expect(abs((found * direction).sum().item - slope) < 1e-5)
  }

  @Test func `problems that are solved together have the solutions that they have alone`() throws {
    let transport = transport(0.2, iterations: 50)
    let problems = [try transport.costs(x, y), try transport.costs(y, y), try transport.costs(x, y * 2)]
    for (together, problem) in zip(try transport.solve(problems), problems) {
      let alone = try transport.solve(problem)
      #expect(abs(together.value - alone.value) < 1e-9)
      #expect(together.plan.shape == alone.plan.shape)
      #expect((together.plan - alone.plan).abs().sum().item < 1e-9)
    }
  }

  @Test func `nothing over- or underflows at a tiny ε in float32`() throws {
    let transport = Transport(epsilon: 1e-4, start: 1, iterations: 100)
    let solution = try transport.solve(transport.costs(x.to(.float32) * 30, y.to(.float32)))
    #expect(solution.value.isFinite && solution.cost.isFinite)
    #expect(solution.plan.floats().allSatisfy { $0.isFinite })
  }
}

/// The standard normal's quantile, by bisection of the error function.
private func normalQuantile(_ p: Double) -> Double {
  var (low, high) = (-10.0, 10.0)
  for _ in 0..<80 {
    let middle = (low + high) / 2
    if 0.5 * erfc(-middle / 2.0.squareRoot()) < p { low = middle } else { high = middle }
  }
  return low
}
