import Catalog
import Foundation
import Testing

@testable import Command
@testable import Datasets

/// A recipe that was written before.
private func recipe(_ inputs: String, _ more: String = "") throws -> Recipe {
  try JSONDecoder().decode(
    Recipe.self, from: Data("{ \"tool\": \"t\", \"inputs\": [\"\(inputs)\"], \"steps\": []\(more) }".utf8))
}

/// The names in a folder, hidden ones included.
private func names(_ folder: URL) -> [String] {
  ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
}

@Suite("Syntax of pipeline files") struct NightSyntaxTests {
  @Test(arguments: [
    ("{\n  center-crop: 32 }", 2, 3, "the name 'center-crop' needs quotes; write \"center-crop\""),
    ("{ 1a: 1 }", 1, 3, "the name '1a' needs quotes; write \"1a\""),
    ("{ a: yes }", 1, 6, "'yes' is not a value; write true"),
    ("[True]", 1, 2, "'True' is not a value; write true"),
    ("[off]", 1, 2, "'off' is not a value; write false"),
    ("[1, 1_000]", 1, 5, "'1_000' is not a number; write 1000"),
    ("[32x32]", 1, 2, "'32x32' is neither a number nor true or false; a text stands in quotes"),
    ("[010]", 1, 2, "'010' is neither a number nor true or false; a text stands in quotes"),
    ("{cat: 1, \"c\\u0061t\": 2}", 1, 10, "'cat' stands twice in this object"),
    ("{cat: 1, 'c\\x61t': 2}", 1, 10, "'cat' stands twice in this object"),
    ("['a\\q']", 1, 4, "\\q means nothing in a text; write \\\\ for a backslash"),
    ("['\\u00']", 1, 3, "this escape needs 4 hexadecimal digits"),
    ("['\\ud83d']", 1, 3, "this escape is half a character"),
    ("['a\tb']", 1, 4, "a character of control, such as a tab, stands in a text; write \\t for a tab"),
  ])
  func `a word or an escape that JSON5 does not have is refused with its place`(
    text: String, line: Int, column: Int, problem: String
  ) {
    #expect(JSON5Syntax.mistake(in: text) == JSON5Syntax.Mistake(line: line, column: column, problem: problem))
  }

  @Test(arguments: [
    "[1, -1, +.5, 5., 5.e3, 1E+5, 0x1F, -0xab, 0, Infinity, -NaN, true, false, null]",
    "{ a1: 1, _b: 1, $c: 1, ä: 1, 日本: 1, 'd-e': 1, true: 1 }",
    "['\\'\\\"\\\\\\/\\b\\f\\n\\r\\t\\x61\\u00e9\\ud83d\\ude00']",
  ])
  func `what JSON5 has is taken`(text: String) {
    #expect(JSON5Syntax.mistake(in: text) == nil)
  }

  @Test func `a file that is not UTF-8 is refused where it is not`() throws {
    let bytes = Array("{\n  format: 1, // caf".utf8) + [0xe9] + Array("\n}".utf8)
    let error = #expect(throws: DataError.self) { try PipelineFile(Data(bytes), named: "x.json5") }
    #expect(
      error?.description
        == "x.json5: line 2, column 20: is no JSON5: the byte 0xe9 is not UTF-8; save the file as UTF-8")
  }

  @Test(arguments: ["\n", "\r\n"])
  func `a text that goes on in the next line has no line feed, and a comment stays one`(end: String) throws {
    let text =
      "{ format: 1, // not here \\\(end) datasets: [{ output: 'out/\\\(end)a', input: ['i'], steps: [{ verb: 'shard' }] }] }"
    #expect(try PipelineFile(Data(text.utf8), named: "x.json5").datasets.map(\.output) == ["out/a"])
  }
}

@Suite("Whether an input changed") struct NightInputTests {
  @Test func `a second link, another mode, another time and a hidden file change nothing`() throws {
    let folder = try TemporaryFolder()
    let input = folder.url.appending(path: "in")
    try FileManager.default.createDirectory(at: input, withIntermediateDirectories: true)
    let file = try folder.file("in/a", "one")
    let content = try InputContent(of: input.path)
    let single = try InputContent(of: file.path)
    #expect(link(file.path, folder.url.appending(path: "b").path) == 0)
    #expect(content.isCurrent(at: input.path) && single.isCurrent(at: file.path))
    #expect(chmod(file.path, 0o600) == 0)
    var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, file.path, &times, 0) == 0)
    _ = try folder.file("in/.DS_Store", "anything")
    #expect(content.isCurrent(at: input.path) && single.isCurrent(at: file.path))
    #expect(try InputContent(of: input.path).digest == content.digest)
    // The same size.
    _ = try folder.file("in/a", "two")
    #expect(!content.isCurrent(at: input.path) && !single.isCurrent(at: file.path))
  }

  @Test func `records beside the shards of a dataset change nothing, and another dataset does`() throws {
    let folder = try TemporaryFolder()
    let make = "pipe shard -q -i \(fixtures.path)/shapes-cifar-python.tar.gz"
    #expect(try shell("\(make) -o set && \(make) --max-samples 7 -o other", in: folder).status == 0)
    let set = folder.url.appending(path: "set").path
    let content = try InputContent(of: set)
    _ = try folder.file("set/pipe.evaluations", "{}")
    #expect(content.isCurrent(at: set))
    #expect(try shell("rm -r set && mv other set", in: folder).status == 0)
    #expect(!content.isCurrent(at: set))
  }
}

