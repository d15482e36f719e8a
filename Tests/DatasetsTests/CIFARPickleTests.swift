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
    var name = ""
    var front: String
    var back: String
    var testDescription: String { "\(name) protocol \(version)" }
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

  /// Labels 3 and 7 of two images as NumPy has them.
  static let numbered = [
    Written(
      version: 2, name: "an array",
      front: """
        gAJ9cQAoWAQAAABkYXRhcQFjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sA\
        hXEEY19jb2RlY3MKZW5jb2RlCnEFWAEAAABicQZYBgAAAGxhdGluMXEHhnEIUnEJh3EKUnELKEsBSwJNAAyGcQxjbnVtcHkKZHR5\
        cGUKcQ1YAgAAAHUxcQ6JiIdxD1JxEChLA1gBAAAAfHERTk5OSv////9K/////0sAdHESYoloBVgAGA==
        """,
      back: """
        AABxE2gHhnEUUnEVdHEWYlgGAAAAbGFiZWxzcRdoAmgDSwCFcRhoCYdxGVJxGihLAUsChXEbaA1YAgAAAGk4cRyJiIdxHVJxHihL\
        A1gBAAAAPHEfTk5OSv////9K/////0sAdHEgYoloBVgQAAAAAwAAAAAAAAAHAAAAAAAAAHEhaAeGcSJScSN0cSRidS4=
        """),
    Written(
      version: 5, name: "an array of bytes",
      front: """
        gAWVphgAAAAAAAB9lCiMBGRhdGGUjBNudW1weS5fY29yZS5udW1lcmljlIwLX2Zyb21idWZmZXKUk5QolgAY
        """,
      back: """
        AAAAAAAAlIwFbnVtcHmUjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYksCTQAMhpSMAUOUdJRS\
        lIwGbGFiZWxzlGgEKJYCAAAAAAAAAAMHlGgLSwKFlGgPdJRSlHUu
        """),
    Written(
      version: 2, name: "numbers",
      front: """
        gAJ9cQAoWAQAAABkYXRhcQFjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sA\
        hXEEY19jb2RlY3MKZW5jb2RlCnEFWAEAAABicQZYBgAAAGxhdGluMXEHhnEIUnEJh3EKUnELKEsBSwJNAAyGcQxjbnVtcHkKZHR5\
        cGUKcQ1YAgAAAHUxcQ6JiIdxD1JxEChLA1gBAAAAfHERTk5OSv////9K/////0sAdHESYoloBVgAGA==
        """,
      back: """
        AABxE2gHhnEUUnEVdHEWYlgGAAAAbGFiZWxzcRddcRgoY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnEZaA1YAgAAAGk4\
        cRqJiIdxG1JxHChLA1gBAAAAPHEdTk5OSv////9K/////0sAdHEeYmgFWAgAAAADAAAAAAAAAHEfaAeGcSBScSGGcSJScSNoGWgN\
        WAIAAABpNHEkiYiHcSVScSYoSwNoHU5OTkr/////Sv////9LAHRxJ2JoBVgEAAAABwAAAHEoaAeGcSlScSqGcStScSxldS4=
        """),
    Written(
      version: 4, name: "numbers",
      front: """
        gASVGBkAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAk0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIAGA==
        """,
      back: """
        AACUdJRijAZsYWJlbHOUXZQoaAKMBnNjYWxhcpSTlGgOjAJpOJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiQwgDAAAA\
        AAAAAJSGlFKUaBloDowCaTKUiYiHlFKUKEsDaB1OTk5K/////0r/////SwB0lGJDAgcAlIaUUpRldS4=
        """),
  ]

  /// The same as nothing that labels are.
  static let refused = [
    Written(
      version: 4, name: "big-endian",
      front: """
        gASV7RgAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAk0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIAGA==
        """,
      back: """
        AACUdJRijAZsYWJlbHOUaARoB0sAhZRoCYeUUpQoSwFLAoWUaA6MAmk0lImIh5RSlChLA4wBPpROTk5K/////0r/////SwB0lGKJ\
        QwgAAAADAAAAB5R0lGJ1Lg==
        """),
    Written(
      version: 4, name: "fractions",
      front: """
        gASV9RgAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAk0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIAGA==
        """,
      back: """
        AACUdJRijAZsYWJlbHOUaARoB0sAhZRoCYeUUpQoSwFLAoWUaA6MAmY4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGKJ\
        QxAAAAAAAAAIQAAAAAAAABxAlHSUYnUu
        """),
    Written(
      version: 4, name: "two axes",
      front: """
        gASV9xgAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAk0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIAGA==
        """,
      back: """
        AACUdJRijAZsYWJlbHOUaARoB0sAhZRoCYeUUpQoSwFLAksBhpRoDowCaTiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSU\
        YolDEAMAAAAAAAAABwAAAAAAAACUdJRidS4=
        """),
    Written(
      version: 4, name: "a fraction",
      front: """
        gASVHhkAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25k\
        YXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAk0ADIaUaAWMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAXyUTk5OSv////9K/////0sA\
        dJRiiUIAGA==
        """,
      back: """
        AACUdJRijAZsYWJlbHOUXZQoaAKMBnNjYWxhcpSTlGgOjAJmOJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiQwgAAAAA\
        AAAIQJSGlFKUaBloDowCaTiUiYiHlFKUKEsDaB1OTk5K/////0r/////SwB0lGJDCAcAAAAAAAAAlIaUUpRldS4=
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

  @Test(arguments: numbered) func `labels may be NumPy's numbers`(_ test: Written) throws {
    let batch = try pickle(test, data: [UInt8](repeating: 0, count: 2 * 3072))
    #expect(try read(tar([TestMember("c/data_batch_1", batch)])).map(\.label) == [3, 7])
  }

  @Test(arguments: refused) func `labels that are not whole numbers in a row are refused`(_ test: Written) throws {
    let error = failure(try pickle(test, data: [UInt8](repeating: 0, count: 2 * 3072)))
    #expect(error?.fault == .badInput)
    let problems = ["labels that are not a list of whole numbers", "a pickle that uses a number of the type f8"]
    #expect(problems.contains { error?.problem.hasPrefix($0) == true }, "\(error?.description ?? "read")")
  }

  /// More numbers than lists and tuples may be nested.
  @Test func `a whole batch may have NumPy's numbers`() throws {
    let count = 1100
    func little(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(value >> (8 * $0) & 0xff) } }
    // Memo 0: the function; memo 1: the type; then the dictionary, its array from a buffer, and its list.
    var batch = [0x80, 2] + Array("cnumpy.core.multiarray\nscalar\nq\u{0}0cnumpy\ndtype\nU\u{2}u1".utf8)
    batch += [0x85] + Array("Rq\u{1}0}U\u{4}datacnumpy.core.numeric\n_frombuffer\n(B".utf8) + little(count * 3072, 4)
    batch += [UInt8](repeating: 0, count: count * 3072) + Array("h\u{1}M".utf8) + little(count, 2)
    batch += Array("M".utf8) + little(3072, 2) + [0x86] + Array("U\u{1}CtRsU\u{6}labels](".utf8)
    for row in 0..<count { batch += Array("h\u{0}h\u{1}C\u{1}".utf8) + [UInt8(row % 10), 0x86] + Array("R".utf8) }
    batch += Array("es.".utf8)
    #expect(try read(tar([TestMember("c/data_batch_1", batch)])).map(\.label) == (0..<count).map { $0 % 10 })
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

  @Test func `an array whose size cannot be is an error`() throws {
    // 1 × 3,072 becomes 2^62 × 3,072: K\u{1}M\0\u{c} in protocol 5.
    let whole = try pickle(Self.written[3])
    let extents: [UInt8] = [0x4b, 1, 0x4d, 0, 0x0c]
    let at = try #require((0..<whole.count - 5).last { Array(whole[$0..<$0 + 5]) == extents })
    let huge: [UInt8] = [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x4d, 0, 0x0c]
    let error = failure(Array(whole[..<at]) + huge + Array(whole[(at + 5)...]))
    #expect(error?.problem == "no “data” of N×3,072 bytes in it")
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
