internal import Foundation
public import Tensors

/// Results that PyTorch or NumPy computed from the same waves; see Scripts/golden.
public struct Golden: Decodable {
  /// Extent of each axis, outermost first.
  public let shape: [Int]
  /// In C order.
  public let values: [Double]

  /// The results of one file, by name.
  public static func load(_ name: String = "methods") throws -> [String: Golden] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../fixtures/golden/\(name).json")
    return try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
  }
}

/// scale · sin(a·i + b) at every element i.
public func wave(_ shape: [Int], _ a: Double, _ b: Double, _ scale: Double = 1) -> Tensor {
  Tensor((0..<shape.reduce(1, *)).map { Float(scale * sin(a * Double($0) + b)) }, shape: shape)
}

/// Whether all values agree to an absolute and a relative tolerance; shapes must be equal.
public func agree(_ tensor: Tensor, _ golden: Golden?, absolute: Double = 2e-5, relative: Double = 2e-4) -> Bool {
  guard let golden, tensor.shape == golden.shape else { return false }
  return zip(tensor.doubles(), golden.values).allSatisfy { abs($0 - $1) <= absolute + relative * abs($1) }
}

/// offset + scale · u at every element, u of [-1, 1) by a hash of seed and place: numbers without a pattern that
/// convolutions could cancel.
public func scatter(_ shape: [Int], _ seed: Int, _ scale: Double = 1, offset: Double = 0) -> Tensor {
  let values = (0..<shape.reduce(1, *)).map { index in
    var x = UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(seed) &* 0xD1B5_4A32_D192_ED03
    x = (x ^ x >> 32) &* 0xD6E8_FEB8_6659_FD93
    x ^= x >> 32
    return Float(offset + scale * (Double(x >> 40) * 0x1p-23 - 1))
  }
  return Tensor(values, shape: shape)
}

/// Length of the difference to golden results in parts of their length, or of 0.01 where they are shorter; infinite if
/// there are none or their shape is another.
///
/// - Parameter most: how many values the golden script asked for, if it kept only every n-th value.
public func distance(_ tensor: Tensor, _ golden: Golden?, thinnedTo most: Int? = nil) -> Double {
  guard let golden else { return .infinity }
  var values = tensor.doubles()
  if let most {
    values = stride(from: 0, to: values.count, by: max(1, values.count / most)).map { values[$0] }
    guard values.count == golden.values.count else { return .infinity }
  } else if tensor.shape != golden.shape {
    return .infinity
  }
  let difference = zip(values, golden.values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (difference / golden.values.reduce(1e-4) { $0 + $1 * $1 }).squareRoot()
}
