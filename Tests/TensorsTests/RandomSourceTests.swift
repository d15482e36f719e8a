import Testing

@testable import Tensors

@Suite struct RandomSourceTests {
  /// Counter, key and result of three blocks, from the known-answer file of the generator's authors (Random123).
  @Test(
    arguments: [
      ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ] as [([UInt32], [UInt32], [UInt32])])
  func `philox gives the published blocks`(_ counter: [UInt32], _ key: [UInt32], _ expected: [UInt32]) {
    let block = philox((counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
    #expect([block.0, block.1, block.2, block.3] == expected)
  }

  @Test func `the first numbers of seed 0 are the first words of block 0`() {
    var source = RandomSource(seed: 0)
    #expect(source.uniform(2) == [Float(0x66_27e8) / 0x100_0000, Float(0xe1_69c5) / 0x100_0000])
  }

  @Test func `the same seed and split give the same numbers, however much was drawn before`() {
    var a = RandomSource(seed: 5)
    let b = RandomSource(seed: 5)
    _ = a.normal(1000)
    var left = a.split("network", 3)
    var right = b.split("network", 3)
    #expect(left.uniform(9) == right.uniform(9))
    #expect(left.normal(9) == right.normal(9))
    #expect(left.permutation(50) == right.permutation(50))
  }

  @Test func `different names give different sources`() {
    let root = RandomSource(seed: 5)
    let sources = [
      root, RandomSource(seed: 6), root.split(""), root.split("a"), root.split("b"), root.split("ab"),
      root.split("a").split("b"), root.split("a\0"), root.split("a", 0), root.split("a", 0, 0), root.split("a", 1, 2),
      root.split("a", 2, 1), root.split("a", 12), root.split("a", -1), root.split("abcdefgh"),
      root.split("abcdefghi"), root.split("a", 1 << 32),
    ]
    let starts = sources.map { source in
      var copy = source
      return copy.uniform(4)
    }
    #expect(Set(starts).count == sources.count)
  }

  @Test func `a shorter draw is the start of a longer one`() {
    var (a, b) = (RandomSource(seed: 1), RandomSource(seed: 1))
    #expect(a.uniform(5) == Array(b.uniform(11).prefix(5)))
    (a, b) = (RandomSource(seed: 1), RandomSource(seed: 1))
    #expect(a.normal(5) == Array(b.normal(11).prefix(5)))
  }

  @Test func `uniform numbers have the moments of the uniform distribution`() {
    var source = RandomSource(seed: 11)
    let values = source.uniform(40_000).map(Double.init)
    #expect(values.allSatisfy { 0 <= $0 && $0 < 1 })
    // Five standard errors of each moment's estimate.
    expectMoments(values, [0.5, 1.0 / 3, 0.25], [0.0073, 0.0075, 0.0071])
  }

  @Test func `normal numbers have the moments of the normal distribution`() {
    var source = RandomSource(seed: 11)
    let values = source.normal(40_000).map(Double.init)
    expectMoments(values, [0, 1, 0, 3], [0.025, 0.036, 0.097, 0.245])
    // Neighbours come from one radius and angle and must be independent none the less.
    let products = zip(values, values.dropFirst()).map(*)
    #expect(abs(products.reduce(0, +) / Double(products.count)) < 0.025)
  }

  @Test func `integers are equally likely and never reach the bound`() {
    var source = RandomSource(seed: 3)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<14_000 { counts[source.integer(below: 7)] += 1 }
    // 2000 each, with a standard deviation of 41.
    #expect(counts.allSatisfy { abs($0 - 2000) < 205 })
    #expect(source.integer(below: 1) == 0)
    #expect(source.integer(below: .max) >= 0)
  }

  @Test func `a permutation holds every integer once and a choice none twice`() {
    var source = RandomSource(seed: 3)
    #expect(source.permutation(100).sorted() == Array(0..<100))
    let choice = source.choice(10, of: 1000)
    #expect(Set(choice).count == 10)
    #expect(choice.allSatisfy { 0 <= $0 && $0 < 1000 })
    #expect(source.permutation(0).isEmpty)
  }

  @Test func `all six permutations of three are equally likely`() {
    var source = RandomSource(seed: 4)
    var counts: [[Int]: Int] = [:]
    for _ in 0..<6000 { counts[source.permutation(3), default: 0] += 1 }
    #expect(counts.count == 6)
    // 1000 each, with a standard deviation of 29.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 145 })
  }

  private func expectMoments(_ values: [Double], _ expected: [Double], _ tolerance: [Double]) {
    for (power, (moment, bound)) in zip(expected, tolerance).enumerated() {
      let found =
        values.map { value in (0...power).reduce(1) { product, _ in product * value } }
        .reduce(0, +) / Double(values.count)
      #expect(abs(found - moment) < bound, "moment \(power + 1)")
    }
  }
}
