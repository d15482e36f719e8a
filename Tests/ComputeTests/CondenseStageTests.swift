import Datasets
import Foundation
import Methods
import Networks
import Shards
import Stages
import Streaming
import Synchronization
import Tensors
import Testing

extension ComputeTests {
  @Suite struct CondenseStageTests {
    private let thread = BlockingThread(name: "compute test")

    /// Runs a request on the toy set.
    private func condensed(
      _ request: CondenseRequest, stopAfter: Int = .max, snapshotEvery: Int? = nil, cacheDirectory: String? = nil,
      snapshots: @escaping @Sendable (Int, DatasetInfo, [Sample]) -> Void = { _, _, _ in },
      log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let (info, samples) = toySamples()
      var surroundings = RunContext(computeThread: thread)
      surroundings.snapshotEvery = snapshotEvery
      surroundings.snapshot = snapshots
      surroundings.log = log
      surroundings.cacheDirectory = cacheDirectory
      let done = Counter()
      surroundings.progress = { event in if event.unit == "steps" { done.value.withLock { $0 = event.done } } }
      surroundings.shouldStop = { done.value.withLock { $0 } >= stopAfter }
      let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    private final class Counter: Sendable { let value = Mutex(0) }

    private func request(
      _ method: String, steps: Int? = nil, seed: UInt64 = 3, _ options: [String: String] = [:]
    ) throws -> CondenseRequest {
      var request = try smallRequest(method, options, seed: seed)
      if let steps, request.method.steps != nil || type(of: request.method).traits.learns {
        request.method.steps = steps
      }
      return request
    }

    @Test(arguments: ["dm", "m3d", "koopcon"])
    func `without a number of steps a time decides it`(method: String) async throws {
      let (info, samples) = toySamples()
      var surroundings = RunContext(computeThread: thread)
      func announced(steps: Int?, deadline: Double?) async throws -> Estimate {
        surroundings.clock = TickingClock().seconds
        surroundings.deadline = deadline
        let stage = CondenseStage(try request(method, steps: steps), of: info, tool: "test", in: surroundings)
        return try await stage.estimate(.elements(samples))
      }
      let usual = try await announced(steps: nil, deadline: nil)
      let perStep = try #require(usual.secondsPerStep)
      let timed = try await announced(steps: nil, deadline: 10_000 * perStep)
      let steps = try #require(timed.steps)
      #expect(steps != usual.steps && (9_000...9_500).contains(steps), "\(steps)")
      #expect(try await announced(steps: 7, deadline: 10_000 * perStep).steps == 7)
    }

    @Test func `a time that the trial of validation takes whole is refused`() async throws {
      let (info, samples) = toySamples()
      var surroundings = RunContext(computeThread: thread)
      var tried = try request("dm")
      tried.validation = Validation.Request(share: 0.5)
      func steps(deadline: Double) async throws -> Int? {
        surroundings.clock = TickingClock().seconds
        surroundings.deadline = deadline
        let stage = CondenseStage(tried, of: info, tool: "test", in: surroundings)
        return try await stage.estimate(.elements(samples)).steps
      }
      #expect(try #require(try await steps(deadline: 1e9)) > 1)
      let error = await #expect(throws: (any Error).self) { try await steps(deadline: 0) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("the trial of --validate takes about"))
    }

    @Test func `networks are refused where images are too small for them`() throws {
      func options(_ side: Int, channels: Int = 3, depth: Int?) throws -> Architecture {
        try NetworkChoice(filters: 4, depth: depth)
          .architecture(for: ImageShape(channels: channels, height: side, width: side), classes: 2, of: "toy")
      }
      #expect(try options(8, depth: 3).outputShapes.last?.height == 1)
      #expect(try options(28, channels: 1, depth: 5).outputShapes.last?.height == 1)
      #expect(throws: DataError.self) { try options(8, depth: 4) }
      #expect(throws: DataError.self) { try options(31, depth: 5) }
      #expect(throws: DataError.self) { try options(1, depth: nil) }
    }

    @Test func `tiles without pixels are refused`() async throws {
      for factor in [7, 9, 16] {
        let tiled = try request("m3d", steps: 1, ["factor": String(factor)])
        let error = await #expect(throws: PipelineError.self) { try await condensed(tiled) }
        #expect((error?.underlying as? DataError)?.problem.contains("\(factor) tiles") == true)
      }
      let tiled = try request("m3d", steps: 1, ["factor": "8"])
      #expect(try await condensed(tiled).samples.count == 4)
    }

    @Test func `random needs no network and records none`() async throws {
      let (info, samples) = try await condensed(request("random"))
      #expect(samples.count == 4)
      #expect(info.provenance.last?.options["depth"] == nil)
    }

    @Test func `a selection emits exact pixels and says whose they are`() async throws {
      let (_, real) = toySamples()
      let (info, samples) = try await condensed(request("random"))
      #expect(samples.map(\.label) == [0, 0, 1, 1])
      #expect(info.countPerClass == [2, 2] && info.formation == nil)
      for sample in samples {
        let json = String(decoding: try #require(sample.metadata), as: UTF8.self)
        let source = try #require(real.first { json == "{\"source\":\"\($0.key)\"}" })
        #expect(source.content == sample.content && source.label == sample.label)
      }
    }

    @Test(arguments: ["herding", "k-center"])
    func `selections by features pick different images of the class`(method: String) async throws {
      let (_, samples) = try await condensed(request(method))
      #expect(samples.map(\.label) == [0, 0, 1, 1])
      #expect(Set(samples.map { String(decoding: $0.metadata ?? [], as: UTF8.self) }).count == 4)
    }

    @Test(arguments: ["dm", "m3d"])
    func `the same seed gives the same bytes and another seed others`(method: String) async throws {
      let first = try await condensed(request(method, steps: 3))
      let second = try await condensed(request(method, steps: 3))
      let other = try await condensed(request(method, steps: 3, seed: 4))
      #expect(first.samples == second.samples && first.info == second.info)
      #expect(first.samples != other.samples)
    }

    @Test func `a run that is stopped equals one of that many steps`() async throws {
      let stopped = try await condensed(request("dm", steps: 50), stopAfter: 4)
      let whole = try await condensed(request("dm", steps: 4))
      #expect(stopped.samples == whole.samples)
      #expect(stopped.info == whole.info)
      #expect(stopped.info.provenance.last?.options["steps"] == "4")
    }

    /// The network of the features is stopped, never the selection; a set of half-learned features must say that it is one.
    @Test(arguments: ["herding", "k-center"])
    func `a selection that is stopped equals one of that many feature steps`(method: String) async throws {
      var long = try request(method, steps: 50)
      let stopped = try await condensed(long, stopAfter: 2)
      #expect(stopped.info.provenance.last?.options["feature-steps"] == "2")
      long.method.steps = 2
      let whole = try await condensed(long)
      #expect(stopped.samples == whole.samples)
      #expect(stopped.info == whole.info)
    }

    @Test func `a feature network is kept when it is done and only then`() async throws {
      let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      func kept() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0 }
      let herding = try request("herding", steps: 3)
      _ = try await condensed(herding, stopAfter: 2, cacheDirectory: folder)
      #expect(kept() == 0)
      // The time is up when the last step is done.
      let first = try await condensed(herding, stopAfter: 3, cacheDirectory: folder)
      #expect(kept() == 1)
      let again = try await condensed(herding, stopAfter: 0, cacheDirectory: folder)
      #expect(again.info == first.info && again.samples == first.samples)
      #expect(kept() == 1)
    }

    @Test func `an estimate has the time of the features`() async throws {
      let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: folder) }
      func estimate(_ method: String) async throws -> Estimate? {
        let (info, samples) = toySamples()
        let seen = Mutex<Estimate?>(nil)
        let clock = Counter()
        var surroundings = RunContext(computeThread: thread)
        surroundings.cacheDirectory = folder
        surroundings.announce = { estimate in seen.withLock { $0 = estimate } }
        // Every look at it takes a second, so that a pass over 64 images does.
        surroundings.clock = {
          clock.value.withLock {
            $0 += 1; return Double($0)
          }
        }
        let stage = CondenseStage(
          try request(method, steps: method == "dm" ? 1 : nil), of: info, tool: "test", in: surroundings)
        var wiring = Wiring()
        let flow = stage.connect(.elements(samples), &wiring)
        while try await flow.next() != nil {}
        return seen.withLock { $0 }
      }
      #expect(try await estimate("random")?.features == nil)
      #expect(try await estimate("dm")?.features == nil)
      let first = try #require(try await estimate("herding")?.features)
      // 200 batches of 256 images, forward and twice backward, at five sixths of the rate; then the 21 images.
      let expected = 200 * 256 / 64 * 3 * 1.2 + 21.0 / 64
      #expect(first.steps == 200 && abs(first.seconds - expected) < 1e-6, "\(first)")
      let second = try #require(try await estimate("k-center")?.features)
      #expect(second.steps == 0 && abs(second.seconds - 21.0 / 64) < 1e-6, "\(second)")
    }

