// Operations with kernels of our own.

/// Which instructions a kernel of our own may use; results differ in rounding only.
enum Instructions: CaseIterable {
  case portable, avx2, avx512

  /// Those that this machine has.
  static var supported: [Instructions] { allCases.filter { C.supportsInstructions($0.code) } }

  fileprivate var code: C.Instructions {
    switch self {
    case .portable: C.portableInstructions
    case .avx2: C.avx2Instructions
    case .avx512: C.avx512Instructions
    }
  }
}

extension Tensor {
  /// The `convolution2d` of 3 × 3 weights, stride 1 and padding 1, in a quarter of the multiplications.
  ///
  /// For multiples of 32 channels and outputs, in float32 or bfloat16 on the CPU. `convolution2d` uses it by itself where
  /// it is faster.
  func convolution3x3(
    _ weight: Tensor, bias: Tensor? = nil, using instructions: Instructions?
  ) throws(TensorError) -> Tensor {
    let code = instructions?.code ?? C.bestInstructions
    return try Tensor.make("convolution3x3", bias.map { [self, weight, $0] } ?? [self, weight]) {
      C.convolution3x3(reference, weight.reference, bias?.reference, code, &$0)
    }
  }

  /// `instanceNorm`, `relu`, `averagePool2d(2)` of images (n, c, h, w) as one operation; an odd last row or column is cut.
  ///
  /// On the CPU, in float32 and bfloat16, it reads x once and writes a quarter of it; the gradient reads x and writes as much. The
  /// result and the gradient are in memory order n, h, w, c, and so should x be. Statistics and sums are float32 in either
  /// type. Gradients with `createGraph`, other types and other devices go through the library's operations.
  ///
  /// - Parameters:
  ///   - weight: (c), in float32 or the type of x.
  ///   - bias: (c), in float32 or the type of x.
  public func normReluPool(weight: Tensor, bias: Tensor, eps: Double = 1e-5) throws(TensorError) -> Tensor {
    try normReluPool(weight: weight, bias: bias, eps: eps, using: nil)
  }

  /// As above with the instructions named, the best ones for nil.
  func normReluPool(
    weight: Tensor, bias: Tensor, eps: Double = 1e-5, using instructions: Instructions?
  ) throws(TensorError) -> Tensor {
    let code = instructions?.code ?? C.bestInstructions
    return try Tensor.make("normReluPool", [self, weight, bias]) {
      C.normReluPool(reference, weight.reference, bias.reference, eps, code, &$0)
    }
  }

  /// A whole block of a network: `convolution2d` of stride 1, then `normReluPool`, in and to type `dtype`.
  ///
  /// For a first block (at most four channels of x, 3 × 3 weights, a multiple of 32 outputs, on the CPU) it is one kernel, which
  /// computes in float32 from x and weights as they are, takes x in either memory order, and keeps nothing of the
  /// convolution: the largest maps of a network are never written. Otherwise it is the two operations, one after the other.
  ///
  /// - Parameters:
  ///   - weight: (outputs, c, k, k).
  ///   - bias: (outputs), added before the norm, which takes it away: the gradient is zero.
  ///   - scale: (outputs), the norm's γ.
  ///   - shift: (outputs), the norm's β.
  public func convolutionNormReluPool(
    _ weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, padding: Int = 1, eps: Double = 1e-5, as dtype: DType
  ) throws(TensorError) -> Tensor {
    try convolutionNormReluPool(
      weight, bias: bias, scale: scale, shift: shift, padding: padding, eps: eps, as: dtype, using: nil)
  }

  /// As above with the instructions named, the best ones for nil.
  func convolutionNormReluPool(
    _ weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor, padding: Int = 1, eps: Double = 1e-5,
    as dtype: DType, using instructions: Instructions?
  ) throws(TensorError) -> Tensor {
    let code = instructions?.code ?? C.bestInstructions
    return try Tensor.make("convolutionNormReluPool", [self, weight, bias, scale, shift]) {
      C.convolutionNormReluPool(
        reference, weight.reference, bias.reference, scale.reference, shift.reference, Int64(padding), eps, dtype.code,
        code, &$0)
    }
  }

  /// As `normReluPool`, by three operations of the library: the independent twin that the kernel is checked against.
  public func normReluPoolComposite(weight: Tensor, bias: Tensor, eps: Double = 1e-5) throws(TensorError) -> Tensor {
    try Tensor.make("normReluPoolComposite", [self, weight, bias]) {
      C.normReluPoolComposite(reference, weight.reference, bias.reference, eps, &$0)
    }
  }
}
