import Testing

@testable import Datasets

/// Arrays, MATLAB files and archives as people have them: what is meant is read, and what is refused is called by its name.
@Suite struct ArrayReadingsTests {
  private final class Log { var lines: [String] = [] }

  private func subset(_ name: String, _ split: DatasetInfo.Split = .train) -> ReadOptions {
    var options = ReadOptions(split: split)
    options.subset = name
    return options
  }

  private func problem(_ body: () throws -> Void) -> DataError? {
    do {
      try body()
      return nil
    } catch { return error as? DataError }
  }

  private func bytes(of samples: [Sample]) throws -> [[UInt8]] { try samples.map { try $0.pixels().bytes } }

  private func images(_ level: UInt8) -> [UInt8] {
    array(type: "|u1", shape: "(1, 2, 2)", [UInt8](repeating: level, count: 4))
  }

  // MARK: Subsets

  @Test func `a subset is one of several folders of arrays`() throws {
    // As MNIST-C has them.
    func part(_ name: String, _ level: UInt8) -> [TestMember] {
      [
        TestMember("\(name)_images.npy", images(level)), TestMember("\(name)_labels.npy", int64Array([Int(level)])),
      ]
    }
    let members = part("fog/train", 1) + part("identity/train", 2) + part("identity/test", 0)
    let folder = try TemporaryFolder()
    for member in members { try folder.write("c/\(member.path)", member.bytes) }
    let input = [Input.file("\(folder.path)/c")]
    #expect(try all(openDataset(input, options: subset("fog"))).map(\.label) == [1])
    #expect(try bytes(of: all(openDataset(input, options: subset("identity")))) == [[2, 2, 2, 2]])
    #expect(try all(openDataset(input, options: subset("identity", .test))).map(\.label) == [0])
    #expect(try read(tar(members), subset("fog")).map(\.label) == [1])
    let none = problem { _ = try all(openDataset(input)) }
    #expect(none?.problem == "several datasets are in it: fog, identity")
    #expect(problem { _ = try all(openDataset(input, options: subset("snow"))) }?.remedy == "it holds fog, identity")
    // Fog has no test part, and that of another folder is not its own.
    #expect(problem { _ = try all(openDataset(input, options: subset("fog", .test))) }?.isMissingPart == true)
  }

  @Test func `images without a name of their own belong to each kind of labels`() throws {
    let members = [
      TestMember("x_train.npy", images(7)), TestMember("y_train_fine.npy", int64Array([3])),
      TestMember("y_train_coarse.npy", int64Array([1])),
    ]
    #expect(try read(tar(members), subset("fine")).map(\.label) == [3])
    #expect(try read(tar(members), subset("coarse")).map(\.label) == [1])
  }

