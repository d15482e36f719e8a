public import Methods
import Datasets
public import Networks
public import Tensors

/// Arithmetic that a run takes, and how fast this machine does it: what estimates and default step counts are made of.
public struct Work: Sendable {
  /// Floating-point operations.
  public var operations: Double

  /// Work of so many operations.
  public init(operations: Double) { self.operations = operations }

  /// Training a classifier: forward, and backward to activations and to weights, per image and pass.
  public static func training(network: Architecture, images: Int, passes: Int) -> Work {
    Work(operations: 3 * network.operations * Double(images) * Double(passes))
  }

  /// Seconds of such training where a forward pass reaches `rate` operations a second: training reaches about five sixths.
  public func trainingSeconds(atRate rate: Double) -> Double { 1.2 * operations / rate }

  /// Steps of `seconds` each that fit into a time, with a twentieth to spare; at least one.
  static func steps(of seconds: Double, in time: Double) -> Int {
    max(1, Int(min(1e6, 0.95 * time / seconds)))
  }

  /// Operations per second of this machine, now: a probe, best of three after a warm-up.
  ///
  /// `clock` returns seconds. Must run on the compute thread.
  public static func measuredRate(_ probe: Probe, clock: () -> Double) throws(TensorError) -> Double {
    let pass = probe.prepare()
    var best = Double.infinity
    for round in 0..<4 {
      let start = clock()
      try pass()
      if round > 0 { best = min(best, clock() - start) }
    }
    return probe.operations / best
  }
}

/// What a run will take, before it starts.
public struct Estimate: Sendable, Equatable {
  /// Images that come out.
  public var images: Int
  /// Steps; nil for a selection.
  public var steps: Int?
  /// Seconds of one step; nil for a selection.
  public var secondsPerStep: Double?
  /// What comparing features takes; nil where none are.
  public var features: Features?
  /// Seconds from there to the first step: finding clusters to begin with; 0 where there are none.
  public var startSeconds = 0.0
  /// What training networks on the real images takes, recipe by recipe; none where they are given.
  public var trajectories: [Trajectories] = []
  /// Decoded images in RAM.
  public var decodedBytes: Int
  /// Decoded images in the spill file.
  public var spilledBytes: Int
  /// What computing takes beside them: activations of a chunk, gradients, weights and the library.
  public var workingBytes: Int

  /// The share of a selection by features.
  public struct Features: Sendable, Equatable {
    /// Steps of training their network; 0 where it was kept from an earlier run.
    public var steps: Int
    /// Seconds of training it and of embedding every image in it.
    public var seconds: Double
  }
  /// The share of networks that are trained on the real images.
  public struct Trajectories: Sendable, Equatable {
    /// Number of networks.
    public var networks: Int
    /// Epochs of each.
    public var epochs: Int
    /// Epochs that have to be trained, over all networks; the others were kept from earlier runs.
    public var missingEpochs: Int
    /// Seconds of training them.
    public var seconds: Double

    /// The training of what is missing, where a forward pass reaches `rate` operations a second.
    init(_ recipe: TrajectoryRecipe, missingEpochs: Int, on store: ClassStore, atRate rate: Double) {
      (networks, epochs) = (recipe.training.networks, recipe.training.epochs)
      self.missingEpochs = missingEpochs
      seconds =
        Work.training(network: recipe.network, images: store.count, passes: missingEpochs)
        .trainingSeconds(atRate: rate)
    }
  }
}
