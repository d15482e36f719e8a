import Networks
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct SelfAttentionTests {
  private var attention: SelfAttention {
    SelfAttention(heads: 2, parameters: (0..<4).map { wave([8, 8], 0.7 + 0.01 * Double($0), 0.3 * Double($0), 0.3) })
  }
  private let tokens = wave([2, 5, 8], 0.61, 0.2)

  @Test func `attention and its weights are PyTorch's`() throws {
    let golden = try Golden.load("networks")
    #expect(agree(try attention(tokens), golden["attention"]))
    #expect(agree(try attention.weights(tokens), golden["attention weights"]))
  }

  @Test func `it begins as the identity`() throws {
    var random = RandomSource(seed: 1)
    let fresh = SelfAttention(width: 8, heads: 4, using: &random)
    #expect(try fresh(tokens).floats() == tokens.floats())
  }

  @Test func `tokens in another order give the same results in that order`() throws {
    let order = Tensor(integers: [3, 0, 4, 1, 2])
    let there = try attention(tokens.indexed(by: order, axis: 1))
    let here = try attention(tokens).indexed(by: order, axis: 1)
    #expect(zip(there.floats(), here.floats()).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func `weights of a token sum to one`() throws {
    let sums = try attention.weights(tokens).sum(axes: [-1]).floats()
    #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 })
  }
}
