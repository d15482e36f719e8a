import Foundation
import Testing

@testable import Command

/// A folder with an archive, a pipeline file of two datasets that share their first step, and a cache.
private struct Job {
  let folder: TemporaryFolder
  var cache: URL { folder.url.appending(path: "cache") }

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      at: fixtures.appending(path: "shapes-cifar-python.tar.gz"), to: folder.url.appending(path: "in.tar"))
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{
        matrix: { size: [8, 16] }, output: "out/${size}", input: ["${env:IN:-in.tar}"],
        steps: [
          { verb: "decode", options: { "center-crop": 32 } }, { verb: "decode", options: { resize: "${size}" } },
          { verb: "shard" },
        ] }] }
      """)
  }

  func pipe(_ words: String, _ more: String = "") throws -> (status: Int32, text: String) {
    try shell("\(more) pipe run job.json5 \(words)", in: folder)
  }

  /// The names of the results that are kept.
  func kept() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: cache.path)) ?? []).sorted()
  }

  /// Whether two folders hold the same bytes.
  func areSame(_ one: String, _ other: String) throws -> Bool {
    let outcome = try shell("diff -r \(one) \(other)", in: folder)
    return outcome.status == 0
  }

  func move(_ name: String, to other: String) throws {
    let place = folder.url
    try FileManager.default.moveItem(at: place.appending(path: name), to: place.appending(path: other))
  }
}

@Suite("The cache of steps") struct StepCacheTests {
  @Test func `a step that several datasets share is done once, and what comes of it has the same bytes`() throws {
    let job = try Job()
    let first = try job.pipe("--cache cache")
    #expect(first.status == 0, "\(first.text)")
    #expect(first.text.components(separatedBy: "the result of decode is in the cache").count == 2, "\(first.text)")
    // The second decode is nobody else's.
    #expect(job.kept().count == 1)
    try job.move("out", to: "cached")
    #expect(try job.pipe("--no-cache").status == 0)
    #expect(try job.areSame("out", "cached"))

    try job.move("out", to: "plain")
    let again = try job.pipe("--cache cache --json")
    #expect(again.text.components(separatedBy: "\"from_cache\": \"decode\"").count == 3, "\(again.text)")
    #expect(try job.areSame("out", "plain"))
    #expect(job.kept().count == 1)
  }

  @Test func `a damaged result is made again, which is said once`() throws {
    let job = try Job()
    #expect(try job.pipe("--cache cache -q").status == 0)
    let name = try #require(job.kept().first)
    var bytes = try Data(contentsOf: job.cache.appending(path: name))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: job.cache.appending(path: name))
    try job.move("out", to: "before")
    let again = try job.pipe("--cache cache")
    #expect(again.status == 0)
    #expect(again.text.components(separatedBy: "is damaged; it is made again").count == 2, "\(again.text)")
    #expect(try job.areSame("out", "before"))
    #expect(job.kept() == [name])
    #expect(try sameDigest(job, name))
  }

  @Test func `a cut, an empty and a foreign file under a result's name are not taken for it`() throws {
    let job = try Job()
    #expect(try job.pipe("--cache cache -q").status == 0)
    let name = try #require(job.kept().first)
    let whole = try Data(contentsOf: job.cache.appending(path: name))
    try job.move("out", to: "before")
    for damaged in [whole.prefix(whole.count - 512), Data(), whole + Data([0])] {
      try damaged.write(to: job.cache.appending(path: name))
      let again = try job.pipe("--cache cache")
      #expect(again.status == 0, "\(again.text)")
      #expect(try job.areSame("out", "before"))
      try job.move("out", to: "out-\(damaged.count)")
    }
    #expect(try sameDigest(job, name))
  }

  /// Whether a result has the SHA-256 that its name says.
  private func sameDigest(_ job: Job, _ name: String) throws -> Bool {
    let sum = try shell("sha256sum < cache/\(name)", in: job.folder).text.prefix(64)
    return name.hasSuffix("-\(sum).tar")
  }

  @Test func `another option, another content and another name of the input are other results`() throws {
    let job = try Job()
    #expect(try job.pipe("--cache cache -q").status == 0)
    for change in ["cp in.tar other.tar && export IN=other.tar;", "cp '\(fixtures.path)/shapes-cifar.tar.gz' in.tar;"] {
      try job.move("out", to: "out-\(job.kept().count)")
      let changed = try job.pipe("--cache cache --json", change)
      #expect(changed.status == 0, "\(changed.text)")
      #expect(changed.text.components(separatedBy: "from_cache").count == 2, "\(changed.text)")
      try job.move("out", to: "cached")
      #expect(try job.pipe("--no-cache -q", change).status == 0)
      #expect(try job.areSame("out", "cached"))
      try FileManager.default.removeItem(at: job.folder.url.appending(path: "cached"))
    }
    #expect(job.kept().count == 3)
  }

  @Test func `a result that is larger than the cache may be is not kept, and the dataset is made`() throws {
    let job = try Job()
    let run = try job.pipe("--cache cache --cache-size 10K")
    #expect(run.status == 0 && run.text.contains("it has more than the 10.0 KiB of --cache-size"), "\(run.text)")
    #expect(job.kept() == [])
  }

  @Test func `a step that fails leaves nothing in the cache`() throws {
    let job = try Job()
    let archive = job.folder.url.appending(path: "in.tar")
    try Data(contentsOf: archive).prefix(20_000).write(to: archive)
    #expect(try job.pipe("--cache cache -q").status == 65)
    #expect(job.kept() == [])
  }

  @Test func `a cache inside of an input or an output is refused`() throws {
    let job = try Job()
    #expect(try job.pipe("--cache out/8/cache").status == 65)
    #expect(
      try shell("mkdir in && mv in.tar in/ && IN=in pipe run job.json5 --cache in/cache", in: job.folder).status == 65)
  }

  @Test func `several runs at once share a cache`() throws {
    let job = try Job()
    let both = try shell(
      """
      sed 's,out/,other/,' job.json5 > other.json5
      pipe run -q job.json5 --cache cache & pipe run -q other.json5 --cache cache; code=$?; wait $! && exit $code
      """, in: job.folder)
    #expect(both.status == 0, "\(both.text)")
    #expect(job.kept().count == 1)
    #expect(try job.areSame("out", "other"))
  }
}

@Suite("Cleaning the cache") struct CacheFolderTests {
  /// A cache with three files of 100 bytes, a stranger, and what a killed run left.
  private func cache() throws -> (folder: TemporaryFolder, names: [String]) {
    let folder = try TemporaryFolder()
    let digits = String(repeating: "0a", count: 20)
    let names = ["step-\(digits)-\(digits).tar", "trajectory-\(digits).safetensors", "features-\(digits).safetensors"]
    for (index, name) in names.enumerated() {
      let file = try folder.file(name, String(repeating: "x", count: 100))
      var times = [timespec(tv_sec: 1000 * (index + 1), tv_nsec: 0), timespec(tv_sec: 1000 * (index + 1), tv_nsec: 0)]
      utimensat(AT_FDCWD, file.path, &times, 0)
    }
    _ = try folder.file("step-notes.tar", "mine")
    _ = try folder.file("readme", "mine")
    _ = try folder.file(".\(names[0]).12345.partial", "half")
    return (folder, names)
  }

  private func left(_ folder: TemporaryFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
  }

  @Test func `those that were used least recently go first, and no stranger goes`() throws {
    let (folder, names) = try cache()
    let result = try CacheFolder(folder.url.path).collect(maxBytes: 250, now: 4000)
    #expect(result.removed.map(\.name).sorted() == [".\(names[0]).12345.partial", names[0]].sorted())
    #expect(result.kept.map(\.name) == [names[1], names[2]])
    #expect(try left(folder) == [names[1], names[2], "readme", "step-notes.tar"].sorted())
  }

  @Test func `those that were not used for a time go whatever the size, and a dry run removes nothing`() throws {
    let (folder, names) = try cache()
    let before = try left(folder)
    let dry = try CacheFolder(folder.url.path).collect(maxBytes: nil, olderThan: 1500, now: 4000, isDry: true)
    #expect(try left(folder) == before)
    #expect(dry.kept.map(\.name) == [names[2]])
    let result = try CacheFolder(folder.url.path).collect(maxBytes: nil, olderThan: 1500, now: 4000)
    #expect(result == dry)
    #expect(try left(folder) == [names[2], "readme", "step-notes.tar"].sorted())
  }

  @Test func `what somebody uses stays`() throws {
    let (folder, names) = try cache()
    let descriptor = open(folder.url.appending(path: names[0]).path, O_RDONLY)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_SH) == 0)
    let result = try CacheFolder(folder.url.path).collect(maxBytes: 1, now: 4000)
    #expect(result.kept.map(\.name) == [names[0]])
    #expect(try left(folder).contains(names[0]))
  }

  @Test func `the verb says what went, as text and as JSON`() throws {
    let (folder, names) = try cache()
    let dry = try run(["gc", "--cache", folder.url.path, "--max-bytes", "250", "--dry-run"])
    #expect(dry.status == 0 && dry.output.contains("would remove 2 files of 104 B, kept 2 files of 200 B"), "\(dry)")
    #expect(try left(folder).count == 6)
    let report = try run(["gc", "--cache", folder.url.path, "--max-bytes", "250", "--json"])
    #expect(report.output.contains("\"kind\": \"the result of a step\"") && report.output.contains(names[0]))
    #expect(try left(folder).count == 4)
    #expect(try run(["gc", "--cache", folder.url.path + "/none"]).status == 66)
    #expect(try run(["gc"]).status == 64)
  }
}
