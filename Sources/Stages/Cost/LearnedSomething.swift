import Datasets
import Methods

/// Throws where a run learned nothing: it was stopped before the end of its first step, or the loss of its last step is not
/// finite.
///
/// Asked before anything is published.
///
/// - Parameters:
///   - report: of the last step; nil where there was none.
///   - method: as on the command line.
///   - remedy: what to choose otherwise, with the method's own options.
func checkLearned(
  _ report: StepReport?, method: String, dataset: String, remedy: String
) throws(DataError) {
  guard let report else { throw stoppedBeforeFirstStep(method, dataset) }
  guard report.hasDiverged else { return }
  throw DataError(
    .usage, at: [dataset], "\(method) diverged: the loss of step \(report.step) is \(report.loss)", remedy: remedy)
}

/// The error of a run that was stopped, or whose time was up, before it had made a step: what it started from is not a result.
func stoppedBeforeFirstStep(_ method: String, _ dataset: String) -> DataError {
  DataError(
    .temporary, at: [dataset], "\(method) was stopped before its first step was finished; nothing is published",
    remedy: "give it more time")
}
