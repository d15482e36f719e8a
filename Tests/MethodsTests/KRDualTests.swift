import Datasets
import Networks
import Synchronization
import Tensors
import TensorTurn
import Testing

@testable import Methods

@Suite(.serialized, .takesTurns)
struct KRDualTests {
  private let toy = Toy(counts: [12, 9, 10])

  private func condensed(
    _ counts: [Int] = [2, 1, 3], steps: Int = 4, control: RunControl = RunControl(),
    _ change: (inout KRDual) -> Void = { _ in }
  ) throws -> Condensation {
    var method = KRDual()
    method.images.network = toy.choice
    method.steps = steps
    method.images.realBatch = 8
    change(&method)
    return try method.condense(
      toy, counts: counts, normalization: Normalization.measured(on: toy), using: RandomSource(seed: 1),
      control: control)
  }

  private func ascended(
    from y: Tensor, to x: Tensor, bound: Double = 0.3, steps: Int = 300, hidden: Int = 8
  ) throws -> Potential {
    var random = RandomSource(seed: 7)
    return try Potential(dimension: x.shape[1], hidden: hidden, bound: bound, using: &random)
      .ascended(from: y, to: x, steps: steps, rate: 1e-2)
  }

  /// The potential of Scripts/golden/matching.py, 6 hidden units and 5 inputs, with parameters of [−scale, scale).
  private func golden(scale: Double) throws -> Potential {
    try Potential(
      weights: scatter([6, 5], 20, scale), biases: scatter([6, 1], 21, scale), output: scatter([6, 1], 22, scale),
      bound: 0.02)
  }

  private let goldenSets = (x: scatter([7, 5], 1), y: scatter([4, 5], 2, 1.5))

  @Test func `values, dual and gradients of a potential are PyTorch's`() throws {
    let golden = try Golden.load("matching")
    let ((x, y), f) = (goldenSets, try self.golden(scale: 0.4))
    #expect(agree(try f.values(of: x).flattened(), golden["kr values x"], absolute: 1e-6))
    #expect(agree(try f.values(of: y).flattened(), golden["kr values y"], absolute: 1e-6))
    let (dual, gradients) = try valueAndGradients(at: [x, y]) { points throws(TensorError) in
      try f.difference(from: points[1], to: points[0])
    }
    #expect(agree(dual, golden["kr dual"], absolute: 1e-6))
    #expect(agree(gradients[0], golden["kr gradient x"], absolute: 1e-6))
    #expect(agree(gradients[1], golden["kr gradient y"], absolute: 1e-6))
    #expect(agree(Tensor(try f.lipschitzBound), golden["kr bound"], absolute: 1e-6))
  }

  @Test(arguments: [("ascent", 7), ("turns", 4)], [1, 2, 3, 10, 100])
  func `the ascent is that of PyTorch's Adam`(name: (String, batch: Int), steps: Int) throws {
    let golden = try Golden.load("matching")
    let ((name, batch), (x, y)) = (name, goldenSets)
    let f = try self.golden(scale: 0.002).ascended(from: y, to: x, steps: steps, rate: 1e-3, batch: batch)
    for (part, parameter) in [
      ("W1", try f.weights), ("b1", try f.biases.flattened()), ("w2", try f.output.flattened()),
    ] {
      #expect(agree(parameter, golden["\(name) \(steps) \(part)"], absolute: 1e-6), "\(part)")
    }
    let dual = try f.difference(from: y, to: x)
    #expect(agree(dual, golden["\(name) \(steps) dual"], absolute: 1e-8, relative: 1e-3))
    guard name == "ascent", steps == 100 else { return }
    #expect(agree(Tensor(try f.lengthOfDM(from: y, to: x)), golden["ascent DM"]))
  }

  /// Pairs of sets whose exact distance POT computed: `Scripts/golden/matching.py`.
  private static let pairs = [[7, 4, 5], [12, 5, 3], [30, 30, 4], [1, 6, 2], [9, 2, 16], [40, 10, 32]]

