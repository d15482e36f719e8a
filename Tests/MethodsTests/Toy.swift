import Datasets
import Methods
import Networks
import Tensors

/// A small real set in memory: every class its own brightness pattern, with noise.
struct Toy: RealImages {
  let shape: ImageShape
  let pixels: [[[UInt8]]]

  init(counts: [Int], channels: Int = 3, side: Int = 8, seed: UInt64 = 1) {
    shape = ImageShape(channels: channels, height: side, width: side)
    let root = RandomSource(seed: seed)
    let size = channels * side * side
    pixels = counts.enumerated().map { label, count in
      (0..<count).map { index in
        var random = root.split("toy", label, index)
        return random.normal(size).enumerated().map { place, noise in
          let row = place / side % side
          let base: Float = (row + 3 * label) % 4 < 2 ? 90 : 160
          return UInt8(min(max(base + 20 * noise, 0), 255))
        }
      }
    }
  }

  var classCount: Int { pixels.count }

  func count(ofClass label: Int) -> Int { pixels[label].count }

  func images(ofClass label: Int, at indices: [Int]) -> Tensor {
    Tensor(
      bytes: indices.flatMap { pixels[label][$0] },
      shape: [indices.count, shape.channels, shape.height, shape.width])
  }

  /// The same network, before the images' size is known.
  var choice: NetworkChoice { NetworkChoice(filters: 8, depth: 2) }

  var network: Architecture {
    known { try .convNet(shape, classes: classCount, filters: 8, depth: 2) }
  }
}

/// An architecture that is known to fit its images.
func known(_ make: () throws -> Architecture) -> Architecture {
  do {
    return try make()
  } catch {
    preconditionFailure("\(error)")
  }
}
