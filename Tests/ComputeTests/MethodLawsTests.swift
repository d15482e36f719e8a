import Catalog
import Command
import Datasets
import Foundation
import Methods
import Stages
import Streaming
import Synchronization
import Testing

@testable import ComputeCommand

/// Of every option that only some methods take, a value that is not its default, for small images.
private let otherValues = [
  "steps": "3", "batch": "5", "lr": "0.02", "momentum": "0.25", "init": "noise", "augment": "flip", "factor": "3",
  "formation": "time",
  "kernel": "gaussian", "bandwidth": "3", "units": "kernel", "iterations-per-model": "3", "feature-steps": "7",
  "net": "resnetap10", "norm": "group", "width": "6", "depth": "1", "precision": "bfloat16", "autoencoder": "medium",
  "reconstruction": "variational",
  "latent": "16", "heads": "2", "weight-re": "3", "weight-ce": "2", "weight-w": "3", "weight-fm": "3",
  "weight-cov": "3", "transported-pixels": "2", "map-lr": "0.02", "classifier-life": "1", "warm-up": "0.5",
  "settling": "0.25", "schedule": "9", "hidden": "3", "clip": "0.3", "ascent-steps": "7", "ascent-rate": "0.01",
  "step-size": "dual", "match": "absolute", "match-layers": "convolutions", "pixels": "free", "train-on": "real",
  "inner-loop": "2", "regularization": "none", "networks": "2", "early-epochs": "1", "weight-noise": "0.5",
  "embed-in": "snapshots", "classes-per-step": "1", "reuse": "2", "distance": "mean", "decay": "none", "cutmix": "1",
]

/// Those of methods whose default is the value above.
private let valuesBeside = [
  "init": "real", "match": "squared", "match-layers": "all", "pixels": "clamped", "embed-in": "drawn",
]

/// What must be typed beside an option of a method so that it means something.
private func company(_ option: String, of method: Method) -> [String] {
  let offers = Set(method.settings.map(\.option))
  switch option {
  case "inner-loop", "regularization": return ["--train-on", "real"]
  case "classifier-life": return ["--embed-in", "drawn"]
  case "networks", "early-epochs", "weight-noise", "weight-ce", "cutmix":
    if offers.contains("embed-in") {
      let more = ["cutmix": ["--early-epochs", "6", "--steps", "8"], "networks": ["--steps", "8"]]
      return ["--embed-in", "snapshots", "--reuse", "1"] + (more[option] ?? [])
    }
    return offers.contains("train-on") ? ["--train-on", "snapshots"] : []
  default: return []
  }
}

/// Options that mean nothing beside another value of an option.
private let unwelcome = [
  "decay": ["schedule"], "embed-in": ["early-epochs"], "classifier-life": ["early-epochs"], "net": ["width", "depth"],
]

extension ComputeTests {
  /// What holds for every method of `condense`: a new one is tested by this before it has tests of its own.
  @Suite struct MethodLawsTests {
    private let thread = BlockingThread(name: "compute test")
    private static let names = Catalog.methods.map(\.name)
    private static let learning = Registry.methods.filter { $0.traits.learns }.map { $0.name }
    /// Methods in which the images of a class do not depend on how many are made of the others.
    private static let independent = Catalog.methods.filter(\.classesAreIndependent).map(\.name)

    /// The smallest settings that a method takes.
    private func small(_ name: String) throws -> [String] {
      let method = try #require(Catalog.method(name))
      let values = [
        "steps": "4", "schedule": "8", "batch": "8", "width": "4", "depth": "2", "feature-steps": "5", "latent": "12",
      ].merging(networks(method)) { $1 }
      return ["--method", name]
        + values.sorted { $0.key < $1.key }.flatMap { option, text in
          method.settings.contains { $0.option == option } ? ["--\(option)", text] : []
        }
    }

