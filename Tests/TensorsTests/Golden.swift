import Foundation
import Testing

@testable import Tensors

/// One operation on given inputs with the output that an independent program computed: see Scripts/golden/tensors.py.
struct GoldenCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Array: Decodable, Sendable {
    var shape: [Int]
    var integer: Bool
    var values: [Double]

    /// As a tensor: int64 when the values are integers, else of `dtype`.
    func tensor(_ dtype: DType) -> Tensor {
      integer
        ? Tensor(integers: values.map { Int($0) }, shape: shape) : Tensor(doubles: values, shape: shape).to(dtype)
    }
  }

  var operation: String
  var numbers: [Double]
  var inputs: [Array]
  var output: Array

  var testDescription: String { "\(operation) \(inputs.map(\.shape))" }

  static let all: [GoldenCase] = {
    struct File: Decodable { var cases: [GoldenCase] }
    guard let data = try? Data(contentsOf: goldenFile("tensors.json")),
      let file = try? JSONDecoder().decode(File.self, from: data)
    else { return [] }
    return file.cases
  }()
}

func goldenFile(_ name: String) -> URL {
  URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../fixtures/golden/\(name)").standardized
}

/// Fails unless every value is within `absolute` + `relative` · |expected| of the expected one.
func expectClose(
  _ found: [Double], _ expected: [Double], absolute: Double, relative: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, "\(what)", sourceLocation: sourceLocation)
  for (index, (a, b)) in zip(found, expected).enumerated() where !(abs(a - b) <= absolute + relative * abs(b)) {
    Issue.record("\(what) at \(index): found \(a), expected \(b)", sourceLocation: sourceLocation)
    return
  }
}

/// How the golden operations are called, and how often they can be differentiated.
struct Operation: Sendable {
  /// Highest order of derivative that the operation has with respect to its floating-point inputs.
  var derivatives: Int
  /// How many of the inputs, from the first on, can be differentiated; all when nil.
  var points: Int?
  var apply: @Sendable ([Tensor], [Double]) throws(TensorError) -> Tensor

  init(
    _ derivatives: Int, points: Int? = nil,
    _ apply: @escaping @Sendable ([Tensor], [Double]) throws(TensorError) -> Tensor
  ) {
    self.derivatives = derivatives
    self.points = points
    self.apply = apply
  }

