import Foundation
import Testing

@testable import Command
@testable import Datasets

/// The plans of a file with this text, as if it lay in `jobs/`.
private func plans(_ text: String) throws -> [DatasetPlan] {
  try DatasetPlan.plans(for: PipelineFile(Data(text.utf8), named: "jobs/x.json5"), at: "jobs/x.json5")
}

/// A file whose second dataset has these keys; the first one makes `out/a` and publishes to `pub`.
private func second(_ keys: String) -> String {
  """
  { format: 1, datasets: [
    { output: 'out/a', input: ['in.tar'], steps: [{ verb: 'shard' }], publish: { to: 'pub' } },
    { output: 'b', steps: [{ verb: 'shard' }], \(keys) },
  ] }
  """
}

/// A folder with an archive and a pipeline file of these datasets.
private func workplace(_ datasets: String) throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  try FileManager.default.copyItem(
    at: fixtures.appending(path: "shapes-cifar-python.tar.gz"), to: folder.url.appending(path: "in.tar"))
  _ = try folder.file("job.json5", "{ format: 1, datasets: [\(datasets)] }")
  return folder
}

/// What a run wrote with `--progress=json`, event by event.
private func events(_ text: String) throws -> [[String: Any]] {
  try text.split(separator: "\n").map {
    try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
  }
}

@Suite("Patterns in pipeline files") struct PlanPatternTests {
  @Test(arguments: [
    ("input: ['out/a/*.tar']", "input[0]: jobs/out/a/*.tar: is a pattern that fits the output of datasets[0]"),
    ("input: ['in.tar', 'out/*/x.tar']", "input[1]: jobs/out/*/x.tar: is a pattern that fits the output of datasets"),
    ("input: ['out/new/../a/*.tar']", "input[0]: jobs/out/new/../a/*.tar: is a pattern that fits the output of"),
    ("input: ['o[tu]t']", "input[0]: jobs/o[tu]t: is a pattern that fits the output of datasets[0]"),
    ("input: ['o?t/{a,c}']", "input[0]: jobs/o?t/{a,c}: is a pattern that fits the output of datasets[0]"),
    ("input: ['out/a/shard-{000..007}.tar']", "input[0]: jobs/out/a/shard-{000..007}.tar: is a pattern that fits"),
    ("input: ['pub/current/*.tar']", "input[0]: jobs/pub/current/*.tar: is a pattern that fits where datasets[0] is"),
    ("input: ['in.tar'], check: { test: 'out/a/*.tar', accuracy: 9 }", "check.test: jobs/out/a/*.tar: is a pattern"),
    ("input: ['in.tar'], evaluate: { test: 'out/a/*.tar' }", "evaluate[0].test: jobs/out/a/*.tar: is a pattern that"),
  ])
  func `a pattern that fits what the file makes is refused`(keys: String, sentence: String) {
    let error = #expect(throws: DataError.self) { try plans(second(keys)) }
    #expect(error?.fault == .badInput)
    let text = error?.description ?? "nothing"
    #expect(text.hasPrefix("jobs/x.json5: datasets[1].\(sentence)") && text.hasSuffix("; name the folder"), "\(text)")
  }

  @Test(arguments: ["*.tar", "data/*/x.tar", "out/*.tar", "out/a-*", "{train,test}", "out{0..3}.tar"])
  func `a pattern that fits nothing of the file waits for its dataset`(pattern: String) throws {
    let plan = try #require(try plans(second("input: ['\(pattern)']")).last)
    #expect(plan.inputs == ["jobs/\(pattern)"])
    #expect(plan.missing?.fault == .noInput)
    #expect(plan.missing?.description.hasPrefix("jobs/x.json5: datasets[1].input[0]: jobs/") == true)
  }

  @Test func `a pattern that leads through a link to an output is refused`() throws {
    let folder = try workplace(
      """
      { output: "out/a", input: ["in.tar"], steps: [{ verb: "shard" }] },
      { output: "b", input: ["sets/*/*.tar"], steps: [{ verb: "shard" }] },
      """)
    let refused = try shell(
      "pipe run -q --only out/a job.json5; mkdir sets && ln -s ../out/a sets/x; pipe run job.json5", in: folder)
    #expect(refused.status == 65 && refused.text.contains("fits the output of datasets[0]"), "\(refused.text)")
  }

