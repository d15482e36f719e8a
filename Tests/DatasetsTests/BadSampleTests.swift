import Datasets
import Testing

/// Samples that cannot be read: all of them are found in one run, and left out where that is asked.
@Suite struct BadSampleTests {
  private let png = encodePNG(Pixels(height: 2, width: 2, channels: 1, bytes: [1, 2, 3, 4]))

  /// Three sound images of class a, one of b; four bad ones.
  private var members: [TestMember] {
    [
      TestMember("a/1.png", png), TestMember("a/2.png", Array(png.dropLast(15))), TestMember("a/3.png", png),
      TestMember("a/4.png", png), TestMember("b/1.png"), TestMember("b/2.png", text: "<html>gone</html>"),
      TestMember("b/3.png", png), TestMember("b/4.png", Array(png.prefix(20))),
    ]
  }

  private func source(
    _ policy: BadSamplePolicy, of members: [TestMember]? = nil, log: @escaping (String) -> Void = { _ in }
  ) throws -> any SampleSource {
    try openDataset(
      from: ByteSource(bytes: tar(members ?? self.members), name: "x"), options: ReadOptions(onBadSample: policy),
      log: log)
  }

  /// What a source says in the end.
  private func failure(_ source: any SampleSource) -> DataError? {
    #expect(throws: DataError.self) { while try source.next() != nil {} }
  }

  private let places = ["a/2.png", "b/1.png", "b/2.png", "b/4.png"]

  @Test func `all bad samples are listed in one run`() throws {
    let source = try source(.fail)
    let error = failure(source)
    #expect(error?.fault == .badInput)
    #expect(error?.badSamples?.count == 4)
    #expect(error?.badSamples?.samples.map(\.place) == places)
    #expect(error?.badSamples?.samples.map(\.key) == ["000000001", "000000004", "000000005", "000000007"])
    #expect(
      error?.description
        == "x: 4 of 8 samples cannot be read; the first is a/2.png: a damaged PNG image (the file ends in the middle of the "
        + "image); replace them, or leave them out with --on-bad-sample skip")
    #expect(failure(source) == error, "the same again")
    #expect(source.skipped == nil)
  }

  @Test func `a single one is told as it is`() throws {
    let error = failure(try source(.fail, of: [TestMember("a/1.png", png), TestMember("a/2.png")]))
    #expect(
      error?.description
        == "x: a/2.png: an empty file instead of an image; replace it, or leave it out with --on-bad-sample skip")
    #expect(error?.badSamples == nil)
  }

  @Test(arguments: [.skip(), .skip(limit: .count(4)), .skip(limit: .fraction(0.5))] as [BadSamplePolicy])
  func `they are left out where that is asked`(_ policy: BadSamplePolicy) throws {
    var notes: [String] = []
    let source = try source(policy, log: { notes.append($0) })
    var samples: [Sample] = []
    while let sample = try source.next() { samples.append(sample) }
    #expect(samples.map(\.key) == ["000000000", "000000002", "000000003", "000000006"])
    #expect(samples.map(\.label) == [0, 0, 0, 1])
    #expect(source.info.countPerClass == [3, 1], "of those that are left")
    #expect(source.skipped?.count == 4)
    #expect(source.skipped?.samples.map(\.place) == places)
    #expect(notes.contains("x: 4 of 8 samples cannot be read, and are left out"))
    #expect(notes.contains("left out b/1.png: an empty file instead of an image"))
  }

  @Test(arguments: [.skip(limit: .count(3)), .skip(limit: .fraction(0.49))] as [BadSamplePolicy])
  func `more than the limit are a failure, and are listed`(_ policy: BadSamplePolicy) throws {
    let error = failure(try source(policy))
    #expect(error?.badSamples?.samples.map(\.place) == places)
    #expect(error?.remedy == "replace some, or allow more of them with --max-bad")
  }

  @Test func `nothing but bad samples is a failure whatever is asked`() throws {
    let error = failure(try source(.skip(), of: [TestMember("a/1.png"), TestMember("b/1.png")]))
    #expect(error?.fault == .badInput)
    #expect(error?.problem.hasPrefix("2 of 2 samples cannot be read") == true)
  }

  @Test func `a class of which nothing is left keeps its number`() throws {
    let source = try source(
      .skip(), of: [TestMember("a/1.png"), TestMember("b/1.png", png), TestMember("c/1.png", png)])
    var labels: [Int] = []
    while let sample = try source.next() { labels.append(sample.label) }
    #expect(source.info.classNames == ["a", "b", "c"])
    #expect(labels == [1, 2])
    #expect(source.info.countPerClass == [0, 1, 1])
  }

  @Test func `the list has an end`() throws {
    let many = (0..<2500).map { TestMember("a/\($0).png") } + [TestMember("b/1.png", png)]
    let source = try source(.skip(), of: many)
    while try source.next() != nil {}
    #expect(source.skipped?.count == 2500)
    #expect(source.skipped?.samples.count == BadSamples.listLength)
    #expect(source.skipped?.samples.last?.place == "a/999.png", "the first ones, in order")
    #expect(source.skipped?.rest == "and 1,500 more, which are not listed")
  }

  @Test func `samples without image or label are bad samples`() throws {
    let members = [
      TestMember("0.png", png), TestMember("0.cls", text: "0"), TestMember("1.png", png),
      TestMember("2.cls", text: "1"),
      TestMember("3.png", png), TestMember("3.cls", text: "1"),
    ]
    let source = try source(.skip(), of: members)
    var keys: [String] = []
    while let sample = try source.next() { keys.append(sample.key) }
    #expect(keys == ["0", "3"])
    #expect(source.skipped?.samples.map(\.place) == ["1", "2"])
    #expect(source.skipped?.samples.first?.reason == "an image without a label: there are only png, but no cls")
    #expect(source.info.countPerClass == [1, 1])
  }

  @Test func `bad samples of WebDataset archives are found too`() throws {
    let members = (0..<4).flatMap { number in
      [
        TestMember("\(number).png", number == 2 ? Array(png.prefix(40)) : png),
        TestMember("\(number).cls", text: "\(number % 2)"),
      ]
    }
    let source = try source(.skip(), of: members)
    var keys: [String] = []
    while let sample = try source.next() { keys.append(sample.key) }
    #expect(keys == ["0", "1", "3"])
    #expect(source.info.countPerClass == [1, 2])
    #expect(source.skipped?.samples.map(\.key) == ["2"])
  }

  @Test func `labels that are none are bad samples of their own`() throws {
    func sample(_ key: String, _ label: String, _ json: String? = nil) -> [TestMember] {
      [TestMember("\(key).png", png), TestMember("\(key).cls", text: label)]
    }
    let members = sample("a", "0") + sample("b", "-1") + sample("c", "1") + sample("d", "3.7") + sample("e", "1")
    let error = failure(try source(.fail, of: members))
    #expect(
      error?.description
        == "x: 2 of 5 samples cannot be read; the first is b: cls: the label “-1” is neither a class index from 0 to "
        + "999,999 nor a class's name; replace them, or leave them out with --on-bad-sample skip")
    let kept = try source(.skip(), of: members)
    #expect(kept.info.countPerClass == [1, 2])
    #expect(try all(kept).map(\.key) == ["a", "c", "e"])
    #expect(kept.skipped?.samples.map(\.reason).count == 2)
    // Where no label is one, the labels are wrong and not the samples.
    #expect(throws: DataError.self) { try source(.skip(), of: sample("a", "-1") + sample("b", "-1")) }
  }
}
