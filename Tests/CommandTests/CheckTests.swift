import Foundation
import Testing

@testable import Command

@Suite("The check of a dataset") struct CheckTests {
  @Test func `a dataset that passes takes its place, and nothing is trained on a second night`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 80, 'class-accuracy': 70, epochs: 3 }")
    let first = try job.pipe()
    #expect(first.status == 0, "\(first.errors)")
    #expect(job.names("out") == ["shapes"])
    #expect(job.names("out/shapes").contains("pipe.check"))
    #expect(try job.verify("out/shapes") == 0)
    let calls = try String(contentsOf: job.folder.url.appending(path: "programs/calls"), encoding: .utf8)
    #expect(calls.contains("--epochs=3"))
    #expect(calls.contains("/in.tar --epochs"), "without test data the input is tested on: \(calls)")
    #expect(try job.pipe().status == 0)
    #expect(try job.evaluations() == 1)
  }

  @Test(arguments: [
    ("accuracy: 81", "accuracy under convnet is 80.00 %, wanted at least 81.00 %"),
    ("'class-accuracy': 71", "class-accuracy of class 'class1' under convnet is 70.00 %, wanted at least 71.00 %"),
  ])
  func `a dataset that does not pass is kept aside, and the report says what was wanted and found`(
    condition: String, sentence: String
  ) throws {
    let job = try NightlyJob(keys: "check: { \(condition) }")
    let first = try job.pipe("--json")
    #expect(first.status == 3)
    #expect(first.errors.contains(sentence), "\(first.errors)")
    #expect(job.names("out") == ["shapes.held"])
    #expect(try job.verify("out/shapes.held") == 0)
    let dataset = try #require(try job.report(first).first)
    #expect(dataset["state"] as? String == "not passed")
    #expect(dataset["exit_code"] as? Int == 3)
    let failed = (dataset["check"] as? [[String: Any]] ?? []).filter { $0["passed"] as? Bool == false }
    #expect(failed.count == 1)
    #expect(failed.first?["wanted"] as? Double == Double(condition.split(separator: " ")[1]))
  }

  @Test func `the same failure is not made again, unless that is asked for`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 90 }")
    #expect(try job.pipe().status == 3)
    let before = try FileManager.default.attributesOfItem(atPath: job.folder.url.path + "/out/shapes.held")
    let second = try job.pipe()
    #expect(second.status == 3)
    #expect(second.errors.contains("it was not made again"), "\(second.errors)")
    let after = try FileManager.default.attributesOfItem(atPath: job.folder.url.path + "/out/shapes.held")
    #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
    #expect(try job.evaluations() == 1)
    try job.reports([0.95, 0.95])
    #expect(try job.pipe("--retry").status == 0)
    #expect(try job.evaluations() == 2)
    #expect(job.names("out") == ["shapes"])
  }

  @Test func `what is held passes without being made when the conditions are eased`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 90 }")
    #expect(try job.pipe().status == 3)
    try job.describe(keys: "check: { accuracy: 75 }")
    let eased = try job.pipe()
    #expect(eased.status == 0, "\(eased.errors)")
    #expect(try job.evaluations() == 1)
    #expect(job.names("out") == ["shapes"])
    #expect(try job.verify("out/shapes") == 0)
  }

  @Test func `the old dataset stays until a new one passes`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    #expect(try job.pipe().status == 0)
    let manifest = job.folder.url.appending(path: "out/shapes/pipe.manifest")
    let before = try Data(contentsOf: manifest)
    try job.describe(options: "resize: 8", keys: "check: { accuracy: 75 }")
    try job.reports([0.5, 0.5])
    #expect(try job.pipe("--replace").status == 3)
    #expect(try Data(contentsOf: manifest) == before)
    #expect(job.names("out") == ["shapes", "shapes.held"])
    // A second failed night takes the place of the first.
    try job.describe(options: "resize: 9", keys: "check: { accuracy: 75 }")
    #expect(try job.pipe("--replace").status == 3)
    #expect(job.names("out") == ["shapes", "shapes.held"])
    try job.describe(options: "resize: 10", keys: "check: { accuracy: 75 }")
    try job.reports([0.8, 0.8])
    #expect(try job.pipe("--replace").status == 0)
    #expect(job.names("out") == ["shapes"])
    #expect(try Data(contentsOf: manifest) != before)
  }

  @Test func `a dataset is compared with the one before, by the same evaluation`() throws {
    let check = "check: { 'not-worse-than-last': 2, repeats: 1 }"
    let job = try NightlyJob([0.9, 0.7], keys: check)
    #expect(try job.pipe().status == 0)
    try job.describe(options: "resize: 8", keys: check)
    try job.reports([0.8, 0.75])
    let worse = try job.pipe("--replace")
    #expect(worse.status == 3)
    #expect(
      worse.errors.contains("not-worse-than-last under convnet is 77.50 %, wanted at least 78.00 %"), "\(worse.errors)")
    #expect(try job.evaluations() == 2)
    // Under another evaluation the old figures say nothing: both are trained on anew.
    try job.describe(options: "resize: 8", keys: "check: { 'not-worse-than-last': 2, repeats: 2 }")
    #expect(try job.pipe("--replace").status == 0)
    #expect(try job.evaluations() == 4)
    // So they do where images are not mirrored any more.
    try job.describe(options: "resize: 8, mirror: 'no'", keys: "check: { 'not-worse-than-last': 2, repeats: 2 }")
    #expect(try job.pipe("--replace").status == 0)
    #expect(try job.evaluations() == 6)
    let calls = try String(contentsOf: job.folder.url.appending(path: "programs/calls"), encoding: .utf8)
    #expect(
      calls.split(separator: "\n").map { $0.contains("--mirror=no") } == [false, false, false, false, false, true])
  }

  @Test func `a last generation whose manifest cannot be read is a reason not to pass`() throws {
    let keys = "check: { 'not-worse-than-last': 0 }, publish: { to: 'public' }"
    let job = try NightlyJob(keys: keys)
    #expect(try job.pipe().status == 0)
    let manifest = job.folder.url.appending(path: "public/current/pipe.manifest")
    try Data(String(contentsOf: manifest, encoding: .utf8).dropLast(30).utf8).write(to: manifest)
    try job.describe(options: "resize: 8", keys: keys)
    let failed = try job.pipe("--replace")
    #expect(failed.status == 3)
    #expect(job.names("out").contains("shapes.held"), "\(failed.errors)")
    #expect(
      failed.errors.contains("the last generation cannot be evaluated under this check: its manifest"),
      "\(failed.errors)")
  }

  @Test func `fewer networks than were asked for decide nothing`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75, repeats: 5, time: '1m' }")
    let file = job.folder.url.appending(path: "programs/result")
    let text = try String(contentsOf: file, encoding: .utf8)
    try Data(text.replacing("\"stopped_early\":false", with: "\"stopped_early\":true").utf8).write(to: file)
    let short = try job.pipe()
    #expect(short.status == 75 && short.errors.contains("not every network was trained"), "\(short.errors)")
    #expect(!job.names("out").contains("shapes"))
  }

  @Test func `training images that a check names are part of what it was`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75, real: 'real.tar' }")
    let real = job.folder.url.appending(path: "real.tar")
    try FileManager.default.copyItem(at: job.folder.url.appending(path: "in.tar"), to: real)
    #expect(try job.pipe().status == 0)
    #expect(try job.pipe().status == 0 && job.evaluations() == 1)
    try FileManager.default.removeItem(at: real)
    try FileManager.default.copyItem(at: fixtures.appending(path: "shapes-cifar.tar.gz"), to: real)
    #expect(try job.pipe().status == 0)
    #expect(try job.evaluations() == 2)
  }

  @Test func `a file of another kind where a table should go stays what it is, and a table keeps what it has`() throws {
    let job = try NightlyJob(keys: "evaluate: { test: 'in.tar' }, table: 'notes'")
    let notes = try job.folder.file("notes.md", "my own notes\n")
    let refused = try job.pipe()
    #expect(
      refused.status == 73 && refused.errors.contains("was not written by pipe run, which would put a table there"),
      "\(refused.errors)")
    #expect(try String(contentsOf: notes, encoding: .utf8) == "my own notes\n")
    try FileManager.default.removeItem(at: notes)
    #expect(try job.pipe().status == 0)
    let table = try String(contentsOf: notes, encoding: .utf8)
    #expect(table.contains("| 80.0 |"), "\(table)")
    // A disk that is not there for one night.
    let input = job.folder.url.appending(path: "in.tar")
    try FileManager.default.moveItem(at: input, to: job.folder.url.appending(path: "gone.tar"))
    #expect(try job.pipe().status == 66)
    #expect(try String(contentsOf: notes, encoding: .utf8) == table)
  }

  @Test func `a dataset of other classes is not compared, and one that cannot be evaluated is a reason not to pass`()
    throws
  {
    let job = try NightlyJob(keys: "check: { 'not-worse-than-last': 0 }")
    #expect(try job.pipe().status == 0)
    try job.reports([0.1, 0.1])
    try job.describe(options: "classes: ['ring', 'bars']", keys: "check: { 'not-worse-than-last': 0 }")
    let other = try job.pipe("--replace")
    #expect(other.status == 0, "\(other.errors)")
    #expect(other.errors.contains("has other classes than the last generation"), "\(other.errors)")

    let again = "check: { 'not-worse-than-last': 0, repeats: 2 }"
    try job.describe(options: "classes: ['ring', 'bars'], resize: 8", keys: again)
    _ = try job.folder.file("programs/status-of-last", "65")
    let failed = try job.pipe("--replace")
    #expect(failed.status == 3)
    #expect(
      failed.errors.contains("the last generation cannot be evaluated under this check (exit code 65)"),
      "\(failed.errors)")
    // What can be tried again is: nobody knows yet.
    _ = try job.folder.file("programs/status-of-last", "75")
    #expect(try job.pipe("--replace").status == 75)
    #expect(job.names("out") == ["shapes", "shapes.held"])
  }

  @Test func `a class without test images does not pass, and all classes that are too low are named`() {
    let asked = CheckConditions(accuracy: 50, classAccuracy: 30)
    var file = CheckFile(output: "o", generation: "g", asked: asked)
    file.classes = ["a", "b", "c", "d"]
    file.figures = [
      .init(network: "n", accuracies: [0.5], accuracy: 0.5, classAccuracies: [0.3, 0.29, nil, 0.9]),
      .init(network: "m", accuracies: [0.7], accuracy: 0.7, classAccuracies: [0.8, 0.6, 0.5, 0.9]),
    ]
    let results = file.results(asked)
    #expect(results.filter { !$0.passed }.map(\.className) == ["b", "c"])
    #expect(results.filter { $0.network == "m" }.map(\.className) == [nil, "c"])
    #expect(
      results.compactMap(\.complaint) == [
        "class-accuracy of class 'b' under n is 29.00 %, wanted at least 30.00 %",
        "class-accuracy of class 'c' under n is not known, for the test data has no image of it, wanted at least 30.00 %",
      ])
  }

  @Test func `a dataset whose accuracy cannot be found is kept, and only that is tried again`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    let status = try job.folder.file("programs/status", "75")
    let failed = try job.pipe()
    #expect(failed.status == 75)
    #expect(
      failed.errors.contains("its accuracy could not be found: evaluate ended with exit code 75"), "\(failed.errors)")
    #expect(job.names("out") == ["shapes.held"])
    try FileManager.default.removeItem(at: status)
    let second = try job.pipe()
    #expect(second.status == 0, "\(second.errors)")
    #expect(!second.errors.contains("pipe decode:"))
    #expect(job.names("out") == ["shapes"])
  }

  @Test func `damage is a reason not to pass`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 90 }")
    #expect(try job.pipe().status == 3)
    let held = job.folder.url.appending(path: "out/shapes.held")
    let name = try #require(job.names("out/shapes.held").first { $0.hasSuffix(".tar") })
    var shard = try Data(contentsOf: held.appending(path: name))
    shard[2000] ^= 1
    chmod(held.appending(path: name).path, 0o644)
    try shard.write(to: held.appending(path: name))
    try job.describe(keys: "check: { accuracy: 75 }")
    let damaged = try job.pipe()
    #expect(damaged.status == 3)
    #expect(damaged.errors.contains("does not pass its check: verify: \(name)"), "\(damaged.errors)")
    #expect(job.names("out") == ["shapes.held"])
  }

  @Test func `a check that is new to a dataset in place is made, and what does not pass stays`() throws {
    let job = try NightlyJob()
    #expect(try job.pipe().status == 0)
    try job.describe(keys: "check: { accuracy: 90 }")
    let failed = try job.pipe()
    #expect(failed.status == 3)
    #expect(failed.errors.contains("it was published before, and stays as it is"), "\(failed.errors)")
    #expect(job.names("out") == ["shapes"])
    try job.describe(keys: "check: { accuracy: 80 }")
    #expect(try job.pipe().status == 0)
    #expect(try job.evaluations() == 1)
  }

  @Test func `testing on what the dataset was made from is refused`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    try job.reports([0.9, 0.9], split: "train")
    let refused = try job.pipe()
    #expect(refused.status == 65)
    #expect(refused.errors.contains("would be tested on what it was made from"), "\(refused.errors)")
    #expect(job.names("out") == ["shapes.held"])
  }

  @Test func `somebody's folder is not taken for one that did not pass`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 95 }")
    try FileManager.default.createDirectory(
      at: job.folder.url.appending(path: "out/shapes.held"), withIntermediateDirectories: true)
    let mine = try job.folder.file("out/shapes.held/mine", "precious")
    let refused = try job.pipe()
    #expect(refused.status == 73)
    #expect(try job.evaluations() == 0)
    #expect(try String(contentsOf: mine, encoding: .utf8) == "precious")
  }

  @Test func `a dataset of somebody who calls it so is not taken for one that did not pass`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    let text = try String(contentsOf: job.folder.url.appending(path: "job.json5"), encoding: .utf8)
    _ = try job.folder.file("other.json5", text.replacing("out/shapes", with: "out/shapes.held"))
    #expect(try run(["run", job.folder.url.path + "/other.json5"], program: job.program).status == 0)
    let refused = try job.pipe()
    #expect(refused.status == 73)
    #expect(refused.errors.contains("is a dataset of its own"), "\(refused.errors)")
    #expect(job.names("out") == ["shapes.held"])
  }

  @Test func `without conditions on accuracy nothing is trained`() throws {
    let job = try NightlyJob(keys: "check: { verify: true }")
    #expect(try job.pipe().status == 0)
    #expect(try job.evaluations() == 0)
  }

  @Test func `a check does not make another dataset`() throws {
    let job = try NightlyJob(keys: "check: { accuracy: 75 }")
    #expect(try job.pipe().status == 0)
    try job.describe(keys: "")
    #expect(try job.pipe().errors.contains("up to date"))
  }
}
