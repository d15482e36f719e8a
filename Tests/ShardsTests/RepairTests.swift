import Datasets
import Foundation
import Testing

@testable import Shards

@Suite("Repair") struct RepairTests {
  private let names = (0..<3).map { "shapes-train-00000\($0).tar" }

  private func dataset(zstdLevel: Int? = nil, floats: Bool = false) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try writeDataset(floats ? exampleFloats(9) : examplePixels(9), in: folder, zstdLevel: zstdLevel, maxSamples: 3)
    return folder
  }

  private func repair(
    _ folder: TemporaryFolder, _ facts: KnownFacts = KnownFacts()
  ) throws(DataError) -> RepairReport {
    try repairDataset(at: folder["out"], knowing: facts, tool: "pipe 1.0.0")
  }

  private func contents(_ folder: TemporaryFolder) throws -> [String: [UInt8]] {
    try folder.contents("out").reduce(into: [:]) { $0[$1] = try folder.bytes("out/\($1)") }
  }

  private func isSound(_ folder: TemporaryFolder) async throws -> Bool {
    try await verifyDataset(at: folder["out"]).damage.isEmpty
  }

  private static let none = KnownFacts(formation: .some(nil), classNames: exampleInfo.classNames)

  @Test func `nothing is done to a sound dataset`() throws {
    let folder = try dataset()
    let before = try contents(folder)
    #expect(try repair(folder) == RepairReport())
    #expect(try contents(folder) == before)
  }

  @Test(arguments: ["lost", "changed"]) func `checksums are written anew from the manifest`(what: String) throws {
    let folder = try dataset()
    let before = try contents(folder)
    if what == "lost" {
      try #require(unlink(folder["out/SHA256SUMS"]) == 0)
    } else {
      try folder.write("out/SHA256SUMS", Array("nonsense".utf8))
    }
    #expect(try repair(folder).done.map(\.file) == ["SHA256SUMS"])
    #expect(try contents(folder) == before)
  }

  @Test func `shards under other names get their own, and are never overwritten`() async throws {
    let folder = try dataset()
    let before = try contents(folder)
    func move(_ from: String, _ to: String) throws {
      try #require(rename(folder["out/\(from)"], folder["out/\(to)"]) == 0)
    }
    // 0 → 1 → 2 → 0, and each name is taken.
    try move(names[2], "x")
    try move(names[1], names[2])
    try move(names[0], names[1])
    try move("x", names[0])
    #expect(try !repair(folder).done.isEmpty)
    #expect(try contents(folder) == before)
    try move(names[1], "shapes-train-000001 (1).tar")
    #expect(try repair(folder).done.map(\.file) == [names[1]])
    #expect(try contents(folder) == before)
    // A sound copy beside a damaged one: the two change names, and the damaged one is still there.
    try folder.write("out/copy", try folder.bytes("out/\(names[0])"))
    try folder.write("out/\(names[0])", [1, 2, 3])
    let report = try repair(folder)
    #expect(report.done.map(\.file) == [names[0]] && report.impossible.map(\.file) == ["copy"])
    #expect(try folder.bytes("out/copy") == [1, 2, 3])
    #expect(try await isSound(folder))
  }

  @Test func `a damaged or missing shard stays that, whatever is repaired beside it`() async throws {
    let folder = try dataset()
    var bytes = try folder.bytes("out/\(names[1])")
    bytes[600] ^= 1
    try folder.write("out/\(names[1])", bytes)
    try #require(unlink(folder["out/\(names[2])"]) == 0)
    try #require(unlink(folder["out/SHA256SUMS"]) == 0)
    let report = try repair(folder)
    #expect(report.done.map(\.file) == ["SHA256SUMS"] && report.impossible.map(\.file) == [names[1], names[2]])
    #expect(try folder.bytes("out/\(names[1])") == bytes)
    let damage = Set(try await verifyDataset(at: folder["out"]).damage.map(\.file))
    #expect(damage == [names[1], names[2]])
    #expect(try runProgram("/usr/bin/sha256sum", ["-c", "--quiet", "SHA256SUMS"], in: folder["out"]).status != 0)
  }

  @Test(arguments: [nil, 3], ["lost", "changed"])
  func `a manifest is written anew from shards, and says what it does not know`(
    zstdLevel: Int?, what: String
  ) async throws {
    let folder = try dataset(zstdLevel: zstdLevel, floats: true)
    let before = try Manifest(inFolder: folder["out"])
    let old = try folder.bytes("out/pipe.manifest")
    if what == "lost" {
      try #require(unlink(folder["out/pipe.manifest"]) == 0)
    } else {
      try folder.write("out/pipe.manifest", old.map { $0 == UInt8(ascii: "7") ? UInt8(ascii: "8") : $0 })
    }
    // The checksums list the shards, and they are these.
    let facts = KnownFacts(formation: Formation(factor: 2), classNames: exampleInfo.classNames)
    let report = try repair(folder, facts)
    #expect(report.done.map(\.file).contains("pipe.manifest"), "\(report)")
    #expect(try await isSound(folder))
    let after = try Manifest(inFolder: folder["out"])
    #expect(after.shards == before.shards && after.fields == before.fields && after.shape == before.shape)
    #expect(after.countsPerClass == before.countsPerClass && after.labelNames == before.labelNames)
    #expect(after.observedRange == before.observedRange && after.valueRange == before.valueRange)
    #expect(after.formation == Formation(factor: 2) && after.normalization == nil)
    #expect(after.labelKind == .logit)
    let unknown = after.provenance.last?.options["unknown"] ?? ""
    #expect(after.provenance.map(\.verb) == ["repair"])
    for word in ["history", "normalization", "learned_learning_rate", "mirror", "label_kind"] {
      #expect(unknown.contains(word))
    }
    #expect(!unknown.contains("label_names") && !unknown.contains("shards"))
    if what == "changed" { #expect(try folder.contents("out").contains("pipe.manifest.damaged")) }
  }

  @Test func `without a word about the formation no manifest is written`() async throws {
    let folder = try dataset()
    try #require(unlink(folder["out/pipe.manifest"]) == 0)
    let before = try contents(folder)
    let report = try repair(folder)
    #expect(report.done.isEmpty && report.impossible.first?.text.contains("--formation none") == true, "\(report)")
    #expect(try contents(folder) == before)
    try #require(unlink(folder["out/SHA256SUMS"]) == 0)
    let blind = try repair(folder, KnownFacts(formation: .some(nil)))
    #expect(blind.done.count == 2 && blind.impossible.contains { $0.text.contains("more shards after the last one") })
    #expect(try Manifest(inFolder: folder["out"]).labelNames == ["0", "1", "2"])
    #expect(try await isSound(folder))
  }

  /// What is done to shards without a manifest, and of which file something is said.
  private static let obstacles: [(file: String, change: @Sendable (TemporaryFolder) throws -> Void)] = [
    ("shapes-train-000001.tar", { unlink($0["out/shapes-train-000001.tar"]) }),
    (
      "shapes-train-000002.tar",
      {
        unlink($0["out/SHA256SUMS"]); unlink($0["out/shapes-train-000001.tar"])
      }
    ),
    (
      "shapes-train-000001.tar",
      { try $0.write("out/shapes-train-000001.tar", $0.bytes("out/shapes-train-000000.tar")) }
    ),
    (
      "shapes-train-000001.tar",
      {
        unlink($0["out/SHA256SUMS"])
        try $0.write("out/shapes-train-000001.tar", $0.bytes("out/shapes-train-000000.tar"))
      }
    ),
    ("shapes-train-000002.tar", { truncate($0["out/shapes-train-000002.tar"], 2048) }),
    (
      "shapes-train-000002.tar",
      {
        unlink($0["out/SHA256SUMS"]); truncate($0["out/shapes-train-000002.tar"], 2048)
      }
    ),
    (
      "shapes-train-000003.tar",
      { try $0.write("out/shapes-train-000003.tar", $0.bytes("out/shapes-train-000000.tar")) }
    ),
    ("other-train-000000.tar", { try $0.write("out/other-train-000000.tar", [1]) }),
  ]

  @Test(arguments: obstacles.indices) func `shards that are not all there and sound get no manifest`(index: Int) throws
  {
    let folder = try dataset()
    try #require(unlink(folder["out/pipe.manifest"]) == 0)
    try Self.obstacles[index].change(folder)
    let before = try contents(folder)
    let report = try repair(folder, Self.none)
    #expect(report.done.isEmpty && report.impossible.contains { $0.file == Self.obstacles[index].file }, "\(report)")
    #expect(try contents(folder) == before)
  }

  /// A changed label in a shard, under a manifest or checksums that were changed as well.
  @Test(arguments: ["manifest", "sums"]) func `what still lists a shard's digest is believed`(what: String) throws {
    let folder = try dataset()
    let name = "out/shapes-train-000001.tar"
    var shard = try folder.bytes(name)
    let digit = try #require(shard.indices.first { shard[$0...].starts(with: Array("1\0\0\0".utf8)) && $0 % 512 == 0 })
    shard[digit] = UInt8(ascii: "0")
    try folder.write(name, shard)
    if what == "manifest" {
      let text = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
      try folder.write("out/pipe.manifest", Array(text.replacing("circle", with: "circus").utf8))
      try #require(unlink(folder["out/SHA256SUMS"]) == 0)
    } else {
      try #require(unlink(folder["out/pipe.manifest"]) == 0)
      let text = String(decoding: try folder.bytes("out/SHA256SUMS"), as: UTF8.self)
      try folder.write("out/SHA256SUMS", Array(text.replacing("  ", with: " x", maxReplacements: 1).utf8))
    }
    let before = try contents(folder)
    let report = try repair(folder, Self.none)
    let file = what == "manifest" ? "shapes-train-000001.tar" : "SHA256SUMS"
    #expect(report.done.isEmpty && report.impossible.contains { $0.file == file }, "\(report)")
    #expect(try contents(folder) == before)
  }

  @Test func `arrays without images and latents are not guessed at`() throws {
    for (fields, kind) in [(["npy", "cls"] as Set, DatasetInfo.Kind.samples), (["latent.npy", "cls"], .latents)] {
      let folder = try TemporaryFolder()
      var info = exampleInfo
      info.kind = kind
      try writeDataset(exampleFloats(3), in: folder, info: info, fields: fields)
      try #require(unlink(folder["out/pipe.manifest"]) == 0)
      let report = try repair(folder, Self.none)
      #expect(
        report.done.isEmpty && report.impossible.first?.text.hasPrefix("cannot be rebuilt: the shards hold") == true)
    }
  }

  /// What an earlier program wrote: nobody writes it now.
  @Test func `shards with values that are not finite are damaged, and get no manifest`() async throws {
    let folder = try TemporaryFolder()
    var samples = exampleFloats(1)
    samples[0].content = .floats(FloatArray(shape: [3, 6, 5], values: Array(repeating: 0.5, count: 90)))
    try writeDataset(samples, in: folder, fields: ["npy", "cls"])
    let shard = "out/shapes-train-000000.tar"
    var bytes = try folder.bytes(shard)
    let half = withUnsafeBytes(of: Float(0.5)) { Array($0) }
    let at = try #require((0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == half })
    bytes.replaceSubrange(at..<at + 4, with: withUnsafeBytes(of: Float.nan) { Array($0) })
    try folder.write(shard, bytes)
    #expect(
      try await verifyDataset(at: folder["out"]).damage.contains { $0.problem == "holds values that are not finite" })
    for name in ["pipe.manifest", "SHA256SUMS"] { try #require(unlink(folder["out/\(name)"]) == 0) }
    let report = try repair(folder, Self.none)
    #expect(report.done.isEmpty && report.impossible.contains { $0.text.contains("not finite") }, "\(report)")
  }

  @Test func `what a killed writer had complete is published, and nothing less`() async throws {
    for isComplete in [true, false] {
      let folder = try dataset()
      let before = try contents(folder)
      var marker = "pipe-unfinished 1\n"
      for (index, name) in (names + ["SHA256SUMS", "pipe.manifest"]).enumerated() {
        let number = try #require(inode(ofFile: folder["out/\(name)"]))
        marker += "\(number) \(name)\n"
        // It was killed after the first two got their names.
        if index >= 2 { try #require(rename(folder["out/\(name)"], folder["out/.\(name).partial"]) == 0) }
      }
      try folder.write("out/.pipe-unfinished", Array((marker + "publishing\n").utf8))
      if !isComplete { try #require(unlink(folder["out/.pipe.manifest.partial"]) == 0) }
      let unfinished = try contents(folder)
      let report = try repair(folder, Self.none)
      if isComplete {
        #expect(report.done.map(\.file) == ["pipe.manifest"] && report.impossible.isEmpty, "\(report)")
        #expect(try contents(folder) == before)
        #expect(try await isSound(folder))
      } else {
        #expect(report.done.isEmpty && report.impossible.map(\.file) == [".pipe-unfinished"])
        #expect(try contents(folder) == unfinished)
      }
    }
  }

  @Test func `a folder in which somebody writes is left alone, and so is a file called like the marker`() throws {
    let folder = try TemporaryFolder()
    let running = try DatasetWriter(ShardOptions(directory: folder["out"], namePrefix: "x"), info: exampleInfo)
    try running.write(examplePixels(1)[0])
    let error = #expect(throws: DataError.self) { try repair(folder) }
    #expect(error?.problem == "is being written by another process")
    let other = try dataset()
    try other.write("out/.pipe-unfinished", Array("mine".utf8))
    _ = try repair(other)
    #expect(try other.bytes("out/.pipe-unfinished") == Array("mine".utf8))
  }

  @Test
  func `a manifest that was changed on purpose can be accepted, and a shard that it does not list as it is cannot`()
    async throws
  {
    let folder = try dataset()
    let old = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
    try folder.write("out/pipe.manifest", Array(old.replacing("\"star\"", with: "\"sun\"").utf8))
    #expect(try await !isSound(folder))
    let report = try repair(folder, KnownFacts(acceptsManifest: true))
    #expect(report.done.map(\.file) == ["pipe.manifest", "SHA256SUMS"] && report.impossible.isEmpty, "\(report)")
    #expect(try await isSound(folder))
    let manifest = try Manifest(inFolder: folder["out"])
    #expect(
      manifest.labelNames == ["circle", "square/ü", "sun"] && manifest.normalization == exampleInfo.normalization)
    #expect(manifest.provenance.map(\.verb) == ["decode", "repair"])
    // What the shards contradict stays damage; what is no manifest is not accepted.
    let sealed = String(decoding: try folder.bytes("out/pipe.manifest"), as: UTF8.self)
    try folder.write("out/pipe.manifest", Array(sealed.replacing("\"png\"", with: "\"jpg\"").utf8))
    _ = try repair(folder, KnownFacts(acceptsManifest: true))
    #expect(try await !isSound(folder))
    try folder.write("out/pipe.manifest", Array(sealed.dropLast(40).utf8))
    let refused = try repair(folder, KnownFacts(acceptsManifest: true))
    #expect(refused.done.isEmpty && refused.impossible.first?.text.hasPrefix("cannot be accepted as it is") == true)
  }
}
