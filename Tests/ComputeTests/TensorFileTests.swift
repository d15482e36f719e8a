import Datasets
import Foundation
import Shards
import Stages
import Tensors
import Testing

extension ComputeTests {
  @Suite struct TensorFileTests {
    private let file = TensorFile(
      tensors: [
        "b.weight": Tensor([1, -2, 3.5, 4, 5, 6], shape: [2, 3]), "a": Tensor([7], shape: [1]),
      ], metadata: ["made by": "a \"test\""])

    private func written(_ bytes: [UInt8]) throws -> String {
      let path = FileManager.default.temporaryDirectory.appending(path: "pipe-\(UUID().uuidString).safetensors").path
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return path
    }

    @Test func `reads what it writes`() throws {
      let path = try written(file.encoded())
      defer { try? FileManager.default.removeItem(atPath: path) }
      let read = try TensorFile(contentsOf: path)
      #expect(read.metadata == file.metadata)
      #expect(read.isVerified)
      #expect(read.tensors.keys.sorted() == ["a", "b.weight"])
      #expect(read.tensors["b.weight"]?.shape == [2, 3])
      #expect(read.tensors["b.weight"]?.floats() == [1, -2, 3.5, 4, 5, 6])
      #expect(read.tensors["a"]?.floats() == [7])
    }

    @Test func `the bytes follow the format`() throws {
      let bytes = file.encoded()
      let length = Int(bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      #expect(length % 8 == 0)
      let header = try #require(
        try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: Any])
      let entry = try #require(header["b.weight"] as? [String: Any])
      #expect(entry["dtype"] as? String == "F32")
      #expect(entry["shape"] as? [Int] == [2, 3])
      let offsets = try #require(entry["data_offsets"] as? [Int])
      let body = Array(bytes[(8 + length)...])
      #expect(body.count == 28 && offsets == [4, 28])
      let third = body[(offsets[0] + 8)..<(offsets[0] + 12)].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      #expect(Float(bitPattern: third) == 3.5)
    }

    @Test func `every cut is refused`() throws {
      let bytes = file.encoded()
      for count in stride(from: 0, to: bytes.count, by: 3) {
        let path = try written(Array(bytes.prefix(count)))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: DataError.self) { try TensorFile(contentsOf: path) }
        #expect(error?.fault == .badInput)
      }
    }

    @Test func `every changed byte is refused`() throws {
      // Two more that look like the digest's own place.
      for metadata in [[:], ["a": #"{"sha256":"00"}"#, "sha256 ": "1"]] {
        let bytes = TensorFile(tensors: file.tensors, metadata: metadata).encoded()
        for place in bytes.indices {
          var changed = bytes
          changed[place] ^= 1
          let path = try written(changed)
          defer { try? FileManager.default.removeItem(atPath: path) }
          // A digest that is not called so any more is none; what is written for this program alone then counts as damaged.
          let read = try? TensorFile(contentsOf: path)
          #expect(read?.isVerified != true, "byte \(place)")
        }
      }
    }

    @Test func `its digest is that of the rest, however the header is written`() throws {
      let bytes = file.encoded()
      let length = Int(bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      let header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
      let body = bytes[(8 + length)...]
      let entry = try #require(header.firstMatch(of: #/,"sha256":"([0-9a-f]{64})"/#))
      let rest = header.replacing(entry.0, with: "").trimmingCharacters(in: .whitespaces)
      #expect(sha256(Array(rest.utf8) + body) == String(entry.1))
      let object = try JSONSerialization.jsonObject(with: Data(header.utf8))
      let other = try JSONSerialization.data(withJSONObject: object, options: .prettyPrinted)
      let path = try written(withUnsafeBytes(of: UInt64(other.count).littleEndian, Array.init) + other + body)
      defer { try? FileManager.default.removeItem(atPath: path) }
      #expect(try TensorFile(contentsOf: path).isVerified)
    }

    @Test func `a header that claims too much is refused`() throws {
      let header = Array(#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#.utf8)
      let path = try written(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header)
      defer { try? FileManager.default.removeItem(atPath: path) }
      #expect(throws: DataError.self) { try TensorFile(contentsOf: path) }
    }

    /// Two tensors of two numbers in a body of four; only ranges that follow one another are those of a file.
    @Test(arguments: [
      ([0, 8], [8, 16], true), ([8, 16], [0, 8], true), ([0, 8], [0, 8], false), ([0, 8], [4, 12], false),
      ([0, 8], [12, 20], false), ([4, 12], [12, 20], false), ([8, 16], [8, 16], false),
    ])
    func `ranges that overlap or leave gaps are refused`(a: [Int], b: [Int], isWhole: Bool) throws {
      let header = Array(
        """
        {"a":{"dtype":"F32","shape":[2],"data_offsets":\(a)},"b":{"dtype":"F32","shape":[2],"data_offsets":\(b)},\
        "none":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8]}}
        """.utf8)
      let body = (0..<4).flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) }
      let path = try written(withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header + body)
      defer { try? FileManager.default.removeItem(atPath: path) }
      if isWhole {
        let read = try TensorFile(contentsOf: path)
        #expect(read.tensors["a"]?.floats() == (a[0] == 0 ? [0, 1] : [2, 3]))
        #expect(read.tensors["none"]?.shape == [0, 5])
      } else {
        let error = #expect(throws: DataError.self) { try TensorFile(contentsOf: path) }
        #expect(error?.fault == .badInput)
      }
    }

    @Test func `a missing file is no input`() {
      let error = #expect(throws: DataError.self) { try TensorFile(contentsOf: "/nowhere/at/all.safetensors") }
      #expect(error?.fault == .noInput)
    }
  }
}
