import Datasets
import Testing

/// The fixtures hold the same drawings in different layouts, so the readers check one another: what one of them took from
/// planes, another takes from a PNG or a pickle.
@Suite struct LayoutTests {
  private let shapes = [
    "checker", "circle", "cross", "diagonal", "frame", "ring", "square", "stripes", "bars", "triangle",
  ]

  private func open(_ name: String, _ options: ReadOptions = ReadOptions()) throws -> any SampleSource {
    try openDataset([.file(fixture(name))], options: options)
  }

  private func pixels(_ samples: [Sample]) throws -> [Pixels] { try samples.map { try $0.pixels() } }

  @Test func `CIFAR-10 binary`() throws {
    let train = try open("shapes-cifar.tar.gz")
    #expect(train.info == DatasetInfo(name: "shapes-cifar", split: .train, classNames: shapes, shape: [3, 32, 32]))
    let samples = try all(train)
    #expect(samples.map(\.label) == (0..<200).map { $0 % 10 })
    #expect(samples.map(\.key).prefix(2) == ["000000000", "000000001"])
    #expect(Set(samples.map(\.key)).count == 200)
    #expect(try all(open("shapes-cifar.tar.gz", ReadOptions(split: .test))).count == 100)
  }

  @Test func `planes become interleaved pixels`() throws {
    let record: [UInt8] = [7] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 / 1024 * 80 + $0 % 1024 % 79) }
    let samples = try read(tar([TestMember("data_batch_1.bin", record)]))
    let pixels = try #require(samples.first).pixels()
    #expect(samples.map(\.label) == [7])
    for index in 0..<1024 {
      let expected = [0, 80, 160].map { UInt8($0 + index % 79) }
      #expect(Array(pixels.bytes[(3 * index)..<(3 * index + 3)]) == expected)
    }
  }

  @Test func `CIFAR published names stand in for missing ones`() throws {
    let record = [UInt8](repeating: 1, count: 3073)
    let source = try openDataset(from: ByteSource(bytes: tar([TestMember("data_batch_1.bin", record)]), name: "x.tar"))
    #expect(source.info.name == "cifar10")
    #expect(source.info.classNames[9] == "truck")
    let hundred = tar([TestMember("train.bin", record + [0])])
    let other = try openDataset(from: ByteSource(bytes: hundred, name: "x.tar"))
    #expect(other.info.name == "cifar100")
    #expect(other.info.classNames.count == 100)
    #expect(other.info.classNames.sorted() == other.info.classNames)
  }

  @Test func `CIFAR-100 takes the fine label`() throws {
    let source = try open("shapes-cifar100.tar.gz")
    #expect(source.info.classNames == shapes)
    #expect(try all(source) == Array(all(open("shapes-cifar.tar.gz")).prefix(30)))
  }

  @Test func `CIFAR pickle agrees with the binary`() throws {
    let binary = try all(open("shapes-cifar.tar.gz"))
    let source = try open("shapes-cifar-python.tar.gz")
    #expect(source.info.classNames == shapes)
    // Its second batch stands first in the archive.
    let order = binary[20..<40] + binary[0..<20]
    let samples = try all(source)
    #expect(samples.map(\.content) == order.map(\.content))
    #expect(samples.map(\.label) == order.map(\.label))
    #expect(try all(open("shapes-cifar-python.tar.gz", ReadOptions(split: .test))).count == 10)
  }

  @Test func `web dataset agrees with the binary`() throws {
    let binary = try all(open("shapes-cifar.tar.gz")).prefix(30)
    let source = try open("shapes-webdataset.tar")
    #expect(source.info.classNames == (0..<10).map(String.init))
    #expect(source.info.shape == [3, 32, 32])
    #expect(source.info.countPerClass == [Int](repeating: 3, count: 10))
    let samples = try all(source)
    #expect(try pixels(samples) == pixels(Array(binary)))
    #expect(samples.map(\.label) == binary.map(\.label))
    #expect(samples[3].key == "shape-0003")
    #expect(samples[3].extras == [Field(name: "txt", bytes: Array("a diagonal".utf8))])
  }

  @Test func `image folder agrees with the binary`() throws {
    let binary = try pixels(all(open("shapes-cifar.tar.gz")))
    let source = try open("shapes-folder.tar.gz")
    #expect(source.info.classNames == shapes.sorted())
    #expect(source.info.shape == [3, 32, 32])
    let samples = try all(source)
    #expect(samples.count == 40)
    for (index, sample) in samples.enumerated() {
      // Four of each class, the class's own number n stands at 10 n + class in the binary.
      let name = source.info.classNames[sample.label]
      let drawn = binary[10 * (index % 4) + (try #require(shapes.firstIndex(of: name)))]
      let found = try sample.pixels()
      let difference = zip(found.bytes, drawn.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      #expect(index % 2 == 0 ? found == drawn : difference / drawn.bytes.count < 10)
    }
    #expect(try all(open("shapes-folder.tar.gz", ReadOptions(split: .test))).count == 20)
  }

  @Test func `IDX agrees with itself in every form`() throws {
    let folder = try open("strokes-idx")
    #expect(folder.info.shape == [1, 28, 28])
    #expect(folder.info.classNames == (0..<10).map(String.init))
    #expect(folder.info.countPerClass == [Int](repeating: 20, count: 10))
    let samples = try all(folder)
    #expect(samples.count == 200)
    let pair = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"].map {
      Input.file(fixture("strokes-idx/\($0)"))
    }
    #expect(try all(openDataset(pair)) == samples)
    #expect(try all(openDataset(pair.reversed())) == samples)
    #expect(try openDataset(pair).info.name == "strokes-idx")
    #expect(try all(open("strokes-idx.tar")) == Array(samples.prefix(50)))
    let test = ["t10k-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"].map {
      Input.file(fixture("strokes-idx/\($0)"))
    }
    #expect(try openDataset(test).info.split == .test)
    #expect(try all(openDataset(test)) == all(open("strokes-idx", ReadOptions(split: .test))))
  }

  @Test func `npz agrees with IDX`() throws {
    let samples = try all(open("strokes-idx"))
    let source = try open("strokes.npz")
    #expect(source.info.countPerClass == [Int](repeating: 10, count: 10))
    #expect(try all(source) == Array(samples.prefix(100)))
    #expect(try all(open("strokes.npz", ReadOptions(split: .test))).count == 50)
  }

  @Test(arguments: [
    "shapes-cifar.tar.gz", "shapes-cifar100.tar.gz", "shapes-cifar-python.tar.gz", "shapes-folder.tar.gz",
    "shapes-webdataset.tar", "strokes-idx.tar", "strokes.npz",
  ])
  func `a pipe gives the same as a file`(_ name: String) throws {
    let file = try open(name, ReadOptions(name: "x"))
    let cat = try PipedFile(fixture(name))
    let piped = try openDataset(from: cat.source, options: ReadOptions(name: "x"))
    #expect(piped.info == file.info)
    #expect(try all(piped) == all(file))
  }

  @Test func `a pipe whose names come first is not spilled`() throws {
    let batch = (0..<40).flatMap { [UInt8($0 % 3)] + noise(3072, seed: $0) }
    let names = TestMember("batches.meta.txt", text: "a\nb\nc\n\n")
    let folder = try TemporaryFolder()
    let path = try folder.write("x.tar", tar([names, TestMember("data_batch_1.bin", batch)]))
    let cat = try PipedFile(path)
    let source = try openDataset(from: cat.source, options: ReadOptions(limits: Limits(maxSpillBytes: 0)))
    #expect(source.info.classNames == ["a", "b", "c"])
    #expect(try all(source).count == 40)
  }

  @Test func `the spill file is capped`() throws {
    let cat = try PipedFile(fixture("shapes-folder.tar.gz"))
    let error = #expect(throws: DataError.self) {
      try openDataset(from: cat.source, options: ReadOptions(limits: Limits(maxSpillBytes: 1000)))
    }
    #expect(error?.problem == "more than the 1,000 bytes that a pipe may hold of a dataset that is read twice")
  }

  @Test func `classes are filtered and indexed anew`() throws {
    let source = try open("shapes-cifar.tar.gz", ReadOptions(classes: ["triangle", "cross"]))
    #expect(source.info.classNames == ["cross", "triangle"])
    let samples = try all(source)
    #expect(samples.map(\.label) == (0..<40).map { $0 % 2 })
    let everything = try all(open("shapes-cifar.tar.gz"))
    #expect(samples[0].content == everything[2].content)
    #expect(samples[0].key == everything[2].key)
    #expect(try open("strokes-idx", ReadOptions(classes: ["3"])).info.countPerClass == [20])
  }

  @Test func `images are resized and cropped`() throws {
    let options = ReadOptions(resize: .exact(height: 20, width: 24), centerCrop: 16)
    let source = try open("shapes-folder.tar.gz", options)
    #expect(source.info.shape == [3, 16, 16])
    let plain = try all(open("shapes-folder.tar.gz"))
    for (sample, original) in zip(try all(source), plain) {
      let expected = centerCropped(resized(try original.pixels(), toHeight: 20, width: 24), side: 16)
      #expect(sample.content == .pixels(expected))
    }
    #expect(try open("strokes-idx", ReadOptions(resize: .shortSide(14))).info.shape == [1, 14, 14])
  }

  @Test func `encoded images pass untouched`() throws {
    let png = encodePNG(Pixels(height: 2, width: 3, channels: 1, bytes: [1, 2, 3, 4, 5, 6]))
    let samples = try read(tar([TestMember("a/x.png", png), TestMember("b/y.jpeg", png)]))
    #expect(
      samples.map(\.content) == [
        .encoded(EncodedImage(format: .png, bytes: png)), .encoded(EncodedImage(format: .png, bytes: png)),
      ])
  }

  @Test func `grey and colour in one dataset become colour`() throws {
    let grey = Pixels(height: 1, width: 2, channels: 1, bytes: [5, 9])
    let colour = Pixels(height: 1, width: 2, channels: 3, bytes: [1, 2, 3, 4, 5, 6])
    let archive = tar([TestMember("a/x.png", encodePNG(grey)), TestMember("b/y.png", encodePNG(colour))])
    for checks in [true, false] {
      let source = try openDataset(
        from: ByteSource(bytes: archive, name: "x"), options: ReadOptions(checksImages: checks))
      #expect(source.info.shape == [3, 1, 2])
      let samples = try all(source)
      #expect(samples[0].content == .pixels(Pixels(height: 1, width: 2, channels: 3, bytes: [5, 5, 5, 9, 9, 9])))
      #expect(samples[1].content == .encoded(EncodedImage(format: .png, bytes: encodePNG(colour))))
    }
  }

  @Test(arguments: [
    (["root/cats/1.png", "root/dogs/2.png"], ["cats", "dogs"]),
    (["cats/deep/1.png", "cats/2.png", "dogs/2.png"], ["cats", "dogs"]),
    (["a/b/only/1.png"], ["only"]),
    (["d/train/cats/1.png", "d/train/dogs/1.png", "d/val/cats/7.png"], ["cats", "dogs"]),
    (["train/b/1.png", "train/a/1.png", "test/c/1.png"], ["a", "b", "c"]),
    (["train/b/1.png", "train/B/1.png", "train/a/1.png"], ["B", "a", "b"]),
  ])
  func `finds the class folders`(_ paths: [String], _ classes: [String]) throws {
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [0]))
    let archive = tar(paths.map { TestMember($0, png) })
    let source = try openDataset(from: ByteSource(bytes: archive, name: "x"))
    #expect(source.info.classNames == classes)
    #expect(try all(source).count == paths.filter { !$0.contains("val/") && !$0.contains("test/") }.count)
  }

  @Test func `val stands in for a missing test split`() throws {
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [0]))
    let archive = tar(["train/a/1.png", "train/a/2.png", "val/a/3.png"].map { TestMember($0, png) })
    #expect(try read(archive, ReadOptions(split: .test)).count == 1)
  }

  @Test func `web dataset fields find their places`() throws {
    let floats = FloatArray(shape: [1, 1, 2], values: [0.25, 1.5])
    let soft = FloatArray(shape: [2], values: [0.9, 0.1])
    let png = encodePNG(Pixels(height: 1, width: 2, channels: 1, bytes: [64, 255]))
    let members = [
      TestMember("__pipe__/header", text: "{}"), TestMember("README", text: "no dot, no sample"),
      TestMember("d/x.1.cls", text: "1"), TestMember("d/x.npy", npyBytes(floats)), TestMember("d/x.png", png),
      TestMember("d/x.cls", text: " 0\n"), TestMember("d/x.soft.npy", npyBytes(soft)),
      TestMember("d/x.json", text: "{\"a\":1}"), TestMember("d/x.TXT", text: "hello"),
    ]
    let samples = try read(tar([TestMember("d/w.png", png), TestMember("d/w.cls", text: "1")] + members))
    #expect(samples.map(\.key) == ["d_w", "d_x"])
    #expect(samples[1].content == .floats(floats))
    #expect(samples[1].label == 0)
    #expect(samples[1].softLabel == soft.values)
    #expect(samples[1].metadata == Array("{\"__key__\":\"d/x\",\"a\":1}".utf8))
    #expect(samples[1].extras.map(\.name) == ["1.cls", "txt"])
  }

  @Test func `web datasets continue one another`() throws {
    let folder = try TemporaryFolder()
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [0]))
    for part in 0..<3 {
      let members = (0..<2).flatMap { index in
        [TestMember("\(part)\(index).png", png), TestMember("\(part)\(index).cls", text: "\(part)")]
      }
      try folder.write("x-\(part).tar.zst", tar(members, .zstd))
    }
    let keys = ["00", "01", "10", "11", "20", "21"]
    #expect(try all(openDataset([.file(folder.path)])).map(\.key) == keys)
    let files = (0..<3).map { Input.file("\(folder.path)/x-\($0).tar.zst") }
    let source = try openDataset(files)
    #expect(source.info.classNames == ["0", "1", "2"])
    #expect(try all(source).map(\.key) == keys)
  }

  @Test func `npz of floats and planes`() throws {
    let folder = try TemporaryFolder()
    let floats = FloatArray(shape: [1, 2, 2, 3], values: (0..<12).map { Float($0) / 12 })
    let path = try folder.write(
      "x.npz", zip([TestMember("images.npy", npyBytes(floats)), TestMember("labels.npy", int64Array([4]))]))
    let samples = try all(openDataset([.file(path)]))
    let levels = (0..<12).map { UInt8((Float($0) / 12 * 255).rounded(.toNearestOrEven)) }
    #expect(
      samples == [
        Sample(key: "000000000", content: .pixels(Pixels(height: 2, width: 2, channels: 3, bytes: levels)), label: 4)
      ])

    let bytes = array(type: "|u1", shape: "(1, 3, 2, 2)", (0..<12).map(UInt8.init))
    let planar = try folder.write(
      "y.npz", zip([TestMember("y_train.npy", int64Array([0])), TestMember("x_train.npy", bytes)]))
    #expect(
      try all(openDataset([.file(planar)])).first?.content
        == .pixels(Pixels(height: 2, width: 2, channels: 3, bytes: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])))
  }

  @Test func `a folder with one array archive is that archive`() throws {
    let folder = try TemporaryFolder()
    try folder.write("strokes.npz", try bytes(ofFixture: "strokes.npz"))
    #expect(try all(openDataset([.file(folder.path)])) == all(open("strokes.npz")))
  }

  @Test func `arrays inwebdatasets have a shape`() throws {
    func archive(_ array: [UInt8]) -> [UInt8] { tar([TestMember("a.npy", array), TestMember("a.cls", text: "0")]) }
    let floats = archive(npyBytes(FloatArray(shape: [3, 2, 4], values: [Float](repeating: 0.5, count: 24))))
    #expect(try openDataset(from: ByteSource(bytes: floats, name: "x")).info.shape == [3, 2, 4])
    for (shape, expected) in [("(2, 3)", [1, 2, 3]), ("(2, 1, 3)", [3, 2, 1]), ("(1, 3, 2)", [1, 3, 2])] {
      let bytes = archive(array(type: "|u1", shape: shape, [0, 1, 2, 3, 4, 5]))
      let source = try openDataset(from: ByteSource(bytes: bytes, name: "x"))
      #expect(source.info.shape == expected)
      let pixels = try #require(try source.next()).pixels()
      #expect(pixels.shape == [expected[1], expected[2], expected[0]])
      #expect(pixels.bytes == [0, 1, 2, 3, 4, 5])
    }
  }

  @Test func `a forced layout is taken at its word`() throws {
    let record = [UInt8](repeating: 2, count: 3073)
    let samples = try read(record + record, ReadOptions(layout: .cifar10Binary))
    #expect(samples.map(\.label) == [2, 2])
  }

  @Test func `the log says what was recognised`() throws {
    var lines: [String] = []
    _ = try openDataset([.file(fixture("strokes.npz"))], log: { lines.append($0) })
    #expect(lines == ["\(fixture("strokes.npz")): layout npz, train split, 10 classes"])
  }

  /// What the log says while a whole archive is read.
  private func notes(on archive: [UInt8], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    var lines: [String] = []
    let source = try openDataset(
      from: ByteSource(bytes: archive, name: "x"), options: options, log: { lines.append($0) })
    _ = try all(source)
    return Array(lines.dropFirst())
  }

  /// Members of CIFAR's binary version, one image each, in the order given.
  private func cifar(_ names: [String], classes: [String]? = nil) -> [UInt8] {
    let record = [UInt8](repeating: 0, count: names.contains("train.bin") ? 3074 : 3073)
    let meta = classes.map { [TestMember("batches.meta.txt", text: $0.joined(separator: "\n"))] } ?? []
    return tar(meta + names.map { TestMember("c/\($0)", record) })
  }

  @Test func `batches that a published archive lacks are named once all is read`() throws {
    let batches = (1...5).map { "data_batch_\($0).bin" }
    #expect(try notes(on: cifar(batches + ["test_batch.bin"])) == [])
    #expect(
      try notes(on: cifar(["data_batch_5.bin", "data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"]))
        == ["x: data_batch_3.bin, data_batch_4.bin are not in it; what is there was read"])
    #expect(try notes(on: cifar(batches)) == ["x: test_batch.bin is not in it; what is there was read"])
    #expect(try notes(on: cifar(["train.bin"])) == ["x: test.bin is not in it; what is there was read"])
    #expect(try notes(on: cifar(["train.bin", "test.bin"])) == [])
    let test = try notes(on: cifar(["data_batch_1.bin", "test_batch.bin"]), ReadOptions(split: .test))
    #expect(test.count == 1 && test[0].contains("data_batch_2.bin, data_batch_3.bin"))
    let bare = ReadOptions(layout: .cifar10Binary)
    #expect(try notes(on: [UInt8](repeating: 1, count: 3073), bare) == [])
  }

  @Test func `CIFAR files that were named one by one are of one part, and come once`() throws {
    let folder = try TemporaryFolder()
    let record = [UInt8](repeating: 1, count: 3073)
    let first = Input.file(try folder.write("data_batch_1.bin", record))
    let second = Input.file(try folder.write("data_batch_2.bin", record))
    let test = Input.file(try folder.write("test_batch.bin", record))
    let options = ReadOptions(layout: .cifar10Binary)
    #expect(try all(openDataset([first, second], options: options)).count == 2)
    let mixed = #expect(throws: DataError.self) { try openDataset([first, test], options: options) }
    #expect(mixed?.fault == .badInput && mixed?.problem.contains("not of the same part") == true)
    let twice = #expect(throws: DataError.self) { try all(openDataset([first, first], options: options)) }
    #expect(twice?.problem == "the file occurs twice")
  }

  /// Who packs pictures of their own in this format owes no particular number of batches, but none may be left out.
  @Test func `a set with names of its own lacks only what its numbers say`() throws {
    #expect(try notes(on: cifar(["data_batch_1.bin"], classes: ["a", "b"])) == [])
    #expect(
      try notes(on: cifar(["data_batch_1.bin", "data_batch_3.bin"], classes: ["a", "b"]))
        == ["x: data_batch_2.bin is not in it; what is there was read"])
  }

  @Test func `the test split of data without splits is refused to who asks for it and said to others`() throws {
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [0]))
    let image: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]
    let label: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 1, 0]
    let partless = [
      tar([TestMember("r/a/1.png", png), TestMember("r/b/1.png", png)]),
      tar([TestMember("s.png", png), TestMember("s.cls", text: "0")]),
      tar([TestMember("images-idx3-ubyte", image), TestMember("labels-idx1-ubyte", label)]),
      tar([
        TestMember("images.npy", array(type: "|u1", shape: "(1, 1, 1)", [200])),
        TestMember("labels.npy", int64Array([0])),
      ]),
    ]
    for archive in partless {
      #expect(try notes(on: archive) == [])
      #expect(try notes(on: archive, ReadOptions(split: .train, isSplitRequired: true)) == [])
      #expect(
        try notes(on: archive, ReadOptions(split: .test))
          == ["x: it has no train and test splits, so all of it is read as the test split"])
      let error = failure(of: archive, ReadOptions(split: .test, isSplitRequired: true))
      #expect(error?.fault == .badInput)
      #expect(
        error?.description
          == "test: it has no train and test splits, so there is no test split to read; leave out --split test to read all"
          + " of it")
    }
    #expect(try notes(on: bytes(ofFixture: "strokes-idx.tar"), ReadOptions(split: .test, isSplitRequired: true)) == [])
  }

  @Test func `a validation part of IDX files is neither train nor beside test`() throws {
    func part(_ name: String, _ label: UInt8) -> [TestMember] {
      [
        TestMember("\(name)images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]),
        TestMember("\(name)labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, label]),
      ]
    }
    for validation in ["validation-", "valid-", "my-dev-"] {
      let own = validation.hasPrefix("my") ? "my-" : ""
      let all = part(validation, 2) + part(own + "train-", 0) + part(own + "t10k-", 1)
      #expect(try read(tar(all)).map(\.label) == [0])
      #expect(try read(tar(all), ReadOptions(split: .test)).map(\.label) == [1])
      let note = "x: there is no test split; val is read"
      #expect(try !notes(on: tar(all), ReadOptions(split: .test)).contains(note))
      let without = Array(all.prefix(4))
      #expect(try read(tar(without), ReadOptions(split: .test)).map(\.label) == [2])
      #expect(try notes(on: tar(without), ReadOptions(split: .test)).contains(note))
    }
  }

  @Test func `files that are named are the other split only where nobody asked for one`() throws {
    let pair = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"].map {
      Input.file(fixture("strokes-idx/\($0)"))
    }
    #expect(try openDataset(pair).info.split == .test)
    let error = #expect(throws: DataError.self) {
      try openDataset(pair, options: ReadOptions(split: .train, isSplitRequired: true))
    }
    #expect(error?.problem == "there is no train split in it, only a test split")
  }

  /// Names that differ in their endings alone, or in what a key cannot hold, are still different samples.
  @Test func `every file of an ImageFolder is a sample that knows its file`() throws {
    let png = encodePNG(Pixels(height: 1, width: 1, channels: 1, bytes: [0]))
    let paths = ["cats/0.png", "cats/0.jpg", "cats/a b.png", "cats/a_b.png", "Über \"x\"/0.png"]
    let samples = try read(tar(paths.map { TestMember($0, png) }))
    #expect(samples.map(\.origin) == paths)
    #expect(Set(samples.map(\.key)).count == paths.count)
    let isValid = samples.allSatisfy { $0.key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } }
    #expect(isValid)
  }

  @Test func `a source stays ended`() throws {
    let source = try open("strokes.npz")
    _ = try all(source)
    #expect(try source.next() == nil)
    #expect(try source.next() == nil)
  }
}

/// An npy file of any type, version 1.0, put together by hand.
func array(type: String, shape: String, order: String = "False", _ bytes: [UInt8]) -> [UInt8] {
  let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + bytes
}

func int64Array(_ values: [Int]) -> [UInt8] {
  array(type: "<i8", shape: "(\(values.count),)", values.flatMap { value in withUnsafeBytes(of: value, Array.init) })
}
