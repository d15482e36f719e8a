public import Datasets
public import Networks
public import Tensors

/// What images are compared by: vectors whose Euclidean distance says how alike two of them are.
public enum ImageSpace: Sendable {
  /// All values, real images as blurred as the finest tiles of this formation, whose first images may be real ones.
  case pixels(Formation)
  /// The embedding by a network, of images normalised so.
  case features(Network, Normalization)

  /// Training images, un-normalised, as vectors: (n, C, H, W) → (n, d).
  public func vectors(ofTraining images: Tensor) throws(TensorError) -> Tensor {
    switch self {
    case .pixels: try images.flattened(from: 1)
    case .features(let network, let normalization): try embedded(normalization.normalized(images), in: network)
    }
  }

  /// Real images as vectors: uint8, of spectrograms float32, (n, C, H, W) → (n, d).
  public func vectors(ofReal images: Tensor) throws(TensorError) -> Tensor {
    switch self {
    case .pixels(let formation):
      // What a tile of that size can show of them.
      let grid = formation.finest
      guard grid.count > 1 else { return try vectors(ofTraining: images.unitValues) }
      let (height, width) = (images.shape[2], images.shape[3])
      let tile = grid.tileSize(height: height, width: width)
      return try vectors(
        ofTraining: images.unitValues.upsampled(toHeight: tile.height, width: tile.width)
          .upsampled(toHeight: height, width: width))
    case .features: return try vectors(ofTraining: images.unitValues)
    }
  }
}

/// The real images that are nearest to each image of a set, and which images of the set are nearest to the real ones.
///
///     neighbours(s) = the k real x with the least ‖v(x) − v(s)‖        of all classes
///     nearest(x)    = argmin_s ‖v(x) − v(s)‖                           s of all classes
///     covered(c)    = share of the real x of class c with class(nearest(x)) = c
///
/// `covered` is the accuracy of a classifier that gives a real image the class of the nearest image of the set: high where the set
/// stands for its classes, in whatever space v is.
/// Shapes: vectors (n, d) of the set and (m, d) of the real images, which are read in pieces.
/// Decisions: a real image that is in the set itself (distance below 0.001 per value) says nothing of the others and is not counted.
public struct NearestImages: Sendable, Equatable {
  /// A real image and its distance: root mean square over the d values.
  public struct Neighbour: Sendable, Equatable {
    /// Which one.
    public var source: SourceImage
    /// How far.
    public var distance: Double
  }
  /// Of each image of the set, the nearest first.
  public private(set) var neighbours: [[Neighbour]]
  /// Of each image of the set: real images of its own class to which it is the nearest of all.
  public private(set) var represented: [Int]
  /// Of each class: its real images whose nearest image has their class, and all that were counted.
  public private(set) var covered: [(of: Int, count: Int)]

  /// Whether both found the same.
  public static func == (a: Self, b: Self) -> Bool {
    a.neighbours == b.neighbours && a.represented == b.represented
      && a.covered.elementsEqual(b.covered, by: { $0 == $1 })
  }

  /// Compares a set with all real images.
  ///
  /// - Parameters:
  ///   - vectors: (n, d), the images of the set.
  ///   - labels: their classes, numbered as those of the real images.
  ///   - count: neighbours of each; all where there are fewer.
  ///   - done: told how many real images were compared so far.
  public init(
    of vectors: Tensor, labels: [Int], among real: some RealImages, in space: ImageSpace, count: Int,
    done: (Int) throws -> Void = { _ in }
  ) throws {
    let (rows, values) = (vectors.shape[0], Double(vectors.shape[1]))
    precondition(count > 0 && labels.count == rows, "\(labels.count) labels and \(count) neighbours for \(rows) images")
    var found = [[Neighbour]](repeating: [], count: rows)
    // Squared distance of the last neighbour, once there are as many as asked for.
    var farthest = [Float](repeating: .infinity, count: rows)
    represented = [Int](repeating: 0, count: rows)
    covered = []
    var total = 0
    for label in 0..<real.classCount {
      var (hits, counted) = (0, 0)
      for start in stride(from: 0, to: real.count(ofClass: label), by: Self.pieceSize) {
        let indices = Array(start..<min(start + Self.pieceSize, real.count(ofClass: label)))
        let piece = try space.vectors(ofReal: real.images(ofClass: label, at: indices))
        let distances = try piece.squaredDistances(to: vectors).floats()
        for (position, index) in indices.enumerated() {
          var nearest = 0
          var least = Float.infinity
          for row in 0..<rows {
            let squared = distances[position * rows + row]
            if squared < least { (nearest, least) = (row, squared) }
            guard squared < farthest[row] else { continue }
            let distance = (Double(squared) / values).squareRoot()
            found[row].insert(
              Neighbour(source: SourceImage(label: label, index: index), distance: distance), limit: count)
            if found[row].count == count {
              farthest[row] = Float(found[row][count - 1].distance * found[row][count - 1].distance * values)
            }
          }
          // Products say of a small distance only that it is small.
          var distance = (Double(least) / values).squareRoot()
          if distance < Self.inexact {
            let own = try piece.slice(axis: 0, from: position, to: position + 1)
            let other = try vectors.slice(axis: 0, from: nearest, to: nearest + 1)
            distance = (own - other).squared().mean().item.squareRoot()
          }
          if distance < Self.itself { continue }
          counted += 1
          if labels[nearest] == label {
            hits += 1
            represented[nearest] += 1
          }
        }
        total += indices.count
        try done(total)
      }
      covered.append((hits, counted))
    }
    neighbours = found
    try refine(vectors, real, space)
  }

  private static let pieceSize = 512
  private static let itself = 1e-3
  private static let inexact = 1e-2

  /// Distances from the differences themselves: by the products of the vectors they are inexact where they are small.
  private mutating func refine(_ vectors: Tensor, _ real: some RealImages, _ space: ImageSpace) throws {
    // By class and index, who has it as a neighbour: an image is embedded once, and beside others.
    var places: [Int: [Int: [(row: Int, position: Int)]]] = [:]
    for row in neighbours.indices {
      for (position, neighbour) in neighbours[row].enumerated() {
        places[neighbour.source.label, default: [:]][neighbour.source.index, default: []].append((row, position))
      }
    }
    for (label, ofClass) in places {
      let indices = ofClass.keys.sorted()
      for start in stride(from: 0, to: indices.count, by: Self.pieceSize) {
        let some = Array(indices[start..<min(start + Self.pieceSize, indices.count)])
        let piece = try space.vectors(ofReal: real.images(ofClass: label, at: some))
        for (place, index) in some.enumerated() {
          let other = try piece.slice(axis: 0, from: place, to: place + 1)
          for (row, position) in ofClass[index] ?? [] {
            let own = try vectors.slice(axis: 0, from: row, to: row + 1)
            neighbours[row][position].distance = (own - other).squared().mean().item.squareRoot()
          }
        }
      }
    }
    for row in neighbours.indices {
      // Equal ones keep their order.
      neighbours[row] = neighbours[row].enumerated().sorted {
        ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset)
      }.map(\.element)
    }
  }
}

extension [NearestImages.Neighbour] {
  /// Keeps the order of distances, and at most `limit` elements.
  fileprivate mutating func insert(_ neighbour: Element, limit: Int) {
    let place = firstIndex { $0.distance > neighbour.distance } ?? count
    insert(neighbour, at: place)
    if count > limit { removeLast() }
  }
}
