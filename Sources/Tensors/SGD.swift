/// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD does it.
///
/// g ← g + decay·p;  m ← momentum·m + g, and m ← g in the first step;  p ← p − rate·m
public struct SGD: Sendable {
  /// Step size; may be changed between steps.
  public var learningRate: Double
  /// Share of the last move that is kept.
  public let momentum: Double
  /// Share of the parameter that is added to its gradient.
  public let weightDecay: Double
  /// Moments of the last step, one per parameter; empty before the first step and without momentum.
  public private(set) var moments: [Tensor]

  /// Stores the settings, and the moments to go on from.
  public init(learningRate: Double, momentum: Double = 0, weightDecay: Double = 0, moments: [Tensor] = []) {
    self.learningRate = learningRate
    self.moments = moments
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  /// Moves `parameters` against `gradients`; the parameters are the same ones, in the same order, at every step.
  ///
  /// Throws when counts, shapes or types differ, and then nothing has moved.
  public mutating func step(_ parameters: inout [Tensor], _ gradients: [Tensor]) throws(TensorError) {
    let count = parameters.count
    guard gradients.count == count, moments.isEmpty || moments.count == count else {
      throw TensorError(
        "SGD.step", [],
        "\(count) parameters, \(gradients.count) gradients, \(moments.count) moments of the step before")
    }
    guard count > 0 else { return }
    let (p, g, m) = (parameters.map(\.reference), gradients.map(\.reference), moments.map(\.reference))
    let keeps = momentum != 0
    let (rate, momentum, decay, first) = (learningRate, momentum, weightDecay, moments.isEmpty)
    let results = try Tensor.make(keeps ? 2 * count : count, "SGD.step", parameters + gradients + moments) {
      C.sgdStep(p, g, first ? nil : m, count, rate, momentum, decay, first, $0, keeps ? $0 + count : nil)
    }
    parameters = Array(results[..<count])
    if keeps { moments = Array(results[count...]) }
  }
}
