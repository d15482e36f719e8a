public import Datasets
public import Tensors

/// Multi-formation: one stored image holds factor² training images, its tiles, each enlarged to full size.
///
///     decode(x) = [ upsample(tile_{r,k}(pad(x))) for r, k in 0..<factor ]        n images → n·factor² images
///
/// pad appends 0.5 (grey) at the bottom and the right until the size is divisible; the tiles have ⌈H/factor⌉ rows and
/// ⌈W/factor⌉ columns; upsample is bilinear with pixel centres at half integers (align_corners = false).
/// Shapes: stored (n, C, H, W) un-normalised; decoded (n·factor², C, H, W), tile-major: all first tiles, then all
/// second tiles, row by row.
/// Reference: Kim et al., "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022, §4; used as
/// "factor & up-sampling" by M3D, Eq. 10.
/// Decisions: 0.5 is a value in [0, 1], as in the reference code, so a normalised image is padded by
/// (0.5 − mean) / deviation; here decoding takes un-normalised images, and normalising after it is the same thing.
extension Formation {
  /// Whether every tile of an image of that size holds at least one of its pixels.
  ///
  /// Where it does not, some training images would be nothing but padding.
  public func fits(height: Int, width: Int) -> Bool {
    [height, width].allSatisfy { (factor - 1) * (($0 + factor - 1) / factor) < $0 }
  }

  /// Training images per stored image.
  public var multiplicity: Int { factor * factor }

  /// Stored images to training images: (n, C, H, W) → (n·factor², C, H, W); differentiable.
  ///
  /// `normalization` is what the images were normalised by, if they were: the padding is, too.
  public func decoded(_ images: Tensor, normalization: Normalization? = nil) throws(TensorError) -> Tensor {
    if factor == 1 { return images }
    let (height, width) = (images.shape[2], images.shape[3])
    let tileHeight = (height + factor - 1) / factor
    let tileWidth = (width + factor - 1) / factor
    let padded = try self.padded(images, to: (tileHeight * factor, tileWidth * factor), with: normalization)
    var tiles: [Tensor] = []
    for row in 0..<factor {
      let band = try padded.slice(axis: 2, from: row * tileHeight, to: (row + 1) * tileHeight)
      for column in 0..<factor {
        tiles.append(try band.slice(axis: 3, from: column * tileWidth, to: (column + 1) * tileWidth))
      }
    }
    return try Tensor.concatenated(tiles, axis: 0).upsampled(toHeight: height, width: width)
  }

  /// The labels of the training images, in the order of `decoded`.
  public func decoded(labels: [Int]) -> [Int] {
    (0..<multiplicity).flatMap { _ in labels }
  }

  /// Rows of the training images, in the order of `decoded`: (n, k) → (n·factor², k).
  public func decoded(rows: Tensor) throws(TensorError) -> Tensor {
    factor == 1 ? rows : try Tensor.concatenated(Array(repeating: rows, count: multiplicity), axis: 0)
  }

  /// Stored images whose tiles are whole images, shrunk: (n·factor², C, H, W) → (n, C, H, W).
  ///
  /// Image i gets its tiles from rows i, n + i, 2n + i and so on, so that `decoded` returns blurred versions of the
  /// rows in their order. Shrinking is bilinear, which at factor 2 is the mean of 2 by 2 pixels.
  public func encoded(_ images: Tensor) throws(TensorError) -> Tensor {
    if factor == 1 { return images }
    let (height, width) = (images.shape[2], images.shape[3])
    precondition(
      images.shape[0] % multiplicity == 0,
      "\(images.shape[0]) images do not fill stored images of \(multiplicity) tiles each")
    let count = images.shape[0] / multiplicity
    let small = try images.upsampled(
      toHeight: (height + factor - 1) / factor, width: (width + factor - 1) / factor)
    var bands: [Tensor] = []
    for row in 0..<factor {
      var tiles: [Tensor] = []
      for column in 0..<factor {
        let tile = row * factor + column
        tiles.append(try small.slice(axis: 0, from: tile * count, to: (tile + 1) * count))
      }
      bands.append(try Tensor.concatenated(tiles, axis: 3))
    }
    return try Tensor.concatenated(bands, axis: 2)
      .slice(axis: 2, from: 0, to: height).slice(axis: 3, from: 0, to: width)
  }

  private func padded(
    _ images: Tensor, to size: (height: Int, width: Int), with normalization: Normalization?
  ) throws(TensorError) -> Tensor {
    let (height, width) = (images.shape[2], images.shape[3])
    if size == (height, width) { return images }
    let grey =
      normalization.map { zip($0.mean, $0.std).map { (padding - $0) / $1 } }
      ?? Array(repeating: padding, count: images.shape[1])
    precondition(grey.count == images.shape[1], "padding needs one value per channel, not \(grey.count)")
    // Padding with zeros around (x − grey), then adding grey: the library pads all channels with one value.
    let shift = Tensor(grey, shape: [1, grey.count, 1, 1])
    return try (images - shift).padded([0, size.width - width, 0, size.height - height]) + shift
  }
}
