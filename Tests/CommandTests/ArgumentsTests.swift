import Catalog
import Datasets
import Testing

@testable import Command

@Suite("Arguments") struct ArgumentsTests {
  private func condense(_ words: String...) throws -> Arguments { try Arguments(words, for: .condense) }

  @Test func `values are taken after a space or an equals sign`() throws {
    #expect(try condense("--ipc", "3").counts("ipc") == ClassCounts(others: 3))
    #expect(try condense("--ipc=3").counts("ipc") == ClassCounts(others: 3))
    #expect(try condense("-o", "x.tar").path("output") == "x.tar")
    #expect(try condense("-ox.tar").path("output") == "x.tar")
  }

  @Test func `flags may stand in a row and may end with an option that takes a value`() throws {
    let arguments = try condense("-qvo", "x.tar")
    #expect(arguments.flag("quiet") && arguments.flag("verbose"))
    #expect(arguments.path("output") == "x.tar")
  }

  @Test func `the last value wins unless the option repeats`() throws {
    #expect(try condense("--seed", "1", "--seed", "2").integer("seed") == 2)
    #expect(try condense("-i", "images", "-i", "labels").paths("input") == ["images", "labels"])
  }

  @Test func `a lone hyphen is a value and two hyphens end the options`() throws {
    #expect(try condense("-i", "-").paths("input") == ["-"])
    let verify = try Arguments(["--", "--json"], for: try #require(Catalog.verb("verify")))
    #expect(verify.operands == ["--json"])
    #expect(!verify.given("json"))
  }

  @Test func `negative numbers are values and are then checked`() {
    let error = #expect(throws: UsageError.self) { try condense("--lr", "-1") }
    #expect(error?.message.contains("--lr takes a number") == true)
  }

  @Test func `an option with an implied value leaves the next word alone`() throws {
    let shard = try #require(Catalog.verb("shard"))
    #expect(try Arguments([], for: shard).integer("zstd") == nil)
    #expect(try Arguments(["--zstd"], for: shard).integer("zstd") == 3)
    #expect(try Arguments(["--zstd=9"], for: shard).integer("zstd") == 9)
    #expect(try Arguments(["--zstd", "-o", "x"], for: shard).path("output") == "x")
  }

  @Test func `nothing typed means the defaults`() throws {
    let arguments = try condense()
    #expect(arguments.paths("input") == ["-"])
    #expect(arguments.counts("ipc")?.count(of: "any") == 10)
    #expect(arguments.choice("method") == Catalog.defaultMethod)
    #expect(arguments.duration("time") == nil)
    #expect(!arguments.given("ipc"))
  }

  @Test func `typed wins over preset over method over option`() throws {
    #expect(try condense("--method", "m3d").choice("kernel") == "gaussian-mixture")
    #expect(try condense("--method", "m3d", "--preset", "paper").choice("kernel") == "gaussian")
    #expect(try condense("--method", "m3d", "--preset", "paper", "--kernel", "linear").choice("kernel") == "linear")
    #expect(try condense("--method", "m3d").integer("steps") == nil)
    #expect(try condense("--method", "m3d", "--preset", "paper").integer("steps") == 10_000)
    #expect(try condense("--method", "dm").choice("kernel") == nil)
  }

  @Test func `asking for help checks nothing else`() throws {
    let preview = try #require(Catalog.verb("preview"))
    #expect(try Arguments(["--help"], for: preview).asksForHelp)
  }

  @Test(arguments: [
    (["--ipcs", "3"], "did you mean --ipc?"),
    (["--metod=dm"], "did you mean --method?"),
    (["-ipc", "3"], "did you mean --ipc?"),
    (["-metod", "dm"], "did you mean --method?"),
    (["-metod=dm"], "did you mean --method?"),
    (["-inptu", "x.tar", "--ipc", "3"], "did you mean --input?"),
    (["--frobnicate"], "see pipe condense --help"),
    (["--method", "m3"], "did you mean m3d?"),
    (["--ipc"], "needs a value"),
    (["--output", "--ipc", "3"], "write --output=--ipc"),
    (["--quiet=yes"], "takes no value"),
    (["--kernel", "linear", "--method", "dm"], "it belongs to m3d"),
    (["--steps", "5", "--method", "random"], "it belongs to dm, kr-dual, m3d"),
    (["--preset", "paper", "--method", "random"], "these have one: dm, kr-dual, m3d"),
    (["cifar10.tar"], "-i cifar10.tar"),
    (["--seed", "x"], "whole number"),
    (["--ipc", "0"], "at least one"),
    (["--ipc", "cat=0,*=0"], "at least one image of some class"),
    (["--ipc", "cat=-1,*=3"], "table"),
    (["--ipc", "9223372036854775807"], "at most 1,000,000,000 images"),
    (["--ipc", "cat=9223372036854775807,*=1"], "at most 1,000,000,000 images"),
    (["--width", "64", "--method", "random"], "it belongs to herding, k-center, dm, kr-dual, m3d"),
    (["--snapshots", "x", "--method", "herding"], "it belongs to dm, kr-dual, m3d"),
    (["--ipc", "cat=1,cat=2"], "twice"),
    (["--ipc", "cat"], "table"),
    (["--time", "soon"], "90s"),
    (["--memory", "much"], "512M"),
    (["--resize", "3x4x5"], "pixels"),
    (["--classes", "a,,b"], "commas"),
    (["--output", ""], "not empty"),
  ])
  func `mistakes are named with what to type instead`(words: [String], expected: String) {
    let error = #expect(throws: UsageError.self) { try Arguments(words, for: .condense) }
    #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
  }

  @Test func `operands and required options are asked for`() throws {
    let preview = try #require(Catalog.verb("preview"))
    #expect(throws: UsageError.self) { try Arguments(["-o", "x.png"], for: preview) }
    #expect(throws: UsageError.self) { try Arguments(["folder"], for: preview) }
    #expect(throws: UsageError.self) { try Arguments(["folder", "other", "-o", "x.png"], for: preview) }
    #expect(try Arguments(["folder", "-o", "x.png"], for: preview).operands == ["folder"])
  }

  @Test func `only a split that was typed is insisted on`() throws {
    #expect(try !ReadOptions(condense()).isSplitRequired)
    let options = try ReadOptions(condense("--split", "test"))
    #expect(options.split == .test && options.isSplitRequired)
  }

  @Test func `provenance records what changes the data and nothing else`() throws {
    let recorded = try condense("--method", "dm", "--seed", "7", "-o", "x", "--progress", "never").recorded
    #expect(recorded["seed"] == "7")
    #expect(recorded["ipc"] == "10")
    #expect(recorded["momentum"] == "0.5")
    #expect(recorded["output"] == nil && recorded["progress"] == nil && recorded["kernel"] == nil)
  }
}

@Suite("Values") struct OptionValueTests {
  @Test(arguments: [
    ("90s", 90.0), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), ("90", 90), ("2d", 172_800), ("1h2m3s", 3723),
  ])
  func `times are seconds`(text: String, expected: Double) throws {
    #expect(try OptionValue(text, as: .duration) == .seconds(expected))
  }