    /// Before the first sample, and before memory is estimated: no memory helps.
    @Test func `more than a description counts can only be made by what learns pixels`() throws {
      var (info, _) = toySamples()
      info.countPerClass = [12, 9]
      for type in Registry.methods {
        let method = type.name
        var large = try request(method)
        large.budget = Budget(rest: 1_000_000_000)
        if type.traits.isBoundedBySamples {
          let error = #expect(throws: DataError.self) { try large.promise(of: info, tool: "test") }
          #expect(error?.fault == .badInput)
          #expect(error?.problem == "class class0 has 12 samples, fewer than the 1000000000 asked for")
        } else {
          #expect(throws: Never.self) { try large.promise(of: info, tool: "test") }
        }
      }
    }

    @Test func `M3D says how its images are to be taken apart`() async throws {
      let (info, samples) = try await condensed(request("m3d", steps: 1))
      #expect(info.formation == Formation(factor: 2))
      #expect(samples.count == 4)
      guard case .floats(let array) = samples[0].content else {
        Issue.record("expected float pixels, found \(samples[0].content)")
        return
      }
      #expect(array.shape == [3, 8, 8])
    }

    @Test func `the normalisation is that of the real pixels`() async throws {
      let (_, real) = toySamples()
      var values: [Double] = []
      for sample in real {
        guard case .pixels(let pixels) = sample.content else { continue }
        values += stride(from: 1, to: pixels.bytes.count, by: 3).map { Double(pixels.bytes[$0]) / 255 }
      }
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      let (info, _) = try await condensed(request("random"))
      let normalization = try #require(info.normalization)
      #expect(abs(Double(normalization.mean[1]) - mean) < 1e-6)
      #expect(abs(Double(normalization.std[1]) - variance.squareRoot()) < 1e-6)
    }

