import Catalog
import Foundation
import Testing

@testable import Command

@Suite("The built program") struct ProgramTests {
  @Test(arguments: [["--help"], ["-h"], ["help"]] + Catalog.verbs.map { [$0.name, "--help"] })
  func `help is data on the standard output`(words: [String]) throws {
    let outcome = try run(words)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("Examples"))
    #expect(outcome.errors == "")
  }

  @Test func `help fits the terminal`() throws {
    for verb in Catalog.verbs {
      let lines = try run([verb.name, "--help"], environment: ["COLUMNS": "72"]).output.split(separator: "\n")
      let copied = verb.examples.map { "  \($0.line)" }
      for line in lines where !copied.contains(String(line)) { #expect(line.count <= 72, "\(line)") }
    }
  }

  @Test func `help of a verb with methods has what all of them take and fits three screens`() throws {
    for (verb, lines) in [("condense", 71), ("fit", 72), ("expand", 80)] {
      let text = try run([verb, "--help"], environment: ["COLUMNS": "80"]).output
      #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= lines + 1)
      for method in try #require(Catalog.verb(verb)).methods { #expect(text.contains("  \(method.name) ")) }
      for name in Catalog.methodOptionNames { #expect(entry(of: name, in: text) == nil, "\(verb) --\(name)") }
    }
  }

  @Test(arguments: Catalog.allMethods.map(\.name)) func `help of a method has its options and defaults and no others`(
    name: String
  )
    throws
  {
    let method = try #require(Catalog.method(name))
    let verb = try #require(Catalog.verb(method.verb))
    let text = try run([verb.name, "--method", name, "--help"], environment: ["COLUMNS": "300"]).output
    let part = try #require(text.components(separatedBy: "\nOptions of \(name)\n").last)
    for option in verb.options where option.belongsToMethods {
      #expect((entry(of: option.name, in: part) != nil) == method.understands(option.name), "--\(option.name)")
    }
    for case (let setting, let value?) in method.settings.map({ ($0, $0.text) }) {
      let line = try #require(entry(of: setting.option, in: part), "--\(setting.option)")
      #expect(line.contains("(\(value))"), "\(line)")
    }
  }

  /// What help says of an option: its line, and those that go on with it.
  private func entry(of option: String, in help: String) -> String? {
    let lines = help.replacing(/\n {10,}/, with: " ").split(separator: "\n")
    return lines.first { $0.firstMatch(of: /^ +(-., +)?--([a-z-]+)/)?.output.2 == option[...] }.map(String.init)
  }

  @Test func `help of a verb is the same both ways`() throws {
    #expect(try run(["help", "shard"]).output == run(["shard", "--help"]).output)
  }

  @Test func `the version is one line`() throws {
    for words in [["--version"], ["version"]] {
      let outcome = try run(words)
      #expect(outcome.status == 0)
      #expect(outcome.output == "\(toolVersion) (\(BuiltFrom.this.text))\n")
      #expect(outcome.errors == "")
    }
  }

  @Test(arguments: [
    (["condence"], "did you mean pipe condense?"), (["--quiet"], "options come after a verb"),
    (["shard", "--zst"], "did you mean --zstd?"), (["verify"], "verify needs DIR"),
    (["completion", "tcsh"], "bash, zsh, fish"), (["methods", "m4d"], "did you mean m3d?"),
    (["help", "shrad"], "did you mean pipe help shard?"), (["condense", "--ipc", "many"], "cat=5"),
    (["cat", "-"], "leave it out"), (["--version", "now"], "now"), (["-V", "--quick"], "--quick"),
  ])
  func `a wrong command line is one sentence and 64`(words: [String], expected: String) throws {
    let outcome = try run(words)
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains(expected), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func `without arguments it says how to go on`() throws {
    let outcome = try run([])
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains("pipe --help"))
  }

  @Test(arguments: [["condense"], ["decode"], ["shard"], ["evaluate", "--test", "x"]])
  func `samples are not read from a keyboard`(words: [String]) throws {
    let outcome = try run(words, input: .terminal)
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains("there is no input"))
    #expect(outcome.errors.contains("pipe \(words[0]) --help says more"))
  }

  @Test(arguments: [["condense"], ["decode"], ["cat", "folder"], ["preview", "folder", "-o", "-"]])
  func `binary data is not written to a terminal`(words: [String]) throws {
    let outcome = try run(words, output: .terminal)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("terminal"))
    #expect(outcome.errors.contains("-o FILE"))
  }

  @Test func `a reader that has gone ends it quietly`() throws {
    for words in [["--help"], ["man"], ["methods", "--json"], ["completion", "bash"]] {
      let outcome = try run(words, output: .broken)
      #expect(outcome.status == 141, "\(words)")
      #expect(outcome.errors == "")
    }
  }

  @Test(arguments: ["2>&-", "<&-", ">&-", "2>&- >&- <&-"])
  func `closed streams do not leak into shards`(redirection: String) throws {
    let folder = try TemporaryFolder()
    let archive = fixtures.appending(path: "shapes-cifar.tar.gz").path
    let line = "\"$0\" shard -i \"$1\" -o out \(redirection) && \"$0\" verify out"
    let outcome = try run(
      ["-c", "cd \"$2\" && " + line, builtPipe.path, archive, folder.url.path], program: URL(filePath: "/bin/sh"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("sound"))
  }

  @Test func `an output that cannot be written is 74`() throws {
    for redirection in [">&-", "> /dev/full"] {
      let outcome = try run(["-c", "\"$0\" --help \(redirection)", builtPipe.path], program: URL(filePath: "/bin/sh"))
      #expect(outcome.status == 74)
      #expect(outcome.errors.contains("standard output: cannot be written"))
    }
  }

  @Test func `a terminal gets a bar and loses it again`() throws {
    let folder = try TemporaryFolder()
    let words = [
      "decode", "-i", fixtures.appending(path: "shapes-cifar.tar.gz").path, "-o", folder.url.appending(path: "x").path,
    ]
    let drawn = try run(words, errors: .terminal).errors
    let uncolored = drawn.replacing(#/\u{1B}\[[0-9;]*m/#, with: "")
    #expect(uncolored.contains("\r  decode  32 samples"), "the first chunk")
    var screen = VirtualScreen(width: 80)
    screen.feed(drawn)
    // A line ends where the path's length has it, also between two words.
    let shown = screen.lines.joined().filter { $0 != " " }
    #expect(shown.hasSuffix("layoutcifar10-binary,trainsplit,10classes"))
    #expect(drawn.contains("\u{1B}[1m"), "a name in bold")
    let folded = try TemporaryFolder()
    let again = Array(words.dropLast()) + [folded.url.appending(path: "x").path]
    let plain = try run(again + ["--progress", "never"], errors: .terminal, environment: ["NO_COLOR": "1"]).errors
    #expect(!plain.contains("decode 32 samples") && !plain.contains("\u{1B}[1m"))
    let quiet = try run(words.dropLast() + [folded.url.appending(path: "y").path, "-q"], errors: .terminal).errors
    #expect(quiet == "")
  }

  @Test func `errors are JSON where progress is`() throws {
    let outcome = try run(["condense", "--progress=json"], output: .terminal)
    let object = try JSONSerialization.jsonObject(with: Data(outcome.errors.utf8)) as? [String: Any]
    #expect(object?["event"] as? String == "error")
    #expect(object?["exit_code"] as? Int == 64)
  }

  @Test func `methods are listed for people and programs`() throws {
    let text = try run(["methods"]).output
    for method in Catalog.allMethods { #expect(text.contains(method.name) && text.contains(method.title)) }
    #expect(text.split(separator: "\n").count <= 24)
    let json = try run(["methods", "--json"]).output
    let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: [[String: Any]]]
    #expect(object?["methods"]?.compactMap { $0["name"] as? String } == Catalog.allMethods.map(\.name))
    let one = try run(["methods", "dm", "--json"]).output
    let only = try JSONSerialization.jsonObject(with: Data(one.utf8)) as? [String: [[String: Any]]]
    #expect(only?["methods"]?.count == 1)
  }
}

@Suite("Handing over to the sibling") struct SiblingTests {
  /// The program alone in a folder, and a script in the sibling's place that says what it was given.
  private func installation(withSibling: Bool) throws -> (folder: TemporaryFolder, program: URL) {
    let folder = try TemporaryFolder()
    let script = try folder.file(
      "script", "#!/bin/sh\necho \"$*\"\necho \"$OMP_WAIT_POLICY $GOMP_SPINCOUNT $MALLOC_ARENA_MAX\"\nexec cat\n")
    // Not copied by this process: a file is busy while any child that was forked meanwhile still has it open for writing.
    var copies = "cp \"$0\" \"$1/pipe\""
    if withSibling { copies += " && cp \"$2\" \"$1/pipe-compute\" && chmod +x \"$1/pipe-compute\"" }
    let outcome = try run(
      ["-c", copies, builtPipe.path, folder.url.path, script.path], program: URL(filePath: "/bin/sh"))
    try #require(outcome.status == 0, "\(outcome.errors)")
    let program = folder.url.appending(path: "pipe")
    return (folder, program)
  }

  @Test func `it gets every word the whole input and its environment`() throws {
    let (folder, program) = try installation(withSibling: true)
    let outcome = try run(
      ["condense", "--ipc", "3", "--method=dm"], program: program, input: .text("all of it\n"))
    #expect(outcome.status == 0)
    #expect(outcome.output == "condense --ipc 3 --method=dm\nPASSIVE 5000 1\nall of it\n")
    #expect(outcome.errors == "")
    withExtendedLifetime(folder) {}
  }

  @Test func `what the user has set stays`() throws {
    let (folder, program) = try installation(withSibling: true)
    let outcome = try run(["condense"], program: program, environment: ["OMP_WAIT_POLICY": "ACTIVE"])
    #expect(outcome.output.contains("\nACTIVE  1\n"))
    withExtendedLifetime(folder) {}
  }

  @Test func `mistakes are found before it is started`() throws {
    let (folder, program) = try installation(withSibling: true)
    let outcome = try run(["condense", "--ipc", "0"], program: program)
    #expect(outcome.status == 64)
    #expect(outcome.output == "")
    withExtendedLifetime(folder) {}
  }

  @Test func `its absence is said with what to do`() throws {
    let (folder, program) = try installation(withSibling: false)
    let outcome = try run(["condense"], program: program)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("pipe-compute"))
    #expect(outcome.errors.contains("swift build"))
    withExtendedLifetime(folder) {}
  }
}

