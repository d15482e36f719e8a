import Datasets
import Foundation
import Shards
import Tensors

/// What the file of every model is: tensors in the safetensors format (`TensorFile`), and metadata of `format` and
/// `format_version`, `method`, and `description`, a JSON text with all that is needed to use the tensors.
struct ModelFile<Description: Codable> {
  /// What the metadata says.
  let description: Description
  /// The file's bytes; those that were read, where it was.
  let bytes: [UInt8]
  /// SHA-256 of the file.
  let digest: String
  private let tensors: [String: Tensor]
  private let path: String
  private let method: String

  /// The first number of the file's version.
  let majorVersion: Int

  private static var format: String { "pipe-model" }

  /// The file of a model of `method`, which `description` and `tensors` describe.
  ///
  /// - Parameter majorVersion: goes up where a program that knows the one before would compute something else from the file.
  /// - Throws: `DataError` (`.usage`) for values that are NaN or infinite: the last step of a run may have made them.
  init(
    of method: String, majorVersion: Int = 1, _ description: Description, tensors: [String: Tensor]
  ) throws(DataError) {
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      guard tensor.floats().allSatisfy(\.isFinite) else {
        throw DataError(
          .usage, at: [], "\(method) diverged: its \(name) has values that are NaN or infinite",
          remedy: "lower the learning rate")
      }
    }
    self.majorVersion = majorVersion
    self.description = description
    self.tensors = tensors
    self.method = method
    path = ""
    bytes = TensorFile(
      tensors: tensors,
      metadata: [
        "format": Self.format, "format_version": "\(majorVersion).0", "method": method,
        "description": String(decoding: encodeJSON(description), as: UTF8.self),
      ]
    ).encoded()
    digest = sha256(bytes)
  }

  /// Reads a file.
  ///
  /// Throws where it is missing, damaged, of a version after `newest`, or no model of `method`.
  init(contentsOf path: String, of method: String, upTo newest: Int = 1) throws(DataError) {
    let bytes = try TensorFile.bytes(ofFile: path)
    let file = try TensorFile(bytes, from: path)
    func refuse(_ problem: String) -> DataError { refusal(of: path, by: method, problem) }
    guard file.metadata["format"] == Self.format else { throw refuse("holds tensors, but no model of this program") }
    guard file.metadata["method"] == method else {
      throw refuse("is a model of the method \(file.metadata["method"] ?? "none"), not of \(method)")
    }
    let version = file.metadata["format_version"]
    guard let major = version?.split(separator: ".").first.flatMap({ Int($0) }), (1...newest).contains(major) else {
      throw refuse("has format version \(version ?? "none"), and this program reads \(newest).0")
    }
    majorVersion = major
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let text = file.metadata["description"],
      let description = try? decoder.decode(Description.self, from: Data(text.utf8))
    else { throw refuse("has no description that can be read") }
    self.description = description
    self.path = path
    self.method = method
    tensors = file.tensors
    self.bytes = bytes
    digest = sha256(bytes)
  }

  /// One of the tensors; throws where it is missing, of another shape than the description asks for, or not of finite numbers.
  func tensor(_ name: String, _ shape: [Int]) throws(DataError) -> Tensor {
    guard let tensor = tensors[name] else { throw refuse("lacks the tensor \(name)") }
    guard tensor.shape == shape else {
      throw refuse("holds \(name) as \(tensor.shape), where its description asks for \(shape)")
    }
    guard tensor.floats().allSatisfy(\.isFinite) else {
      throw refuse("holds a \(name) with values that are NaN or infinite")
    }
    return tensor
  }

  /// The same for values that are divided by: throws where one is not above 0.
  func positiveTensor(_ name: String, _ shape: [Int]) throws(DataError) -> Tensor {
    let tensor = try tensor(name, shape)
    guard tensor.floats().allSatisfy({ $0 > 0 }) else { throw refuse("holds a \(name) that is not above 0") }
    return tensor
  }

  /// The error for a file that was read and cannot be used.
  func refuse(_ problem: String) -> DataError { refusal(of: path, by: method, problem) }
}

private func refusal(of path: String, by method: String, _ problem: String) -> DataError {
  DataError(.badInput, at: [path], problem, remedy: "make it again with pipe fit --method \(method)")
}

/// Throws with both shapes where images from `place` are not of the shape that is expected, C×H×W.
///
/// - Parameter whose: ends in a verb, such as `the model takes`.
func check(
  imageShape shape: [Int], of place: String, against expected: [Int], _ whose: String
) throws(DataError) {
  guard shape != expected else { return }
  throw DataError(
    .badInput, at: [place],
    "has images of \(shapeText(shape)) (C×H×W), and \(whose) \(shapeText(expected))",
    remedy: shape.first == expected.first
      ? "give --resize \(expected[1])x\(expected[2])" : "take images with as many channels")
}
