import TensorTurn
import Testing

@testable import Tensors

/// A block as one operation against its parts, computed by the library in float64 from the same inputs.
@Suite(.serialized, .takesTurns) struct FirstBlockTests {
  struct Shape: CustomTestStringConvertible {
    var images, channels, height, width, outputs, padding: Int
    var testDescription: String { "\(images)×\(channels)×\(height)×\(width) to \(outputs), padding \(padding)" }
  }

  /// More images than a group, one to four channels, odd sizes, each padding, outputs by 32, and a block that has no kernel.
  static let shapes = [
    Shape(images: 6, channels: 3, height: 8, width: 8, outputs: 128, padding: 1),
    Shape(images: 2, channels: 1, height: 10, width: 10, outputs: 64, padding: 3),
    Shape(images: 5, channels: 4, height: 7, width: 9, outputs: 64, padding: 0),
    Shape(images: 2, channels: 2, height: 5, width: 6, outputs: 64, padding: 2),
    Shape(images: 5, channels: 1, height: 9, width: 8, outputs: 32, padding: 1),
    Shape(images: 2, channels: 3, height: 8, width: 7, outputs: 96, padding: 1),
    Shape(images: 3, channels: 32, height: 8, width: 8, outputs: 64, padding: 1),
  ]

  struct Inputs {
    /// Images, weight, bias, scale, shift.
    var points: [Tensor]
    var factors: Tensor
    var padding: Int

    init(_ shape: Shape) {
      var random = RandomSource(seed: 1)
      points = [
        random.normal([shape.images, shape.channels, shape.height, shape.width]) + 0.5,
        random.normal([shape.outputs, shape.channels, 3, 3]) * 0.3,
        random.normal([shape.outputs]),
        random.normal([shape.outputs]) + 1,
        random.normal([shape.outputs]),
      ]
      padding = shape.padding
      let height = (shape.height + 2 * padding - 2) / 2
      let width = (shape.width + 2 * padding - 2) / 2
      factors = random.normal([shape.images, shape.outputs, height, width])
    }

    func composite(_ p: [Tensor]) throws(TensorError) -> Tensor {
      try p[0].convolution2d(p[1], bias: p[2], padding: padding).normReluPoolComposite(weight: p[3], bias: p[4])
    }

    /// The value, and the gradients of its product with `factors` at all points.
    func expected() throws -> [Tensor] {
      let points = points.map { $0.to(.float64) }
      let factors = factors.to(.bfloat16).to(.float64)
      return [try composite(points)]
        + (try valueAndGradients(at: points) { points throws(TensorError) in
          (try composite(points) * factors).sum()
        }).gradients
    }

    func fused(_ dtype: DType, _ instructions: Instructions?, createGraph: Bool = false) throws -> [Tensor] {
      func block(_ p: [Tensor]) throws(TensorError) -> Tensor {
        try p[0].convolutionNormReluPool(
          p[1], bias: p[2], scale: p[3], shift: p[4], padding: padding, as: dtype, using: instructions)
      }
      let factors = factors.to(.bfloat16).to(dtype)
      return [try block(points)]
        + (try valueAndGradients(at: points, createGraph: createGraph) { points throws(TensorError) in
          (try block(points) * factors).to(.float32).sum()
        }).gradients
    }
  }

  /// Largest difference, relative to the largest expected value.
  func error(_ found: Tensor, _ expected: Tensor) throws -> Double {
    let difference = try (found.to(.float64) - expected.to(.float64)).abs().max().item
    return try difference / expected.to(.float64).abs().max().item
  }

  func check(_ found: [Tensor], _ expected: [Tensor], within tolerance: Double) throws {
    for i in found.indices where i != 3 {
      #expect(found[i].shape == expected[i].shape)
      #expect(try error(found[i], expected[i]) < tolerance)
    }
    // The bias: zero but for rounding.
    #expect(try found[3].abs().max().item < 1e-3)
  }

  @Test(arguments: shapes, Instructions.supported)
  func `value and gradients are those of the parts`(shape: Shape, instructions: Instructions) throws {
    let inputs = Inputs(shape)
    try check(inputs.fused(.float32, instructions), inputs.expected(), within: 2e-5)
  }

  @Test(arguments: shapes.dropLast(), Instructions.supported)
  func `bfloat16 rounds only the result`(shape: Shape, instructions: Instructions) throws {
    let inputs = Inputs(shape)
    let found = try inputs.fused(.bfloat16, instructions)
    #expect(found[0].dtype == .bfloat16)
    #expect(found.dropFirst().allSatisfy { $0.dtype == .float32 })
    let expected = try inputs.expected()
    #expect(try error(found[0], expected[0]) < 0x1p-8)
    try check([expected[0]] + found.dropFirst(), expected, within: 2e-5)
  }

  @Test(arguments: shapes)
  func `a gradient that can be differentiated is the same gradient`(shape: Shape) throws {
    let inputs = Inputs(shape)
    try check(inputs.fused(.float32, nil, createGraph: true), inputs.expected(), within: 2e-5)
  }

  @Test func `gradients of gradients are those of the parts`() throws {
    let inputs = Inputs(Shape(images: 2, channels: 3, height: 6, width: 6, outputs: 64, padding: 1))
    func second(
      _ dtype: DType, _ block: ([Tensor]) throws(TensorError) -> Tensor
    ) throws(TensorError) -> Tensor {
      let others = inputs.points.dropFirst().map { $0.to(dtype) }
      let factors = inputs.factors.to(dtype)
      return try valueAndGradients(at: [inputs.points[0].to(dtype)]) { images throws(TensorError) in
        let inner = try valueAndGradients(at: others, createGraph: true) { others throws(TensorError) in
          (try block(images + others) * factors).sum()
        }
        let g = inner.gradients
        return g[0].squared().sum() + g[2].squared().sum() + g[3].pow(3).sum()
      }.gradients[0]
    }
    let found = try second(.float32) { p throws(TensorError) in
      try p[0].convolutionNormReluPool(p[1], bias: p[2], scale: p[3], shift: p[4], as: .float32)
    }
    #expect(try error(found, second(.float64, inputs.composite)) < 2e-5)
  }

  @Test func `neither memory order nor the number of threads changes a bit`() throws {
    var inputs = Inputs(Self.shapes[0])
    let threads = Runtime.threads
    defer { try? Runtime.configure(threads: threads) }
    try Runtime.configure(threads: 1)
    let serial = try inputs.fused(.float32, nil).map { $0.floats() }
    try Runtime.configure(threads: 3)
    #expect(try inputs.fused(.float32, nil).map { $0.floats() } == serial)
    inputs.points[0] = try inputs.points[0].channelsLast()
    #expect(try inputs.fused(.float32, nil).map { $0.floats() } == serial)
  }

  @Test func `shapes that do not fit are refused with what was expected`() throws {
    let p = Inputs(Self.shapes[0]).points
    #expect(throws: TensorError.self) {
      try p[0].convolutionNormReluPool(p[1], bias: p[2], scale: Tensor.ones([3]), shift: p[4], as: .float32)
    }
    #expect(throws: TensorError.self) {
      try p[0].convolutionNormReluPool(
        Tensor.ones([128, 4, 3, 3]), bias: p[2], scale: p[3], shift: p[4], as: .float32)
    }
  }
}
