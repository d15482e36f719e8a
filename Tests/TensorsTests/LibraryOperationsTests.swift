import Testing

@testable import Tensors

extension TensorsTests {
  /// What other devices than the processor compute: the library's operations in place of kernels of our own.
  @Suite struct LibraryOperationsTests {
    /// Value of a network's block and the gradients of a weighted sum of it, at images, weight, scale and shift.
    private func block(channels: Int, as dtype: DType) throws -> [Tensor] {
      var random = RandomSource(seed: 3)
      let images = random.normal([3, channels, 12, 12])
      let weight = random.normal([64, channels, 3, 3]) * 0.1
      let bias = random.normal([64])
      let scale = random.normal([64]) + 2
      let shift = random.normal([64])
      let sums = random.normal([3, 64, 6, 6])
      func value(_ points: [Tensor]) throws(TensorError) -> Tensor {
        try points[0].convolutionNormReluPool(points[1], bias: bias, scale: points[2], shift: points[3], as: dtype)
      }
      let points = [images, weight, scale, shift]
      let gradients = try valueAndGradients(at: points) { points throws(TensorError) in
        try (value(points).to(.float32) * sums).sum()
      }.gradients
      return [try value(points)] + gradients
    }

    @Test(arguments: [3, 64], [DType.float32, .bfloat16])
    func `they agree with our kernels`(channels: Int, dtype: DType) throws {
      let ours = try block(channels: channels, as: dtype)
      let library = try Runtime.withLibraryOperations { try block(channels: channels, as: dtype) }
      for (a, b) in zip(ours, library) {
        #expect(a.shape == b.shape)
        #expect(a.dtype == b.dtype)
        let (a, b) = (a.to(.float64), b.to(.float64))
        // By length: a rounding to bfloat16 can open or close a ReLU, which changes a few values by all that they are.
        let difference = ((a - b).squared().sum().item / b.squared().sum().item).squareRoot()
        #expect(difference < (dtype == .float32 ? 1e-5 : 0.05))
      }
    }

    @Test func `they are taken inside the call and no longer`() throws {
      struct Stop: Error {}
      var random = RandomSource(seed: 4)
      let (images, weight) = (random.normal([2, 32, 8, 8]), random.normal([32, 32, 3, 3]))
      // Our convolution leaves channels innermost, the library's the order that it was given.
      func isOurs() throws -> Bool { try images.convolution2d(weight, padding: 1).isChannelsLast }
      try #require(try isOurs())
      #expect(try !Runtime.withLibraryOperations { try isOurs() })
      #expect(throws: Stop.self) { try Runtime.withLibraryOperations { throw Stop() } }
      #expect(try isOurs())
    }

    @Test func `a step of SGD is the same`() throws {
      func moved() throws -> [Float] {
        var sgd = SGD(learningRate: 0.1, momentum: 0.9, weightDecay: 0.01)
        var parameters = [Tensor([1, -2, 3], shape: [3])]
        for gradient in [0.5, -1, 2] { try sgd.step(&parameters, [Tensor.full(gradient, [3])]) }
        return parameters[0].floats()
      }
      for (a, b) in zip(try moved(), try Runtime.withLibraryOperations { try moved() }) { #expect(abs(a - b) < 1e-6) }
    }

    @Test func `a step of Adam is the same`() throws {
      func moved() throws -> [Float] {
        var adam = Adam(learningRate: 0.1, weightDecay: 0.01)
        let ramp = Tensor.arange(48).to(.float32) * 0.1
        var parameters = [ramp]
        for gradient in [0.5, -1, 2] { try adam.step(&parameters, [ramp * gradient]) }
        return parameters[0].floats()
      }
      let (own, library) = (try moved(), try Runtime.withLibraryOperations { try moved() })
      // Bit for bit would mean that one of them was compared with itself.
      #expect(own != library)
      for (a, b) in zip(own, library) { #expect(abs(a - b) < 1e-6) }
    }
  }

  @Suite struct DeviceTests {
    @Test func `tensors are created where the process computes`() throws {
      #expect(Runtime.device == .cpu)
      let created = [
        Tensor([1], shape: [1]), Tensor(integers: [1]), Tensor(bytes: [1], shape: [1]), .zeros([2]), .ones([2]),
        .arange(2),
      ]
      for tensor in created { #expect(tensor.device == Runtime.device) }
    }

    @Test(.enabled(if: !Runtime.hasCUDA)) func `a device that does not exist is refused`() {
      #expect(throws: TensorError.self) { try Runtime.configure(threads: 1, device: .cuda(0)) }
      #expect(Runtime.device == .cpu)
    }

    @Test func `devices have the names of the command line`() {
      #expect([Device.cpu, .cuda(0), .cuda(1)].map(\.description) == ["cpu", "cuda", "cuda:1"])
    }
  }
}
