internal import Foundation
public import Tensors

/// Differentiable siamese augmentation (DSA) and its variants.
///
/// An augmentation is drawn first and applied afterwards. What is drawn is a value: a short list of `Transformation`s,
/// each with parameters for one image or for all. One set of parameters applied to a real and to a synthetic batch is
/// the *siamese* form used while condensing; one set per image is the form used while training classifiers.
///
/// Operations and ranges, on *normalised* images x (n, C, H, W):
///   color    brightness x + U(−½, ½); then saturation, x around its mean over channels times U(0, 2); then contrast,
///            x around the mean of the image times U(½, 1½)
///   crop     shift by whole pixels, rows and columns each uniform in ±⌊side/8 + ½⌋, zeros from outside
///   cutout   zero in a box of ⌊side/2 + ½⌋ rows and columns, its centre anywhere in the image, clipped
///   flip     left to right with probability ½
///   scale    sampling grid times U(1/1.2, 1.2), rows and columns independent, bilinear, zeros from outside
///   rotate   sampling grid turned by U(−15°, 15°), bilinear, zeros from outside
///
/// Three ways to draw from a strategy:
///   `drawOne`      one operation for the batch (DSA's and DM's code, mode "S")
///   `drawCombined` flip, color and cutout whenever listed and one of the others (IDC's code)
///   `drawClassic`  per image one of shift ±4, zoom 0.8–1.2, turn ±45° (DC's code, for MNIST)
/// Reference: Zhao & Bilen, "Dataset Condensation with Differentiable Siamese Augmentation", ICML 2021; published code
/// of DC/DSA/DM and of IDC.
/// Deviations: `drawClassic` samples bilinearly where DC's code resizes to the nearest and rotates by cubic splines.
public struct AugmentationStrategy: Sendable, Equatable, CustomStringConvertible {
  /// One named operation.
  public enum Operation: String, Sendable, CaseIterable {
    case color, crop, cutout, flip, scale, rotate
  }

  /// The operations to draw from, in the order of the strategy's name; empty means no augmentation.
  public var operations: [Operation]

  /// A strategy of these operations.
  public init(_ operations: [Operation]) { self.operations = operations }

  /// Reads `color_crop_cutout_flip_scale_rotate` and the like; `none` is empty; nil for an unknown operation.
  public init?(named name: String) {
    if name.isEmpty || name == "none" {
      operations = []
      return
    }
    operations = []
    for part in name.split(separator: "_", omittingEmptySubsequences: false) {
      guard let operation = Operation(rawValue: String(part)) else { return nil }
      operations.append(operation)
    }
  }

  /// All six operations: the reference strategy for photographs.
  public static let full = AugmentationStrategy(Operation.allCases)
  /// Without flips, for digits and letters.
  public static let withoutFlip = full.without(.flip)
  /// What suits images: all of them, but for the flip where it would change classes.
  public static func usual(flip: Bool) -> AugmentationStrategy { flip ? .full : .withoutFlip }
  /// No augmentation.
  public static let none = AugmentationStrategy([])

  /// The same strategy without one operation.
  public func without(_ operation: Operation) -> AugmentationStrategy {
    AugmentationStrategy(operations.filter { $0 != operation })
  }

  /// The name in the reference code's form.
  public var description: String {
    operations.isEmpty ? "none" : operations.map(\.rawValue).joined(separator: "_")
  }

  /// Draws one operation for the batch, with parameters for `rows` images; `rows` 1 is the siamese form.
  public func drawOne(
    rows: Int, height: Int, width: Int, using random: inout RandomSource
  ) -> [Transformation] {
    if operations.isEmpty { return [] }
    let operation = operations[random.integer(below: operations.count)]
    return Self.draw(operation, rows: rows, height: height, width: width, using: &random)
  }

  /// Draws flip, color and cutout where listed, and one of the other operations listed, in IDC's order.
  public func drawCombined(
    rows: Int, height: Int, width: Int, using random: inout RandomSource
  ) -> [Transformation] {
    let always: Set<Operation> = [.flip, .color, .cutout]
    let others = operations.filter { !always.contains($0) }
    var order: [Operation] = []
    if operations.contains(.flip) { order.append(.flip) }
    if operations.contains(.color) { order.append(.color) }
    if !others.isEmpty { order.append(others[random.integer(below: others.count)]) }
    if operations.contains(.cutout) { order.append(.cutout) }
    return order.flatMap { Self.draw($0, rows: rows, height: height, width: width, using: &random) }
  }