    @Test func `snapshots are what a shorter run would have given`() async throws {
      let seen = Snapshots()
      _ = try await condensed(request("dm", steps: 4), snapshotEvery: 2) { step, info, samples in
        seen.all.withLock { $0[step] = samples }
        #expect(info.provenance.last?.options["steps"] == String(step))
      }
      let short = try await condensed(request("dm", steps: 2))
      #expect(seen.all.withLock { $0.keys.sorted() } == [2, 4])
      #expect(seen.all.withLock { $0[2] } == short.samples)
    }

    @Test func `what comes after more steps than there are is said`() async throws {
      let lines = Mutex<[String]>([])
      var request = try request("dm", steps: 2)
      request.validation = .init(share: 0.2, every: 9)
      let log: @Sendable (String) -> Void = { line in lines.withLock { $0.append(line) } }
      _ = try await condensed(request, snapshotEvery: 3, log: log)
      #expect(lines.withLock { $0.contains("no snapshot will be written: 2 steps, and --snapshot-every 3") })
      #expect(lines.withLock { $0.contains("tried at the end alone: 2 steps, and --validate-every 9") })
      lines.withLock { $0 = [] }
      _ = try await condensed(self.request("dm", steps: 2), snapshotEvery: 2, log: log)
      #expect(lines.withLock { !$0.contains { $0.contains("--snapshot-every") } })
    }

    private final class Snapshots: Sendable { let all = Mutex<[Int: [Sample]]>([:]) }

    @Test func `more than there is cannot be selected`() async throws {
      var request = try request("random")
      request.budget = Budget(rest: 10)
      let error = await #expect(throws: PipelineError.self) { try await condensed(request) }
      let data = try #require(error?.underlying as? DataError)
      #expect(data.problem.contains("class1") && data.problem.contains("9"))
    }

