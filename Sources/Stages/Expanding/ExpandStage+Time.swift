internal import Synchronization

/// How a time is shared out between the phases of an expansion.
extension ExpandStage {
  /// With a deadline, and no numbers of steps that were asked for, all phases take as many as fit.
  func takeTime(_ estimate: inout ExpansionEstimate, isFree: Bool) {
    guard let deadline = context.deadline, isFree else { return }
    let left = deadline - context.clock() - estimate.makingSeconds - (estimate.teachers?.seconds ?? 0)
    let whole = estimate.learningSeconds
    for (index, phase) in estimate.phases.enumerated() {
      let share = Double(phase.steps) * phase.secondsPerStep / whole
      estimate.phases[index].steps = Work.steps(of: phase.secondsPerStep, in: left * share)
    }
  }

  /// Asked by the first phase: also true when its share of the time for learning is over, so that the other gets its own.
  func stopAtShare(of estimate: ExpansionEstimate) -> @Sendable () -> Bool {
    let first = estimate.phases.first.map { Double($0.steps) * $0.secondsPerStep } ?? 0
    return stopping { now, deadline in
      now + (deadline - estimate.makingSeconds - now) * first / estimate.learningSeconds
    }
  }

  /// Asked by the last phase: also true when only the time for making the images is left.
  ///
  /// After a pre-training that ended early it makes one step all the same: without any, nothing would be fitted to the samples.
  func stopBeforeMaking(_ estimate: ExpansionEstimate) -> @Sendable () -> Bool {
    let stop = stopping { _, deadline in deadline - estimate.makingSeconds }
    let isAsked = Mutex(estimate.phases.count == 1)
    return {
      isAsked.withLock { isAsked in
        defer { isAsked = true }
        return isAsked
      } && stop()
    }
  }

  /// Also true from `end` on, which is found now from the time that it is and that of the deadline.
  private func stopping(at end: (_ now: Double, _ deadline: Double) -> Double) -> @Sendable () -> Bool {
    let context = context
    guard let deadline = context.deadline else { return context.shouldStop }
    let end = end(context.clock(), deadline)
    return { context.shouldStop() || context.clock() >= end }
  }
}
