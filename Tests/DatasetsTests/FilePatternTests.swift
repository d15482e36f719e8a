import Testing

@testable import Datasets

@Suite struct FilePatternTests {
  @Test(arguments: [
    ("{label}_*", "recordings/7_jackson_32.wav", ["7"]),
    ("{label}_*", "7.wav", []),
    ("*_{label}", "a/clip_01_left.flac", ["left"]),
    ("*_{label}.wav", "a/clip_01_left.wav", ["left"]),
    ("*_{label}.wav", "a/clip_01_left.flac", []),
    ("*_{label}_*", "7_jackson_32.wav", ["jackson"]),
    ("*_{label}_*", "a_b_c_d.wav", ["b", "c"]),
    ("{label}/*", "speaker/left/1.wav", ["left"]),
    ("*/{label}/*", "speaker/left/1.wav", ["left"]),
    ("*/{label}/*", "left/1.wav", []),
    ("[0-9]-{label}", "3-ja.wav", ["ja"]),
    ("[!0-9]-{label}", "3-ja.wav", []),
    ("x?{label}", "x.y.wav", []),
    ("{label}", "a/left.wav", ["left"]),
    ("{label}_[0-9]*", "american_pit_bull_terrier_12.jpg", ["american_pit_bull_terrier"]),
    ("{label}_[0-9]*", "cat_1_2.jpg", ["cat"]), ("{label}_[0-9]*", "cat_a.jpg", []),
    ("*_{label}_[0-9]*", "x_cat_1.jpg", ["cat"]),
    ("été_{label}", "été_ñandú.wav", ["ñandú"]),
  ]) func `a label is the text between its neighbours`(pattern: String, path: String, labels: [String]) throws {
    if pattern == "x?{label}" {
      #expect(throws: FilePattern.Malformed.self) { try FilePattern(pattern) }
      return
    }
    #expect(try FilePattern(pattern).labels(in: path) == labels)
  }

  @Test(arguments: [
    ("*_[0-4].wav", "r/7_jackson_3.wav", true), ("*_[0-4].wav", "r/7_jackson_32.wav", false),
    ("*_[0-4]", "r/7_jackson_3.wav", true), ("*_[0-4]", "r/7_jackson_5.wav", false),
    ("test/*", "a/test/b.wav", true), ("test/*", "a/test/c/b.wav", false), ("*", "b.wav", true),
    ("?.wav", "b.wav", true), ("?.wav", "bb.wav", false), ("a*b*c", "aXXbYYc.wav", true),
    ("a*b*c", "aXXcYYb.wav", false),
  ]) func `a pattern fits the whole name`(pattern: String, path: String, fits: Bool) throws {
    #expect(try FilePattern(pattern).fits(path) == fits)
  }

  @Test(arguments: ["", "[a", "[]", "[!]", "[9-0]", "{label}_{label}", "*{label}", "{label}?", "{label}[0-9]"])
  func `what says not where a label ends is no pattern`(text: String) {
    #expect(throws: FilePattern.Malformed.self) { try FilePattern(text) }
  }

  @Test(arguments: [
    ("{label}_*", "american", "american_bulldog_1.jpg", true), ("{label}_*", "beagle", "beagle_1.jpg", false),
    ("{label}_*", "beagle", "beagle_1_a.jpg", false), ("{label}_*", "7", "7_jackson_32.wav", false),
    ("{label}_[0-9]*", "beagle", "beagle_1.jpg", false), ("{label}/*", "cat", "cat/a_b.jpg", false),
    ("{label}.*", "cat", "cat.photo.1.jpg", true), ("*_{label}_*", "dog", "a_dog_b_1.jpg", true),
  ]) func `words behind a label may belong to it`(pattern: String, label: String, path: String, may: Bool) throws {
    #expect(try FilePattern(pattern).mayGoOn(after: label, in: path) == may)
  }

  @Test func `many stars take no long time`() throws {
    let pattern = try FilePattern(String(repeating: "*a", count: 60) + "_{label}")
    #expect(pattern.labels(in: String(repeating: "a", count: 250)).isEmpty)
  }
}