  @Test(arguments: pairs) func `the dual by its Lipschitz bound is at most the exact distance`(sizes: [Int]) throws {
    let x = scatter([sizes[0], sizes[2]], 1)
    let y = scatter([sizes[1], sizes[2]], 2, 1.5)
    let exact = try #require(
      Golden.load("matching")["w1 \(sizes[0]) \(sizes[1]) \(sizes[2])"]?.values.first)
    var best = 0.0
    for bound in [0.02, 0.3, 3] {
      let f = try ascended(from: y, to: x, bound: bound)
      let dual = try f.difference(from: y, to: x).item
      let steepest = try f.lipschitzBound
      #expect(dual > 0 && dual / steepest <= exact * 1.0001)
      // Lemma 1: hidden units h, inputs d.
      let lemma = bound * bound * (Double(8 * sizes[2]) * 8).squareRoot()
      #expect(steepest <= lemma * 1.0001)
      best = max(best, dual / steepest)
    }
    // A bound that is not empty: a good part of the distance is found.
    #expect(best > 0.15 * exact)
  }

  @Test func `no two points have values farther apart than the bound allows`() throws {
    let x = scatter([20, 6], 3)
    let y = scatter([9, 6], 4, 1.5)
    let f = try ascended(from: y, to: x)
    let points = scatter([40, 6], 5, 3)
    let values = try f.values(of: points)
    let differences = try (values - values.transposed()).abs()
    let distances = try points.squaredDistances(to: points).sqrt()
    let excess = try (differences - f.lipschitzBound * distances).max().item
    #expect(excess < 1e-4)
  }

  @Test func `every parameter stays within the bound`() throws {
    let f = try ascended(from: scatter([9, 6], 4, 1.5), to: scatter([20, 6], 3), bound: 0.05)
    for parameter in [try f.weights, try f.biases, f.output] {
      #expect(try parameter.abs().max().item <= Double(Float(0.05)))
    }
    // And the bound is reached: the ascent is not over before it matters.
    #expect(try f.weights.abs().max().item == Double(Float(0.05)))
  }

  @Test func `gradients of a potential are those of its values`() throws {
    let f = try ascended(from: scatter([9, 6], 4, 1.5), to: scatter([20, 6], 3))
    let points = scatter([5, 6], 6)
    let expected = try valueAndGradients(at: [points]) { x throws(TensorError) in try f.values(of: x[0]).sum() }
      .gradients[0]
    #expect(try (f.gradients(at: points) - expected).abs().max().item < 1e-6)
  }

  /// As in the paper's figure 2: the second half of the ascent adds little.
  @Test func `a potential has converged within the paper's steps`() throws {
    var random = RandomSource(seed: 3)
    let method = KRDual()
    let x = random.normal([256, 512]).abs()
    let y = random.normal([10, 512]).abs() + scatter([1, 512], 9, 0.3)
    var values: [Double] = []
    let start = Potential(dimension: 512, hidden: method.hidden, bound: method.bound, using: &random)
    let end = try start.ascended(
      from: y, to: x, steps: method.ascentSteps, rate: method.ascentRate, batch: KRDual.potentialBatch
    ) { f throws(TensorError) in values.append(try f.difference(from: y, to: x).item) }
    values.append(try end.difference(from: y, to: x).item)
    #expect(values.count == 101 && method.ascentSteps == 100)
    let shares = values.map { $0 / values[100] }
    #expect(shares[0] < 0.1 && shares[50] > 0.9 && shares[75] > 0.98)
    #expect(abs(shares[99] - 1) < 0.01)
  }

  @Test func `equal sets leave the images where they are`() throws {
    let x = scatter([6, 5], 1)
    let f = try ascended(from: x, to: x)
    #expect(abs(try f.difference(from: x, to: x).item) < 1e-6)
  }

  @Test func `in DM's units its gradients are as long as DM's, in its own far shorter`() throws {
    func norm(_ change: (inout KRDual) -> Void = { _ in }) throws -> Double {
      try condensed([2, 2, 2], steps: 1) {
        $0.images.network.filters = 64
        change(&$0)
      }.lastReport?.gradientNorm ?? 0
    }
    var dm = DistributionMatching()
    dm.images.network = toy.choice
    dm.images.network.filters = 64
    (dm.steps, dm.images.realBatch) = (1, 8)
    let expected =
      try dm.condense(
        toy, counts: [2, 2, 2], normalization: Normalization.measured(on: toy), using: RandomSource(seed: 1)
      ).lastReport?.gradientNorm ?? 0
    let scaled = try norm()
    #expect(scaled > expected / 3 && scaled < expected * 3)
    #expect(try norm { $0.units = .dual } < scaled / 3)
  }

  @Test func `the distance falls on a toy set`() throws {
    let losses = Mutex<[Double]>([])
    _ = try condensed(
      [3, 3, 3], steps: 60, control: RunControl(progress: { r in losses.withLock { $0.append(r.loss) } })
    ) {
      $0.images.initialization = .noise
      $0.images.augmentation = AugmentationStrategy.none
      $0.images.realBatch = 12
      $0.images.learningRate = 10
    }
    let all = losses.withLock { $0 }
    let (first, last) = (all.prefix(10).reduce(0, +), all.suffix(10).reduce(0, +))
    #expect(last < 0.7 * first)
  }
}
