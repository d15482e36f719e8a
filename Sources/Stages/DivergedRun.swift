import Datasets
import Methods

/// Throws where the loss of a run's last step is no finite number: what such a run learned is nothing.
///
/// Asked before anything is published. A run that made no step passes.
///
/// - Parameters:
///   - method: as on the command line.
///   - remedy: what to choose otherwise, with the method's own options.
func checkConverged(
  _ report: StepReport?, method: String, dataset: String, remedy: String
) throws(DataError) {
  guard let report, report.hasDiverged else { return }
  throw DataError(
    .usage, at: [dataset], "\(method) diverged: the loss of step \(report.step) is \(report.loss)", remedy: remedy)
}
