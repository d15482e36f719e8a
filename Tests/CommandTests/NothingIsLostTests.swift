import Foundation
import Testing

@testable import Command

/// A folder with a stream to write, `dec.wire`, one small dataset, `orig`, and an archive, `in.tar`.
private func workplace() throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  let made = try shell(
    """
    pipe decode -q -i \(fixtures.path)/strokes.npz -o dec.wire && pipe shard -q -o orig < dec.wire
    cp \(fixtures.path)/shapes-cifar.tar.gz in.tar
    """, in: folder)
  try #require(made.status == 0, "\(made.text)")
  return folder
}

extension TemporaryFolder {
  /// Every name below, sorted, hidden ones too.
  fileprivate func names(_ path: String = ".") throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: url.appending(path: path).path).sorted()
  }

  fileprivate func text(_ path: String) throws -> String {
    try String(contentsOf: url.appending(path: path), encoding: .utf8)
  }
}

/// A pipeline file of one dataset.
private func job(_ output: String, _ inputs: String..., options: String = "") -> String {
  let list = inputs.map { "\"\($0)\"" }.joined(separator: ", ")
  return """
    { format: 1, datasets: [{ output: "\(output)", input: [\(list)],
      steps: [{ verb: "decode", options: { \(options) } }, { verb: "shard" }] }] }
    """
}

@Suite("Nothing of the user's is lost") struct NothingIsLostTests {
  // MARK: Files that are not ours

  @Test func `files beside an unfinished marker are not removed`() throws {
    for name in ["holiday.tar", "x.tar.zst", ".a.partial", "SHA256SUMS", "strokes-train-000000.tar"] {
      let folder = try workplace()
      let tried = try shell(
        "mkdir r; touch r/.pipe-unfinished; echo precious > r/\(name); pipe shard -o r < dec.wire", in: folder)
      #expect(tried.status == 73 && tried.text.contains("it holds \(name)"), "\(tried.text)")
      #expect(try folder.names("r") == [".pipe-unfinished", name].sorted())
      #expect(try folder.text("r/\(name)") == "precious\n")
    }
  }

  @Test func `a marker that says something else is somebody's file`() throws {
    let folder = try workplace()
    let tried = try shell("mkdir r; echo precious > r/.pipe-unfinished; pipe shard -o r < dec.wire", in: folder)
    #expect(tried.status == 73, "\(tried.text)")
    #expect(try folder.text("r/.pipe-unfinished") == "precious\n")
  }

  @Test func `a marker records nothing outside of its folder, and is not written where it has a second name`() throws {
    let folder = try workplace()
    let crafted = try shell(
      """
      mkdir m; echo precious > victim; printf 'pipe-unfinished 1\\npublishing\\n%s ../victim\\n' $(stat -c %i victim) > m/.pipe-unfinished
      pipe shard -o m < dec.wire
      """, in: folder)
    #expect(crafted.status == 73, "\(crafted.text)")
    #expect(try folder.text("victim") == "precious\n")
    let linked = try shell("mkdir h; : > empty; ln empty h/.pipe-unfinished; pipe shard -o h < dec.wire", in: folder)
    #expect(linked.status == 73, "\(linked.text)")
    #expect(try folder.text("empty") == "")
    let large = try shell(
      "mkdir l; truncate -s 3G l/.pipe-unfinished; ulimit -v 2500000; pipe shard -o l < dec.wire", in: folder)
    #expect(large.status == 73, "\(large.text)")
  }

