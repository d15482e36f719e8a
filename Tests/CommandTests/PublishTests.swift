import Foundation
import Testing

@Suite("Publishing generations") struct PublishTests {
  @Test func `readers find every new generation under current, and only so many stay`() throws {
    let job = try NightlyJob(keys: "publish: { to: 'pub', keep: 2 }")
    #expect(try job.pipe().status == 0)
    #expect(try job.target("pub/current").hasPrefix("000001-"))
    for size in 8..<11 {
      try job.describe(options: "resize: \(size)", keys: "publish: { to: 'pub', keep: 2 }")
      let outcome = try job.pipe("--replace")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try job.verify("pub/current") == 0)
    }
    #expect(try job.target("pub/current").hasPrefix("000004-"))
    #expect(job.names("pub").map { $0.prefix(6) } == ["000003", "000004", "curren"])
    let same = try run(
      ["-r", job.folder.url.path + "/out/shapes", job.folder.url.path + "/pub/current/"],
      program: URL(filePath: "/usr/bin/diff"))
    #expect(same.status == 0, "\(same.output)")
    let before = try job.target("pub/current")
    #expect(try job.pipe().errors.contains("up to date"))
    #expect(try job.target("pub/current") == before)
  }

  @Test func `a rollback holds until there is something new`() throws {
    let publish = "publish: { to: 'pub' }"
    let job = try NightlyJob(keys: publish)
    #expect(try job.pipe("--rollback").status == 66)
    for size in 8..<11 {
      try job.describe(options: "resize: \(size)", keys: publish)
      #expect(try job.pipe("--replace").status == 0)
    }
    let rolledBack = try job.pipe("--rollback", "--only", "out/shapes")
    #expect(rolledBack.status == 0, "\(rolledBack.errors)")
    #expect(try job.target("pub/current").hasPrefix("000002-"))
    #expect(try job.target("pub/rolled-back").hasPrefix("000003-"))
    #expect(try job.pipe("--replace").errors.contains("was rolled back"))
    #expect(try job.target("pub/current").hasPrefix("000002-"))
    #expect(try job.pipe("--rollback").status == 0)
    #expect(try job.target("pub/current").hasPrefix("000001-"))
    let last = try job.pipe("--rollback")
    #expect(last.status == 66)
    #expect(last.errors.contains("there is no whole generation before"), "\(last.errors)")
    try job.describe(options: "resize: 11", keys: publish)
    #expect(try job.pipe("--replace").status == 0)
    #expect(try job.target("pub/current").hasPrefix("000004-"))
    #expect(!job.names("pub").contains("rolled-back"))
  }

  @Test func `a rollback leads past a damaged generation`() throws {
    let job = try NightlyJob()
    for size in 8..<11 {
      try job.describe(options: "resize: \(size)", keys: "publish: { to: 'pub' }")
      #expect(try job.pipe("--replace").status == 0)
    }
    let second = try #require(job.names("pub").first { $0.hasPrefix("000002") })
    let shard = try #require(job.names("pub/\(second)").first { $0.hasSuffix(".tar") })
    let file = job.folder.url.appending(path: "pub/\(second)/\(shard)")
    chmod(file.path, 0o644)
    var bytes = try Data(contentsOf: file)
    bytes[3000] ^= 1
    try bytes.write(to: file)
    #expect(try job.pipe("--rollback").status == 0)
    #expect(try job.target("pub/current").hasPrefix("000001-"))
  }

  @Test func `nothing that somebody else put there is removed or taken for a generation`() throws {
    let publish = "publish: { to: 'pub', keep: 1 }"
    let job = try NightlyJob()
    try FileManager.default.createDirectory(
      at: job.folder.url.appending(path: "pub/000007-0123456789ab"), withIntermediateDirectories: true)
    let mine = try job.folder.file("pub/000007-0123456789ab/mine", "precious")
    _ = try job.folder.file("pub/README", "mine")
    for size in 8..<11 {
      try job.describe(options: "resize: \(size)", keys: publish)
      let outcome = try job.pipe("--replace")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try String(contentsOf: mine, encoding: .utf8) == "precious")
    #expect(job.names("pub").map { String($0.prefix(6)) } == ["000007", "000010", "README", "curren"])
    // A generation to which somebody added a file is not ours any more.
    let last = try #require(job.names("pub").first { $0.hasPrefix("000010") })
    _ = try job.folder.file("pub/\(last)/notes", "mine")
    try job.describe(options: "resize: 12", keys: publish)
    let outcome = try job.pipe("--replace")
    #expect(outcome.errors.contains("stays, because it is not whole or holds something"), "\(outcome.errors)")
    #expect(job.names("pub/\(last)").contains("notes"))
    try FileManager.default.removeItem(at: job.folder.url.appending(path: "pub/current"))
    _ = try job.folder.file("pub/current", "mine")
    try job.describe(options: "resize: 13", keys: publish)
    #expect(try job.pipe("--replace").status == 73)
    #expect(try String(contentsOf: job.folder.url.appending(path: "pub/current"), encoding: .utf8) == "mine")
  }

  @Test func `a generation that a reader has locked stays, and another publisher waits`() throws {
    let publish = "publish: { to: 'pub', keep: 1 }"
    let job = try NightlyJob(keys: publish)
    #expect(try job.pipe().status == 0)
    let first = try job.target("pub/current")
    let reader = open(job.folder.url.path + "/pub/\(first)", O_RDONLY)
    try #require(flock(reader, LOCK_SH) == 0)
    try job.describe(options: "resize: 8", keys: publish)
    let outcome = try job.pipe("--replace")
    #expect(outcome.errors.contains("stays, because a reader has locked it"), "\(outcome.errors)")
    #expect(job.names("pub").contains(first))
    close(reader)
    #expect(try job.pipe().status == 0)
    #expect(!job.names("pub").contains(first))

    let making = job.folder.url.path + "/pub/.generation.making"
    try FileManager.default.createDirectory(atPath: making, withIntermediateDirectories: true)
    let other = open(making, O_RDONLY)
    try #require(flock(other, LOCK_EX) == 0)
    try job.describe(options: "resize: 9", keys: publish)
    #expect(try job.pipe("--replace").status == 75)
    close(other)
    // What a dead publisher leaves has no lock.
    #expect(try job.pipe().status == 0)
    #expect(try job.target("pub/current").hasPrefix("000003-"))
  }

  @Test func `a damaged generation is published anew`() throws {
    let job = try NightlyJob(keys: "publish: { to: 'pub' }")
    #expect(try job.pipe().status == 0)
    let first = try job.target("pub/current")
    let shard = try #require(job.names("pub/\(first)").first { $0.hasSuffix(".tar") })
    try FileManager.default.removeItem(at: job.folder.url.appending(path: "pub/\(first)/\(shard)"))
    #expect(try job.pipe().status == 0)
    #expect(try job.target("pub/current").hasPrefix("000002-"))
    #expect(try job.verify("pub/current") == 0)
  }

  @Test func `a command publishes what is read back whole, once`() throws {
    let publish = """
      publish: { command: "mkdir -p there && cp -r {folder} there/{generation} && echo sent >> log",
        'read-back': "cp -r there/{generation}/. {folder}", switch: "ln -sfn {generation} there/new && mv -T there/new there/current" }
      """
    let job = try NightlyJob(keys: publish)
    let first = try job.pipe("--json")
    #expect(first.status == 0, "\(first.errors)")
    #expect(try job.verify("there/current") == 0)
    #expect(try job.pipe().status == 0)
    #expect(try String(contentsOf: job.folder.url.appending(path: "log"), encoding: .utf8) == "sent\n")
    #expect(job.names("out") == ["shapes"])
  }

  @Test(arguments: [
    // The network breaks, part of it arrives, an old one is there, nothing arrives.
    ("false", "cp -r {folder}/. {folder}", Int32(75), "publish.command ended with exit code 1"),
    ("true", "cp out/shapes/pipe.manifest {folder}", 74, "what publish.read-back fetched is damaged"),
    ("true", "cp -r old/. {folder}", 74, "is another generation than was sent"),
    ("true", "true", 74, "is no dataset"),
  ])
  func `readers are not told of what did not arrive, and the next run tries again`(
    command: String, readBack: String, status: Int32, sentence: String
  ) throws {
    let job = try NightlyJob()
    #expect(try job.pipe().status == 0)
    try FileManager.default.copyItem(
      at: job.folder.url.appending(path: "out/shapes"), to: job.folder.url.appending(path: "old"))
    let keys =
      "publish: { command: ': {folder}; \(command)', 'read-back': '\(readBack) # {folder}', switch: 'touch told' }"
    try job.describe(options: "resize: 8", keys: keys)
    for _ in 0..<2 {
      let outcome = try job.pipe("--replace")
      #expect(outcome.status == status, "\(outcome.errors)")
      #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
    }
    #expect(!job.names(".").contains("told"))
    #expect(job.names("out") == ["shapes"])
  }

  @Test func `readers find whole generations only, whenever a run is killed`() throws {
    let job = try NightlyJob()
    let result = try shell(
      """
      job() { sed "s/SIZE/$1/" > job.json5 <<< '{ format: 1, datasets: [{ output: "out/a", input: ["in.tar"], steps: [
        { verb: "decode", options: { resize: SIZE } }, { verb: "shard", options: { "max-samples": 8 } }],
        check: { verify: true }, publish: { to: "pub", keep: 2 } }] }'; }
      job 8; pipe run -q job.json5 || exit 1
      (until [ -e stop ]; do (cd -P pub/current && sha256sum --status -c SHA256SUMS) || { echo broken >> broken; }; done) &
      for round in $(seq 12); do
        job $((8 + round))
        timeout -s KILL 0.0$((round * 7 % 10))$round pipe run -q --replace job.json5 > /dev/null 2>&1
      done
      tries=0; until pipe run -q --replace job.json5; do [ $((tries += 1)) -lt 100 ] || exit 1; done
      touch stop; wait
      pipe verify -q pub/current/. && ls -A out pub; [ ! -e broken ]
      """, in: job.folder)
    #expect(result.status == 0, "\(result.text)")
    #expect(!result.text.contains("removing") && !result.text.contains("making"), "\(result.text)")
  }
}
