import Datasets
import Testing

/// Arrays as people have them: every label, every pixel and every value range is read as it was meant, or refused.
@Suite struct ArrayLayoutTests {
  private func opened(_ bytes: [UInt8], _ options: ReadOptions = ReadOptions()) throws -> (
    any SampleSource, () -> [String]
  ) {
    let log = Log()
    let source = try openDataset(
      from: ByteSource(bytes: bytes, name: "test"), options: options, log: { log.lines.append($0) })
    return (source, { Array(log.lines.dropFirst()) })
  }

  private final class Log { var lines: [String] = [] }

  private func options(_ change: (inout ReadOptions) -> Void) -> ReadOptions {
    var options = ReadOptions()
    change(&options)
    return options
  }

  private func floats(_ values: [Double], shape: String) -> [UInt8] {
    array(type: "<f8", shape: shape, values.flatMap { value in withUnsafeBytes(of: value, Array.init) })
  }

  private func bytes(of samples: [Sample]) throws -> [[UInt8]] { try samples.map { try $0.pixels().bytes } }

  /// Without a name that is taken for something, `arr_0`.
  private func npz(_ members: (String, [UInt8])...) -> [UInt8] { zip(members.map { TestMember($0.0 + ".npy", $0.1) }) }

  // MARK: Value ranges

  /// An npz as a file, because a zip archive cannot be read from memory.
  private func levels(_ images: [UInt8], white: Int? = nil) throws -> [[UInt8]] {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.npz", npz(("x", images), ("y", int64Array([0, 1]))))
    return try bytes(of: all(openDataset([.file(path)], options: options { $0.white = white })))
  }

  private func problem(_ images: [UInt8], white: Int? = nil) -> String? {
    do { _ = try levels(images, white: white) } catch { return (error as? DataError)?.problem }
    return nil
  }

