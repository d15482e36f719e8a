public import Networks
public import Tensors

/// How a run looks from outside after one step.
public struct StepReport: Sendable, Equatable {
  /// Steps completed, counted from 1.
  public var step: Int
  /// Steps that the run was asked for.
  public var steps: Int
  /// The loss of this step, summed over the classes.
  public var loss: Double
  /// Euclidean length of the loss's gradient with respect to all that is being optimised.
  public var gradientNorm: Double
  /// Root mean square distance of the synthetic images from where they began, in deviations of the data.
  ///
  /// It is 0 where no images are optimised. A loss that falls while this stays at nearly 0 is a step that is too small.
  public var movement: Double
  /// Anything worth saying in words.
  public var note: String?
  /// What is being done, where that is not yet the method itself: `features`; nil for the method.
  public var phase: String?
  /// What is counted, where it is not steps.
  public var unit: String?
  /// What the loss is made of, unweighted, where it has several parts.
  public var terms: [LossTerm]

  /// A report; see the properties.
  public init(
    step: Int, steps: Int, loss: Double, gradientNorm: Double = 0, movement: Double = 0, note: String? = nil,
    phase: String? = nil, unit: String? = nil, terms: [LossTerm] = []
  ) {
    self.step = step
    self.steps = steps
    self.loss = loss
    self.gradientNorm = gradientNorm
    self.movement = movement
    self.note = note
    self.phase = phase
    self.unit = unit
    self.terms = terms
  }

  /// Whether the loss is no finite number any more: nothing comes of further steps.
  public var hasDiverged: Bool { !loss.isFinite }
}

/// One part of a loss.
public struct LossTerm: Sendable, Equatable {
  /// A short name: `ce`.
  public var name: String
  /// Its value, unweighted.
  public var value: Double

  /// A part; see the properties.
  public init(name: String, value: Double) {
    self.name = name
    self.value = value
  }
}

/// Gives a trained feature network and its steps of training, from its recipe and the training.
public typealias FeatureNetworkSource =
  @Sendable (FeatureNetwork.Recipe, () throws(TensorError) -> (network: Network, steps: Int)) throws(TensorError) -> (
    network: Network, steps: Int
  )

/// Gives trajectories by their recipe: those that were given or kept, or what the training makes now.
///
/// The training begins with what it is handed: snapshots that were kept, by network and epoch, as far as there are any. It hands out all snapshots of a
/// network after each of its epochs.
public typealias TrajectorySource =
  @Sendable (
    TrajectoryRecipe,
    (_ kept: [[Network]], _ reached: (_ number: Int, _ snapshots: [Network]) -> Void) throws(TensorError) ->
      Trajectories
  ) throws(TensorError) -> Trajectories

/// What the world may ask of a running method: to be told of progress, to stop, to hand out intermediate images.
///
/// Methods read no clock and print nothing; time limits, signals and progress bars live behind these closures, which
/// are called between steps on the thread that computes.
public struct RunControl: Sendable {
  /// Called after every step.
  public var progress: @Sendable (StepReport) -> Void
  /// Asked before every step; `true` ends the run with what it has reached.
  public var shouldStop: @Sendable () -> Bool
  /// The steps after which `snapshot` is called, beside the last.
  public var snapshotSteps: Set<Int>
  /// Receives the images reached after a step named in `snapshotSteps`.
  public var snapshot: @Sendable (Int, Synthetic) -> Void
  /// Receives what a run that learns images can be continued from, after every step where it can; nil where nobody asks.
  public var checkpoint: (@Sendable (ImageCheckpoint) -> Void)?
  /// Where an earlier run of the same method, data and options stopped; nil for a run from the start.
  public var resumed: ImageCheckpoint?
  /// Gives the first images of a class, un-normalised (n, C, H, W), where they are not those of the method's initialization: nil.
  public var firstImages: @Sendable (_ label: Int) -> Tensor? = { _ in nil }
  /// Gives the feature network of a recipe: one that was kept, or what the training makes now.
  public var featureNetwork: FeatureNetworkSource = { _, train in try train() }
  /// Gives the trajectories of a recipe; methods ask by `TrajectoryRecipe.trajectories`.
  public var trajectories: TrajectorySource = { _, train in try train([], { _, _ in }) }

  /// A control that reports to nobody and never stops, unless given otherwise.
  public init(
    progress: @escaping @Sendable (StepReport) -> Void = { _ in },
    shouldStop: @escaping @Sendable () -> Bool = { false },
    snapshotSteps: Set<Int> = [],
    snapshot: @escaping @Sendable (Int, Synthetic) -> Void = { _, _ in }
  ) {
    self.progress = progress
    self.shouldStop = shouldStop
    self.snapshotSteps = snapshotSteps
    self.snapshot = snapshot
  }
}
