import Datasets
import Foundation
import Shards
import Testing

@Suite struct VerifyTests {
  @Test func `a sound dataset has no damage`() async throws {
    for zstdLevel in [nil, 3] {
      let folder = try TemporaryFolder()
      try writeDataset(exampleFloats(10), in: folder, zstdLevel: zstdLevel, maxSamples: 4)
      let report = try await verifyDataset(at: folder["out"])
      #expect(report.damage == [])
      #expect(report.shards == 3)
      #expect(report.samples == 10)
    }
  }

  @Test func `a flipped bit in any file is found`() async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(4), in: folder, maxSamples: 2)
    var random = Sequence32(seed: 5)
    for file in try folder.contents("out") {
      let path = "out/\(file)"
      let whole = try folder.bytes(path)
      for _ in 0..<60 {
        var bytes = whole
        let offset = Int.random(in: 0..<whole.count, using: &random)
        let bit = UInt8.random(in: 0..<8, using: &random)
        bytes[offset] ^= 1 << bit
        try folder.write(path, bytes)
        let report = try await verifyDataset(at: folder["out"])
        #expect(!report.damage.isEmpty, "bit \(bit) of byte \(offset) of \(file)")
        // A changed manifest can make good shards look bad; a changed shard never makes another file look bad.
        if file.hasSuffix(".tar") { #expect(report.damage.allSatisfy { $0.file == file }) }
      }
      try folder.write(path, whole)
    }
    #expect(try await verifyDataset(at: folder["out"]).damage == [])
  }

  @Test func `a cut of any file is found`() async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(2), in: folder)
    for file in try folder.contents("out") {
      let path = "out/\(file)"
      let whole = try folder.bytes(path)
      for length in Array(stride(from: 0, to: whole.count, by: 256)) + [whole.count - 1] {
        try folder.write(path, Array(whole[..<length]))
        #expect(
          try await !verifyDataset(at: folder["out"]).damage.isEmpty, "\(file) cut to \(length) of \(whole.count)")
      }
      try folder.write(path, whole)
    }
  }

  @Test func `missing, extra and swapped shards are named`() async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(6), in: folder, maxSamples: 2)
    let names = (0..<3).map { "shapes-train-00000\($0).tar" }
    let contents = try names.map { try folder.bytes("out/\($0)") }
    func damaged() async throws -> Set<String> { Set(try await verifyDataset(at: folder["out"]).damage.map(\.file)) }

    try FileManager.default.removeItem(atPath: folder["out/\(names[1])"])
    #expect(try await damaged() == [names[1]])

    try folder.write("out/\(names[1])", contents[1])
    try folder.write("out/shapes-train-000003.tar", contents[1])
    #expect(try await damaged() == ["shapes-train-000003.tar"])
    try FileManager.default.removeItem(atPath: folder["out/shapes-train-000003.tar"])

    try folder.write("out/\(names[0])", contents[2])
    try folder.write("out/\(names[2])", contents[0])
    let report = try await verifyDataset(at: folder["out"])
    #expect(report.damage.contains { $0.file == names[0] && $0.problem == "holds what \(names[2]) should hold" })
    #expect(report.damage.contains { $0.file == names[2] && $0.problem == "holds what \(names[0]) should hold" })
  }

  @Test func `damage inside an image names the sample`() async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(5), in: folder)
    let path = "out/shapes-train-000000.tar"
    var bytes = try folder.bytes(path)
    let member = try #require((0..<bytes.count).first { bytes[$0...].starts(with: "000003.png".utf8) })
    bytes[member + 512 + 60] ^= 4
    try folder.write(path, bytes)
    let report = try await verifyDataset(at: folder["out"])
    #expect(report.damage.contains { $0.file == "shapes-train-000000.tar" && $0.key == "000003" })
    #expect(report.damage.contains { $0.problem.hasPrefix("has SHA-256") })
  }

  @Test func `metadata that are not JSON are damage`() async throws {
    let folder = try TemporaryFolder()
    var samples = examplePixels(3)
    for index in samples.indices { samples[index].metadata = Array((index == 1 ? "{\"a\": 1" : "{\"a\": 1}").utf8) }
    try writeDataset(samples, in: folder)
    let report = try await verifyDataset(at: folder["out"])
    #expect(report.damage.map(\.problem) == ["json: is not a JSON document"] && report.damage[0].key == "000001")
  }

  @Test func `a folder without a manifest holds no dataset`() async throws {
    let folder = try TemporaryFolder()
    let error = await #expect(throws: DataError.self) { try await verifyDataset(at: folder.path) }
    #expect(error?.fault == .noInput && error?.place == [folder.path])
  }

  @Test func `a stream in a file is no dataset, and what to do with it is said`() async throws {
    let folder = try TemporaryFolder()
    try folder.write("stream.tar", [1, 2, 3])
    let error = await #expect(throws: DataError.self) { try await verifyDataset(at: folder["stream.tar"]) }
    #expect(error?.fault == .noInput)
    #expect(error?.remedy == "name its folder, or put a stream through pipe shard -i \(folder["stream.tar"]) -o DIR")
  }
}
