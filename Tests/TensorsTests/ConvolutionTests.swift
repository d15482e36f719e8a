import TensorTurn
import Testing

@testable import Tensors

/// The 3 × 3 convolution of our own against the library's, computed in float64 from the same inputs.
@Suite(.serialized, .takesTurns) struct ConvolutionTests {
  /// Images, channels, outputs, height, width: whole tiles, cut tiles, more than one block of tiles, more than one chunk of a
  /// gradient, and one pixel.
  static let shapes = [
    [2, 32, 64, 8, 8], [3, 64, 32, 7, 9], [9, 32, 32, 16, 16], [2, 96, 32, 4, 6], [1, 32, 32, 1, 1],
  ]

  struct Inputs {
    var x, weight, bias, factors: Tensor

    init(shape: [Int], dtype: DType = .float32) {
      var random = RandomSource(seed: 1)
      x = (random.normal([shape[0], shape[1], shape[3], shape[4]]) + 0.5).to(dtype)
      weight = (random.normal([shape[2], shape[1], 3, 3]) * 0.1).to(dtype)
      bias = random.normal([shape[2]]).to(dtype)
      factors = random.normal([shape[0], shape[2], shape[3], shape[4]]).to(dtype)
    }

    /// The value, and the gradients of its product with `factors` at x, weight and bias.
    func results(
      _ dtype: DType, createGraph: Bool = false, _ convolution: ([Tensor]) throws(TensorError) -> Tensor
    ) throws -> [Tensor] {
      let points = [x, weight, bias].map { $0.to(dtype) }
      let factors = factors.to(dtype)
      return [try convolution(points)]
        + (try valueAndGradients(at: points, createGraph: createGraph) { points throws(TensorError) in
          try (convolution(points) * factors).sum()
        }).gradients
    }

    func library() throws -> [Tensor] {
      try results(.float64) { points throws(TensorError) in
        try points[0].convolution2d(points[1], bias: points[2], padding: 1)
      }
    }
  }

  /// Largest difference, relative to the largest expected value.
  func error(_ found: Tensor, _ expected: Tensor) throws -> Double {
    let difference = try (found.to(.float64) - expected.to(.float64)).abs().max().item
    return try difference / expected.to(.float64).abs().max().item
  }

  @Test(arguments: shapes, Instructions.supported)
  func `value and gradients are the library's in float32`(shape: [Int], instructions: Instructions) throws {
    let inputs = Inputs(shape: shape)
    let results = try inputs.results(.float32) { points throws(TensorError) in
      try points[0].convolution3x3(points[1], bias: points[2], using: instructions)
    }
    for (found, expected) in zip(results, try inputs.library()) {
      #expect(found.shape == expected.shape)
      #expect(found.dtype == .float32)
      #expect(try error(found, expected) < 2e-5)
    }
  }

  @Test(arguments: shapes, Instructions.supported)
  func `bfloat16 rounds only what is stored`(shape: [Int], instructions: Instructions) throws {
    let inputs = Inputs(shape: shape, dtype: .bfloat16)
    let results = try inputs.results(.bfloat16) { points throws(TensorError) in
      try points[0].convolution3x3(points[1], bias: points[2], using: instructions)
    }
    for (found, expected) in zip(results, try inputs.library()) {
      #expect(found.dtype == .bfloat16)
      #expect(try error(found, expected) < 0x1p-8)
    }
  }

  @Test func `gradients of gradients are the library's`() throws {
    let inputs = Inputs(shape: [2, 32, 32, 6, 6])
    func second(
      _ dtype: DType, _ convolution: (Tensor, Tensor) throws(TensorError) -> Tensor
    ) throws(TensorError) -> [Tensor] {
      let points = [inputs.x, inputs.weight, inputs.factors].map { $0.to(dtype) }
      return try valueAndGradients(at: points) { outer throws(TensorError) in
        let inner = try valueAndGradients(at: [outer[0], outer[1]], createGraph: true) { points throws(TensorError) in
          try (convolution(points[0], points[1]) * outer[2]).sum()
        }
        return inner.gradients[0].squared().sum() + inner.gradients[1].pow(3).sum()
      }.gradients
    }
    let found = try second(.float32) { x, weight throws(TensorError) in try x.convolution3x3(weight, using: nil) }
    let expected = try second(.float64) { x, weight throws(TensorError) in try x.convolution2d(weight, padding: 1) }
    for (a, b) in zip(found, expected) { #expect(try error(a, b) < 2e-5) }
  }

  @Test func `neither the batch nor the number of threads changes a bit`() throws {
    let inputs = Inputs(shape: [9, 32, 32, 8, 8])
    let threads = Runtime.threads
    defer { try? Runtime.configure(threads: threads) }
    func values(_ x: Tensor) throws -> [Float] { try x.convolution3x3(inputs.weight, using: nil).floats() }
    func gradients() throws -> [[Float]] {
      try inputs.results(.float32) { points throws(TensorError) in
        try points[0].convolution3x3(points[1], bias: points[2], using: nil)
      }.map { $0.floats() }
    }
    try Runtime.configure(threads: 1)
    let all = try values(inputs.x)
    let one = try values(inputs.x.slice(axis: 0, from: 4, to: 5))
    #expect(Array(all[4 * one.count..<5 * one.count]) == one)
    let serial = try gradients()
    try Runtime.configure(threads: 3)
    #expect(try values(inputs.x) == all)
    #expect(try Array(gradients()[0..<3]) == Array(serial[0..<3]))
  }

  @Test func `other convolutions are refused with what was expected`() throws {
    let x = Tensor.ones([1, 32, 4, 4])
    #expect(throws: TensorError.self) { try x.convolution3x3(Tensor.ones([32, 32, 5, 5]), using: nil) }
    #expect(throws: TensorError.self) { try x.convolution3x3(Tensor.ones([16, 32, 3, 3]), using: nil) }
    #expect(throws: TensorError.self) { try x.convolution3x3(Tensor.ones([32, 64, 3, 3]), using: nil) }
    #expect(throws: TensorError.self) {
      try x.convolution3x3(Tensor.ones([32, 32, 3, 3], dtype: .bfloat16), using: nil)
    }
  }
}
