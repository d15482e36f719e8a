import Networks
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct PatchAttentionTests {
  private let maps = wave([3, 8, 4, 6], 0.61, 0.2)

  /// Attention of 4 slots on 8 maps with matrices that are no multiple of the identity.
  private func attention(_ kind: PatchAttention.Kind, heads: Int) -> PatchAttention {
    let width = PatchAttention.width(kind, channels: 8, patch: 2)
    let matrices = (0..<4).map { wave([width, width], 0.7 + 0.01 * Double($0), 0.3 * Double($0), 0.3) }
    return PatchAttention(
      kind, slots: 4, channels: 8, patch: 2, attention: SelfAttention(heads: heads, parameters: matrices))
  }

  /// Patches of all channels, position by position: (n, positions, C·P²).
  private func tokens(_ maps: Tensor) throws -> Tensor {
    let shape = maps.shape
    return try maps.reshaped([shape[0], shape[1], shape[2] / 2, 2, shape[3] / 2, 2]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([shape[0], shape[2] * shape[3] / 4, shape[1] * 4])
  }

  private func close(_ a: Tensor, _ b: Tensor, _ bound: Float = 1e-4) -> Bool {
    a.shape == b.shape && zip(a.floats(), b.floats()).allSatisfy { abs($0 - $1) < bound }
  }

  @Test(arguments: [1, 4]) func `features add up to the attention of all positions`(heads: Int) throws {
    let attention = attention(.spatial, heads: heads)
    let seen = try attention(maps)
    #expect(seen.features.shape == [3, 4, 8, 4, 6])
    let tokens = try tokens(maps)
    // What `SelfAttention` gives beyond what it was given.
    let expected = try attention.attention(tokens) - tokens
    #expect(close(try self.tokens(seen.features.sum(axes: [1])), expected))
  }

  @Test func `row-wise features add up to the attention within the rows of a channel`() throws {
    let attention = attention(.rowWise, heads: 1)
    let sum = try attention(maps).features.sum(axes: [1])
    for (channel, row) in [(0, 0), (3, 1), (7, 0)] {
      let strip = try maps.slice(axis: 1, from: channel, to: channel + 1).slice(axis: 2, from: 2 * row, to: 2 * row + 2)
      let tokens = try tokens(strip)
      let found = try sum.slice(axis: 1, from: channel, to: channel + 1).slice(axis: 2, from: 2 * row, to: 2 * row + 2)
      #expect(close(try self.tokens(found), try attention.attention(tokens) - tokens))
    }
  }

  @Test func `row-wise features hold their own channels alone`() throws {
    let features = try attention(.rowWise, heads: 1)(maps).features
    for slot in 0..<4 {
      let others = try features.slice(axis: 1, from: slot, to: slot + 1).indexed(
        by: Tensor(integers: (0..<8).filter { $0 / 2 != slot }), axis: 2)
      #expect(others.abs().sum().item == 0)
    }
  }

  @Test(arguments: [PatchAttention.Kind.rowWise, .spatial])
  func `what patches receive sums to one among those that compete`(kind: PatchAttention.Kind) throws {
    let received = try attention(kind, heads: 1)(maps).received
    #expect(received.shape == [3, 4, 2, 3])
    let sums = try received.sum(axes: kind == .rowWise ? [3] : [2, 3])
    #expect(sums.floats().allSatisfy { abs($0 - 1) < 1e-5 })
  }

  @Test func `no position counts: patches in another order give the same features in that order`() throws {
    let attention = attention(.spatial, heads: 4)
    let order = Tensor(integers: [2, 0, 1])
    func moved(_ maps: Tensor) throws -> Tensor {  // whole columns of patches
      let shape = maps.shape
      return try maps.reshaped(Array(shape.dropLast()) + [3, 2]).indexed(by: order, axis: shape.count - 1).reshaped(
        shape)
    }
    #expect(close(try attention(moved(maps)).features, try moved(attention(maps).features)))
  }

  @Test func `it begins as a multiple of nearly the identity`() throws {
    let fresh = PatchAttention(.spatial, slots: 4, isMultiHead: false, channels: 8, patch: 2, output: 1)
    // Patches that are far apart see themselves alone.
    var random = RandomSource(seed: 1)
    let distinct = random.normal([2, 8, 4, 6]) * 20
    let found = try fresh(distinct).features.sum(axes: [1])
    #expect(close(found, distinct, 1e-2))
  }
}
