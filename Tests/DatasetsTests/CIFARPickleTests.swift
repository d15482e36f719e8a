import Datasets
import Foundation
import Testing

/// Python's pickle module wrote the fronts and backs (protocols 2 to 5, numpy 2); 3,072 zero bytes of pixels stood between.
@Suite struct CIFARPickleTests {
  /// `x = []; x.append(x)`, whose memory would never be given back, and tuples in tuples, which are freed one within the other.
  @Test(arguments: [
    (
      "80025d7100680061 2e",
      "a pickle that uses one list in two places; only the arrays, lists and strings of CIFAR's python version are read"
    ),
    ("800229" + String(repeating: "85", count: 100_000) + "2e", "a pickle of more than 1,000 lists and tuples"),
  ]) func `lists in themselves and deep nesting are refused`(_ file: String, _ problem: String) {
    let digits = Array(file.filter { $0 != " " })
    let bytes = Swift.stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    let error = failure(bytes)
    #expect(error?.problem == problem)
  }

  struct Written: Sendable, CustomTestStringConvertible {
    var version: Int
    var front: String
    var back: String
    var testDescription: String { "protocol \(version)" }
  }

  static let written = [
    Written(
      version: 2,
      front: """
        gAJ9cQAoWAQAAABkYXRhcQFjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sA\
        hXEEY19jb2RlY3MKZW5jb2RlCnEFWAEAAABicQZYBgAAAGxhdGluMXEHhnEIUnEJh3EKUnELKEsBSwFNAAyGcQxjbnVtcHkKZHR5\
        cGUKcQ1YAgAAAHUxcQ6JiIdxD1JxEChLA1gBAAAAfHERTk5OSv////9K/////0sAdHESYoloBVgADAAA
        """,
      back: """
        cRNoB4ZxFFJxFXRxFmJYBgAAAGxhYmVsc3EXXXEYSwNhaAVYCQAAAGZpbGVuYW1lc3EZaAeGcRpScRtdcRxYBQAAAHgucG5ncR1h\
        WAsAAABiYXRjaF9sYWJlbHEeWAMAAABvbmVxH3Uu
        """),
    Written(
      version: 3,
      front: """
        gAN9cQAoWAQAAABkYXRhcQFjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sA\
        hXEEQwFicQWHcQZScQcoSwFLAU0ADIZxCGNudW1weQpkdHlwZQpxCVgCAAAAdTFxComIh3ELUnEMKEsDWAEAAAB8cQ1OTk5K////\
        /0r/////SwB0cQ5iiUIADAAA
        """,
      back: """
        cQ90cRBiWAYAAABsYWJlbHNxEV1xEksDYUMJZmlsZW5hbWVzcRNdcRRYBQAAAHgucG5ncRVhWAsAAABiYXRjaF9sYWJlbHEWWAMA\
        AABvbmVxF3Uu
        """),
    Written(
      version: 4,
      front: """
        gASV0wwAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAU0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIADAAA
        """,
      back: """
        lHSUYowGbGFiZWxzlF2USwNhQwlmaWxlbmFtZXOUXZSMBXgucG5nlGGMC2JhdGNoX2xhYmVslIwDb25llHUu
        """),
    Written(
      version: 5,
      front: """
        gAWVuwwAAAAAAAB9lCiMBGRhdGGUjBNudW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QolgAMAAAAAAAA
        """,
      back: """
        lIwFbnVtcHmUjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYksBTQAMhpSMAUOUdJRSlIwGbGFi\
        ZWxzlF2USwNhQwlmaWxlbmFtZXOUXZSMBXgucG5nlGGMC2JhdGNoX2xhYmVslIwDb25llHUu
        """),
  ]

