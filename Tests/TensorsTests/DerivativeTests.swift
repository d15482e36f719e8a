import Testing

@testable import Tensors

extension TensorsTests {
  /// Derivatives by autograd against central differences of the function itself, in float64.
  @Suite struct DerivativeTests {
    /// Inputs of a golden case with fixed random directions: f(x) = Σ weights · operation(x) is differentiated along them.
    struct Probe {
      let operation: Operation
      let numbers: [Double]
      let inputs: [Tensor]
      /// Places of the inputs that can be differentiated.
      let points: [Int]
      let weights: Tensor

      init(_ golden: GoldenCase) throws {
        operation = try #require(Operation.all[golden.operation])
        numbers = golden.numbers
        inputs = golden.inputs.map { $0.tensor(.float64) }
        points = inputs.indices.prefix(operation.points ?? .max).filter { golden.inputs[$0].integer == false }
        var random = RandomSource(seed: 1).split("weights")
        weights = random.normal(golden.output.shape).to(.float64)
      }

      var start: [Tensor] { points.map { inputs[$0] } }

      func directions(_ seed: Int) -> [Tensor] {
        var random = RandomSource(seed: 2).split("directions", seed)
        return start.map { random.normal($0.shape).to(.float64) }
      }

      func value(_ x: [Tensor]) throws(TensorError) -> Tensor {
        var all = inputs
        for (point, tensor) in zip(points, x) { all[point] = tensor }
        return (weights * (try operation.apply(all, numbers))).sum()
      }

      /// The derivative of f along `directions` at x, by autograd.
      func slope(_ x: [Tensor], _ directions: [Tensor], createGraph: Bool = false) throws(TensorError) -> Tensor {
        let gradients = try valueAndGradients(at: x, createGraph: createGraph, value).gradients
        return dot(gradients, directions)
      }
    }

    @Test(arguments: GoldenCase.all.filter { (Operation.all[$0.operation]?.derivatives ?? 0) >= 1 })
    func `gradients agree with differences of values`(_ golden: GoldenCase) throws {
      let probe = try Probe(golden)
      for seed in 0..<3 {
        let directions = probe.directions(seed)
        let found = try probe.slope(probe.start, directions).item
        let expected = try difference(probe.start, directions) { x throws(TensorError) in try probe.value(x) }
        expectClose([found], [expected], absolute: 1e-6, relative: 1e-6)
      }
    }

    @Test(arguments: GoldenCase.all.filter { (Operation.all[$0.operation]?.derivatives ?? 0) >= 2 })
    func `second derivatives agree with differences of gradients`(_ golden: GoldenCase) throws {
      let probe = try Probe(golden)
      for seed in 0..<3 {
        let (first, second) = (probe.directions(seed), probe.directions(seed + 100))
        let gradients = try valueAndGradients(at: probe.start) { x throws(TensorError) in
          try probe.slope(x, first, createGraph: true)
        }.gradients
        let expected = try difference(probe.start, second) { x throws(TensorError) in try probe.slope(x, first) }
        expectClose([dot(gradients, second).item], [expected], absolute: 1e-6, relative: 1e-6)
      }
    }

    @Test func `a third derivative nests as well`() throws {
      func derivative(
        _ x: Tensor, _ f: (Tensor) throws(TensorError) -> Tensor
      ) throws(TensorError) -> Tensor {
        try valueAndGradients(at: [x], createGraph: true) { p throws(TensorError) in try f(p[0]) }.gradients[0]
      }
      let third = try derivative(Tensor(2)) { a throws(TensorError) in
        try derivative(a) { b throws(TensorError) in
          try derivative(b) { c in c.pow(5) }
        }
      }
      #expect(third.item == 240)  // 60 x² at 2
    }

    @Test func `the gradient of a matching distance reaches the images`() throws {
      // Gradient matching: the weights' gradient on images x is a function of x. For f = ½(w·x)² it is (w·x) x, and the
      // distance D = ½|(w·x) x − g|² has the gradient J ((w·x) x − g) with J = (w·x) I + w xᵀ.
      let w = Tensor(doubles: [0.5, -1, 2], shape: [3])
      let x = Tensor(doubles: [1, 2, -0.5], shape: [3])
      let g = Tensor(doubles: [1, 0, 1], shape: [3])
      let found = try valueAndGradients(at: [x]) { images throws(TensorError) in
        let inner = try valueAndGradients(at: [w], createGraph: true) { weights throws(TensorError) in
          (weights[0] * images[0]).sum().squared() * 0.5
        }
        return (inner.gradients[0] - g).squared().sum() * 0.5
      }
      let product = (w * x).sum()
      let residual = product * x - g
      let expected = product * residual + w * (x * residual).sum()
      expectClose(found.gradients[0].doubles(), expected.doubles(), absolute: 1e-12, relative: 1e-12)
    }

    @Test func `a point that does not matter has gradient zero`() throws {
      let a = Tensor([1, 2], shape: [2])
      let b = Tensor([3, 4, 5], shape: [3])
      let both = try valueAndGradients(at: [a, b]) { points in points[0].sum() }
      #expect(both.gradients.map { $0.floats() } == [[1, 1], [0, 0, 0]])
      let constant = try valueAndGradients(at: [b]) { _ in Tensor(1) }
      #expect(constant.gradients[0].floats() == [0, 0, 0])
    }

    @Test func `a detached tensor is a constant`() throws {
      let x = Tensor([1, 2], shape: [2])
      let result = try valueAndGradients(at: [x]) { points in (points[0] * points[0].detached()).sum() }
      #expect(result.gradients[0].floats() == [1, 2])
    }

    @Test func `results without a graph are constants of an enclosing gradient`() throws {
      let x = Tensor(3)
      let outer = try valueAndGradients(at: [x]) { points throws(TensorError) in
        let inner = try valueAndGradients(at: points) { p in p[0].pow(2) }
        return inner.gradients[0] * points[0] + inner.value
      }
      #expect(outer.value.item == 27)
      #expect(outer.gradients[0].item == 6)
    }

    @Test func `an error in the body comes out as it is`() {
      do throws(TensorError) {
        _ = try valueAndGradients(at: [Tensor.zeros([2])]) { points throws(TensorError) in
          try points[0].reshaped([3])
        }
        Issue.record("no error")
      } catch {
        #expect(error.operation == "reshaped[3]")
        #expect(error.shapes == [[2]])
      }
    }

    @Test func `only a scalar of floating-point points can be differentiated`() {
      #expect(throws: TensorError.self) {
        _ = try valueAndGradients(at: [Tensor.zeros([2])]) { points in points[0] * 2 }
      }
      #expect(throws: TensorError.self) {
        _ = try valueAndGradients(at: [Tensor(integers: [1])]) { points in points[0].sum() }
      }
    }
  }
}

private func dot(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
  zip(a, b).map { ($0 * $1).sum() }.reduce(Tensor(0, dtype: .float64), +)
}

/// (f(x + h d) − f(x − h d)) / 2h, improved by Richardson's step so that the error is of the fourth order in h.
private func difference(
  _ x: [Tensor], _ d: [Tensor], _ f: ([Tensor]) throws(TensorError) -> Tensor
) throws(TensorError) -> Double {
  func central(_ h: Double) throws(TensorError) -> Double {
    let ahead = try f(zip(x, d).map { $0 + $1 * h }).item
    let behind = try f(zip(x, d).map { $0 - $1 * h }).item
    return (ahead - behind) / (2 * h)
  }
  let h = 5e-5
  return (4 * (try central(h / 2)) - (try central(h))) / 3
}
