public import Networks

/// What a run costs, reckoned from shapes: operations, and memory by purpose.
///
/// Seconds follow from a rate that is measured on the machine; see `Work`.
public struct Cost: Sendable {
  /// Floating-point operations of a step, on average; nil where there are no steps to estimate.
  public var operationsPerStep: Double?
  /// How much longer operations of a step take than those of the network's forward pass, with which the machine is measured.
  public var slowness = 1.0
  /// That network; nil where nothing is computed with one.
  public var network: Architecture?
  /// How many steps are taken when nobody says; nil where that does not depend on the machine.
  public var usualSteps: UsualSteps?
  /// The network whose features are compared, where some are.
  public var features: FeatureNetwork.Recipe?
  /// Memory beside the decoded real images.
  public var memory: MemoryNeed

  /// The cost of what computes next to nothing.
  init(memory: MemoryNeed) { self.memory = memory }
}

/// Steps by default: about as much work as two cores do in some minutes, more on more cores.
///
/// Counted from the work and the machine's size, not from a clock, so that the same machine gives the same number.
public struct UsualSteps: Sendable, Equatable {
  /// Operations for each thread.
  public var allowance: Double
  /// Fewest and most steps.
  public var range: ClosedRange<Int>

  /// A rule; see the properties.
  public init(allowance: Double, range: ClosedRange<Int>) {
    self.allowance = allowance
    self.range = range
  }

  /// Steps of so many operations each on so many threads: a multiple of 50 within the range.
  public func steps(of operations: Double, threads: Int) -> Int {
    let steps = allowance * Double(threads) / operations
    return min(range.upperBound, max(range.lowerBound, Int(min(1e9, (steps / 50).rounded())) * 50))
  }
}
