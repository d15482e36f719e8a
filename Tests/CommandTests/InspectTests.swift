import Foundation
import Testing

/// `pipe inspect` on raw data says what is in it before anything is made of it.
@Suite struct InspectTests {
  private func unpacked() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let made = try shell("mkdir d && tar xzf \(fixtures.path)/shapes-folder.tar.gz -C d", in: folder)
    try #require(made.status == 0, "\(made.text)")
    return folder
  }

  private func json(_ command: String, in folder: TemporaryFolder) throws -> [String: Any] {
    let outcome = try shell("\(command) 2> errors", in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.text.utf8)) as? [String: Any])
  }

  @Test func `counts are those of decode, from a folder, an archive and a pipe`() throws {
    let folder = try unpacked()
    for command in [
      "pipe inspect --json d", "pipe inspect --json \(fixtures.path)/shapes-folder.tar.gz",
      "pipe inspect --json - < \(fixtures.path)/shapes-folder.tar.gz",
      "cat \(fixtures.path)/shapes-folder.tar.gz | pipe inspect --json -",
    ] {
      let report = try json(command, in: folder)
      #expect(report["layout"] as? String == "image-folder")
      let classes = try #require(report["classes"] as? [String])
      #expect(classes == classes.sorted() && classes.count == 10)
      let splits = try #require(report["splits"] as? [[String: Any]])
      #expect(splits.map { $0["split"] as? String } == ["train", "test"])
      #expect(splits.map { $0["samples"] as? Int } == [40, 20])
      #expect(
        splits.map { $0["count_per_class"] as? [Int] } == [
          [Int](repeating: 4, count: 10), [Int](repeating: 2, count: 10),
        ])
      #expect(splits[0]["kinds"] as? [String: Int] == ["PNG RGB": 20, "JPEG RGB": 20])
      #expect(report["warnings"] as? [String] == [])
    }
    let text = try shell("pipe inspect d", in: folder).text
    #expect(text.contains("image-folder: it holds images, such as"))
    #expect(text.contains("parts         train 40, test 20"))
    #expect(text.contains("all of 32×32 (H×W)"))
  }

  @Test func `the same pixels in other formats are duplicates, and those of other sizes are none`() throws {
    let folder = try TemporaryFolder()
    // The same four grey pixels in one channel and in three; the last image has them in one row.
    let made = try shell(
      """
      mkdir -p d/train/a d/train/b d/test/a d/test/b
      printf 'P5 2 2 255\\n1234' > d/train/a/1.pgm
      printf 'P6 2 2 255\\n111222333444' > d/test/b/2.ppm
      printf 'P5 4 1 255\\n1234' > d/train/b/3.pgm
      printf 'P6 2 2 255\\n111222333445' > d/test/a/4.ppm
      """, in: folder)
    try #require(made.status == 0, "\(made.text)")
    let report = try json("pipe inspect --json d", in: folder)
    let duplicates = try #require(report["duplicates"] as? [[String: Any]])
    #expect(duplicates.count == 1)
    let samples = try #require(duplicates.first?["samples"] as? [[String: String]])
    #expect(samples.map { $0["class"] } == ["a", "b"])
    #expect(report["warnings"] as? [String] == ["1 image is both in train and in test", "1 image has several classes"])
  }

  @Test func `duplicates are found between train and test and between classes`() throws {
    let folder = try unpacked()
    _ = try shell(
      "cd d/shapes && one=$(ls train/bars/* | head -1) && cp $one test/bars/again.${one##*.} && cp $one train/cross/again.${one##*.}",
      in: folder)
    let report = try json("pipe inspect --json d", in: folder)
    let duplicates = try #require(report["duplicates"] as? [[String: Any]])
    #expect(duplicates.count == 1)
    #expect(duplicates[0]["cross_splits"] as? Bool == true)
    #expect(duplicates[0]["differ_in_class"] as? Bool == true)
    let samples = try #require(duplicates[0]["samples"] as? [[String: String]])
    #expect(samples.map { $0["split"] } == ["train", "train", "test"])
    #expect(samples.map { $0["class"] } == ["bars", "cross", "bars"])
    #expect(report["warnings"] as? [String] == ["1 image is both in train and in test", "1 image has several classes"])
  }

  @Test func `all bad samples are listed and nothing stops`() throws {
    let folder = try unpacked()
    _ = try shell(
      "cd d/shapes/train && for f in bars cross; do one=$(ls $f/*.png | head -1); head -c 60 $one > x; mv x $one; done; : > ring/none.jpg",
      in: folder)
    let report = try json("pipe inspect --json d", in: folder)
    let train = try #require((report["splits"] as? [[String: Any]])?.first)
    #expect(train["bad_count"] as? Int == 3)
    let places = (train["bad_samples"] as? [[String: String]])?.map { $0["place"] ?? "" } ?? []
    #expect(places.map { $0.split(separator: "/").dropFirst(2).joined(separator: "/") }.last == "ring/none.jpg")
    #expect(report["warnings"] as? [String] == ["3 samples in train cannot be read"])
  }

  @Test func `a class whose name has a line feed has one line in the table of a dataset`() throws {
    let folder = try TemporaryFolder()
    let outcome = try shell(
      """
      n=$(printf 'a\\nb  99'); mkdir -p "p/$n" p/c; tar xOf \(fixtures.path)/shapes-webdataset.tar --wildcards '*.png' --occurrence=1 > p/c/1.png
      cp p/c/1.png "p/$n/2.png"; pipe shard -q -i p -o set && pipe inspect set
      """, in: folder)
    #expect(outcome.status == 0 && outcome.text.contains(#"0 a\x0ab  99"#), "\(outcome.text)")
    #expect(!outcome.text.contains("\nb  99"), "\(outcome.text)")
  }

  @Test func `a doubt is a warning`() throws {
    let folder = try unpacked()
    _ = try shell("mkdir n && i=0; for c in d/shapes/train/*; do cp -r $c n/$((i * 2)); i=$((i + 1)); done", in: folder)
    let warnings = try #require(try json("pipe inspect --json n", in: folder)["warnings"] as? [String])
    #expect(warnings.count == 1 && warnings[0].contains("sorted as names, as torchvision does: 0, 10, 12"))
  }

  @Test func `every layout is looked at, and a refusal is that of decode`() throws {
    let folder = try TemporaryFolder()
    for (name, layout, samples) in [
      ("shapes-cifar.tar.gz", "cifar10-binary", 300), ("shapes-cifar-python.tar.gz", "cifar-pickle", 50),
      ("strokes-idx", "idx", 300), ("strokes.npz", "npz", 150), ("shapes-webdataset.tar", "webdataset", 30),
    ] {
      let report = try json("pipe inspect --json \(fixtures.path)/\(name)", in: folder)
      #expect(report["layout"] as? String == layout)
      let counts = (report["splits"] as? [[String: Any]])?.compactMap { $0["samples"] as? Int } ?? []
      #expect(counts.reduce(0, +) == samples, "\(name): \(counts)")
    }
    let refused = try shell("echo '<html>' > page && pipe inspect page", in: folder)
    #expect(refused.status == 65 && refused.text.contains("a web page"))
    let ignored = try shell(
      "pipe shard -q -i \(fixtures.path)/shapes-webdataset.tar -o s && pipe inspect s --label-column x", in: folder)
    #expect(ignored.status == 64, "\(ignored.text)")
  }
}
