import Datasets
import Testing

/// Links are followed where they stay inside of what is read, and named with the remedy where they do not.
@Suite struct LinkTests {
  private let images = (0..<3).map { encodePNG(Pixels(height: 2, width: 2, channels: 1, bytes: noise(4, seed: $0))) }
  private let repack = "pack it again with tar --dereference --hard-dereference"

  private func content(_ samples: [Sample]) -> [String: [UInt8]] {
    var content: [String: [UInt8]] = [:]
    for sample in samples {
      if case .encoded(let image) = sample.content, let origin = sample.origin { content[origin] = image.bytes }
    }
    return content
  }

  @Test func `links in an archive stand for what they lead to`() throws {
    let members = [
      TestMember("a/1.png", images[0]), TestMember(link: "a/2.png", to: "../b/3.png"),
      TestMember("b/3.png", images[1]), TestMember(hardLink: "b/4.png", to: "a/1.png"),
      TestMember(link: "b/5.png", to: "4.png"), TestMember(link: "c", to: "./a"),
    ]
    let expected = [
      "a/1.png": images[0], "a/2.png": images[1], "b/3.png": images[1], "b/4.png": images[0], "b/5.png": images[0],
      "c/1.png": images[0], "c/2.png": images[1],
    ]
    let archive = tar(members)
    // Links of folders show the files of the folder; those in it that are links themselves are not shown twice.
    let samples = try read(archive)
    #expect(content(samples) == expected.filter { $0.key != "c/2.png" })
    let folder = try TemporaryFolder()
    let piped = try PipedFile(folder.write("x.tar", archive))
    #expect(content(try all(openDataset(from: piped.source))) == content(samples))
  }

  @Test(arguments: [
    (TestMember(link: "a/2.png", to: "/data/2.png"), "a symbolic link that leads out of the archive, to /data/2.png"),
    (TestMember(link: "a/2.png", to: "../../2.png"), "a symbolic link that leads out of the archive, to ../../2.png"),
    (TestMember(link: "a/2.png", to: "3.png"), "a link to a/3.png, which is not in the archive"),
    (TestMember(hardLink: "a/2.png", to: "x/3.png"), "a link to x/3.png, which is not in the archive"),
  ])
  func `a link to something else is named`(_ link: TestMember, _ problem: String) {
    let error = failure(of: tar([TestMember("a/1.png", images[0]), TestMember("b/1.png", images[1]), link]))
    #expect(error?.description == "test: a/2.png: \(problem); \(repack)")
  }

  @Test func `links in a circle are named`() {
    let circle = [TestMember(link: "b/2.png", to: "3.png"), TestMember(link: "b/3.png", to: "2.png")]
    let error = failure(of: tar([TestMember("a/1.png", images[0]), TestMember("b/1.png", images[1])] + circle))
    #expect(error?.problem == "a link that leads in a circle")
  }

  @Test func `links in a folder are followed and their troubles named`() throws {
    let folder = try TemporaryFolder()
    for (index, path) in ["a/1.png", "b/1.png"].enumerated() { try folder.write(path, images[index]) }
    try folder.link("b/2.png", to: "../a/1.png")
    #expect(
      try content(all(openDataset([.file(folder.path)]))) == [
        "a/1.png": images[0], "b/1.png": images[1], "b/2.png": images[0],
      ])
    try folder.link("b/3.png", to: "gone.png")
    var error = #expect(throws: DataError.self) { try openDataset([.file(folder.path)]) }
    #expect(error?.problem == "a symbolic link to something that is not there")
    #expect(error?.place == ["\(folder.path)/b/3.png"])
    let other = try TemporaryFolder()
    for path in ["a/1.png", "b/1.png"] { try other.write(path, images[0]) }
    try other.link("b/up", to: "..")
    error = #expect(throws: DataError.self) { try openDataset([.file(other.path)]) }
    #expect(error?.problem == "a symbolic link that leads back to a folder above it")
  }
}
