import Datasets
import Methods
import Networks
import Synchronization
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct SelectionTests {
  @Test func `herding on a line alternates around the mean`() throws {
    // Mean 3: the nearest is 3 itself; then the pairs that keep the sum at the mean.
    let line = Tensor([0, 3, 6, 1, 5], shape: [5, 1])
    let picks = try Herding.picks(5, from: line)
    #expect(picks[0] == 1)
    #expect(Set(picks[1...2]) == [3, 4])
    #expect(Set(picks[3...4]) == [0, 2])
  }

  @Test func `herding picks what brute force picks`() throws {
    var random = RandomSource(seed: 8)
    let rows = (0..<30).map { _ in random.normal(4).map(Double.init) }
    let picks = try Herding.picks(12, from: Tensor(rows.flatMap { $0.map(Float.init) }, shape: [30, 4]))
    let mean = (0..<4).map { d in rows.reduce(0) { $0 + $1[d] } / 30 }
    var sum = [Double](repeating: 0, count: 4)
    var expected: [Int] = []
    for k in 1...12 {
      let distances = rows.indices.map { j in
        (0..<4).reduce(0.0) { total, d in
          let gap = Double(k) * mean[d] - sum[d] - rows[j][d]
          return total + gap * gap
        }
      }
      let best = rows.indices.filter { !expected.contains($0) }.min { distances[$0] < distances[$1] } ?? -1
      expected.append(best)
      for d in 0..<4 { sum[d] += rows[best][d] }
    }
    #expect(picks == expected)
  }

  @Test func `herding's picks keep the mean better than random ones`() throws {
    var random = RandomSource(seed: 3)
    let rows = random.normal([200, 8])
    func gap(_ picks: [Int]) throws -> Double {
      let chosen = try rows.indexed(by: Tensor(integers: picks)).mean(axes: [0])
      return (try rows.mean(axes: [0]) - chosen).squared().sum().item
    }
    let herded = try gap(Herding.picks(10, from: rows))
    for _ in 0..<10 { #expect(herded < (try gap(random.choice(10, of: 200)))) }
  }

  @Test func `k-center reaches twice the best radius or less`() throws {
    var random = RandomSource(seed: 5)
    let points = (0..<9).map { _ in random.uniform(2).map(Double.init) }
    let rows = Tensor(points.flatMap { $0.map(Float.init) }, shape: [9, 2])
    func radius(_ centres: [Int]) -> Double {
      points.map { p in
        centres.map { c in
          ((p[0] - points[c][0]) * (p[0] - points[c][0]) + (p[1] - points[c][1]) * (p[1] - points[c][1])).squareRoot()
        }.min() ?? .infinity
      }.max() ?? 0
    }
    var best = Double.infinity
    for a in 0..<9 { for b in a + 1..<9 { for c in b + 1..<9 { best = min(best, radius([a, b, c])) } } }
    for first in 0..<9 {
      let picks = try KCenter.picks(3, from: rows, first: first)
      #expect(picks.first == first && Set(picks).count == 3)
      #expect(radius(picks) <= 2 * best + 1e-6)
    }
  }

  @Test func `k-center walks a line from one end to the other and then to the middle`() throws {
    let line = Tensor([0, 1, 2, 5, 10], shape: [5, 1])
    #expect(try KCenter.picks(3, from: line, first: 0) == [0, 4, 3])
    #expect(Set(try KCenter.picks(9, from: line, first: 2)) == [0, 1, 2, 3, 4])
  }

  @Test func `selections are exact real images, without repetition, by class, also of unequal counts`() throws {
    let toy = Toy(counts: [7, 9, 4])
    let normalization = Normalization.measured(on: toy)
    let counts = [2, 5, 8]
    for type in Registry.methods where !type.traits.learns {
      var method = type.init()
      // Of methods that compare features: an untrained network is enough.
      method.steps = 0
      let result = try method.condense(
        toy, counts: counts, normalization: normalization, using: RandomSource(seed: 2), control: RunControl())
      let synthetic = result.synthetic
      // The third class has only four images.
      #expect(synthetic.labels == [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2])
      let sources = try #require(synthetic.sources)
      #expect(sources.map(\.label) == synthetic.labels)
      #expect(Set(sources.map { $0.label * 100 + $0.index }).count == sources.count)
      let pixels = (synthetic.images * 255).rounded().bytes()
      #expect(pixels == sources.flatMap { toy.pixels[$0.label][$0.index] })
    }
  }

  @Test func `a class with a count of 0 is left out and does not change the others`() throws {
    let toy = Toy(counts: [6, 6, 6])
    let all = try RandomSelection.select(from: toy, counts: [2, 3, 2], using: RandomSource(seed: 7))
    let part = try RandomSelection.select(from: toy, counts: [0, 3, 0], using: RandomSource(seed: 7))
    #expect(part.synthetic.sources == all.synthetic.sources?.filter { $0.label == 1 })
  }

  @Test func `the feature network learns the toy classes and is the same twice`() throws {
    let toy = Toy(counts: [20, 20])
    var training = FeatureNetwork.Options()
    training.steps = 12
    training.batchSize = 16
    let normalization = Normalization.measured(on: toy)
    func trained() throws -> Network {
      try FeatureNetwork.trained(
        on: toy, network: toy.network, normalization: normalization, training: training, using: RandomSource(seed: 3)
      ).network
    }
    let network = try trained()
    #expect(try accuracy(of: network, on: Toy(counts: [15, 15], seed: 9), normalization: normalization).overall > 0.9)
    #expect(try trained().parameters.map { $0.floats() } == network.parameters.map { $0.floats() })
  }

  @Test(arguments: [0, 2, 4]) func `a feature network that is stopped is one of fewer steps`(stop: Int) throws {
    let toy = Toy(counts: [5, 5])
    func trained(steps: Int, stopAfter: Int = .max) throws -> (network: Network, steps: Int) {
      var training = FeatureNetwork.Options()
      training.steps = steps
      // The rate falls before the stop at 4, and its place does not depend on the steps that were asked for.
      training.stepsAtFullRate = 3
      training.batchSize = 4
      let done = Mutex(0)
      return try FeatureNetwork.trained(
        on: toy, network: toy.network, normalization: .measured(on: toy), training: training,
        using: RandomSource(seed: 3),
        control: RunControl(
          progress: { report in done.withLock { $0 = report.step } },
          shouldStop: { done.withLock { $0 >= stopAfter } }))
    }
    let (stopped, whole) = (try trained(steps: 5, stopAfter: stop), try trained(steps: stop))
    #expect(stopped.steps == stop && whole.steps == stop)
    #expect(stopped.network.parameters.map { $0.floats() } == whole.network.parameters.map { $0.floats() })
  }

  @Test func `measured normalisation is the mean and deviation of all pixels`() {
    let toy = Toy(counts: [3, 2], channels: 2, side: 4)
    let measured = Normalization.measured(on: toy)
    let images = toy.pixels.flatMap { $0 }
    for channel in 0..<2 {
      let values = images.flatMap { $0[(channel * 16)..<(channel * 16 + 16)] }.map { Double($0) / 255 }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      #expect(abs(Double(measured.mean[channel]) - mean) < 1e-6)
      #expect(abs(Double(measured.std[channel]) - variance.squareRoot()) < 1e-6)
    }
  }
}