  private func idx(_ prefix: String, _ label: UInt8) -> [TestMember] {
    [
      TestMember("\(prefix)train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, label]),
      TestMember("\(prefix)train-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, label]),
    ]
  }

  @Test func `a subset is a dataset before a folder, and a whole name before a word`() throws {
    let qmnist = tar(idx("QMNIST/raw/qmnist-", 1) + idx("QMNIST/raw/xnist-", 2))
    #expect(failure(of: qmnist)?.problem == "several datasets are in it: qmnist, xnist")
    #expect(try read(qmnist, subset("qmnist")).map(\.label) == [1])
    #expect(try read(qmnist, subset("QMNIST")).map(\.label) == [1])
    #expect(try read(qmnist, subset("xnist")).map(\.label) == [2])
    let root = tar(
      idx("data/MNIST/raw/", 3) + idx("data/EMNIST/raw/emnist-mnist-", 4) + idx("data/EMNIST/raw/emnist-letters-", 5))
    #expect(failure(of: root)?.problem == "several datasets are in it: MNIST, emnist-letters, emnist-mnist")
    for (name, label) in [("MNIST", 3), ("mnist", 3), ("emnist-mnist", 4), ("letters", 5)] {
      #expect(try read(root, subset(name)).map(\.label) == [label], "\(name)")
    }
    #expect(failure(of: root, subset("EMNIST"))?.problem == "several datasets are in it: emnist-letters, emnist-mnist")
  }

  // MARK: Arrays that were named one by one

  @Test func `the only array of images beside labels needs no name`() throws {
    let folder = try TemporaryFolder()
    let fog = try folder.write("fog.npy", array(type: "|u1", shape: "(2, 2, 1, 3)", [UInt8](0..<12)))
    let snow = try folder.write("snow.npy", array(type: "|u1", shape: "(2, 2, 1, 3)", [UInt8](0..<12)))
    let labels = try folder.write("labels.npy", int64Array([1, 0]))
    for inputs in [[fog, labels], [labels, fog]] {
      let source = try openDataset(inputs.map { .file($0) })
      #expect(source.info.name == "fog")
      let samples = try all(source)
      #expect(samples.map(\.label) == [1, 0])
      #expect(try bytes(of: samples) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    }
    let two = problem { _ = try openDataset([fog, snow, labels].map { .file($0) }) }
    #expect(two?.problem.hasPrefix("which array holds the images is not clear: it may be ") == true)
    // Where a name tells the images, other arrays are nothing.
    let named = try folder.write("images.npy", array(type: "|u1", shape: "(2, 1, 1)", [5, 6]))
    #expect(try bytes(of: all(openDataset([named, fog, labels].map { .file($0) }))) == [[5], [6]])
    let alone = problem { _ = try openDataset([labels, labels].map { .file($0) }) }
    #expect(alone != nil)
    // Fewer labels than images are no pair.
    let few = try folder.write("few/labels.npy", int64Array([1]))
    #expect(
      problem { _ = try openDataset([fog, few].map { .file($0) }) }?.problem.hasPrefix("2 images but 1 label") == true)
  }

  // MARK: MATLAB files

  /// A MATLAB file of version 5 with arrays of bytes.
  private func mat(_ arrays: [(name: String, extents: [Int], data: [UInt8])]) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    func element(_ type: Int, _ data: [UInt8]) -> [UInt8] {
      word(type) + word(data.count) + data + [UInt8](repeating: 0, count: (8 - data.count % 8) % 8)
    }
    let text = Array("MATLAB 5.0 MAT-file".utf8)
    var file = text + [UInt8](repeating: 0x20, count: 124 - text.count) + [0x00, 0x01, 0x49, 0x4d]
    for (name, extents, data) in arrays {
      let flags = element(6, word(9) + word(0))
      let shape = element(5, extents.flatMap(word))
      file += element(14, flags + shape + element(1, Array(name.utf8)) + element(2, data))
    }
    return file
  }

  /// Cropped digits, all of one level.
  private func digits(_ level: UInt8, labels: [UInt8]) -> [UInt8] {
    mat([
      ("X", [32, 32, 3, labels.count], [UInt8](repeating: level, count: 3072 * labels.count)),
      ("y", [labels.count, 1], labels),
    ])
  }

  @Test func `the additional images of SVHN are read where they are named`() throws {
    let folder = try TemporaryFolder()
    let train = try folder.write("train_32x32.mat", digits(1, labels: [10, 1]))
    let extra = try folder.write("extra_32x32.mat", digits(2, labels: [2, 3, 4]))
    let test = try folder.write("test_32x32.mat", digits(3, labels: [9]))
    let both = try openDataset([train, extra].map { .file($0) })
    #expect(both.info.split == .train && both.info.countPerClass == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    let samples = try all(both)
    #expect(samples.map(\.label) == [0, 1, 2, 3, 4])
    #expect(try bytes(of: samples).map { $0[0] } == [1, 1, 2, 2, 2])
    #expect(try all(openDataset([extra, train].map { .file($0) })).map(\.label) == [2, 3, 4, 0, 1])
    #expect(try all(openDataset([train, extra, test].map { .file($0) })).count == 5)
    #expect(
      try all(openDataset([train, extra, test].map { .file($0) }, options: ReadOptions(split: .test))).count == 1)
    #expect(try all(openDataset([.file(extra)])).map(\.label) == [2, 3, 4])
    // Of a folder they are skipped, with a note.
    let log = Log()
    let beside = try all(openDataset([.file(folder.path)], log: { log.lines.append($0) }))
    #expect(beside.map(\.label) == [0, 1])
    #expect(log.lines.contains { $0.contains("the additional images were skipped") })
    let twice = problem { _ = try openDataset([train, train].map { .file($0) }) }
    #expect(twice?.problem.hasPrefix("two files for the train split") == true)
  }