  /// Draws for each image one of shift, zoom and turn, as DC's evaluation does on MNIST; outside lies the mean value.
  public static func drawClassic(
    rows: Int, height: Int, width: Int, using random: inout RandomSource
  ) -> [Transformation] {
    let matrices = (0..<rows).map { _ -> [Float] in
      switch random.integer(below: 3) {
      case 0:  // −4 … 3 pixels: the reference code draws 0 ..< 8 and centres it at 4
        let down = Float(random.integer(below: 8) - 4)
        let right = Float(random.integer(below: 8) - 4)
        return [1, 0, 2 * right / Float(width), 0, 1, 2 * down / Float(height)]
      case 1:
        let draws = random.uniform(2)
        return [1 / (0.8 + 0.4 * draws[0]), 0, 0, 0, 1 / (0.8 + 0.4 * draws[1]), 0]
      default:  // whole degrees, −45 … 44
        return turn(byDegrees: Float(random.integer(below: 90) - 45))
      }
    }
    return [.resample(matrices, outside: .mean)]
  }

  private static func draw(
    _ operation: Operation, rows: Int, height: Int, width: Int, using random: inout RandomSource
  ) -> [Transformation] {
    switch operation {
    case .color:
      return [
        .brightness(random.uniform(rows).map { $0 - 0.5 }),
        .saturation(random.uniform(rows).map { $0 * 2 }),
        .contrast(random.uniform(rows).map { $0 + 0.5 }),
      ]
    case .crop:
      let (down, right) = (roundedPart(of: height, 0.125), roundedPart(of: width, 0.125))
      let downs = (0..<rows).map { _ in random.integer(below: 2 * down + 1) - down }
      let rights = (0..<rows).map { _ in random.integer(below: 2 * right + 1) - right }
      return [.shift(zip(downs, rights).map { Transformation.Offset(rows: $0, columns: $1) })]
    case .cutout:
      let (boxHeight, boxWidth) = (roundedPart(of: height, 0.5), roundedPart(of: width, 0.5))
      let centreRows = (0..<rows).map { _ in random.integer(below: height + 1 - boxHeight % 2) }
      let centreColumns = (0..<rows).map { _ in random.integer(below: width + 1 - boxWidth % 2) }
      return [
        .cutout(
          zip(centreRows, centreColumns).map { row, column in
            let (top, left) = (row - boxHeight / 2, column - boxWidth / 2)
            return Transformation.Box(
              rows: max(0, top)..<min(height, top + boxHeight), columns: max(0, left)..<min(width, left + boxWidth))
          })
      ]
    case .flip:
      return [.flip(random.uniform(rows).map { $0 < 0.5 })]
    case .scale:
      let across = random.uniform(rows).map { $0 * (1.2 - 1 / 1.2) + 1 / 1.2 }
      let along = random.uniform(rows).map { $0 * (1.2 - 1 / 1.2) + 1 / 1.2 }
      return [.resample(zip(across, along).map { [$0, 0, 0, 0, $1, 0] }, outside: .zero)]
    case .rotate:
      return [.resample(random.uniform(rows).map { turn(byDegrees: ($0 - 0.5) * 2 * 15) }, outside: .zero)]
    }
  }
}

/// One drawn operation with its parameters: one entry that holds for every image, or one entry per image.
public enum Transformation: Sendable, Equatable {
  /// Adds a value.
  case brightness([Float])
  /// Scales around the mean over the channels, pixel by pixel.
  case saturation([Float])
  /// Scales around the mean of the whole image.
  case contrast([Float])
  /// Mirrors left to right where true.
  case flip([Bool])
  /// Pixel (r, c) takes the value at (r + rows, c + columns), or zero outside.
  case shift([Offset])
  /// Zero inside a box.
  case cutout([Box])
  /// Samples at θ·(x, y, 1) with θ a row-major 2×3 matrix over coordinates in [−1, 1], x to the right, y down.
  case resample([[Float]], outside: Outside)

  /// Whole pixels down and to the right.
  public struct Offset: Sendable, Equatable {
    /// Rows, positive downwards.
    public var rows: Int
    /// Columns, positive to the right.
    public var columns: Int

