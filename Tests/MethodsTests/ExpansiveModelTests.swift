import Methods
import Networks
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct ExpansiveModelTests {
  typealias Recipe = ExpansiveModel.Recipe

  private func model(_ setting: ExpansiveModel.Setting) -> ExpansiveModel {
    var random = RandomSource(seed: 2)
    return ExpansiveModel(
      setting, MapAutoencoderOptions(channels: 3, height: 16, width: 16, filters: 4, maps: 8), slots: 4, patch: 2,
      using: &random)
  }

  private let latents = wave([3, 8, 4, 4], 0.83, 0.4)

  /// Features of slot j are j + 1 everywhere; patch p receives p.
  private var plain: PatchAttention.Seen {
    let features = (0..<12).flatMap { row in [Float](repeating: Float(row % 4 + 1), count: 128) }
    return PatchAttention.Seen(
      features: Tensor(features, shape: [3, 4, 8, 4, 4]),
      received: Tensor((0..<48).map { Float($0 % 4) }, shape: [3, 4, 2, 2]))
  }

  private func close(_ a: Tensor, _ b: Tensor) -> Bool {
    a.shape == b.shape && zip(a.floats(), b.floats()).allSatisfy { abs($0 - $1) < 1e-4 }
  }

  @Test(arguments: ExpansiveModel.Setting.allCases.filter { !$0.hasGraph })
  func `copy 0 is the sample through the attention`(setting: ExpansiveModel.Setting) throws {
    let model = model(setting)
    let seen = try model.attention(latents)
    let found = try model.composed(latents, seen, [.itself(1, slots: 4), .itself(0, slots: 4)], graphs: nil)
    let sum = try seen.features.sum(axes: [1])
    let expected = try (setting.hasSkip ? latents + sum : sum).indexed(by: Tensor(integers: [1, 0]))
    #expect(close(found, expected))
  }

  @Test func `a graph without edges and convolutions that are the identity change nothing`() throws {
    var model = model(.expanderGraph)
    var values = [Float](repeating: 0, count: 8 * 32 * 9)
    for map in 0..<8 { for slot in 0..<4 { values[((map * 4 + slot) * 8 + map) * 9 + 4] = 1 } }
    model.placement = Tensor(values, shape: [8, 32, 3, 3])
    let without = ExpansiveModel(
      .multiHeadSkip, autoencoder: model.autoencoder, attention: model.attention, placement: nil, mean: model.mean,
      deviation: model.deviation)
    let identity = Tensor((0..<16).map { $0 % 5 == 0 ? 1 : 0 }, shape: [1, 4, 4])
    let seen = try model.attention(latents)
    let recipe = Recipe(source: 0, lender: 2, anchors: [true, false, true, false], rotation: 0, kept: 0.5)
    #expect(
      close(
        try model.composed(latents, seen, [recipe], graphs: identity),
        try without.composed(latents, seen, [recipe], graphs: nil)))
  }

  @Test func `a graph mixes the features of its vertices`() throws {
    var model = model(.expanderGraph)
    // W takes map 0 of slot 0 alone: what is seen is row 0 of Â.
    var values = [Float](repeating: 0, count: 8 * 32 * 9)
    values[4] = 1
    model.placement = Tensor(values, shape: [8, 32, 3, 3])
    let row: [Float] = [0.4, 0.3, 0.2, 0.1]
    let graphs = Tensor((0..<2).flatMap { _ in row + [Float](repeating: 0, count: 12) }, shape: [2, 4, 4])
    let none = Tensor.zeros(latents.shape)
    let recipes = [0, 1].map {
      Recipe(source: 0, lender: 0, anchors: [true, true, true, true], rotation: $0, kept: 1)
    }
    let found = try model.composed(none, plain, recipes, graphs: graphs)
    // 0.4·1 + 0.3·2 + 0.2·3 + 0.1·4, and with slot j + 1 in the place of slot j.
    let expected: [Float] = [2.0, 0.4 * 2 + 0.3 * 3 + 0.2 * 4 + 0.1 * 1]
    for (image, value) in expected.enumerated() {
      let map = try found.slice(from: image, to: image + 1).slice(axis: 1, from: 0, to: 1)
      #expect(map.floats().allSatisfy { abs($0 - value) < 1e-5 })
    }
    #expect(try found.slice(axis: 1, from: 1, to: 8).abs().sum().item < 1e-6)
  }

  @Test func `slots come from the sample where they are anchors and else from the lender`() throws {
    let model = model(.spatialSkip)
    let seen = try model.attention(latents)
    let recipe = Recipe(source: 0, lender: 2, anchors: [true, false, false, true], rotation: 0, kept: 1)
    let found = try model.composed(latents, seen, [recipe], graphs: nil)
    var expected = Tensor.zeros([1, 8, 4, 4])
    for (slot, origin) in [0, 2, 2, 0].enumerated() {
      let own = try latents.slice(from: origin, to: origin + 1)
      let group = (0..<8).map { $0 / 2 == slot ? Float(1) : 0 }
      expected = expected + own * Tensor(group, shape: [1, 8, 1, 1])
      let feature = try seen.features.slice(from: origin, to: origin + 1)
      expected = try expected + feature.slice(axis: 1, from: slot, to: slot + 1).squeezed(1)
    }
    #expect(close(found, expected))
  }

  @Test(arguments: [(0.25, 1), (0.5, 2), (0.75, 3)])
  func `the crop keeps its share of the patches, those that receive most`(kept: Double, count: Int) throws {
    let model = model(.spatialSkip)
    let recipe = Recipe(source: 0, lender: 0, anchors: [true, true, true, true], rotation: 0, kept: kept)
    let found = try model.composed(.zeros(latents.shape), plain, [recipe], graphs: nil)
    // Of each patch one place of map 0; all slots together weigh 10.
    let masks = [(0, 0), (0, 2), (2, 0), (2, 2)].map { row, column in found.floats()[row * 4 + column] / 10 }
    #expect(masks == masks.sorted())
    #expect(masks.filter { $0 > 0.5 }.count == count)
  }

  /// Patches that the lender looks at most are those that the sample looks at least.
  @Test func `a feature is cropped by the attention of the sample that it is of`() throws {
    var received: [Float] = []
    for place in 0..<48 { received.append(Float(place < 32 ? place % 4 : 3 - place % 4)) }
    let seen = PatchAttention.Seen(features: plain.features, received: Tensor(received, shape: [3, 4, 2, 2]))
    for rotation in 0..<4 {
      let recipe = Recipe(source: 0, lender: 2, anchors: [true, true, false, false], rotation: rotation, kept: 0.5)
      let found = try model(.spatialSkip).composed(.zeros(latents.shape), seen, [recipe], graphs: nil).floats()
      // The first patch keeps what the lender's slots bring, 3 + 4, the last one what the sample's do, 1 + 2.
      let (first, last): (Float, Float) = (found[0], found[10])
      #expect(abs(first - 7) < 0.4, "rotation \(rotation)")
      #expect(abs(last - 3) < 0.4, "rotation \(rotation)")
    }
  }

  @Test func `what is cropped is halved where no skip connection brings it`() throws {
    let recipe = Recipe(source: 0, lender: 0, anchors: [true, true, true, true], rotation: 0, kept: 0.25)
    let found = try model(.spatial).composed(.zeros(latents.shape), plain, [recipe], graphs: nil)
    #expect(found.floats().allSatisfy { $0 >= 5 && $0 <= 10.001 })
  }

  @Test func `a drawn copy has half of the slots as anchors`() {
    var random = RandomSource(seed: 1)
    var seen = Set<[Bool]>()
    for copy in 1..<40 {
      let recipe = Recipe.drawn(0, lender: 1, rotation: copy, slots: 8, using: &random)
      #expect(recipe.anchors.filter { $0 }.count == 4 && recipe.rotation == copy % 8)
      #expect(recipe.kept >= 0.25 && recipe.kept < 0.75)
      seen.insert(recipe.anchors)
    }
    #expect(seen.count > 20)
  }
}
