internal import Datasets
public import Networks
public import Tensors

/// What a run costs, estimated from shapes: operations, and memory by purpose.
///
/// Seconds follow from a rate that is measured on the machine; see `Work`.
public struct Cost: Sendable {
  /// Floating-point operations of a step, on average; nil where there are no steps to estimate.
  public var operationsPerStep: Double?
  /// Floating-point operations between the training of networks and the first step: of clusters of embeddings.
  public var operationsBefore = 0.0
  /// How much longer operations of a step take than those of the probe.
  public var slowness = 1.0
  /// With what the machine is measured; nil where next to nothing is computed.
  public var probe: Probe?
  /// How many steps are taken when nobody says; nil where that does not depend on the machine.
  public var usualSteps: UsualSteps?
  /// The network whose features are compared, where some are.
  public var features: FeatureNetwork.Recipe?
  /// The trajectories that it asks for; those of the first images come first.
  public var trajectories: [TrajectoryRecipe] = []
  /// Whether networks learn from real images of all classes between the steps.
  public var trainsOnAllClasses = false
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

/// A piece of work of a method's own kind, by which a machine is measured: it is timed, and tells the rate of operations.
public struct Probe: Sendable {
  /// Floating-point operations of one pass.
  public var operations: Double
  /// Draws what is needed, and gives the pass.
  public var prepare: @Sendable () -> (() throws(TensorError) -> Void)

  /// A probe; see the properties.
  public init(operations: Double, prepare: @escaping @Sendable () -> (() throws(TensorError) -> Void)) {
    self.operations = operations
    self.prepare = prepare
  }

  /// The forward pass of a chunk of images through a network.
  public init(_ network: Architecture) {
    self.init(operations: network.operations * Double(chunkSize)) {
      var random = RandomSource(seed: 0)
      let drawn = Network(network, using: &random)
      let images = Tensor.zeros([chunkSize, network.input.channels, network.input.height, network.input.width])
      return { () throws(TensorError) in _ = try drawn.embed(images).floats() }
    }
  }
}

/// Cost of a phase of learning.
public struct PhaseCost: Sendable {
  /// `pre-training` or `fine-tuning`.
  public var name: String
  /// The option that tells its steps.
  public var stepsOption: String
  /// Steps that were asked for; nil for a number that suits the machine.
  public var steps: Int?
  /// Floating-point operations of a step.
  public var operationsPerStep: Double
  /// Seconds of a step beside them.
  public var secondsBeside = 0.0
  /// Steps when nobody says.
  public var usualSteps: UsualSteps
  /// Memory beside the decoded images.
  public var memory: MemoryNeed
}

/// Cost of an expansion.
public struct ExpandingCost: Sendable {
  /// Of learning; nil where nothing is learned.
  public var phase: PhaseCost?
  /// The networks that it asks for, trained on the samples; nil where it needs none.
  public var teachers: TrajectoryRecipe?
  /// Floating-point operations of one new image; 0 where that is next to nothing.
  public var operationsPerImage = 0.0
  /// Memory beside the decoded images.
  public var memory: MemoryNeed
  /// With what the machine is measured; nil where next to nothing is computed.
  public var probe: Probe?
}
