import Methods
import TensorTurn
import Tensors
import Testing

@Suite(.serialized, .takesTurns)
struct PrincipalDirectionsTests {
  /// Points of known axes: what is put in comes out, strongest first, up to its sign.
  @Test func `points along few directions have these`() throws {
    var random = RandomSource(seed: 3)
    let axes = try random.normal([20, 3]).orthonormalColumns().transposed()
    // Columns of equal length that are normal to each other, times 9, 4 and 1.
    let weights = try random.normal([50, 3]).orthonormalColumns() * Tensor([9, 4, 1], shape: [1, 3])
    let found = try principalDirections(of: weights.matmul(axes), count: 3, using: &random)
    #expect(found.shape == [3, 20])
    let products = try found.matmul(axes.transposed()).floats()
    for (place, product) in products.enumerated() {
      #expect(abs(abs(product) - (place % 4 == 0 ? 1 : 0)) < 1e-4, "\(products)")
    }
  }

  @Test(arguments: [(40, 12), (12, 40)])
  func `of any points they are normal to each other and keep most`(size: (Int, Int)) throws {
    var random = RandomSource(seed: 5)
    let points = random.normal([size.0, size.1])
    let found = try principalDirections(of: points, count: 4, using: &random)
    let gram = try found.matmul(found.transposed()).floats()
    for (place, value) in gram.enumerated() { #expect(abs(value - (place % 5 == 0 ? 1 : 0)) < 1e-4) }
    let kept = try points.matmul(found.transposed()).squared().sum().item
    let spectrum = try points.transposed().matmul(points).symmetricEigen().values.doubles()
    #expect(abs(kept - spectrum.suffix(4).reduce(0, +)) < 1e-3 * kept)
  }

  @Test func `there are at most as many as points, and as numbers of a point`() throws {
    var random = RandomSource(seed: 5)
    #expect(try principalDirections(of: random.normal([3, 8]), count: 6, using: &random).shape == [3, 8])
    #expect(try principalDirections(of: random.normal([8, 3]), count: 6, using: &random).shape == [3, 3])
    #expect(try principalDirections(of: .zeros([4, 5]), count: 2, using: &random).floats().allSatisfy(\.isFinite))
  }
}
