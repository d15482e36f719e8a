import Foundation
import Testing

@testable import Command

@Suite("What pipe doctor finds") struct DoctorTests {
  /// The report of the built program, for programs.
  private func report(_ environment: [String: String] = [:]) throws -> (FindingReport, Int32) {
    let outcome = try run(["doctor", "--json"], environment: environment)
    return (try #require(FindingReport(json: Array(outcome.output.utf8)), "\(outcome.errors)"), outcome.status)
  }

  @Test func `every fault and warning has a remedy and nothing else has`() throws {
    let (found, status) = try report(["XDG_CACHE_HOME": "/dev/null", "TMPDIR": "/nowhere"])
    for finding in found.findings { #expect((finding.state == .ok) == (finding.remedy == nil), "\(finding)") }
    #expect(found.findings.contains { $0.topic == "temporary" && $0.state == .fault })
    #expect(found.findings.contains { $0.topic == "cache" && $0.state == .warning })
    #expect(status == 2 && !found.isWell)
  }

  @Test func `it exits with 2 only where something would fail`() throws {
    let folder = try TemporaryFolder()
    let (found, status) = try report(["TMPDIR": folder.url.path, "HOME": folder.url.path])
    #expect((status == 2) == found.findings.contains { $0.state == .fault })
    #expect(found.findings.contains { $0.topic == "temporary" && $0.state == .ok && $0.text.contains(folder.url.path) })
    #expect(found.findings.contains { $0.topic == "cache" && $0.text.contains("\(folder.url.path)/.cache/pipe, made") })
  }

  @Test func `the text and the JSON say the same`() throws {
    let found = try report().0
    #expect(FindingReport(json: Array(found.json.rendered().utf8)) == found)
    for finding in found.findings {
      #expect(found.text.contains(finding.text), "\(finding)")
      if let remedy = finding.remedy { #expect(found.text.contains(remedy)) }
    }
    // Free space differs from run to run.
    let shown = try run(["doctor"]).output.split(separator: "\n").map { $0.prefix(22) }
    #expect(shown == found.text.split(separator: "\n").map { $0.prefix(22) })
  }

  @Test func `limits that are too low are faults`() throws {
    let line = "ulimit -v 1000000; ulimit -f 100; \"$0\" doctor; echo $?"
    let text = try run(["-c", line, builtPipe.path], program: URL(filePath: "/bin/bash")).output
    #expect(text.contains("fault    addresses") && text.contains("ulimit -v 1"))
    #expect(text.contains("warning  file size") && text.hasSuffix("\n2\n"))
  }

  @Test func `a sibling of another build is told by what it says`() throws {
    let folder = try TemporaryFolder()
    let same = "\(toolVersion) (\(BuiltFrom.this.text))"
    for (version, state) in [(same, Finding.State.ok), ("pipe 0.9.0 (commit 0123)", .warning)] {
      let said = FindingReport([Finding("pipe-compute", version), Finding("libtorch", "9.9")]).json.rendered()
      let script = try folder.file(
        "pipe-compute", "#!/bin/sh\n[ \"$*\" = 'doctor --tensors --json' ] && echo '\(said)'\n")
      let outcome = try run(
        [
          "-c", "cp \"$0\" \"$1/pipe\" && chmod +x \"$2\" && \"$1/pipe\" doctor --json", builtPipe.path,
          folder.url.path, script.path,
        ],
        program: URL(filePath: "/bin/sh"))
      let found = try #require(FindingReport(json: Array(outcome.output.utf8)), "\(outcome.errors)").findings
      #expect(found.filter { $0.topic == "pipe-compute" }.map(\.state) == [state])
      #expect(found.contains(Finding("libtorch", "9.9")))
    }
  }

  @Test func `a library of the C sources is not forgotten`() throws {
    let sources = fixtures.appending(path: "../Sources").standardized
    var named: Set<String> = []
    for folder in ["CImage", "CAudio", "CMat"] {
      for file in try FileManager.default.contentsOfDirectory(atPath: sources.appending(path: folder).path)
      where file.hasSuffix(".c") {
        let text = try String(contentsOf: sources.appending(path: "\(folder)/\(file)"), encoding: .utf8)
        named.formUnion(text.matches(of: /"(lib[a-z0-9]+\.so\.[0-9]+)"/).map { String($0.output.1) })
      }
    }
    #expect(named == Set(loadedLibraries.map(\.file)))
  }

  @Test func `a reference BLAS and a second OpenMP runtime are warned about`() {
    let folder = "/usr/lib/x86_64-linux-gnu"
    func found(_ files: [String]) -> [Finding] {
      tensorFindings(version: "1.13.1", devices: ["CPU"], files: files.map { "\(folder)/\($0)" }, threads: 2)
    }
    let good = found(["libtorch_cpu.so.1.13", "openblas-openmp/libopenblasp-r0.3.21.so", "libgomp.so.1.0.0"])
    #expect(good.allSatisfy { $0.state == .ok })
    let slow = found(["libtorch_cpu.so.1.13", "blas/libblas.so.3.11.0", "libgomp.so.1.0.0", "libiomp5.so"])
    #expect(slow.filter { $0.state == .warning }.map(\.topic) == ["BLAS", "OpenMP"])
  }
}

@Suite("The commit a program was built from") struct VersionTests {
  @Test func `it is told with what was added to it`() {
    let hash = "0123456789abcdef0123456789abcdef01234567"
    #expect(BuiltFrom(hash).text == "commit 0123456789ab")
    #expect(BuiltFrom(hash + "-dirty").text == "commit 0123456789ab with uncommitted changes")
    #expect(BuiltFrom(hash + "-dirty").commit == hash)
    #expect(BuiltFrom("").text == "commit not recorded")
  }

  @Test func `programs read it as JSON`() throws {
    let object = try JSONSerialization.jsonObject(with: Data(run(["version", "--json"]).output.utf8)) as? [String: Any]
    #expect(object?["version"] as? String == toolVersion)
    #expect(object?["commit"] as? String == BuiltFrom.this.commit)
    #expect(object?["dirty"] as? Bool == (BuiltFrom.this.commit == nil ? nil : BuiltFrom.this.isDirty))
  }
}

@Suite("A sibling whose libraries are missing") struct MissingLibraryTests {
  @Test func `the libraries of a program are those that the loader names`() throws {
    let libraries = try #require(ProgramLibraries(ofProgram: builtPipe.path))
    #expect(libraries.needed.contains("libarchive.so.13") && libraries.needed.contains("libc.so.6"))
    #expect(libraries.place(of: "libc.so.6")?.hasSuffix("/libc.so.6") ?? false)
    #expect(libraries.missing == [])
    #expect(ProgramLibraries(ofProgram: fixtures.appending(path: "README.md").path) == nil)
    #expect(ProgramLibraries(ofProgram: "/nowhere") == nil)
  }

  @Test func `a truncated program has none`() throws {
    let bytes = try Data(contentsOf: builtPipe)
    let folder = try TemporaryFolder()
    let file = folder.url.appending(path: "cut")
    for count in [0, 5, 16, 63, 64, 100, 200, 1000] {
      try bytes.prefix(count).write(to: file)
      #expect(ProgramLibraries(ofProgram: file.path) == nil, "\(count)")
    }
  }

  /// The program with a sibling that names a library which is nowhere: a small one whose name for the C library is changed.
  @Test func `a verb says what to install and exits with 64`() throws {
    let folder = try TemporaryFolder()
    let sibling = folder.url.appending(path: "pipe-compute")
    let name = Data("libc.so.6".utf8)
    var program = try Data(contentsOf: URL(filePath: "/bin/true"))
    while let place = program.range(of: name) { program.replaceSubrange(place, with: Data("libc10.99".utf8)) }
    try program.write(to: sibling)
    let copied = try run(
      ["-c", "cp \"$0\" \"$1/pipe\" && chmod +x \"$1/pipe-compute\"", builtPipe.path, folder.url.path],
      program: URL(filePath: "/bin/sh"))
    try #require(copied.status == 0, "\(copied.errors)")
    let pipe = folder.url.appending(path: "pipe")
    let outcome = try run(["condense"], program: pipe)
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(
      outcome.errors.contains("pipe condense: libtorch, the tensor library, is not installed"),
      "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(try run(["doctor"], program: pipe).output.contains("fault    libtorch"))
    // What needs no tensors is not in the way.
    #expect(try run(["methods"], program: pipe).status == 0)
  }

  @Test func `Debian's package is named after the version`() {
    #expect(
      ProgramLibraries.complaint(["libgomp.so.1", "libtorch.so.1.13", "libc10.so.1.13"]).remedy
        == "apt install libtorch1.13 libopenblas0-openmp")
    #expect(ProgramLibraries.complaint(["libgomp.so.1"]).remedy == "apt install libgomp1")
    #expect(ProgramLibraries.complaint(["libtorch.so"]).remedy.contains("LD_LIBRARY_PATH"))
  }
}
