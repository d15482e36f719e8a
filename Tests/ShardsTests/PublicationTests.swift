import Datasets
import Foundation
import Testing

@testable import Shards

@Suite("Publication") struct PublicationTests {
  @Test func `what a killed run left is taken over, and a running one is not`() throws {
    let folder = try TemporaryFolder()
    let running = try DatasetWriter(ShardOptions(directory: folder["out"], namePrefix: "x"), info: exampleInfo)
    try running.write(examplePixels(1)[0])
    let error = #expect(throws: DataError.self) { try writeDataset(examplePixels(3), in: folder) }
    #expect(error?.problem == "is being written by another process")
    try interruptedRun(folder, publishing: true)
    try writeDataset(examplePixels(3), in: folder, "killed")
    #expect(try folder.contents("killed") == ["SHA256SUMS", "pipe.manifest", "shapes-train-000000.tar"])
  }

  /// A folder as a killed run leaves it: files that are recorded under their temporary or final names.
  private func interruptedRun(_ folder: TemporaryFolder, publishing: Bool) throws {
    try FileManager.default.createDirectory(atPath: folder["killed"], withIntermediateDirectories: false)
    var marker = "pipe-unfinished 1\n"
    for (name, final) in [
      (".shapes-train-000001.tar.partial", "shapes-train-000001.tar"),
      ("shapes-train-000000.tar", "shapes-train-000000.tar"),
    ] {
      try folder.write("killed/\(name)", [1, 2, 3])
      marker += "\(try #require(inode(ofFile: folder["killed/\(name)"]))) \(final)\n"
    }
    try folder.write("killed/.pipe-unfinished", Array((marker + (publishing ? "publishing\n" : "")).utf8))
  }

  @Test func `a file that an interrupted run did not record is nobody's to remove, whatever it is called`() throws {
    for name in [
      "holiday.tar", "SHA256SUMS", ".x.partial", "shapes-train-000000.tar", ".shapes-train-000001.tar.partial",
    ] {
      let folder = try TemporaryFolder()
      try interruptedRun(folder, publishing: true)
      // A file of a recorded name that somebody put in the place of ours has another inode.
      try folder.write("killed/new", Array("precious".utf8))
      try #require(rename(folder["killed/new"], folder["killed/\(name)"]) == 0)
      let before = try folder.contents("killed")
      let error = #expect(throws: DataError.self) { try writeDataset(examplePixels(3), in: folder, "killed") }
      #expect(error?.fault == .cannotCreate && error?.problem.contains("it holds \(name)") == true, "\(name)")
      #expect(try folder.contents("killed") == before)
      #expect(try folder.bytes("killed/\(name)") == Array("precious".utf8))
    }
    // Before publication began, no file had its final name.
    let folder = try TemporaryFolder()
    try interruptedRun(folder, publishing: false)
    let error = #expect(throws: DataError.self) { try writeDataset(examplePixels(3), in: folder, "killed") }
    #expect(error?.problem.contains("it holds shapes-train-000000.tar") == true)
  }

  @Test func `a removal that was cut off can be finished, and never takes a stranger's file`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    // The manifest is the last to go.
    for name in ["SHA256SUMS", "shapes-train-000000.tar"] { try #require(unlink(folder["out/\(name)"]) == 0) }
    try folder.write("out/holiday.tar", [1])
    let error = #expect(throws: DataError.self) { try DatasetFolder.remove(folder["out"]) }
    #expect(error?.problem.contains("holiday.tar") == true)
    #expect(try folder.contents("out") == ["holiday.tar", "pipe.manifest"])
    try #require(unlink(folder["out/holiday.tar"]) == 0)
    try DatasetFolder.remove(folder["out"])
    #expect(try folder.contents() == [])
  }

  @Test func `what comes into a dataset after it was looked at is not removed with it`() throws {
    let folder = try TemporaryFolder()
    try writeDataset(examplePixels(3), in: folder)
    let names = try DatasetFolder.files(of: folder["out"])
    try folder.write("out/holiday.tar", [1])
    #expect(throws: DataError.self) { try DatasetFolder.remove(names, in: folder["out"]) }
    #expect(try folder.contents("out") == ["holiday.tar"])
    try #require(symlink("out", folder["link"]) == 0)
    #expect(throws: DataError.self) { try DatasetFolder.remove(folder["link"]) }
  }

  @Test(arguments: [true, false])
  func `a new file appears whole, never over another one, and leaves nothing`(unnamed: Bool) throws {
    let folder = try TemporaryFolder()
    func begun() throws -> NewFile {
      let file = try NewFile(folder["a b.tar"], unnamed: unnamed)
      try file.write([1, 2, 3])
      return file
    }
    try begun().discard()
    #expect(try folder.contents() == [])
    let first = try begun()
    let second = try begun()
    #expect(!FileManager.default.fileExists(atPath: folder["a b.tar"]))
    try first.publish()
    #expect(try folder.bytes("a b.tar") == [1, 2, 3])
    try folder.write("a b.tar", [9])
    let error = #expect(throws: DataError.self) { try second.publish() }
    #expect(error?.fault == .cannotCreate)
    second.discard()
    #expect(try folder.bytes("a b.tar") == [9])
    #expect(try folder.contents() == ["a b.tar"])
  }

  @Test func `a temporary file of a dead process is removed, one of a living process or of anybody else is not`() throws
  {
    let folder = try TemporaryFolder()
    let living = try NewFile(folder["x"], unnamed: false)
    try folder.write("copy", [1])
    let number = try #require(inode(ofFile: folder["copy"]))
    // A dead process left this one: it has its inode in its name and no lock.
    try #require(rename(folder["copy"], folder[".x.\(number).partial"]) == 0)
    for name in [".x.1.partial", ".x..partial", ".x.new.partial", ".y.\(number).partial"] {
      try folder.write(name, [2])
    }
    let strangers = try folder.contents().filter { $0 != ".x.\(number).partial" }
    _ = try NewFile(folder["x"])
    #expect(try folder.contents() == strangers)
    let others = try strangers.filter { try folder.bytes($0) == [2] }
    living.discard()
    #expect(try folder.contents() == others && others.count == 4)
  }
}