    /// The shortest training of networks that the method allows.
    private func networks(_ method: Method) -> [String: String] {
      switch method.settings.first(where: { ["train-on", "embed-in"].contains($0.option) })?.text {
      case "synthetic": ["inner-loop": "1"]
      case "snapshots": ["early-epochs": "0"]
      default: [:]
      }
    }

    /// Runs a command line, whose last words win, on two classes of 12 and 9 images, or on so many others.
    private func condensed(
      _ words: [String], of perClass: [Int] = [12, 9], reading classes: [Bool]? = nil,
      request change: (inout CondenseRequest) -> Void = { _ in },
      surroundings prepare: (inout RunContext) -> Void = { _ in }
    ) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let info = toySamples(perClass: perClass).info
      var samples = toySamples(perClass: perClass).samples
      if let classes { samples.removeAll { !classes[$0.label] } }
      var request = try CondenseRequest(Arguments(words, for: .condense))
      change(&request)
      var surroundings = RunContext(computeThread: thread)
      prepare(&surroundings)
      let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    @Test(arguments: names) func `the same seed gives the same and another seed another`(name: String) async throws {
      let words = try small(name) + ["--ipc", "3"]
      let first = try await condensed(words + ["--seed", "1"])
      let again = try await condensed(words + ["--seed", "1"])
      #expect(first.samples == again.samples && first.info == again.info)
      var others = 0
      for seed in 2...5 where try await condensed(words + ["--seed", String(seed)]).samples != first.samples {
        others += 1
      }
      // A selection may happen to pick the same.
      #expect(others >= 1)
    }

    @Test(arguments: learning) func `a stopped run is the shorter run and so is a snapshot`(name: String) async throws {
      let words = try small(name) + ["--ipc", "2"]
      let steps = Mutex(0)
      let stopped = try await condensed(words) { _ in
      } surroundings: { surroundings in
        surroundings.progress = { event in if event.unit == "steps" { steps.withLock { $0 = event.done } } }
        surroundings.shouldStop = { steps.withLock { $0 } >= 2 }
      }
      let short = try await condensed(words + ["--steps", "2"])
      #expect(stopped.samples == short.samples && stopped.info == short.info)
      #expect(stopped.info.provenance.last?.options["steps"] == "2")
      guard try #require(Catalog.method(name)).settings.contains(where: { $0.option == "snapshots" }) else { return }
      let taken = Mutex<[Int: [Sample]]>([:])
      _ = try await condensed(words) { _ in
      } surroundings: { surroundings in
        surroundings.snapshotEvery = 2
        surroundings.snapshot = { step, _, samples in taken.withLock { $0[step] = samples } }
      }
      #expect(taken.withLock { $0 }[2] == short.samples)
    }

    @Test(arguments: names) func `counts are those that were asked for and a class without images keeps its index`(
      name: String
    ) async throws {
      for (table, counts) in [("class0=3,class1=1", [3, 1]), ("class0=0,*=2", [0, 2]), ("class1=0,*=1", [1, 0])] {
        let (info, samples) = try await condensed(try small(name) + ["--ipc", table])
        #expect(info.countPerClass == counts && info.classNames == ["class0", "class1"])
        #expect([0, 1].map { label in samples.count { $0.label == label } } == counts, "\(table)")
      }
    }

    @Test(arguments: independent) func `classes do not depend on each other`(name: String) async throws {
      let words = try small(name)
      let both = try await condensed(words + ["--ipc", "2"]).samples
      for label in [0, 1] {
        let alone = try await condensed(words + ["--ipc", "class\(label)=2,*=0"]).samples
        #expect(alone.map(\.content) == both.filter { $0.label == label }.map(\.content))
      }
    }

