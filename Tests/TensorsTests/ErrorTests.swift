import Foundation
import Testing

@testable import Tensors

extension TensorsTests {
  /// What does not fit is thrown with its shapes, never a crash.
  @Suite struct ErrorTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var body: @Sendable () throws(TensorError) -> Tensor
      init(_ name: String, _ body: @escaping @Sendable () throws(TensorError) -> Tensor) {
        testDescription = name
        self.body = body
      }
    }

    static let mistakes: [Mistake] = {
      let x = Tensor.zeros([2, 3])
      let images = Tensor.zeros([1, 2, 4, 4])
      let weight = Tensor.zeros([5, 2, 3, 3])
      return [
        .init("matmul") { () throws(TensorError) in try x.matmul(x) },
        .init("linear") { () throws(TensorError) in try x.linear(Tensor.zeros([4, 2])) },
        .init("linear bias") { () throws(TensorError) in try x.linear(Tensor.zeros([4, 3]), bias: Tensor.zeros([3])) },
        .init("orthonormalColumns") { () throws(TensorError) in try Tensor.zeros([3]).orthonormalColumns() },
        .init("symmetricEigen") { () throws(TensorError) in try x.symmetricEigen().values },
        .init("squaredDistances") { () throws(TensorError) in try x.squaredDistances(to: Tensor.zeros([2, 4])) },
        .init("squaredDistances rank") { () throws(TensorError) in try x.squaredDistances(to: Tensor.zeros([3])) },
        .init("reshaped") { () throws(TensorError) in try x.reshaped([4]) },
        .init("reshaped twice -1") { () throws(TensorError) in try x.reshaped([-1, -1]) },
        .init("flattened") { () throws(TensorError) in try x.flattened(from: 2) },
        .init("transposed") { () throws(TensorError) in try x.transposed(0, 2) },
        .init("permuted") { () throws(TensorError) in try x.permuted([0, 0]) },
        .init("unsqueezed") { () throws(TensorError) in try x.unsqueezed(4) },
        .init("squeezed") { () throws(TensorError) in try x.squeezed(0) },
        .init("squeezed axis") { () throws(TensorError) in try x.squeezed(2) },
        .init("expanded") { () throws(TensorError) in try x.expanded(to: [2, 4]) },
        .init("slice past the end") { () throws(TensorError) in try x.slice(from: 0, to: 3) },
        .init("slice backwards") { () throws(TensorError) in try x.slice(from: 2, to: 1) },
        .init("slice step") { () throws(TensorError) in try x.slice(from: 0, to: 1, step: 0) },
        .init("indexed") { () throws(TensorError) in try x.indexed(by: Tensor(integers: [2])) },
        .init("indexed negative") { () throws(TensorError) in try x.indexed(by: Tensor(integers: [-1])) },
        .init("indexed by floats") { () throws(TensorError) in try x.indexed(by: Tensor([0], shape: [1])) },
        .init("gathered") { () throws(TensorError) in try x.gathered(Tensor(integers: [3], shape: [1, 1]), axis: 1) },
        .init("concatenated") { () throws(TensorError) in try Tensor.concatenated([x, Tensor.zeros([2, 2])]) },
        .init("concatenated nothing") { () throws(TensorError) in try Tensor.concatenated([]) },
        .init("stacked") { () throws(TensorError) in try Tensor.stacked([x, Tensor.zeros([3, 2])]) },
        .init("stacked nothing") { () throws(TensorError) in try Tensor.stacked([]) },
        .init("padded") { () throws(TensorError) in try x.padded([1, 1, 1]) },
        .init("padded away") { () throws(TensorError) in try x.padded([-2, -2]) },
        .init("flipped") { () throws(TensorError) in try x.flipped(axes: [2]) },
        .init("rolled") { () throws(TensorError) in try x.rolled(by: 1, axis: 5) },
        .init("sum") { () throws(TensorError) in try x.sum(axes: [2]) },
        .init("sum twice") { () throws(TensorError) in try x.sum(axes: [0, 0]) },
        .init("mean of integers") { () throws(TensorError) in try Tensor(integers: [1]).mean(axes: [0]) },
        .init("max of nothing") { () throws(TensorError) in try Tensor.zeros([0]).max() },
        .init("argmax") { () throws(TensorError) in try x.argmax(axis: 2) },
        .init("top") { () throws(TensorError) in try x.top(4).values },
        .init("softmax") { () throws(TensorError) in try x.softmax(axis: 2) },
        .init("crossEntropy count") { () throws(TensorError) in try x.crossEntropy(labels: Tensor(integers: [0])) },
        .init("crossEntropy range") { () throws(TensorError) in try x.crossEntropy(labels: Tensor(integers: [0, 3])) },
        .init("crossEntropy negative") { () throws(TensorError) in
          try x.crossEntropy(labels: Tensor(integers: [0, -100]))
        },
        .init("crossEntropy soft") { () throws(TensorError) in try x.crossEntropy(labels: Tensor.zeros([2, 2])) },
        .init("convolution channels") { () throws(TensorError) in try images.convolution2d(Tensor.zeros([5, 3, 3, 3]))
        },
        .init("convolution kernel") { () throws(TensorError) in try images.convolution2d(Tensor.zeros([5, 2, 7, 7])) },
        .init("convolution stride") { () throws(TensorError) in try images.convolution2d(weight, stride: 0) },
        .init("convolution padding") { () throws(TensorError) in try images.convolution2d(weight, padding: -1) },
        .init("convolution groups") { () throws(TensorError) in try images.convolution2d(weight, groups: 0) },
        .init("convolution bias") { () throws(TensorError) in
          try images.convolution2d(weight, bias: Tensor.zeros([2]))
        },
        .init("convolution type") { () throws(TensorError) in try images.convolution2d(weight.to(.float64)) },
        .init("transposed convolution") { () throws(TensorError) in try images.transposedConvolution2d(weight) },
        .init("averagePool2d") { () throws(TensorError) in try images.averagePool2d(0) },
        .init("averagePool2d of a matrix") { () throws(TensorError) in try x.averagePool2d(2) },
        .init("averagePool2d too large") { () throws(TensorError) in try images.averagePool2d(5) },
        .init("maxPool2d") { () throws(TensorError) in try images.maxPool2d(5) },
        .init("maxPool2d stride") { () throws(TensorError) in try images.maxPool2d(2, stride: 0) },
        .init("groupNorm") { () throws(TensorError) in try images.groupNorm(groups: 3) },
        .init("groupNorm groups") { () throws(TensorError) in try images.groupNorm(groups: 0) },
        .init("groupNorm weight") { () throws(TensorError) in try images.groupNorm(groups: 2, weight: Tensor.ones([3]))
        },
        .init("instanceNorm") { () throws(TensorError) in try Tensor.zeros([3]).instanceNorm() },
        .init("batchNorm") { () throws(TensorError) in try images.batchNorm(weight: Tensor.ones([3])) },
        .init("normReluPool") { () throws(TensorError) in
          try images.normReluPool(weight: Tensor.ones([3]), bias: Tensor.zeros([3]))
        },
        .init("normReluPool rank") { () throws(TensorError) in
          try x.normReluPool(weight: Tensor.ones([3]), bias: Tensor.zeros([3]))
        },
        .init("upsampled") { () throws(TensorError) in try images.upsampled(toHeight: 0, width: 4) },
        .init("upsampled rank") { () throws(TensorError) in try x.upsampled(toHeight: 4, width: 4) },
        .init("gridSample") { () throws(TensorError) in try images.gridSample(Tensor.zeros([2, 2, 3])) },
        .init("gridSample theta") { () throws(TensorError) in try images.gridSample(Tensor.zeros([1, 3, 3])) },
        .init("gridSample rank") { () throws(TensorError) in try x.gridSample(Tensor.zeros([2, 2, 3])) },
        .init("channelsLast") { () throws(TensorError) in try x.channelsLast() },
        .init("no such device") { () throws(TensorError) in try x.to(.cuda(99)) },
      ]
    }()

    @Test(arguments: mistakes) func `a mistake in shapes is thrown`(_ mistake: Mistake) {
      do throws(TensorError) {
        _ = try mistake.body()
        Issue.record("no error")
      } catch {
        #expect(!error.message.isEmpty)
        #expect(!error.message.contains("Exception raised from"), "\(error)")
        #expect(!error.operation.isEmpty)
      }
    }

    @Test func `an error names the operation and both shapes`() {
      do throws(TensorError) {
        _ = try Tensor.zeros([2, 3]).matmul(Tensor.zeros([4, 5]))
        Issue.record("no error")
      } catch {
        #expect(error.operation == "matmul")
        #expect(error.shapes == [[2, 3], [4, 5]])
        #expect(error.description.hasPrefix("matmul of [2, 3] and [4, 5]: "))
      }
    }

    /// More than an address space holds, so that no machine can give it.
    private static func unaffordable() throws(TensorError) -> Tensor {
      try Tensor.zeros([1]).expanded(to: [1 << 20, 1 << 25])
    }

    @Test func `memory that is not given is told apart from mistakes, with its amount`() throws {
      let error = #expect(throws: TensorError.self) { try Self.unaffordable().softmax(axis: 1) }
      #expect(error?.isOutOfMemory == true, "\(String(describing: error))")
      #expect(error?.message == "memory is exhausted: \(1 << 47) bytes were asked for at once")
      let mistake = #expect(throws: TensorError.self) { try Tensor.zeros([2, 3]).matmul(Tensor.zeros([4, 5])) }
      #expect(mistake?.isOutOfMemory == false)
    }

    @Test func `who says so beforehand decides how the program leaves when an operator is given no memory`() async {
      await #expect(processExitsWith: .exitCode(75)) {
        Runtime.onExhaustion = { error in exit(error.isOutOfMemory ? 75 : 1) }
        let large = try Tensor.zeros([1]).expanded(to: [1 << 20, 1 << 25])
        _ = large + large
      }
      // A mistake is none of its business, and without it the lack of memory is one.
      await #expect(processExitsWith: .failure) {
        Runtime.onExhaustion = { _ in exit(0) }
        _ = Tensor.zeros([2]) + Tensor.zeros([3])
      }
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let large = try Tensor.zeros([1]).expanded(to: [1 << 20, 1 << 25])
        _ = large + large
      }
      let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(said.contains("memory is exhausted: 140737488355328 bytes"), "\(said)")
    }

    @Test func `an operator on shapes that do not fit stops the program`() async {
      await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2]) + Tensor.zeros([3]) }
    }

    @Test func `values that do not fill the shape stop the program`() async {
      await #expect(processExitsWith: .failure) { _ = Tensor([1, 2, 3], shape: [2]) }
    }
  }
}
