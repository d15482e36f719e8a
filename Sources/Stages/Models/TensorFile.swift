public import Datasets
import Foundation
import Shards
public import Tensors

/// Named float32 tensors and string metadata in one file, in the safetensors format: readable by every trainer, and
/// never by running code.
///
/// Layout: header length (u64, little-endian), JSON header, then the tensors' bytes without gaps. The metadata have a SHA-256 over all the
/// rest of the content, however it was written: the header as `encoded` writes it, without this entry, and the tensors.
public struct TensorFile {
  /// Tensors by name; written in name order.
  public var tensors: [String: Tensor]
  /// The `__metadata__` entry, without the file's digest.
  public var metadata: [String: String]
  /// Whether the file said its own digest, and has it.
  public let isVerified: Bool

  /// Makes the content of a file.
  public init(tensors: [String: Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
    isVerified = false
  }

  /// The format's own cap on the header, which also bounds what a damaged file can make us allocate.
  private static let maxHeaderBytes = 100_000_000

  private struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }

  /// Reads a file.
  ///
  /// Throws where it is missing, cut, changed since it was written, or holds anything but float32 tensors that fill it without gaps.
  public init(contentsOf path: String) throws(DataError) {
    try self.init(try Self.bytes(ofFile: path), from: path)
  }

  /// Reads a file that this program wrote for itself; throws also where it does not say its digest.
  init(verified path: String) throws(DataError) {
    try self.init(contentsOf: path)
    guard isVerified else {
      throw DataError(
        .badInput, at: [path], "does not say its SHA-256, so that nobody knows whether it is whole",
        remedy: "remove it: it is made again")
    }
  }

  /// A file's bytes; throws where it cannot be read.
  static func bytes(ofFile path: String) throws(DataError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw DataError(.noInput, at: [path], "cannot be read")
    }
    return [UInt8](data)
  }

  /// Reads a file's bytes, which came from `path`.
  ///
  /// Throws where they are cut, or hold anything but float32 tensors that fill them without gaps.
  init(_ data: [UInt8], from path: String) throws(DataError) {
    func damaged(_ problem: String) -> DataError {
      DataError(
        .badInput, at: [path], "not a readable safetensors file: \(problem)", remedy: "delete it or write it again")
    }
    guard data.count >= 8 else { throw damaged("\(data.count) bytes are too few for a header") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Self.maxHeaderBytes, 8 + Int(length) <= data.count else {
      throw damaged("the header's length \(length) does not fit a file of \(data.count) bytes")
    }
    let header = data[8..<8 + Int(length)]
    let body = data[(8 + Int(length))...]
    guard let object = try? JSONSerialization.jsonObject(with: Data(header)) as? [String: Any] else {
      throw damaged("its header is not a JSON object")
    }
    metadata = object["__metadata__"] as? [String: String] ?? [:]
    let stated = metadata.removeValue(forKey: Self.digestName)
    isVerified = stated != nil
    tensors = [:]
    var ranges: [(name: String, bytes: Range<Int>)] = []
    for (name, value) in object where name != "__metadata__" {
      guard let entry = value as? [String: Any], let dtype = entry["dtype"] as? String,
        let shape = entry["shape"] as? [Int],
        let offsets = entry["data_offsets"] as? [Int], offsets.count == 2
      else { throw damaged("entry \(name) lacks dtype, shape or data_offsets") }
      let (start, end) = (offsets[0], offsets[1])
      // A damaged shape may multiply beyond what an integer holds.
      var count = 1
      for extent in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: extent)
        guard !overflow else { throw damaged("entry \(name) claims the shape \(shape)") }
        count = product
      }
      guard dtype == "F32", start >= 0, start <= end, end <= body.count, shape.allSatisfy({ $0 >= 0 }),
        count == (end - start) / 4,
        (end - start) % 4 == 0
      else { throw damaged("entry \(name) is \(dtype) \(shape) at bytes \(start)..<\(end) of \(body.count)") }
      let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        body[(body.startIndex + start)..<(body.startIndex + end)].withUnsafeBytes {
          UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0)
        }
        initialized = count
      }
      tensors[name] = Tensor(values, shape: shape)
      ranges.append((name, start..<end))
    }
    var covered = 0
    for (name, range) in ranges.sorted(by: {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }) {
      guard range.lowerBound == covered else {
        throw damaged("entry \(name) begins at byte \(range.lowerBound), and the one before it ends at \(covered)")
      }
      covered = range.upperBound
    }
    guard covered == body.count else { throw damaged("its entries cover \(covered) of \(body.count) bytes") }
    guard stated == nil || stated == contentDigest else {
      throw damaged("it changed since it was written, for its SHA-256 is another")
    }
  }

  /// The file's bytes; the same content gives the same bytes.
  public func encoded() -> [UInt8] {
    var head = header(metadata.merging([Self.digestName: contentDigest]) { _, new in new })
    // Aligned to 8 bytes with spaces, as the format asks.
    head += Array(repeating: UInt8(ascii: " "), count: (8 - head.count % 8) % 8)
    var bytes = withUnsafeBytes(of: UInt64(head.count).littleEndian, Array.init)
    bytes += head
    for (_, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      tensor.floats().withUnsafeBytes { bytes += $0 }
    }
    return bytes
  }

  private static let digestName = "sha256"

  private var contentDigest: String {
    let hash = SHA256()
    header(metadata).withUnsafeBytes { hash.update($0) }
    for (_, tensor) in tensors.sorted(by: { $0.key < $1.key }) { tensor.floats().withUnsafeBytes { hash.update($0) } }
    return hash.finish()
  }

  /// The JSON header with this metadata.
  private func header(_ metadata: [String: String]) -> [UInt8] {
    var offset = 0
    var entries = tensors.sorted { $0.key < $1.key }.map { name, tensor in
      let end = offset + 4 * tensor.count
      defer { offset = end }
      return
        "\(Self.quoted(name)):{\"dtype\":\"F32\",\"shape\":[\(tensor.shape.map(String.init).joined(separator: ","))],"
        + "\"data_offsets\":[\(offset),\(end)]}"
    }
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
    if !pairs.isEmpty { entries.insert("\"__metadata__\":{\(pairs.joined(separator: ","))}", at: 0) }
    return Array("{\(entries.joined(separator: ","))}".utf8)
  }

  /// Writes the file, complete or not at all, in place of one of that name.
  ///
  /// Throws `DataError` (`.cannotCreate`, `.io`).
  public func write(to path: String) throws(DataError) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw DataError(.cannotCreate, at: [path], "cannot be written: \(error.localizedDescription)")
    }
    let file = try NewFile(path)
    defer { file.discard() }
    try file.write(encoded())
    try file.publish(replacing: true)
  }

  private static func quoted(_ text: String) -> String {
    String(decoding: encodeJSON(text), as: UTF8.self)
  }
}

extension DataError {
  /// What is wrong with a file that is kept, where nobody has to do anything about it.
  var madeAgain: String { "\(DataError(fault, at: place, problem)); it is made again" }
}
