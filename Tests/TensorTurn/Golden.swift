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