@Suite("Places of checkpoints") struct NightCheckpointPlaceTests {
  @Test func `a file that steps name is a place, and each dataset removes only its own`() throws {
    let folder = try TemporaryFolder()
    let typed = folder.url.appending(path: "kept.checkpoint").path
    let (one, other) = (folder.url.appending(path: "one").path, folder.url.appending(path: "other").path)
    func place(_ output: String, _ inputs: String, step: Int = 0) throws -> CheckpointPlace {
      CheckpointPlace(of: output, for: try recipe(inputs), typed: typed, step: step)
    }
    let places = [
      try place(one, "file:1"), try place(one, "file:2"), try place(other, "file:1"), try place(one, "file:1", step: 1),
    ]
    #expect(Set(places.map(\.path)).count == places.count)
    for place in places {
      #expect(place.path.hasPrefix(folder.url.appending(path: "kept.").path) && place.path.hasSuffix(".checkpoint"))
      try Data("x".utf8).write(to: URL(filePath: place.path))
    }
    // Somebody's.
    try Data("x".utf8).write(to: URL(filePath: typed))
    places[1].removeOthers()
    #expect(places.map(\.exists) == [false, true, true, true])
    places[1].remove()
    #expect(places.map(\.exists) == [false, false, true, true])
    #expect(FileManager.default.fileExists(atPath: typed))
  }

  @Test func `where a dataset began belongs to its checkpoint and not to its digest`() throws {
    let plain = try recipe("file:1")
    let started = try recipe("file:1", ", \"startsFrom\": true")
    #expect(plain.digest == started.digest)
    #expect(CheckpointPlace(of: "out", for: plain).path != CheckpointPlace(of: "out", for: started).path)
    // Left out, it is to begin anew; where it comes to be asked for, nothing is made anew.
    #expect(plain.difference(from: started)?.contains("--start-from") == true)
    #expect(started.difference(from: plain) == nil)
    #expect(plain.difference(from: plain) == nil && started.difference(from: started) == nil)
  }
}