  @Test func `a hidden folder that leads to somebody's dataset, or holds one, is not emptied`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    for line in ["ln -s ../orig .out.making/dataset", "rm .out.making/dataset; cp -r orig .out.making/dataset"] {
      let tried = try shell(
        "mkdir -p .out.making; \(line); pipe run job.json5; code=$?; pipe verify -q .out.making/dataset || exit 1; exit $code",
        in: folder)
      #expect(tried.status == 73, "\(tried.text)")
      #expect(try shell("pipe verify -q orig", in: folder).status == 0)
    }
  }

  @Test func `an empty hidden folder of a run that was killed at its beginning is taken over`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    let made = try shell("mkdir -p .out.making/dataset; pipe run -q job.json5 && pipe verify -q out", in: folder)
    #expect(made.status == 0, "\(made.text)")
    #expect(try folder.names().filter { $0.contains("making") } == [])
  }

  @Test func `a dataset that cannot be removed whole is still replaced by a whole one`() throws {
    guard geteuid() == 0 else { return }
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    // A mount holds one of its files.
    let tried = try shell(
      """
      pipe shard -q --max-samples 40 -i in.tar -o out; touch f; mount --bind f out/in-train-000002.tar || exit 9
      pipe run --replace job.json5; code=$?; umount .out.making/dataset/in-train-000002.tar || umount out/in-train-000002.tar
      pipe verify -q out && exit $code
      """, in: folder)
    // Where nothing can be mounted there is nothing to test.
    guard tried.status != 9 else { return }
    #expect(tried.status == 0 || tried.status == 73, "\(tried.text)")
    if tried.status == 0 { #expect(tried.text.contains("something is left in"), "\(tried.text)") }
  }

  @Test func `a folder that is gone is refused, and not waited for`() throws {
    let folder = try workplace()
    let tried = try shell(
      "wire=$PWD/dec.wire; mkdir g; cd g; rmdir ../g; timeout 60 pipe shard -i $wire -o .", in: folder)
    #expect(tried.status == 73, "\(tried.text)")
  }

  @Test func `a second run leaves the first one alone`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar", options: "resize: 512"))
    let tried = try shell(
      """
      pipe run -q job.json5 & first=$!; until [ -e .out.making/dataset ]; do :; done
      for i in 1 2 3; do pipe run -q job.json5; echo "second $?"; done; wait $first; echo "first $?"; pipe verify -q out; ls -A
      """, in: folder)
    #expect(tried.text.contains("second 75\n") && tried.text.contains("first 0\n"), "\(tried.text)")
    #expect(!tried.text.contains("making\n"), "\(tried.text)")
  }

  @Test func `a refused folder stays as it was, and is taken once the stranger has gone`() throws {
    let folder = try workplace()
    let tried = try shell(
      """
      mkfifo f; exec 9<>f; cat dec.wire > f 9>&- & pipe shard -o r < f 2> log & job=$!
      until ls r/.*.partial 2> /dev/null; do :; done; kill -KILL $job; exec 9>&-; wait
      echo precious > r/holiday.tar; ls -A r > before
      pipe shard -o r < dec.wire; echo "code $?"
      ls -A r | diff - before && mv r/holiday.tar . && pipe shard -q -o r < dec.wire && ls -A r
      """, in: folder)
    #expect(tried.text.contains("code 73") && tried.text.contains("it holds holiday.tar"), "\(tried.text)")
    #expect(tried.text.hasSuffix("SHA256SUMS\npipe.manifest\nstrokes-train-000000.tar\n"), "\(tried.text)")
  }

  @Test func `replacing a dataset keeps its hands off a file that its manifest does not name`() throws {
    for name in ["holiday.tar", "holiday.tar.zst", ".hidden", "strokes-train-000001.tar"] {
      let folder = try workplace()
      _ = try folder.file("job.json5", job("out", "in.tar"))
      let made = try shell("pipe run -q job.json5 && echo precious > out/\(name) && ls -A out > before", in: folder)
      #expect(made.status == 0, "\(made.text)")
      _ = try folder.file("job.json5", job("out", "in.tar", options: "resize: 8"))
      let refused = try shell("pipe run --replace job.json5; echo \"code $?\"; ls -A out | diff - before", in: folder)
      #expect(refused.text.contains("code 73") && refused.text.contains("holds \(name)"), "\(refused.text)")
      #expect(try folder.text("out/\(name)") == "precious\n")
      #expect(try folder.names().filter { $0.contains("making") } == [])
    }
  }

  @Test func `a file that comes into a dataset while it is being replaced survives`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    try #require(try shell("pipe run -q job.json5", in: folder).status == 0)
    _ = try folder.file("job.json5", job("out", "in.tar", options: "resize: 128"))
    let raced = try shell(
      """
      pipe run --replace job.json5 & until [ -e .out.making/dataset/.pipe-unfinished ]; do :; done
      echo precious > out/holiday.tar; wait $!
      """, in: folder)
    #expect(raced.status == 73, "\(raced.text)")
    #expect(try folder.text("out/holiday.tar") == "precious\n")
    #expect(try folder.names().filter { $0.contains("making") } == [])
  }

  @Test func `a damaged manifest names nothing, so nothing is removed`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    let tried = try shell(
      """
      pipe run -q job.json5; echo broken > out/pipe.manifest; ls -A out > before
      pipe run --replace job.json5; echo "code $?"; ls -A out | diff - before
      """, in: folder)
    #expect(tried.text.contains("code 73") && tried.text.contains("manifest that cannot be read"), "\(tried.text)")
  }

  // MARK: Outputs and inputs

  @Test(arguments: [
    ("./orig", "orig"), ("orig/", "orig"), ("x/../orig", "orig"), ("link", "orig"), ("orig", "link"),
    ("orig/deep/out", "orig"), ("orig/out", "link"), ("link/out", "orig"), ("orig", "orig/strokes-train-000000.tar"),
    ("new/../orig", "orig"), ("dangling", "orig"),
  ])
  func `a run whose output is, holds, or lies in its input is refused when the file is checked`(
    output: String, input: String
  ) throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job(output, input))
    for flag in ["--replace", "--dry-run"] {
      let tried = try shell(
        """
        mkdir -p x; ln -sfn orig link; ln -sfn orig/new dangling
        pipe run \(flag) job.json5; code=$?; pipe verify -q orig && exit $code
        """, in: folder)
      #expect(tried.status == 65 && tried.text.contains("datasets[0].output"), "\(tried.text)")
    }
  }

  @Test(
    arguments: [
      (["a", "orig"], ["b", "a"], nil), (["a", "b"], ["b", "orig"], "comes before"),
      (["a", "orig"], ["./a", "orig"], "too"), (["a", "orig"], ["a/b", "orig"], "inside the other"),
      (["orig/x", "in.tar"], ["b", "orig"], "lies inside orig"),
    ] as [([String], [String], String?)])
  func `the places of all datasets of a file are compared`(first: [String], second: [String], problem: String?) throws {
    let folder = try workplace()
    let datasets = [first, second].map { "{ output: '\($0[0])', input: ['\($0[1])'], steps: [{ verb: 'shard' }] }" }
    _ = try folder.file("job.json5", "{ format: 1, datasets: [\(datasets.joined(separator: ", "))] }")
    let tried = try shell("pipe run job.json5", in: folder)
    #expect(tried.status == (problem == nil ? 0 : 65), "\(tried.text)")
    #expect(problem.map { tried.text.contains($0) } ?? true, "\(tried.text)")
  }

  @Test(arguments: [
    "shard -i orig -o orig", "shard -i orig -o ./orig/new", "shard -o orig/new -i orig < dec.wire",
    "decode -i dec.wire -o dec.wire", "decode -i dec.wire -o hard", "decode -i dec.wire -o soft",
    "decode < dec.wire -o dec.wire", "decode -i orig -o orig/x.wire", "decode -i dec.wire >> dec.wire",
    "decode -i dec.wire -o /dev/stdout >> dec.wire", "decode < dec.wire >> dec.wire", "cat orig -o orig/x.wire",
    "cat orig > orig/x.wire", "preview orig -o orig/sheet.png", "condense -i orig -o orig/x",
    "condense -i orig --snapshots orig/s -o x", "fit -i orig -o orig/model",
    "condense --method herding -i orig --cache orig/cache -o x", "expand -i dec.wire -o x --pretrain x",
    "encode -m dec.wire -i orig -o dec.wire", "evaluate --train orig --test in.tar --baselines --cache orig/cache",
  ])
  func `a verb whose output is or lies in an input is refused`(line: String) throws {
    let folder = try workplace()
    let tried = try shell("ln dec.wire hard; ln -s dec.wire soft; cp dec.wire copy; pipe \(line)", in: folder)
    #expect(tried.status == 65, "\(tried.text)")
    #expect(
      tried.text.contains("is both the input and") || tried.text.contains("lies inside the input"), "\(tried.text)")
    #expect(try shell("cmp dec.wire copy && rm -f orig/x.wire && pipe verify -q orig", in: folder).status == 0)
  }

  @Test(arguments: ["-o x --checkpoint ./x", "-o y/../x --snapshots x", "--checkpoint x --snapshots x"])
  func `two outputs of one name are refused before anything is made`(outputs: String) throws {
    let folder = try workplace()
    let tried = try shell("pipe condense -i orig \(outputs)", in: folder)
    #expect(tried.status == 65, "\(tried.text)")
    #expect(tried.text.contains("name two places"), "\(tried.text)")
    #expect(try shell("test ! -e x", in: folder).status == 0)
  }

  @Test func `what appears under the name meanwhile is not overwritten`() throws {
    let folder = try workplace()
    let tried = try shell(
      """
      (head -c 20000 dec.wire; until [ -e out.wire ]; do :; done; tail -c +20001 dec.wire) | pipe decode -o out.wire &
      echo precious > late; mv late out.wire; wait $!
      """, in: folder)
    #expect(tried.status == 73 && tried.text.contains("out.wire"), "\(tried.text)")
    #expect(try folder.text("out.wire") == "precious\n")
    let shards = try shell(
      """
      (head -c 20000 dec.wire; until [ -e r/strokes-train-000000.tar ]; do :; done; tail -c +20001 dec.wire) \
        | pipe shard -o r &
      until [ -e r/.pipe-unfinished ]; do :; done; echo precious > late; mv late r/strokes-train-000000.tar; wait $!
      """, in: folder)
    #expect(shards.status == 73 && shards.text.contains("appeared while"), "\(shards.text)")
    #expect(try folder.names("r") == ["strokes-train-000000.tar"])
    #expect(try folder.text("r/strokes-train-000000.tar") == "precious\n")
  }

  @Test func `of two runs with the same output one wins and the other says so`() throws {
    let folder = try workplace()
    let raced = try shell(
      """
      for i in 1 2; do (pipe decode -q -i in.tar -o out.wire; echo "code $?" > code$i) & done; wait; sort code1 code2
      pipe shard -q -o sound < out.wire && ls -A | grep -c partial
      """, in: folder)
    #expect(raced.text.contains("code 0\ncode 73\n"), "\(raced.text)")
    #expect(raced.text.hasSuffix("\n0\n"))
  }

  @Test func `a symbolic link stays one, and what it leads to is made or replaced`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("link", "in.tar"))
    let made = try shell(
      """
      mkdir disk; ln -s disk/real link; pipe run -q job.json5; ln -s disk/file.wire dangling
      pipe decode -q -i dec.wire -o dangling && cmp disk/file.wire dangling && readlink link dangling
      ln -s disk/shards folder; pipe shard -q -o folder < dec.wire && pipe verify -q disk/shards
      """, in: folder)
    #expect(made.status == 0 && made.text.contains("disk/real\ndisk/file.wire\n"), "\(made.text)")
    _ = try folder.file("job.json5", job("link", "dec.wire"))
    let replaced = try shell(
      "pipe run --replace job.json5 && readlink link && ls -A disk && pipe inspect link", in: folder)
    #expect(
      replaced.status == 0 && replaced.text.contains("disk/real\n") && replaced.text.contains("strokes"),
      "\(replaced.text)")
    #expect(!replaced.text.contains(".making"))
  }

  @Test func `a folder that is named by default does not lie in the input either`() throws {
    let folder = try workplace()
    let tried = try shell(
      "mkdir photos; cp in.tar photos; cd photos; pipe shard -i .; code=$?; ls -A; exit $code", in: folder)
    #expect(tried.status == 65 && tried.text.hasSuffix("\nin.tar\n"), "\(tried.text)")
  }

  @Test func `a step of a pipeline file does not write into an output or an input`() throws {
    let folder = try workplace()
    for place in ["out", "out/snapshots", "orig/x"] {
      _ = try folder.file(
        "job.json5",
        """
        { format: 1, datasets: [{ output: "out", input: ["orig"], steps: [
          { verb: "condense", options: { method: "dm", steps: 2, snapshots: "\(place)" } }, { verb: "shard" }] }] }
        """)
      let tried = try shell("pipe run job.json5", in: folder)
      #expect(tried.status == 65 && tried.text.contains(place), "\(tried.text)")
    }
  }

  @Test func `an output that cannot be there is 73, whatever is in its way`() throws {
    let folder = try workplace()
    let long = String(repeating: "n", count: 250)
    for (output, status) in [("dec.wire/x", 73), ("/dev/null/x", 73), (long + long, 73), (long, 0)] {
      _ = try folder.file("job.json5", job(output, "in.tar"))
      #expect(try shell("pipe run -q job.json5", in: folder).status == status, "\(output)")
    }
    for line in ["decode -i in.tar -o dec.wire/x", "decode -i dec.wire -o dec.wire/x", "shard -i in.tar -o dec.wire/x"]
    {
      #expect(try shell("pipe \(line)", in: folder).status == 73, "\(line)")
    }
    // Descriptors of the program's own are not to be had.
    for number in 3...9 {
      let tried = try shell("pipe decode -i dec.wire -o /dev/fd/\(number) 9>&-", in: folder)
      #expect(tried.status == 73, "\(number): \(tried.text)")
    }
  }

  @Test func `a folder keeps its mode when a dataset takes its place`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    let made = try shell("mkdir out; chmod 2770 out; pipe run -q job.json5; stat -c %a out", in: folder)
    #expect(made.text == "2770\n", "\(made.text)")
  }

  @Test func `names that are not UTF-8 are refused by their bytes`() throws {
    let folder = try workplace()
    for line in [
      "decode -i dec.wire -o $'out\\xff.wire'", "decode -i $'in\\xff'", "shard -o $'\\xc3' < dec.wire",
      "verify $'\\xff'",
    ] {
      let before = try folder.names()
      let tried = try shell("pipe \(line)", in: folder)
      #expect(tried.status == 64 && tried.text.contains("is not valid UTF-8"), "\(tried.text)")
      #expect(try folder.names() == before)
    }
  }

  // MARK: Ends

  @Test(arguments: [("TERM", 143), ("HUP", 129)])
  func `a signal that ends leaves nothing and gives its code`(signal: String, code: Int) throws {
    let folder = try workplace()
    let ended = try shell(
      """
      mkfifo f; exec 9<>f; head -c 20000 dec.wire > f & pipe shard -o r < f & job=$!
      until [ -e r/.pipe-unfinished ]; do :; done; kill -\(signal) $job; wait $job; echo "code $?"; ls -A
      """, in: folder)
    #expect(ended.text.contains("code \(code)"), "\(ended.text)")
    #expect(try folder.names().allSatisfy { !$0.hasPrefix("r") }, "\(ended.text)")
  }

  @Test func `kept on SIGTERM, a stream that was whole is published, and the code still tells`() throws {
    let folder = try workplace()
    let ended = try shell(
      """
      mkfifo f; (head -c 20000 dec.wire; until [ -e go ]; do :; done; tail -c +20001 dec.wire) > f &
      pipe shard --on-term keep -o r < f 2> log & job=$!
      until [ -e r/.pipe-unfinished ]; do :; done; kill -TERM $job
      until grep -q waiting log; do :; done; touch go; wait $job; echo "code $?"; pipe verify -q r && echo sound
      """, in: folder)
    #expect(ended.text.contains("code 143\n") && ended.text.contains("sound"), "\(ended.text)")
  }

  @Test func `a reader that is stuck leaves nothing when the second signal ends it`() throws {
    let folder = try workplace()
    let ended = try shell(
      """
      mkfifo f; exec 9<>f; head -c 20000 dec.wire > f & pipe shard -o r < f & job=$!
      until [ -e r/.pipe-unfinished ]; do :; done; kill -TERM $job; kill -HUP $job; wait $job; echo "code $?"
      """, in: folder)
    #expect(ended.text.contains("code 129") || ended.text.contains("code 143"), "\(ended.text)")
    #expect(try folder.names().allSatisfy { !$0.hasPrefix("r") })
  }

  @Test(arguments: ["HUP", "TERM", "KILL"])
  func `the steps of a run end with it, whatever ended it`(signal: String) throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("deep/er/out", "in.tar", options: "resize: 1024"))
    let ended = try shell(
      """
      pipe run job.json5 2> log & job=$!; until [ -e deep/er/.out.making/dataset/.pipe-unfinished ]; do :; done
      kill -\(signal) $job; wait $job; echo "code $?"
      # The steps hold the lock as long as they live.
      [ ! -e deep/er/.out.making ] || flock -w 60 deep/er/.out.making true && echo gone
      """, in: folder)
    let code = ["HUP": 129, "TERM": 143, "KILL": 137][signal] ?? 0
    #expect(ended.text.contains("code \(code)") && ended.text.contains("gone"), "\(ended.text)")
    if signal != "KILL" { #expect(try folder.names().allSatisfy { !$0.hasPrefix("deep") }) }
  }

  @Test(arguments: ["TERM TERM", "TERM HUP", "HUP TERM", "INT INT INT"])
  func `signals one after the other leave nothing of a run`(signals: String) throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("deep/out", "in.tar", options: "resize: 1024"))
    let kills = signals.split(separator: " ").map { "kill -\($0) -- -$job" }.joined(separator: "; ")
    let ended = try shell(
      """
      set -m; pipe run job.json5 2> log & job=$!; until [ -e deep/.out.making/dataset/.pipe-unfinished ]; do :; done
      \(kills); wait $job; echo "code $?"
      """, in: folder)
    #expect(["code 129\n", "code 130\n", "code 143\n"].contains { ended.text.contains($0) }, "\(ended.text)")
    let left = try folder.names().filter { $0.hasPrefix("deep") }
    #expect(left == [])
  }

  @Test func `what SIGTERM says has ended was not published`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("run", "dec.wire"))
    let ended = try shell(
      """
      for i in 05 10 12 14 16 18 20 22 24 26 28 30 35 40 50 60 80; do
        rm -rf r run; timeout -s TERM 0.0$i pipe shard -q -o r < dec.wire; shard=$?
        timeout -s TERM 0.1$i pipe run -q job.json5; run=$?
        # 124: timeout sent the signal and the program ended by it.
        for made in "$shard r" "$run run"; do
          set -- $made; [ $1 = 0 ] && { pipe verify -q $2 || echo "$2 is not whole"; }
          [ $1 != 0 ] && [ -e $2/pipe.manifest ] && echo "$2 is there and the code is $1"
        done
      done; true
      """.replacing("timeout -s TERM", with: "timeout --preserve-status -s TERM"), in: folder)
    #expect(!ended.text.contains("is there") && !ended.text.contains("not whole"), "\(ended.text)")
  }

  @Test func `a named pipe in a dataset is damage, and is not waited for`() throws {
    let folder = try workplace()
    for name in ["pipe.manifest", "strokes-train-000000.tar", "SHA256SUMS"] {
      let tried = try shell(
        """
        rm -rf d; cp -r orig d; rm d/\(name); mkfifo d/\(name)
        for verb in "verify d" "inspect d" "cat d -o x" "decode -i d -o y" "shard -o d -i in.tar"; do
          timeout 60 pipe $verb > /dev/null 2>&1; [ $? != 124 ] || echo "$verb hangs"
        done; timeout 60 pipe verify -q d
        """, in: folder)
      #expect(
        [2, 65].contains(tried.status) && !tried.text.contains("hangs"), "\(name): \(tried.status) \(tried.text)")
    }
  }

  @Test func `a run that fails leaves no folders that it created`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("deep/er/out", "job.json5"))
    let tried = try shell("mkdir deep; pipe run job.json5", in: folder)
    #expect(tried.status == 65, "\(tried.text)")
    #expect(try folder.names("deep") == [])
  }

  // MARK: Limits

  @Test func `a run that cannot write the first byte leaves nothing`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("out", "in.tar"))
    let before = try folder.names()
    let failed = try shell("ulimit -f 0; pipe run -q job.json5", in: folder)
    #expect(failed.status == 74, "\(failed.text)")
    #expect(try folder.names() == before)
    #expect(try shell("pipe run -q job.json5 && pipe verify -q out", in: folder).status == 0)
  }

  @Test(arguments: [4, 5, 6, 8, 12]) func `too few descriptors are a usage error`(count: Int) throws {
    let folder = try workplace()
    let tried = try shell("ulimit -n \(count); exec pipe decode -i dec.wire -o x.wire", in: folder)
    #expect(tried.status == 64 && tried.text.contains("ulimit -n"), "\(tried.text)")
    #expect(try shell("ulimit -S -n 5; exec pipe decode -i dec.wire -o y.wire", in: folder).status == 0)
  }

  // MARK: Groups and users

  @Test func `what is published has the modes that the umask leaves`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("run", "in.tar"))
    for (mask, modes) in [("002", "664 775"), ("077", "600 700"), ("022", "644 755")] {
      let made = try shell(
        """
        umask \(mask); rm -rf s run x.wire; pipe shard -q --max-samples 50 -o s < dec.wire
        pipe decode -q -i dec.wire -o x.wire; pipe run -q job.json5
        stat -c %a s/* run/* x.wire | sort -u; stat -c %a s run | sort -u
        """, in: folder)
      #expect(made.text.split(separator: "\n").joined(separator: " ") == modes, "\(made.text)")
    }
  }

  @Test func `what a dead run of another user left does not stop a run`() throws {
    guard geteuid() == 0 else { return }
    let folder = try workplace()
    _ = try folder.file("job.json5", job("shared/out", "in.tar"))
    for mode in ["755", "700"] {
      let made = try shell(
        """
        chmod 755 .; chmod 644 in.tar job.json5; mkdir -p shared/.out.making/dataset; chmod \(mode) shared/.out.making
        chmod 777 shared; setpriv --reuid=65534 --clear-groups pipe run -q job.json5; echo "code $?"
        pipe verify -q shared/out; ls -A shared; rm -rf shared
        """, in: folder)
      #expect(made.text.hasPrefix("code 0\n"), "\(made.text)")
      #expect(made.text.hasSuffix(".out.making\nout\n"), "\(made.text)")
    }
  }

  // MARK: Smaller

  @Test func `the standard input is read once`() throws {
    let folder = try workplace()
    for line in [
      "decode -i - -i - < dec.wire", "shard -i - -i - -o x < dec.wire", "evaluate --train - --test - < dec.wire",
    ] {
      let tried = try shell("pipe \(line)", in: folder)
      #expect(tried.status == 64 && tried.text.contains("can be read only once"), "\(tried.text)")
    }
  }

  @Test func `a device or an open descriptor is written to as it is`() throws {
    let folder = try workplace()
    let made = try shell(
      """
      pipe decode -q -i dec.wire -o - > a; pipe decode -q -i dec.wire -o /dev/stdout > b
      pipe decode -q -i dec.wire -o /dev/fd/9 9> c; pipe decode -q -i dec.wire -o >(cat > d)
      echo head > e; pipe decode -q -i dec.wire -o /dev/stdout >> e; tail -c +6 e > f
      until cmp a d > /dev/null 2>&1; do :; done
      cmp a b && cmp a c && cmp a f && pipe decode -q -i dec.wire -o /dev/null
      """, in: folder)
    #expect(made.status == 0, "\(made.text)")
    let refused = try shell("pipe shard -o /dev/stdout < dec.wire", in: folder)
    #expect(refused.status == 73 && refused.text.contains("is not a folder"), "\(refused.text)")
  }

  @Test func `nothing in a name reaches a terminal as an order`() throws {
    let folder = try workplace()
    _ = try folder.file("job.json5", job("o\\u001b]0;x\\u0007", "in.tar"))
    let spoken = try shell(
      """
      pipe decode -i $'no\\e[2Jsuch\\n\\x7ffile' > wire; pipe run --dry-run job.json5
      pipe shard -o $'d\\e[1m' < dec.wire; pipe inspect $'d\\e[1m'
      """, in: folder)
    #expect(spoken.text.unicodeScalars.allSatisfy { $0 == "\n" || !isControl($0) }, "\(spoken.text)")
    #expect(
      spoken.text.contains("no\\x1b[2Jsuch\\x0a\\x7ffile")
        && spoken.text.contains("$'--output=o\\x1b]0;x\\x07'"), "\(spoken.text)")
  }

  @Test(arguments: ["dumb", "", nil]) func `a terminal without escape codes gets none`(kind: String?) throws {
    let folder = try workplace()
    let variable = kind.map { "TERM=\($0)" } ?? "-u TERM"
    let script = "env \(variable) \(builtPipe.path) shard --progress always -o shards -i \(folder.url.path)/in.tar"
    let outcome = try run(
      ["-c", "cd \(folder.url.path) && \(script)"], program: URL(filePath: "/bin/sh"), errors: .terminal)
    #expect(outcome.status == 0 && outcome.errors.contains("wrote 200"), "\(outcome.errors)")
    #expect(!outcome.errors.contains("\u{1b}"), "\(outcome.errors)")
  }

  @Test func `usage errors are JSON lines where those are asked for`() throws {
    for words in [["shard", "--progress=json", "--nonsense"], ["decode", "--progress", "json", "--split", "x"]] {
      let outcome = try run(words)
      #expect(outcome.status == 64)
      let event = try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8)) as? [String: Any]
      #expect(event?["event"] as? String == "error" && event?["exit_code"] as? Int == 64, "\(outcome.errors)")
    }
  }

  @Test func `a new program under the name of the running one does not break a run`() throws {
    let folder = try workplace()
    let bin = builtPipe.deletingLastPathComponent().path
    // The sibling only tells that it was found.
    let made = try shell(
      """
      mkdir bin; cp \(bin)/pipe bin/; cp bin/pipe bin/new; printf '#!/bin/sh\\necho sibling; exit 3' > bin/pipe-compute
      chmod +x bin/pipe-compute
      cat > second.json5 <<'END'
      { format: 1, datasets: [
        { output: "out", input: ["in.tar"], steps: [{ verb: "decode", options: { resize: 256 } }, { verb: "shard" }] },
        { output: "two", input: ["out"], steps: [{ verb: "condense" }, { verb: "shard" }] }] }
      END
      bin/pipe run second.json5 & until [ -e .out.making/dataset ]; do :; done
      mv bin/new bin/pipe; wait $!; pipe verify -q out && echo sound
      """, in: folder)
    #expect(made.text.contains("condense ended with exit code 3") && made.text.contains("sound"), "\(made.text)")
  }
}
