/// Adam with decoupled weight decay, as torch.optim.AdamW does it; plain Adam without decay.
///
/// m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  p ← (1 − rate·decay)·p − rate · m̂ / (√v̂ + ε)
///
/// with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) at step t.
/// I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization. ICLR 2019.
public struct Adam: Sendable {
  /// Step size; may be changed between steps.
  public var learningRate: Double
  /// Share of the gradient's running mean that is kept.
  public let beta1: Double
  /// Share of the squared gradient's running mean that is kept.
  public let beta2: Double
  /// Added to the divisor.
  public let eps: Double
  /// Share of the parameter, times the rate, that is subtracted at each step.
  public let weightDecay: Double
  /// Steps made.
  public private(set) var steps = 0
  /// All running means, then all running squares; empty before the first step.
  private var moments: [Tensor] = []

  /// Stores the settings.
  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8, weightDecay: Double = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.eps = eps
    self.weightDecay = weightDecay
  }

  /// Moves `parameters` against `gradients`; the parameters are the same ones, in the same order, at every step.
  ///
  /// Throws when counts, shapes or types differ, and then nothing has moved.
  public mutating func step(_ parameters: inout [Tensor], _ gradients: [Tensor]) throws(TensorError) {
    let count = parameters.count
    guard gradients.count == count, moments.isEmpty || moments.count == 2 * count else {
      throw TensorError(
        "Adam.step", [],
        "\(count) parameters, \(gradients.count) gradients, \(moments.count) moments of the step before")
    }
    guard count > 0 else { return }
    let (p, g, m) = (parameters.map(\.reference), gradients.map(\.reference), moments.map(\.reference))
    let (number, rate, beta1, beta2, eps, decay) = (steps + 1, learningRate, beta1, beta2, eps, weightDecay)
    let results = try Tensor.make(3 * count, "Adam.step", parameters + gradients + moments) {
      C.adamStep(p, g, m.isEmpty ? nil : m, count, Int64(number), rate, beta1, beta2, eps, decay, $0)
    }
    parameters = Array(results[..<count])
    moments = Array(results[count...])
    steps = number
  }
}