@Suite("Signals of a run") struct NightSignalTests {
  @Test func `a step that its run asks ends early once, beside a Ctrl-C that reaches both`() {
    for isAskedFirst in [true, false] {
      var state = InterruptState(interruption: .finishEarly)
      let first = isAskedFirst ? state.asked() : state.receive(SIGINT)
      guard case .wait = first else { return #expect(Bool(false), "did not wait") }
      #expect(state.stopRequested && state.signal == SIGINT)
      #expect((isAskedFirst ? state.receive(SIGINT) : state.asked()) == .none)
      #expect(state.receive(SIGINT) == .cancel)
    }
    var reader = InterruptState(interruption: .stop)
    #expect(reader.asked() == .cancel)
    #expect(reader.receive(SIGINT) == .none)
    #expect(reader.receive(SIGINT) == .abort)
  }

  @Test func `work that was done before it was told to stop was not cut short`() {
    var state = InterruptState(interruption: .finishEarly)
    let stopsBefore = state.tellWhetherToStop()
    #expect(!stopsBefore)
    _ = state.receive(SIGINT)
    #expect(!state.cutWorkShort)
    let stopsAfter = state.tellWhetherToStop()
    #expect(stopsAfter && state.cutWorkShort)
    var cancelled = InterruptState(interruption: .stop)
    _ = cancelled.receive(SIGINT)
    #expect(cancelled.cutWorkShort)
  }

  @Test func `a run that alone gets Ctrl-C ends its steps`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      at: fixtures.appending(path: "shapes-cifar.tar.gz"), to: folder.url.appending(path: "in.tar"))
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ output: "out/first", input: ["in.tar"], steps: [
        { verb: "decode", options: { resize: 512 } }, { verb: "shard" }] }] }
      """)
    let run = try shell(
      """
      set -m; pipe run job.json5 2> log & job=$!
      until [ -e out/.first.making/dataset/.pipe-unfinished ] || ! kill -0 $job 2> /dev/null; do :; done
      kill -INT $job; wait $job; echo "status $?"; ls -A out 2> /dev/null | wc -l; cat log
      """, in: folder)
    // The shell may speak of its job first.
    #expect(run.text.contains("status 130\n0\n"), "\(run.text)")
  }

  @Test func `a run that is ended ends what a shell line has started`() throws {
    let job = try NightlyJob(
      keys: """
        publish: { command: "tail -f /dev/null & echo $! > child.new; mv child.new child; : {folder}; wait",
          "read-back": ": {folder}" }
        """)
    // A session of its own: in the foreground of a terminal, which a person may run this on, the shell stays in its group.
    let run = try shell(
      """
      setsid \(job.program.path) run job.json5 2> log & run=$!
      until [ -s child ] || ! kill -0 $run 2> /dev/null; do :; done
      kill -TERM $run; wait $run; echo "status $?"
      for n in $(seq 200000); do grep -q tail /proc/$(cat child)/cmdline 2> /dev/null || break; done
      [ $n -lt 200000 ] && echo gone; cat log
      """, in: job.folder)
    #expect(run.text.hasPrefix("status 143\ngone\n"), "\(run.text)")
  }

  @Test func `a line that fails is seen to fail where the parent ignores the end of processes`() throws {
    let job = try NightlyJob(
      keys: "publish: { command: ': {folder}; exit 3', 'read-back': 'cp -r out/shapes/. {folder}' }")
    let outcome = try run(
      ["--ignore-signal=CHLD", job.program.path, "run", job.folder.url.appending(path: "job.json5").path],
      program: URL(filePath: "/usr/bin/env"))
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(outcome.errors.contains("publish.command ended with exit code 3"), "\(outcome.errors)")
  }

  @Test func `a step that fails ends those before it, which never write, and is blamed`() throws {
    let (silent, failing) = (["-c", "exec tail -f /dev/null"], ["-c", "exit 7"])
    let processes = try StepProcesses([silent, silent, failing], program: "/bin/sh", output: 2)
    let codes = processes.wait()
    #expect(codes == [141, 141, 7])
    #expect(StepProcesses.culprit(codes) == 2)
    let killed = try StepProcesses([silent, ["-c", "kill -KILL $$"]], program: "/bin/sh", output: 2)
    #expect(killed.wait() == [141, 137])
  }
}

@Suite("What a step cache replaces") struct NightCacheTests {
  @Test func `what was made afresh takes the place of another result of the same step`() throws {
    let folder = try TemporaryFolder()
    let cache = StepCache(CacheFolder(folder.url.path), maxBytes: 1 << 20)
    var said: [String] = []
    func keep(_ text: String, afresh: Bool) throws {
      let recording = try #require(cache.begin("digest", log: { _ in }))
      Array(text.utf8).withUnsafeBytes { recording.write($0) }
      recording.finish()
      cache.keep(recording, of: "digest", afresh: afresh, log: { said.append($0) })
    }
    func kept() throws -> [String] {
      try names(folder.url).map { try String(contentsOf: folder.url.appending(path: $0), encoding: .utf8) }
    }
    try keep("wrong", afresh: false)
    try keep("right", afresh: false)
    #expect(try kept() == ["wrong"] && said.isEmpty)
    try keep("right", afresh: true)
    #expect(try kept() == ["right"])
    #expect(said.count == 1 && said[0].contains("held something else than was made now, and is removed"), "\(said)")
    try keep("right", afresh: true)
    #expect(try kept() == ["right"] && said.count == 1)
  }

  @Test func `a result that the next step cannot read is removed and made again`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(
      at: fixtures.appending(path: "shapes-cifar-python.tar.gz"), to: folder.url.appending(path: "in.tar"))
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ matrix: { size: [8, 16] }, output: "out/${size}", input: ["in.tar"], steps: [
        { verb: "decode", options: { "center-crop": 32 } }, { verb: "decode", options: { resize: "${size}" } },
        { verb: "shard" }] }] }
      """)
    // A stream that ends in the middle, under the name that a whole one of these bytes would have.
    let run = try shell(
      """
      pipe run -q job.json5 --cache cache && mv out before || exit
      name=$(ls cache); size=$(stat -c %s cache/$name); head -c $((size / 2)) cache/$name > cut
      sum=$(sha256sum < cut); rm cache/$name; mv cut "cache/${name%-*}-${sum%% *}.tar"
      pipe run job.json5 --cache cache 2> log; echo "status $?"
      diff -r out before && echo same; [ "$(ls cache)" = "$name" ] && echo again; cat log
      """, in: folder)
    #expect(run.text.hasPrefix("status 0\nsame\nagain\n"), "\(run.text)")
    #expect(run.text.contains("cannot be read, though it is as it was kept; it is removed"), "\(run.text)")
  }
}
