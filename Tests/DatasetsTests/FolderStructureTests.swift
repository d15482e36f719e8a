import Datasets
import Testing

/// Parts are no classes, whatever they are called; where folders can be read in two ways, both are named.
@Suite struct FolderStructureTests {
  /// An archive of images whose pixels differ, at these paths; a path that ends with a slash is a folder.
  private func archive(_ paths: [String]) -> [TestMember] {
    paths.enumerated().map { index, path in
      path.hasSuffix("/") ? TestMember(path, [], .folder) : TestMember(path, image(index))
    }
  }

  private func image(_ seed: Int) -> [UInt8] {
    encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: seed)))
  }

  /// `path=class` of every sample.
  private func labels(_ members: [TestMember], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    let source = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), options: options)
    return try all(source).map { "\($0.origin ?? "")=\(source.info.classNames[$0.label])" }
  }

  private func notes(_ members: [TestMember]) throws -> [String] {
    var lines: [String] = []
    _ = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), log: { lines.append($0) })
    return Array(lines.dropFirst())
  }

  @Test(arguments: [
    ("train", "dev"), ("training", "testing"), ("Train", "Valid"), ("training_set", "test_set"),
    ("train2017", "val2017"),
    ("seg_train", "seg_test"), ("asl_alphabet_train", "asl_alphabet_test"), ("TrainImages", "TestImages"),
    ("train", "eval"),
  ])
  func `parts have many names`(_ train: String, _ test: String) throws {
    for root in ["", "root/"] {
      let paths = [train, test].flatMap { part in ["cat", "dog"].map { "\(root)\(part)/\($0)/1.png" } }
      #expect(try labels(archive(paths)) == ["\(root)\(train)/cat/1.png=cat", "\(root)\(train)/dog/1.png=dog"])
      #expect(
        try labels(archive(paths), ReadOptions(split: .test, isSplitRequired: true))
          == ["\(root)\(test)/cat/1.png=cat", "\(root)\(test)/dog/1.png=dog"])
      // The same when each is kept in a folder of its own name.
      let nested = [train, test].flatMap { part in ["cat", "dog"].map { "\(root)\(part)/\(part)/\($0)/1.png" } }
      #expect(try labels(archive(nested)).map { String($0.split(separator: "=")[1]) } == ["cat", "dog"])
    }
  }

  @Test func `folds and domains with the same classes are refused with both readings`() throws {
    func problem(_ paths: [String]) -> String? { failure(of: tar(archive(paths)))?.problem }
    let folds = ["fold1", "fold2"].flatMap { fold in
      ["train", "test"].flatMap { ["\(fold)/\($0)/cat/1.png", "\(fold)/\($0)/dog/1.png"] }
    }
    #expect(problem(folds)?.contains("the classes may be fold1, fold2, or cat, dog") == true)
    let pattern = try FilePattern("*/*/{label}/*")
    let test = try FilePattern("*/test/*/*")
    #expect(
      try labels(archive(folds), ReadOptions(labelPattern: pattern, testPattern: test))
        == [
          "fold1/train/cat/1.png=cat", "fold1/train/dog/1.png=dog", "fold2/train/cat/1.png=cat",
          "fold2/train/dog/1.png=dog",
        ])
    let parts = [
      "bottle/train/good/1.png", "bottle/test/good/1.png", "bottle/test/broken/1.png", "nut/train/good/1.png",
      "nut/test/cut/1.png",
    ]
    #expect(problem(parts)?.contains("it can be read in two ways") == true)
    // Siblings that lack a class are siblings all the same.
    #expect(
      problem(["left/cat/1.png", "left/dog/1.png", "right/cat/1.png", "right/dog/1.png", "up/cat/1.png"])?.contains(
        "two ways") == true)
    #expect(problem(["p1/0/1.png", "p2/1/1.png", "p3/0/1.png", "p3/1/1.png"])?.contains("two ways") == true)
    // The parts of a class may hold folders of any name.
    let sessions = ["cat/train/a/1.png", "cat/test/b/1.png", "dog/train/c/1.png", "dog/test/d/1.png"]
    #expect(try labels(archive(sessions)) == ["cat/train/a/1.png=cat", "dog/train/c/1.png=dog"])
    #expect(
      try notes(archive(sessions)).contains { $0.contains("though there are folders in their parts: a, b, c, d") })
    #expect(
      try notes(archive(["land/abbey/1.png", "sea/bar/1.png", "sea/bus/1.png"])).contains {
        $0.contains("only folders in them: abbey, bar, bus")
      })
  }

  @Test func `pieces are no classes and images without labels stand beside labelled ones`() throws {
    let error = failure(of: tar(archive(["part_1/1.png", "part_1/2.png", "part_2/1.png"])))
    #expect(error?.problem.contains("the folders part_1, part_2 are pieces of a dataset") == true)
    let labelled = ["labeled/cat/1.png", "labeled/dog/1.png", "unlabeled/7.png"]
    #expect(try labels(archive(labelled)) == ["labeled/cat/1.png=cat", "labeled/dog/1.png=dog"])
    #expect(failure(of: tar(archive(["cat/1.png", "dog/1.png", "val/1.png"])))?.problem.contains("two ways") == true)
    #expect(try labels(archive(["car/1.png", "train/1.png"])) == ["car/1.png=car", "train/1.png=train"])
  }

  @Test func `parts without labels are skipped with a note`() throws {
    let labelled = ["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"]
    #expect(try labels(archive(labelled + ["unlabeled/7.png"])).count == 2)
    #expect(try notes(archive(labelled + ["unlabeled/7.png"])) == ["x: unlabeled: images without labels were skipped"])
    let flat = ["train/a/1.png", "train/b/1.png", "test/7.png"]
    #expect(try notes(archive(flat)) == ["x: test: images without labels were skipped"])
    let error = failure(of: tar(archive(flat)), ReadOptions(split: .test, isSplitRequired: true))
    #expect(
      error?.problem == "there is no test split in it, only a train split; the images of its test folder have no labels"
    )
    let predicted = ["seg_train/a/1.png", "seg_train/b/1.png", "seg_test/a/1.png", "seg_pred/9.png"]
    #expect(try notes(archive(predicted)) == ["x: seg_pred: images without labels were skipped"])
    // A folder beside parts that hold the same classes is no class.
    let more = ["train/a/1.png", "train/b/1.png", "test/a/1.png", "more/a/9.png"]
    #expect(try notes(archive(more)) == ["x: more: beside the parts test, train, and skipped"])
    #expect(try labels(archive(more)).count == 2)
    #expect(try labels(archive(predicted)).count == 2)
  }

  @Test func `Tiny-ImageNet's folders of images are no classes`() throws {
    let names = ["n01443537", "n01629819"]
    let paths = names.flatMap { name in (0..<2).map { "tiny/train/\(name)/images/\(name)_\($0).JPEG" } }
    let found = try labels(archive(paths + ["tiny/val/images/val_0.JPEG", "tiny/test/images/test_0.JPEG"]))
    #expect(found == paths.map { "\($0)=\($0.split(separator: "/")[2])" })
  }

  @Test func `parts below the classes are parts`() throws {
    let paths = ["cat/train/1.png", "cat/test/2.png", "dog/train/1.png", "dog/test/2.png"]
    #expect(try labels(archive(paths)) == ["cat/train/1.png=cat", "dog/train/1.png=dog"])
    #expect(try labels(archive(paths), ReadOptions(split: .test)) == ["cat/test/2.png=cat", "dog/test/2.png=dog"])
  }

  @Test func `a class may be called train`() throws {
    let paths = ["bus/1.png", "car/1.png", "train/1.png"]
    #expect(try labels(archive(paths)) == ["bus/1.png=bus", "car/1.png=car", "train/1.png=train"])
    #expect(try notes(archive(paths)) == ["x: train is read as a class, as the folders beside it are"])
  }

  @Test func `a copy of the folder in itself counts once`() throws {
    let classes = ["cells/good/1.png", "cells/good/2.png", "cells/bad/1.png"]
    let original = archive(classes)
    let copy = original.map { TestMember("cells/" + $0.path, $0.bytes) }
    for members in [original + copy, copy + original] {
      #expect(try labels(members).sorted() == classes.map { "\($0)=\($0.split(separator: "/")[1])" }.sorted())
      #expect(try notes(members) == ["x: cells/cells is a copy of the folder that it is in, and was skipped"])
    }
    let parts = archive(["x/train/a/1.png", "x/train/b/1.png", "x/test/a/1.png", "x/test/b/1.png"])
    #expect(try labels(parts + parts.map { TestMember("x/" + $0.path, $0.bytes) }).count == 2)
    // The same names with other pictures are no copy.
    let other = archive(["", "", ""] + classes.map { "cells/" + $0 }).suffix(3)
    let error = failure(of: tar(original + other))
    #expect(
      error?.problem
        == "bad, good stand in the dataset twice, in cells/cells and in the folder above it, with different images")
  }

  @Test func `folders that can be read in two ways are refused and a pattern chooses`() throws {
    let paths = ["left", "right"].flatMap { side in ["cat", "dog"].map { "\(side)/\($0)/1.png" } }
    let error = failure(of: tar(archive(paths)))
    #expect(error?.fault == .badInput)
    #expect(
      error?.description
        == "test: it can be read in two ways: the classes may be left, right, or cat, dog, which each of them holds; choose with "
        + "--label-pattern '{label}/*/*' or --label-pattern '*/{label}/*'; where cat of left and cat of right are two classes, put them side "
        + "by side under names of their own, such as left_cat")
    #expect(
      try labels(archive(paths), ReadOptions(labelPattern: FilePattern("{label}/*/*"))).first == "left/cat/1.png=left")
    #expect(
      try labels(archive(paths), ReadOptions(labelPattern: FilePattern("*/{label}/*"))).first == "left/cat/1.png=cat")
    // Breeds that only one class has leave no doubt.
    #expect(try labels(archive(["cat/manx/1.png", "cat/siam/1.png", "dog/pug/1.png", "dog/lab/1.png"])).count == 4)
    #expect(
      failure(of: tar(archive(["train/a/1.png", "bus/1.png", "car/1.png"])))?.problem.contains("two ways") == true)
  }

  @Test(arguments: ["cat", "Cat "]) func `parts that write a class in two ways are refused`(_ name: String) {
    let error = failure(
      of: tar(archive(["train/Cat/1.png", "train/Dog/1.png", "test/\(name)/1.png", "test/Dog/1.png"])))
    #expect(
      error?.problem
        == "the class “Cat” of the train part is called “\(name)” in the test part, which would make two classes of it")
  }

  @Test func `an accent is written in two ways and is one class`() throws {
    let paths = ["train/caf\u{e9}/1.png", "train/dog/1.png", "test/cafe\u{301}/1.png", "test/dog/1.png"]
    let source = try openDataset(from: ByteSource(bytes: tar(archive(paths)), name: "x"))
    #expect(source.info.classNames.map { Array($0.utf8) } == [Array("cafe\u{301}".utf8), Array("dog".utf8)])
    #expect(try labels(archive(paths), ReadOptions(split: .test)).count == 2)
    #expect(
      try notes(archive(paths)).contains {
        $0.hasSuffix("stands for two names that differ only in how an accent is written: they are one class")
      })
    #expect(try notes(archive(["train/caf\u{e9}/1.png", "train/caf\u{e9}/2.png", "train/dog/1.png"])) == [])
  }

  @Test func `two folders of one part are said and copies count once`() throws {
    let first = archive(["train/a/1.png", "train/b/1.png", "test/a/2.png", "test/b/3.png"])
    let copy = first.prefix(2).map { TestMember($0.path.replacing("train", with: "train (1)"), $0.bytes) }
    #expect(try labels(first + copy).count == 2)
    #expect(try notes(first + copy) == ["x: train (1) is a copy of train, and was skipped"])
    let more = first.suffix(2).map { TestMember($0.path.replacing("test", with: "train2"), image(9)) }
    #expect(try labels(first + more).count == 4)
    #expect(try notes(first + more) == ["x: train and train2 are both read as the train part"])
    let leak = first.prefix(2) + first.prefix(2).map { TestMember($0.path.replacing("train", with: "test"), $0.bytes) }
    #expect(try notes(Array(leak)) == ["x: train holds the same images as test"])
  }

  @Test(arguments: [
    ["images/1.png", "masks/1.png"], ["trainA/1.png", "trainB/1.png", "testA/1.png", "testB/1.png"],
    ["images/train/1.png", "images/val/1.png"], ["train/images/1.png", "train/masks/1.png"],
  ])
  func `images beside what belongs to them are no classes`(_ paths: [String]) {
    #expect(
      failure(of: tar(archive(paths)))?.problem
        == "images without labels: neither folders nor a table tell their classes")
  }

  @Test(arguments: [
    ["images/1.png", "annotations/trimaps/1.png"], ["image/1.png", "mask/x/1.png"],
    ["JPEGImages/1.png", "annotations/trimaps/1.png"], ["imgs/a/1.png", "masks/a/1.png"],
    ["Images/1.png", "GT/1.png", "Masks/inst/1.png"], ["rgb/1.png", "depth/1.png"], ["color/1.png", "mask/seg/1.png"],
    ["images/train/1.png", "images/val/1.png", "masks/train/1.png", "masks/val/1.png"],
    ["train/images/1.png", "train/annotations/trimaps/1.png"],
    ["JPEGImages/1.png", "SegmentationClass/1.png", "SegmentationObject/1.png"],
  ])
  func `images beside their masks are no classes, however deep these stand`(_ paths: [String]) {
    let error = failure(of: tar(archive(paths)))
    #expect(error?.fault == .badInput)
    #expect(error?.problem.hasPrefix("images without labels: ") == true)
    #expect(error?.remedy?.contains("class") == true)
  }

  @Test func `masks beside the images of a class are skipped and counted`() throws {
    let paths = ["COVID", "Normal"].flatMap { name in ["images", "masks"].map { "\(name)/\($0)/\(name)-1.png" } }
    let found = ["COVID/images/COVID-1.png=COVID", "Normal/images/Normal-1.png=Normal"]
    #expect(try labels(archive(paths)) == found)
    #expect(
      try notes(archive(paths)) == [
        "x: COVID/masks, Normal/masks: 2 images skipped, as the names of these folders say that they hold what belongs to the images "
          + "beside them, such as masks"
      ])
    let parts = ["train", "test"].flatMap { part in paths.map { "\(part)/\($0)" } }
    #expect(try labels(archive(parts)) == found.map { "train/\($0)" })
    #expect(try labels(archive(["a/1.png", "a/masks/1.png", "b/2.png"])) == ["a/1.png=a", "b/2.png=b"])
    // What a face wears is a class.
    #expect(try labels(archive(["mask/1.png", "no_mask/2.png"])) == ["mask/1.png=mask", "no_mask/2.png=no_mask"])
  }

  @Test func `an npz beside class folders is no dataset unless its arrays are called so`() throws {
    let images = archive(["ant/1.png", "bee/1.png"])
    let features = TestMember("a_features.npz", zip([TestMember("features.npy", int64Array([1, 2]))]))
    let found = ["ant/1.png=ant", "bee/1.png=bee"]
    #expect(try labels([features] + images) == found)
    #expect(try labels(images + [features]) == found)
    let named = TestMember("a.npz", zip([TestMember("labels.npy", int64Array([1, 2]))]))
    #expect(failure(of: tar([named] + images))?.remedy?.contains("--layout image-folder") == true)
    #expect(try labels([named] + images, ReadOptions(layout: .imageFolder)) == found)
    // Pictures beside arrays.
    let arrays = TestMember(
      "digits.npz",
      zip([
        TestMember("ids.npy", int64Array([7, 8])),
        TestMember("images.npy", array(type: "|u1", shape: "(2, 1, 1)", [5, 6])),
        TestMember("labels.npy", int64Array([1, 0])),
      ]))
    #expect(try read(tar([arrays] + archive(["figures/1.png"]))).map(\.label) == [1, 0])
  }

  @Test(arguments: [
    ["images/1.png", "images/2.png"], ["train/images/1.png", "val/images/2.png"], ["train/1.png", "test/1.png"],
  ])
  func `a folder that says nothing is no class`(_ paths: [String]) {
    #expect(
      failure(of: tar(archive(paths)))?.problem
        == "images without labels: neither folders nor a table tell their classes")
  }

  @Test func `numbers as class folders are sorted as names and that is said`() throws {
    let paths = ["0/1.png", "1/1.png", "2/1.png", "10/1.png"]
    #expect(
      try openDataset(from: ByteSource(bytes: tar(archive(paths)), name: "x")).info.classNames == ["0", "1", "10", "2"])
    #expect(try notes(archive(paths)).first?.contains("sorted as names, as torchvision does: 0, 1, 10, …") == true)
    #expect(try notes(archive(["0/1.png", "1/1.png"])) == [])
    #expect(try notes(archive(["9/1.png", "10/1.png"])).first?.contains("as torchvision does: 10, 9; a label") == true)
  }

  @Test func `names of images tell the class where a pattern says so`() throws {
    let paths = ["train/cat.0.png", "train/dog.0.png", "test/cat.1.png"]
    let options = ReadOptions(labelPattern: try FilePattern("{label}.*"))
    #expect(try labels(archive(paths), options) == ["train/cat.0.png=cat", "train/dog.0.png=dog"])
    let flat = ReadOptions(labelPattern: try FilePattern("{label}_*"), testPattern: try FilePattern("*_9"))
    #expect(
      try labels(archive(["Maine_Coon_1.png"].map { $0.replacing("Maine_", with: "Maine") } + ["pug_9.png"]), flat) == [
        "MaineCoon_1.png=MaineCoon"
      ])
  }

  @Test func `labels that a pattern may have cut short are told of`() throws {
    func doubts(_ pattern: String, _ paths: [String]) throws -> [String] {
      var lines: [String] = []
      let options = ReadOptions(labelPattern: try FilePattern(pattern))
      _ = try openDataset(
        from: ByteSource(bytes: tar(archive(paths)), name: "x"), options: options, log: { lines.append($0) })
      return lines.filter { $0.contains("more words stand behind") }
    }
    let pets = ["Abyssinian_1.png", "american_bulldog_1.png", "american_pit_bull_terrier_1.png"]
    let found = try doubts("{label}_*", pets)
    #expect(found.count == 1)
    #expect(
      found.first?.hasPrefix(
        "x: more words stand behind what --label-pattern '{label}_*' takes for the label: american;") == true)
    #expect(try doubts("{label}_[0-9]*", pets).isEmpty)
    #expect(
      try labels(archive(pets), ReadOptions(labelPattern: FilePattern("{label}_[0-9]*"))) == [
        "Abyssinian_1.png=Abyssinian", "american_bulldog_1.png=american_bulldog",
        "american_pit_bull_terrier_1.png=american_pit_bull_terrier",
      ])
    #expect(try doubts("{label}_*", ["cat_1.png", "dog_1_2.png", "7_theo_1.png"]).isEmpty)
  }

  @Test func `images are known by their first bytes`() throws {
    let jpeg = image(1)
    let members = [
      TestMember("a/1.jfif", jpeg), TestMember("a/2.JPE", jpeg), TestMember("b/3", jpeg),
      TestMember("b/notes.txt", text: "x"),
    ]
    #expect(try labels(members) == ["a/1.jfif=a", "a/2.JPE=a", "b/3=b"])
  }

  @Test func `an archive of one archive per class`() throws {
    let inner = ["n02", "n01"].map { name in
      TestMember("\(name).tar", tar([TestMember("\(name)_0.JPEG", image(1)), TestMember("\(name)_1.JPEG", image(2))]))
    }
    let expected = ["n02/n02_0.JPEG=n02", "n02/n02_1.JPEG=n02", "n01/n01_0.JPEG=n01", "n01/n01_1.JPEG=n01"]
    #expect(try labels(inner) == expected)
    let folder = try TemporaryFolder()
    let file = try PipedFile(folder.write("x.tar", tar(inner, .gzip)))
    let source = try openDataset(from: file.source)
    #expect(try all(source).map { "\($0.origin ?? "")=\(source.info.classNames[$0.label])" } == expected)
    // Beside each other in a folder, too, and as zip archives in a zip archive.
    for member in inner { try folder.write("classes/\(member.path)", member.bytes) }
    let beside = try openDataset([.file("\(folder.path)/classes")])
    #expect(beside.info.classNames == ["n01", "n02"])
    #expect(try all(beside).count == 4)
    let zips = ["train", "test"].map {
      TestMember("\($0).zip", zip([TestMember("a/1.png", image(3)), TestMember("b/1.png", image(4))]))
    }
    #expect(
      try all(openDataset([.file(folder.write("k.zip", zip(zips)))])).map(\.origin) == [
        "train/a/1.png", "train/b/1.png",
      ])
    // Pieces of one dataset have names that are no classes.
    let pieces = [1, 2].map { TestMember("part-\($0).tar", tar([TestMember("\($0).png", image($0))])) }
    #expect(failure(of: tar(pieces))?.problem.contains("their names are no classes") == true)
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a pointer of Git LFS", "git lfs pull"),
    ("<!DOCTYPE html><html>", "a web page", "download the file again"),
    (
      "image,label\na.png,cat\n", "a table with the columns image, label, and no images",
      "that holds both the table and the images"
    ),
    ("7z\u{bc}\u{af}'\u{1c}", "a 7z archive", "7z x"), ("\u{89}HDF\r\n\u{1a}\n", "an HDF5 file", "h5py"),
    ("PAR1....", "a Parquet file", "from_huggingface"), ("Rar!..", "a RAR archive", "unar"),
    ("\u{80}\u{2}\0\0\0\0\0\0{\"images\":{", "a safetensors file", "numpy.savez"),
    ("\u{80}\u{2}\0\0\0\0\0\0\u{36}\u{bb}\u{7f}\u{9d}\u{a}\u{8b}", "a TFRecord file", "they were made from"),
    ("\u{80}\u{2}\u{8a}\nl\u{fc}\u{9c}F\u{f9} ", "a file of torch.save", "torch"),
  ])
  func `a file of another kind is named with the way to its data`(_ text: String, _ what: String, _ remedy: String)
    throws
  {
    let bytes = text.unicodeScalars.map { UInt8($0.value) }
    let alone = failure(of: bytes)
    #expect(alone?.problem.hasPrefix(what) == true)
    #expect(alone?.remedy?.contains(remedy) == true)
    let inFolder = failure(of: tar([TestMember("a/1.jpg", bytes), TestMember("b/1.jpg", image(1))]))
    #expect(inFolder?.place == ["test", "a/1.jpg"])
    #expect(inFolder?.problem.hasPrefix(what) == true)
    #expect(
      failure(of: tar([TestMember("README.md", text: "x"), TestMember("data/x", bytes)]))?.problem.hasPrefix(what)
        == true)
  }

  @Test func `shards of MDS are named by their endings`() {
    let index = TestMember("index.json", text: #"{"shards":[{"format":"mds"}],"version":2}"#)
    let error = failure(of: tar([index, TestMember("shard.00000.mds", [1, 0, 0, 0, 12])]))
    #expect(error?.problem == "MDS files of mosaicml-streaming")
    #expect(error?.remedy == "such files are made for trainers: give the dataset that they were made from")
  }

  @Test func `a table with all pixels in one cell is named with the way to an npz`() {
    let row = (0..<2304).map { "\($0 % 256)" }.joined(separator: " ")
    let text = "emotion,pixels,Usage\n0,\(row),Training\n3,\(row),PublicTest\n"
    for error in [failure(of: Array(text.utf8)), failure(of: tar([TestMember("fer2013.csv", text: text)]))] {
      #expect(
        error?.problem
          == "a table whose column pixels holds all pixels of an image, with spaces between, which is not read")
      #expect(
        error?.remedy?.contains("if r['Usage'] == 'Training'") == true
          && error?.remedy?.contains("r['emotion']") == true)
    }
    // The second line of any table may be cut.
    let long = "id,note\n1,\(String(repeating: "x", count: 600))\n"
    #expect(failure(of: Array(long.utf8))?.problem == "a table with the columns id, note, and no images")
  }
}