  @Test func `nothing that fits a pattern is a matter of that dataset alone`() throws {
    let folder = try workplace(
      """
      { output: "out/first", input: ["incoming/*.tar"], steps: [{ verb: "shard" }] },
      { output: "out/second", input: ["in.tar"], steps: [{ verb: "shard" }] },
      { output: "out/third", input: ["in.tar"], steps: [{ verb: "shard" }],
        evaluate: { test: "tests/*.tar" }, table: "results" },
      """)
    #expect(try shell("pipe run -q --only out/second job.json5", in: folder).status == 0)
    let all = try shell("rm -r out; pipe run job.json5", in: folder)
    #expect(all.status == 66, "\(all.text)")
    #expect(
      all.text.contains("job.json5: datasets[0].input[0]: incoming/*.tar: no file fits this pattern"), "\(all.text)")
    #expect(
      all.text.contains("job.json5: datasets[2].evaluate[0].test: tests/*.tar: no file fits this pattern"),
      "\(all.text)")
    #expect(try shell("ls out", in: folder).text == "second\nthird\n")
  }

  @Test func `test data of a table that cannot be read stops no other dataset`() throws {
    let folder = try workplace(
      """
      { output: "out/first", input: ["in.tar"], steps: [{ verb: "shard" }],
        evaluate: { test: "tests" }, table: "results" },
      { output: "out/second", input: ["in.tar"], steps: [{ verb: "shard" }] },
      """)
    let both = try shell(
      "mkfifo tests; pipe run -q job.json5; ls out; rm -r out/second; pipe run -q job.json5; echo code $?; ls out",
      in: folder)
    #expect(both.text.components(separatedBy: "first\nsecond\n").count == 3, "\(both.text)")
    #expect(both.text.contains("code 65\n"), "\(both.text)")
  }
}

@Suite("Faults of nights") struct NightFaultsTests {
  // MARK: publish

  @Test func `a word in a line for the shell is what sh reads, and is not looked at again`() throws {
    let command = PublishCommand(send: "", readBack: "", switchLine: nil, folder: ".")
    let line = command.line(
      "cp {folder} {name} {generation} {else}", folder: "/a/{generation} it's", generation: "f00", name: "{folder}")
    #expect(line == #"cp '/a/{generation} it'\''s' '{folder}' f00 {else}"#)
    for word in ["a\tb\n", "it's", "'\u{301}x'", "", "plain-1.0", "$(x) `y` \\ \"z\" *"] {
      let outcome = try run(["-c", "printf %s \(PublishCommand.quoted(word))"], program: URL(filePath: "/bin/sh"))
      #expect(outcome.output == word, "\(outcome)")
    }
  }

  @Test func `lines for the shell run in the folder of the file, whatever CDPATH says`() throws {
    let folder = try workplace(
      """
      { output: "{generation}", input: ["in.tar"], steps: [{ verb: "shard" }], publish: {
        command: "cp -r {folder} sent", "read-back": "cp -r sent/. {folder}" } }
      """)
    let outcome = try shell(
      """
      mkdir jobs other other/jobs && mv in.tar job.json5 jobs && CDPATH=$PWD/other pipe run -q jobs/job.json5
      echo "code $?"; ls -d jobs/sent/pipe.manifest; ls other/jobs
      """, in: folder)
    #expect(outcome.text == "code 0\njobs/sent/pipe.manifest\n")
  }

