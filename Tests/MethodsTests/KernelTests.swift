import Datasets
import Foundation
import Methods
import Networks
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct KernelTests {
  static let kernels: [Kernel] = [.gaussianMixture(), .gaussian(), .gaussian(width: 4), .linear, .polynomial]

  @Test func `discrepancies are NumPy's`() throws {
    let golden = try Golden.load()
    let (x, y) = (wave([6, 5], 0.9, 0, 2), wave([4, 5], 1.3, 0.4, 1.5))
    let bandwidth = Double(try #require(golden["bandwidth"]).values[0])
    let kernels: [(Kernel, String)] = [
      (.gaussianMixture(), "gaussianMixture"), (.gaussian(), "gaussian"),
      (.gaussian(width: 1 / (0.05 * bandwidth)), "gaussian 0.05"), (.linear, "linear"), (.polynomial, "polynomial"),
    ]
    for (kernel, name) in kernels {
      #expect(agree(try kernel.squaredMMD(x, y), golden["mmd \(name)"]), "\(name)")
    }
  }

  @Test(arguments: [0.5, 1, 16]) func `the mixture is the sum of its five Gaussians`(width: Double) throws {
    let (x, y) = (wave([6, 5], 0.9, 0, 2), wave([4, 5], 1.3, 0.4, 1.5))
    let sum = try [0.25, 0.5, 1, 2, 4].map { try Kernel.gaussian(width: width * $0).squaredMMD(x, y).item }.reduce(0, +)
    #expect(abs(try Kernel.gaussianMixture(width: width).squaredMMD(x, y).item - sum) < 1e-6)
  }

  @Test func `a very wide Gaussian is the linear kernel`() throws {
    let (x, y) = (wave([6, 5], 0.9, 0, 2), wave([4, 5], 1.3, 0.4, 1.5))
    let linear = try Kernel.linear.squaredMMD(x, y).item
    var last = Double.infinity
    for width in [1.0, 10, 100] {
      let distance = abs(try Kernel.gaussian(width: width).squaredMMD(x, y, inLinearUnits: true).item - linear)
      #expect(distance < last)
      last = distance
    }
    #expect(last < 0.02 * linear)
  }

  @Test(arguments: kernels) func `a sample has no discrepancy to itself`(kernel: Kernel) throws {
    let x = wave([6, 5], 0.9, 0, 2)
    #expect(abs(try kernel.squaredMMD(x, x).item) < 1e-5)
    #expect(abs(try kernel.squaredMMD(x, x.indexed(by: Tensor(integers: [3, 1, 0, 5, 4, 2]))).item) < 1e-4)
  }

  @Test(arguments: kernels) func `discrepancies are symmetric and not negative`(kernel: Kernel) throws {
    let (x, y) = (wave([6, 5], 0.9, 0, 2), wave([4, 5], 1.3, 0.4, 1.5))
    let (there, back) = (try kernel.squaredMMD(x, y).item, try kernel.squaredMMD(y, x).item)
    #expect(abs(there - back) < 1e-5 * max(1, there))
    #expect(there > 0)
  }

  @Test func `the linear kernel's discrepancy is the loss of DM`() throws {
    let (x, y) = (wave([6, 5], 0.9, 0, 2), wave([4, 5], 1.3, 0.4, 1.5))
    let linear = try Kernel.linear.squaredMMD(x, y).item
    #expect(abs(linear - (try DistributionMatching.loss(real: x, synthetic: y).item)) < 1e-6)
  }

  @Test(arguments: kernels) func `a discrepancy of many rows does not depend on the number of threads`(
    kernel: Kernel
  ) throws {
    var random = RandomSource(seed: 3)
    let (x, y) = (random.normal([400, 64]), random.normal([40, 64]))
    let threads = Runtime.threads
    defer { try? Runtime.configure(threads: threads) }
    let values = try [1, 2].map { count in
      try Runtime.configure(threads: count)
      return try kernel.squaredMMD(x, y, inLinearUnits: true).item
    }
    #expect(values[0] == values[1])
  }

  @Test func `two Gaussians of equal mean and unequal variance differ for M3D but not for DM`() throws {
    var random = RandomSource(seed: 11)
    let half = random.normal([150, 6])
    // Mirrored rows make both means exactly zero.
    let narrow = try Tensor.concatenated([half, -half], axis: 0)
    let wide = narrow * 2
    let dm = try DistributionMatching.loss(real: narrow, synthetic: wide).item
    #expect(dm < 1e-8)
    for kernel in [Kernel.gaussianMixture(), .gaussian(), .polynomial] {
      #expect(try kernel.squaredMMD(narrow, wide).item > 0.01)
    }
  }

  @Test func `in linear units a pair at the batch's own distance pulls as hard as under the linear kernel`() throws {
    // One row on either side: the only distance is the bandwidth itself, where the slopes must be equal.
    let (x, y) = (wave([1, 5], 0.9, 0, 2), wave([1, 5], 1.3, 0.4, 1.5))
    func gradient(_ kernel: Kernel, inLinearUnits: Bool) throws -> [Double] {
      let (_, gradients) = try valueAndGradients(at: [y]) { points throws(TensorError) in
        try kernel.squaredMMD(x, points[0], inLinearUnits: inLinearUnits)
      }
      return gradients[0].doubles()
    }
    let linear = try gradient(.linear, inLinearUnits: false)
    for kernel in [Kernel.gaussianMixture(), .gaussianMixture(width: 4), .gaussian(), .gaussian(width: 4)] {
      for (a, b) in zip(try gradient(kernel, inLinearUnits: true), linear) {
        #expect(abs(a - b) < 1e-4 + 1e-4 * abs(b))
      }
      let bare = try gradient(kernel, inLinearUnits: false)
      #expect(zip(bare, linear).contains { abs($0 - $1) > 0.1 * abs($1) })
    }
  }

  @Test func `losses and image gradients through a network are PyTorch's`() throws {
    let golden = try Golden.load()
    let network = waveNetwork(
      known { try .convNet(ImageShape(channels: 3, height: 16, width: 16), classes: 4, filters: 6, depth: 2) })
    let real = try network.embed(wave([5, 3, 16, 16], 0.031, 0))
    let fake = wave([3, 3, 16, 16], 0.043, 1)
    let cases: [(String, (Tensor, Tensor) throws(TensorError) -> Tensor)] = [
      ("dm", { a, b throws(TensorError) in try DistributionMatching.loss(real: a, synthetic: b) }),
      ("m3d", { a, b throws(TensorError) in try Kernel.gaussianMixture().squaredMMD(a, b) }),
    ]
    for (name, loss) in cases {
      let (value, gradients) = try valueAndGradients(at: [fake]) { points throws(TensorError) in
        try loss(real, network.embed(points[0]))
      }
      #expect(agree(value, golden["\(name) loss"], relative: 1e-3))
      let corner = try gradients[0].slice(axis: 0, from: 0, to: 1).slice(axis: 1, from: 0, to: 1).reshaped([16, 16])
      let scale = golden["\(name) gradient norm"]?.values.first ?? 0
      #expect(agree(corner, golden["\(name) gradient"], absolute: 1e-4 * scale, relative: 1e-3))
      #expect(abs(gradients[0].squared().sum().item.squareRoot() / scale - 1) < 1e-3)
    }
  }
}

/// The network of the golden script: every weight a wave, the norm's scale near 1.
func waveNetwork(_ options: Architecture) -> Network {
  let parameters = options.parameterShapes.enumerated().map { index, shape in
    let values = wave(shape, 0.7 + 0.01 * Double(index), 0.3 * Double(index), 0.2)
    return index < options.parameterShapes.count - 2 && index % 4 == 2 ? values + 1 : values
  }
  return Network(options, parameters: parameters)
}