  @Test func `a MATLAB file of something else is whole, and no bad download`() throws {
    let other = mat([("images", [2, 2], [1, 2, 3, 4]), ("labels", [1, 1], [0])])
    let error = failure(of: other)
    #expect(
      error?.problem
        == "a MATLAB file that is not SVHN's cropped digits, whose arrays are X and y: it has images, labels")
    #expect(error?.remedy?.contains("numpy.savez") == true)
    let half = failure(of: mat([("X", [32, 32, 3], [UInt8](repeating: 0, count: 3072))]))
    #expect(half?.problem.hasSuffix("it has X") == true)
    let boxes = failure(of: mat([("digitStruct", [1, 1], [0])]))
    #expect(boxes?.remedy == "get the cropped digits, train_32x32.mat and test_32x32.mat")
    let beside = failure(of: tar([TestMember("emnist-letters.mat", other)]))
    #expect(beside?.place == ["test", "emnist-letters.mat"])
    #expect(beside?.problem.hasPrefix("a MATLAB file, of which only") == true)
  }

  // MARK: Compression and pieces

  @Test(arguments: [TestFilter.zstd, .lz4]) func `frames without data before compressed data are passed over`(
    _ filter: TestFilter
  ) throws {
    let member = TestMember("train-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 7])
    let images = TestMember("train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9])
    let packed = tar([images, member], filter)
    // As pzstd writes it, and two of them, one empty.
    let one: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
    let two = one + [0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]
    #expect(try read(one + packed).map(\.label) == [7])
    #expect(try read(two + packed).map(\.label) == [7])
    let folder = try TemporaryFolder()
    #expect(try all(openDataset([.file(folder.write("t.tar", two + packed))])).map(\.label) == [7])
    let piped = try PipedFile(folder.write("u.tar", one + packed))
    #expect(try all(openDataset(from: piped.source)).map(\.label) == [7])
    for cut in [one, Array(one.dropLast()), Array(one.prefix(6)), one + [0x28, 0xb5]] {
      #expect(failure(of: cut)?.fault == .badInput)
    }
  }

  @Test func `a piece of a file is known by its name`() throws {
    let folder = try TemporaryFolder()
    let members = ["a", "b"].map { TestMember("\($0)/1.bin", noise(3000, seed: 3)) }
    let whole = tar(members)
    let packed = tar(members, .gzip)
    for (name, bytes, pattern) in [
      ("t.tar.aa", Array(whole.prefix(4000)), "t.tar.??"), ("t.tar.ab", Array(whole[4000...]), "t.tar.??"),
      ("t.tgz.001", Array(packed.prefix(packed.count / 2)), "t.tgz.???"),
      ("t.part1", Array(whole.prefix(4000)), "t.part?"),
    ] {
      let path = try folder.write("\(name.count)\(bytes.count)/\(name)", bytes)
      let error = problem { _ = try all(openDataset([.file(path)])) }
      let place = path.dropLast(name.count)
      #expect(
        error?.remedy?.contains("join all of them in their order: cat \(place)\(pattern) | pipe …") == true, "\(name)")
    }
    let ordinary = try folder.write("x/t.tar.gz", Array(packed.prefix(packed.count / 2)))
    let error = problem { _ = try all(openDataset([.file(ordinary)])) }
    #expect(error?.remedy == "get or make it again, and compare its size or checksum with the source's")
    for (name, bytes) in [("t.tar.aa", Array(whole.prefix(4000))), ("t.tar.ab", Array(whole[4000...]))] {
      try folder.write("d/\(name)", bytes)
    }
    let beside = problem { _ = try all(openDataset([.file("\(folder.path)/d")])) }
    #expect(beside?.problem == "it holds a file in pieces, such as t.tar.aa")
    #expect(beside?.remedy == "join them in their order: cat \(folder.path)/d/t.tar.?? | pipe …")
  }

  @Test func `a volume of a zip archive is told with the way to join them`() throws {
    let folder = try TemporaryFolder()
    let first = try folder.write("t.z01", [0x50, 0x4b, 7, 8] + noise(2000, seed: 1))
    let last = try folder.write("t.zip", noise(700, seed: 2))
    for path in [first, last] {
      let error = problem { _ = try all(openDataset([.file(path)])) }
      #expect(error?.remedy?.contains("zip -s 0 \(folder.path)/t.zip --out whole.zip") == true, "\(path)")
    }
    let together = problem { _ = try all(openDataset([.file(folder.path)])) }
    #expect(together?.problem == "it holds a zip archive in several volumes")
  }
}
