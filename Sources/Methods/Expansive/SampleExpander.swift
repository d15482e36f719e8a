public import Tensors

/// Which sample of a class lends features to which: an expander graph on the samples, as a union of permutations.
///
/// The samples stand in a circle in random order; copy e of a sample takes from the one that stands t_e places further. t_1 is 1, the circle
/// itself, so that the graph of the first copies is connected already; t_2, t_3, … are all other distances in random order. So every
/// copy uses each sample once as a lender, and n − 1 copies meet every pair, in both directions, once; then it begins anew.
///
/// Reference: Jebraeeli et al., "Expansive Synthesis", 2024, section 3.3; random Cayley graphs expand by Alon & Roichman, 1994.
public struct SampleExpander: Sendable, Equatable {
  private let order: [Int]
  private let rank: [Int]
  private let steps: [Int]

  /// An expander on `count` samples.
  public init(_ count: Int, using random: inout RandomSource) {
    precondition(count > 0, "a class without samples has no neighbours")
    order = random.permutation(count)
    var rank = Array(repeating: 0, count: count)
    for (place, sample) in order.enumerated() { rank[sample] = place }
    self.rank = rank
    steps = count > 1 ? [1] + random.permutation(count - 2 > 0 ? count - 2 : 0).map { $0 + 2 } : []
  }

  /// The sample that lends features to copy `copy` of a sample; the sample itself for copy 0, and where it is the only one.
  public func lender(to sample: Int, copy: Int) -> Int {
    guard copy > 0, !steps.isEmpty else { return sample }
    return order[(rank[sample] + steps[(copy - 1) % steps.count]) % order.count]
  }
}
