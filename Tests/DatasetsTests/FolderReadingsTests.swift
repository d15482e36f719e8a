import Testing

@testable import Datasets

/// Which folders are classes where their names or their places leave it open.
@Suite struct FolderReadingsTests {
  /// An archive of images whose pixels differ, at these paths.
  private func archive(_ paths: [String]) -> [TestMember] {
    paths.enumerated().map { index, path in
      TestMember(path, encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: index))))
    }
  }

  private func error(_ paths: [String], _ options: ReadOptions = ReadOptions()) -> DataError? {
    failure(of: tar(archive(paths)), options)
  }

  /// `path=class` of every sample.
  private func labels(_ paths: [String], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    let source = try openDataset(from: ByteSource(bytes: tar(archive(paths)), name: "x"), options: options)
    return try all(source).map { "\($0.origin ?? "")=\(source.info.classNames[$0.label])" }
  }

  private func classes(_ paths: [String], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    try openDataset(from: ByteSource(bytes: tar(archive(paths)), name: "x"), options: options).info.classNames
  }

  private func notes(_ paths: [String], _ options: ReadOptions = ReadOptions()) throws -> [String] {
    var lines: [String] = []
    _ = try openDataset(
      from: ByteSource(bytes: tar(archive(paths)), name: "x"), options: options, log: { lines.append($0) })
    return Array(lines.dropFirst())
  }

  private func pattern(_ text: String, _ split: DatasetInfo.Split = .train) throws -> ReadOptions {
    ReadOptions(split: split, labelPattern: try FilePattern(text))
  }

  /// The labels of clips by their folders.
  private func clips(_ folders: [[String]], beside others: Set<[String]> = []) throws -> FileLabels {
    var found: [FilePlace: FileTally] = [:]
    for folder in folders {
      var place = FilePlace(folder: folder, label: "", part: nil)
      place.label = nil
      var tally = FileTally()
      tally.addOne()
      found[place] = tally
    }
    return try FileLabels(found, otherFolders: others, ReadOptions(), of: "clip", name: "x")
  }

  // MARK: Pieces

  @Test(arguments: [
    ["fold1", "fold2", "fold3"], ["images_001", "images_002"], ["HAM10000_images_part_1", "HAM10000_images_part_2"],
    ["subset0", "subset1"], ["set1", "set2"], ["split1", "split2"], ["dir_001", "dir_002"],
    ["data_batch_1", "data_batch_2"], ["part1", "part2"], ["chunk-000", "chunk-001"], ["Fold 1", "Fold 10"],
  ])
  func `folders that are pieces by their names are no classes`(_ folders: [String]) throws {
    for inner in ["", "images/"] {
      let paths = folders.enumerated().map { "\($1)/\(inner)\($0).png" }
      let found = error(paths)
      #expect(
        found?.problem
          == "images without labels: the folders \(folders.joined(separator: ", ")) are pieces of a dataset by their names, and no classes"
      )
      // Who says that they are classes is believed.
      let outer = inner.isEmpty ? "{label}/*" : "{label}/*/*"
      #expect(found?.remedy?.contains("such as '{label}_*', '\(outer)'") == true)
      #expect(try classes(paths, pattern(outer)) == folders)
    }
    let found = #expect(throws: DataError.self) { try clips(folders.map { ["audio", $0] }) }
    #expect(found?.problem.hasPrefix("clips without labels: the folders ") == true)
    #expect(found?.remedy?.contains("put a table of labels beside the folders") == true)
  }

  @Test(arguments: [
    ["class_1", "class_2"], ["digit1", "digit2"], ["s1", "s2"], ["person_1", "person_2"], ["n01440764", "n01443537"],
    ["disease1", "disease2"], ["image_class_1", "image_class_2"], ["dog_set_1", "cat_set_1"], ["0", "1"],
    ["001.Albatross", "002.Auklet"], ["label_0", "label_1"], ["part_1"], ["batch", "set"],
    ["2019-05-01", "2019-05-02"],
  ])
  func `classes may have numbers in their names`(_ folders: [String]) throws {
    let paths = folders.enumerated().map { "\($1)/\($0).png" }
    #expect(try classes(paths) == folders.sorted())
    #expect(try notes(paths) == [])
  }

  @Test func `pieces beside other classes are doubted and folders in pieces may be the classes`() throws {
    #expect(
      try notes(["fold1/1.png", "fold2/2.png", "owl/3.png"]) == [
        "x: fold1, fold2 are read as classes, though they are pieces of a dataset by their names"
      ])
    let inside = ["fold1/cat/1.png", "fold2/dog/2.png"]
    #expect(
      error(inside)?.remedy?.hasSuffix("such as '{label}_*', '*/{label}/*', '{label}/*/*'") == true)
    #expect(try classes(inside, pattern("*/{label}/*")) == ["cat", "dog"])
  }

  // MARK: Two readings

  @Test func `folders by first letters are no classes`() throws {
    let sun = [
      "a/abbey/1.jpg", "a/attic/1.jpg", "b/beach/1.jpg", "c/church/in/1.jpg", "c/church/out/1.jpg", "a/atrium/in/1.jpg",
    ]
    let found = error(sun)
    #expect(
      found?.problem
        == "it can be read in two ways: the classes may be a, b, c, or abbey, atrium, attic, beach, church, which stand there by their first "
        + "letters")
    // No pattern fits several depths.
    #expect(found?.remedy?.contains("--label-pattern") == false)
    #expect(try classes(sun, ReadOptions(classes: ["a", "b", "c"])) == ["a", "b", "c"])
    let flat = ["a/abbey/1.png", "b/bar/1.png", "b/bus/1.png"]
    #expect(
      error(flat)?.remedy == "choose with --label-pattern '{label}/*/*' or --label-pattern '*/{label}/*'")
    #expect(try classes(flat, pattern("*/{label}/*")) == ["abbey", "bar", "bus"])
    // Letters of a sign language, by who shows them.
    #expect(try classes(["A/kim/1.png", "B/lou/1.png", "C/max/1.png"]) == ["A", "B", "C"])
  }

  @Test func `a pattern is offered where all files stand equally deep`() throws {
    let uneven = ["cat/manx/1.png", "cat/siam/1.png", "dog/pug/young/1.png", "dog/lab/1.png"]
    #expect(
      error(uneven)?.description
        == "test: it can be read in two ways: the classes may be cat, dog, or lab, manx, pug, siam, some of which hold images, and others "
        + "folders; choose the former with --classes cat,dog, or put the images of each class into one folder with its name"
    )
    #expect(try classes(uneven, ReadOptions(classes: ["cat", "dog"])) == ["cat", "dog"])
    // One folder more beside the images of a class says nothing.
    let crops = ["cat/manx/1.png", "cat/manx/crops/1.png", "dog/pug/1.png", "cow/red/1.png"]
    #expect(
      try notes(crops) == [
        "x: cat, cow, dog are read as the classes, though there are only folders in them: manx, pug, red"
      ])
    #expect(
      try notes(["cat/manx/1.png", "dog/pug/1.png", "cow/red/1.png"]) == [
        "x: cat, cow, dog are read as the classes, though there are only folders in them: manx, pug, red; --label-pattern '*/{label}/*' "
          + "makes these the classes"
      ])
  }

  @Test func `folders such as images between domains and classes hide nothing`() throws {
    let office = ["amazon", "dslr"].flatMap { domain in ["bike", "mug"].map { "\(domain)/images/\($0)/1.jpg" } }
    let found = error(office)
    #expect(
      found?.problem
        == "it can be read in two ways: the classes may be amazon, dslr, or bike, mug, which each of them holds")
    #expect(
      found?.remedy?.hasPrefix(
        "choose with --label-pattern '{label}/*/*/*' or --label-pattern '*/*/{label}/*'; where bike of amazon")
        == true)
    #expect(try classes(office, pattern("{label}/*/*/*")) == ["amazon", "dslr"])
    #expect(try classes(office, pattern("*/*/{label}/*")) == ["bike", "mug"])
    #expect(try classes(["cat/images/1.png", "dog/images/1.png"]) == ["cat", "dog"])
  }

  @Test func `a third reading is named and a pattern that joins folders is doubted`() throws {
    let omniglot = ["Greek", "Latin"].flatMap { alphabet in
      ["character01", "character02"].map { "\(alphabet)/\($0)/1.png" }
    }
    #expect(
      error(omniglot)?.remedy?.hasSuffix(
        "where character01 of Greek and character01 of Latin are two classes, put them side by side under names of their own, such as "
          + "Greek_character01") == true)
    let joined = try notes(omniglot, pattern("*/{label}/*"))
    #expect(
      joined == [
        "x: --label-pattern '*/{label}/*' makes one class character01 of folders in several places: Greek/character01, Latin/character01, "
          + "and so for 1 class more"
      ])
    #expect(try notes(omniglot, pattern("{label}/*/*")) == [])
    // A class stands in every part.
    #expect(try notes(["train/cat/1.png", "test/cat/1.png"], pattern("{label}/*")) == [])
  }

  // MARK: Order, parts and inputs

  @Test func `numbers that a pattern takes are sorted as names and that is said`() throws {
    let paths = (0..<12).map { "\($0)_0.png" }
    #expect(try classes(paths, pattern("{label}_*"))[..<4] == ["0", "1", "10", "11"])
    #expect(
      try notes(paths, pattern("{label}_*")) == [
        "x: the labels of --label-pattern '{label}_*' are numbers, and are sorted as names, as torchvision does: 0, 1, 10, …; a label is "
          + "the place in this order, not the number"
      ])
    #expect(try notes(Array(paths[..<10]), pattern("{label}_*")) == [])
  }

  @Test func `an evaluation beside a validation is the test part`() throws {
    let said = "x: evaluation is read as the test part, as a validation part stands beside it"
    let parts = ["training", "validation", "evaluation"]
    let folders = parts.flatMap { part in ["egg", "rice"].map { "\(part)/\($0)/\(part).png" } }
    #expect(
      try labels(folders, ReadOptions(split: .test, isSplitRequired: true))
        == ["evaluation/egg/evaluation.png=egg", "evaluation/rice/evaluation.png=rice"])
    #expect(try notes(folders) == [said])
    let below = parts.flatMap { part in ["egg", "rice"].map { "\($0)/\(part)/\(part).png" } }
    #expect(try labels(below, ReadOptions(split: .test)).count == 2)
    let flat = parts.flatMap { part in ["0_1", "1_1"].map { "\(part)/\($0).png" } }
    #expect(
      try labels(flat, pattern("{label}_*", .test)) == ["evaluation/0_1.png=0", "evaluation/1_1.png=1"])
    #expect(try notes(flat, pattern("{label}_*")) == [said])
    #expect(PartName.apart([(name: "dev", part: .val), (name: "eval", part: .val)]).map { $0.part } == [.val, .test])
    // Alone it is what stands beside the training part.
    #expect(
      PartName.apart([(name: "train", part: .train), (name: "eval", part: .val)]).map { $0.part } == [.train, .val])
    let three: [(name: String, part: Part)] = [
      (name: "val", part: .val), (name: "eval", part: .val), (name: "test", part: .test),
    ]
    #expect(PartName.apart(three).map { $0.part } == [.val, .val, .test])
  }

  @Test func `two folders of one part are told of where a pattern tells the classes`() throws {
    #expect(
      try notes(["train/0_1.png", "val/0_2.png", "valid/0_3.png"], pattern("{label}_*")) == [
        "x: val and valid are both read as the val part"
      ])
  }

  @Test func `an empty folder beside a single class is no reason to keep that class alone`() throws {
    let found = #expect(throws: DataError.self) { try clips([["audio"]], beside: [["meta"]]) }
    #expect(
      found?.description
        == "x: a class folder without clips: meta; put clips there, or say where the names of the files hold the class, as with "
        + "--label-pattern '{label}_*'")
    let two = #expect(throws: DataError.self) { try clips([["a"], ["b"]], beside: [["meta"]]) }
    #expect(two?.remedy == "put clips there, or keep the other classes with --classes a,b")
  }

  @Test func `Hugging Face's cache is named with the folder to give`() throws {
    let images = archive(["cat/1.png", "dog/2.png"])
    let members =
      images.map { TestMember("datasets--u--pets/snapshots/ab12/train/\($0.path)", $0.bytes) }
      + images.enumerated().map { TestMember("datasets--u--pets/blobs/\($0)f3", $1.bytes) }
      + [TestMember("datasets--u--pets/refs/main", text: "ab12")]
    #expect(
      failure(of: tar(members))?.description
        == "test: a cache folder of Hugging Face, in which every image stands twice, in blobs and in snapshots; give "
        + "datasets--u--pets/snapshots/ab12 in it as the input")
    #expect(try classes(["snapshots/1.png", "blobs/2.png"]) == ["blobs", "snapshots"])
  }

  @Test func `two class folders that differ in how an accent is written are one class and that is said`() throws {
    let said = "x: “café” stands for two names that differ only in how an accent is written: they are one class"
    let paths = ["caf\u{e9}/1.png", "cafe\u{301}/2.png", "tea/3.png"]
    for paths in [paths, Array(paths.reversed())] {
      #expect(try classes(paths).map { Array($0.utf8) } == [Array("cafe\u{301}".utf8), Array("tea".utf8)])
      #expect(try labels(paths).count == 3)
      #expect(try notes(paths) == [said])
    }
    let deeper = ["caf\u{e9}/1.png", "cafe\u{301}/small/2.png", "tea/3.png"]
    #expect(try notes(deeper) == [said])
    #expect(try notes(["caf\u{e9}_1.png", "cafe\u{301}_2.png"], pattern("{label}_*")) == [said])
    #expect(try notes(["caf\u{e9}/1.png", "caf\u{e9}/2.png", "tea/3.png"]) == [])
  }
}
