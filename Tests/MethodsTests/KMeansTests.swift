import Methods
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct KMeansTests {
  @Test func `clouds that lie apart become the groups`() throws {
    var random = RandomSource(seed: 4)
    let centres: [[Float]] = [[0, 0], [10, 0], [0, 10]]
    let points = (0..<30).flatMap { index in centres[index % 3].map { $0 + Float(random.normal()) * 0.3 } }
    let groups = try kMeans(Tensor(points, shape: [30, 2]), count: 3, using: &random)
    for index in groups.indices { #expect(groups[index] == groups[index % 3]) }
    #expect(Set(groups).count == 3)
  }

  @Test func `no group is empty, even of points that are all the same`() throws {
    var random = RandomSource(seed: 4)
    let groups = try kMeans(.ones([6, 3]), count: 4, using: &random)
    #expect(Set(groups) == [0, 1, 2, 3])
    let alone = try kMeans(wave([5, 2], 0.9, 0), count: 5, using: &random)
    #expect(Set(alone).count == 5)
  }

  @Test func `more groups leave less distance`() throws {
    let points = wave([60, 3], 0.7, 0.2)
    var before = Double.infinity
    for count in [1, 3, 10, 60] {
      var random = RandomSource(seed: 1)
      let groups = try kMeans(points, count: count, using: &random)
      let centres = try blockAverages(groups, count: count).matmul(points)
      let rest = (points - (try centres.indexed(by: Tensor(integers: groups)))).squared().sum().item
      #expect(rest < before)
      before = rest
    }
    #expect(before < 1e-6)
  }

  /// Groups {0, 1, 3}, {100, 101, 105} and {1000}, with the means 4/3, 102 and 1000.
  @Test func `representatives are the points nearest to the means of the groups`() throws {
    let line = Tensor([100, 0, 1000, 101, 3, 1, 105], shape: [7, 1])
    for seed in 0..<8 as Range<UInt64> {
      var random = RandomSource(seed: seed)
      #expect(Set(try representatives(of: line, count: 3, using: &random)) == [5, 3, 2])
    }
    var random = RandomSource(seed: 1)
    // The mean of all is 1210/7.
    #expect(try representatives(of: line, count: 1, using: &random) == [6])
  }

  @Test func `representatives are different points, and all of them before one comes again`() throws {
    let points = wave([12, 3], 0.7, 0.2)
    for count in 1...11 {
      var random = RandomSource(seed: 3)
      let chosen = try representatives(of: points, count: count, using: &random)
      #expect(chosen.count == count && Set(chosen).count == count)
    }
    for count in [12, 20, 24] {
      var random = RandomSource(seed: 3)
      let chosen = try representatives(of: points, count: count, using: &random)
      #expect(chosen.count == count && Set(chosen.prefix(12)).count == 12)
      #expect(Set(chosen.dropFirst(12)).count == count - 12)
    }
  }

  @Test func `block averages are the means of the groups`() throws {
    let matrix = blockAverages([1, 0, 1, 1], count: 2)
    let third: Float = 1 / 3
    let expected: [Float] = [0, 1, 0, 0, third, 0, third, third]
    #expect(matrix.floats() == expected)
  }
}