  @Test func `floats from 0 to 1 and from 0 to 255 become levels`() throws {
    let shape = "(2, 1, 2)"
    #expect(try levels(floats([0, 0.2, 0.5, 1], shape: shape)) == [[0, 51], [128, 255]])
    #expect(try levels(floats([0, 1, 17, 255], shape: shape)) == [[0, 1], [17, 255]])
    // The range is that of the whole array: the first image alone looks like one from 0 to 1.
    #expect(try levels(floats([0, 1, 2, 200], shape: shape)) == [[0, 1], [2, 200]])
    #expect(
      try levels(array(type: "<i4", shape: shape, [0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 255, 0, 0, 0])) == [
        [0, 7], [9, 255],
      ])
    #expect(try levels(array(type: "|b1", shape: shape, [0, 1, 1, 0])) == [[0, 255], [255, 0]])
    #expect(try levels(array(type: "|u1", shape: shape, [0, 1, 1, 0])) == [[0, 1], [1, 0]])
  }

  @Test func `a range that says not what is white is refused with the range`() throws {
    let shape = "(2, 1, 2)"
    let dark = floats([0, 3, 8, 16], shape: shape)
    #expect(
      problem(dark)
        == "its values lie between 0 and 16; that may be dark images between 0 and 255, or images whose white is another number"
    )
    #expect(try levels(dark, white: 16) == [[0, 48], [128, 255]])
    #expect(try levels(dark, white: 255) == [[0, 3], [8, 16]])
    #expect(problem(floats([-1, 0, 0.5, 1], shape: shape))?.hasPrefix("its values lie between -1 and 1; ") == true)
    #expect(
      problem(floats([0, 0, 0.5, 65535], shape: shape))?.hasPrefix("its values lie between 0 and 65535; ") == true)
    #expect(problem(floats([0, 0, .nan, 1], shape: shape)) == "contains NaN or infinity")
    // Whole numbers up to 1 may be levels, too.
    #expect(
      problem(array(type: "<i2", shape: shape, [0, 0, 1, 0, 1, 0, 0, 0]))?.hasPrefix("its values lie between 0 and 1; ")
        == true)
    #expect(problem(dark, white: 15)?.hasSuffix("--white 15 takes them to lie between 0 and 15") == true)
  }

  @Test func `a shape with two readings is refused`() {
    #expect(
      problem(array(type: "|u1", shape: "(2, 3, 2, 3)", [UInt8](repeating: 0, count: 36)))?.contains("may be") == true)
    #expect(
      problem(array(type: "|u1", shape: "(2, 2, 3, 2)", [UInt8](repeating: 0, count: 24)))?.contains("comes first")
        == true)
  }

  @Test func `pixels in one row are read where they make a square, and refused where they may be something else`()
    throws
  {
    #expect(
      try levels(array(type: "|u1", shape: "(2, 4)", [1, 2, 3, 200, 5, 6, 7, 8])) == [[1, 2, 3, 200], [5, 6, 7, 8]])
    for shape in ["(2, 3, 16)", "(2, 16, 3)", "(2, 1, 16)", "(2, 16, 1)"] {
      let count = shape.contains("3") ? 96 : 32
      #expect(
        problem(array(type: "|u1", shape: shape, [UInt8](repeating: 0, count: count)))?
          .hasSuffix("that may be rows of pixels, or images whose pixels are in one row") == true, "\(shape)")
    }
    #expect(
      problem(array(type: "|u1", shape: "(2, 12)", [UInt8](repeating: 0, count: 24)))?.contains("were expected") == true
    )
    // The square of its root is no Int.
    #expect(problem(array(type: "|u1", shape: "(1, 9223372036854775807)", [0])) != nil)
  }

  @Test func `bytes that stay near black get a note`() throws {
    let folder = try TemporaryFolder()
    let images = array(type: "|u1", shape: "(2, 1, 2)", [0, 1, 9, 16])
    let log = Log()
    let path = try folder.write("x.npz", npz(("x", images), ("y", int64Array([0, 1]))))
    _ = try all(openDataset([.file(path)], log: { log.lines.append($0) }))
    #expect(
      log.lines.last?.hasSuffix("no pixel is brighter than 16 of 255; if another value is white, say so with --white N")
        == true)
  }

  // MARK: Names of arrays and files

  @Test func `a pair of files with one array each is read in either order`() throws {
    let folder = try TemporaryFolder()
    let images = try folder.write("k-train-imgs.npz", npz(("arr_0", array(type: "|u1", shape: "(2, 1, 1)", [5, 6]))))
    let labels = try folder.write("k-train-labels.npz", npz(("arr_0", array(type: "|u1", shape: "(2,)", [1, 0]))))
    for inputs in [[images, labels], [labels, images]] {
      let samples = try all(openDataset(inputs.map { .file($0) }))
      #expect(samples.map(\.label) == [1, 0])
      #expect(try bytes(of: samples) == [[5], [6]])
    }
    let other = try folder.write("k49-train-labels.npz", npz(("arr_0", array(type: "|u1", shape: "(2,)", [0, 1]))))
    let error = #expect(throws: DataError.self) { try openDataset([.file(images), .file(other)]) }
    #expect(error?.problem == "the images are of k, the labels of k49")
    // The folder holds the labels of two datasets.
    let many = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(many?.remedy == "choose one with --subset NAME")
  }

  @Test func `arrays beside images and labels do not have to be either`() throws {
    let images = array(type: "|u1", shape: "(2, 2, 2)", [1, 2, 3, 4, 5, 6, 7, 8])
    let names = array(type: "<U1", shape: "(2,)", Array("a\0\0\0b\0\0\0".utf8))
    let beside = npz(
      ("x_train", images), ("y_train", array(type: "|u1", shape: "(2,)", [1, 0])), ("label_names", names),
      ("label_weights", floats([0.25, 0.75], shape: "(2,)")))
    #expect(try all(opened(beside).0).map(\.label) == [1, 0])
    #expect(failure(of: npz(("x_train", images), ("label_names", names))) != nil)
  }

  @Test func `texts and objects beside named arrays are left aside`() throws {
    let images = array(type: "|u1", shape: "(2, 1, 1)", [5, 6])
    let texts = array(type: "<U1", shape: "(2,)", Array("a\0\0\0b\0\0\0".utf8))
    let objects = array(type: "|O", shape: "(1,)", [0])
    let labels = int64Array([1, 0])
    let both = npz(
      ("filenames", texts), ("images", images), ("labels", labels), ("class_names", texts), ("meta", objects))
    #expect(try all(opened(both).0).map(\.label) == [1, 0])
    // Without names texts may be the labels.
    let unnamed = npz(("arr_0", images), ("arr_1", labels), ("arr_2", texts))
    #expect(failure(of: unnamed)?.problem.hasPrefix("an array of texts") == true)
    #expect(failure(of: npz(("images", images), ("labels", texts)))?.problem.hasPrefix("an array of texts") == true)
  }

  @Test func `an exported npz has its class names, and is refused where its images are to be cut`() throws {
    func export(_ more: String) -> [UInt8] {
      zip([
        TestMember("images.npy", array(type: "|u1", shape: "(2, 1, 1)", [5, 6])),
        TestMember("labels.npy", int64Array([1, 0])),
        TestMember("description.json", text: #"{"format": "pipe-export", "label_names": ["bee", "ant"]\#(more)}"#),
      ])
    }
    let (source, notes) = try opened(export(#", "label_kind": "hard""#))
    #expect(source.info.classNames == ["bee", "ant"])
    #expect(try all(source).map(\.label) == [1, 0])
    #expect(notes().allSatisfy { !$0.contains("soft labels") })
    let soft = try opened(export(#", "label_kind": "probability""#)).1()
    #expect(soft.contains { $0.contains("its soft labels are not read") })
    let error = failure(of: export(#", "formation": {"factor": 2, "upsample": "bilinear", "padding": 0.5}"#))
    #expect(error?.problem.contains("several training images") == true)
    #expect(error?.remedy?.hasPrefix("give the dataset that it was exported from") == true)
    #expect(failure(of: export(#", "formation": {"factor": 1, "upsample": "bilinear", "padding": 0.5}"#)) == nil)
  }

  @Test func `folders tell the parts of arrays and versions belong to names`() throws {
    func files(_ part: String, _ values: [UInt8]) -> [TestMember] {
      [
        TestMember("\(part)/images.npy", array(type: "|u1", shape: "(1, 2, 2)", values)),
        TestMember("\(part)/labels.npy", array(type: "|u1", shape: "(1,)", [0])),
      ]
    }
    let both = tar(files("train", [1, 2, 3, 4]) + files("test", [5, 6, 7, 8]))
    #expect(try bytes(of: all(opened(both).0)) == [[1, 2, 3, 4]])
    #expect(try bytes(of: all(opened(both, ReadOptions(split: .test)).0)) == [[5, 6, 7, 8]])
    let version = tar([
      TestMember("cifar10.1_v6_data.npy", array(type: "|u1", shape: "(1, 2, 2)", [1, 2, 3, 4])),
      TestMember("cifar10.1_v6_labels.npy", array(type: "|u1", shape: "(1,)", [0])),
    ])
    #expect(try bytes(of: all(opened(version).0)) == [[1, 2, 3, 4]])
  }

  /// A table with a column for each of sixteen pixels, the first of which tells which image it is.
  private func pixels(_ rows: [(before: String, first: String, after: String)], header: String? = nil) -> [UInt8] {
    let lines = rows.map { row in "\(row.before),\(row.first)" + String(repeating: ",9.0", count: 15) + row.after }
    return tar([TestMember("px.csv", text: ((header.map { [$0] } ?? []) + lines).joined(separator: "\n") + "\n")])
  }

  @Test func `the first row of a table of decimals is an image`() throws {
    let rows = pixels([("3", "0.0", ""), ("1", "7.0", ""), ("2.0", "8.0", "")])
    let samples = try all(opened(rows).0)
    #expect(try bytes(of: samples).map { $0[0] } == [0, 7, 8])
    #expect(samples.map(\.label) == [3, 1, 2])
    // Pandas makes equal names different.
    let mangled = "5,0," + (1..<16).map { "0.\($0)" }.joined(separator: ",")
    #expect(try bytes(of: all(opened(pixels([("1", "7", "")], header: mangled)).0)).map { $0[0] } == [7])
  }

  @Test func `a column of parts divides the rows of a table of pixels`() throws {
    let header = "label," + (0..<16).map { "pixel\($0)" }.joined(separator: ",") + ",Usage"
    func read(_ usage: [String], _ split: DatasetInfo.Split = .train) throws -> [UInt8] {
      let rows = usage.enumerated().map { (before: "\($0 % 2)", first: "\($0)", after: ",\($1)") }
      return try bytes(of: all(opened(pixels(rows, header: header), ReadOptions(split: split)).0)).map { $0[0] }
    }
    let usage = ["PublicTest", "Training", "Training", "PrivateTest", "Training"]
    #expect(try read(usage) == [1, 2, 4])
    #expect(try read(usage, .test) == [3])
    #expect(try read(["a", "b", "a"]) == [0, 1, 2])
  }

  @Test func `npy files are found by their names and told apart by their split`() throws {
    let folder = try TemporaryFolder()
    var paths: [String] = []
    for (split, level) in [("train", UInt8(1)), ("test", 2)] {
      paths.append(try folder.write("X_\(split).npy", array(type: "|u1", shape: "(1, 1, 1)", [level])))
      paths.append(try folder.write("y_\(split).npy", int64Array([Int(level)])))
    }
    for split in DatasetInfo.Split.allCases {
      let level = split == .train ? 1 : 2
      let samples = try all(openDataset([.file(folder.path)], options: ReadOptions(split: split)))
      #expect(samples.map(\.label) == [level])
      #expect(try bytes(of: samples) == [[UInt8(level)]])
      #expect(try all(openDataset(paths.map { .file($0) }, options: ReadOptions(split: split))) == samples)
    }
    // Two files of the test split are that split, whatever is asked for.
    #expect(try openDataset(paths.suffix(2).map { .file($0) }).info.split == .test)
    let flat = try folder.write("flat/data.npy", array(type: "|u1", shape: "(1, 4)", [1, 2, 3, 200]))
    let target = try folder.write("flat/target.npy", array(type: "<f4", shape: "(1,)", [0, 0, 64, 64]))
    let samples = try all(openDataset([.file(target), .file(flat)]))
    #expect(samples.map(\.label) == [3])
    #expect(try samples[0].pixels() == Pixels(height: 2, width: 2, channels: 1, bytes: [1, 2, 3, 200]))
  }

  @Test func `arrays without names are known by their shape`() throws {
    let folder = try TemporaryFolder()
    let images = array(type: "|u1", shape: "(2, 1, 1)", [8, 9])
    for (first, second) in [(images, int64Array([1, 0])), (int64Array([1, 0]), images)] {
      let path = try folder.write("x.npz", npz(("arr_0", first), ("arr_1", second)))
      #expect(try all(openDataset([.file(path)])).map(\.label) == [1, 0])
    }
  }

  @Test func `an npz in a zip is opened`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "many.zip",
      zip([
        TestMember("a-train-imgs.npz", npz(("arr_0", array(type: "|u1", shape: "(1, 1, 1)", [7])))),
        TestMember("a-train-labels.npz", npz(("arr_0", int64Array([2])))),
        TestMember("a-test-imgs.npz", npz(("arr_0", array(type: "|u1", shape: "(1, 1, 1)", [6])))),
        TestMember("a-test-labels.npz", npz(("arr_0", int64Array([1])))),
      ]))
    let train = try all(openDataset([.file(path)]))
    #expect(train.map(\.label) == [2])
    #expect(try bytes(of: train) == [[7]])
    #expect(try all(openDataset([.file(path)], options: ReadOptions(split: .test))).map(\.label) == [1])
  }

  @Test func `several labels for an image are refused with words`() {
    let folder = try? TemporaryFolder()
    let path = try? folder?.write(
      "chest.npz",
      npz(
        ("train_images", array(type: "|u1", shape: "(1, 1, 1)", [0])),
        ("train_labels", array(type: "|u1", shape: "(1, 3)", [1, 0, 1]))))
    let error = #expect(throws: DataError.self) { try openDataset([.file(path ?? "")]) }
    #expect(error?.remedy?.hasSuffix("images with several labels each have no class to condense") == true)
  }

  // MARK: IDX

  private func idx(_ type: UInt8, _ extents: [Int], _ bytes: [UInt8]) -> [UInt8] {
    [0, 0, type, UInt8(extents.count)] + extents.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] } + bytes
  }

  @Test func `the first of eight columns is the label`() throws {
    let rows: [UInt8] = [3, 1].flatMap { label in [0, 0, 0, label] + [UInt8](repeating: 9, count: 28) }
    func archive(_ labels: [UInt8]) -> [UInt8] {
      tar([
        TestMember("q-train-labels-idx2-int", labels),
        TestMember("q-train-images-idx3-ubyte", idx(8, [2, 1, 1], [4, 5])),
      ])
    }
    #expect(try read(archive(idx(12, [2, 8], rows))).map(\.label) == [3, 1])
    // One-hot rows are no labels.
    #expect(
      failure(of: archive(idx(8, [2, 8], [UInt8](repeating: 0, count: 16))))?.remedy
        == "save class indices, not one-hot rows")
  }

  @Test func `the same content under several names is read once`() throws {
    let images = idx(8, [2, 1, 1], [4, 5])
    let labels = idx(8, [2], [1, 0])
    let twice = [
      TestMember("train-images-idx3-ubyte", images), TestMember("train-labels-idx1-ubyte", labels),
      TestMember("MNIST/raw/train-images-idx3-ubyte.gz", gzip(images)),
      TestMember("MNIST/raw/train-labels-idx1-ubyte", labels),
    ]
    let (source, notes) = try opened(tar(twice))
    #expect(try all(source).map(\.label) == [1, 0])
    #expect(notes() == ["test: 2 files with the same content as another were skipped"])
    // The later one of the same path is what tar would unpack.
    let again = twice.prefix(2) + [TestMember("train-labels-idx1-ubyte", idx(8, [2], [0, 1]))]
    #expect(failure(of: tar(Array(again)))?.problem.hasPrefix("two files of labels for the train split: ") == true)
    let other = twice + [TestMember("b/train-images-idx3-ubyte", idx(8, [2, 1, 1], [4, 6]))]
    #expect(failure(of: tar(other))?.problem.hasPrefix("two files of images for the train split: ") == true)
  }

  @Test func `one of several sets in an archive is chosen by its name`() throws {
    func members(_ name: String, _ label: UInt8) -> [TestMember] {
      [
        TestMember("gzip/emnist-\(name)-train-images-idx3-ubyte.gz", gzip(idx(8, [1, 1, 1], [label]))),
        TestMember("gzip/emnist-\(name)-train-labels-idx1-ubyte.gz", gzip(idx(8, [1], [label]))),
      ]
    }
    let archive = tar(members("letters", 1) + members("digits", 0))
    let error = failure(of: archive)
    #expect(error?.problem == "several datasets are in it: emnist-digits, emnist-letters")
    #expect(error?.remedy == "choose one with --subset NAME")
    let (source, notes) = try opened(archive, options { $0.subset = "letters" })
    #expect(source.info.classNames == ["0", "1"])
    #expect(source.info.name == "emnist-letters")
    #expect(try all(source).map(\.label) == [1])
    #expect(notes().count == 2)
    #expect(notes().last?.contains("the labels start at 1; class 0 has no images and keeps its index") == true)
    #expect(failure(of: archive, options { $0.subset = "balanced" })?.problem == "there is no dataset “balanced” in it")
  }

  @Test func `images and labels of different splits are no dataset`() throws {
    let folder = try TemporaryFolder()
    let images = try folder.write("train-images-idx3-ubyte", idx(8, [1, 1, 1], [0]))
    let labels = try folder.write("t10k-labels-idx1-ubyte", idx(8, [1], [0]))
    let error = #expect(throws: DataError.self) { try openDataset([.file(images), .file(labels)]) }
    #expect(error?.problem == "the images are of the train split, the labels of the test split")
  }

  // MARK: STL-10

  @Test func `STL-10 runs column by column and counts from 1`() throws {
    var image = [UInt8](repeating: 0, count: 3 * 96 * 96)
    // Red, row 2, column 5; blue, row 7, column 0.
    image[5 * 96 + 2] = 200
    image[2 * 96 * 96 + 7] = 100
    let archive = tar([
      TestMember("stl10_binary/test_X.bin", image), TestMember("stl10_binary/test_y.bin", [9]),
      TestMember("stl10_binary/train_X.bin", image), TestMember("stl10_binary/train_y.bin", [10]),
      TestMember("stl10_binary/unlabeled_X.bin", image),
    ])
    let (source, notes) = try opened(archive)
    #expect(source.info.classNames[9] == "truck")
    #expect(source.info.shape == [3, 96, 96])
    let samples = try all(source)
    #expect(samples.map(\.label) == [9])
    let bytes = try samples[0].pixels().bytes
    #expect(bytes[(2 * 96 + 5) * 3] == 200)
    #expect(bytes[7 * 96 * 3 + 2] == 100)
    #expect(bytes.count { $0 != 0 } == 2)
    #expect(notes() == ["test: the unlabelled part was skipped"])
    #expect(try read(archive, ReadOptions(split: .test)).map(\.label) == [8])
    let zero = tar([TestMember("train_X.bin", image), TestMember("train_y.bin", [0])])
    #expect(failure(of: zero)?.problem == "label 0; STL-10 numbers its classes from 1, here to 10")
    let two = tar([TestMember("train_X.bin", image), TestMember("train_y.bin", [1, 2])])
    #expect(failure(of: two)?.problem == "1 image but 2 labels: number 2 is a label without an image")
  }

  @Test func `of STL-10 files of both splits that were named one by one, the split that was asked for is read`() throws
  {
    let folder = try TemporaryFolder()
    let image = [UInt8](repeating: 1, count: 3 * 96 * 96)
    var inputs: [Input] = []
    for (name, bytes) in [("train_X.bin", image), ("train_y.bin", [3]), ("test_X.bin", image), ("test_y.bin", [5])] {
      inputs.append(.file(try folder.write(name, bytes)))
    }
    for _ in 0..<8 {
      #expect(try all(openDataset(inputs)).map(\.label) == [2])
      #expect(try all(openDataset(inputs, options: ReadOptions(split: .test))).map(\.label) == [4])
    }
    // Of one split alone, that one, whatever was asked for.
    #expect(try all(openDataset(Array(inputs[2...]))).map(\.label) == [4])
  }

  // MARK: SVHN

  /// A MATLAB file of version 5 with two arrays.
  private func mat(_ images: [UInt8], count: Int, labels: [Double], compressed: Bool = false) -> [UInt8] {
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    func element(_ type: Int, _ data: [UInt8]) -> [UInt8] {
      word(type) + word(data.count) + data + [UInt8](repeating: 0, count: (8 - data.count % 8) % 8)
    }
    func matrix(_ name: String, kind: Int, _ extents: [Int], type: Int, _ data: [UInt8]) -> [UInt8] {
      let plain = element(
        14,
        element(6, word(kind) + word(0)) + element(5, extents.flatMap(word)) + element(1, Array(name.utf8))
          + element(type, data))
      guard compressed else { return plain }
      let stream = zlibStream(plain)
      return word(15) + word(stream.count) + stream
    }
    let text = Array("MATLAB 5.0 MAT-file".utf8)
    return text + [UInt8](repeating: 0x20, count: 124 - text.count) + [0x00, 0x01, 0x49, 0x4d]
      + matrix("X", kind: 9, [32, 32, 3, count], type: 2, images)
      + matrix(
        "y", kind: 6, [labels.count, 1], type: 9, labels.flatMap { value in withUnsafeBytes(of: value, Array.init) })
  }

  /// What zlib inflates to these bytes: blocks that are only stored, with the checksum.
  private func zlibStream(_ bytes: [UInt8]) -> [UInt8] {
    func pair(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8 & 255)] }
    var (stream, low, high): ([UInt8], Int, Int) = ([0x78, 0x01], 1, 0)
    for start in stride(from: 0, to: bytes.count, by: 65_535) {
      let block = bytes[start..<min(bytes.count, start + 65_535)]
      stream.append(start + block.count == bytes.count ? 1 : 0)
      stream += pair(block.count) + pair(~block.count) + Array(block)
    }
    for byte in bytes {
      low = (low + Int(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return stream + [high >> 8, high & 255, low >> 8, low & 255].map { UInt8($0) }
  }

  @Test func `SVHN runs column by column and its 10 is a 0`() throws {
    var images = [UInt8](repeating: 0, count: 2 * 3072)
    // The second image: green, row 3, column 30.
    images[3072 + 1024 + 30 * 32 + 3] = 250
    let file = mat(images, count: 2, labels: [10, 1])
    let folder = try TemporaryFolder()
    try folder.write("d/train_32x32.mat", file)
    try folder.write("d/test_32x32.mat", mat(Array(images.prefix(3072)), count: 1, labels: [9]))
    for source in [
      try openDataset([.file(folder.path + "/d")]), try openDataset([.file(folder.path + "/d/train_32x32.mat")]),
      try openDataset(from: ByteSource(bytes: file, name: "test")),
      try openDataset(from: ByteSource(bytes: tar([TestMember("svhn/train_32x32.mat", file)]), name: "test")),
    ] {
      #expect(source.info.classNames == (0..<10).map(String.init) && source.info.mirror == false)
      let samples = try all(source)
      #expect(samples.map(\.label) == [0, 1])
      let bytes = try samples[1].pixels().bytes
      #expect(bytes[(3 * 32 + 30) * 3 + 1] == 250)
      #expect(bytes.count { $0 != 0 } == 1)
    }
    #expect(try all(openDataset([.file(folder.path + "/d")], options: ReadOptions(split: .test))).map(\.label) == [9])
    // Who has other images in this form says so.
    var asked = ReadOptions()
    asked.mirror = true
    #expect(try openDataset([.file(folder.path + "/d")], options: asked).info.mirror == true)
  }

  @Test func `a MATLAB file that is something else is refused as what it is`() throws {
    #expect(
      failure(of: mat([UInt8](repeating: 0, count: 3072), count: 1, labels: [11]))?.problem
        == "the label 11.0; SVHN's are 1 to 10, where 10 is the digit 0")
    #expect(
      failure(of: mat([UInt8](repeating: 0, count: 2 * 3072), count: 2, labels: [0, 10]))?.problem
        == "the labels 0 and 10, which both are the digit 0")
    let cut = Array(mat([UInt8](repeating: 0, count: 3072), count: 1, labels: [1]).prefix(2000))
    #expect(failure(of: cut)?.fault == .badInput)
    #expect(failure(of: Array("MATLAB 5.0 MAT-file".utf8))?.fault == .badInput)
    // The number of labels is compared before they are read.
    #expect(
      failure(of: mat([UInt8](repeating: 0, count: 3072), count: 1, labels: [11, 11]))?.problem
        .hasPrefix("1 image but 2 labels") == true)
  }

  /// libmatio reads what there is of such files, and says nothing.
  @Test(arguments: [false, true]) func `a cut or damaged MATLAB file is refused`(_ compressed: Bool) throws {
    let images = noise(30 * 3072, seed: 5)
    let labels = (0..<30).map { Double($0 % 10 + 1) }
    let file = mat(images, count: 30, labels: labels, compressed: compressed)
    #expect(try read(file).map(\.label) == labels.map { Int($0) % 10 })
    for cut in [1, 8, 100, 300, file.count / 2, file.count - 400, file.count - 140] {
      let error = failure(of: Array(file.dropLast(cut)))
      #expect(error?.problem.hasPrefix("it is cut short or damaged: ") == true, "\(cut) bytes are missing")
    }
    // Padding behind the last array is none of it.
    #expect(try read(file + [UInt8](repeating: 0, count: 20)).count == 30)
    // More images than the data has: the sixth word of the extents' element.
    let extents: [UInt8] = [5, 0, 0, 0, 16, 0, 0, 0, 32]
    let place = try #require(file.indices.first { file[$0...].starts(with: extents) })
    var changed = file
    changed[place + 20] = 31
    #expect(failure(of: changed)?.problem.hasPrefix("it is cut short or damaged: ") == true)
    // Only compressed data has a checksum.
    guard compressed else { return }
    changed = file
    changed[file.count / 2] ^= 1
    #expect(
      failure(of: changed)?.problem
        == "it is cut short or damaged: the data of a compressed array is missing or wrong")
  }

  // MARK: Tables of pixels

  private func table(_ header: [String]?, _ rows: [[Int]], separator: String = ",", end: String = "\n") -> [UInt8] {
    let lines = (header.map { [$0] } ?? []) + rows.map { $0.map(String.init) }
    return Array(lines.map { $0.joined(separator: separator) + end }.joined().utf8)
  }

  @Test func `a table of pixels is read with and without names of columns`() throws {
    let pixels = (0..<16).map { 3 * $0 }
    let names = (0..<16).map { "pixel\($0)" }
    let expected = Pixels(height: 4, width: 4, channels: 1, bytes: pixels.map(UInt8.init))
    for (bytes, what) in [
      (table(["label"] + names, [[2] + pixels]), "label first"),
      (table(names + ["label"], [pixels + [2]]), "label last"),
      (table(["id", "label"] + names, [[700, 2] + pixels]), "another column"),
      (table(nil, [[2] + pixels]), "no names"),
      (table(["2", "0"] + (1..<16).map { "0.\($0)" }, [[2] + pixels]), "numbers for names"),
      (
        table(["label"] + (1...4).flatMap { row in (1...4).map { "\(row)x\($0)" } }, [[2] + pixels]), "rows and columns"
      ),
      (table(["label"] + names, [[2] + pixels], separator: ";", end: "\r\n"), "semicolons"),
      (table(["label"] + names.reversed(), [[2] + pixels.reversed()]), "columns in another order"),
    ] {
      let samples = try read(bytes)
      #expect(samples.map(\.label) == [2], "\(what)")
      #expect(try samples.map { try $0.pixels() } == [expected], "\(what)")
      #expect(try read(gzip(bytes)) == samples, "\(what)")
    }
  }

  @Test func `colour tables are read pixel by pixel or by the names of their planes`() throws {
    let values = (0..<48).map { $0 }
    let plain = try read(table(["label"] + (0..<48).map { "pixel\($0)" }, [[0] + values]))
    #expect(try plain[0].pixels() == Pixels(height: 4, width: 4, channels: 3, bytes: values.map(UInt8.init)))
    let planes = try read(
      table(["label"] + ["r", "g", "b"].flatMap { name in (0..<16).map { "\(name)\($0)" } }, [[0] + values]))
    #expect(Array(try planes[0].pixels().bytes.prefix(6)) == [0, 16, 32, 1, 17, 33])
  }

  @Test func `a table whose columns may mean something else is refused`() throws {
    let dark = [Int](repeating: 0, count: 4) + (0..<12).map { 20 * $0 }
    // Without names the first column is the label; here it is a dark corner.
    let last = (0..<4).map { dark + [$0] }
    #expect(
      failure(of: table(nil, last))?.problem.hasSuffix("the first one, where labels stand, is 0 in every row") == true)
    // The corner varies, and the last column has few small numbers.
    let error = failure(of: table(nil, (0..<20).map { [Int](repeating: $0, count: 16) + [$0 * 3 % 4] }))
    #expect(error?.problem.contains("or the last one, which has 4, from 0 to 3") == true)
    #expect(error?.remedy?.contains("add a first line that names the columns") == true)
    let first = try read(table(nil, (0..<20).map { [$0 * 3 % 4] + [Int](repeating: $0, count: 16) }))
    #expect(first.map(\.label) == (0..<20).map { $0 * 3 % 4 })
    let numbered = (0..<17).map(String.init)
    #expect(try read(table(numbered, [[1] + dark, [0] + dark])).map(\.label) == [1, 0])
    // Columns of rows that are named by column and row.
    let names = (0..<4).flatMap { row in (0..<4).map { "x\($0)y\(row)" } }
    #expect(try read(table(["label"] + names, [[1] + dark]))[0].pixels().bytes == dark.map(UInt8.init))
    // A picture that is smooth in planes, 8×8, and one that is smooth pixel by pixel.
    let plane = (0..<8).flatMap { row in (0..<8).map { 4 * row + 20 * ($0 % 3) } }
    let planes = plane + plane.map { 255 - $0 } + plane.map { 100 + $0 / 2 }
    let turns = (0..<64).flatMap { pixel in (0..<3).map { planes[64 * $0 + pixel] } }
    let header = ["label"] + (0..<192).map { "pixel\($0)" }
    #expect(
      failure(of: table(header, [[Int]](repeating: [1] + planes, count: 4)))?.problem.contains(
        "red, green and blue planes, which they look like")
        == true)
    #expect(
      try read(table(header, [[Int]](repeating: [1] + turns, count: 4)))[0].pixels().bytes == turns.map(UInt8.init))
  }

  @Test func `a table in an archive has its splits and a bad row is named`() throws {
    let header = ["label"] + (0..<16).map { "pixel\($0)" }
    let row = [UInt8](repeating: 9, count: 16).map(Int.init)
    let train = TestMember("d_train.csv", table(header, [[1] + row, [0] + row]))
    let archive = tar([
      TestMember("d_test.csv", table(header, [[1] + row])), train, TestMember("sample.csv", text: "id,label\n1,0\n"),
    ])
    #expect(try read(archive).map(\.label) == [1, 0])
    #expect(try read(archive, ReadOptions(split: .test)).map(\.label) == [1])
    #expect(
      failure(of: table(header, [[1] + row, [0] + Array(row.dropLast())]))?.description
        == "test: line 3: 16 columns where the first line has 17; get or make it again, and compare its size or checksum with the"
        + " source's")
    #expect(
      failure(of: table(header, [[0] + row, [0, 256] + Array(row.dropLast())]))?.problem
        == "the value “256” in column 2 is not a whole number from 0 to 255")
    #expect(
      failure(of: table(Array(header.dropFirst()), [row]))?.problem.hasPrefix("images without labels: 16 columns")
        == true)
    let names = Array(
      "label,\((0..<16).map { "pixel\($0)" }.joined(separator: ","))\nb,\(row.map(String.init).joined(separator: ","))\n"
        .utf8)
    let source = try openDataset(
      from: ByteSource(bytes: names + Array("a".utf8) + names.drop { $0 != 0x0a }.dropFirst(2), name: "x"))
    #expect(source.info.classNames == ["a", "b"])
    #expect(try all(source).map(\.label) == [1, 0])
    // Names have one order in all parts, also where one of these lacks a class.
    let parts = tar([
      TestMember("train.csv", names + Array("a".utf8) + names.drop { $0 != 0x0a }.dropFirst(2)),
      TestMember("test.csv", names),
    ])
    #expect(try read(parts, ReadOptions(split: .test)).map(\.label) == [1])
  }
}
