import TensorTurn
import Testing

@testable import Tensors

/// The fused operation against the library's three, computed in float64 from the same inputs.
@Suite(.serialized, .takesTurns) struct NormReluPoolTests {
  /// Image shapes: registers full and in part, odd sizes, one window, and more channels than one task takes.
  static let shapes = [[2, 64, 8, 6], [3, 70, 7, 9], [1, 16, 2, 2], [2, 3, 5, 4], [2, 150, 4, 4]]

  struct Inputs {
    var x, gamma, beta, weights: Tensor

    init(shape: [Int], dtype: DType = .float32, seed: UInt64 = 1) throws {
      var random = RandomSource(seed: seed)
      let channels = shape[1]
      // Means far from zero, so that the statistics matter.
      let offset = random.normal([1, channels, 1, 1]) * 4
      x = (random.normal(shape) * 2 + offset).to(dtype)
      gamma = random.normal([channels]) + 0.5
      beta = random.normal([channels])
      weights = random.normal([shape[0], channels, shape[2] / 2, shape[3] / 2])
    }

    /// Value, sum weighted by `weights`, and its gradients at x, γ and β, all in float64.
    func composite() throws -> [Tensor] {
      let points = [x, gamma, beta].map { $0.to(.float64) }
      let weights = weights.to(.float64)
      let value = try points[0].normReluPoolComposite(weight: points[1], bias: points[2])
      return [value]
        + (try valueAndGradients(at: points) { points throws(TensorError) in
          try (points[0].normReluPoolComposite(weight: points[1], bias: points[2]) * weights).sum()
        }).gradients
    }

    func fused(_ instructions: Instructions?, createGraph: Bool = false) throws -> [Tensor] {
      let weights = weights.to(x.dtype)
      let value = try x.normReluPool(weight: gamma, bias: beta, using: instructions)
      return [value]
        + (try valueAndGradients(at: [x, gamma, beta], createGraph: createGraph) { points throws(TensorError) in
          let y = try points[0].normReluPool(weight: points[1], bias: points[2], using: instructions)
          return (y.to(.float32) * weights.to(.float32)).sum()
        }).gradients
    }
  }

  /// Largest difference, relative to the largest expected value.
  func error(_ found: Tensor, _ expected: Tensor) throws -> Double {
    let difference = try (found.to(.float64) - expected.to(.float64)).abs().max().item
    return try difference / expected.to(.float64).abs().max().item
  }

  @Test(arguments: shapes, Instructions.supported)
  func `value and gradients are the library's in float32`(shape: [Int], instructions: Instructions) throws {
    let inputs = try Inputs(shape: shape)
    for (found, expected) in zip(try inputs.fused(instructions), try inputs.composite()) {
      #expect(found.shape == expected.shape)
      #expect(found.dtype == .float32)
      #expect(try error(found, expected) < 2e-6)
    }
  }

