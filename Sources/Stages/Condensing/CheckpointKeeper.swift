import Datasets
import Methods
import Shards
import Synchronization
import Tensors

/// Writes the checkpoints of a run, every so often and at its end.
final class CheckpointKeeper: Sendable {
  private let place: CondenseRequest.Checkpoint
  private let asked: [String: String]
  private let source: String
  private let options: [String: String]
  private let recipe: TrajectoryRecipe?
  private let trials: Trials
  private let context: RunContext
  private let state: Mutex<State>

  private struct State {
    /// Where the run is.
    var latest: ImageCheckpoint?
    /// How the trials until then went.
    var trials = Trials.Record()
    /// The step that was written last.
    var writtenStep: Int?
    /// When it was.
    var writtenAt: Double
    /// SHA-256 of the trained networks.
    var trajectories: String?
    /// What is wrong with the networks: they are not those that the checkpoint was written with.
    var refusal: DataError?
  }

  /// - Parameters:
  ///   - asked: what decides the run, see `CondenseRequest.asked`.
  ///   - source: digest of the real images.
  ///   - options: the method's options in force.
  ///   - recipe: the networks whose snapshots the steps take.
  ///   - trials: what the set reached whenever it was tried.
  init(
    _ place: CondenseRequest.Checkpoint, asked: [String: String], source: String, options: [String: String],
    recipe: TrajectoryRecipe?, trials: Trials, in context: RunContext
  ) {
    self.place = place
    self.asked = asked
    self.source = source
    self.options = options
    self.recipe = recipe
    self.trials = trials
    self.context = context
    state = Mutex(State(writtenStep: place.found?.checkpoint.report.step, writtenAt: context.clock()))
  }

  /// Lets the run begin where the checkpoint stands, and listens to it.
  func take(part control: inout RunControl) {
    control.resumed = place.found?.checkpoint
    if let found = place.found {
      context.log("going on after step \(found.checkpoint.report.step) of \(place.path)")
    }
    control.checkpoint = { [self] in note($0) }
    let (train, shouldStop) = (control.trajectories, control.shouldStop)
    control.trajectories = { [self] asked, make throws(TensorError) in
      let result = try train(asked, make)
      if asked == recipe { note(result) }
      return result
    }
    control.shouldStop = { [self] in state.withLock { $0.refusal != nil } || shouldStop() }
  }

  /// Writes what was not written yet.
  ///
  /// - Throws: `DataError` where the trained networks were not those of the checkpoint.
  func finish() throws(DataError) {
    if let refusal = state.withLock({ $0.refusal }) { throw refusal }
    write()
  }

  private func note(_ trajectories: Trajectories) {
    let hash = SHA256()
    for tensor in trajectories.tensors { tensor.floats().withUnsafeBytes { hash.update($0) } }
    let digest = hash.finish()
    state.withLock { state in
      state.trajectories = digest
      do throws(DataError) {
        try place.found?.check(trajectories: digest, at: place.path)
      } catch {
        state.refusal = error
      }
    }
  }

  private func note(_ checkpoint: ImageCheckpoint) {
    let isDue = state.withLock { state in
      state.latest = checkpoint
      state.trials = trials.record
      return context.clock() - state.writtenAt >= place.interval
    }
    if isDue { write() }
  }

  /// The run is worth more than its checkpoint: a failure is reported, and the next one is tried.
  private func write() {
    let now = context.clock()
    let (latest, tried, trajectories) = state.withLock { state in
      defer { state.writtenAt = now }
      return (state.latest?.report.step == state.writtenStep ? nil : state.latest, state.trials, state.trajectories)
    }
    guard let latest else { return }
    let file = CheckpointFile(
      asked: asked, source: source, options: options, trajectories: trajectories,
      seconds: (place.found?.seconds ?? 0) + now, trials: tried, latest)
    do throws(DataError) {
      try file.write(to: place.path)
      state.withLock { $0.writtenStep = latest.report.step }
    } catch {
      context.log("no checkpoint of step \(latest.report.step): \(error)")
    }
  }
}
