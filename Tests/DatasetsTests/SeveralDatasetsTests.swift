import Foundation
import Testing

@testable import Datasets

/// Folders that hold more than one dataset, or more beside it than its images: nothing is read under another one's names, and nothing
/// is left out without a word.
@Suite struct SeveralDatasetsTests {
  private func image(_ seed: Int) -> [UInt8] {
    encodePNG(Pixels(height: 4, width: 4, channels: 1, bytes: noise(16, seed: seed)))
  }

  private let ten = [UInt8](repeating: 3, count: 3073)
  private let hundred = [UInt8](repeating: 70, count: 3074)

  private func folder(_ members: [TestMember]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for member in members { try folder.write(member.path, member.bytes) }
    return folder
  }

  private func problem(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return (error as? DataError)?.problem }
  }

  @Test(arguments: ["a", "z"]) func `both CIFAR datasets in one input are refused`(_ first: String) throws {
    let members = [TestMember("\(first)/data_batch_1.bin", ten), TestMember("m/train.bin", hundred)]
    let folder = try folder(members)
    let found = problem { _ = try all(openDataset([.file(folder.path)])) }
    #expect(found?.contains("it holds two datasets") == true)
    for order in [members, members.reversed()] {
      let found = problem { _ = try all(openDataset(from: ByteSource(bytes: tar(order), name: "x"))) }
      #expect(found == "it holds two datasets, CIFAR-10 (data_batch_1.bin) and CIFAR-100 (train.bin)")
      // Whoever says which one is meant gets it.
      for (layout, label) in [(Layout.cifar10Binary, 3), (.cifar100Binary, 70)] {
        let source = try openDataset(
          from: ByteSource(bytes: tar(order), name: "x"), options: ReadOptions(layout: layout))
        #expect(try all(source).map(\.label) == [label])
      }
    }
  }

  @Test func `pickles of both are refused, whichever comes first`() throws {
    let reader = try Container([.file(fixture("shapes-cifar-python.tar.gz"))], limits: Limits()).open(last: true)
    var members: [TestMember] = []
    while let member = try reader.next() { members.append(TestMember(member.path, try reader.readAll())) }
    let batch = try #require(members.first { $0.path.hasSuffix("data_batch_1") })
    for other in [[TestMember("a/train", batch.bytes)] + members, members + [TestMember("z/train", batch.bytes)]] {
      let found = problem { _ = try all(openDataset(from: ByteSource(bytes: tar(other), name: "x"))) }
      #expect(found?.hasPrefix("it holds two datasets, CIFAR-10 (data_batch_") == true)
      #expect(found?.hasSuffix(" and CIFAR-100 (train)") == true)
    }
  }

  @Test func `two layouts below one folder are refused, or told`() throws {
    let root = try folder([
      TestMember("cifar/data_batch_1.bin", ten), TestMember("MNIST/raw/train-images-idx3-ubyte", [0, 0, 8, 3]),
    ])
    let found = problem { _ = try all(openDataset([.file(root.path)])) }
    #expect(
      found
        == "it holds two datasets: one in the layout idx, and cifar/data_batch_1.bin in the layout cifar10-binary")
    let photos = (0..<20).map { TestMember("photos/\($0 % 2 == 0 ? "cat" : "dog")/\($0).png", image($0)) }
    var lines: [String] = []
    let mixed = try folder(photos + [TestMember("cifar/data_batch_1.bin", ten)])
    _ = try openDataset([.file(mixed.path)], log: { lines.append($0) })
    #expect(
      lines.contains { $0.contains("there are images in folders, too, such as photos/cat/0.png, which were not read") })
    lines = []
    let later = try folder(photos + [TestMember("z/data_batch_1.bin", ten)])
    let source = try openDataset([.file(later.path)], log: { lines.append($0) })
    #expect(source.info.classNames == ["cat", "dog"])
    #expect(lines.contains { $0.contains("z/data_batch_1.bin is of another dataset (layout cifar10-binary)") })
  }

  @Test(arguments: ["png", "webp", "tiff", "pgm"])
  func `images beside an archive are read, and the archive is named`(_ ending: String) throws {
    let loose = (0..<6).map { TestMember("\($0 % 2 == 0 ? "cat" : "dog")/\($0).\(ending)", image($0)) }
    let folder = try folder(loose + [TestMember("more.tar", tar([TestMember("cow/9.png", image(9))]))])
    var lines: [String] = []
    let source = try openDataset([.file(folder.path)], log: { lines.append($0) })
    #expect(source.info.classNames == ["cat", "dog"])
    #expect(try all(source).count == 6)
    #expect(lines.contains { $0.contains("1 archive beside the images was not entered, such as more.tar") })
  }

  private let eight = (0..<8).map { "images/\($0 % 2 == 0 ? "cat" : "dog")/\($0).png" }

  private func split(_ members: [TestMember], _ split: DatasetInfo.Split) throws -> [String] {
    let source = try openDataset(
      from: ByteSource(bytes: tar(members), name: "x"), options: ReadOptions(split: split))
    return try all(source).map { String(($0.origin ?? "").dropLast(4).suffix(1)) }.sorted()
  }

  private func list(_ name: String, _ indices: [Int]) -> TestMember {
    TestMember(name, text: indices.map { eight[$0].dropFirst("images/".count) + "\n" }.joined())
  }

  @Test(arguments: [("TrainImages.txt", "TestImages.txt"), ("trainval.txt", "test.txt"), ("train.txt", "test.txt")])
  func `lists of train and test are read by their names`(_ train: String, _ test: String) throws {
    let members =
      eight.enumerated().map { TestMember($1, image($0)) } + [list(train, [0, 1, 2, 3]), list(test, [4, 5])]
    #expect(try split(members, .train) == ["0", "1", "2", "3"])
    #expect(try split(members, .test) == ["4", "5"])
  }

  @Test func `trainval beside train and val says nothing more`() throws {
    let members =
      eight.enumerated().map { TestMember($1, image($0)) } + [
        list("train.txt", [0, 1]), list("val.txt", [2, 3]), list("trainval.txt", [0, 1, 2, 3]),
        list("test.txt", [4, 5]),
      ]
    #expect(try split(members, .train) == ["0", "1"])
    #expect(try split(members, .test) == ["4", "5"])
  }

  @Test(arguments: [17, 18, 19, 40]) func `lists of the parts are read among ever so many tables`(_ others: Int) throws
  {
    let members =
      eight.enumerated().map { TestMember($1, image($0)) }
      + (0..<others).map { TestMember("list_\($0).txt", text: "something else\n") }
      + [list("train.txt", [0, 1, 2, 3]), list("test.txt", [4, 5])]
    #expect(try split(members, .train) == ["0", "1", "2", "3"])
    #expect(try split(members, .test) == ["4", "5"])
  }

  @Test func `more lists than are read are told`() throws {
    let members =
      eight.enumerated().map { TestMember($1, image($0)) }
      + (1...12).flatMap { [list("labels/train\($0).txt", [0, 1, 2, 3]), list("labels/test\($0).txt", [4, 5])] }
    var lines: [String] = []
    _ = try openDataset(from: ByteSource(bytes: tar(members), name: "x"), log: { lines.append($0) })
    #expect(
      lines.contains {
        $0.contains("24 tables such as labels/test1.txt were not read")
          || $0.contains("24 tables such as labels/train1.txt were not read")
      })
  }

  @Test func `folders above archives tell the class`() throws {
    let folder = try TemporaryFolder()
    for (index, path) in ["cat/1", "cat/2", "dog/3", "dog/4"].enumerated() {
      try folder.write("\(path).tar", tar([TestMember("\(index).png", image(index))]))
    }
    let source = try openDataset([.file(folder.path)])
    #expect(source.info.classNames == ["cat", "dog"])
    #expect(try all(source).map(\.label) == [0, 0, 1, 1])
    // One name for all is no clash.
    let same = try TemporaryFolder()
    for (index, path) in ["cat", "dog"].enumerated() {
      try same.write("\(path)/images.tar", tar([TestMember("0.png", image(index))]))
    }
    #expect(try openDataset([.file(same.path)]).info.classNames == ["cat", "dog"])
  }
}
