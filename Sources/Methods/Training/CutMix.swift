public import Tensors

/// CutMix: a box of every image comes from another image of the batch, and the targets mix by area.
///
///     λ ~ U(0, 1) (Beta(1, 1));  the box has sides √(1−λ)·H and √(1−λ)·W, its centre anywhere, clipped
///     x'_i = x_i outside the box, x_{π(i)} inside it;  y'_i = (1 − a) y_i + a y_{π(i)},  a = the box's share of the area
///
/// One box and one permutation π per batch, as in IDC's code.
/// Reference: Yun et al., "CutMix", ICCV 2019; IDC's published code.
public struct CutMix: Sendable, Equatable {
  /// The box, the same for all images of the batch.
  public var box: Transformation.Box
  /// For each image, the image from which its box comes.
  public var partners: [Int]

  /// A box and the image that each image takes it from.
  public init(box: Transformation.Box, partners: [Int]) {
    self.box = box
    self.partners = partners
  }

  /// Draws a box and a permutation for `count` images.
  public static func drawn(count: Int, height: Int, width: Int, using random: inout RandomSource) -> CutMix {
    let draws = random.uniform(1)
    let side = (1 - draws[0]).squareRoot()
    func range(_ length: Int) -> Range<Int> {
      let cut = Int(Float(length) * side)
      let centre = random.integer(below: length)
      let start = min(max(centre - cut / 2, 0), length)
      let end = min(max(centre + cut / 2, 0), length)
      return start..<end
    }
    let rows = range(height)
    let columns = range(width)
    return CutMix(box: Transformation.Box(rows: rows, columns: columns), partners: random.permutation(count))
  }

  /// Mixed images (n, C, H, W) and targets (n, classes).
  public func applied(images: Tensor, targets: Tensor) throws(TensorError) -> (images: Tensor, targets: Tensor) {
    if box.rows.isEmpty || box.columns.isEmpty { return (images, targets) }
    let (height, width) = (images.shape[2], images.shape[3])
    let order = Tensor(integers: partners, shape: [partners.count])
    let others = try images.indexed(by: order, axis: 0)
    var inside = [Float](repeating: 0, count: height * width)
    for row in box.rows {
      for column in box.columns { inside[row * width + column] = 1 }
    }
    let mask = Tensor(inside, shape: [1, 1, height, width])
    let share = Double(box.rows.count * box.columns.count) / Double(height * width)
    return (
      others * mask + images * (1 - mask),
      try targets.indexed(by: order, axis: 0) * share + targets * (1 - share)
    )
  }
}