  private func pickle(_ test: Written, data: [UInt8] = [UInt8](repeating: 0, count: 3072)) throws -> [UInt8] {
    try [UInt8](#require(Data(base64Encoded: test.front))) + data + [UInt8](#require(Data(base64Encoded: test.back)))
  }

  private func failure(_ batch: [UInt8]) -> DataError? {
    DatasetsTests.failure(of: tar([TestMember("c/data_batch_1", batch)]))
  }

  @Test(arguments: written) func `reads what Python writes`(_ test: Written) throws {
    let samples = try read(tar([TestMember("c/data_batch_1", try pickle(test))]))
    let black = Pixels(height: 32, width: 32, channels: 3, bytes: [UInt8](repeating: 0, count: 3072))
    #expect(samples == [Sample(key: "000000000", content: .pixels(black), label: 3)])
  }

  @Test(arguments: written) func `every cut is an error`(_ test: Written) throws {
    let whole = try pickle(test)
    for length in stride(from: 0, to: whole.count - 1, by: 37) {
      #expect(failure(Array(whole.prefix(length)))?.fault == .badInput, "cut at \(length)")
    }
  }

  /// `cos\nsystem\n(U\u{4}true` and so on: what an attacker writes.
  @Test func `runs nothing`() {
    let attack = Array("\u{80}\u{2}cos\nsystem\n(U\u{9}touch /tmptR.".unicodeScalars.map { UInt8($0.value) })
    #expect(
      failure(attack)?.description
        == "test: c/data_batch_1: a pickle that uses os.system; only the arrays, lists and strings of CIFAR's python version"
        + " are read")
    let builtin = Array("\u{80}\u{2}c__builtin__\neval\nU\u{3}1+1\u{85}R.".unicodeScalars.map { UInt8($0.value) })
    #expect(failure(builtin)?.problem.contains("uses __builtin__.eval") == true)
    // INST and OBJ build objects without a global instruction.
    #expect(failure(Array("(ios\nsystem\n.".utf8))?.problem.contains("uses instruction 69") == true)
    #expect(failure([0x80, 2, 0x28, 0x6f, 0x2e])?.problem.contains("uses instruction 6f") == true)
  }

  /// Neither loops nor crashes on anything, whatever byte is changed.
  @Test func `survives any changed byte`() throws {
    let whole = try pickle(Self.written[0])
    let positions = Array(0..<250) + Array((whole.count - 150)..<whole.count)
    for position in positions {
      for value: UInt8 in [0x28, 0xff] {
        var damaged = whole
        damaged[position] = value
        if let error = failure(damaged) { #expect(error.fault == .badInput) }
      }
    }
  }

  @Test func `a batch that occurs twice is an error`() throws {
    let batch = TestMember("c/data_batch_1", try pickle(Self.written[1]))
    for other in [TestMember("c/test_batch", batch.bytes), TestMember("c/data_batch_2", batch.bytes)] {
      #expect(
        DatasetsTests.failure(of: tar([batch, other, batch]))?.description
          == "test: c/data_batch_1: the file occurs twice; pack the archive again")
    }
    let test = TestMember("c/test_batch", batch.bytes)
    #expect(
      DatasetsTests.failure(of: tar([test, batch, test]))?.description
        == "test: c/test_batch: the file occurs twice; pack the archive again")
  }

  @Test func `batches that are missing are named`() throws {
    var lines: [String] = []
    let archive = tar([TestMember("c/data_batch_3", try pickle(Self.written[1]))])
    _ = try all(openDataset(from: ByteSource(bytes: archive, name: "x"), log: { lines.append($0) }))
    #expect(
      lines.last
        == "x: data_batch_1, data_batch_2, data_batch_4, data_batch_5, test_batch are not in it; what is there was read"
    )
  }

  @Test func `a batch without labels and one with too many are errors`() throws {
    let five = try pickle(Self.written[1])
    let text = Array("labels".utf8)
    let at = try #require((0..<(five.count - 6)).first { Array(five[$0..<($0 + 6)]) == text })
    var renamed = five
    renamed[at] = UInt8(ascii: "x")
    #expect(failure(renamed)?.problem == "images without labels: no “labels” or “fine_labels” in it")
  }
}