  @Test(arguments: shapes, Instructions.supported)
  func `bfloat16 rounds only what is stored`(shape: [Int], instructions: Instructions) throws {
    var inputs = try Inputs(shape: shape, dtype: .bfloat16)
    inputs.weights = inputs.weights.to(.bfloat16)
    let found = try inputs.fused(instructions)
    let expected = try inputs.composite()
    // One rounding to 8 bits of the value and of dx; the sums for γ and β are float32 and never rounded.
    for i in [0, 1] {
      #expect(found[i].dtype == .bfloat16)
      #expect(try error(found[i], expected[i]) < 0x1p-8)
    }
    for i in [2, 3] {
      #expect(found[i].dtype == .float32)
      #expect(try error(found[i], expected[i]) < 2e-6)
    }
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func `the memory order of the input does not matter`(dtype: DType) throws {
    var inputs = try Inputs(shape: [3, 70, 7, 9], dtype: dtype)
    let rows = try inputs.fused(nil)
    inputs.x = try inputs.x.channelsLast()
    let channelsLast = try inputs.fused(nil)
    for (a, b) in zip(rows, channelsLast) { #expect(a.floats() == b.floats()) }
  }

  @Test func `the composite's gradient is the limit of its difference quotients`() throws {
    let inputs = try Inputs(shape: [2, 3, 5, 4])
    let gradients = Array(try inputs.composite().dropFirst())
    let weights = inputs.weights.to(.float64)
    let points = [inputs.x, inputs.gamma, inputs.beta].map { $0.to(.float64) }
    var random = RandomSource(seed: 2)
    for i in points.indices {
      let direction = random.normal(points[i].shape).to(.float64)
      func value(_ step: Double) throws -> Double {
        var moved = points
        moved[i] = moved[i] + direction * step
        return try (moved[0].normReluPoolComposite(weight: moved[1], bias: moved[2]) * weights).sum().item
      }
      let quotient = try (value(1e-6) - value(-1e-6)) / 2e-6
      let slope = (gradients[i] * direction).sum().item
      #expect(abs(quotient - slope) < 1e-6 * max(1, abs(slope)))
    }
  }

  @Test(arguments: [[2, 64, 8, 6], [2, 3, 5, 4]])
  func `gradients of gradients are the library's`(shape: [Int]) throws {
    let inputs = try Inputs(shape: shape)
    // A function of all three gradients, differentiated at x, γ and, through the weights, the incoming gradient.
    func second(
      _ dtype: DType, _ operation: (Tensor, Tensor, Tensor) throws(TensorError) -> Tensor
    ) throws(TensorError) -> [Tensor] {
      let points = [inputs.x, inputs.gamma, inputs.weights].map { $0.to(dtype) }
      let beta = inputs.beta.to(dtype)
      return try valueAndGradients(at: points) { outer throws(TensorError) in
        let inner = try valueAndGradients(at: [outer[0], outer[1], beta], createGraph: true) {
          points throws(TensorError) in
          try (operation(points[0], points[1], points[2]) * outer[2]).sum()
        }
        let g = inner.gradients
        return g[0].squared().sum() + g[1].squared().sum() + g[2].pow(3).sum()
      }.gradients
    }
    let found = try second(.float32) { x, gamma, beta throws(TensorError) in
      try x.normReluPool(weight: gamma, bias: beta)
    }
    let expected = try second(.float64) { x, gamma, beta throws(TensorError) in
      try x.normReluPoolComposite(weight: gamma, bias: beta)
    }
    for (a, b) in zip(found, expected) { #expect(try error(a, b) < 1e-5) }
  }

  /// Where only dx is differentiated, and only at x and the incoming gradient, a kernel does it: gradient matching.
  @Test(arguments: shapes, Instructions.supported)
  func `the gradient of dx is the library's`(shape: [Int], instructions: Instructions) throws {
    let inputs = try Inputs(shape: shape)
    var random = RandomSource(seed: 3)
    let directions = random.normal(shape)
    func second(
      _ dtype: DType, _ operation: (Tensor, Tensor, Tensor) throws(TensorError) -> Tensor
    ) throws(TensorError) -> [Tensor] {
      let (gamma, beta) = (inputs.gamma.to(dtype), inputs.beta.to(dtype))
      return try valueAndGradients(at: [inputs.x.to(dtype), inputs.weights.to(dtype)]) { outer throws(TensorError) in
        let dx = try valueAndGradients(at: [outer[0]], createGraph: true) { points throws(TensorError) in
          try (operation(points[0], gamma, beta) * outer[1]).sum()
        }.gradients[0]
        return (dx * directions.to(dtype)).sum()
      }.gradients
    }
    let found = try second(.float32) { x, gamma, beta throws(TensorError) in
      try x.normReluPool(weight: gamma, bias: beta, using: instructions)
    }
    let expected = try second(.float64) { x, gamma, beta throws(TensorError) in
      try x.normReluPoolComposite(weight: gamma, bias: beta)
    }
    for (a, b) in zip(found, expected) { #expect(try error(a, b) < 1e-5) }
  }

  @Test func `a gradient that can be differentiated is the same gradient`() throws {
    let inputs = try Inputs(shape: [3, 70, 7, 9])
    for (a, b) in zip(try inputs.fused(nil), try inputs.fused(nil, createGraph: true)) {
      #expect(try error(a, b) < 2e-6)
    }
  }

  @Test(arguments: Instructions.supported)
  func `a mean of a thousand deviations costs no more than the rounding of the input`(instructions: Instructions) throws
  {
    var inputs = try Inputs(shape: [2, 64, 8, 6])
    inputs.x = inputs.x + 2000
    for (found, expected) in zip(try inputs.fused(instructions), try inputs.composite()) {
      #expect(try error(found, expected) < 2e-4)
    }
  }

  @Test(arguments: Instructions.supported)
  func `a constant channel gives the bias and finite gradients`(instructions: Instructions) throws {
    var inputs = try Inputs(shape: [2, 20, 6, 6])
    inputs.x = Tensor.full(0.1, [2, 20, 6, 6])
    let found = try inputs.fused(instructions)
    let bias = inputs.beta.relu().floats()
    let values = try found[0].permuted([0, 2, 3, 1]).floats()
    for (i, value) in values.enumerated() { #expect(abs(value - bias[i % 20]) < 1e-3) }
    for gradient in found.dropFirst() { #expect(gradient.floats().allSatisfy { $0.isFinite }) }
  }

  @Test(arguments: Instructions.supported, [DType.float32, .bfloat16])
  func `a NaN stays visible`(instructions: Instructions, dtype: DType) throws {
    var inputs = try Inputs(shape: [1, 20, 4, 4], dtype: dtype)
    var values = inputs.x.floats()
    values[5] = .nan
    inputs.x = Tensor(values, shape: [1, 20, 4, 4]).to(dtype)
    let found = try inputs.x.normReluPool(weight: inputs.gamma, bias: inputs.beta, using: instructions).floats()
    #expect(found.prefix(4).allSatisfy { $0.isNaN })
    #expect(!found.dropFirst(4).contains { $0.isNaN })
  }

  @Test func `the number of threads does not change a bit`() throws {
    let inputs = try Inputs(shape: [5, 150, 6, 6])
    let threads = Runtime.threads
    defer { try? Runtime.configure(threads: threads) }
    try Runtime.configure(threads: 1)
    let one = try inputs.fused(nil)
    try Runtime.configure(threads: 3)
    for (a, b) in zip(one, try inputs.fused(nil)) { #expect(a.floats() == b.floats()) }
  }

  @Test func `shapes that do not fit are refused with what was expected`() throws {
    let inputs = try Inputs(shape: [2, 16, 4, 4])
    #expect(throws: TensorError.self) { try inputs.x.normReluPool(weight: Tensor.ones([8]), bias: inputs.beta) }
    #expect(throws: TensorError.self) {
      try inputs.x.flattened(from: 2).normReluPool(weight: inputs.gamma, bias: inputs.beta)
    }
    #expect(throws: TensorError.self) {
      try Tensor.zeros([2, 16, 1, 4]).normReluPool(weight: inputs.gamma, bias: inputs.beta)
    }
  }
}
