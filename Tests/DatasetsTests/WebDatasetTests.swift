import Datasets
import Foundation
import Testing

/// WebDataset archives as people write them: keys, fields, labels and shards of all kinds.
@Suite struct WebDatasetTests {
  private let png = encodePNG(Pixels(height: 2, width: 2, channels: 1, bytes: [1, 2, 3, 4]))

  private func sample(_ key: String, _ label: String, image: String = "png", field: String = "cls") -> [TestMember] {
    [TestMember("\(key).\(image)", png), TestMember("\(key).\(field)", text: label)]
  }

  private final class Log { var lines: [String] = [] }

  private func opened(
    _ members: [TestMember], imageFields: [String] = [], labelField: [String] = []
  ) throws -> (source: any SampleSource, samples: [Sample], notes: [String]) {
    let log = Log()
    var options = ReadOptions()
    options.imageFields = imageFields
    options.labelField = labelField
    let source = try openDataset(
      from: ByteSource(bytes: tar(members), name: "test"), options: options, log: { log.lines.append($0) })
    return (source, try all(source), log.lines.dropFirst().map { $0.replacing("test: ", with: "", maxReplacements: 1) })
  }

  private func problem(_ members: [TestMember], imageFields: [String] = [], labelField: [String] = []) -> String? {
    do { _ = try opened(members, imageFields: imageFields, labelField: labelField) } catch {
      return (error as? DataError)?.description
    }
    return nil
  }