  @Test(arguments: ["", "m", "30m1h", "1h1h", "-5s", "1e3", "inf", "0", "1h30", "5 m", "1..5h"])
  func `what is no time is refused`(text: String) {
    #expect(throws: UsageError.self) { try OptionValue(text, as: .duration) }
  }

  @Test(arguments: [
    ("1", 1), ("512M", 536_870_912), ("2G", 2_147_483_648), ("1.5K", 1536), ("2gb", 2_147_483_648), ("1GiB", 1 << 30),
  ])
  func `sizes are bytes in units of 1024`(text: String, expected: Int) throws {
    #expect(try OptionValue(text, as: .size) == .bytes(expected))
  }

  @Test(arguments: ["", "M", "0", "-1", "1P", "1e9", "9999999T"])
  func `what is no size is refused`(text: String) {
    #expect(throws: UsageError.self) { try OptionValue(text, as: .size) }
  }

  @Test func `a table of counts names classes and the rest`() throws {
    let value = try OptionValue("cat=5,a=b=2,*=3", as: .counts)
    let table = ClassCounts(named: ["cat": 5, "a=b": 2], others: 3)
    #expect(value == .counts(table))
    #expect(table.count(of: "dog") == 3)
    #expect(ClassCounts(named: ["cat": 5]).count(of: "dog") == nil)
    #expect(try OptionValue("ant=0,bee=2", as: .counts) == .counts(ClassCounts(named: ["ant": 0, "bee": 2])))
    #expect(try OptionValue("ant=2,*=0", as: .counts) == .counts(ClassCounts(named: ["ant": 2], others: 0)))
  }

  @Test func `image sizes are one side or two`() throws {
    #expect(try OptionValue("32", as: .extent) == .extent(.shortSide(32)))
    #expect(try OptionValue("48x64", as: .extent) == .extent(.exact(height: 48, width: 64)))
    #expect(throws: UsageError.self) { try OptionValue("0", as: .extent) }
    #expect(throws: UsageError.self) { try OptionValue("3x", as: .extent) }
  }

  @Test(arguments: [("condense", "condense"), ("evalute", "evaluate"), ("hsard", "shard"), ("comp", "completion")])
  func `the nearest name is the one meant`(typed: String, expected: String) {
    #expect(nearest(to: typed, among: Catalog.verbs.map(\.name)) == expected)
  }

  @Test func `nothing is near to something else`() {
    #expect(nearest(to: "transmogrify", among: Catalog.verbs.map(\.name)) == nil)
    #expect(nearest(to: "", among: ["condense"]) == nil)
  }

  @Test func `the edit distance counts swaps once`() {
    #expect(editDistance(Array("hsard".utf8), Array("shard".utf8)) == 1)
    #expect(editDistance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
    #expect(editDistance([], Array("abc".utf8)) == 3)
  }
}
