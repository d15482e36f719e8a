import Datasets
import Methods
import Tensors
import TensorTurn
import Testing

@Suite(.serialized, .takesTurns)
struct NearestImagesTests {
  private let real = Toy(counts: [30, 17, 0, 600])

  /// Images of the set: noise around mid grey.
  private func set(_ count: Int) -> Tensor {
    var random = RandomSource(seed: 4)
    return random.normal([count, 3, 8, 8]) * 0.2 + 0.5
  }

  @Test func `neighbours, represented images and coverage are those of brute force`() throws {
    let images = set(7)
    let labels = [0, 0, 1, 1, 3, 3, 3]
    let space = ImageSpace.pixels(Formation(factor: 1))
    var told: [Int] = []
    let near = try NearestImages(
      of: space.vectors(ofTraining: images), labels: labels, among: real, in: space, count: 4, done: { told.append($0) }
    )
    let own = images.floats().map(Double.init)
    func distance(_ row: Int, _ pixels: [UInt8]) -> Double {
      let squares = pixels.enumerated().reduce(0.0) { sum, value in
        let gap = own[row * 192 + value.offset] - Double(value.element) / 255
        return sum + gap * gap
      }
      return (squares / 192).squareRoot()
    }
    var all: [(label: Int, index: Int, distances: [Double])] = []
    for (label, images) in real.pixels.enumerated() {
      for (index, pixels) in images.enumerated() { all.append((label, index, (0..<7).map { distance($0, pixels) })) }
    }
    for row in 0..<7 {
      let expected = all.sorted { $0.distances[row] < $1.distances[row] }.prefix(4)
      #expect(near.neighbours[row].map(\.source) == expected.map { SourceImage(label: $0.label, index: $0.index) })
      for (found, expected) in zip(near.neighbours[row], expected) {
        #expect(abs(found.distance - expected.distances[row]) < 1e-6)
      }
    }
    func nearest(_ distances: [Double]) -> Int { distances.indices.min { distances[$0] < distances[$1] } ?? 0 }
    for row in 0..<7 {
      #expect(near.represented[row] == all.count { nearest($0.distances) == row && $0.label == labels[row] })
    }
    for label in 0..<4 {
      #expect(near.covered[label].of == all.count { $0.label == label && labels[nearest($0.distances)] == label })
      #expect(near.covered[label].count == [30, 17, 0, 600][label])
    }
    #expect(told == [30, 47, 559, 647])
  }

  @Test func `a real image in the set is its own neighbour and counts for nothing`() throws {
    let chosen = [SourceImage(label: 0, index: 3), SourceImage(label: 3, index: 599)]
    let images = try Tensor.concatenated(chosen.map { real.images(ofClass: $0.label, at: [$0.index]) }, axis: 0)
    let space = ImageSpace.pixels(Formation(factor: 1))
    let near = try NearestImages(
      of: space.vectors(ofReal: images), labels: [0, 3], among: real, in: space, count: 1)
    #expect(near.neighbours.map { $0.map(\.source) } == chosen.map { [$0] })
    #expect(near.neighbours.allSatisfy { $0[0].distance == 0 })
    #expect(near.covered.map(\.count) == [29, 17, 0, 599])
  }

  /// The distance of an image from itself, by products of vectors, is far from 0 in float32.
  @Test func `where all real images are in the set none is counted`() throws {
    let counts = (0..<4).map { real.count(ofClass: $0) }
    let all = counts.enumerated().flatMap { label, count in (0..<count).map { SourceImage(label: label, index: $0) } }
    let images = try Tensor.concatenated(all.map { real.images(ofClass: $0.label, at: [$0.index]) }, axis: 0)
    let space = ImageSpace.pixels(Formation(factor: 1))
    let near = try NearestImages(
      of: space.vectors(ofReal: images), labels: all.map(\.label), among: real, in: space, count: 1)
    #expect(near.covered.allSatisfy { $0 == (0, 0) } && near.represented.allSatisfy { $0 == 0 })
  }

  @Test(arguments: [Formation(factor: 2), Formation(factor: 4), Formation(.time, factor: 2)])
  func `a tile that began as a real image is nearest to it`(_ formation: Formation) throws {
    let tiles = formation.finest.count
    let chosen = (0..<tiles).map { SourceImage(label: 3, index: 35 * $0 + 5) }
    let whole =
      try Tensor.concatenated(chosen.map { real.images(ofClass: 3, at: [$0.index]) }, axis: 0).to(.float32) / 255
    let decoded = try formation.decoded(formation.encoded(whole))
    let space = ImageSpace.pixels(formation)
    let near = try NearestImages(
      of: space.vectors(ofTraining: decoded), labels: chosen.map(\.label), among: real, in: space, count: 2)
    #expect(near.neighbours.map { $0[0].source } == chosen)
    #expect(near.neighbours.allSatisfy { $0[0].distance < 1e-6 && $0[1].distance > 0.01 })
  }
}
