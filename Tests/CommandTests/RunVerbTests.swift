import Foundation
import Testing

/// A folder with an archive and a pipeline file of one dataset, which needs no tensors.
private struct Job {
  let folder: TemporaryFolder
  var output: URL { folder.url.appending(path: "out/shapes") }

  init(options: String = "", input: String = "shapes-cifar-python.tar.gz") throws {
    folder = try TemporaryFolder()
    try takeInput(input)
    try describe(options: options)
  }

  /// Puts a fixture in the place of the input.
  func takeInput(_ name: String) throws {
    let place = folder.url.appending(path: "in.tar")
    try? FileManager.default.removeItem(at: place)
    try FileManager.default.copyItem(at: fixtures.appending(path: name), to: place)
  }

  func describe(options: String) throws {
    _ = try folder.file(
      "job.json5",
      """
      { format: 1, datasets: [{ output: "out/shapes", input: ["in.tar"],
        steps: [{ verb: "decode", options: { \(options) } }, { verb: "shard" }] }] }
      """)
  }

  func pipe(_ words: String...) throws -> Outcome {
    try run(["run", folder.url.appending(path: "job.json5").path] + words)
  }

  /// Names, inodes and times of everything in the output.
  func state() throws -> [String] {
    let listing = try run(
      [output.path, "-printf", "%P %i %s %T@ %C@\\n"], program: URL(filePath: "/usr/bin/find"))
    return listing.output.split(separator: "\n").map(String.init).sorted()
  }

  /// What is in the output's parent, hidden names included.
  func siblings() -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: output.deletingLastPathComponent().path).sorted()) ?? []
  }

  func verifies() throws -> Bool { try run(["verify", output.path]).status == 0 }
}

@Suite("pipe run") struct RunVerbTests {
  @Test func `a dataset is what the shell pipe makes, and a second run touches nothing`() throws {
    let job = try Job()
    let first = try job.pipe()
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.errors.contains("made, 40 samples of 10 classes"))
    let direct = job.folder.url.appending(path: "direct").path
    let stream = job.folder.url.appending(path: "stream").path
    _ = try run(["decode", "-q", "-i", job.folder.url.appending(path: "in.tar").path, "-o", stream])
    _ = try run(["shard", "-q", "-i", stream, "-o", direct])
    let same = try run(
      ["-r", "--exclude=pipe.recipe", direct, job.output.path], program: URL(filePath: "/usr/bin/diff"))
    #expect(same.status == 0, "\(same.output)")
    #expect(try job.verifies())