@Suite("What other programs read") struct GeneratedTextTests {
  @Test(arguments: [
    ("bash", "/bin/bash", "-n"), ("zsh", "/usr/bin/zsh", "-n"), ("fish", "/usr/bin/fish", "--no-execute"),
  ])
  func `completions are accepted by their shell`(shell: String, path: String, flag: String) throws {
    let script = try run(["completion", shell]).output
    for verb in Catalog.verbs { #expect(script.contains(verb.name)) }
    #expect(script.contains("iterations-per-model"))
    guard FileManager.default.isExecutableFile(atPath: path) else { return }
    let folder = try TemporaryFolder()
    let file = try folder.file("completion", script)
    let outcome = try run([flag, file.path], program: URL(filePath: path))
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
  }

  @Test(arguments: [
    ("pipe cond", "condense"), ("pipe condense --kern", "--kernel"), ("pipe condense --kernel pol", "polynomial"),
    ("pipe methods her", "herding"), ("pipe help ver", "verify version"),
    ("pipe condense --kernel = pol", "polynomial"), ("pipe condense --on-term =", "stop keep"),
  ])
  func `bash completes words`(line: String, expected: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let folder = try TemporaryFolder()
    let script =
      try run(["completion", "bash"]).output + """
        COMP_WORDS=(\(words.joined(separator: " "))); COMP_CWORD=\(words.count - 1)
        _pipe
        echo "${COMPREPLY[*]}"
        """
    let file = try folder.file("try.bash", script)
    let outcome = try run([file.path], program: URL(filePath: "/bin/bash"))
    #expect(outcome.output == expected + "\n", "\(outcome.errors)")
  }

  @Test(arguments: ["pipe decode -i a", "pipe decode --input = a", "pipe inspect a"])
  func `bash keeps names with spaces together`(line: String) throws {
    let folder = try TemporaryFolder()
    for name in ["a b.tar", "a c", "other"] { _ = try folder.file(name, "") }
    let file = try folder.file(
      "try.bash",
      run(["completion", "bash"]).output + """
        COMP_WORDS=(\(line)); COMP_CWORD=\(line.split(separator: " ").count - 1); cd '\(folder.url.path)'
        _pipe
        printf '[%s]\\n' "${COMPREPLY[@]}" | sort
        """)
    #expect(try run([file.path], program: URL(filePath: "/bin/bash")).output == "[a b.tar]\n[a c]\n")
  }

  @Test(arguments: [
    ("pipe cond", "condense"), ("pipe condense --kern", "--kernel"), ("pipe condense --kernel pol", "polynomial"),
    ("pipe methods her", "herding"), ("pipe help veri", "verify"),
    ("pipe condense --kernel=pol", "--kernel=polynomial"),
  ])
  func `fish completes words`(line: String, expected: String) throws {
    let fish = URL(filePath: "/usr/bin/fish")
    guard FileManager.default.isExecutableFile(atPath: fish.path) else { return }
    let folder = try TemporaryFolder()
    let file = try folder.file("pipe.fish", run(["completion", "fish"]).output)
    let outcome = try run(
      ["-c", "source \(file.path); complete -C'\(line)'"], program: fish, environment: ["HOME": folder.url.path])
    #expect(outcome.output.split { $0.isWhitespace }.first.map(String.init) == expected, "\(outcome.errors)")
  }

  @Test func `the manual page is complete and without warnings`() throws {
    let page = try run(["man"]).output
    for verb in Catalog.verbs { #expect(page.contains(".B pipe \(verb.name)\n")) }
    for status in ExitStatus.allCases { #expect(page.contains(".B \(status.rawValue)\n")) }
    for name in ["TMPDIR", "XDG_CACHE_HOME", "HOME", "TERM", "NO_COLOR", "COLUMNS"] {
      #expect(page.contains(".B \(name)\n"))
    }
    #expect(page.split(separator: "\n").allSatisfy { $0.utf8.count <= 80 || !$0.contains(" ") })
    let mandoc = URL(filePath: "/usr/bin/mandoc")
    if FileManager.default.isExecutableFile(atPath: mandoc.path) {
      let folder = try TemporaryFolder()
      let lint = try run(["-T", "lint", folder.file("pipe.1", page).path], program: mandoc)
      #expect(lint.status == 0 && lint.output == "" && lint.errors == "", "\(lint.output.prefix(500))")
    }
    let groff = URL(filePath: "/usr/bin/groff")
    guard FileManager.default.isExecutableFile(atPath: groff.path) else { return }
    let folder = try TemporaryFolder()
    let file = try folder.file("pipe.1", page)
    let outcome = try run(["-man", "-Tutf8", "-ww", file.path], program: groff)
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors.prefix(500))")
    // What is shown can be copied into a shell: hyphens stayed hyphens.
    let shown = outcome.output.replacing(/.\u{08}/, with: "")
    #expect(shown.contains("--ipc") && shown.contains("pipe condense < cifar10.tar | pipe shard"))
  }
}