    @Test(arguments: independent) func `parts of the classes together are what one run makes`(name: String) async throws
    {
      var words = try small(name) + ["--ipc", "class0=1,class1=3,class3=0,*=2"]
      // Whose turn it is, all parts agree on.
      if takesTurns(name) { words += ["--classes-per-step", "2"] }
      let sizes = [12, 9, 8, 3, 10]
      let once = try await condensed(words, of: sizes)
      let (info, samples) = toySamples(perClass: sizes)
      let whole = try store(info, samples)
      for parts in [1, 3] {
        var joined: [Sample] = []
        var counts = [0, 0, 0, 0, 0]
        for number in 1...parts {
          let partition = Partition(part: number, of: parts)
          let part = try await condensed(words, of: sizes) { $0.partition = partition }
          joined += part.samples
          counts = zip(counts, part.info.countPerClass ?? []).map(+)
          #expect(part.info.normalization == once.info.normalization)
          var history = part.info.provenance
          #expect(history.last?.options["partition"] == "\(number)/\(parts)")
          history[history.count - 1].options["partition"] = nil
          #expect(history == once.info.provenance)
          // Where no network is trained on all images, those of other classes need not be there.
          var request = try CondenseRequest(Arguments(words, for: .condense))
          request.partition = partition
          guard try request.needsOwnClassesAlone(of: info, samples: sizes) else { continue }
          let own = try request.ownClasses(of: info, samples: sizes)
          let alone = try await condensed(words, of: sizes, reading: own) {
            $0.partition = partition
            $0.whole = .init(
              counts: sizes, digest: whole.digest, normalization: Normalization.measured(on: whole))
          }
          #expect(alone.samples == part.samples && alone.info == part.info)
        }
        #expect(joined == once.samples && counts == once.info.countPerClass)
      }
    }

    private func takesTurns(_ name: String) -> Bool {
      Catalog.method(name)?.settings.contains { $0.option == "classes-per-step" } ?? false
    }

    @Test(arguments: learning) func `classes take turns, and each has its own in every round`(name: String) async throws
    {
      guard takesTurns(name), let method = Catalog.method(name) else { return }
      // The toy's later classes are all white, and would not move.
      let sizes = [5, 5, 5]
      var words = try small(name) + ["--ipc", "1"]
      if method.settings.contains(where: { $0.option == "reuse" }) { words += ["--reuse", "1"] }
      func images(_ more: [String], steps: Int) async throws -> [Content] {
        try await condensed(words + more, of: sizes) { $0.method.steps = steps }.samples.map(\.content)
      }
      // Every class once in three steps, such as those of the second round.
      var before = try await images(["--classes-per-step", "1"], steps: 3)
      var turns = [0, 0, 0]
      for step in 4...6 {
        let after = try await images(["--classes-per-step", "1"], steps: step)
        let moved = after.indices.filter { after[$0] != before[$0] }
        #expect(moved.count == 1)
        for label in moved { turns[label] += 1 }
        before = after
      }
      #expect(turns == [1, 1, 1])
      let all = try await images([], steps: 2)
      #expect(try await images(["--classes-per-step", "3"], steps: 2) == all)
    }

