import Datasets
import Testing

/// Tables beside images tell their labels, by the names that people give to files and columns.
@Suite struct LabelTableTests {
  private func image(_ seed: Int) -> [UInt8] {
    encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: seed)))
  }

  private func images(_ paths: [String]) -> [TestMember] { paths.enumerated().map { TestMember($1, image($0)) } }

  private let four = (0..<4).map { "images/\($0).png" }
  private let expected = ["images/0.png=cat", "images/1.png=dog", "images/2.png=cat", "images/3.png=dog"]

  /// `path=class` of every sample, after a class order where that is asked for.
  private func labels(_ members: [TestMember], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    let source = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), options: options)
    return try all(source).map { "\($0.origin ?? "")=\(source.info.classNames[$0.label])" }
  }

  private func classes(_ members: [TestMember]) throws -> [String] {
    try openDataset(from: ByteSource(bytes: tar(members), name: "x")).info.classNames
  }

  private func notes(_ members: [TestMember]) throws -> [String] {
    var lines: [String] = []
    _ = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), log: { lines.append($0) })
    return lines
  }

  @Test(arguments: [
    ("labels.csv", "id,label\n0,cat\n1,dog\n2,cat\n3,dog\n"),
    ("labels.csv", "id,breed\r\n0,cat\r\n1,dog\r\n2,cat\r\n3,dog"),
    ("train.csv", "\u{feff}image_id;class\n0.png;cat\n1.png;dog\n2.png;cat\n3.png;dog\n"),
    (
      "x.csv",
      "\"file\",\"label\"\n\"images/0.png\",\"cat\"\n\"images/1.png\",\"dog\"\n\"images/2.png\",\"cat\"\n\"images/3.png\",\"dog\"\n"
    ),
    ("images/metadata.csv", "file_name,label\n0.png,cat\n1.png,dog\n2.png,cat\n3.png,dog\n"),
    ("labels.tsv", "species\tfile\ncat\t0.png\ndog\t1.png\ncat\t2.png\ndog\t3.png\n"),
    ("train.txt", "images/0.png cat\nimages/1.png dog\nimages/2.png cat\nimages/3.png dog\n"),
    (
      "annotations.csv",
      ",path,x,y,category\n0,C:\\data\\images\\0.png,1,2,cat\n1,images\\1.png,3,4,dog\n2,images/2.png,5,6,cat\n3,/d/images/3.png,7,8,dog\n"
    ),
    (
      "metadata.jsonl",
      "{\"file_name\":\"images/0.png\",\"label\":\"cat\"}\n{\"label\":\"dog\",\"file_name\":\"images/1.png\"}\n\n{\"file_name\":\"images/2.png\",\"label\":\"cat\",\"x\":[1]}\n{\"file_name\":\"images/3.png\",\"label\":\"dog\"}"
    ),
    ("onehot.csv", "image,cat,dog\n0,1,0\n1,0,1\n2,1.0,0.0\n3,0,1\n"),
    ("both.csv", "file,class_id,class_name\n0,0,cat\n1,1,dog\n2,0,cat\n3,1,dog\n"),
  ])
  func `a table is read as people write it`(_ name: String, _ text: String) throws {
    let table = TestMember(name, text: text)
    for members in [images(four) + [table], [table] + images(four)] {
      #expect(try labels(members) == expected)
    }
    let folder = try TemporaryFolder()
    for member in images(four) + [table] { try folder.write(member.path, member.bytes) }
    let source = try openDataset([.file(folder.path)])
    #expect(try all(source).map { "\($0.origin ?? "")=\(source.info.classNames[$0.label])" } == expected)
    let piped = try PipedFile(folder.write("x.tar", tar(images(four) + [table])))
    #expect(try all(openDataset(from: piped.source)).map(\.label) == [0, 1, 0, 1])
    let zipped = try folder.write("x.zip", zip(images(four) + [table]))
    #expect(try all(openDataset([.file(zipped)])).map(\.label) == [0, 1, 0, 1])
  }

  @Test func `quoted cells hold separators quotes and line ends`() throws {
    let text = "file,label\n0.png,\"a, \"\"b\"\"\nc\"\n1.png,\" d \"\n2.png,  e  \n3.png,e\n"
    #expect(try classes(images(four) + [TestMember("l.csv", text: text)]) == ["a, \"b\"\nc", "d", "e"])
  }

  @Test func `numbers are indices and empty classes are said`() throws {
    let zero = images(four) + [TestMember("l.csv", text: "id,label\n0,0\n1,2\n2,0\n3,11\n")]
    #expect(try classes(zero) == ["0", "2", "11"])
    #expect(try notes(zero).contains { $0.contains("numbers with gaps, up to 11") })
    let dense = images(four) + [TestMember("l.csv", text: "id,label\n0,1\n1,2\n2,1.0\n3,2\n")]
    #expect(try classes(dense) == ["0", "1", "2"])
    let one = images(four) + [TestMember("l.csv", text: "id,label\n0,1.0\n1,2.0\n2,1.0\n3,2.0\n")]
    #expect(try classes(one) == ["0", "1", "2"])
    #expect(try notes(one).contains { $0.contains("no image has the label 0, so that this class is empty") })
    #expect(try all(openDataset(from: ByteSource(bytes: tar(one), name: "x"))).map(\.label) == [1, 2, 1, 2])
    // A column of numbers beside one of names gives the order.
    let ordered =
      images(four) + [TestMember("l.csv", text: "id,class,class_id\n0,zebra,0\n1,ant,1\n2,zebra,0\n3,ant,1\n")]
    #expect(try classes(ordered) == ["zebra", "ant"])
  }

  @Test func `columns are chosen where their names say too little`() throws {
    let members =
      images(four) + [
        TestMember("l.csv", text: "id,colour,shape,size\n0,red,cat,1\n1,red,dog,2\n2,blue,cat,3\n3,blue,dog,4\n")
      ]
    let error = failure(of: tar(members))
    #expect(
      error?.description
        == "test: l.csv: which column holds the label is not clear: it may be in colour, shape, size; choose one with --label-column, or "
        + "read the folders as classes with --layout image-folder")
    var options = ReadOptions()
    options.labelColumn = "shape"
    #expect(try labels(members, options) == expected)
    options.labelColumn = "Shape"
    options.imageColumn = "id"
    #expect(try labels(members, options) == expected)
    options.labelColumn = "form"
    let unknown = failure(of: tar(members), options)
    #expect(unknown?.fault == .usage)
    #expect(unknown?.remedy == "the columns are id, colour, shape, size")
    options = ReadOptions()
    options.labelColumn = "label"
    #expect(failure(of: tar(images(["a/1.png", "b/1.png"])), options)?.fault == .usage)
  }

  @Test func `parts are told by columns by names of tables and by folders`() throws {
    let split =
      images(four) + [TestMember("l.csv", text: "id,label,split\n0,cat,train\n1,dog,test\n2,cat,train\n3,dog,train\n")]
    #expect(try labels(split) == ["images/0.png=cat", "images/2.png=cat", "images/3.png=dog"])
    #expect(try labels(split, ReadOptions(split: .test, isSplitRequired: true)) == ["images/1.png=dog"])
    let folds = images(four) + [TestMember("l.csv", text: "id,label,fold\n0,cat,1\n1,dog,2\n2,cat,1\n3,dog,1\n")]
    #expect(try labels(folds) == expected)
    #expect(try notes(folds).contains { $0.contains("has 2 folds, and all of them are read; --test-fold 2") })
    var options = ReadOptions(split: .test)
    options.testFolds = ["2"]
    #expect(try labels(folds, options) == ["images/1.png=dog"])
    let two =
      images(four) + [
        TestMember("train_labels.csv", text: "id,label\n0,cat\n1,dog\n2,cat\n"),
        TestMember("test_labels.csv", text: "id,label\n3,dog\n"),
      ]
    #expect(try labels(two) == Array(expected.prefix(3)))
    let folders =
      images(["train/0.png", "train/1.png", "test/0.png"]) + [
        TestMember("train/metadata.csv", text: "file_name,label\n0.png,cat\n1.png,dog\n"),
        TestMember("test/metadata.csv", text: "file_name,label\n0.png,dog\n"),
      ]
    #expect(try labels(folders) == ["train/0.png=cat", "train/1.png=dog"])
    #expect(try labels(folders, ReadOptions(split: .test)) == ["test/0.png=dog"])
    let lists =
      images(["images/a/0.png", "images/a/1.png", "images/b/0.png", "images/b/1.png"]) + [
        TestMember("meta/train.txt", text: "a/0\nb/1\n"), TestMember("meta/test.txt", text: "a/1\nb/0\n"),
      ]
    #expect(try labels(lists) == ["images/a/0.png=a", "images/b/1.png=b"])
    #expect(try labels(lists, ReadOptions(split: .test)) == ["images/a/1.png=a", "images/b/0.png=b"])
  }

  @Test func `Tiny-ImageNet has folders for training and a table for validation`() throws {
    let names = ["n02", "n01"]
    let train = names.map { "tiny/train/\($0)/images/\($0)_0.JPEG" }
    let members =
      images(train + ["tiny/val/images/val_0.JPEG", "tiny/val/images/val_1.JPEG", "tiny/test/images/test_0.JPEG"])
      + names.map { TestMember("tiny/train/\($0)/\($0)_boxes.txt", text: "\($0)_0.JPEG\t0\t10\t63\t58\n") }
      + [
        TestMember(
          "tiny/val/val_annotations.txt", text: "val_0.JPEG\tn01\t0\t32\t44\t62\nval_1.JPEG\tn02\t52\t55\t57\t59\n"),
        TestMember("tiny/wnids.txt", text: "n02\nn01\n"), TestMember("tiny/words.txt", text: "n01\tfish\n"),
      ]
    #expect(try labels(members) == zip(train, names).map { "\($0)=\($1)" })
    #expect(
      try labels(members, ReadOptions(split: .test, isSplitRequired: true))
        == ["tiny/val/images/val_0.JPEG=n01", "tiny/val/images/val_1.JPEG=n02"])
    #expect(try classes(members) == ["n01", "n02"])
  }

  @Test func `ImageNet's validation images have their labels in a table or a list`() throws {
    let train = images(["n02/n02_1.JPEG", "n01/n01_1.JPEG"])
    let val = images(["ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000002.JPEG"])
    let archives = [
      TestMember(
        "ILSVRC2012_img_train.tar",
        tar(
          train.map {
            TestMember("\($0.path.prefix(3)).tar", tar([TestMember(String($0.path.dropFirst(4)), $0.bytes)]))
          })),
      TestMember("ILSVRC2012_img_val.tar", tar(val)),
    ]
    let tables = [
      TestMember("imagenet_2012_validation_synset_labels.txt", text: "n01\nn02\n"),
      TestMember(
        "LOC_val_solution.csv",
        text:
          "ImageId,PredictionString\nILSVRC2012_val_00000002,n02 1 2 3 4 n02 5 6 7 8\nILSVRC2012_val_00000001,n01 1 2 3 4\n"
      ),
      TestMember("val.txt", text: "ILSVRC2012_val_00000001.JPEG n01\nILSVRC2012_val_00000002.JPEG n02\n"),
    ]
    for table in tables {
      let folder = try TemporaryFolder()
      for member in archives + [table] { try folder.write(member.path, member.bytes) }
      func labels(_ options: ReadOptions) throws -> [String] {
        let source = try openDataset([.file(folder.path)], options: options)
        return try all(source).map {
          "\($0.origin?.split(separator: "/").last ?? "")=\(source.info.classNames[$0.label])"
        }
      }
      #expect(try labels(ReadOptions()) == ["n02_1.JPEG=n02", "n01_1.JPEG=n01"])
      #expect(
        try labels(ReadOptions(split: .test, isSplitRequired: true))
          == ["ILSVRC2012_val_00000001.JPEG=n01", "ILSVRC2012_val_00000002.JPEG=n02"])
      // The images and their table, each given by itself.
      let pair = try openDataset(
        [.file("\(folder.path)/ILSVRC2012_img_val.tar"), .file("\(folder.path)/\(table.path)")],
        options: ReadOptions(split: .test))
      #expect(pair.info.classNames == ["n01", "n02"])
      #expect(try all(pair).map(\.label) == [0, 1])
    }
    let numbers = TestMember("ILSVRC2012_validation_ground_truth.txt", text: "490\n361\n")
    #expect(failure(of: tar(val + [numbers]))?.problem.contains("whose order is not that of the class names") == true)
    // Numbers that count the sorted classes are no names of theirs.
    let caffe = TestMember("val.txt", text: "ILSVRC2012_val_00000001.JPEG 0\nILSVRC2012_val_00000002.JPEG 1\n")
    #expect(
      failure(of: tar(archives + [caffe]))?.problem.contains("has other classes than the train part: 0, 1") == true)
  }

  @Test func `what is missing or contradicts itself is named`() throws {
    func problem(_ table: String, _ options: ReadOptions = ReadOptions()) -> String? {
      failure(of: tar(images(four) + [TestMember("l.csv", text: table)]), options)?.description
    }
    #expect(
      problem("id,label\n0,cat\n1,dog\n2,cat\n3,dog\n7,dog\n8,cat\n")
        == "test: 2 of 6 samples cannot be read; the first is l.csv, line 6: the image 7 is not there; replace them, or leave them out with "
        + "--on-bad-sample skip")
    let gap = images(four) + [TestMember("l.csv", text: "id,label\n0,cat\n1,dog\n2,cat\n3,dog\n7,dog\n")]
    #expect(try labels(gap, ReadOptions(onBadSample: .skip())) == expected)
    #expect(
      problem("id,label\n0,cat\n1,dog\n2,cat\n3,dog\n0,dog\n")
        == "test: images/0.png: it has two labels: cat (l.csv, line 2) and dog (l.csv, line 6); take out the wrong row or table"
    )
    #expect(problem("id,label\n0,cat\n1,dog\n2,cat\n3,dog\n0,cat\n") == nil)
    #expect(
      problem("id,labels\n0,cat\n1,dog\n2,cat|dog\n3,dog\n")?.contains("several labels in one cell, such as cat|dog")
        == true)
    #expect(problem("id,label\n0,0.5\n1,1\n2,2.5\n3,1\n")?.contains("numbers that are not whole") == true)
    #expect(problem("id,label\n0,\"cat\n1,dog\n")?.contains("l.csv has a quote in line 2 that is not closed") == true)
    #expect(
      problem("file,label\nx,cat\ny,dog\n")?.contains("l.csv was not read: none of its columns names the images")
        == true)
    let unlabelled = images(four) + [TestMember("l.csv", text: "id,label\n0,cat\n1,dog\n2,\n")]
    #expect(try labels(unlabelled) == Array(expected.prefix(2)))
    #expect(
      try notes(unlabelled).contains {
        $0.contains("2 images without a label were skipped: images/2.png, images/3.png")
      })
    let twice = images(["a/0.png", "b/0.png"]) + [TestMember("l.csv", text: "id,label\n0,cat\n0,dog\n")]
    #expect(failure(of: tar(twice))?.problem.contains("may be a/0.png or b/0.png") == true)
    // Descriptions and pairs are no classes, and what is left over of a split is said.
    #expect(
      problem("file_name,text\n0.png,a cat\n1.png,a dog\n2.png,a bird\n3.png,two\n")?.contains(
        "no column of it holds labels")
        == true)
    #expect(
      problem("img1,img2,label\n0.png,1.png,same\n2.png,3.png,other\n")?.contains("images without labels") == true)
    let strange =
      images(four) + [
        TestMember("l.csv", text: "id,label,split\n0,cat,trainval\n1,dog,x\n2,cat,x\n3,dog,x\n")
      ]
    #expect(
      try notes(strange).contains { $0.contains("split says no train and test, so all rows are read: trainval, x") })
    let capitals = images(four) + [TestMember("l.csv", text: "id,label\n0,cat\n1,Cat\n2,dog\n")]
    #expect(try notes(capitals).contains { $0.contains("“Cat”, “cat” differ") })
    // A table of guesses is no table of labels.
    #expect(
      failure(of: tar(images(four) + [TestMember("sample_submission.csv", text: "id,label\n0,a\n1,a\n2,a\n3,a\n")]))
        != nil)
  }

  /// A row means its own image: neither one of another part nor another kind of file of the same name.
  @Test func `a row whose image is missing takes no other image of that name`() throws {
    func problem(_ paths: [String], _ table: (name: String, text: String), _ options: ReadOptions = ReadOptions())
      -> String?
    {
      failure(of: tar(images(paths) + [TestMember(table.name, text: table.text)]), options)?.problem
    }
    let rows = "id,label\n1,cat\n2,dog\n5,cat\n"
    #expect(
      problem(["train/1.png", "train/2.png", "test/1.png", "test/5.png"], ("trainLabels.csv", rows))?.contains(
        "the image 5 is not there") == true)
    let named = "file,label\n1.png,cat\n2.png,dog\n5.png,cat\n"
    #expect(
      problem(["images/1.png", "images/2.png", "masks/5.jpg"], ("labels.csv", named))?.contains(
        "the image 5.png is not there") == true)
    let parts = ["train/1.png", "train/2.png", "test/5.png"]
    #expect(problem(parts, ("train/metadata.csv", named))?.contains("the image 5.png is not there") == true)
    #expect(
      problem(parts, ("train/metadata.csv", named), ReadOptions(split: .test, isSplitRequired: true))?.contains(
        "no test split") == true)
    // A list of rows to validate on may name images of the folder for training.
    let split = "file,label,split\n1.png,cat,train\n2.png,cat,val\n"
    let lone = images(["train/1.png", "train/2.png"]) + [TestMember("labels.csv", text: split)]
    #expect(try labels(lone) == ["train/1.png=cat"])
    #expect(try labels(lone, ReadOptions(split: .test)) == ["train/2.png=cat"])
  }

  @Test func `rows of other parts are not trained on`() throws {
    func read(_ column: String, _ cells: [String], _ split: DatasetInfo.Split = .train) throws -> [String] {
      let text = zip(0..<4, cells).map { "\($0).png,cat,\($1)\n" }.joined()
      let table = TestMember("l.csv", text: "file,label,\(column)\n\(text)")
      return try labels(images(four) + [table], ReadOptions(split: split)).map { String($0.dropFirst(7).prefix(1)) }
    }
    #expect(try read("Usage", ["Training", "PublicTest", "PrivateTest", "Training"]) == ["0", "3"])
    #expect(try read("Usage", ["Training", "PublicTest", "PrivateTest", "Training"], .test) == ["2"])
    #expect(try read("is_valid", ["False", "True", "False", "False"]) == ["0", "2", "3"])
    #expect(try read("set", ["trainval", "test", "trainval", "test"]) == ["0", "2"])
    #expect(try read("test", ["0", "0", "1", "1"]) == ["0", "1"])
    #expect(try read("train", ["0", "0", "1", "1"]) == ["2", "3"])
    // Among columns of classes it is one of them.
    let vehicles = TestMember("l.csv", text: "file,car,train\n0.png,1,0\n1.png,0,1\n2.png,1,0\n3.png,0,1\n")
    #expect(try labels(images(four) + [vehicles]).map { String($0.dropFirst(13)) } == ["car", "train", "car", "train"])
    // Numbers of parts are no classes, whatever the file is called.
    let partition = TestMember("list_eval_partition.txt", text: "0.png 0\n1.png 1\n2.png 2\n3.png 0\n")
    #expect(failure(of: tar(images(four) + [partition]))?.problem.contains("no column of it holds labels") == true)
  }

  @Test func `numbers are one kind of labels`() throws {
    func table(_ labels: [String]) -> [TestMember] {
      let paths = labels.indices.map { "images/\($0).png" }
      let rows = labels.enumerated().map { "\($0).png,\($1)\n" }.joined()
      return images(paths) + [TestMember("l.csv", text: "file,label\n\(rows)")]
    }
    func problem(_ labels: [String]) -> String? { failure(of: tar(table(labels)))?.problem }
    let twelve = (0..<12).flatMap { ["\($0)", "\($0)"] }
    #expect(try classes(table(twelve)) == (0..<12).map(String.init))
    #expect(problem(twelve + ["-1", "-1"]) == "column label holds a negative number, -1")
    #expect(problem(twelve + ["NA", "NA"]) == "column label holds numbers and, beside them, NA")
    #expect(problem(["0", "1", "0", "1", "?"]) == "column label holds numbers and, beside them, ?")
    #expect(problem(["01", "1", "2", "02"])?.contains("in two forms") == true)
    #expect(problem(["1e0", "1e0", "2e0"])?.contains("not whole") == true)
    #expect(problem(["8.0", "8.0", "nan", "nan"]) == "column label holds numbers and, beside them, nan")
    #expect(try classes(table(["0", "1.0", "0.0", "1"])) == ["0", "1"])
    // Characters are names.
    #expect(try classes(table(["7", "A", "7", "A", "0"])) == ["0", "7", "A"])
    #expect(try classes(table(["2 cats", "1 dog", "2 cats", "1 dog"])) == ["1 dog", "2 cats"])
  }

  @Test func `numbers beside names order the classes, and gaps are said`() throws {
    func members(_ numbers: [Int]) -> [TestMember] {
      let rows = zip(0..., numbers).map { "\($0).png,\($1),\(["zebra", "ant", "bee"][$0 % 3])\n" }.joined()
      return images(four) + [TestMember("l.csv", text: "file,label,class_name\n\(rows)")]
    }
    #expect(try classes(members([0, 1, 3, 0])) == ["zebra", "ant", "bee"])
    #expect(try notes(members([0, 1, 3, 0])).contains { $0.contains("so that 3 is 2") })
    #expect(try !notes(members([0, 1, 2, 0])).contains { $0.contains("are not 0 to") })
  }

  @Test func `what is no label by its name does not beat folders that are classes`() throws {
    let members = images(["cat/0.png", "cat/1.png", "dog/2.png", "dog/3.png"])
    let widths = TestMember("meta.csv", text: "file,width\n0.png,640\n1.png,800\n2.png,640\n3.png,800\n")
    #expect(
      failure(of: tar(members + [widths]))?.problem.contains("its folder says cat, and meta.csv, line 2 says 640")
        == true)
    var options = ReadOptions()
    options.labelColumn = "width"
    #expect(try labels(members + [widths], options).first == "cat/0.png=640")
  }

  @Test func `lists of tags are no classes and names share words`() throws {
    let words = ["clear primary", "haze primary water", "clear road water", "clear primary", "haze road primary"]
    func members(_ column: String, _ labels: [String]) -> [TestMember] {
      let rows = labels.enumerated().map { "\($0).png,\($1)\n" }.joined()
      return images(labels.indices.map { "images/\($0).png" }) + [
        TestMember("l.csv", text: "image_name,\(column)\n\(rows)")
      ]
    }
    #expect(failure(of: tar(members("tags", words)))?.problem == "column tags holds lists, such as clear primary")
    let dogs = ["golden retriever", "flat retriever", "golden cur", "golden retriever", "flat cur"]
    #expect(try classes(members("breed", dogs)).count == 4)
    let commas = words.map { "\"\($0.split(separator: " ").joined(separator: ", "))\"" }
    #expect(failure(of: tar(members("label", commas)))?.problem.contains("holds lists, such as clear, primary") == true)
    let synsets = [
      "\"tench, Tinca tinca\"", "\"goldfish, Carassius\"", "\"great white shark, man-eater\"", "\"tench, Tinca tinca\"",
    ]
    #expect(try classes(members("label", synsets)).count == 3)
  }

  @Test func `the list that StyleGAN's tools write is a table`() throws {
    let members = images(["00000/img0.png", "00000/img1.png", "00001/img2.png"])
    let list = TestMember(
      "dataset.json", text: #"{"labels": [["00000/img0.png", 2], ["00000/img1.png", 0], ["00001/img2.png", 2]]}"#)
    #expect(
      try labels(members + [list]) == ["00000/img0.png=2", "00000/img1.png=0", "00001/img2.png=2"])
    #expect(try classes(members + [list]) == ["0", "1", "2"])
    #expect(
      try notes(members + [TestMember("dataset.json", text: #"{"labels": null}"#)]).contains {
        $0.contains("dataset.json has no list of labels")
      })
  }

  @Test func `table and folders that differ are refused and an option chooses`() throws {
    let members = images(["cat/0.png", "cat/1.png", "dog/2.png", "dog/3.png"])
    func table(_ labels: [String]) -> TestMember {
      TestMember("labels.csv", text: "id,label\n" + labels.enumerated().map { "\($0),\($1)\n" }.joined())
    }
    let folders = ["cat/0.png=cat", "cat/1.png=cat", "dog/2.png=dog", "dog/3.png=dog"]
    #expect(try labels(members + [table(["cat", "cat", "dog", "dog"])]) == folders)
    // Other names for the same classes.
    #expect(try labels(members + [table(["3", "3", "7", "7"])]) == folders)
    let orders = members + [table(["1", "1", "0", "0"])]
    #expect(
      failure(of: tar(orders))?.problem
        == "the classes have two orders: by the names of the folders (cat, dog), and by the numbers of the table (dog, cat)"
    )
    #expect(try labels(orders, ReadOptions(layout: .imageFolder)) == folders)
    #expect(try labels(orders, ReadOptions(layout: .imageTable)).map { String($0.suffix(1)) } == ["1", "1", "0", "0"])
    let wrong = members + [table(["cat", "dog", "dog", "dog"])]
    #expect(
      failure(of: tar(wrong))?.description
        == "test: cat/1.png: it can be read in two ways: its folder says cat, and labels.csv, line 3 says dog; choose the folders with "
        + "--layout image-folder, or the table with --layout image-table")
    #expect(try labels(wrong, ReadOptions(layout: .imageFolder)) == folders)
    #expect(try labels(wrong, ReadOptions(layout: .imageTable))[1] == "cat/1.png=dog")
    // Folders that cut through the classes are places, not classes.
    let pieces = images(["part_1/0.png", "part_1/1.png", "part_2/2.png", "part_2/3.png"])
    #expect(try labels(pieces + [table(["x", "y", "x", "y"])]).map { String($0.suffix(1)) } == ["x", "y", "x", "y"])
    #expect(failure(of: tar(pieces + [table(["x", "y", "z", "z"])]))?.problem.contains("two ways") == true)
  }

  @Test func `a column that numbers the rows does not name the images`() throws {
    // The names are shuffled, so that the numbers of the rows name other images.
    let rows = ["0,1,dog", "1,0,cat", "2,3,dog", "3,2,cat"]
    func table(_ header: String, _ rows: [String]) -> [TestMember] {
      images(four) + [TestMember("l.csv", text: ([header] + rows).joined(separator: "\n") + "\n")]
    }
    #expect(try labels(table(",sample_id,label", rows)) == expected)
    #expect(try labels(table("Unnamed: 0,sample_id,label", rows)) == expected)
    #expect(try labels(table("index,sample_id,label", rows)) == expected)
    // A column that is called a file's name is one.
    #expect(try labels(table("id,filename,label", rows)) == expected)
    let unclear = table("id,image_no,label", rows)
    #expect(
      failure(of: tar(unclear))?.description
        == "test: l.csv: which column names the images is not clear: it may be id or image_no, which name different images in line 2; "
        + "choose one with --image-column, or read the folders as classes with --layout image-folder")
    var options = ReadOptions()
    options.imageColumn = "image_no"
    #expect(try labels(unclear, options) == expected)
    let unnamed = images(four) + [TestMember("l.csv", text: rows.joined(separator: "\n"))]
    #expect(failure(of: tar(unnamed))?.problem.contains("it may be column 1 or column 2") == true)
    options.imageColumn = "2"
    #expect(try labels(unnamed, options) == expected)
    #expect(try labels(table("id,image_no,label", ["0,0,cat", "1,1,dog", "2,2,cat", "3,3,dog"])) == expected)
  }

  @Test func `paths lead to their images or are refused`() throws {
    func table(_ path: String, _ root: String, _ paths: [String]) -> TestMember {
      let rows = zip(paths, ["ant", "bee", "ant", "bee"]).map { "\(root)\($0),\($1)\n" }.joined()
      return TestMember(path, text: "path,label\n" + rows)
    }
    let years = ["images/2019/0.png", "images/2020/1.png", "images/2020/2.png", "images/2019/3.png"]
    let ants = zip(years, ["ant", "bee", "ant", "bee"]).map { "\($0)=\($1)" }
    #expect(try labels(images(years) + [table("annotations/labels.csv", "../", years)]) == ants)
    let sites = ["siteA/0.png", "siteB/1.png", "siteB/2.png", "siteA/3.png"]
    let here = images(sites.map { "images/\($0)" })
    let elsewhere = here + [table("labels.csv", "data/v2/", sites)]
    #expect(
      failure(of: tar(elsewhere))?.description
        == "test: labels.csv: it names images by paths that are not here, such as data/v2/siteA/0.png, where there is images/siteA/0.png; "
        + "write the paths from the dataset's folder, or ignore the table with --layout image-folder")
    #expect(
      try labels(elsewhere, ReadOptions(layout: .imageFolder)).map { String($0.suffix(5)) }
        == ["siteA", "siteB", "siteB", "siteA"])
    // Nothing stands above the dataset.
    #expect(
      failure(of: tar(here + [table("labels.csv", "../images/", sites)]))?.problem.contains(
        "paths that are not here") == true)
    // A table of the train part is no reason to refuse a test part that is given alone.
    let test = images(["test/a/1.png", "test/b/2.png"])
    let train = TestMember("train.csv", text: "path,label\ntrain/1.png,a\ntrain/2.png,b\n")
    #expect(try labels(test + [train], ReadOptions(split: .test)) == ["test/a/1.png=a", "test/b/2.png=b"])
  }

  @Test func `a table of parts that names no images is not passed over in silence`() throws {
    let paths = ["001.A/a_1.jpg", "001.A/a_2.jpg", "002.B/b_1.jpg", "002.B/b_2.jpg"]
    let list = paths.enumerated().map { "\($0 + 1) \($1)\n" }.joined()
    let members =
      images(paths.map { "images/\($0)" }) + [
        TestMember("images.txt", text: list), TestMember("train_test_split.txt", text: "1 0\n2 1\n3 0\n4 1\n"),
      ]
    #expect(try classes(members) == ["001.A", "002.B"])
    #expect(
      try notes(members).contains {
        $0.contains("train_test_split.txt is about train and test by its name, and was not read: none of its columns")
      })
  }

  @Test func `words for missing labels are doubted`() throws {
    func table(_ word: String) -> [TestMember] {
      images(four) + [TestMember("l.csv", text: "id,label\n0,cat\n1,\(word)\n2,\(word)\n3,dog\n")]
    }
    for word in ["nan", "NaN", "N/A", "NA", "null", "None", "-", "?"] {
      #expect(
        try notes(table(word)).contains { $0.contains("2 rows have the label \(word), which is read as a class") })
    }
    #expect(try !notes(table("nandu")).contains { $0.contains("read as a class") })
  }

  @Test func `a first row that names a file is no header though the file is missing`() {
    for ending in ["png", "dat"] {
      let rows = ["a00", "a01", "a02"].enumerated().map { "\($1).\(ending),kind\($0)\n" }.joined()
      let members = images(["images/a01.\(ending)", "images/a02.\(ending)"]) + [TestMember("labels.csv", text: rows)]
      #expect(failure(of: tar(members))?.problem.contains("the image a00.\(ending) is not there") == true)
    }
  }

  @Test func `class folders with numbers in their names are no places`() throws {
    func members(_ folders: [String]) -> [TestMember] {
      images((0..<4).map { "\(folders[$0 / 2])/\($0).png" }) + [
        TestMember("info.csv", text: "file_name,quality\n0.png,good\n1.png,bad\n2.png,good\n3.png,bad\n")
      ]
    }
    for folders in [["n01440764", "n01443537"], ["class0", "class1"], ["001.Albatross", "002.Auklet"]] {
      #expect(
        failure(of: tar(members(folders)))?.problem
          == "it can be read in two ways: its folder says \(folders[0]), and info.csv, line 2 says good")
    }
    for folders in [["part_1", "part_2"], ["2019-05-01", "2019-05-02"], ["batch3", "batch4"], ["fold0", "fold1"]] {
      #expect(try classes(members(folders)) == ["bad", "good"])
    }
  }

  @Test func `images of no part with a table of their own are left out`() throws {
    let paths = ["Train/0/a.png", "Train/1/b.png", "Test/c.png", "Test/d.png", "Meta/0.png", "Meta/1.png"]
    let members =
      images(paths) + [
        TestMember("Train.csv", text: "Path,ClassId\nTrain/0/a.png,0\nTrain/1/b.png,1\n"),
        TestMember("Test.csv", text: "Path,ClassId\nTest/c.png,1\nTest/d.png,0\n"),
        TestMember("Meta.csv", text: "Path,ClassId\nMeta/0.png,0\nMeta/1.png,1\n"),
      ]
    #expect(try labels(members) == ["Train/0/a.png=0", "Train/1/b.png=1"])
    #expect(try labels(members, ReadOptions(split: .test)) == ["Test/c.png=1", "Test/d.png=0"])
    #expect(try notes(members).contains { $0.contains("Meta.csv: 2 images skipped") })
    let mixed = "file,label,split\n0.png,cat,train\n1.png,dog,test\n2.png,cat,\n3.png,dog,train\n"
    #expect(
      failure(of: tar(images(four) + [TestMember("l.csv", text: mixed)]))?.problem.hasSuffix(
        "others to neither, by the tables and folders in it, such as images/2.png (l.csv, line 4)") == true)
  }
}
