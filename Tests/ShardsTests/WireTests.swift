import Datasets
import Foundation
import Shards
import Testing

@Suite struct WireTests {
  @Test func `what goes in comes out`() throws {
    for samples in [examplePixels(20), exampleFloats(5)] {
      let source = try reader(try wire(samples))
      #expect(source.info == exampleInfo)
      #expect(try decoded(try allSamples(source)) == samples)
      #expect(try source.next() == nil)
    }
  }

  @Test func `encoded images and unknown fields pass untouched`() throws {
    let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0] + Array(repeating: 3, count: 700)
    let sample = Sample(
      key: "a", content: .encoded(EncodedImage(format: .jpg, bytes: jpeg)), label: 2,
      extras: [Field(name: "caption.txt", bytes: []), Field(name: "txt", bytes: [1, 2, 3])])
    #expect(try allSamples(try reader(try wire([sample]))) == [sample])
  }

  @Test func `the same samples give the same bytes`() throws {
    #expect(try wire(exampleFloats(4)) == wire(exampleFloats(4)))
  }

  @Test func `tar lists the members in order`() throws {
    let folder = try TemporaryFolder()
    try folder.write("wire.tar", try wire(examplePixels(2)))
    let (status, output) = try runProgram("/bin/tar", ["tf", folder["wire.tar"]])
    #expect(status == 0)
    #expect(output == "__pipe__/header\n000000.png\n000000.cls\n000001.png\n000001.cls\n__pipe__/end\n")
  }

  @Test func `a stream that ends at any block is unfinished`() throws {
    let whole = try wire(exampleFloats(3))
    #expect(failure(of: whole) == nil)
    for length in stride(from: 0, to: whole.count, by: 512) {
      let error = try #require(failure(of: Array(whole[..<length])), "cut to \(length) of \(whole.count) bytes")
      #expect(error.fault == .temporary)
    }
  }

  @Test func `a stream that ends inside a block is unfinished`() throws {
    let whole = try wire(examplePixels(2))
    for length in stride(from: 1, to: whole.count, by: 97) {
      let error = try #require(failure(of: Array(whole[..<length])))
      #expect(error.fault == .temporary)
    }
  }

  @Test func `a flipped bit anywhere in samples or end is found`() throws {
    let whole = try wire(examplePixels(3))
    let headerEnd = 512 + 1024
    var random = Sequence32(seed: 1)
    for _ in 0..<400 {
      var bytes = whole
      let offset = Int.random(in: headerEnd..<whole.count, using: &random)
      bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      #expect(failure(of: bytes) != nil, "the flip at byte \(offset) went unseen")
    }
  }

  @Test func `a missing sample is found although the tar is sound`() throws {
    let whole = try wire(examplePixels(3))
    // Header member: 512 + one or two blocks; a sample: two members of 1,024 bytes each.
    let start = try #require((0..<whole.count).first { whole[$0...].starts(with: "000001.png".utf8) })
    let end = try #require((0..<whole.count).first { whole[$0...].starts(with: "000002.png".utf8) })
    let error = try #require(failure(of: Array(whole[..<start]) + Array(whole[end...])))
    #expect(error.fault == .badInput)
    #expect(error.problem == "counts 3 samples, and 2 arrived")
  }

  @Test func `samples in another order are found`() throws {
    let a = try wire(examplePixels(3))
    let swapped = examplePixels(3)
    let b = try wire([swapped[0], swapped[2], swapped[1]])
    let end = try #require((0..<a.count).first { a[$0...].starts(with: "__pipe__/end".utf8) })
    let error = try #require(failure(of: Array(b[..<end]) + Array(a[end...])))
    #expect(error.problem.hasPrefix("gives SHA-256"))
  }

  @Test func `what was learned on the way replaces the header, but not its classes`() throws {
    var final = exampleInfo
    final.learnedLearningRate = 0.02
    final.provenance[0].options["steps"] = "123"
    func bytes(_ end: DatasetInfo) throws -> [UInt8] {
      try captured { writer in
        try writer.begin(exampleInfo)
        for sample in examplePixels(2) { try writer.write(sample) }
        try writer.finish(info: end)
      }
    }
    let source = try reader(try bytes(final))
    #expect(source.info == exampleInfo)
    _ = try allSamples(source)
    #expect(source.info == final)
    final.classNames.reverse()
    #expect(failure(of: try bytes(final))?.fault == .badInput)
  }

  @Test func `data behind the end is refused`() throws {
    let whole = try wire(examplePixels(1))
    #expect(failure(of: whole + whole)?.fault == .badInput)
    #expect(failure(of: whole + Array(repeating: 0, count: 9 * 1024)) == nil)
  }

  @Test func `an error of the writer arrives with its exit code and its sentence`() throws {
    let early = try captured { $0.fail(exitCode: 66, sentence: "there is no input") }
    #expect(failure(of: early)?.fault == .upstream(exitCode: 66))
    let late = try captured { writer in
      try writer.begin(exampleInfo)
      for sample in examplePixels(2) { try writer.write(sample) }
      writer.fail(exitCode: 65, sentence: "cifar.tar: record 3: has label 11")
    }
    let error = try #require(failure(of: late))
    #expect(error.fault == .upstream(exitCode: 65))
    #expect(error.description.contains("record 3: has label 11"))
  }

  @Test func `another format and another major version are refused, unknown keys are not`() throws {
    let whole = try wire(examplePixels(1))
    func replaced(_ old: String, _ new: String) throws -> [UInt8] {
      precondition(old.utf8.count == new.utf8.count)
      var bytes = whole
      let start = try #require(bytes.indices.first { bytes[$0...].starts(with: old.utf8) })
      bytes.replaceSubrange(start..<start + old.utf8.count, with: new.utf8)
      return bytes
    }
    #expect(failure(of: try replaced("\"pipe-wire\"", "\"pope-wire\""))?.fault == .badInput)
    #expect(failure(of: try replaced("\"1.0\"", "\"2.0\""))?.problem.contains("version 2.0") == true)
    #expect(failure(of: try replaced("\"1.0\"", "\"1.7\"")) == nil)
    #expect(failure(of: try replaced("\"normalization\"", "\"normalisation\"")) == nil)
  }

  @Test func `a label beyond the classes is refused with the sample's name`() throws {
    var info = exampleInfo
    info.classNames.append("fourth")
    var samples = examplePixels(2)
    samples[1].label = 3
    var bytes = try wire(samples, info: info)
    let old = ",\"fourth\""
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: old.utf8) })
    bytes.replaceSubrange(start..<start + old.utf8.count, with: String(repeating: " ", count: old.utf8.count).utf8)
    let error = try #require(failure(of: bytes))
    #expect(error.fault == .badInput)
    #expect(error.place == ["wire", "000001", "cls"])
  }

  @Test func `keys and names that other readers stumble over are never written`() throws {
    for key in ["a.b", "a b", "a/b", "", "__a", "ä"] {
      #expect(throws: DataError.self, "\(key)") {
        try wire([Sample(key: key, content: examplePixels(1)[0].content, label: 0)])
      }
    }
    for field in ["PNG", "pkl", "x.pth", "npz", ".a", "a b", "cls"] {
      var sample = examplePixels(1)[0]
      sample.extras = [Field(name: field, bytes: [1])]
      #expect(throws: DataError.self, "\(field)") { try wire([sample]) }
    }
    let long = Sample(key: String(repeating: "k", count: 97), content: examplePixels(1)[0].content, label: 0)
    #expect(throws: DataError.self) { try wire([long]) }
  }
}
