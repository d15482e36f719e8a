import Datasets
import Foundation
import Synchronization
import Testing

@testable import Shards

/// Whether something happened.
private final class Flag: Sendable {
  let value = Mutex(false)
}

/// What happens to a shard while it is read.
///
/// A reader holds at most a window of 256 KiB, and a shard here has a megabyte: after its first sample, most of it is still to be read.
@Suite("Reading faults") struct ReadingFaultsTests {
  private static let samples = examplePixels(24, height: 200, width: 150)
  private static let names = (0..<3).map { "shapes-train-00000\($0).tar" }

  /// Written once, by compression.
  private static let plain = Result { try written(zstdLevel: nil) }
  private static let compressed = Result { try written(zstdLevel: 3) }

  private static func written(zstdLevel: Int?) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try writeDataset(samples, in: folder, zstdLevel: zstdLevel, maxBytes: 64 << 20, maxSamples: 8)
    return folder
  }

  private func dataset(zstdLevel: Int? = nil) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let original = try (zstdLevel == nil ? Self.plain : Self.compressed).get()
    try FileManager.default.copyItem(atPath: original["out"], toPath: folder["out"])
    return folder
  }

  /// Reads some samples, lets something happen, and reads the rest; what was read, and the error.
  private func read(
    _ folder: TemporaryFolder, before: Int, _ happens: () throws -> Void
  ) throws -> (samples: Int, error: DataError?) {
    let reader = try DatasetReader(folder["out"])
    var count = 0
    for _ in 0..<before { count += try reader.next() == nil ? 0 : 1 }
    try happens()
    do throws(DataError) {
      while try reader.next() != nil { count += 1 }
      return (count, nil)
    } catch {
      // The same error again, and never an end that looks like the last sample.
      #expect(throws: error) { try reader.next() }
      #expect(throws: error) { try reader.nextPending() }
      return (count, error)
    }
  }

  private func expect(
    _ found: (samples: Int, error: DataError?), _ fault: DataError.Fault, at name: String, in folder: TemporaryFolder
  ) {
    #expect(found.error?.fault == fault, "\(String(describing: found.error))")
    #expect(found.error?.place.first == folder["out/\(name)"], "\(String(describing: found.error))")
  }

  @Test(arguments: [nil, 3]) func `a shard that vanishes is named`(zstdLevel: Int?) throws {
    let folder = try dataset(zstdLevel: zstdLevel)
    let name = Self.names[1] + (zstdLevel == nil ? "" : ".zst")
    let found = try read(folder, before: 3) { try #require(unlink(folder["out/\(name)"]) == 0) }
    expect(found, .badInput, at: name, in: folder)
    #expect(found.samples == 8 && found.error?.problem == "is missing, and the manifest names it")
  }

  @Test func `a shard that vanishes while it is open is read to its end`() throws {
    let folder = try dataset()
    let found = try read(folder, before: 3) { try #require(unlink(folder["out/\(Self.names[0])"]) == 0) }
    #expect(found.samples == 24 && found.error == nil)
  }

  @Test(arguments: [nil, 3]) func `a shard that shrinks is named, wherever it is cut`(zstdLevel: Int?) throws {
    let ending = zstdLevel == nil ? "" : ".zst"
    for place in [0, 1] {
      for part in [0, 1, 2, 3, 7] {
        let folder = try dataset(zstdLevel: zstdLevel)
        let name = Self.names[place] + ending
        let size = try folder.bytes("out/\(name)").count
        // Cuts that are whole blocks, and between members: a tar reader takes some of these for an end.
        let left = part == 7 ? size - 1024 : size * part / 4 / 512 * 512
        let found = try read(folder, before: 1) { try #require(truncate(folder["out/\(name)"], left) == 0) }
        // What was in the window already is as it was.
        if found.error == nil { Issue.record("cut to \(left) of \(size) bytes") }
        expect(found, .badInput, at: name, in: folder)
      }
    }
  }

  @Test func `a shard that grows is named, also where zeros are added`() throws {
    for bytes in [[UInt8](repeating: 0, count: 512), [1], Array("more".utf8)] {
      let folder = try dataset()
      let found = try read(folder, before: 1) {
        let file = try #require(FileHandle(forWritingAtPath: folder["out/\(Self.names[0])"]))
        try file.seekToEnd()
        try file.write(contentsOf: Data(bytes))
      }
      expect(found, .badInput, at: Self.names[0], in: folder)
      #expect(found.samples == 8)
    }
  }

  @Test func `a shard that is changed where it was not read yet is named`() throws {
    for name in Self.names {
      let folder = try dataset()
      let size = try folder.bytes("out/\(name)").count
      let found = try read(folder, before: 1) {
        let file = try #require(FileHandle(forUpdatingAtPath: folder["out/\(name)"]))
        try file.seek(toOffset: UInt64(size - 5000))
        let old = try #require(try file.read(upToCount: 1)).first ?? 0
        try file.seek(toOffset: UInt64(size - 5000))
        try file.write(contentsOf: Data([old ^ 1]))
      }
      expect(found, .badInput, at: name, in: folder)
    }
  }

  @Test func `a shard that turns into a folder, a pipe or another shard is named`() throws {
    for kind in ["folder", "pipe", "shard"] {
      let folder = try dataset()
      let path = folder["out/\(Self.names[2])"]
      let found = try read(folder, before: 1) {
        try #require(unlink(path) == 0)
        switch kind {
        case "folder": try #require(mkdir(path, 0o777) == 0)
        case "pipe": try #require(mkfifo(path, 0o666) == 0)
        default: try FileManager.default.copyItem(atPath: folder["out/\(Self.names[0])"], toPath: path)
        }
      }
      expect(found, .badInput, at: Self.names[2], in: folder)
    }
  }

  @Test func `a dataset that another one replaces is read to its end as long as it is there`() throws {
    let folder = try dataset()
    let samples = try decoded(try allSamples(try DatasetReader(folder["out"])))
    try writeDataset(examplePixels(24), in: folder, "new", maxSamples: 8)
    let reader = try DatasetReader(folder["out"])
    let first = try #require(try reader.next())
    try #require(renameSafely(folder["new"], folder["out"], .exchange) == 0)
    #expect(try decoded([first] + allSamples(reader)) == samples)
  }

  @Test func `where it is removed as well, it is said that the new one can be read`() throws {
    let folder = try dataset()
    try writeDataset(examplePixels(24), in: folder, "new", maxSamples: 8)
    let found = try read(folder, before: 9) {
      try #require(renameSafely(folder["new"], folder["out"], .exchange) == 0)
      try FileManager.default.removeItem(atPath: folder["new"])
    }
    #expect(found.error?.fault == .temporary && found.error?.place == [folder["out"]])
    #expect(found.error?.problem.hasPrefix("was replaced while it was being read") == true)
    #expect(found.samples == 16)
  }

  @Test(arguments: ["vanishes", "shrinks", "is replaced"])
  func `verify names a shard to which something happens meanwhile`(
    what: String
  ) async throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(120), in: folder, maxSamples: 2)
    try writeDataset(examplePixels(6, seed: 2), in: folder, "new", maxSamples: 2)
    let name = "shapes-train-000059.tar"
    // Lanes are at most 16 shards ahead of the first one.
    let happened = Flag()
    let change: @Sendable (Int, Int) -> Void = { _, _ in
      happened.value.withLock { happened in
        guard !happened else { return }
        happened = true
        switch what {
        case "vanishes": unlink(folder["out/\(name)"])
        case "shrinks": truncate(folder["out/\(name)"], 1024)
        default:
          _ = renameSafely(folder["new"], folder["out"], .exchange)
          try? FileManager.default.removeItem(atPath: folder["new"])
        }
      }
    }
    guard what == "is replaced" else {
      let report = try await verifyDataset(at: folder["out"], progress: change)
      #expect(!report.damage.isEmpty && report.damage.allSatisfy { $0.file == name }, "\(report.damage)")
      return
    }
    let error = await #expect(throws: DataError.self) { try await verifyDataset(at: folder["out"], progress: change) }
    #expect(error?.fault == .temporary)
  }
}
