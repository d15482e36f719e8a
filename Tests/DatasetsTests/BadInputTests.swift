import Datasets
import Testing

/// One clear sentence for each kind of bad input, and whose fault it is.
@Suite struct BadInputTests {
  private let png = encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: 1)))
  private let other = encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: 2)))

  // What to do, where several kinds of damage have the same answer.
  private let again = "; get or make it again, and compare its size or checksum with the source's"
  private let pair = "; give every image a label and every label an image, or leave both out"
  private let name = "; correct the label, or name all classes"
  private let look = "; look whether this is the right input, and whether --classes or --split leave anything of it"
  private let replace = "; replace it, or leave it out with --on-bad-sample skip"

  private func webDataset(_ keys: [String]) -> [TestMember] {
    keys.flatMap { [TestMember("\($0).png", png), TestMember("\($0).cls", text: "0")] }
  }

  private func expect(
    _ members: [TestMember], _ options: ReadOptions = ReadOptions(), says sentence: String,
    at location: SourceLocation = #_sourceLocation
  ) {
    let error = failure(of: tar(members), options)
    #expect(error?.fault == .badInput, sourceLocation: location)
    #expect(error?.description == sentence, sourceLocation: location)
  }

  private func record(_ label: UInt8) -> [UInt8] { [label] + [UInt8](repeating: 0, count: 3072) }

  // MARK: Cuts

  @Test func `an archive cut at a sample boundary`() {
    // Header, PNG, header, label: four blocks a sample.
    let whole = tar(webDataset(["a", "b", "c"]))
    #expect(failure(of: whole) == nil)
    #expect(
      failure(of: Array(whole.prefix(2 * 2048)))?.description
        == "test: the input is cut short: it stops after member 4 without the blocks that end a tar archive\(again)")
    #expect(failure(of: Array(whole.prefix(2 * 2048 + 1024)))?.fault == .badInput)
    // Batches that are missing because the archive was cut between two members are no smaller dataset.
    let batches = tar((1...5).map { TestMember("data_batch_\($0).bin", record(0)) })
    #expect(failure(of: batches) == nil)
    #expect(
      failure(of: Array(batches.prefix(3 * 4096)))?.description
        == "test: the input is cut short: it stops after member 3 without the blocks that end a tar archive\(again)")
    #expect(failure(of: Array(whole.prefix(2 * 2048 + 700)))?.problem.hasPrefix("the input is cut short") == true)
  }

  @Test func `every layout notices a cut`() throws {
    for name in [
      "shapes-cifar.tar.gz", "shapes-cifar100.tar.gz", "shapes-cifar-python.tar.gz", "shapes-folder.tar.gz",
      "shapes-webdataset.tar", "strokes-idx.tar",
    ] {
      let whole = try bytes(ofFixture: name)
      for length in [whole.count / 3, whole.count / 2] {
        #expect(failure(of: Array(whole.prefix(length)))?.fault == .badInput, "\(name) cut at \(length)")
      }
    }
  }

  /// The test split is not even read, but a damaged archive is damaged.
  @Test func `damage after the wanted split is noticed`() throws {
    let whole = try bytes(ofFixture: "shapes-cifar.tar.gz")
    let source = try openDataset(
      from: ByteSource(bytes: Array(whole.dropLast(3)), name: "x"), options: ReadOptions(layout: .cifar10Binary))
    var count = 0
    let error = #expect(throws: DataError.self) {
      while try source.next() != nil { count += 1 }
    }
    #expect(count == 200)
    #expect(error?.description == "x: the input is cut short in the middle of a gzip file\(again)")
  }

  @Test func `an IDX file that is cut or too long`() throws {
    let folder = try TemporaryFolder()
    func read(images: [UInt8], labels: [UInt8]) -> DataError? {
      do {
        let files = [Input.file(try folder.write("i", images)), .file(try folder.write("l", labels))]
        _ = try all(openDataset(files))
      } catch { return error as? DataError }
      return nil
    }
    let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 0]
    let (i, l) = ("\(folder.path)/i", "\(folder.path)/l")
    #expect(read(images: images, labels: labels) == nil)
    #expect(
      read(images: images.dropLast(2), labels: labels)?.description
        == "\(i): the input is cut short: it ends in the middle of image 2 of 2, 3 bytes were expected and 1 found\(again)"
    )
    #expect(
      read(images: images + [0], labels: labels)?.description
        == "\(i): there are bytes after the 2 items that its header announces")
    #expect(
      read(images: images, labels: labels.dropLast())?.description
        == "\(l): the input is cut short: it ends in the middle of the labels, 2 bytes were expected and 1 found\(again)"
    )
    #expect(
      read(images: images, labels: [0, 0, 8, 1, 0, 0, 0, 1, 7])?.description
        == "\(i): 2 images but 1 label: number 2 is an image without a label\(pair)")
    #expect(
      read(images: images, labels: [0, 0, 8, 1, 0, 0, 0, 3, 7, 1, 1])?.description
        == "\(i): 2 images but 3 labels: number 3 is a label without an image\(pair)")
    #expect(
      read(images: labels, labels: labels)?.description
        == "\(i): \(l): 0 files of images and 2 of labels; one of each was expected; give the images and the labels of one"
        + " split, each with its own -i")
    // A header that announces more than any memory holds.
    #expect(
      read(images: [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], labels: labels)?.fault
        == .badInput)
    #expect(read(images: images, labels: [0, 0, 12, 1, 255, 255, 255, 255])?.fault == .badInput)
    // Labels of four bytes.
    #expect(read(images: images, labels: [0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]) == nil)
    #expect(read(images: images, labels: [0, 0, 12, 1, 0, 0, 0, 2, 255, 0, 0, 1, 0, 0, 0, 0])?.fault == .badInput)
  }

  // MARK: Records and labels

  @Test func `a wrong record size`() {
    expect(
      [TestMember("data_batch_1.bin", Array((record(0) + record(1)).dropLast()))],
      says: "test: data_batch_1.bin: 6,145 bytes are not a whole number of records of 3,073 bytes (1 record and 3,072"
        + " bytes)\(again)")
    expect([TestMember("data_batch_1.bin", [])], says: "test: data_batch_1.bin: it is empty\(again)")
    expect(
      [TestMember("train.bin", record(0))],
      says:
        "test: train.bin: 3,073 bytes are not a whole number of records of 3,074 bytes (0 records and 3,073 bytes)\(again)"
    )
  }

  @Test func `a label out of range`() {
    expect(
      [TestMember("data_batch_1.bin", record(9) + record(10))],
      says: "test: data_batch_1.bin: record 2: label 10, but there are only the labels 0 to 9\(name)")
    expect(
      [TestMember("batches.meta.txt", text: "a\nb\n"), TestMember("data_batch_1.bin", record(2))],
      says: "test: data_batch_1.bin: record 1: label 2, but there are only the labels 0 to 1\(name)")
    expect(
      [TestMember("x.png", png), TestMember("x.cls", text: "-1")],
      says:
        "test: x.cls: the label “-1” is neither a class index from 0 to 999,999 nor a class's name; number the classes, and"
        + " write the number in digits")
    expect(
      webDataset(["w"]) + [TestMember("x.png", png), TestMember("x.cls", text: "cat")],
      says: "test: x.cls: some labels are numbers and others names: see w.cls; make all of them numbers, or all names")
    expect(
      webDataset(["w"]) + [
        TestMember("x.png", png), TestMember("x.cls", text: "2"), TestMember("classes.txt", text: "a\nb\n"),
      ],
      says: "test: label 2, but classes.txt names only the classes 0 to 1\(name)")
  }

  @Test func `an image without a label`() {
    let lonely = [TestMember("c.png", png)]
    expect(
      webDataset(["a", "b"]) + lonely + webDataset(["d"]),
      says: "test: c: an image without a label: there are only png, but no cls\(pair)")
    expect(
      [TestMember("a.png", png), TestMember("b.png", png)],
      says:
        "test: no known layout: it holds images without labels, neither in folders nor beside .cls members; the layouts"
        + " are cifar10-binary, cifar100-binary, cifar-pickle, stl10-binary, svhn, idx, image-folder, image-table, audio-folder, webdataset, npz, pixel-csv, and --layout forces one"
    )
    expect(
      [TestMember("a.png", png), TestMember("a.txt", text: "0"), TestMember("b.png", png)],
      says: "test: no known layout: it holds images without labels, neither in folders nor beside .cls members;"
        + " if texts such as a.txt are the labels, say so with --label-field txt")
    expect(
      [TestMember("r/a/1.png", png), TestMember("r/2.png", png)],
      says:
        "test: r: images without labels: they stand beside the class folders, not in one; put each image into a folder"
        + " with its class's name")
    expect(
      [TestMember("train/1.png", png), TestMember("train/a/2.png", png)],
      says: "test: train: images without labels: they stand beside the class folders, not in one; put each image into a"
        + " folder with its class's name")
  }

  /// torchvision counts such a folder as a class, or refuses it: leaving it out would move the indices of the others.
  @Test func `a class folder without images`() throws {
    let members = [
      TestMember("cat/1.png", png), TestMember("dog/readme.txt", text: "later"), TestMember("emu/", [], .folder),
      TestMember("fox/2.png", other), TestMember(".git/config", text: ""),
    ]
    expect(
      members,
      says: "test: class folders without images: dog, emu; put images there, or keep the other classes with --classes"
        + " cat,fox")
    expect(
      [
        TestMember("r/train/cat/1.png", png), TestMember("r/test/cat/1.png", png),
        TestMember("r/train/dog/", [], .folder),
      ],
      says:
        "test: a class folder without images: dog; put images there, or say where the names of the files hold the class, as with"
        + " --label-pattern '{label}_*'")
    #expect(try read(tar(members), ReadOptions(classes: ["cat", "fox"])).map(\.label) == [0, 1])
    // Beside the classes anything may stand.
    let beside = [TestMember("r/cat/1.png", png), TestMember("r/fox/1.png", png), TestMember("docs/x/a.txt", text: "")]
    #expect(failure(of: tar(beside + [TestMember("r/", [], .folder), TestMember("r/list.csv", text: "")])) == nil)
    let folder = try TemporaryFolder()
    for path in ["cat/1.png", "fox/2.png"] { try folder.write(path, png) }
    try folder.write("emu/.x", [])
    let error = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(error?.problem == "a class folder without images: emu")
  }

  @Test func `a label without an image`() {
    expect(
      webDataset(["a"]) + [TestMember("b.cls", text: "0")],
      says: "test: b: a label without an image: there are only cls, but no png, jpg or npy\(pair)")
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 0]
    expect(
      [TestMember("train-labels-idx1-ubyte", labels)],
      says: "test: labels without images: train-labels-idx1-ubyte for the train split\(pair)")
    expect(
      [TestMember("y_train.npy", int64Array([1]))], says: "test: y_train.npy: labels without images beside them\(pair)")
  }

  @Test func `a duplicate key`() {
    expect(
      webDataset(["a"]) + [TestMember("a.cls", text: "0")],
      says: "test: a: the field cls occurs twice; pack the archive again, with every key once")
    let image = TestMember("a.png", png)
    expect(
      [image, TestMember("b.png", png), TestMember("a.cls", text: "0"), TestMember("b.cls", text: "0")],
      says:
        "test: a: the members of this sample are not adjacent: some stand further ahead; pack the archive again with tar"
        + " --sort=name")
  }

  /// As `tar --append` leaves it; every sample of the file would count twice.
  @Test func `a file that occurs twice`() {
    expect(
      [TestMember("a/1.png", other), TestMember("b/1.png", other), TestMember("a/1.png", other)],
      says: "test: a/1.png: the file occurs twice; pack the archive again")
    let batch = TestMember("data_batch_1.bin", record(0) + record(1))
    expect([batch, batch], says: "test: data_batch_1.bin: the file occurs twice; pack the archive again")
  }

  // MARK: Images

  @Test func `a corrupt image`() {
    var damaged = png
    damaged[png.count - 20] ^= 0xff
    let error = failure(of: tar([TestMember("a/1.png", other), TestMember("a/2.png", damaged)]))
    #expect(error?.fault == .badInput)
    #expect(error?.description.hasPrefix("test: a/2.png: a damaged PNG image (") == true)
    let inWebDataset = failure(
      of: tar(webDataset(["a"]) + [TestMember("b.cls", text: "0"), TestMember("b.png", damaged)]))
    #expect(inWebDataset?.description.hasPrefix("test: b: a damaged PNG image (") == true)
    expect(
      [TestMember("a/1.png", text: "not an image")],
      says: "test: a/1.png: not an image of a known format: it starts with 6e 6f 74 20 61 6e 20 69\(replace)")
    expect([TestMember("a/1.png")], says: "test: a/1.png: an empty file instead of an image\(replace)")
    expect(
      [TestMember("a/1.png", png), TestMember("a/2.webp", [1])],
      says: "test: a/2.webp: not an image of a known format: it starts with 01\(replace)")
  }

  @Test func `an image larger than allowed`() {
    expect(
      [TestMember("a/1.png", png)], ReadOptions(limits: Limits(maxPixels: 15)),
      says:
        "test: a/1.png: an image of 4×4 pixels; at most 15 are allowed; make it smaller, or leave it out with --on-bad-sample skip"
    )
    expect(
      [TestMember("a/1.png", png)], ReadOptions(resize: .shortSide(1000), limits: Limits(maxPixels: 999_999)),
      says: "test: a/1.png: resized to 1,000×1,000; 1 to 999,999 pixels are allowed")
    expect(
      [TestMember("a/1.png", png)], ReadOptions(centerCrop: 5),
      says: "test: a/1.png: a square of 5 cannot be cut out of 4×4 pixels; resize to at least that with --resize 5")
  }

  // MARK: Whole datasets

  @Test func `a link an absolute path and a way out`() {
    let samples = webDataset(["a", "b"])
    expect(
      samples + [TestMember("/x.png", png)],
      says: "test: /x.png: an absolute path; pack it again from its folder: tar -C FOLDER -cf ARCHIVE .")
    expect(
      samples + [TestMember("../x.png", png)],
      says: "test: ../x.png: a path that leads out of the archive; pack it again without")
  }

  @Test func `nothing at all`() throws {
    #expect(failure(of: [])?.description == "test: it is empty\(look)")
    #expect(failure(of: gzip([]))?.description == "test: there is nothing in it\(look)")
    expect([], says: "test: there are no files in it\(look)")
    expect(
      [TestMember("data_batch_1.bin", record(1))], ReadOptions(classes: ["ship"]),
      says: "test: there are no samples in it\(look)")
    let folder = try TemporaryFolder()
    let error = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(error?.description == "\(folder.path): there are no files in it\(look)")
    let missing = #expect(throws: DataError.self) { try openDataset([.file("\(folder.path)/none")]) }
    #expect(missing?.fault == .noInput)
    #expect(#expect(throws: DataError.self) { try openDataset([]) }?.fault == .noInput)
  }

  @Test func `an unknown layout`() {
    expect(
      [TestMember("a.txt", [1]), TestMember("b.csv", [1])],
      says:
        "test: no known layout: it holds members such as a.txt, b.csv; the layouts are cifar10-binary, cifar100-binary,"
        + " cifar-pickle, stl10-binary, svhn, idx, image-folder, image-table, audio-folder, webdataset, npz, pixel-csv, and --layout forces one"
    )
    #expect(
      failure(of: Array("hello world".utf8))?.description
        == "test: no known layout: it holds a single file that starts with 68 65 6c 6c 6f 20 77 6f; the layouts are"
        + " cifar10-binary, cifar100-binary, cifar-pickle, stl10-binary, svhn, idx, image-folder, image-table, audio-folder, webdataset, npz, pixel-csv, and --layout forces one"
    )
  }

  @Test func `an unknown class`() {
    expect(
      [TestMember("a/1.png", png), TestMember("b/1.png", png)], ReadOptions(classes: ["a", "c"]),
      says: "test: there is no class “c” in it; its classes are a, b")
  }

  @Test func `the wrong split`() {
    expect(
      [TestMember("test_batch.bin", record(1))],
      says: "test: there is no train split in it, only a test split; read that with --split test")
    expect(
      [TestMember("train/a/1.png", png)], ReadOptions(split: .test),
      says: "test: there is no test split in it, only a train split; read that with --split train")
  }

  @Test func `arrays that are no dataset`() throws {
    let folder = try TemporaryFolder()
    func problem(_ members: [TestMember]) throws -> String? {
      do { _ = try all(openDataset([.file(folder.write("x.npz", zip(members)))])) } catch {
        return (error as? DataError)?.description.replacing(folder.path + "/", with: "")
      }
      return nil
    }
    let images = array(type: "|u1", shape: "(2, 1, 1)", [1, 2])
    #expect(try problem([TestMember("x_train.npy", images), TestMember("y_train.npy", int64Array([0, 1]))]) == nil)
    #expect(
      try problem([TestMember("x_train.npy", images)])
        == "x.npz: x_train.npy: images without labels: no such array beside it; give the file with the labels, too, with an -i of"
        + " its own")
    #expect(
      try problem([TestMember("x_train.npy", images), TestMember("y_train.npy", int64Array([0]))])
        == "x.npz: x_train.npy: 2 images but 1 label: number 2 is an image without a label\(pair)")
    #expect(
      try problem([TestMember("x_train.npy", images), TestMember("y_train.npy", array(type: "|O", shape: "(2,)", [0]))])
        == "x.npz: y_train.npy: an array of Python objects, which only unpickling could read; save numbers, not objects"
    )
    #expect(
      try problem([
        TestMember("x_train.npy", images),
        TestMember("y_train.npy", array(type: "<i4", shape: "(1, 2)", [UInt8](repeating: 0, count: 8))),
      ])
        == "x.npz: y_train.npy: labels of shape [1, 2]; one number for each image was expected; save class indices, not"
        + " one-hot rows; images with several labels each have no class to condense")
    let bright = npyBytes(FloatArray(shape: [1, 1, 2], values: [-3, 255]))
    #expect(
      try problem([TestMember("images.npy", bright), TestMember("labels.npy", int64Array([0]))])
        == "x.npz: images.npy: its values lie between -3 and 255; images between 0 and 1 or between 0 and 255 were expected;"
        + " undo the normalisation, or save the original images as bytes")
  }

  /// Whatever layout is forced on whatever content, the answer is samples or a sentence about the input.
  @Test(arguments: Layout.all) func `no layout stumbles over another one's files`(_ layout: Layout) throws {
    for name in [
      "shapes-cifar.tar.gz", "shapes-cifar100.tar.gz", "shapes-cifar-python.tar.gz", "shapes-folder.tar.gz",
      "shapes-webdataset.tar", "strokes-idx.tar", "strokes-idx", "strokes.npz", "strokes-idx/t10k-labels-idx1-ubyte.gz",
    ] {
      do {
        #expect(try !all(openDataset([.file(fixture(name))], options: ReadOptions(layout: layout))).isEmpty)
      } catch {
        #expect((error as? DataError)?.fault == .badInput, "\(layout) on \(name): \(error)")
      }
    }
  }

  @Test func `a failed source fails the same way again`() throws {
    let archive = tar([TestMember("data_batch_1.bin", record(9) + record(10))])
    let source = try openDataset(from: ByteSource(bytes: archive, name: "x"))
    _ = try source.next()
    let first = #expect(throws: DataError.self) { try source.next() }
    let second = #expect(throws: DataError.self) { try source.next() }
    #expect(first == second)
  }
}
