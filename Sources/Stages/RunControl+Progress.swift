import Methods
import Streaming

extension RunControl {
  /// A control that passes the steps of a learning on as the progress of `stage`, with all parts of the loss.
  init(
    reporting stage: String, to progress: @escaping ProgressHandler, shouldStop: @escaping @Sendable () -> Bool
  ) {
    self.init(
      progress: { report in
        progress(
          ProgressEvent(
            stage: stage, done: report.step, total: report.steps, unit: "steps", loss: report.loss,
            gradientNorm: report.gradientNorm, note: report.note,
            terms: report.terms.map { .init(name: $0.name, value: $0.value) }))
      }, shouldStop: shouldStop)
  }
}