  private func json(_ sample: Sample) throws -> [String: String] {
    try JSONDecoder().decode([String: String].self, from: Data(try #require(sample.metadata)))
  }

  // MARK: Keys

  @Test func `every sample has a key of its own and its old one in json`() throws {
    let (_, samples, notes) = try opened(
      sample("a/b_1", "0") + sample("a_b/1", "1") + sample("写真", "1") + sample("声音", "0")
        + [TestMember("c.png", png), TestMember("c.cls", text: "0"), TestMember("c.json", text: #"{"x": "y\"z"}"#)])
    #expect(samples.map(\.key) == ["a_b_1", "a_b_1-2", "k__", "k__-2", "c"])
    #expect(samples.map(\.label) == [0, 1, 1, 0, 0])
    #expect(try samples.map { try json($0)["__key__"] } == ["a/b_1", "a_b/1", "写真", "声音", "c"])
    #expect(try json(samples[4]) == ["__key__": "c", "x": "y\"z"])
    #expect(notes.contains("keys had to change; each sample's own is in its json, as __key__"))
    let long = String(repeating: "a", count: 60) + "/" + String(repeating: "b", count: 60)
    let odd = try opened(sample(long, "0") + sample(long + "c", "1") + sample("__a", "0") + sample("_a", "1")).samples
    #expect(
      odd.map(\.key) == [long, long + "c"].map { String($0.suffix(80).replacing("/", with: "_")) } + ["k__a", "_a"])
    #expect(try odd.map { try json($0)["__key__"] } == [long, long + "c", "__a", "_a"])
    // Keys that every reader takes stay, and nothing is added.
    #expect(try opened(sample("a", "0") + sample("b-1", "0")).samples.map(\.metadata) == [nil, nil])
  }

  @Test(arguments: ["", "{bad", "{}\0"]) func `metadata that are not JSON make a bad sample`(text: String) throws {
    let members =
      sample("a", "0") + [TestMember("a.json", text: text)] + sample("b", "1") + [TestMember("b.json", text: "{}")]
    #expect(problem(members)?.contains("its json is not a JSON document") == true)
    let source = try openDataset(
      from: ByteSource(bytes: tar(members), name: "test"), options: ReadOptions(onBadSample: .skip()))
    #expect(try all(source).map(\.key) == ["b"])
  }

  @Test func `shards that share keys give them their names`() throws {
    let folder = try TemporaryFolder()
    for shard in 0..<2 {
      try folder.write("s-\(shard).tar", tar(sample("x", "\(shard)") + sample("y", "\(shard)")))
    }
    let samples = try all(openDataset([.file(folder.path)]))
    #expect(samples.map(\.key) == ["s-0-x", "s-0-y", "s-1-x", "s-1-y"])
    #expect(samples.map(\.label) == [0, 0, 1, 1])
    // One after another in a pipe, they are one archive.
    let both = try read(tar(sample("x", "0") + sample("y", "0")) + tar(sample("x", "1") + sample("y", "1")))
    #expect(both.map(\.key) == ["x", "y", "x-2", "y-2"])
    #expect(both.map(\.label) == [0, 0, 1, 1])
  }

  @Test func `shards that are surveyed at the same time say what they say one after another`() throws {
    let folder = try TemporaryFolder()
    let shards = [
      sample("x", "cat") + [TestMember("README.md")], sample("x", "eel") + sample("1/y", "dog"),
      [TestMember("b.txt"), TestMember("c")],
      sample("z", "cat", image: "npy").map { $0.path == "z.cls" ? $0 : TestMember("z.png", Self.wide) },
      [TestMember("classes.txt", text: "dog\neel\ncat")] + sample("x", "dog") + sample("w", "eel") + sample("x", "cat"),
    ]
    for (index, members) in shards.enumerated() { try folder.write("\(index)/s-\(index).tar", tar(members)) }
    func result(_ path: (Int) -> String) throws -> (info: DatasetInfo, samples: [Sample], notes: [String]) {
      let log = Log()
      let source = try openDataset(
        shards.indices.map { .file("\(folder.path)/\(path($0))") }, log: { log.lines.append($0) })
      return (source.info, try all(source), log.lines.map { $0.replacing(#/^[^ ]*: /#, with: "") })
    }
    let together = try result { "\($0)/s-\($0).tar" }
    // Folders are read one after another.
    let inTurn = try result { "\($0)" }
    #expect(together.samples == inTurn.samples)
    #expect(together.notes == inTurn.notes)
    #expect(together.info.classNames == ["dog", "eel", "cat"] && inTurn.info.classNames == together.info.classNames)
    #expect(together.info.countPerClass == [2, 2, 3] && inTurn.info.countPerClass == [2, 2, 3])
    #expect(together.info.shape == nil && inTurn.info.shape == nil)
    #expect(together.samples.map(\.key) == ["s-0-x", "s-1-x", "s-1-1_y", "s-3-z", "s-4-x", "s-4-w", "s-4-x-2"])
    for note in [
      "2 files that belong to no sample were skipped, such as README.md",
      "its shards have keys in common, so all keys begin with the name of the shard",
      "1 sample under keys that were there before got a number behind the key",
      "the labels are names, in the order of classes.txt",
    ] {
      #expect(together.notes.contains(note), "\(together.notes)")
    }
  }

  private static let wide = encodePNG(Pixels(height: 2, width: 3, channels: 1, bytes: [1, 2, 3, 4, 5, 6]))

  @Test func `of several faulty shards the first is told of, whichever is read first`() throws {
    let folder = try TemporaryFolder()
    let whole = (0..<40).flatMap { sample("\($0)", "\($0 % 3)") }
    for index in 0..<6 {
      // The later a shard, the sooner its fault is met.
      try folder.write("s-\(index).tar", Array(tar(whole).prefix(index < 2 ? .max : 40_000 - 5000 * index)))
    }
    let error = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(error?.place.first?.hasSuffix("s-2.tar") == true, "\(String(describing: error))")
    // Each is sound in itself, but not beside the others.
    for index in 0..<6 { try folder.write("t/s-\(index).tar", tar(sample("\(index)", index < 3 ? "1" : "cat"))) }
    let mixed = #expect(throws: DataError.self) { try openDataset([.file("\(folder.path)/t")]) }
    #expect(mixed?.problem == "some labels are numbers and others names: see 0.cls")
    #expect(mixed?.place.first?.hasSuffix("s-3.tar") == true)
  }

  @Test func `keys with dots end at the last one where that alone makes samples`() throws {
    let (_, samples, notes) = try opened((0..<3).flatMap { sample("v1.5_\($0)", "\($0 % 2)") })
    #expect(samples.map(\.label) == [0, 1, 0])
    #expect(samples.map(\.key) == ["v1_5_0", "v1_5_1", "v1_5_2"])
    #expect(notes.contains("keys hold dots, so the last dot of a name ends its key"))
    // Fields with a dot more belong to the sample, as the convention says.
    let masks = try opened(
      (0..<2).flatMap {
        [TestMember("\($0).jpg", jpeg), TestMember("\($0).cls", text: "1"), TestMember("\($0).mask.png", png)]
      })
    #expect(masks.samples.map(\.key) == ["0", "1"])
    #expect(masks.samples[0].extras.map(\.name) == ["mask.png"])
    // Two crops of each sample could be samples, or fields.
    #expect(
      problem((0..<3).flatMap { n in ["a", "b"].flatMap { sample("\(n).\($0)", "1") } })
        == "test: the images may be the field a.png or b.png; choose with --image-field")
  }

  private let jpeg: [UInt8] = {
    let member = try? Array(Data(contentsOf: URL(fileURLWithPath: fixture("shapes-folder.tar.gz"))))
    let reader = try? ArchiveReader(ByteSource(bytes: member ?? [], name: ""))
    let members = reader.map { MemberReader($0) }
    while let next = try? members?.next() {
      if next.path.hasSuffix(".jpg"), let bytes = try? members?.readAll() { return bytes }
    }
    return []
  }()

  @Test func `files of no sample are skipped and members apart are refused`() throws {
    let (_, samples, notes) = try opened(
      [TestMember("README.md", text: "x"), TestMember("LICENSE.txt", text: "x")] + sample("a", "0") + sample("b", "1"))
    #expect(samples.map(\.label) == [0, 1])
    #expect(notes == ["2 files that belong to no sample were skipped, such as README.md"])
    #expect(
      problem([
        TestMember("0.png", png), TestMember("1.png", png), TestMember("0.cls", text: "0"),
        TestMember("1.cls", text: "0"),
      ])?
      .hasSuffix("pack the archive again with tar --sort=name") == true)
  }

  // MARK: Fields

  @Test func `fields of other names are found or chosen`() throws {
    let others = (0..<3).flatMap { sample("\($0)", "\($0 % 2)", image: "input.png", field: "output.cls") }
    let (_, samples, notes) = try opened(others)
    #expect(samples.map(\.label) == [0, 1, 0])
    #expect(notes == ["the field input.png is the image", "the field output.cls is the label"])
    let two = (0..<3).flatMap { sample("\($0)", "1", image: "left.png") + [TestMember("\($0).right.png", png)] }
    #expect(problem(two) == "test: the images may be the field left.png or right.png; choose with --image-field")
    #expect(try opened(two, imageFields: ["right.png"]).samples[0].extras.map(\.name) == ["left.png"])
    let labels = (0..<3).flatMap {
      [
        TestMember("\($0).png", png), TestMember("\($0).fine.cls", text: "7"),
        TestMember("\($0).coarse.cls", text: "2"),
      ]
    }
    #expect(problem(labels) == "test: the labels may be the field coarse.cls or fine.cls; choose with --label-field")
    #expect(try opened(labels, labelField: ["fine.cls"]).samples.map(\.label) == [7, 7, 7])
    // Either kind of image; the first that is named is taken where both are there.
    let either =
      [TestMember("0.png", png), TestMember("0.jpg", jpeg), TestMember("0.cls", text: "0")] + sample("1", "0")
    let chosen = try opened(either, imageFields: ["jpg", "png"]).samples
    #expect(chosen[0].content == .encoded(EncodedImage(format: .jpg, bytes: jpeg)))
    #expect(try chosen[1].pixels().height == 2)
    #expect(chosen[0].extras.map(\.name) == ["other.png"])
    #expect(
      problem(either)?.hasPrefix("test: 0: two images, png and jpg; one was expected; choose one with --image-field")
        == true)
  }

  @Test func `labels in json are found under their usual key or a named one`() throws {
    func archive(_ documents: [String]) -> [TestMember] {
      documents.enumerated().flatMap { [TestMember("\($0).json", text: $1), TestMember("\($0).png", png)] }
    }
    let (_, samples, notes) = try opened(archive([#"{"label": 1, "url": "x"}"#, #"{"url": "y", "label": 0}"#]))
    #expect(samples.map(\.label) == [1, 0])
    #expect(samples[0].metadata == Array(#"{"label": 1, "url": "x"}"#.utf8))
    #expect(notes == ["“label” in json is the label"])
    let named = try opened(archive([#"{"class": "dog"}"#, #"{"class": "cat"}"#]))
    #expect(named.source.info.classNames == ["cat", "dog"])
    #expect(named.samples.map(\.label) == [1, 0])
    #expect(
      try opened(archive([#"{"meta": {"id": 3}}"#]), labelField: ["json", "meta", "id"]).samples.map(\.label) == [3])
    #expect(
      problem(archive([#"{"class": 1, "target": 2}"#]), imageFields: ["png"])
        == "test: the label may be class or target in json; name the label with --label-field json:KEY")
    #expect(problem(archive([#"{"label": 1}"#, #"{"label": true}"#]))?.contains("the label “true” is neither") == true)
    #expect(problem(archive([#"{"label": 1}"#, #"{"other": 1}"#]))?.contains("there is no “label” in it") == true)
    // A label of its own comes before what json says.
    #expect(try opened(sample("0", "2") + [TestMember("0.json", text: #"{"label": 1}"#)]).samples.map(\.label) == [2])
  }

  @Test func `json beside images in class folders that says something else is refused with both readings`() throws {
    func members(_ labels: [String]) -> [TestMember] {
      ["ant/0", "bee/1"].enumerated().flatMap { index, key in
        [TestMember("\(key).png", png), TestMember("\(key).json", text: #"{"id": 0, "class": "\#(labels[index])"}"#)]
      }
    }
    let photos = members(["photo", "photo"])
    #expect(
      problem(photos)
        == "test: it can be read in two ways: the classes may be its folders ant, bee, or what “class” says in the json beside each "
        + "image, such as photo; choose the folders with --layout image-folder, or the json with --layout webdataset")
    #expect(try read(tar(photos), ReadOptions(layout: .imageFolder)).map(\.label) == [0, 1])
    #expect(try read(tar(photos), ReadOptions(layout: .webDataset)).map(\.label) == [0, 0])
    #expect(try opened(photos, labelField: ["json", "class"]).samples.map(\.label) == [0, 0])
    // One label for each folder leaves no doubt.
    #expect(try opened(members(["Biene", "Ameise"])).samples.map(\.label) == [1, 0])
    let flat = members(["x", "y"]).map { TestMember("train/\($0.path.split(separator: "/")[1])", $0.bytes) }
    #expect(try opened(flat).samples.count == 2)
  }

  // MARK: Classes

  @Test func `labels that are names are sorted or follow the dataset's list`() throws {
    let members = sample("0", "dog\n") + sample("1", "cat") + sample("2", "dog")
    let (source, samples, notes) = try opened(members)
    #expect(source.info.classNames == ["cat", "dog"])
    #expect(source.info.countPerClass == [1, 2])
    #expect(samples.map(\.label) == [1, 0, 1])
    #expect(notes == ["the labels are names; the classes are sorted by them"])
    let listed = try opened([TestMember("__dataset__/classes.txt", text: "dog\ncat\nowl\n")] + members)
    #expect(listed.source.info.classNames == ["dog", "cat", "owl"])
    #expect(listed.samples.map(\.label) == [0, 1, 0])
    #expect(
      problem([TestMember("classes.txt", text: "dog\nowl\n")] + members)?.contains(
        "the label “cat”, which classes.txt does not list") == true)
    let numbers = try opened(sample("0", "1") + [TestMember("classnames.txt", text: "0 a cat\n1 a dog\n")])
    #expect(numbers.source.info.classNames == ["a cat", "a dog"])
    #expect(numbers.notes.first == "the classes are named by classnames.txt")
    // Numbers in the lines say the order, and are no part of the names.
    for text in ["1 cat\n0 dog\n2 owl\n", "dog,0\nowl,2\ncat,1\n", "0: dog\n1: cat\n2: owl"] {
      #expect(
        try opened([TestMember("classes.txt", text: text)] + members).source.info.classNames == ["dog", "cat", "owl"])
    }
  }

  @Test func `a list that is none is left alone and two that differ are refused`() throws {
    let members = sample("0", "1")
    let empty = try opened([TestMember("classes.txt", text: "cat\n\ndog\n")] + members)
    #expect(empty.source.info.classNames == ["0", "1"])
    #expect(empty.notes.first == "classes.txt has empty or equal lines, so it is no list of classes")
    let both = [TestMember("a/classes.txt", text: "cat\ndog"), TestMember("b/classes.txt", text: "dog\ncat\n")]
    #expect(problem(both + members)?.contains("a/classes.txt and b/classes.txt list different classes") == true)
    #expect(
      try opened([both[0], TestMember("b/classes.txt", text: "cat\ndog\n")] + members).source.info.classNames == [
        "cat", "dog",
      ])
  }

  // MARK: Arrays

  @Test func `arrays of other types than bytes and floats are refused and channels behind come to the front`() throws {
    func archive(_ array: [UInt8]) -> [TestMember] { [TestMember("0.npy", array), TestMember("0.cls", text: "0")] }
    #expect(
      problem(archive(array(type: "<i8", shape: "(1, 1)", [7, 0, 0, 0, 0, 0, 0, 0])))?.contains(
        "an array of type <i8; bytes") == true)
    let levels = npyBytes(FloatArray(shape: [1, 1, 2], values: [3, 255]))
    #expect(
      problem(archive(levels))?.contains("the value 255.0; float images have 0 for black and 1 for white") == true)
    let behind = npyBytes(FloatArray(shape: [2, 2, 3], values: (0..<12).map { Float($0) / 12 }))
    let (source, samples, _) = try opened(archive(behind))
    #expect(source.info.shape == [3, 2, 2])
    let planes = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].map { Float($0) / 12 }
    #expect(samples[0].content == .floats(FloatArray(shape: [3, 2, 2], values: planes)))
  }

  // MARK: Shards

  @Test func `parts in one archive are told apart by the folders of their keys`() throws {
    let members = sample("d/train/0", "0") + sample("d/test/1", "2") + sample("d/train/2", "1")
    let train = try opened(members)
    #expect(train.samples.map(\.label) == [0, 1])
    #expect(train.source.info.classNames == ["0", "1", "2"])
    #expect(train.source.info.countPerClass == [1, 1, 0])
    #expect(try read(tar(members), ReadOptions(split: .test)).map(\.label) == [2])
    // A class may be called so.
    #expect(try opened(sample("train/0", "0") + sample("plane/1", "1")).samples.count == 2)
  }

  @Test func `a shard that is named after a split beside others without one is refused`() throws {
    let folder = try TemporaryFolder()
    let paths = try ["test-000.tar", "001.tar"].map { try folder.write($0, tar(sample($0.prefix(3).description, "0"))) }
    let error = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(error?.problem.hasSuffix("001.tar is not, so it may be of any") == true)
    #expect(try all(openDataset(paths.map { .file($0) })).count == 2)
  }

  @Test func `shards of several splits are told apart by their names or folders`() throws {
    let folder = try TemporaryFolder()
    for (index, split) in ["train", "test"].enumerated() {
      try folder.write("named/c-\(split)-000000.tar", tar(sample("\(split)0", "\(index)")))
      try folder.write("named/c-\(split)-000001.tar", tar(sample("\(split)1", "\(index)")))
      try folder.write("below/\(split)/0.tar", tar(sample("\(split)0", "\(index)") + sample("\(split)1", "\(index)")))
    }
    try folder.write("below/classnames.txt", Array("cat\ndog\n".utf8))
    for name in ["named", "below"] {
      for (index, split) in DatasetInfo.Split.allCases.enumerated() {
        let source = try openDataset([.file("\(folder.path)/\(name)")], options: ReadOptions(split: split))
        #expect(source.info.split == split)
        #expect(try all(source).map(\.key) == ["\(split.rawValue)0", "\(split.rawValue)1"])
        #expect(
          try all(openDataset([.file("\(folder.path)/\(name)")], options: ReadOptions(split: split))).map(\.label) == [
            index, index,
          ])
      }
    }
    #expect(try openDataset([.file("\(folder.path)/below")]).info.classNames == ["cat", "dog"])
    // Names have one order in all parts, also where one of these lacks a class.
    try folder.write("names/train-0.tar", tar(sample("0", "ant") + sample("1", "bee")))
    try folder.write("names/test-0.tar", tar(sample("0", "bee")))
    let test = try openDataset([.file("\(folder.path)/names")], options: ReadOptions(split: .test))
    #expect(test.info.classNames == ["ant", "bee"])
    #expect(test.info.countPerClass == [0, 1])
    #expect(try all(test).map(\.label) == [1])
    // Shards that were named one by one are read whatever split they are.
    let paths = try InputPattern.expanded("\(folder.path)/named/c-test-{000000..000001}.tar")
    let source = try openDataset(paths.map { .file($0) })
    #expect(source.info.split == .test)
    #expect(try all(source).count == 2)
  }

  @Test func `patterns stand for files and what is missing is named`() throws {
    let folder = try TemporaryFolder()
    for number in [8, 9, 10, 12] { try folder.write("s-\(String(format: "%03d", number)).tar", [1]) }
    func names(_ pattern: String) throws -> [String] {
      try InputPattern.expanded("\(folder.path)/\(pattern)").map { $0.replacing(folder.path + "/", with: "") }
    }
    #expect(try names("s-{008..010}.tar") == ["s-008.tar", "s-009.tar", "s-010.tar"])
    #expect(try names("s-*.tar") == ["s-008.tar", "s-009.tar", "s-010.tar", "s-012.tar"])
    #expect(try names("s-{012,008}.tar") == ["s-012.tar", "s-008.tar"])
    #expect(try names("s-00{8..9}.tar") == ["s-008.tar", "s-009.tar"])
    #expect(try names("plain.tar") == ["plain.tar"])
    #expect(try InputPattern.expanded("-") == ["-"])
    let error = #expect(throws: DataError.self) { try names("s-{008..013}.tar") }
    #expect(error?.fault == .noInput)
    #expect(error?.problem == "2 of 6 files are missing: s-011.tar, s-013.tar")
    #expect(#expect(throws: DataError.self) { try names("t-*.tar") }?.problem == "no file fits this pattern")
    // A file of that very name is no pattern.
    try folder.write("a[1].tar", [1])
    #expect(try names("a[1].tar") == ["a[1].tar"])
  }

  @Test func `two labels that differ are told of`() throws {
    func sample(_ key: String, _ label: Int, _ other: String) -> [TestMember] {
      self.sample(key, "\(label)") + [TestMember("\(key).json", text: #"{"label": \#(other)}"#)]
    }
    let (_, samples, notes) = try opened(sample("a", 1, "1") + sample("b", 0, "2"))
    #expect(samples.map(\.label) == [1, 0])
    #expect(
      notes.contains(
        "the label is the field cls, which is 0 in b.cls, though “label” in its json is 2; --label-field json:label reads that "
          + "one"))
    func isSilent(_ members: [TestMember], _ field: [String] = []) throws -> Bool {
      try !opened(members, labelField: field).notes.contains { $0.contains("though") }
    }
    #expect(try isSilent(sample("a", 1, "1") + sample("b", 0, "0")))
    #expect(try isSilent(sample("a", 1, "\"cat\"") + sample("b", 0, "\"dog\"")))
    #expect(try isSilent(sample("a", 1, "2"), ["cls"]))
  }
}
