import Foundation
import Testing

@testable import Tensors

extension TensorsTests {
  @Suite struct GoldenTests {
    @Test func `every golden operation has a caller and every caller a golden value`() {
      #expect(!GoldenCase.all.isEmpty)
      #expect(Set(GoldenCase.all.map(\.operation)) == Set(Operation.all.keys))
    }

    @Test(arguments: GoldenCase.all) func `operations agree with NumPy`(_ golden: GoldenCase) throws {
      let operation = try #require(Operation.all[golden.operation])
      for (dtype, tolerance) in [(DType.float64, 1e-11), (.float32, 2e-5)] {
        let result = try operation.apply(golden.inputs.map { $0.tensor(dtype) }, golden.numbers)
        #expect(result.shape == golden.output.shape)
        expectClose(
          result.doubles(), golden.output.values, absolute: tolerance, relative: tolerance, "\(dtype)")
      }
    }

    @Test(arguments: GoldenCase.all.filter { $0.inputs[0].shape.count == 4 })
    func `layers agree with NumPy when channels are innermost in memory`(_ golden: GoldenCase) throws {
      let operation = try #require(Operation.all[golden.operation])
      var inputs = golden.inputs.map { $0.tensor(.float32) }
      inputs[0] = try inputs[0].channelsLast()
      let result = try operation.apply(inputs, golden.numbers)
      expectClose(result.doubles(), golden.output.values, absolute: 2e-5, relative: 2e-5)
    }

    @Test func `SGD agrees with torch.optim.SGD over three steps`() throws {
      struct Run: Decodable {
        var rate, momentum, decay: Double
        var shapes: [[Int]]
        var start: [[Float]]
        var gradients, after: [[[Float]]]
      }
      struct File: Decodable { var runs: [Run] }
      let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: goldenFile("tensors-sgd.json")))
      for dtype in [DType.float32, .float64] {
        for run in file.runs {
          let tensors = { (values: [[Float]]) in zip(values, run.shapes).map { Tensor($0, shape: $1).to(dtype) } }
          var parameters = tensors(run.start)
          var sgd = SGD(learningRate: run.rate, momentum: run.momentum, weightDecay: run.decay)
          for (gradients, after) in zip(run.gradients, run.after) {
            try sgd.step(&parameters, tensors(gradients))
            for (found, expected) in zip(parameters, after) {
              expectClose(found.doubles(), expected.map(Double.init), absolute: 1e-6, relative: 1e-6)
            }
          }
        }
      }
    }

    @Test func `adam agrees with torch.optim.AdamW over four steps`() throws {
      struct Run: Decodable {
        var rate, beta1, beta2, eps, decay: Double
        var shapes: [[Int]]
        var start: [[Double]]
        var gradients, after: [[[Double]]]
      }
      struct File: Decodable { var runs: [Run] }
      let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: goldenFile("tensors-adam.json")))
      for dtype in [DType.float32, .float64] {
        for run in file.runs {
          let tensors = { (values: [[Double]]) in
            zip(values, run.shapes).map { Tensor(doubles: $0, shape: $1).to(dtype) }
          }
          var parameters = tensors(run.start)
          var adam = Adam(
            learningRate: run.rate, beta1: run.beta1, beta2: run.beta2, eps: run.eps, weightDecay: run.decay)
          for (gradients, after) in zip(run.gradients, run.after) {
            try adam.step(&parameters, tensors(gradients))
            for (found, expected) in zip(parameters, after) {
              let tolerance = dtype == .float64 ? 1e-9 : 1e-6
              expectClose(found.doubles(), expected, absolute: tolerance, relative: tolerance)
            }
          }
        }
      }
    }
  }
}
