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

  /// Kind, factor and shape of everything that Scripts/golden/formations.py cuts.
  static let cut: [(kind: Formation.Kind, factor: Int, shape: [Int])] =
    [(.uniform, 2, [2, 2, 7, 8]), (.uniform, 4, [1, 1, 13, 14]), (.uniform, 5, [1, 1, 13, 14])]
    + (1...3).map { (.multi, $0, [2, 2, 7, 8]) } + [(.multi, 5, [1, 1, 13, 14])]
    + (1...5).map { (.time, $0, [2, 2, 4, 13]) }

  @Test(arguments: cut) func `every kind cuts and enlarges as PyTorch does, with tensors and without`(
    kind: Formation.Kind, factor: Int, shape: [Int]
  ) throws {
    let golden = try Golden.load("formations")
    let images = wave(shape, 0.37, 0.2, 0.5) + 0.5
    let formation = Formation(kind, factor: factor)
    let decoded = try formation.decoded(images)
    #expect(agree(decoded, golden["\(kind) \(factor)"]))
    #expect(decoded.shape[0] == shape[0] * formation.multiplicity)
    let (values, tiles, size) = (images.floats(), decoded.floats(), images.count / shape[0])
    for image in 0..<shape[0] {
      let stored = FloatArray(shape: Array(shape[1...]), values: Array(values[image * size..<(image + 1) * size]))
      let formed = formation.formed(stored)
      #expect(formed.count == formation.multiplicity)
      for (number, tile) in formed.enumerated() {
        let row = number * shape[0] + image
        let same = zip(tile.values, tiles[row * size..<(row + 1) * size]).allSatisfy { abs($0 - $1) < 1e-6 }
        #expect(tile.shape == stored.shape && same, "tile \(number) of image \(image)")
      }
    }
  }

  @Test func `a multi-scale formation is the uniform ones of all its scales, one after the other`() throws {
    let images = wave([2, 3, 13, 14], 0.21, 0.4, 0.5) + 0.5
    var scales: [Tensor] = []
    for factor in 1...4 { scales.append(try Formation(factor: factor).decoded(images)) }
    let all = try Formation(.multi, factor: 4).decoded(images)
    #expect(all.floats() == (try Tensor.concatenated(scales, axis: 0).floats()))
    #expect(Formation(.multi, factor: 4).multiplicity == 1 + 4 + 9 + 16)
  }

  @Test func `along time no row sees another one`() throws {
    let images = wave([1, 1, 3, 8], 0.7, 0.2)
    let rows = try (0..<3).map { try images.slice(axis: 2, from: $0, to: $0 + 1) }
    let formation = Formation(.time, factor: 2)
    let whole = try formation.decoded(images)
    for (number, row) in rows.enumerated() {
      let alone = try formation.decoded(row)
      #expect((try whole.slice(axis: 2, from: number, to: number + 1) - alone).abs().floats().allSatisfy { $0 < 1e-6 })
    }
    #expect(whole.shape == [2, 1, 3, 8])
  }

  @Test(arguments: [Formation.Kind.uniform, .multi, .time]) func `decoding in normalised units is normalising after`(
    kind: Formation.Kind
  ) throws {
    let images = wave([2, 3, 7, 8], 0.37, 0.2, 0.5) + 0.5
    let normalization = Normalization.cifar10
    let formation = Formation(kind, factor: 3)
    let after = try normalization.normalized(formation.decoded(images))
    let before = try formation.decoded(normalization.normalized(images), normalization: normalization)
    #expect((after - before).abs().floats().allSatisfy { $0 < 1e-5 })
  }

  @Test(arguments: [Formation.Kind.uniform, .multi, .time]) func `whole images are the tiles of the finest grid`(
    kind: Formation.Kind
  ) throws {
    let formation = Formation(kind, factor: 2)
    let tiles = formation.finest.count
    let shades = (0..<2 * tiles).map { 0.1 * Float($0 + 1) }
    let images = Tensor(shades, shape: [2 * tiles, 1, 1, 1]) * Tensor.ones([2 * tiles, 2, 6, 4])
    let stored = try formation.encoded(images)
    #expect(stored.shape == [2, 2, 6, 4])
    let decoded = try formation.decoded(stored)
    let finest = try decoded.slice(from: decoded.shape[0] - 2 * tiles, to: decoded.shape[0])
    #expect((finest - images).abs().floats().allSatisfy { $0 < 1e-6 })
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