    @Test(arguments: names) func `classes are divided only where they are independent and the steps are given`(
      name: String
    ) throws {
      let method = try #require(Catalog.method(name))
      func refusal(_ words: [String]) -> UsageError? {
        do throws(UsageError) {
          _ = try Arguments(["--method", name, "--partition", "1/2"] + words, for: .condense)
          return nil
        } catch {
          return error
        }
      }
      let hasSteps = method.settings.contains { $0.option == "steps" }
      guard method.classesAreIndependent else {
        let error = try #require(refusal(["--steps", "5"]))
        #expect(error.message.contains("makes the images of all classes together"))
        #expect(error.hint?.contains("random, herding") ?? false)
        return
      }
      #expect(refusal(hasSteps ? ["--steps", "5"] : []) == nil)
      #expect(!hasSteps || refusal([])?.message.contains("needs --steps") ?? false)
      for words in [["--time", "5m"], ["--validate", "0.1"]] { #expect(refusal(words + ["--steps", "5"]) != nil) }
    }

    @Test(arguments: names) func `the catalogue's defaults are the algorithm's`(name: String) throws {
      let type = try #require(Registry.method(name))
      let catalogued = try CondenseRequest(Arguments(["--method", name], for: .condense)).method
      let bare = type.init()
      #expect(catalogued.recorded == bare.recorded)
      // What the catalogue lists is what the method binds, but for what the stage takes.
      let listed = try #require(Catalog.method(name)).settings.map(\.option).filter { !isTakenByStage($0) }
      #expect(Set(settings(of: type)) == Set(listed) && settings(of: type).count == listed.count)
    }

    /// Trials, checkpoints, snapshots, first images, and networks in place of those that the method would train.
    private func isTakenByStage(_ option: String) -> Bool {
      option.hasPrefix("validate") || option.hasPrefix("checkpoint") || option.hasPrefix("snapshot")
        || ["trajectories", "start-from"].contains(option)
    }

    private func settings<M: CondensingMethod>(of type: M.Type) -> [String] { M.settings.map(\.option) }

    @Test func `the catalogue and the registry have the same methods`() {
      #expect(Catalog.methods.map(\.name) == Registry.methods.map { $0.name })
    }

    @Test(arguments: names) func `a history typed again gives the same`(name: String) async throws {
      let first = try await condensed(try small(name) + ["--ipc", "class0=1,*=2", "--seed", "5", "--name", "renamed"])
      let options = try #require(first.info.provenance.last?.options)
      let again = try await condensed(options.sorted { $0.key < $1.key }.map { "--\($0)=\($1)" })
      #expect(again.info == first.info && again.samples == first.samples)
    }

    /// With networks and batches of the usual size, so that more than the library counts.
    @Test(arguments: names) func `the memory estimate is between the peak and twice the peak`(name: String) throws {
      let method = try #require(Catalog.method(name))
      let steps = [("steps", "2"), ("feature-steps", "2")].filter { option, _ in
        method.settings.contains { $0.option == option }
      }
      let words = steps.map { "--\($0) \($1)" }.joined(separator: " ")
      let (estimate, peak) = try ComputeTests.memory(
        "condense --method \(name) \(words) --ipc 10 -i $F/shapes-cifar.tar.gz")
      #expect(estimate >= peak && estimate <= 2 * peak, "\(estimate / peak) times the peak of \(peak / 1_048_576) MiB")
    }

    @Test(arguments: names) func `every option of a method changes something`(name: String) async throws {
      let method = try #require(Catalog.method(name))
      let words = try small(name) + ["--ipc", "2"]
      let plain = try await condensed(words)
      for setting in method.settings where !isTakenByStage(setting.option) {
        var other = try #require(otherValues[setting.option], "there is no other value of --\(setting.option) to try")
        if other == setting.text { other = try #require(valuesBeside[setting.option]) }
        let value = other
        var more = ["--\(setting.option)", value] + company(setting.option, of: method)
        // Some act only beside others, or after more steps than two.
        if setting.option == "iterations-per-model" || setting.option == "classifier-life" { more += ["--steps", "6"] }
        if setting.option == "formation" { more += ["--factor", "2"] }
        if setting.option == "reuse" { more += ["--steps", "8"] }
        if setting.option == "settling" { more += ["--schedule", "4"] }
        var base = words
        if setting.option == "iterations-per-model", words.contains("--early-epochs") {
          more += ["--early-epochs", "3"]
        }
        if more.contains("snapshots"), let place = base.firstIndex(of: "--inner-loop") {
          base.removeSubrange(place...place + 1)
        }
        for other in unwelcome[setting.option] ?? [] {
          if let place = base.firstIndex(of: "--\(other)") { base.removeSubrange(place...place + 1) }
        }
        let changed = try await condensed(base + more)
        let without = more.count == 2 ? plain : try await condensed(base + more.dropFirst(2))
        // Other features may pick the same images: then the history tells that they were others.
        let isSelection = !method.settings.contains { $0.option == "steps" }
        let isRecorded = changed.info.provenance != without.info.provenance
        #expect(isRecorded && (isSelection || changed.samples != without.samples), "--\(setting.option) \(value)")
      }
    }
  }
}
