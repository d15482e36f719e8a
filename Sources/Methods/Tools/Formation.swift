public import Datasets
public import Tensors

/// What tensors do with a `Formation`, whose definition has the formula.
///
///     decode(x) = the tiles of each grid, enlarged                            n images → n·multiplicity images
///
/// Shapes: stored (n, C, H, W) un-normalised; decoded (n·multiplicity, C, H, W), tile-major: all first tiles, then all
/// second tiles, row by row, grid by grid.
/// Reference: IDC, as at `Formation`; used as "factor & up-sampling" by M3D, Eq. 10.
/// Decisions: the padding is a value of stored pixels, so a normalised image is padded by (padding − mean) / deviation, as in the
/// reference code; here decoding takes un-normalised images, and normalising after it is the same thing.
extension Formation {
  /// Stored images to training images: (n, C, H, W) → (n·multiplicity, C, H, W); differentiable.
  ///
  /// `normalization` is what the images were normalised by, if they were: the padding is, too.
  public func decoded(_ images: Tensor, normalization: Normalization? = nil) throws(TensorError) -> Tensor {
    if factor == 1 { return images }
    var parts: [Tensor] = []
    for grid in grids { parts.append(try decoded(images, by: grid, normalization: normalization)) }
    return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, axis: 0)
  }

  private func decoded(
    _ images: Tensor, by grid: Grid, normalization: Normalization?
  ) throws(TensorError) -> Tensor {
    if grid.count == 1 { return images }
    let (height, width) = (images.shape[2], images.shape[3])
    let tile = grid.tileSize(height: height, width: width)
    let padded = try self.padded(images, to: (tile.height * grid.rows, tile.width * grid.columns), with: normalization)
    var tiles: [Tensor] = []
    for row in 0..<grid.rows {
      let band = try padded.slice(axis: 2, from: row * tile.height, to: (row + 1) * tile.height)
      for column in 0..<grid.columns {
        tiles.append(try band.slice(axis: 3, from: column * tile.width, to: (column + 1) * tile.width))
      }
    }
    return try Tensor.concatenated(tiles, axis: 0).upsampled(toHeight: height, width: width)
  }

  /// The labels of the training images, in the order of `decoded`.
  public func decoded(labels: [Int]) -> [Int] {
    (0..<multiplicity).flatMap { _ in labels }
  }

  /// Rows of the training images, in the order of `decoded`: (n, k) → (n·multiplicity, k).
  public func decoded(rows: Tensor) throws(TensorError) -> Tensor {
    factor == 1 ? rows : try Tensor.concatenated(Array(repeating: rows, count: multiplicity), axis: 0)
  }

  /// Stored images whose finest tiles are whole images, shrunk: (n·`finest.count`, C, H, W) → (n, C, H, W).
  ///
  /// Image i gets its tiles from rows i, n + i, 2n + i and so on, so that the finest grid of `decoded` returns blurred versions
  /// of the rows in their order; coarser grids show several of them beside one another, as in IDC's code. Shrinking is bilinear,
  /// which at factor 2 is the mean of 2 by 2 pixels; along time alone, of 2 columns.
  public func encoded(_ images: Tensor) throws(TensorError) -> Tensor {
    if factor == 1 { return images }
    let (height, width) = (images.shape[2], images.shape[3])
    let grid = finest
    precondition(
      images.shape[0] % grid.count == 0,
      "\(images.shape[0]) images do not fill stored images of \(grid.count) tiles each")
    let count = images.shape[0] / grid.count
    let tileSize = grid.tileSize(height: height, width: width)
    let small = try images.upsampled(toHeight: tileSize.height, width: tileSize.width)
    var bands: [Tensor] = []
    for row in 0..<grid.rows {
      var tiles: [Tensor] = []
      for column in 0..<grid.columns {
        let tile = row * grid.columns + column
        tiles.append(try small.slice(axis: 0, from: tile * count, to: (tile + 1) * count))
      }
      bands.append(try Tensor.concatenated(tiles, axis: 3))
    }
    return try Tensor.concatenated(bands, axis: 2)
      .slice(axis: 2, from: 0, to: height).slice(axis: 3, from: 0, to: width)
  }

  /// Throws where a tile would have no pixel of the task's images.
  func checkTiles(_ task: MethodTask) throws(DataError) {
    guard fits(height: task.shape.height, width: task.shape.width) else {
      throw DataError(
        .badInput, at: [task.dataset],
        "\(size) leave tiles without a pixel in images of \(task.shape.height)×\(task.shape.width)",
        remedy: "give a smaller --factor, or enlarge the images with --resize")
    }
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
