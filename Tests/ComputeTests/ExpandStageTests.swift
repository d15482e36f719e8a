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
  @Suite struct ExpandStageTests {
    private let thread = BlockingThread(name: "expand test")

    private func request(
      steps: Int?, pretrainingSteps: Int?, _ amount: ExpandRequest.Amount = .ratio(2)
    ) -> ExpandRequest {
      var method = ExpansiveSynthesis()
      (method.steps, method.pretrainingSteps, method.batch, method.pretrainingBatch) = (steps, pretrainingSteps, 8, 8)
      method.setting = .spatial
      return ExpandRequest(method: method, amount: amount, seed: 3)
    }

    /// The same, beginning with a model in a file.
    private func begun(
      _ path: String, steps: Int?, _ amount: ExpandRequest.Amount = .ratio(2)
    ) throws -> (request: ExpandRequest, prior: ExpansionPrior) {
      var method = ExpansiveSynthesis()
      (method.steps, method.batch) = (steps, 8)
      let model = try method.begin(withModelAt: path)
      return (ExpandRequest(method: method, amount: amount, seed: 3), .model(model))
    }

    /// A model that is drawn, of fewer slots and maps than the defaults.
    private func file(of info: DatasetInfo) throws -> ExpansionModelFile {
      var random = RandomSource(seed: 2)
      let model = ExpansiveModel(
        .expanderGraph, MapAutoencoderOptions(channels: 3, height: 8, width: 8, filters: 4, maps: 8), slots: 4,
        patch: 1,
        using: &random)
      return try ExpansionModelFile(
        model, of: info, normalization: Normalization(mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2]),
        provenance: ProvenanceStep(verb: "fit", tool: "test", options: ["steps": "0"]))
    }

    private func path(_ bytes: [UInt8]) throws -> String {
      let path = FileManager.default.temporaryDirectory.appending(path: "pipe-\(UUID().uuidString).safetensors").path
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return path
    }

    private func expanded(_ stage: ExpandStage, _ samples: [Sample]) async throws -> [Sample] {
      var wiring = Wiring()
      var result: [Sample] = []
      for try await sample in stage.connect(.elements(samples), &wiring) { result.append(sample) }
      return result
    }

    @Test func `a model's file comes back as it was, says what it is of, and expands with its own slots`() async throws
    {
      let (info, samples) = toySamples(perClass: [3, 2])
      let made = try file(of: info)
      let path = try path(made.bytes)
      defer { try? FileManager.default.removeItem(atPath: path) }
      let read = try ExpansionModelFile(contentsOf: path)
      #expect(read.digest == made.digest && read.digest == sha256(made.bytes))
      #expect(read.description == made.description && read.description.classNames == ["class0", "class1"])
      #expect(read.description.slots == 4 && read.description.shape == [3, 8, 8])
      #expect(
        read.model.autoencoder.weights.map { $0.floats() } == made.model.autoencoder.weights.map { $0.floats() })
      #expect(read.model.placement?.floats() == made.model.placement?.floats())
      let (request, prior) = try begun(path, steps: 2)
      let stage = ExpandStage(
        request, prior: prior, of: info, tool: "test", in: RunContext(computeThread: thread))
      let images = try await expanded(stage, samples)
      #expect(images.map(\.label) == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    }

    @Test func `a damaged or foreign model is refused`() throws {
      let (info, _) = toySamples()
      func refusal(_ change: (inout TensorFile) -> Void) throws -> String {
        let whole = try path(try file(of: info).bytes)
        var tensors = try TensorFile(contentsOf: whole)
        change(&tensors)
        let broken = try path(tensors.encoded())
        defer { for path in [whole, broken] { try? FileManager.default.removeItem(atPath: path) } }
        let error = #expect(throws: DataError.self) { try ExpansionModelFile(contentsOf: broken) }
        #expect(error?.fault == .badInput && error?.remedy?.contains("pipe fit --method expansive") == true)
        return error?.problem ?? ""
      }
      #expect(try refusal { $0.tensors["latent.mean"] = nil }.contains("lacks the tensor latent.mean"))
      #expect(try refusal { $0.tensors["latent.mean"] = .zeros([3]) }.contains("latent.mean as [3]"))
      #expect(try refusal { $0.tensors["latent.deviation"] = .zeros([8]) }.contains("latent.deviation"))
      #expect(try refusal { $0.metadata["method"] = "koopcon" }.contains("of the method koopcon, not of expansive"))
      #expect(try refusal { $0.metadata["description"] = "{}" }.contains("no description"))
      #expect(
        try refusal {
          $0.metadata["description"] = $0.metadata["description"]?.replacing("\"slots\":4", with: "\"slots\":5")
        }.contains("cannot be"))
    }

    @Test func `soft labels would be lost, and are refused`() {
      var (info, _) = toySamples()
      info.labelKind = .probability
      for method in Registry.expansions {
        let request = ExpandRequest(method: method.init(), amount: .ratio(2), seed: 0)
        let error = #expect(throws: DataError.self) { try request.promise(of: info, tool: "test") }
        #expect(error?.problem.contains("soft labels") == true)
      }
    }

    /// The distance to the nearest sample is that to the nearest of all blocks of them, by a loop over values.
    @Test func `images that do not fit into the machine are not augmented, and others are measured`() async throws {
      let (info, samples) = toySamples(perClass: [70, 2])
      var surroundings = RunContext(computeThread: thread)
      surroundings.machineMemory = 1 << 20
      let request = ExpandRequest(method: ClassicAugmentation(), amount: .ratio(1), seed: 3)
      let refused = ExpandStage(request, prior: nil, of: info, tool: "test", in: surroundings)
      let error = await #expect(throws: PipelineError.self) { try await expanded(refused, samples) }
      #expect((error?.underlying as? DataError)?.fault == .usage)
      surroundings.machineMemory = .max
      let stage = ExpandStage(request, prior: nil, of: info, tool: "test", in: surroundings)
      let made = try await expanded(stage, samples)
      let deviation = try #require(stage.described?.normalization?.std)
      func bytes(_ sample: Sample) throws -> [UInt8] {
        guard case .pixels(let pixels) = sample.content else {
          throw DataError(.badInput, at: [sample.key], "no pixels")
        }
        return pixels.bytes
      }
      var sum = 0.0
      for copy in made {
        var least = Double.infinity
        for sample in samples where sample.label == copy.label {
          var distance = 0.0
          for (place, (a, b)) in zip(try bytes(copy), try bytes(sample)).enumerated() {
            let step = (Double(a) - Double(b)) / 255 / Double(deviation[place % 3])
            distance += step * step
          }
          least = min(least, distance)
        }
        sum += (least / 192).squareRoot()
      }
      #expect(abs((stage.meanDistance ?? 0) - sum / 72) < 1e-3)
    }

    /// Each phase of learning looks at the clock in every step.
    @Test func `the time is shared out between pre-training and fine-tuning`() async throws {
      let (info, samples) = toySamples(perClass: [3, 2])
      let (similarInfo, similar) = toySamples(perClass: [20, 20])
      let clock = TickingClock()
      var surroundings = RunContext(computeThread: thread)
      surroundings.clock = clock.seconds
      surroundings.deadline = 100
      surroundings.shouldStop = { clock.seconds() >= 100 }
      let request = request(steps: 1000, pretrainingSteps: 1000)
      let stage = ExpandStage(
        request, prior: .images(try store(similarInfo, similar), similarInfo), of: info, tool: "test", in: surroundings)
      #expect(try await expanded(stage, samples).count == 10)
      let options = try #require(stage.described?.provenance.last?.options)
      let steps = ["pretrain-steps", "steps"].map { options[$0].flatMap { Int($0) } ?? -1 }
      #expect(steps.allSatisfy { (1..<1000).contains($0) }, "\(steps)")
    }

    /// A chunk of 32 images through the autoencoder takes one look, so that 1,000 images take dozens.
    @Test(arguments: [false, true], [false, true])
    func `learning leaves the time that the images take`(pretrains: Bool, asksForSteps: Bool) async throws {
      let (info, samples) = toySamples(perClass: [3, 2])
      let (similarInfo, similar) = toySamples(perClass: [20, 20])
      let clock = TickingClock()
      let ends = Mutex([String: Double]())
      let announced = Mutex<ExpansionEstimate?>(nil)
      var surroundings = RunContext(computeThread: thread)
      surroundings.clock = clock.seconds
      surroundings.deadline = 160
      surroundings.shouldStop = { clock.seconds() >= 160 }
      surroundings.progress = { event in ends.withLock { $0[event.stage] = clock.shown } }
      let steps = asksForSteps ? 5000 : nil
      let path = try path(try file(of: info).bytes)
      defer { try? FileManager.default.removeItem(atPath: path) }
      let (request, prior) =
        pretrains
        ? (
          request(steps: steps, pretrainingSteps: steps, .ratio(200)),
          .images(try store(similarInfo, similar), similarInfo)
        ) : try begun(path, steps: steps, .ratio(200))
      let stage = ExpandStage(
        request, prior: prior, of: info, tool: "test", in: surroundings,
        announce: { estimate in announced.withLock { $0 = estimate } })
      var wiring = Wiring()
      for try await _ in stage.connect(.elements(samples), &wiring) { break }
      let estimate = try #require(announced.withLock { $0 })
      let limit = 160 - estimate.makingSeconds
      #expect(estimate.images == 1000 && (20..<120).contains(estimate.makingSeconds), "\(estimate)")
      let end = try #require(ends.withLock { $0["fine-tuning"] })
      #expect(end < limit + 4, "\(end)")
      if pretrains { #expect(try #require(ends.withLock { $0["pre-training"] }) < limit - 1) }
      if asksForSteps {
        #expect(end > limit - 4, "\(end)")
      } else {
        #expect(estimate.learningSeconds < limit && estimate.phases.allSatisfy { $0.steps < 5000 }, "\(estimate)")
      }
    }

    @Test func `the memory need counts maps, slots and which patch attends to which`() throws {
      var method = ExpansiveSynthesis()
      (method.setting, method.batch) = (.multiHeadSkip, 50)
      func need(_ side: Int) -> MemoryNeed {
        method.cost(
          of: MethodTask(
            dataset: "x", shape: ImageShape(channels: 3, height: side, width: side), counts: [1], available: [1])
        ).memory
      }
      // Eight heads of 16 patches of 2×2 that attend to each other; 12 times 64 maps of 8×8; what 10 convolutions make.
      let coding: [Int] = [
        16 * 1024, 32 * 256, 32 * 256, 64 * 64, 64 * 64, 64 * 64, 128 * 64, 32 * 256, 64 * 256, 3 * 1024,
      ]
      let refining: Int = 8 * 12 * 64 * 64 + 4 * 8 * 16 * 16
      let values: Int = 2 * coding.reduce(0, +) + refining
      #expect(need(32).maps == Double(values * 4 * 100))
      #expect(need(32).images == Double(4 * 6 * 64 * 3072))
      method.batch = 1
      // 128 images whose 1,024 patches attend to each other, with every head.
      let looks: Int = 2 * 8 * 1024 * 1024 * 128
      #expect(need(256).maps > Double(4 * looks))
    }
  }
}
