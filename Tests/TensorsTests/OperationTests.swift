import Testing

@testable import Tensors

@Suite(.serialized) struct OperationTests {
  @Test func `operators broadcast and keep float32 with numbers`() {
    let a = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    let b = Tensor([10, 20, 30], shape: [3])
    #expect((a + b).floats() == [11, 22, 33, 14, 25, 36])
    #expect((2 * a - 1).floats() == [1, 3, 5, 7, 9, 11])
    #expect((1 / (a / 2)).dtype == .float32)
  }

  @Test func `bad shapes throw and name operation and shapes`() {
    let a = Tensor.zeros([2, 3])
    let b = Tensor.zeros([2, 3])
    do throws(TensorError) {
      _ = try a.matmul(b)
      Issue.record("no error")
    } catch {
      #expect(error.operation == "matmul")
      #expect(error.shapes == [[2, 3], [2, 3]])
      #expect(!error.message.contains("Exception raised from"))
    }
  }

  @Test func `a gradient inside a gradient reaches the outer point`() throws {
    // d/dx of (d/dw w³x²) at w = 2, x = 3: 3w²·2x = 72.
    let w = Tensor(2)
    let x = Tensor(3)
    let outer = try valueAndGradients(at: [x]) { outerPoints throws(TensorError) in
      let inner = try valueAndGradients(at: [w], createGraph: true) { points throws(TensorError) in
        points[0].pow(3) * outerPoints[0].squared()
      }
      return inner.gradients[0]
    }
    #expect(outer.value.item == 108)
    #expect(outer.gradients[0].item == 72)
  }

  @Test func `SGD with momentum moves as written`() throws {
    var p = [Tensor([1, -1], shape: [2])]
    var sgd = SGD(learningRate: 0.1, momentum: 0.5, weightDecay: 0.1)
    try sgd.step(&p, [Tensor([1, 1], shape: [2])])
    #expect(p[0].floats() == [1 - 0.1 * 1.1, -1 - 0.1 * 0.9])
  }
}