    let before = try job.state()
    let second = try job.pipe()
    #expect(second.status == 0)
    #expect(second.errors.contains("up to date"))
    #expect(try job.state() == before)
    #expect(job.siblings() == ["shapes"])
  }

  @Test func `a dry run says what would be done, as a line for the shell, and does nothing`() throws {
    let job = try Job(options: "resize: 16, classes: [\"ring\", \"bars\"]")
    let outcome = try job.pipe("--dry-run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let folder = job.folder.url.path
    #expect(
      outcome.output == """
        \(folder)/out/shapes: to be made
          pipe decode --input=\(folder)/in.tar --classes=ring,bars --resize=16 | pipe shard --output=\(folder)/out/shapes

        """)
    #expect(job.siblings() == [])
    #expect(try job.pipe().status == 0)
    #expect(try job.pipe("-n").output.contains("shapes: up to date\n"))
  }

  @Test func `a changed input or option is refused, and replaced in one step when that is asked for`() throws {
    let job = try Job(options: "'center-crop': 32")
    #expect(try job.pipe().status == 0)
    let before = try job.state()
    try job.takeInput("shapes-cifar.tar.gz")
    let refused = try job.pipe()
    #expect(refused.status == 73)
    #expect(refused.errors.contains("was made from other inputs; add --replace"), "\(refused.errors)")
    #expect(try job.state() == before)

    let replaced = try job.pipe("--replace")
    #expect(replaced.status == 0, "\(replaced.errors)")
    #expect(replaced.errors.contains("replaced, 200 samples"))
    #expect(try job.verifies())
    #expect(job.siblings() == ["shapes"])
    try job.describe(options: "'center-crop': 16")
    let other = try job.pipe()
    #expect(other.status == 73)
    #expect(other.errors.contains("(steps[0], --center-crop: 32, now 16)"), "\(other.errors)")
  }

  /// The classes of a shard stand in the manifest beside it.
  @Test func `one shard of a dataset is another input when its manifest changes`() throws {
    let folder = try TemporaryFolder()
    let outcome = try shell(
      """
      pipe shard -q -i \(fixtures.path)/shapes-folder.tar.gz -o sh && shard=$(cd sh && ls *.tar) || exit
      echo "{ format: 1, datasets: [{ output: 'out', input: ['sh/$shard'], steps: [{ verb: 'decode' }, { verb: 'shard' }] }] }" > job.json5
      pipe run -q job.json5 --cache cache; echo "run $?"
      pipe run job.json5 --cache cache 2>&1 | grep -c "up to date"
      sed -i 's/"bars"/"zebra"/' sh/pipe.manifest && pipe verify -q --repair --accept-manifest sh
      pipe run -q job.json5 --cache cache; echo "changed $?"
      pipe run -q job.json5 --cache cache --replace; echo "replaced $?"
      grep -c zebra out/pipe.manifest
      """, in: folder)
    let lines = outcome.text.split(separator: "\n").map(String.init)
    #expect(lines.contains("run 0") && lines.contains("replaced 0") && !lines.contains("changed 0"), "\(outcome.text)")
    #expect(lines.filter { $0 == "1" }.count == 2, "\(outcome.text)")
  }

  @Test func `readers find a whole dataset all the time while it is replaced`() throws {
    let job = try Job()
    #expect(try job.pipe().status == 0)
    let watcher = Process()
    watcher.executableURL = URL(filePath: "/bin/bash")
    // Opens the folder once per look, as a reader does, and leaves with 1 when it has no manifest.
    watcher.arguments = [
      "-c",
      "while [ ! -e \(job.folder.url.path)/stop ]; do (cd \(job.output.path) && [ -e pipe.manifest ]) || exit 1; done",
    ]
    try watcher.run()
    for size in 8..<12 {
      try job.describe(options: "resize: \(size)")
      #expect(try job.pipe("--replace").status == 0)
    }
    _ = try job.folder.file("stop", "")
    watcher.waitUntilExit()
    #expect(watcher.terminationStatus == 0)
  }

  @Test func `a step that fails publishes nothing, keeps what was there, and gives its exit code`() throws {
    let job = try Job()
    let archive = job.folder.url.appending(path: "in.tar")
    let whole = try Data(contentsOf: archive)
    try whole.prefix(whole.count / 2).write(to: archive)
    let failed = try job.pipe()
    #expect(failed.status == 65, "\(failed.errors)")
    #expect(failed.errors.contains("nothing was published: decode ended with exit code 65"), "\(failed.errors)")
    #expect(job.siblings() == [])

    try whole.write(to: archive)
    #expect(try job.pipe().status == 0)
    let before = try job.state()
    try whole.prefix(whole.count / 2).write(to: archive)
    #expect(try job.pipe("--replace").status == 65)
    #expect(try job.state() == before)
    #expect(job.siblings() == ["shapes"])
  }

  @Test func `damage is noticed and mended`() throws {
    let job = try Job()
    #expect(try job.pipe().status == 0)
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: job.output.path).first { $0.hasSuffix(".tar") })
    try Data([1]).write(to: job.output.appending(path: name))
    let noticed = try job.pipe()
    #expect(noticed.status == 73)
    #expect(noticed.errors.contains("is damaged: the size of \(name) is wrong"), "\(noticed.errors)")
    #expect(try job.pipe("--replace").status == 0)
    #expect(try job.verifies())
  }

  @Test func `somebody's files are never replaced`() throws {
    let job = try Job()
    #expect(try job.pipe().status == 0)
    _ = try job.folder.file("out/shapes/README.md", "mine")
    try job.describe(options: "resize: 8")
    let refused = try job.pipe("--replace")
    #expect(refused.status == 73)
    #expect(refused.errors.contains("holds README.md, which is not part of the dataset"), "\(refused.errors)")
    #expect(FileManager.default.fileExists(atPath: job.output.appending(path: "README.md").path))
  }

  @Test func `a dataset that was not made by a run is replaced only when that is asked for`() throws {
    let job = try Job()
    try FileManager.default.createDirectory(
      at: job.output.deletingLastPathComponent(), withIntermediateDirectories: true)
    _ = try run(["shard", "-q", "-i", fixtures.appending(path: "shapes-webdataset.tar").path, "-o", job.output.path])
    let refused = try job.pipe()
    #expect(refused.status == 73)
    #expect(refused.errors.contains("was not made by pipe run"), "\(refused.errors)")
    #expect(try job.pipe("--replace").status == 0)
    #expect(try job.pipe().errors.contains("up to date"))
  }

  @Test func `one dataset that fails does not stop the others, and the report lists them`() throws {
    let job = try Job()
    _ = try job.folder.file(
      "job.json5",
      """
      { format: 1, datasets: [
        { output: "out/first", input: ["nothing.tar"], steps: [{ verb: "shard" }] },
        { output: "out/second", input: ["in.tar"], steps: [{ verb: "shard" }] },
        // Reads what the one before it has made.
        { output: "out/third", input: ["out/second"], steps: [{ verb: "shard", options: { zstd: true } }] },
      ] }
      """)
    let outcome = try job.pipe("--json")
    #expect(outcome.status == 66, "\(outcome.errors)")
    #expect(outcome.errors.contains("nothing.tar: there is no such file or folder"))
    #expect(outcome.errors.contains("1 of 3 datasets could not be made"))
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: [[String: Any]]])
    let datasets = try #require(report["datasets"])
    #expect(datasets.map { $0["state"] as? String } == ["failed", "made", "made"])
    #expect(datasets.map { $0["exit_code"] as? Int } == [66, 0, 0])
    #expect(job.siblings() == ["second", "third"])
  }

  @Test func `a second run of the same dataset stands back, and what a killed one left is removed`() throws {
    let job = try Job()
    try job.takeInput("shapes-cifar.tar.gz")
    try job.describe(options: "resize: 512")
    let killed = try shell(
      """
      set -m; pipe run job.json5 2> log & until ls out/.shapes.making/dataset/.*.partial 2> /dev/null; do :; done
      kill -KILL -- -$!; wait; ls -A out/.shapes.making/dataset
      """, in: job.folder)
    #expect(killed.text.contains(".partial"), "\(killed.text)")
    try job.describe(options: "")
    let making = job.folder.url.appending(path: "out/.shapes.making")
    let descriptor = open(making.path, O_RDONLY)
    // Waits for the last of the killed processes.
    try #require(flock(descriptor, LOCK_EX) == 0)
    let refused = try job.pipe()
    #expect(refused.status == 75)
    #expect(refused.errors.contains("is being made by another pipe run"), "\(refused.errors)")
    close(descriptor)
    let second = try job.pipe()
    #expect(second.status == 0, "\(second.errors)")
    #expect(job.siblings() == ["shapes"])
  }

  @Test func `what a run left that was killed after the last rename goes with the next run, though nothing is to do`()
    throws
  {
    let job = try Job()
    #expect(try job.pipe().status == 0)
    let left = job.folder.url.appending(path: "out/.shapes.making/dataset")
    try FileManager.default.createDirectory(at: left.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: job.output, to: left)
    let inode = try FileManager.default.attributesOfItem(atPath: left.path)[.systemFileNumber] as? Int
    _ = try job.folder.file("out/.shapes.making/.pipe-making", "\(try #require(inode))\n")
    let second = try job.pipe()
    #expect(second.errors.contains("up to date"))
    #expect(job.siblings() == ["shapes"])
  }

  @Test func `a file in the hidden folder that no run made is not removed`() throws {
    let job = try Job()
    try FileManager.default.createDirectory(
      at: job.folder.url.appending(path: "out/.shapes.making/dataset"), withIntermediateDirectories: true)
    let mine = try job.folder.file("out/.shapes.making/dataset/holiday.tar", "precious")
    let refused = try job.pipe()
    #expect(refused.status == 73)
    #expect(refused.errors.contains("was not made by a run of pipe"), "\(refused.errors)")
    #expect(try String(contentsOf: mine, encoding: .utf8) == "precious")
  }

  @Test func `ctrl-C and SIGTERM end the steps, leave nothing, and start no other dataset`() throws {
    for (number, status) in [(SIGINT, Int32(130)), (SIGTERM, 143)] {
      let job = try Job()
      try job.takeInput("shapes-cifar.tar.gz")
      let process = Process()
      process.executableURL = URL(filePath: "/bin/bash")
      _ = try job.folder.file(
        "job.json5",
        """
        { format: 1, datasets: [
          // Large, so that it is still at work when the signal comes.
          { output: "out/first", input: ["in.tar"], steps: [
            { verb: "decode", options: { resize: 512 } }, { verb: "shard" }] },
          { output: "out/second", input: ["in.tar"], steps: [{ verb: "shard" }] },
        ] }
        """)
      // The signal goes to the whole group, as from a terminal, when the first dataset has been begun.
      process.arguments = [
        "-c",
        """
        cd \(job.folder.url.path); set -m; \(builtPipe.path) run job.json5 2> log &
        until [ -e out/.first.making/dataset/.pipe-unfinished ]; do :; done; kill -\(number) -- -$!; wait $!
        """,
      ]
      try process.run()
      process.waitUntilExit()
      let log = try String(contentsOf: job.folder.url.appending(path: "log"), encoding: .utf8)
      #expect(process.terminationStatus == status, "\(log)")
      #expect(job.siblings() == [], "\(log)")
    }
  }
}
