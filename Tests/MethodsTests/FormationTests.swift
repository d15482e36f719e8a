import Datasets
import Methods
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct FormationTests {
  @Test func `decoding cuts and enlarges as NumPy does, also where sizes do not divide`() throws {
    let golden = try Golden.load()
    let images = wave([2, 2, 7, 8], 0.37, 0.2, 0.5) + 0.5
    #expect(agree(try Formation(factor: 2).decoded(images), golden["formation 2"]))
    #expect(agree(try Formation(factor: 3).decoded(images), golden["formation 3"]))
  }

  @Test func `factor 1 changes nothing`() throws {
    let images = wave([2, 2, 7, 8], 0.37, 0.2)
    #expect(try Formation(factor: 1).decoded(images).floats() == images.floats())
    #expect(try Formation(factor: 1).encoded(images).floats() == images.floats())
    #expect(Formation(factor: 1).decoded(labels: [3, 1]) == [3, 1])
  }

  @Test func `decoding in normalised units is normalising after decoding`() throws {
    let images = wave([2, 3, 7, 9], 0.37, 0.2, 0.5) + 0.5
    let normalization = Normalization.cifar10
    let formation = Formation(factor: 2)
    let after = try normalization.normalized(formation.decoded(images))
    let before = try formation.decoded(normalization.normalized(images), normalization: normalization)
    #expect((after - before).abs().floats().allSatisfy { $0 < 1e-5 })
  }

  @Test func `images of one shade come back from their tiles in order`() throws {
    let shades: [Float] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    let images = Tensor(shades, shape: [8, 1, 1, 1]) * Tensor.ones([8, 2, 6, 4])
    let formation = Formation(factor: 2)
    let stored = try formation.encoded(images)
    #expect(stored.shape == [2, 2, 6, 4])
    let decoded = try formation.decoded(stored)
    #expect(decoded.shape == images.shape)
    #expect((decoded - images).abs().floats().allSatisfy { $0 < 1e-6 })
  }

  @Test func `shrinking by two takes the mean of two by two pixels`() throws {
    let images = wave([4, 1, 4, 4], 0.9, 0.1)
    let stored = try Formation(factor: 2).encoded(images)
    let means = try images.averagePool2d(2)
    // The first image becomes the upper left quarter.
    let quarter = try stored.slice(axis: 2, from: 0, to: 2).slice(axis: 3, from: 0, to: 2)
    let first = try means.slice(axis: 0, from: 0, to: 1)
    #expect((quarter - first).abs().floats().allSatisfy { $0 < 1e-6 })
  }

  @Test func `labels and soft labels follow their images`() throws {
    let formation = Formation(factor: 2)
    #expect(formation.decoded(labels: [5, 6, 7]) == [5, 6, 7, 5, 6, 7, 5, 6, 7, 5, 6, 7])
    let rows = Tensor([0.25, 0.75, 1, 0], shape: [2, 2])
    let repeated: [Float] = (0..<4).flatMap { _ in [Float(0.25), 0.75, 1, 0] }
    #expect(try formation.decoded(rows: rows).floats() == repeated)
  }
}
