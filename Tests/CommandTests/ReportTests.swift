import Datasets
import Foundation
import Shards
import Testing

@testable import Command

@Suite("pipe report") struct ReportTests {
  /// A kind of dataset that a page must be able to show.
  struct Kind: Sendable, CustomTestStringConvertible {
    var name: String
    var info: DatasetInfo
    var perClass: Int
    var isFloat = false
    var zstdLevel: Int?
    var testDescription: String { name }
  }

  static let hostile = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "a & b 'c'", "\u{202e}gnp\u{1b}[31m", "", "猫",
    "한국 🎉", "&lt;b&gt;",
  ]

  static let kinds: [Kind] = {
    func info(_ classes: [String], _ shape: [Int], _ change: (inout DatasetInfo) -> Void = { _ in }) -> DatasetInfo {
      var info = DatasetInfo(name: "kind", classNames: classes, shape: shape)
      change(&info)
      return info
    }
    let three = ["circle", "square", "star"]
    return [
      Kind(name: "grey", info: info(three, [1, 8, 6]), perClass: 3),
      Kind(name: "colour", info: info(three, [3, 8, 6]), perClass: 12, zstdLevel: 3),
      Kind(
        name: "tiles",
        info: info(three, [3, 9, 9]) {
          $0.formation = Formation(.uniform, factor: 2)
          $0.normalization = Normalization(mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3])
          $0.provenance = [
            ProvenanceStep(
              verb: "condense", tool: "pipe 1.0.0", options: ["method": "dm", "ipc": "2", "<b>": "</dd><script>"],
              digests: ["source": "abc"], results: ["accuracy": 0.5, "random-accuracy": 0.25, "held-out-images": 1e300])
          ]
        }, perClass: 2, isFloat: true),
      Kind(
        name: "scales", info: info(three, [1, 8, 8]) { $0.formation = Formation(.multi, factor: 3) }, perClass: 1,
        isFloat: true),
      Kind(
        name: "speech",
        info: info(["yes", "no"], [1, 16, 16]) {
          $0.spectrogram = Spectrogram(sampleRate: 8000)
          $0.formation = Formation(.time, factor: 2)
        }, perClass: 2, isFloat: true),
      Kind(name: "latents", info: info(three, [6]) { $0.kind = .latents }, perClass: 2, isFloat: true),
      Kind(name: "soft", info: info(three, [1, 4, 4]) { $0.labelKind = .probability }, perClass: 2),
      Kind(name: "logits", info: info(three, [3, 4, 4]) { $0.labelKind = .logit }, perClass: 2, isFloat: true),
      Kind(name: "one class", info: info(["only"], [3, 4, 4]), perClass: 1),
      Kind(name: "hostile names", info: info(hostile, [3, 4, 4]), perClass: 1),
      Kind(name: "1,000 classes", info: info((0..<1000).map { "class \($0)" }, [3, 32, 32]), perClass: 1),
      Kind(name: "500 of each", info: info(three, [1, 4, 4]), perClass: 500),
    ]
  }()

  /// Noise of that kind as a shard folder.
  @discardableResult
  static func make(_ kind: Kind, in folder: TemporaryFolder, _ name: String = "set", seed: UInt64 = 1) throws
    -> Manifest
  {
    let (info, shape) = (kind.info, kind.info.shape ?? [])
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func next() -> UInt8 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
    let size = shape.reduce(1, *)
    let writer = try DatasetWriter(
      ShardOptions(directory: folder.url.appending(path: name).path, namePrefix: "kind", zstdLevel: kind.zstdLevel),
      info: info)
    for index in 0..<kind.perClass * info.classNames.count {
      let label = index % info.classNames.count
      let bytes = (0..<size).map { _ in next() }
      let content: Content =
        kind.isFloat
        ? .floats(FloatArray(shape: shape, values: bytes.map { Float($0) / 200 - 0.1 }))
        : .pixels(Pixels(height: shape[1], width: shape[2], channels: shape[0], bytes: bytes))
      var sample = Sample(key: "s" + String(1_000_000 + index).dropFirst(), content: content, label: label)
      if info.labelKind != .hard {
        let part = Float(1) / Float(info.classNames.count)
        sample.softLabel = info.classNames.indices.map {
          info.labelKind == .logit ? Float($0 - label) : $0 == label ? 1 - part : part / 2
        }
      }
      try writer.write(sample)
    }
    return try writer.finish(info: info)
  }

  /// The page of a folder, by the built program.
  private func page(_ folder: TemporaryFolder, _ words: String...) throws -> String {
    let outcome = try shell(
      "pipe report set -q -o page.html \(words.joined(separator: " ")) && cat page.html && rm page.html", in: folder)
    #expect(outcome.status == 0, "\(outcome.text.prefix(2000))")
    return outcome.text
  }

  @Test(arguments: kinds) func `a page of any kind needs nothing else and stays small`(kind: Kind) throws {
    let folder = try TemporaryFolder()
    try Self.make(kind, in: folder)
    let page = try page(folder)
    #expect(page.utf8.count < 7 << 20)
    #expect(!page.contains("<script") && !page.contains("<img src=x") && !page.contains("onerror=alert(1)>"))
    // Whatever could load something.
    for match in page.matches(of: #/(?:src|href|data|action|poster|srcset)="([^"]*)"|url\(|@import/#) {
      let target = match.1.map(String.init) ?? ""
      #expect(target.hasPrefix("data:image/png;base64,") || target.hasPrefix("#"), "\(match.0.prefix(80))")
    }
    for match in page.matches(of: #/base64,([^"]*)"/#) {
      let png = Data(base64Encoded: String(match.1))
      #expect(
        png?.starts(with: [0x89, 0x50, 0x4e, 0x47]) == true && png?.suffix(8).starts(with: Array("IEND".utf8)) == true)
    }
    #expect(try self.page(folder) == page, "the same bytes")
    for section in [
      "images", "accuracy", "classes", "confusion", "curves", "nearest", "changes", "load", "history", "files",
    ] {
      #expect(page.contains("<section id=\"\(section)\""))
    }
    if kind.name == "1,000 classes" {
      #expect(page.contains("Of 1,000 classes 100 are shown") && page.components(separatedBy: "<img ").count - 1 == 100)
    }
    if kind.name == "500 of each" { #expect(page.contains("10 of 500")) }
    if kind.name == "latents" { #expect(!page.contains("<img ")) }
    if kind.name == "hostile names" {
      #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&amp;lt;b&amp;gt;"))
      #expect(page.contains("\\u202egnp\\x1b[31m") && page.contains("한국 🎉"))
    }
    if kind.name == "tiles" {
      #expect(
        page.contains("holds 4 training images") && page.contains("50.0 %")
          && page.contains("&lt;/dd&gt;&lt;script&gt;"))
    }
    try expectValid([page])
  }

  /// Lets html5lib read pages, which names every error of their syntax; nothing where no Python has it.
  private func expectValid(_ pages: [String]) throws {
    guard let python = ProcessInfo.processInfo.environment["PIPE_PYTHON"] else { return }
    let folder = try TemporaryFolder()
    var files: [String] = []
    for (index, page) in pages.enumerated() { files.append(try folder.file("\(index).html", page).path) }
    let program = """
      import sys, html5lib
      for file in sys.argv[1:]:
          parser = html5lib.HTMLParser()
          document = parser.parse(open(file, "rb"))
          assert not parser.errors, parser.errors[:5]
          ids = [e.get("id") for e in document.iter() if e.get("id")]
          assert len(ids) == len(set(ids)), "ids are not unique"
          for e in document.iter():
              tag = e.tag.split("}")[-1] if isinstance(e.tag, str) else ""
              assert tag != "img" or e.get("alt") is not None, "an image without alt"
              assert tag != "script", "a script"
              for word in (e.get("aria-labelledby") or "").split(): assert word in ids, word
              assert tag != "a" or (e.get("href") or "")[1:] in ids, e.get("href")
          levels = [int(e.tag[-1]) for e in document.iter() if isinstance(e.tag, str) and e.tag.split("}")[-1] in ("h1", "h2", "h3", "h4")]
          assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels
      """
    let outcome = try run(["-c", program] + files, program: URL(filePath: python))
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  // MARK: What other verbs wrote

  private func evaluation(
    of kind: Kind, networks: [String] = ["convnet"], mean: Double = 0.75, width: Int = 128
  ) -> EvaluationResult {
    let count = kind.info.classNames.count
    let confusion = (0..<count).map { label in [label: 30, (label + 1) % count: 10].filter { $0.value > 0 } }
    var rows: [EvaluationResult.Row] = []
    for network in networks {
      rows += [("dm", false, mean), ("random", true, 0.4321), ("herding", true, 0.41)].map { set, isBaseline, mean in
        EvaluationResult.Row(
          set: set, baseline: isBaseline, network: network, accuracies: [mean - 0.01, mean + 0.01],
          perClass: Array(repeating: mean, count: count), confusion: isBaseline ? nil : confusion, images: 6,
          trainedOn: 24,
          seconds: 1, stoppedEarly: false)
      }
    }
    return EvaluationResult(
      protocol: "P-DSA", epochs: 30, prescribedEpochs: 1000, repeats: 2, seed: 0, precision: "float32",
      networks: networks,
      width: width, device: "cpu", test: "<b>test</b>", testSplit: .test, classes: kind.info.classNames,
      countPerClass: Array(repeating: kind.perClass, count: count), rows: rows)
  }

  private func write(_ value: some Encodable, _ name: String, in folder: TemporaryFolder) throws {
    _ = try folder.file(name, String(decoding: encodeJSON(value, indented: true), as: UTF8.self))
  }

  @Test func `evaluations become tables, bars and a confusion matrix`() throws {
    let folder = try TemporaryFolder()
    let kind = Self.kinds[9]
    try Self.make(kind, in: folder)
    try write(evaluation(of: kind), "one.json", in: folder)
    try write(evaluation(of: kind, networks: ["resnet10", "vgg11"], mean: 0.6), "two.json", in: folder)
    let one = try page(folder, "--evaluation one.json")
    #expect(one.contains("75.0 % ± 1.4") && one.contains("43.2 %") && one.contains("P-DSA (30 of 1000 epochs)"))
    #expect(
      one.contains("<table class=\"matrix\">") && one.contains("&lt;b&gt;test&lt;/b&gt;") && !one.contains("<b>test"))
    // Networks of one protocol stand in one table.
    let both = try page(folder, "--evaluation one.json --evaluation two.json")
    #expect(
      both.components(separatedBy: "Accuracy by architecture").count == 3, "the frame and the caption of one table")
    #expect(both.contains("resnet10") && both.contains("<strong>60.0 % ± 1.4</strong>"))
    // Of one network with another width or seed there are two tables, and neither hides the other.
    try write(evaluation(of: kind, mean: 0.5, width: 64), "narrow.json", in: folder)
    let widths = try page(folder, "--evaluation one.json --evaluation narrow.json")
    #expect(widths.contains("width 128") && widths.contains("width 64"))
    #expect(widths.contains("75.0 % ± 1.4") && widths.contains("50.0 % ± 1.4"))
    try expectValid([one, both, widths])
  }

  @Test func `curves come from the log of this dataset, accuracies included`() throws {
    let folder = try TemporaryFolder()
    try Self.make(Self.kinds[0], in: folder)
    var lines = ["not JSON", #"{"event":"log","verb":"condense","message":"hello"}"#]
    for step in 1...500 {
      lines.append(
        #"{"event":"progress","stage":"dm","done":\#(step),"total":500,"unit":"steps","loss":\#(1000.0 / Double(step)),"dataset":"out/set"}"#
      )
      lines.append(
        #"{"event":"progress","stage":"other","done":\#(step),"unit":"steps","loss":7,"dataset":"out/other"}"#)
      if step.isMultiple(of: 100) {
        for epoch in 1...3 {
          lines.append(#"{"event":"progress","stage":"dm 1/1","done":\#(epoch),"unit":"epochs","loss":0.5}"#)
        }
        lines.append(#"{"event":"progress","stage":"dm","done":\#(step),"unit":"steps","accuracy":0.5}"#)
      }
    }
    _ = try folder.file("run.jsonl", lines.joined(separator: "\n"))
    let page = try page(folder, "--log run.jsonl")
    #expect(page.contains("Loss, dm by steps") && page.contains("Accuracy on held-out images, dm by steps"))
    #expect(page.contains("from 1000 at 1 to 2.00 at 500 steps") && page.contains("dm 1/1, time 5"))
    #expect(!page.contains("Loss, other"))
    try expectValid([page])
    _ = try folder.file("empty.jsonl", "nothing\n")
    let refused = try run([
      "report", folder.url.appending(path: "set").path, "--log", folder.url.appending(path: "empty.jsonl").path, "-o",
      "-",
    ])
    #expect(refused.status == 65 && refused.output.isEmpty && refused.errors.contains("--progress=json"))
  }

  @Test func `neighbours are shown beside real images, and those of another dataset are refused`() throws {
    let folder = try TemporaryFolder()
    var kind = Self.kinds[2]
    try Self.make(kind, in: folder)
    kind.info.formation = nil
    kind.info.provenance = []
    kind.perClass = 20
    try Self.make(kind, in: folder, "real", seed: 5)
    func explanation(_ key: String) -> Explanation {
      let near = Explanation.Neighbour(
        split: .train, source: "s000003", className: "circle", distance: 0.25, difference: 0.1)
      let image = Explanation.Image(
        key: key, tile: 2, className: "square", represents: 7, nearest: [near], nearestTest: nil)
      let coverage = Explanation.ClassCoverage(
        className: "square", images: 8, realImages: 20, covered: 0.5, coveredByRandom: 0.25, agreeing: 1, distance: 0.3,
        idle: 0)
      return Explanation(
        dataset: "kind", real: "real", by: "pixels", sameness: 0.01, classes: [coverage], covered: 0.5,
        coveredByRandom: 0.25,
        duplicates: [], copies: 0, leakage: nil, images: [image])
    }
    try write(explanation("s000001"), "near.json", in: folder)
    let page = try page(folder, "--real real --explanation near.json")
    #expect(
      page.contains("stands for 7 real ones") && page.contains("the 1 nearest real images")
        && page.contains("distance 0.250, class <bdi>circle"))
    #expect(page.contains("10 of 20 real") && page.contains("10 times fewer"))
    try expectValid([page])
    try write(explanation("stranger"), "far.json", in: folder)
    let refused = try shell("pipe report set --explanation far.json -o page.html; echo $?; ls page.html", in: folder)
    #expect(
      refused.text.contains("another dataset") && refused.text.contains("\n65\n")
        && refused.text.contains("No such file"))
  }

  @Test func `what changed since the generation before is listed`() throws {
    let folder = try TemporaryFolder()
    var kind = Self.kinds[2]
    try Self.make(kind, in: folder)
    kind.info.provenance[0].options["ipc"] = "1"
    kind.info.classNames[1] = "squares"
    try Self.make(kind, in: folder, "old")
    let page = try page(folder, "--previous old")
    #expect(
      page.contains("step 1, condense --ipc") && page.contains("squares") && page.contains("of the generation before"))
    #expect(page.contains("samples that are the same") && page.contains(">6</td>"))
    #expect(try self.page(folder, "--previous set").contains("is the same generation"))
    try expectValid([page])
  }

  @Test(arguments: [
    ("{}", "has no key"), ("{", "JSON"), ("[1]", "JSON"),
  ]) func `a damaged evaluation is refused`(text: String, reason: String) throws {
    let folder = try TemporaryFolder()
    try Self.make(Self.kinds[0], in: folder)
    _ = try folder.file("bad.json", text)
    let outcome = try shell("pipe report set --evaluation bad.json -o page.html; echo $?; ls", in: folder)
    #expect(
      outcome.text.contains(reason) && outcome.text.contains("\n65\n") && !outcome.text.contains("page.html\n"),
      "\(outcome.text)")
  }

  @Test func `an evaluation that does not fit its classes, or the dataset's, is refused`() throws {
    let kind = Self.kinds[0]
    let folder = try TemporaryFolder()
    let manifest = try Self.make(kind, in: folder)
    func refused(_ change: (inout EvaluationResult) -> Void) throws -> Bool {
      var result = evaluation(of: kind)
      change(&result)
      try write(result, "bad.json", in: folder)
      do {
        _ = try Command.evaluation(in: folder.url.appending(path: "bad.json").path, of: manifest)
        return false
      } catch let error as DataError { return error.fault == .badInput }
    }
    #expect(try !refused { _ in })
    #expect(try refused { $0.rows[0].confusion = [[7: 1], [:], [:]] })
    #expect(try refused { $0.rows[0].confusion = [[0: .max], [:], [:]] })
    #expect(try refused { $0.rows[0].confusion = [[:]] })
    #expect(try refused { $0.rows[0].perClass = [] })
    #expect(try refused { $0.rows[0].mean = 40 })
    #expect(try refused { $0.countPerClass = [1] })
    #expect(try refused { $0.networks = [] })
    #expect(try refused { $0.classes = ["a", "b", "c"] })
    // Another set of the same classes.
    #expect(try refused { $0.countPerClass[1] += 1 })
    // The classes of a result are in the order of the test data.
    var turned = kind
    turned.perClass = 2
    let uneven = try Self.make(turned, in: folder, "turned")
    var result = evaluation(of: turned)
    result.classes.reverse()
    try write(result, "turned.json", in: folder)
    _ = try Command.evaluation(in: folder.url.appending(path: "turned.json").path, of: uneven)
  }

  @Test func `a page knows the method of merged parts, and the folder that it is in`() throws {
    let folder = try TemporaryFolder()
    var kind = Self.kinds[2]
    let maker = kind.info.provenance[0]
    kind.info.provenance = [ProvenanceStep(verb: "merge", tool: "pipe 1.0.0", parts: [[maker], [maker]])]
    try Self.make(kind, in: folder)
    let merged = try page(folder)
    #expect(merged.contains("6 synthetic images of 3 classes, 2 of each, made by the method <bdi>dm</bdi>"))
    #expect(!merged.contains("held back"), "an accuracy of one part says nothing of all")
    var other = maker
    other.options["method"] = "idc"
    kind.info.provenance[0].parts = [[maker], [other]]
    try Self.make(kind, in: folder, "mixed")
    let mixed = try shell("cd mixed && pipe report . -q -o ../mixed.html && cat ../mixed.html", in: folder)
    #expect(mixed.status == 0 && mixed.text.contains("6 images of 3 classes"))
    #expect(mixed.text.contains("<h1><bdi>mixed</bdi></h1>") && mixed.text.contains("FOLDER = &quot;mixed&quot;"))
    let unread = try shell("pipe report set --resize 4 -q -o x.html; echo $?; ls x.html", in: folder)
    #expect(unread.text.contains("\n64\n") && unread.text.contains("No such file"), "\(unread.text)")
  }

  @Test func `two runs in one log are two lines of accuracy, and no number breaks a chart`() throws {
    let folder = try TemporaryFolder()
    try Self.make(Self.kinds[0], in: folder)
    var lines: [String] = []
    for night in [0.3, 0.6] {
      for step in [50, 100] {
        lines.append(
          #"{"event":"progress","stage":"dm","done":\#(step),"unit":"steps","accuracy":\#(night + 0.1)}"#)
      }
    }
    for (stage, values) in [("a", ["0", "5e-324"]), ("b", ["1e308", "-1e308"]), ("c", ["1", "1.0000000000000002"])] {
      for (step, value) in values.enumerated() {
        lines.append(#"{"event":"progress","stage":"\#(stage)","done":\#(step),"unit":"steps","loss":\#(value)}"#)
      }
    }
    _ = try folder.file("run.jsonl", lines.joined(separator: "\n"))
    let page = try page(folder, "--log run.jsonl")
    #expect(page.contains("dm</bdi>, at last 40.0 %") && page.contains("dm, time 2</bdi>, at last 70.0 %"), "\(page)")
    #expect(!page.contains("nan") && page.contains("Loss, c by steps"))
    try expectValid([page])
  }

  @Test func `a page is never written over a file, and not at all where something is wrong`() throws {
    let folder = try TemporaryFolder()
    try Self.make(Self.kinds[0], in: folder)
    _ = try folder.file("page.html", "mine")
    let taken = try shell("pipe report set -o page.html; echo $?; cat page.html", in: folder)
    #expect(taken.text.contains("\n73\nmine"))
    let absent = try shell("pipe report nothing -o new.html; echo $?; ls", in: folder)
    #expect(absent.text.contains("\n66\n") && !absent.text.contains("new.html"))
    let damaged = try shell(
      "printf x | dd of=set/kind-train-000000.tar bs=1 seek=600 conv=notrunc 2> /dev/null; pipe report set -o new.html; echo $?; ls",
      in: folder)
    #expect(damaged.text.contains("\n65\n") && !damaged.text.contains("new.html"), "\(damaged.text)")
  }

  // MARK: Programs that load it

  /// What `examples/form.py` reads, which other tests hold against every other reader, is what the page's program reads.
  @Test func `the program of the page reads what a trainer needs`() throws {
    let probe = try run(["-c", "import torch, numpy, PIL"], program: URL(filePath: "/usr/bin/python3"))
    guard probe.status == 0 else { return }
    let folder = try TemporaryFolder()
    var names: [String] = []
    for (index, kind) in Self.kinds.enumerated()
    where kind.info.kind == .samples && kind.perClass <= 12 && kind.name != "1,000 classes" {
      let name = "kind\(index)"
      let manifest = try Self.make(kind, in: folder, name)
      let code = LoadingCode(manifest, folder: "somewhere/\(name)")
      _ = try folder.file("load_\(name).py", try #require(code.load))
      for trainer in code.trainers { _ = try folder.file("\(name)-\(trainer.id).py", trainer.text) }
      names.append(name)
    }
    let program = """
      import sys, ast, glob, importlib, subprocess, types, torch
      sys.path[:0] = [".", "\(fixtures.deletingLastPathComponent().path)/examples"]
      sys.dont_write_bytecode = True
      import form
      # The package is not one of Debian 12's; the program is.
      sys.modules["zstandard"] = types.SimpleNamespace(
          decompress=lambda data: subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout)
      for name in "\(names.joined(separator: " "))".split():
          load = importlib.import_module("load_" + name)
          if not any(shard["name"].endswith(".zst") for shard in load.manifest["shards"]):
              manifest = load.manifest
              if "normalization" not in manifest:
                  form.normalised = lambda images, manifest: images
              else:
                  importlib.reload(form)
              images, targets = form.training_set(name)
              assert torch.equal(images, load.images), name
              mine = load.targets if load.targets.dim() == 2 else torch.nn.functional.one_hot(load.targets, targets.shape[1]).float()
              assert torch.allclose(targets, mine), name
          # The loop runs as it stands, but for the number of its epochs.
          sys.modules["load"] = load
          classes = len(load.manifest["label_names"])
          model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(load.images[0].numel(), classes))
          before = [p.clone() for p in model.parameters()]
          exec(open(f"{name}-pytorch-py.py").read().replace("range(300)", "range(2)"), {"model": model})
          # With one class there is nothing to learn.
          assert classes == 1 or any(not torch.equal(a, b) for a, b in zip(before, model.parameters())), name
      for file in glob.glob("*.py"): ast.parse(open(file).read(), file)
      """
    let outcome = try run(
      ["-c", "import os; os.chdir('\(folder.url.path)')\n" + program], program: URL(filePath: "/usr/bin/python3"),
      environment: ["OMP_NUM_THREADS": "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  // MARK: Parts

  @Test func `text in a page means only itself`() {
    for text in Self.hostile + ["\u{0}\u{fffe}\u{10ffff}", String(repeating: "<", count: 10_000)] {
      let source = HTML(text: text).source
      #expect(!source.contains("<") && !source.contains("\"") && !source.contains("'"))
      #expect(source.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value & 0xfffe != 0xfffe })
      #expect(("<p title=\"\(text)\">\(text)</p>" as HTML).source == "<p title=\"\(source)\">\(source)</p>")
      #expect(source.count < 20_000)
    }
    let inner: HTML = "<b>\("<")</b>"
    #expect(("<p>\(inner)\([inner, inner])\(7)</p>" as HTML).source == "<p><b>&lt;</b><b>&lt;</b><b>&lt;</b>7</p>")
  }

  @Test func `pictures stay within the budget, and classes are spread evenly`() {
    for classCount in [1, 2, 10, 100, 1000, 10_000] {
      for shape in [[1, 28, 28], [3, 32, 32], [3, 224, 224], [3, 2000, 3], [1, 1, 1], nil] {
        for kinds in 1...3 {
          for wanted in [1, 10, 100] {
            let plan = SheetPlan(classCount: classCount, kinds: kinds, shape: shape, isColoured: true, perClass: wanted)
            let longest = shape?.suffix(2).max() ?? 96
            let bytes = (shape?.suffix(2) ?? [96, 96]).map { max(1, $0 * plan.side / longest) }.reduce(3, *)
            #expect(plan.classes.count * plan.perClass * kinds * bytes <= SheetPlan.budget)
            #expect(!plan.classes.isEmpty && plan.classes.first == 0 && Set(plan.classes).count == plan.classes.count)
            #expect(plan.classes.count == 1 || plan.classes.last == classCount - 1)
            #expect(plan.perClass >= 1 && plan.perClass <= wanted && plan.scale * plan.side <= 96)
          }
        }
      }
    }
  }

  @Test(arguments: [
    [1.0], [0], [-5, 5], [1e-300, 1e300], [3, 3, 3], [.infinity, 1], [.nan], [1e-12, 1.1e-12], [0.001, 0.5, 900],
  ]) func `a chart stays in its frame, whatever the values are`(values: [Double]) throws {
    let points = values.enumerated().map { Chart.Point(step: $0 * $0, value: $1) }
    let html = Chart(
      title: "Loss", unit: "steps", lines: [.init(label: "a", points: points)], level: ("level", 0.5), id: "c"
    ).html.source
    for match in html.matches(of: #/[ML](-?[0-9.]+) (-?[0-9.]+)/#) {
      let (x, y) = (try #require(Double(match.1)), try #require(Double(match.2)))
      #expect((0...100).contains(x) && (0...100).contains(y), "\(match.0)")
    }
    #expect(values.contains { $0.isFinite } == html.contains("<svg"))
    #expect(!html.contains("nan") || values.contains { !$0.isFinite })
  }
}