    @Test(arguments: ["random", "herding", "dm", "m3d"])
    func `a class with zero stays empty and keeps its index`(method: String) async throws {
      var request = try request(method, steps: 1)
      request.budget = Budget(rest: 2, named: ["class0": 0])
      let (info, samples) = try await condensed(request)
      #expect(info.classNames == ["class0", "class1"] && info.countPerClass == [0, 2])
      #expect(samples.map(\.label) == [1, 1])
    }

    @Test func `a selection names the file of an image that has one`() async throws {
      let (info, samples) = toySamples(perClass: [1, 2])
      let paths = ["a/\"1\".png", "b/2.png", nil]
      let named = zip(samples, paths).map { sample, path -> Sample in
        var copy = sample
        copy.origin = path
        return copy
      }
      var request = try request("random")
      request.budget = Budget(rest: nil, named: ["class0": 1, "class1": 2])
      let stage = CondenseStage(request, of: info, tool: "test", in: .init(computeThread: thread))
      var wiring = Wiring()
      let flow = stage.connect(.elements(named), &wiring)
      var sources: [String] = []
      while let sample = try await flow.next() {
        let object = try JSONSerialization.jsonObject(with: Data(sample.metadata ?? [])) as? [String: String]
        sources.append(try #require(object?["source"]))
      }
      #expect(sources.sorted() == ["a/\"1\".png", "b/2.png", samples[2].key].sorted())
    }

    @Test func `what does not fit into the machine is refused before anything is computed`() async throws {
      let (info, samples) = toySamples()
      var surroundings = RunContext(computeThread: thread)
      surroundings.machineMemory = 1 << 30
      surroundings.announce = { _ in Issue.record("an estimate was measured") }
      func refusal(_ change: (inout CondenseRequest) throws -> Void) async throws -> DataError? {
        var request = try request("dm", steps: 1)
        try change(&request)
        let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
        var wiring = Wiring()
        let flow = stage.connect(.elements(samples), &wiring)
        let error = await #expect(throws: PipelineError.self) { try await flow.next() }
        let before = #expect(throws: DataError.self) {
          try request.checkMemory(for: info, memoryLimit: 1 << 30, machine: 1 << 30)
        }
        #expect(before == error?.underlying as? DataError)
        return before
      }
      let wide = try await refusal { $0 = try self.request("dm", steps: 1, ["width": "8192"]) }
      #expect(wide?.fault == .usage && wide?.remedy?.contains("--width") == true)
      let many = try await refusal { $0.budget = Budget(rest: 1_000_000_000) }
      #expect(many?.fault == .usage && many?.remedy?.contains("--ipc") == true)
      #expect(many?.problem.contains("there are 1.0 GiB") == true)
    }

    @Test func `every class may have its own number`() async throws {
      var request = try request("dm", steps: 1)
      request.budget = Budget(rest: 1, named: ["class1": 3])
      let (info, samples) = try await condensed(request)
      #expect(info.countPerClass == [1, 3])
      #expect(samples.map(\.label) == [0, 1, 1, 1])
    }

    @Test func `a failure above is forwarded unchanged`() async throws {
      let (info, samples) = toySamples()
      let failure = PipelineError(stage: "read", sampleKey: "x", underlying: DataError(.badInput, at: ["x"], "broken"))
      let count = Counter()
      let upstream = Flow { () async throws(PipelineError) -> Sample? in
        let index = count.value.withLock { value in
          defer { value += 1 }
          return value
        }
        guard index < 5 else { throw failure }
        return samples[index]
      }
      let stage = CondenseStage(
        try request("random"), of: info, tool: "test", in: RunContext(computeThread: thread))
      var wiring = Wiring()
      let flow = stage.connect(upstream, &wiring)
      let error = await #expect(throws: PipelineError.self) { try await flow.next() }
      #expect(error?.stage == "read" && error?.sampleKey == "x")
      #expect(stage.described == nil)
    }

    @Test func `nothing is pulled before the first element is asked for`() async throws {
      let (info, samples) = toySamples()
      let count = Counter()
      let upstream = Flow { () async throws(PipelineError) -> Sample? in
        count.value.withLock { $0 += 1 }
        return samples.first
      }
      let stage = CondenseStage(
        try request("random"), of: info, tool: "test", in: RunContext(computeThread: thread))
      var wiring = Wiring()
      _ = stage.connect(upstream, &wiring)
      #expect(count.value.withLock { $0 } == 0)
    }
  }
}
