public import Tensors

/// Where a run that learns images stands after a step: all there is to go on from, as if nothing had come between.
///
/// Everything else follows from the seed and the number of the step. Tensors are by class that has images, ascending; images (m, C, H, W)
/// are normalised.
public struct ImageCheckpoint: Sendable {
  /// The report of the last step.
  public var report: StepReport
  /// The images.
  public var images: [Tensor]
  /// The moments of their SGD; empty without momentum.
  public var moments: [Tensor]
  /// The images before the first step, from which their movement is measured.
  public var start: [Tensor]

  /// A checkpoint; see the properties.
  public init(report: StepReport, images: [Tensor], moments: [Tensor], start: [Tensor]) {
    self.report = report
    self.images = images
    self.moments = moments
    self.start = start
  }
}
