import Datasets
import Foundation
import Testing

@Suite struct ByteSourceTests {
  private let data = noise(1_000_000, seed: 11)

  @Test func `peeking consumes nothing`() throws {
    let source = ByteSource(bytes: data, name: "x")
    #expect(try source.peek(3) == Array(data.prefix(3)))
    #expect(try source.peek(600_000) == Array(data.prefix(600_000)))
    #expect(source.consumed == 0)
    #expect(try source.readAll(limit: .max) == data)
    #expect(source.consumed == data.count)
    #expect(try source.peek(1).isEmpty)
  }

  @Test func `a file is read whole in pieces of any size`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("x", data)
    let source = try ByteSource(.file(path))
    var found = try source.peek(100)
    found = []
    for size in [1, 7, 300_000, 2, 262_144, 5_000_000] {
      var piece = [UInt8](repeating: 0, count: size)
      let count = try piece.withUnsafeMutableBytes { try source.readFully(into: $0) }
      found += piece.prefix(count)
    }
    #expect(found == data)
  }

  @Test(arguments: [64, 400_000, 2_000_000]) func `peeks into compressed content`(_ count: Int) throws {
    for filter in TestFilter.allCases.dropFirst() {
      let source = ByteSource(bytes: tar([TestMember("x", data)], filter), name: "x")
      let whole = tar([TestMember("x", data)])
      #expect(try source.peekDecompressed(count) == Array(whole.prefix(count)), "\(filter)")
      #expect(source.consumed == 0)
    }
  }

  /// `{ head -c 3 > /dev/null; pipe …; } < file` leaves the descriptor behind the file's start.
  @Test func `a descriptor is read from where it stands`() throws {
    let folder = try TemporaryFolder()
    let tar = tar([TestMember("a/x.png", encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [3])))])
    let path = try folder.write("x", [1, 2, 3] + tar)
    let handle = try #require(FileHandle(forReadingAtPath: path))
    try handle.seek(toOffset: 3)
    let source = ByteSource(fileDescriptor: handle.fileDescriptor, closes: false, name: "x")
    #expect(try all(openDataset(from: source)).count == 1)
  }

  @Test func `a missing file is no input and a folder is no file`() throws {
    let missing = #expect(throws: DataError.self) { try ByteSource(.file("/nowhere/at/all")) }
    #expect(missing?.fault == .noInput)
    let folder = #expect(throws: DataError.self) { try ByteSource(.file("/tmp")).peek(1) }
    #expect(folder?.description == "/tmp: cannot be read: it is a folder")
  }
}
