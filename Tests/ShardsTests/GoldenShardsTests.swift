import Datasets
import Foundation
import Testing

@testable import Shards

/// Shards that version 1.0 wrote stay in the repository, and are read by every later one; see `Scripts/golden/shards.py`.
///
/// What is in them was recorded by NumPy and Pillow.
@Suite("Golden shards of version 1.0") struct GoldenShardsTests {
  private static let folder = URL(filePath: #filePath).appending(path: "../../../fixtures/shards-1.0").standardized.path
  private static let lines = try? String(contentsOfFile: "\(folder)/values.txt", encoding: .utf8)
    .split(separator: "\n").map { $0.split(separator: " ", maxSplits: 3).map(String.init) }
  private static let names = Set((lines ?? []).map { $0[0] }).sorted()

  /// What was recorded of a dataset: the facts of its manifest, or the fields of its samples.
  private func recorded(_ name: String, facts: Bool) throws -> [[String]] {
    try #require(Self.lines).filter { $0[0] == name && ($0[1] == ".") == facts }
  }

  @Test func `all kinds of datasets are there`() throws {
    #expect(
      Self.names == [
        "fields", "formation-multi", "formation-time", "formation-uniform", "jpg", "latents", "logits-zstd", "png",
        "png-zstd",
        "soft", "spectrogram", "test-split",
      ])
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder).filter { !$0.contains(".") }
    #expect(folders.sorted() == Self.names)
  }

  @Test(arguments: names) func `every byte is sound`(name: String) async throws {
    #expect(try await verifyDataset(at: "\(Self.folder)/\(name)").damage == [])
  }

  @Test(arguments: names) func `every fact of the manifest is read`(name: String) throws {
    let manifest = try Manifest(inFolder: "\(Self.folder)/\(name)")
    let read = try #require(JSONSerialization.jsonObject(with: Data(manifest.json.utf8)) as? [String: Any])
    let facts = try recorded(name, facts: true)
    #expect(facts.count >= 12)
    for fact in facts {
      let value = try JSONSerialization.jsonObject(with: Data(fact[3].utf8), options: .fragmentsAllowed) as? NSObject
      #expect(value == read[fact[2]] as? NSObject, "\(fact[2])")
    }
    // What was not recorded is not made up.
    let known = Set(facts.map { $0[2] }).union(["provenance", "shards"])
    #expect(Set(read.keys).subtracting(known) == [])
  }

  @Test(arguments: names) func `every field of every sample is read`(name: String) throws {
    let reader = try DatasetReader("\(Self.folder)/\(name)")
    var read: [[String]] = []
    while let record = try reader.nextRecord() {
      let sample = try Sample(record, classCount: reader.info.classNames.count)
      for field in record.fields { read.append([name, record.key, field.name, try text(of: field, sample)]) }
    }
    #expect(try read == recorded(name, facts: false))
  }

  private func text(of field: Field, _ sample: Sample) throws -> String {
    switch field.name {
    case "png", "jpg":
      let format = try #require(EncodedImage.Format(rawValue: field.name))
      let image = Sample(key: "x", content: .encoded(EncodedImage(format: format, bytes: field.bytes)), label: 0)
      let pixels = try image.pixels(limits: Limits())
      let digest = sha256(field.name == "png" ? pixels.bytes : field.bytes)
      return "\(pixels.channels)x\(pixels.height)x\(pixels.width) \(digest)"
    case "npy", "latent.npy":
      guard case .floats(let array) = sample.content else { return "no array" }
      return text(of: array)
    case "soft.npy":
      let soft = try #require(sample.softLabel)
      return text(of: FloatArray(shape: [soft.count], values: soft))
    case "cls": return "\"\(sample.label)\""
    case "json": return try quoted(try #require(sample.metadata))
    default: return try quoted(try #require(sample.extras.first { $0.name == field.name }).bytes)
    }
  }

  private func quoted(_ bytes: [UInt8]) throws -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    return "\"" + text.replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }

  private func text(of array: FloatArray) -> String {
    let bytes = array.values.withUnsafeBytes { Array($0) }
    let ends = [array.values.first, array.values.last].map { String(format: "%.9g", Double($0 ?? .nan)) }
    return "\(array.shape.map(String.init).joined(separator: "x")) \(ends[0]) \(ends[1]) \(sha256(bytes))"
  }
}
