import Foundation
import Methods
import Tensors
import Testing

@Suite struct ExpanderGraphTests {
  private func weights(_ vertices: Int, where isEdge: (Int, Int) -> Bool) -> [Double] {
    ExpanderGraph.pairs(vertices).map { isEdge($0.u, $0.v) ? 1 : 0 }
  }

  @Test(arguments: [2, 3, 5, 8, 20]) func `decomposition gives the matrix back, with orthonormal vectors`(size: Int) {
    var random = RandomSource(seed: UInt64(size))
    var matrix = random.normal(size * size).map(Double.init)
    for row in 0..<size { for column in 0..<row { matrix[row * size + column] = matrix[column * size + row] } }
    let eigen = SymmetricEigen(matrix, size: size)
    #expect(eigen.values == eigen.values.sorted())
    for row in 0..<size {
      for column in 0..<size {
        let sum = (0..<size).reduce(0.0) {
          $0 + eigen.values[$1] * eigen.vectors[$1][row] * eigen.vectors[$1][column]
        }
        #expect(abs(sum - matrix[row * size + column]) < 1e-10)
        let product = zip(eigen.vectors[row], eigen.vectors[column]).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(product - (row == column ? 1 : 0)) < 1e-12)
      }
    }
  }

  @Test(arguments: [3, 4, 8, 11]) func `known graphs have their known gaps`(vertices: Int) {
    func gap(_ isEdge: (Int, Int) -> Bool) -> Double {
      ExpanderGraph.spectrum(weights(vertices, where: isEdge), vertices: vertices)[1]
    }
    #expect(abs(gap { _, _ in true } - Double(vertices)) < 1e-9)
    let circle = gap { u, v in v - u == 1 || v - u == vertices - 1 }
    #expect(abs(circle - (2 - 2 * cos(2 * .pi / Double(vertices)))) < 1e-9)
    let path = gap { u, v in v - u == 1 }
    #expect(abs(path - (2 - 2 * cos(.pi / Double(vertices)))) < 1e-9)
    #expect(abs(gap { u, _ in u == 0 } - 1) < 1e-9)  // a star
    #expect(abs(gap { _, v in v < vertices - 1 }) < 1e-9)  // one vertex alone
  }

  @Test func `the gradient of the objective is that of finite differences`() {
    var random = RandomSource(seed: 5)
    let weights = random.uniform(28).map { 0.2 + Double($0) }
    let target = random.uniform(8).map { 6 * Double($0) }.sorted()
    for preservation in [0, 0.7] {
      func value(_ weights: [Double]) -> Double {
        ExpanderGraph.objective(weights, vertices: 8, target: target, preservation: preservation).value
      }
      let gradient = ExpanderGraph.objective(
        weights, vertices: 8, target: target, preservation: preservation
      ).gradient
      for place in weights.indices {
        var (up, down) = (weights, weights)
        up[place] += 1e-5
        down[place] -= 1e-5
        #expect(abs((value(up) - value(down)) / 2e-5 - gradient[place]) < 1e-6)
      }
    }
  }

  @Test func `number and weight of the edges never change while the gap grows`() {
    for seed in 0..<5 {
      var random = RandomSource(seed: UInt64(seed))
      var graph = ExpanderGraph(vertices: 8, edges: 12, scores: random.normal(28).map(Double.init))
      let first = graph.gap
      var last = first
      for _ in 0..<200 {
        graph.improve()
        #expect(graph.gap >= last - 1e-12)
        last = graph.gap
        #expect(graph.weights.filter { $0 > 0 }.count == 12)
        #expect(abs(graph.weights.reduce(0, +) - 12) < 1e-9)
      }
      #expect(last > first + 0.2)
      // No graph of this total weight has more, and none of so few edges as much.
      #expect(last < 24.0 / 7)
    }
  }

  @Test func `a graph in two parts is connected by learning`() {
    var graph = ExpanderGraph(
      vertices: 8, edges: 12,
      scores: ExpanderGraph.pairs(8).map { $0.u / 4 == $0.v / 4 ? 1 : 0.5 })
    #expect(abs(graph.gap) < 1e-12)
    for _ in 0..<50 { graph.improve() }
    #expect(graph.gap > 0.1)
  }

  @Test func `preservation draws the spectrum to the one that is given`() {
    let target = ExpanderGraph.spectrum(
      ExpanderGraph.circleWithDiameters(8).weights, vertices: 8)
    var random = RandomSource(seed: 9)
    var graph = ExpanderGraph(vertices: 8, edges: 12, scores: random.normal(28).map(Double.init))
    func distance() -> Double { zip(graph.spectrum, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    let first = distance()
    for _ in 0..<300 { graph.improve(target: target, preservation: 10) }
    #expect(distance() < first / 2)
  }

  @Test func `the normalised adjacency has the largest eigenvalue one`() {
    let graph = ExpanderGraph.circleWithDiameters(8)
    #expect(graph.weights.filter { $0 > 0 }.count == 12)
    let values = SymmetricEigen(graph.normalizedAdjacency, size: 8).values
    #expect(abs((values.last ?? 0) - 1) < 1e-12)
    #expect(values.allSatisfy { $0 > -1 })
  }

  @Test(arguments: [1, 2, 3, 10, 33]) func `the lenders of a class are an expander of all its samples`(count: Int) {
    var random = RandomSource(seed: 4)
    let expander = SampleExpander(count, using: &random)
    for sample in 0..<count {
      #expect(expander.lender(to: sample, copy: 0) == sample)
      let lenders = (1..<max(2, count)).map { expander.lender(to: sample, copy: $0) }
      // n − 1 copies borrow of all others, each once, and then it begins anew.
      if count > 1 { #expect(Set(lenders) == Set(0..<count).subtracting([sample])) }
      #expect(expander.lender(to: sample, copy: max(2, count)) == expander.lender(to: sample, copy: 1))
    }
    guard count > 2 else { return }
    for copies in 1...2 {
      var edges = Set<[Int]>()
      for sample in 0..<count {
        for copy in 1...copies {
          let lender = expander.lender(to: sample, copy: copy)
          edges.insert([min(sample, lender), max(sample, lender)])
        }
        #expect(Set((0..<count).map { expander.lender(to: $0, copy: copies) }).count == count)
      }
      let weights = ExpanderGraph.pairs(count).map { edges.contains([$0.u, $0.v]) ? 1.0 : 0 }
      #expect(ExpanderGraph.spectrum(weights, vertices: count)[1] > 1e-3)
    }
  }
}