  @Test func `no rollback leads to what was taken back before`() throws {
    let publish = "publish: { to: 'pub', keep: 3 }"
    let job = try NightlyJob()
    func night(_ size: Int) throws {
      try job.describe(options: "resize: \(size)", keys: publish)
      let outcome = try job.pipe("--replace")
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    for size in 8..<11 { try night(size) }
    #expect(try job.pipe("--rollback").status == 0)
    #expect(try job.target("pub/current").hasPrefix("000002-"))
    // To undo it.
    try FileManager.default.removeItem(at: job.folder.url.appending(path: "pub/rolled-back"))
    #expect(try job.pipe().status == 0)
    #expect(try job.target("pub/current").hasPrefix("000003-"))
    #expect(!job.names("pub").contains { $0.hasPrefix(".rolled-back") })

    #expect(try job.pipe("--rollback").status == 0)
    try night(11)
    #expect(try job.target("pub/current").hasPrefix("000004-"))
    let second = try job.pipe("--rollback")
    #expect(second.status == 0, "\(second.errors)")
    #expect(try job.target("pub/current").hasPrefix("000002-"))
    try night(12)
    #expect(job.names("pub").filter { $0.hasPrefix("0") }.map { $0.prefix(6) } == ["000003", "000004", "000005"])
    let none = try job.pipe("--rollback")
    #expect(none.status == 66)
    #expect(none.errors.contains("except what was taken back: 000004-"), "\(none.errors)")
    #expect(try job.target("pub/current").hasPrefix("000005-"))
    // What is gone leaves no link.
    try night(13)
    let marks = job.names("pub").filter { $0.hasPrefix(".rolled-back") }
    #expect(marks.map { $0.prefix(19) } == [".rolled-back-000004"], "\(marks)")
  }

  // MARK: Before a run

  @Test func `what reads a dataset that is to be replaced is not called up to date`() throws {
    let folder = try workplace(
      """
      { output: "a", input: ["in.tar"], steps: [{ verb: "decode", options: { resize: 16 } }, { verb: "shard" }] },
      { output: "b", input: ["a"], steps: [{ verb: "decode" }, { verb: "shard" }] },
      { output: "c", input: ["b"], steps: [{ verb: "decode" }, { verb: "shard" }] },
      """)
    let before = try shell("pipe run -q job.json5 && pipe run --plan job.json5 && pipe run -n job.json5", in: folder)
    #expect(before.text.components(separatedBy: "up to date").count == 7, "\(before.text)")
    for words in ["--plan", "--dry-run"] {
      let after = try shell("sed -i s/16/8/ job.json5; pipe run \(words) --replace job.json5", in: folder)
      #expect(after.text.contains("a: to be replaced: "), "\(after.text)")
      #expect(after.text.contains("b: to be made anew after a, unless that comes out the same\n"), "\(after.text)")
      #expect(after.text.contains("c: to be made anew after b, unless that comes out the same\n"), "\(after.text)")
      #expect(try shell("pipe run \(words) --only b job.json5", in: folder).text.contains("b: up to date\n"))
    }
    let plan = try shell("pipe run --plan job.json5", in: folder).text
    #expect(plan.contains("b: to be made anew after a, unless that comes out the same; needs --replace\n"), "\(plan)")
    #expect(plan.components(separatedBy: "  decode gives samples 3×8×8").count == 4, "\(plan)")
  }

  @Test func `a condition that is null is refused`() throws {
    let error = #expect(throws: DataError.self) { try plans(second("input: ['c'], check: { accuracy: null }")) }
    let sentence = error?.description ?? "nothing"
    #expect(
      sentence.hasPrefix("jobs/x.json5: datasets[1].check.accuracy: is null, which asks for nothing; "), "\(sentence)")
  }

  // MARK: Files that are replaced

  @Test func `the textfile of another pipeline is not replaced, and nothing is made`() throws {
    let job = try NightlyJob()
    let file = job.folder.url.appending(path: "a.prom").path
    _ = try job.folder.file("other.json5", "{")
    let other = try run(["run", job.folder.url.path + "/other.json5", "--metrics", file], program: job.program)
    #expect(other.status == 65)
    let before = try String(contentsOfFile: file, encoding: .utf8)
    let refused = try job.pipe("--metrics", file)
    #expect(refused.status == 73)
    #expect(refused.errors.contains("holds what the pipeline other.json5 tells"), "\(refused.errors)")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
    #expect(job.names("out") == [])
  }