  static let all: [String: Operation] = [
    "add": .init(2) { t, _ in t[0] + t[1] },
    "subtract": .init(2) { t, _ in t[0] - t[1] },
    "multiply": .init(2) { t, _ in t[0] * t[1] },
    "divide": .init(2) { t, _ in t[0] / t[1] },
    "addNumber": .init(2) { t, n in t[0] + n[0] },
    "numberMinus": .init(2) { t, n in n[0] - t[0] },
    "numberOver": .init(2) { t, n in n[0] / t[0] },
    "negate": .init(2) { t, _ in -t[0] },
    "power": .init(2) { t, n in t[0].pow(n[0]) },
    "powerTensor": .init(2) { t, _ in t[0].pow(t[1]) },
    "sqrt": .init(2) { t, _ in t[0].sqrt() },
    "exp": .init(2) { t, _ in t[0].exp() },
    "log": .init(2) { t, _ in t[0].log() },
    "abs": .init(2) { t, _ in t[0].abs() },
    "relu": .init(2) { t, _ in t[0].relu() },
    "sigmoid": .init(2) { t, _ in t[0].sigmoid() },
    "tanh": .init(2) { t, _ in t[0].tanh() },
    "sin": .init(2) { t, _ in t[0].sin() },
    "cos": .init(2) { t, _ in t[0].cos() },
    "silu": .init(2) { t, _ in t[0].silu() },
    "squared": .init(2) { t, _ in t[0].squared() },
    "reciprocal": .init(2) { t, _ in t[0].reciprocal() },
    "rounded": .init(1) { t, _ in t[0].rounded() },
    "floored": .init(1) { t, _ in t[0].floored() },
    "clamped": .init(2) { t, n in t[0].clamped(min: n[0], max: n[1]) },
    "maximum": .init(2) { t, _ in Tensor.maximum(t[0], t[1]) },
    "minimum": .init(2) { t, _ in Tensor.minimum(t[0], t[1]) },
    "less": .init(0) { t, _ in t[0] .< t[1] },
    "greater": .init(0) { t, _ in t[0] .> t[1] },
    "equal": .init(0) { t, _ in t[0] .== t[1] },
    "where": .init(2) { t, _ in Tensor.where(t[0] .> 0, t[0], t[1]) },
    "sumAll": .init(2) { t, _ in t[0].sum() },
    "sum": .init(2) { t, n throws(TensorError) in try t[0].sum(axes: n.integers) },
    "sumKeeping": .init(2) { t, n throws(TensorError) in try t[0].sum(axes: n.integers, keepDims: true) },
    "meanAll": .init(2) { t, _ in t[0].mean() },
    "mean": .init(2) { t, n throws(TensorError) in try t[0].mean(axes: n.integers) },
    "max": .init(2) { t, n throws(TensorError) in try t[0].max(axes: n.integers) },
    "min": .init(2) { t, n throws(TensorError) in try t[0].min(axes: n.integers) },
    "maxAll": .init(2) { t, _ throws(TensorError) in try t[0].max() },
    "minAll": .init(2) { t, _ throws(TensorError) in try t[0].min() },
    "variance": .init(2) { t, n throws(TensorError) in try t[0].variance(axes: n.integers) },
    "logSumExp": .init(2) { t, n throws(TensorError) in try t[0].logSumExp(axes: n.integers) },
    "argmax": .init(0) { t, n throws(TensorError) in try t[0].argmax(axis: Int(n[0])) },
    "cumulativeSum": .init(2) { t, n throws(TensorError) in try t[0].cumulativeSum(axis: Int(n[0])) },
    "topValues": .init(2) { t, n throws(TensorError) in try t[0].top(Int(n[0])).values },
    "topIndices": .init(0) { t, n throws(TensorError) in try t[0].top(Int(n[0])).indices },
    "softmax": .init(2) { t, n throws(TensorError) in try t[0].softmax(axis: Int(n[0])) },
    "logSoftmax": .init(2) { t, n throws(TensorError) in try t[0].logSoftmax(axis: Int(n[0])) },
    "crossEntropy": .init(2) { t, _ throws(TensorError) in try t[0].crossEntropy(labels: t[1]) },
    "crossEntropySoft": .init(2) { t, _ throws(TensorError) in try t[0].crossEntropy(labels: t[1]) },
    "matmul": .init(2) { t, _ throws(TensorError) in try t[0].matmul(t[1]) },
    "linear": .init(2) { t, _ throws(TensorError) in try t[0].linear(t[1], bias: t[2]) },
    "squaredDistances": .init(2) { t, _ throws(TensorError) in try t[0].squaredDistances(to: t[1]) },
    "reshaped": .init(2) { t, n throws(TensorError) in try t[0].reshaped(n.integers) },
    "flattened": .init(2) { t, n throws(TensorError) in try t[0].flattened(from: Int(n[0])) },
    "transposed": .init(2) { t, n throws(TensorError) in try t[0].transposed(Int(n[0]), Int(n[1])) },
    "permuted": .init(2) { t, n throws(TensorError) in try t[0].permuted(n.integers) },
    "unsqueezed": .init(2) { t, n throws(TensorError) in try t[0].unsqueezed(Int(n[0])) },
    "squeezed": .init(2) { t, n throws(TensorError) in try t[0].squeezed(Int(n[0])) },
    "expanded": .init(2) { t, n throws(TensorError) in try t[0].expanded(to: n.integers) },
    "slice": .init(2) { t, n throws(TensorError) in
      try t[0].slice(axis: Int(n[0]), from: Int(n[1]), to: Int(n[2]), step: Int(n[3]))
    },
    "indexed": .init(2) { t, n throws(TensorError) in try t[0].indexed(by: t[1], axis: Int(n[0])) },
    "gathered": .init(2) { t, n throws(TensorError) in try t[0].gathered(t[1], axis: Int(n[0])) },
    "concatenated": .init(2) { t, n throws(TensorError) in try Tensor.concatenated(t, axis: Int(n[0])) },
    "stacked": .init(2) { t, n throws(TensorError) in try Tensor.stacked(t, axis: Int(n[0])) },
    "padded": .init(2) { t, n throws(TensorError) in try t[0].padded(n.dropFirst().integers, value: n[0]) },
    "flipped": .init(2) { t, n throws(TensorError) in try t[0].flipped(axes: n.integers) },
    "rolled": .init(2) { t, n throws(TensorError) in try t[0].rolled(by: Int(n[0]), axis: Int(n[1])) },
    "convolution2d": .init(2) { t, n throws(TensorError) in
      try t[0].convolution2d(t[1], bias: t[2], stride: Int(n[0]), padding: Int(n[1]), groups: Int(n[2]))
    },
    "transposedConvolution2d": .init(2) { t, n throws(TensorError) in
      try t[0].transposedConvolution2d(
        t[1], bias: t[2], stride: Int(n[0]), padding: Int(n[1]), outputPadding: Int(n[2]))
    },
    "averagePool2d": .init(2) { t, n throws(TensorError) in
      try t[0].averagePool2d(Int(n[0]), stride: Int(n[1]), padding: Int(n[2]))
    },
    "maxPool2d": .init(2) { t, n throws(TensorError) in
      try t[0].maxPool2d(Int(n[0]), stride: Int(n[1]), padding: Int(n[2]))
    },
    "groupNorm": .init(2) { t, n throws(TensorError) in
      try t[0].groupNorm(groups: Int(n[0]), weight: t[1], bias: t[2], eps: n[1])
    },
    "instanceNorm": .init(2) { t, n throws(TensorError) in
      try t[0].instanceNorm(weight: t[1], bias: t[2], eps: n[0])
    },
    "batchNorm": .init(2) { t, n throws(TensorError) in
      try t[0].batchNorm(weight: t[1], bias: t[2], eps: n[0])
    },
    // The library has no derivative for statistics that are given.
    "batchNormFrozen": .init(2, points: 3) { t, n throws(TensorError) in
      try t[0].batchNorm(weight: t[1], bias: t[2], statistics: (t[3], t[4]), eps: n[0])
    },
    // Float32 goes through the kernel, float64 through the composite.
    "normReluPool": .init(2) { t, n throws(TensorError) in
      try t[0].normReluPool(weight: t[1], bias: t[2], eps: n[0])
    },
    "upsampled": .init(2) { t, n throws(TensorError) in
      try t[0].upsampled(toHeight: Int(n[0]), width: Int(n[1]))
    },
    // The library has no second derivative of bilinear sampling.
    "gridSample": .init(1) { t, _ throws(TensorError) in try t[0].gridSample(t[1]) },
  ]
}

extension Sequence<Double> {
  fileprivate var integers: [Int] { map { Int($0) } }
}
