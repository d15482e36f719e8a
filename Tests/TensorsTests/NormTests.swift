import TensorTurn
import Testing

@testable import Tensors

@Suite(.serialized, .takesTurns) struct NormTests {
  private func close(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape && zip(a.doubles(), b.doubles()).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-5 * abs($1) }
  }

  @Test(arguments: [8, 40]) func `instance norm is the same in either memory order, and keeps it`(side: Int) throws {
    var random = RandomSource(seed: 1)
    let (x, sums) = (random.normal([2, 6, side, side]) + 3, random.normal([2, 6, side, side]))
    let (scale, shift) = (random.normal([6]), random.normal([6]))
    func both(_ x: Tensor) throws -> (value: Tensor, gradients: [Tensor]) {
      let value = try x.instanceNorm(weight: scale, bias: shift)
      #expect(value.isChannelsLast == x.isChannelsLast)
      return (
        value,
        try valueAndGradients(at: [x, scale, shift]) { points throws(TensorError) in
          try (points[0].instanceNorm(weight: points[1], bias: points[2]) * sums).sum()
        }.gradients
      )
    }
    let (rows, channels) = (try both(x), try both(x.channelsLast()))
    #expect(close(rows.value, channels.value))
    for (a, b) in zip(rows.gradients, channels.gradients) {
      #expect((a - b).abs().sum().item < 1e-4 * a.abs().sum().item)
    }
  }

  @Test func `batch norm in training moves the statistics towards the batch's and leaves the old ones`() throws {
    var random = RandomSource(seed: 2)
    let x = random.normal([4, 3, 5, 5]) * 2 + 1
    let old = (mean: random.normal([3]), variance: random.normal([3]).squared())
    let before = [old.mean.floats(), old.variance.floats()]
    var new = old
    let result = try x.batchNorm(updating: &new, momentum: 0.25)
    #expect(close(result, try x.batchNorm()))
    #expect(close(new.mean, try old.mean * 0.75 + x.mean(axes: [0, 2, 3]) * 0.25))
    #expect(close(new.variance, try old.variance * 0.75 + x.variance(axes: [0, 2, 3]) * (0.25 * 100 / 99)))
    #expect([old.mean.floats(), old.variance.floats()] == before)
  }

  @Test func `batch norm in training refuses one value per channel and leaves the statistics`() {
    var statistics = (mean: Tensor.zeros([3]), variance: Tensor.ones([3]))
    let error = #expect(throws: TensorError.self) {
      try Tensor.ones([1, 3, 1, 1]).batchNorm(updating: &statistics, momentum: 0.1)
    }
    #expect(error?.message == "the batch has one value per channel, which has no variance")
    #expect(statistics.variance.floats() == [1, 1, 1])
  }
}
