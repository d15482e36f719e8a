public import Datasets
public import Streaming

/// What a run needs from the process around it: the thread that computes, limits, the clock, and where to say what.
public struct RunContext: Sendable {
  /// The thread that all tensors live on.
  public var computeThread: BlockingThread
  /// Threads that the tensor library uses there.
  public var threads = 1
  /// Bytes of decoded images that may stay in RAM.
  public var memoryLimit = 4 << 30
  /// Bytes of memory that there are for everything.
  public var machineMemory = Int.max
  /// Where the rest goes.
  public var spillDirectory = "/tmp"
  /// Where trained feature networks are kept; nil for nowhere.
  public var cacheDirectory: String?
  /// Bounds on images.
  public var limits = Limits()
  /// Steps between two snapshots; nil for none.
  public var snapshotEvery: Int?
  /// Receives snapshots, on the compute thread: the step, and the set reached with its description.
  public var snapshot: @Sendable (Int, DatasetInfo, [Sample]) -> Void = { _, _, _ in }
  /// Asked between steps; true ends the run with what it has reached.
  public var shouldStop: @Sendable () -> Bool = { false }
  /// Receives progress.
  public var progress: ProgressHandler = { _ in }
  /// Receives the estimate, before the first step.
  public var announce: @Sendable (Estimate) -> Void = { _ in }
  /// Receives sentences for the log.
  public var log: @Sendable (String) -> Void = { _ in }
  /// Receives sentences for who wants to know more.
  public var detail: @Sendable (String) -> Void = { _ in }
  /// Seconds from some fixed moment: for estimates, and to share out the time.
  public var clock: @Sendable () -> Double = { 0 }
  /// The moment of `clock` from which on `shouldStop` is true because the time is up; nil for none.
  public var deadline: Double?

  /// A context with a compute thread and otherwise defaults.
  public init(computeThread: BlockingThread) { self.computeThread = computeThread }
}
