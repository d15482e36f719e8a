public import Datasets

/// What a page shows of one sample: a small image, or the values of a spectrogram that wait for the range by which all are coloured.
public struct Thumbnail: Sendable, Equatable {
  private enum Content: Equatable {
    case image(Pixels)
    case spectrogram(FloatArray)
  }

  /// The sample's key, or its file in the archive.
  public var name: String
  private let content: Content

  /// The thumbnail of a sample, reduced to `side` pixels along its longer side where it is larger.
  ///
  /// - Parameters:
  ///   - isSpectrogram: whether the sample is a spectrogram, which is coloured.
  ///   - tile: which of the training images that a formation makes of it; nil for the sample as it is stored.
  /// - Throws: `DataError` (`.badInput`) with the sample's key, where it cannot be drawn.
  public init(
    _ sample: Sample, isSpectrogram: Bool, side: Int, tile: (index: Int, formation: Formation)? = nil, limits: Limits
  ) throws(DataError) {
    precondition(side > 0, "a thumbnail has at least one pixel")
    name = sample.origin ?? sample.key
    if isSpectrogram {
      guard case .floats(var array) = sample.content, array.shape.count == 3, array.shape[0] == 1 else {
        throw DataError(.badInput, at: [sample.key], "is no spectrogram, which is 1×H×W")
      }
      if let tile {
        array = try Self.tile(tile.index, of: tile.formation, array.shape, sample.key) { $0.formed(array) }
      }
      content = .spectrogram(array)
      return
    }
    var pixels = try sample.pixels(limits: limits)
    if let tile {
      let shape = [pixels.channels, pixels.height, pixels.width]
      pixels = try Self.tile(tile.index, of: tile.formation, shape, sample.key) { $0.formed(pixels) }
    }
    let longest = max(pixels.height, pixels.width)
    if longest > side {
      pixels = resized(
        pixels, toHeight: max(1, pixels.height * side / longest), width: max(1, pixels.width * side / longest))
    }
    content = .image(pixels)
  }

  private static func tile<Image>(
    _ index: Int, of formation: Formation, _ shape: [Int], _ key: String, _ formed: (Formation) -> [Image]
  ) throws(DataError) -> Image {
    try formation.check(against: shape, at: [key])
    let tiles = formed(formation)
    guard tiles.indices.contains(index) else {
      throw DataError(.badInput, at: [key], "has \(tiles.count) tiles, and no tile \(index)")
    }
    return tiles[index]
  }

  /// Smallest and largest value of a spectrogram; nil for an image.
  public var span: ClosedRange<Float>? {
    guard case .spectrogram(let array) = content else { return nil }
    return array.span
  }

  /// Rows and columns.
  public var size: (height: Int, width: Int) {
    switch content {
    case .image(let pixels): (pixels.height, pixels.width)
    case .spectrogram(let array): (array.shape[1], array.shape[2])
    }
  }

  /// The picture as a PNG file.
  ///
  /// - Parameter range: what is dark and what is bright in a spectrogram.
  /// - Throws: `DataError` (`.badInput`) with the sample's name.
  public func png(range: ClosedRange<Float>) throws(DataError) -> [UInt8] {
    switch content {
    case .image(let pixels): return encodePNG(pixels, compressionLevel: 9)
    case .spectrogram(let array):
      do throws(DataError) {
        return encodePNG(try array.picture(range: range), compressionLevel: 9)
      } catch {
        throw error.at(name)
      }
    }
  }
}

/// The first pictures of every class of some data, and how many samples each class has.
public struct ClassPictures: Sendable {
  /// By class.
  public private(set) var pictures: [[Thumbnail]]
  /// Samples of each class.
  public private(set) var counts: [Int]
  /// The samples that were asked for by the names of their files, or by their keys.
  public private(set) var picked: [String: Thumbnail] = [:]

  /// Reads the data to its end, and keeps as little of it as is to be shown.
  ///
  /// - Parameters:
  ///   - classNames: the classes, in the order of the result; others are passed over.
  ///   - wanted: pictures of each class to keep.
  ///   - names: samples to keep whatever their class is.
  ///   - side: the longest side of a picture in pixels.
  ///   - each: is shown every sample.
  /// - Throws: `DataError` of the source; also where a sample to be shown cannot be drawn.
  public init(
    of source: any SampleSource, classNames: [String], wanted: [Int], picking names: Set<String> = [], side: Int,
    limits: Limits = Limits(), each: (Sample) throws -> Void
  ) throws {
    precondition(wanted.count == classNames.count, "every class has a number of pictures")
    let places = Dictionary(classNames.enumerated().map { ($1, $0) }) { first, _ in first }
    let labels = source.info.classNames.map { places[$0] }
    let isSpectrogram = source.info.spectrogram != nil
    pictures = Array(repeating: [], count: classNames.count)
    counts = Array(repeating: 0, count: classNames.count)
    while let sample = try source.next() {
      try each(sample)
      let name = sample.origin ?? sample.key
      func thumbnail() throws(DataError) -> Thumbnail {
        try Thumbnail(sample, isSpectrogram: isSpectrogram, side: side, limits: limits)
      }
      if names.contains(name) { picked[name] = try thumbnail() }
      guard let place = labels[sample.label] else { continue }
      counts[place] += 1
      if pictures[place].count < wanted[place] { pictures[place].append(try thumbnail()) }
    }
    try source.conclude()
  }
}
