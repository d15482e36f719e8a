/// Multi-formation: how one stored image becomes several training images.
///
///     form(x) = [ enlarge(tile(pad(x))) for each tile of each grid ]            one stored image → `multiplicity` ones
///
/// A grid of R×C tiles: pad appends `padding` at the bottom and the right until R divides the rows and C the columns; the tiles
/// have ⌈H/R⌉ rows and ⌈W/C⌉ columns; each is enlarged to H×W, bilinearly with pixel centres at half integers
/// (align_corners = false). Tiles come row by row, grids in the order of `grids`.
/// Reference: Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022 (IDC), §3.2, appendix D
/// for several scales, §5.1 for the time axis, and its code.
/// Decision: one factor serves all kinds, as in that code. IDC's speech code pads with 0 where its image code pads with 0.5; both are
/// `padding` here, in the units of the stored pixels.
public struct Formation: Sendable, Hashable {
  /// Which grids a stored image is cut by.
  public enum Kind: String, Sendable, CaseIterable, Codable {
    /// One grid of factor × factor tiles.
    case uniform
    /// Grids of 1×1, 2×2, … factor × factor tiles: the whole image, its quarters, and so on.
    ///
    /// They share pixels.
    case multi
    /// factor tiles along the width, which is the time axis of a spectrogram (frequency × time); nothing is enlarged along the
    /// height.
    case time

    /// The value that images are padded with, unless another is given.
    public var padding: Float { self == .time ? 0 : 0.5 }
  }

  /// Tiles of one size: `rows` × `columns` of them make a stored image.
  public struct Grid: Sendable, Hashable {
    /// Tiles from top to bottom.
    public var rows: Int
    /// Tiles from left to right.
    public var columns: Int

    /// Tiles of the grid.
    public var count: Int { rows * columns }

    /// Rows and columns of a tile of an image of that size, padding included.
    public func tileSize(height: Int, width: Int) -> (height: Int, width: Int) {
      ((height + rows - 1) / rows, (width + columns - 1) / columns)
    }
  }

  /// The most tiles per side of a stored image: no image has more pixels in a row.
  public static let maxFactor = 65_535

  /// Which grids; to set it sets the padding that belongs to it, too.
  public var kind: Kind {
    didSet { if kind != oldValue { padding = kind.padding } }
  }
  /// Tiles per side of the finest grid; with `time` along the width alone.
  public var factor: Int
  /// How tiles are enlarged to the full size: `bilinear` (half-pixel centres).
  public var upsample: String
  /// Value with which an image is padded on the right and at the bottom when its size cannot be divided.
  public var padding: Float

  /// A rule; the factor is at least 1, which is no formation.
  ///
  /// `padding` is that of the kind unless given.
  public init(_ kind: Kind = .uniform, factor: Int, upsample: String = "bilinear", padding: Float? = nil) {
    self.kind = kind
    self.factor = factor
    self.upsample = upsample
    self.padding = padding ?? kind.padding
  }
}

extension Formation {
  /// The grids, coarsest first.
  public var grids: [Grid] {
    switch kind {
    case .uniform: [finest]
    case .multi: (1...max(1, factor)).map { Grid(rows: $0, columns: $0) }
    case .time: [finest]
    }
  }

  /// The grid with the smallest tiles: that by which a stored image is put together of whole images.
  public var finest: Grid { Grid(rows: kind == .time ? 1 : factor, columns: factor) }

  /// Training images per stored image.
  public var multiplicity: Int { grids.reduce(0) { $0 + $1.count } }

  /// Whether every tile of an image of that size holds at least one of its pixels.
  ///
  /// Where it does not, some training images would be nothing but padding.
  public func fits(height: Int, width: Int) -> Bool {
    grids.allSatisfy { grid in
      let tile = grid.tileSize(height: height, width: width)
      return (grid.rows - 1) * tile.height < height && (grid.columns - 1) * tile.width < width
    }
  }

  /// For messages: `2 tiles per side`, `scales of 1 to 3 tiles per side`, `4 tiles along the width`.
  public var size: String {
    switch kind {
    case .uniform: "\(factor) tiles per side"
    case .multi: "scales of 1 to \(factor) tiles per side"
    case .time: "\(factor) tiles along the width"
    }
  }
}