    /// A shift by whole pixels.
    public init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }
  }

  /// A rectangle of pixels.
  public struct Box: Sendable, Equatable {
    /// Its rows.
    public var rows: Range<Int>
    /// Its columns.
    public var columns: Range<Int>

    /// The pixels in these rows and columns.
    public init(rows: Range<Int>, columns: Range<Int>) {
      self.rows = rows
      self.columns = columns
    }
  }

  /// What lies outside an image that is sampled.
  public enum Outside: Sendable, Equatable {
    /// Zero, the mean of normalised data.
    case zero
    /// The mean of the batch, over all pixels and channels.
    case mean
  }

  /// The transformed images: (n, C, H, W) → the same shape; differentiable in the images.
  public func applied(to images: Tensor) throws(TensorError) -> Tensor {
    let (count, height, width) = (images.shape[0], images.shape[2], images.shape[3])
    func column(_ values: [Float]) -> Tensor {
      precondition(
        values.count == 1 || values.count == count, "\(values.count) sets of parameters do not fit \(count) images")
      return Tensor(values, shape: [values.count, 1, 1, 1])
    }
    switch self {
    case .brightness(let addends):
      return images + column(addends)
    case .saturation(let factors):
      let mean = try images.mean(axes: [1], keepDims: true)
      return (images - mean) * column(factors) + mean
    case .contrast(let factors):
      let mean = try images.mean(axes: [1, 2, 3], keepDims: true)
      return (images - mean) * column(factors) + mean
    case .flip(let flags):
      if !flags.contains(true) { return images }
      let mirrored = try images.flipped(axes: [3])
      if !flags.contains(false) { return mirrored }
      let mask = column(flags.map { $0 ? 1 : 0 })
      return mirrored * mask + images * (1 - mask)
    case .shift(let offsets):
      let down = offsets.reduce(0) { max($0, abs($1.rows)) }
      let right = offsets.reduce(0) { max($0, abs($1.columns)) }
      if down == 0 && right == 0 { return images }
      let padded = try images.padded([right, right, down, down])
      func window(_ block: Tensor, _ offset: Offset) throws(TensorError) -> Tensor {
        try block.slice(axis: 2, from: down + offset.rows, to: down + offset.rows + height)
          .slice(axis: 3, from: right + offset.columns, to: right + offset.columns + width)
      }
      if offsets.count == 1 { return try window(padded, offsets[0]) }
      precondition(offsets.count == count, "\(offsets.count) shifts do not fit \(count) images")
      var windows: [Tensor] = []
      for (index, offset) in offsets.enumerated() {
        windows.append(try window(padded.slice(axis: 0, from: index, to: index + 1), offset))
      }
      return try Tensor.concatenated(windows, axis: 0)
    case .cutout(let boxes):
      precondition(boxes.count == 1 || boxes.count == count, "\(boxes.count) boxes do not fit \(count) images")
      var mask = [Float](repeating: 1, count: boxes.count * height * width)
      for (index, box) in boxes.enumerated() {
        for row in box.rows {
          for column in box.columns { mask[(index * height + row) * width + column] = 0 }
        }
      }
      return images * Tensor(mask, shape: [boxes.count, 1, height, width])
    case .resample(let matrices, let outside):
      precondition(matrices.count == 1 || matrices.count == count, "\(matrices.count) grids do not fit \(count) images")
      let rows = matrices.count == 1 ? Array(repeating: matrices[0], count: count) : matrices
      let theta = Tensor(rows.flatMap { $0 }, shape: [count, 2, 3])
      if outside == .zero { return try images.gridSample(theta) }
      let mean = try images.mean(axes: [0, 1, 2, 3], keepDims: true)
      return try (images - mean).gridSample(theta) + mean
    }
  }
}

/// Applies drawn transformations one after the other: (n, C, H, W) → the same shape.
public func augmented(_ images: Tensor, by transformations: [Transformation]) throws(TensorError) -> Tensor {
  var images = images
  for transformation in transformations { images = try transformation.applied(to: images) }
  return images
}

/// The grid of a rotation: turns the picture's content clockwise for positive angles when rows count downwards.
private func turn(byDegrees degrees: Float) -> [Float] {
  let angle = Double(degrees) / 180 * .pi
  let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
  return [cosine, -sine, 0, sine, cosine, 0]
}

/// ⌊side · part + ½⌋, the reference code's rounding.
private func roundedPart(of side: Int, _ part: Double) -> Int { Int(Double(side) * part + 0.5) }
