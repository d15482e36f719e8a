public import Datasets

/// What `pipe explain` found, as its --json writes it: where the images of a set lie among the real ones.
///
/// Images are those that a trainer sees: the tiles of a set with formation, each for itself.
public struct Explanation: Codable, Sendable, Equatable {
  /// A real image beside one of the set.
  public struct Neighbour: Codable, Sendable, Equatable {
    /// The split that it is from.
    public var split: DatasetInfo.Split
    /// Its file in the real data, or its key there.
    public var source: String
    /// Its class.
    public var className: String
    /// Root mean square distance in the space of the comparison.
    public var distance: Double
    /// Root mean square difference of the values, of which 0 is black and 1 white; tiles are compared with images as coarse as they are.
    public var difference: Double

    /// A neighbour; see the properties.
    public init(
      split: DatasetInfo.Split, source: String, className: String, distance: Double, difference: Double
    ) {
      self.split = split
      self.source = source
      self.className = className
      self.distance = distance
      self.difference = difference
    }
  }

  /// An image of the set.
  public struct Image: Codable, Sendable, Equatable {
    /// The key of the stored image.
    public var key: String
    /// Which tile of it, from 0; nil where an image holds one alone.
    public var tile: Int?
    /// Its class.
    public var className: String
    /// Real training images of its class that are nearer to it than to any other image of the set.
    public var represents: Int
    /// The nearest real training images of all classes, nearest first.
    public var nearest: [Neighbour]
    /// The nearest image of the test part; nil where there is no such part.
    public var nearestTest: Neighbour?

    /// An image; see the properties.
    public init(
      key: String, tile: Int?, className: String, represents: Int, nearest: [Neighbour], nearestTest: Neighbour?
    ) {
      self.key = key
      self.tile = tile
      self.className = className
      self.represents = represents
      self.nearest = nearest
      self.nearestTest = nearestTest
    }
  }

  /// How one class is stood for.
  public struct ClassCoverage: Codable, Sendable, Equatable {
    /// Its name.
    public var className: String
    /// Images of the set.
    public var images: Int
    /// Real training images.
    public var realImages: Int
    /// Share of the class's real training images whose nearest image of the set has their class; nil where none is counted, as all are in the set.
    public var covered: Double?
    /// The same for as many real images at random in place of the set.
    public var coveredByRandom: Double?
    /// Share of the set's images of the class whose nearest real image has their class; nil where the set has none.
    public var agreeing: Double?
    /// Mean distance of the set's images of the class from the nearest real one.
    public var distance: Double?
    /// Images of the set to which no real image of their class is nearest.
    public var idle: Int

    /// A class; see the properties.
    public init(
      className: String, images: Int, realImages: Int, covered: Double?, coveredByRandom: Double?, agreeing: Double?,
      distance: Double?, idle: Int
    ) {
      self.className = className
      self.images = images
      self.realImages = realImages
      self.covered = covered
      self.coveredByRandom = coveredByRandom
      self.agreeing = agreeing
      self.distance = distance
      self.idle = idle
    }
  }

  /// Two images of the set that are the same.
  public struct Pair: Codable, Sendable, Equatable {
    /// One of them, as `key` or `key tile n`.
    public var first: String
    /// The other.
    public var second: String
    /// Whether their classes differ.
    public var differsInClass: Bool
    /// Root mean square difference of their values.
    public var difference: Double

    /// A pair; see the properties.
    public init(first: String, second: String, differsInClass: Bool, difference: Double) {
      self.first = first
      self.second = second
      self.differsInClass = differsInClass
      self.difference = difference
    }
  }

  /// Traces of the test part in the set.
  public struct Leakage: Codable, Sendable, Equatable {
    /// Images of the test part.
    public var testImages: Int
    /// Images of the set that are the same as an image of the test part, and as none of the training part: as in `Pair`, with the test image
    /// second.
    public var same: [Pair]
    /// Images of the set that are nearer to an image of the test part than to any of the training part.
    public var nearerToTest: Int
    /// As many as chance gives: the test part's share of all real images.
    public var expected: Double
    /// Standard deviations by which `nearerToTest` is above `expected`.
    public var deviations: Double

    /// Leakage; see the properties.
    public init(testImages: Int, same: [Pair], nearerToTest: Int, expected: Double, deviations: Double) {
      self.testImages = testImages
      self.same = same
      self.nearerToTest = nearerToTest
      self.expected = expected
      self.deviations = deviations
    }

    /// Whether the set knows the test part better than chance and rounding explain.
    public var isSuspicious: Bool { !same.isEmpty || deviations > 3 }
  }

  /// The set.
  public var dataset: String
  /// The real data.
  public var real: String
  /// `pixels` or `features`.
  public var by: String
  /// Largest difference of two images that are the same.
  public var sameness: Double
  /// By class, in the order of the real data.
  public var classes: [ClassCoverage]
  /// Share of all real training images whose nearest image of the set has their class; nil where none is counted.
  public var covered: Double?
  /// The same for as many real images at random.
  public var coveredByRandom: Double?
  /// Images of the set that are the same.
  public var duplicates: [Pair]
  /// Images of the set that are the same as a real training image.
  public var copies: Int
  /// Traces of the test part; nil where there is none.
  public var leakage: Leakage?
  /// Every image, in the order of the set, tile by tile.
  public var images: [Image]

  /// An explanation; see the properties.
  public init(
    dataset: String, real: String, by: String, sameness: Double, classes: [ClassCoverage], covered: Double?,
    coveredByRandom: Double?, duplicates: [Pair], copies: Int, leakage: Leakage?, images: [Image]
  ) {
    self.dataset = dataset
    self.real = real
    self.by = by
    self.sameness = sameness
    self.classes = classes
    self.covered = covered
    self.coveredByRandom = coveredByRandom
    self.duplicates = duplicates
    self.copies = copies
    self.leakage = leakage
    self.images = images
  }
}