extension Formation {
  /// Refuses images that cannot be cut so, and rules that this program cannot follow.
  ///
  /// - Parameter shape: C×H×W of the images.
  /// - Throws: `DataError` (`.badInput`) at that place.
  public func check(against shape: [Int], at place: [String]) throws(DataError) {
    guard shape.count == 3, factor >= 1, fits(height: shape[1], width: shape[2]) else {
      throw DataError(
        .badInput, at: place,
        "its formation of \(size) does not fit images of \(shapeText(Array(shape.dropFirst())))",
        remedy: "correct the formation in its manifest, or condense again with a smaller --factor")
    }
    guard upsample == "bilinear" else {
      throw DataError(
        .badInput, at: place, "its formation enlarges tiles by \(upsample), and only bilinear is known",
        remedy: "correct upsample in its manifest")
    }
  }
}

extension Formation: Codable {
  private enum CodingKeys: String, CodingKey {
    case kind, factor, parts, upsample, padding
  }

  /// Reads the rule as manifests and headers have it.
  ///
  /// Without `kind` it is a uniform one. The others have `parts` in place of `factor`: readers that know only uniform ones need
  /// `factor`, and refuse what they would cut wrongly.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    kind = try values.decodeIfPresent(Kind.self, forKey: .kind) ?? .uniform
    factor = try values.decode(Int.self, forKey: kind == .uniform ? .factor : .parts)
    upsample = try values.decode(String.self, forKey: .upsample)
    padding = try values.decode(Float.self, forKey: .padding)
  }

  /// Writes it so.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    if kind != .uniform { try values.encode(kind, forKey: .kind) }
    try values.encode(factor, forKey: kind == .uniform ? .factor : .parts)
    try values.encode(upsample, forKey: .upsample)
    try values.encode(padding, forKey: .padding)
  }
}

// MARK: Without tensors

extension Formation {
  /// The training images of one stored image, (C, H, W) each, in the order of the grids.
  ///
  /// - Precondition: The array has three axes, and the formation `fits` it.
  public func formed(_ image: FloatArray) -> [FloatArray] {
    precondition(image.shape.count == 3, "an image has the axes C×H×W, not \(image.shape)")
    let (height, width) = (image.shape[1], image.shape[2])
    precondition(fits(height: height, width: width), "\(size) do not fit images of \(height)×\(width)")
    return grids.flatMap { grid in
      (0..<grid.count).map { tile in
        enlarged(image, row: tile / grid.columns, column: tile % grid.columns, of: grid)
      }
    }
  }

  /// The same of 8-bit pixels, each value rounded to the nearest level.
  public func formed(_ image: Pixels) -> [Pixels] {
    formed(image.unitFloats).map { $0.quantised() }
  }

  private func enlarged(_ image: FloatArray, row: Int, column: Int, of grid: Grid) -> FloatArray {
    let (channels, height, width) = (image.shape[0], image.shape[1], image.shape[2])
    let tile = grid.tileSize(height: height, width: width)
    let down = Taps(from: tile.height, to: height)
    let along = Taps(from: tile.width, to: width)
    let (top, left) = (row * tile.height, column * tile.width)
    let values = [Float](unsafeUninitializedCapacity: image.values.count) { buffer, count in
      image.values.withUnsafeBufferPointer { pixels in
        for channel in 0..<channels {
          let plane = channel * height * width
          func pixel(_ y: Int, _ x: Int) -> Float {
            y < height && x < width ? pixels[plane + y * width + x] : padding
          }
          for y in 0..<height {
            let (upper, lower) = (top + down.first[y], top + down.second[y])
            for x in 0..<width {
              let (near, far) = (left + along.first[x], left + along.second[x])
              let share = along.share[x]
              let above = (1 - share) * pixel(upper, near) + share * pixel(upper, far)
              let below = (1 - share) * pixel(lower, near) + share * pixel(lower, far)
              buffer[plane + y * width + x] = (1 - down.share[y]) * above + down.share[y] * below
            }
          }
        }
      }
      count = image.values.count
    }
    return FloatArray(shape: image.shape, values: values)
  }

  /// The two pixels that each pixel of an enlarged row lies between, and the share of the second.
  private struct Taps {
    var first: [Int] = []
    var second: [Int] = []
    var share: [Float] = []

    init(from small: Int, to large: Int) {
      let scale = Float(small) / Float(large)
      for place in 0..<large {
        let source = max(0, scale * (Float(place) + 0.5) - 0.5)
        let lower = min(Int(source), small - 1)
        first.append(lower)
        second.append(min(lower + 1, small - 1))
        share.append(source - Float(lower))
      }
    }
  }
}
