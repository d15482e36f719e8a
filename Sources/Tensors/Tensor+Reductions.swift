// Sums, extremes, losses and products. Axes may be negative and then count from the end.

extension Tensor {
  private func reduced(
    _ name: String, _ operation: C.Reduction, _ axes: [Int], _ keepDims: Bool
  ) throws(TensorError) -> Tensor {
    // The C call takes no axes for all of them; over no axes every one of these reductions leaves the tensor as it is.
    guard !axes.isEmpty else { return self }
    let list = axes.map(Int64.init)
    return try Tensor.make(name, [self]) { C.reduce(operation, reference, list, list.count, keepDims, &$0) }
  }

  /// Sum of all elements; rank 0.
  ///
  /// Integers and bools give int64.
  public func sum() -> Tensor { Tensor.must("sum", [self]) { C.reduce(C.sum, reference, nil, 0, false, &$0) } }

  /// Sum along `axes`, which stay with extent 1 when `keepDims`.
  ///
  /// Throws when there is no such axis.
  public func sum(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try reduced("sum", C.sum, axes, keepDims)
  }

  /// Mean of all elements; rank 0.
  ///
  /// - Precondition: The elements are floating point.
  public func mean() -> Tensor { Tensor.must("mean", [self]) { C.reduce(C.mean, reference, nil, 0, false, &$0) } }

  /// Mean along `axes`.
  ///
  /// Throws when there is no such axis or the elements are integers.
  public func mean(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try reduced("mean", C.mean, axes, keepDims)
  }

  /// Largest element; rank 0; equal ones share the gradient.
  ///
  /// Throws when there are no elements.
  public func max() throws(TensorError) -> Tensor {
    try Tensor.make("max", [self]) { C.reduce(C.max, reference, nil, 0, false, &$0) }
  }

  /// Largest elements along `axes`; equal ones share the gradient.
  ///
  /// Throws when there is no such axis.
  public func max(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try reduced("max", C.max, axes, keepDims)
  }

  /// Smallest element; rank 0; equal ones share the gradient.
  ///
  /// Throws when there are no elements.
  public func min() throws(TensorError) -> Tensor {
    try Tensor.make("min", [self]) { C.reduce(C.min, reference, nil, 0, false, &$0) }
  }

  /// Smallest elements along `axes`; equal ones share the gradient.
  ///
  /// Throws when there is no such axis.
  public func min(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try reduced("min", C.min, axes, keepDims)
  }

  /// log Σ exp along `axes`, without overflow.
  ///
  /// Throws when there is no such axis.
  public func logSumExp(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try reduced("logSumExp", C.logSumExp, axes, keepDims)
  }

  /// Variance along `axes` about the mean: the squares are divided by their number (not by one less).
  public func variance(axes: [Int], keepDims: Bool = false) throws(TensorError) -> Tensor {
    try (self - mean(axes: axes, keepDims: true)).squared().mean(axes: axes, keepDims: keepDims)
  }

  /// Index of the largest element along `axis`; int64.
  ///
  /// Throws when there is no such axis.
  public func argmax(axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("argmax", [self]) { C.argmax(reference, Int64(axis), &$0) }
  }

  /// The k largest (or smallest) elements along the last axis, in order, and their indices (int64).
  public func top(
    _ k: Int, largest: Bool = true
  ) throws(TensorError) -> (values: Tensor, indices: Tensor) {
    let both = try Tensor.make(2, "top", [self]) { C.topK(reference, Int64(k), largest, $0, $0 + 1) }
    return (both[0], both[1])
  }

  /// exp x / Σ exp x along `axis`.
  public func softmax(axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("softmax", [self]) { C.softmax(reference, Int64(axis), false, &$0) }
  }

  /// The logarithm of `softmax`, without underflow.
  public func logSoftmax(axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("logSoftmax", [self]) { C.softmax(reference, Int64(axis), true, &$0) }
  }

  /// Running sum along `axis`.
  public func cumulativeSum(axis: Int) throws(TensorError) -> Tensor {
    try Tensor.make("cumulativeSum", [self]) { C.cumulativeSum(reference, Int64(axis), &$0) }
  }

  /// Cross-entropy of logits (n, classes), averaged over the rows; rank 0.
  ///
  /// `labels` are class indices (int64, n) or soft labels: probabilities of the type and shape of the logits.
  /// Throws when a label is out of range or the shapes do not fit.
  public func crossEntropy(labels: Tensor) throws(TensorError) -> Tensor {
    try Tensor.make("crossEntropy", [self, labels]) { C.crossEntropy(reference, labels.reference, &$0) }
  }

  /// Matrix product of the last two axes; the axes before them are broadcast.
  public func matmul(_ other: Tensor) throws(TensorError) -> Tensor {
    try Tensor.make("matmul", [self, other]) { C.matmul(reference, other.reference, &$0) }
  }

  /// x · weightᵀ + bias for x (..., in), weight (out, in), bias (out).
  public func linear(_ weight: Tensor, bias: Tensor? = nil) throws(TensorError) -> Tensor {
    try Tensor.make("linear", [self, weight] + (bias.map { [$0] } ?? [])) {
      C.linear(reference, weight.reference, bias?.reference, &$0)
    }
  }

  /// Squared Euclidean distances of the rows of (n, d) to the rows of (m, d); (n, m), never negative, float32 at least.
  public func squaredDistances(to other: Tensor) throws(TensorError) -> Tensor {
    try Tensor.make("squaredDistances", [self, other]) { C.squaredDistances(reference, other.reference, &$0) }
  }

  /// An orthonormal basis of the space that the columns of (n, k) span: (n, k), for k ≤ n.
  public func orthonormalColumns() throws(TensorError) -> Tensor {
    try Tensor.make("orthonormalColumns", [self]) { C.orthonormalColumns(reference, &$0) }
  }

  /// The eigenvalues (n), ascending, and the eigenvectors, as the columns of (n, n), of a symmetric matrix (n, n).
  public func symmetricEigen() throws(TensorError) -> (values: Tensor, vectors: Tensor) {
    let both = try Tensor.make(2, "symmetricEigen", [self]) { C.symmetricEigen(reference, $0, $0 + 1) }
    return (both[0], both[1])
  }
}
