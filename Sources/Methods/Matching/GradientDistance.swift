public import Networks
public import Tensors

/// How far two gradients of a network's loss with respect to its weights are apart.
///
/// Over the weights W of the layers that are compared, each a matrix of one row per output (for a convolution its filter):
///   cosine    Σ_W Σ_rows (1 − ⟨g, g'⟩ / (‖g‖ ‖g'‖ + 1e-6))
///   squared   Σ_W ‖g − g'‖²
///   absolute  Σ_W ‖g − g'‖₁
/// Reference: Zhao, Mopuri & Bilen, "Dataset Condensation with Gradient Matching", ICLR 2021, Eq. 10 and its code for cosine;
/// the published code of IDC for the others, sums without any division.
public enum GradientDistance: String, Sendable, CaseIterable, SettingValue {
  /// The direction of every row alone.
  case cosine
  /// Squares of all differences.
  case squared
  /// Absolute values of all differences.
  case absolute

  /// The distance, a scalar; differentiable in both gradients any number of times.
  ///
  /// - Precondition: the gradients are of weights, with an axis of outputs first and at least one more.
  public func callAsFunction(_ gradients: [Tensor], _ others: [Tensor]) throws(TensorError) -> Tensor {
    precondition(
      gradients.count == others.count && !gradients.isEmpty,
      "\(gradients.count) gradients cannot be compared with \(others.count)")
    var sum: Tensor?
    for (gradient, other) in zip(gradients, others) {
      let part = try one(gradient, other)
      sum = sum.map { $0 + part } ?? part
    }
    return sum ?? .zeros([])
  }

  private func one(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    switch self {
    case .squared: return (a - b).squared().sum()
    case .absolute: return (a - b).abs().sum()
    case .cosine:
      precondition(a.rank >= 2, "a gradient of shape \(a.shape) has no rows to compare")
      let (a, b) = (try a.flattened(from: 1), try b.flattened(from: 1))
      // A row without a gradient has a length that cannot be differentiated; a trifle more, and it can.
      let lengths = try [a, b].map { rows throws(TensorError) in
        try (rows.squared().sum(axes: [1]) + 1e-24).sqrt()
      }
      return try (1 - (a * b).sum(axes: [1]) / (lengths[0] * lengths[1] + 1e-6)).sum()
    }
  }
}

/// The layers whose gradients are compared; biases and norms never are.
public enum ComparedLayers: String, Sendable, CaseIterable, SettingValue {
  /// Convolutions and linear layers, as in DC.
  case all
  /// Convolutions alone, as in IDC.
  case convolutions

  /// Places of their weights among the parameters of a network.
  public func places(in network: Architecture) -> [Int] {
    network.parameterShapes.indices.filter { place in
      let rank = network.parameterShapes[place].count
      return self == .all ? rank >= 2 : rank == 4
    }
  }
}

/// The gradients, with respect to the parameters at `places`, of the mean cross entropy of images of one class: constants.
///
/// The images (n, C, H, W) go through in nearly equal chunks whose gradients are added.
public func classGradients(
  of network: Network, at places: [Int], images: Tensor, label: Int
) throws(TensorError) -> [Tensor] {
  let count = images.shape[0]
  var sums: [Tensor] = []
  for range in evenRanges(count, atMost: passSize) {
    let chunk = try images.slice(axis: 0, from: range.lowerBound, to: range.upperBound)
    let gradients = try valueAndGradients(at: places.map { network.parameters[$0] }) { weights throws(TensorError) in
      try network.with(weights, at: places).lossSum(of: chunk, label: label) * (1 / Double(count))
    }.gradients
    sums = sums.isEmpty ? gradients : zip(sums, gradients).map { $0 + $1 }
  }
  return sums
}

/// The same as a function of the images, which can be differentiated.
public func differentiableClassGradients(
  of network: Network, at places: [Int], images: Tensor, label: Int
) throws(TensorError) -> [Tensor] {
  let count = images.shape[0]
  return try valueAndGradients(at: places.map { network.parameters[$0] }, createGraph: true) {
    weights throws(TensorError) in
    let network = try network.with(weights, at: places)
    var sum: Tensor?
    for range in evenRanges(count, atMost: passSize) {
      let part = try network.lossSum(
        of: images.slice(axis: 0, from: range.lowerBound, to: range.upperBound), label: label)
      sum = sum.map { $0 + part } ?? part
    }
    return (sum ?? .zeros([])) * (1 / Double(count))
  }.gradients
}

extension Network {
  /// The network with other weights at some places.
  fileprivate func with(_ weights: [Tensor], at places: [Int]) throws(TensorError) -> Network {
    var all = parameters
    for (place, weight) in zip(places, weights) { all[place] = weight }
    return with(parameters: all)
  }

  /// Cross entropy of images of one class, summed.
  fileprivate func lossSum(of images: Tensor, label: Int) throws(TensorError) -> Tensor {
    try -self(images).logSoftmax(axis: 1).slice(axis: 1, from: label, to: label + 1).sum()
  }
}
