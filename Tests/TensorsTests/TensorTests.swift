import Testing

@testable import Tensors

extension TensorsTests {
  @Suite struct TensorTests {
    @Test func `values come back in row-major order whatever the memory order`() throws {
      let values = (0..<48).map(Float.init)
      let images = Tensor(values, shape: [2, 3, 2, 4])
      #expect(images.floats() == values)
      #expect(try images.channelsLast().floats() == values)
      #expect(try images.channelsLast().contiguous().floats() == values)
      #expect(try images.transposed(0, 1).transposed(0, 1).floats() == values)
    }

    @Test func `bytes, integers and doubles survive the way in and out`() {
      let bytes = (0...255).map { UInt8($0) }
      #expect(Tensor(bytes: bytes, shape: [16, 16]).bytes() == bytes)
      let fromBuffer = bytes.withUnsafeBytes { Tensor(bytes: $0, shape: [256]) }
      #expect(fromBuffer.bytes() == bytes)
      #expect(Tensor(integers: [.min, -1, 0, .max]).integers() == [.min, -1, 0, .max])
      #expect(Tensor(doubles: [.pi, -.infinity], shape: [2]).doubles() == [.pi, -.infinity])
      #expect(Tensor([], shape: [0, 3]).floats() == [])
      #expect(Tensor(2.5).shape == [])
    }

    @Test(arguments: DType.allCases) func `a type converts small integers exactly`(_ dtype: DType) {
      let one = Tensor([0, 1, 1, 0], shape: [4]).to(dtype)
      #expect(one.dtype == dtype)
      #expect(one.floats() == [0, 1, 1, 0])
      #expect(Tensor.ones([3], dtype: dtype).integers() == [1, 1, 1])
      #expect(Tensor.zeros([3], dtype: dtype).integers() == [0, 0, 0])
    }

    @Test func `numbers take the type of the tensor`() {
      for dtype in [DType.float32, .bfloat16, .float64] {
        let x = Tensor.ones([2], dtype: dtype)
        #expect(
          [x + 0.5, 0.5 - x, x * 3, 3 / x, x.pow(2), x.clamped(min: 0)].map(\.dtype)
            == .init(repeating: dtype, count: 6))
      }
      #expect((Tensor(integers: [3, 4]) / 2.0).floats() == [1.5, 2])
    }

    @Test func `a convolution keeps channels innermost`() throws {
      let images = try Tensor.ones([2, 3, 8, 8]).channelsLast()
      let weight = Tensor.ones([4, 3, 3, 3])
      let result = try images.convolution2d(weight, padding: 1)
      #expect(result.isChannelsLast)
      #expect(try result.relu().averagePool2d(2).isChannelsLast)
      #expect(try !Tensor.ones([2, 3, 8, 8]).convolution2d(weight, padding: 1).isChannelsLast)
    }

    @Test func `squared distances of equal rows are not negative`() throws {
      var random = RandomSource(seed: 1)
      let rows = random.normal([40, 200]) * 1000
      let distances = try rows.squaredDistances(to: rows)
      #expect(try distances.min().item >= 0)
      #expect(try rows.to(.bfloat16).squaredDistances(to: rows.to(.bfloat16)).dtype == .float32)
    }

    @Test func `arange counts by index`() {
      #expect(Tensor.arange(5, from: 1, step: 0.1, dtype: .float64).doubles() == (0..<5).map { 1 + Double($0) * 0.1 })
      #expect(Tensor.arange(3, dtype: .int64).integers() == [0, 1, 2])
    }

    @Test func `dropped tensors give their memory back`() throws {
      // A gibibyte and a half in all, 16 MiB at a time, with a graph that is dropped half-way.
      let before = residentBytes()
      for _ in 0..<32 {
        let x = Tensor.full(1, [1 << 22])
        _ = try valueAndGradients(at: [x], createGraph: true) { points in (points[0] * points[0]).sum() }
      }
      #expect(residentBytes() - before < 400 << 20)
    }

    @Test func `SGD refuses what does not fit and moves nothing`() throws {
      var sgd = SGD(learningRate: 0.1, momentum: 0.9)
      var parameters = [Tensor.ones([2]), Tensor.ones([3])]
      #expect(throws: TensorError.self) { try sgd.step(&parameters, [Tensor.ones([2])]) }
      #expect(throws: TensorError.self) { try sgd.step(&parameters, [Tensor.ones([2]), Tensor.ones([2])]) }
      #expect(throws: TensorError.self) {
        try sgd.step(&parameters, [Tensor.ones([2]), Tensor.ones([3], dtype: .float64)])
      }
      #expect(parameters.map { $0.floats() } == [[1, 1], [1, 1, 1]])
      try sgd.step(&parameters, parameters)
      expectClose(parameters[0].doubles(), [0.9, 0.9], absolute: 1e-6, relative: 0)
    }

    @Test func `adam refuses what does not fit and moves nothing`() throws {
      var adam = Adam(learningRate: 0.1)
      var parameters = [Tensor.ones([2]), Tensor.ones([3])]
      #expect(throws: TensorError.self) { try adam.step(&parameters, [Tensor.ones([2])]) }
      #expect(throws: TensorError.self) { try adam.step(&parameters, [Tensor.ones([2]), Tensor.ones([2])]) }
      #expect(parameters.map { $0.floats() } == [[1, 1], [1, 1, 1]])
      #expect(adam.steps == 0)
      // The first step is one rate long, whatever the gradient.
      try adam.step(&parameters, [Tensor.ones([2]) * 7, Tensor.ones([3]) * -0.01])
      expectClose(parameters[0].doubles(), [0.9, 0.9], absolute: 1e-5, relative: 0)
      expectClose(parameters[1].doubles(), [1.1, 1.1, 1.1], absolute: 1e-5, relative: 0)
      #expect(adam.steps == 1)
    }

    @Test func `SGD keeps the memory order of a parameter`() throws {
      let values = (0..<16).map(Float.init)
      var parameters = [try Tensor(values, shape: [1, 4, 2, 2]).channelsLast()]
      var sgd = SGD(learningRate: 1, momentum: 0.5)
      try sgd.step(&parameters, [Tensor(values, shape: [1, 4, 2, 2])])
      #expect(parameters[0].floats() == [Float](repeating: 0, count: 16))
      try sgd.step(&parameters, [Tensor.zeros([1, 4, 2, 2])])
      #expect(parameters[0].floats() == values.map { -$0 / 2 })
      #expect(parameters[0].isChannelsLast)
    }

    @Test func `SGD steps of a copy leave the original alone`() throws {
      var first = SGD(learningRate: 1, momentum: 0.5)
      var a = [Tensor.zeros([1])]
      try first.step(&a, [Tensor.ones([1])])
      var (second, b) = (first, a)
      try second.step(&b, [Tensor.ones([1])])
      try first.step(&a, [Tensor.zeros([1])])
      #expect(b[0].item == -2.5)
      #expect(a[0].item == -1.5)
    }

    @Test func `the thread count holds on the thread that configures`() throws {
      let before = Runtime.threads
      try Runtime.configure(threads: 2)
      #expect(Runtime.threads == 2)
      try Runtime.configure(threads: before)
      #expect(throws: TensorError.self) { try Runtime.configure(threads: 0) }
      #expect(!Runtime.libraryVersion.isEmpty)
    }
  }
}