  @Test func `links to a textfile and to a table stay links, and what is no file is not replaced`() throws {
    let job = try NightlyJob(keys: "evaluate: { test: 'in.tar' }, table: 'notes'")
    let folder = job.folder.url
    for (link, target) in [("a.prom", "there.prom"), ("notes.md", "there.md"), ("notes.csv", "there.csv")] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.appending(path: link).path, withDestinationPath: "deep/\(target)")
    }
    try FileManager.default.createDirectory(at: folder.appending(path: "deep"), withIntermediateDirectories: true)
    for _ in 0..<2 {
      let outcome = try job.pipe("--metrics", folder.appending(path: "a.prom").path)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try job.target("a.prom") == "deep/there.prom" && job.target("notes.md") == "deep/there.md")
    #expect(job.names("deep") == ["there.csv", "there.md", "there.prom"])

    let pipe = folder.appending(path: "pipe.prom").path
    #expect(mkfifo(pipe, 0o666) == 0)
    let refused = try job.pipe("--metrics", pipe)
    #expect(refused.status == 73 && refused.errors.contains("is not a regular file"), "\(refused.errors)")
    for stream in ["/dev/stdout", "/dev/stderr", "-", "/dev/null"] {
      #expect(throws: DataError.self) { try replacedFile(stream) }
    }
  }

  @Test func `a textfile that cannot be written is told once, with the exit code of the run`() throws {
    let job = try NightlyJob(
      keys: "publish: { command: ': {folder}; rm -r metrics', 'read-back': 'cp -r out/shapes/. {folder}' }")
    let metrics = job.folder.url.appending(path: "metrics")
    try FileManager.default.createDirectory(at: metrics, withIntermediateDirectories: true)
    let outcome = try job.pipe("--progress=json", "--metrics", metrics.path + "/a.prom")
    let ends = try events(outcome.errors).filter { $0["event"] as? String == "run" }
    #expect(outcome.status == 73 || outcome.status == 74, "\(outcome.errors)")
    #expect(ends.map { $0["exit_code"] as? Int } == [Int(outcome.status)])
  }

  @Test func `a run leaves no more in the cache than it may hold, also where it kept nothing itself`() throws {
    let folder = try workplace("{ output: 'a', input: ['in.tar'], steps: [{ verb: 'decode' }, { verb: 'shard' }] }")
    let left = try shell(
      """
      mkdir cache; digits=$(printf '0a%.0s' $(seq 19))
      for n in 0 1; do head -c 900 /dev/zero > cache/trajectory-${digits}0$n.safetensors; done
      echo mine > cache/notes; pipe run -q --cache cache --cache-size 1K job.json5; ls cache | wc -l
      """, in: folder)
    #expect(left.text == "2\n", "\(left.text)")
  }

  // MARK: Two runs, and signals

  /// The first run has looked at the output and waits, because nobody reads what it says; the second one makes the dataset.
  @Test(arguments: [("", Int32(0), "up to date"), ("resize: 8", 75, "was changed meanwhile")])
  func `what another run made after the first look is seen`(options: String, status: Int32, words: String) throws {
    let job = try NightlyJob()
    let said = Pipe()
    let writing = said.fileHandleForWriting.fileDescriptor
    let getSize: Int32 = 1032
    let size = Int(fcntl(writing, getSize))
    // Room for one line and no more.
    let filled = size - 120
    for start in stride(from: 0, to: filled, by: 4096) {
      try said.fileHandleForWriting.write(contentsOf: Data(repeating: 10, count: min(4096, filled - start)))
    }
    let first = Process()
    first.executableURL = job.program
    first.arguments = ["run", "--progress=json", "job.json5"]
    first.currentDirectoryURL = job.folder.url
    first.environment = ["PATH": "/usr/bin:/bin"]
    first.standardInput = FileHandle.nullDevice
    first.standardOutput = FileHandle.nullDevice
    first.standardError = said
    try first.run()
    let countOfBytes: UInt = 0x541B
    var waiting: Int32 = 0
    repeat {
      try #require(ioctl(said.fileHandleForReading.fileDescriptor, countOfBytes, &waiting) == 0)
    } while Int(waiting) <= filled && first.isRunning
    try job.describe(options: options, keys: "")
    #expect(try job.pipe().status == 0)
    let text = String(decoding: said.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    first.waitUntilExit()
    #expect(first.terminationStatus == status, "\(text)")
    #expect(text.contains("making it") && text.contains(words), "\(text)")
    #expect(job.names("out") == ["shapes"])
  }

  @Test(arguments: [
    (137, Int32(75), "evaluate was killed (signal 9), as happens where memory is short; run it again"),
    (143, 75, "evaluate was ended by a signal that came to it alone (signal 15)"),
    (139, 75, "evaluate crashed (signal 11)"), (65, 65, "evaluate ended with exit code 65"),
    (200, 200, "evaluate ended with exit code 200"),
  ])
  func `a signal that ended a process of the run does not look like one that ended the run`(
    code: Int, status: Int32, sentence: String
  ) throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    _ = try job.folder.file("programs/status", "\(code)")
    let outcome = try job.pipe()
    #expect(outcome.status == status)
    #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
  }

  @Test func `a step that is killed gives 75, and nothing is published`() throws {
    let folder = try workplace(
      """
      { output: "out/a", input: ["in.tar"],
        steps: [{ verb: "decode", options: { resize: 1024 } }, { verb: "shard" }] }
      """)
    let killed = try shell(
      """
      pipe run job.json5 2> log & job=$!; until [ -e out/.a.making/dataset/.pipe-unfinished ]; do :; done
      for step in $(cat /proc/$job/task/*/children); do grep -q decode /proc/$step/cmdline && kill -KILL $step; done
      wait $job; echo "code $?"; ls -A out; cat log
      """, in: folder)
    #expect(killed.text.hasPrefix("code 75\n"), "\(killed.text)")
    #expect(killed.text.contains("nothing was published: decode was killed (signal 9)"), "\(killed.text)")
  }
}
