import Datasets
import Foundation
import Methods
import Networks
import Shards
import Streaming
import Synchronization
import Tensors
import Testing

@testable import Stages

extension ComputeTests {
  @Suite struct LatentStagesTests {
    private let thread = BlockingThread(name: "latent test")

    private func request(_ ipc: Int = 2, steps: Int = 8, latent: Int = 12) throws -> CondenseRequest {
      try smallRequest(
        "koopcon", ["steps": String(steps), "latent": String(latent)], budget: Budget(rest: ipc), seed: 3)
    }

    private func plan(_ request: CondenseRequest, _ info: DatasetInfo, _ samples: [Sample]) throws -> CondensePlan {
      try CondensePlan(request, for: store(info, samples), of: info, in: RunContext(computeThread: thread))
    }

    private func fitted(
      perClass: [Int] = [12, 9], ipc: Int = 2, steps: Int = 8
    ) throws -> (file: LatentModelFile, info: DatasetInfo, samples: [Sample]) {
      let (info, samples) = toySamples(perClass: perClass)
      let store = try store(info, samples)
      let context = RunContext(computeThread: thread)
      let plan = try CondensePlan(request(ipc, steps: steps), for: store, of: info, in: context)
      let model = try plan.fit(on: store, tool: "test", verb: "fit", in: context)
      let path = try written(model.bytes)
      defer { try? FileManager.default.removeItem(atPath: path) }
      return (try LatentModelFile(contentsOf: path), info, samples)
    }

    private func run(_ stage: some Stage<Sample, Sample>, _ samples: [Sample]) async throws -> [Sample] {
      var wiring = Wiring()
      var result: [Sample] = []
      for try await sample in stage.connect(.elements(samples), &wiring) { result.append(sample) }
      return result
    }

    private func surroundings(_ file: LatentModelFile) -> LatentSurroundings {
      LatentSurroundings(file, computeThread: thread)
    }

    /// What the latent verbs do one after the other.
    private func condensed(_ file: LatentModelFile, _ samples: [Sample]) async throws -> [Sample] {
      let latents = try await run(EncodeStage(surroundings(file)), samples)
      let attended = try await run(AttendStage(surroundings(file)), latents)
      let few = try await run(CondenseLatentsStage(surroundings(file)), attended)
      var rendering = surroundings(file)
      rendering.formation = file.description.formation
      return try await run(RenderStage(rendering), few)
    }

    private func written(_ bytes: [UInt8]) throws -> String {
      let path = FileManager.default.temporaryDirectory.appending(path: "pipe-\(UUID().uuidString).safetensors").path
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return path
    }

    @Test func `the short form gives the samples of the long one`() async throws {
      let (file, info, samples) = try fitted()
      let stage = CondenseStage(
        try request(), of: info, tool: "test", in: RunContext(computeThread: thread))
      let short = try await run(stage, samples)
      #expect(short == (try await condensed(file, samples)))
      #expect(short.map(\.label) == [0, 0, 1, 1])
      #expect(stage.described?.provenance.last?.options["steps"] == "8")
      #expect(stage.described?.normalization?.mean == file.description.normalization.mean)
    }

    @Test func `keys, labels and order stay from images to latents and back`() async throws {
      let (file, _, samples) = try fitted()
      let latents = try await run(EncodeStage(surroundings(file)), samples)
      #expect(latents.map(\.key) == samples.map(\.key) && latents.map(\.label) == samples.map(\.label))
      let images = try await run(RenderStage(surroundings(file)), latents)
      #expect(images.map(\.key) == samples.map(\.key))
      guard case .floats(let array) = images[0].content else {
        Issue.record("expected float pixels, found \(images[0].content)")
        return
      }
      #expect(array.shape == [3, 8, 8])
    }

    @Test func `attention is between consecutive samples of a class, chunk by chunk`() async throws {
      let (file, info, samples) = try fitted(perClass: [300, 20], ipc: 1, steps: 4)
      _ = info
      let latents = try await run(EncodeStage(surroundings(file)), samples)
      let attended = try await run(AttendStage(surroundings(file)), latents)
      // The full chunk of class 0 first, then what is left of either.
      #expect(attended.map(\.key) == latents.map(\.key))
      let mixed = stride(from: 0, to: 20, by: 1).flatMap { [latents[$0], latents[300 + $0]] } + latents[20..<300]
      let again = try await run(AttendStage(surroundings(file)), mixed)
      // Class by class nothing has changed: the other class between them does not matter.
      for label in [0, 1] {
        #expect(again.filter { $0.label == label } == attended.filter { $0.label == label })
      }
    }

    @Test func `at most one chunk of every class waits`() async throws {
      let (file, _, samples) = try fitted(perClass: [600, 20], ipc: 1, steps: 3)
      let latents = try await run(EncodeStage(surroundings(file)), Array(samples[..<600]))
      let pulled = Mutex(0)
      let upstream = Flow { () async throws(PipelineError) -> Sample? in
        let index = pulled.withLock { value in
          defer { value += 1 }
          return value
        }
        return index < latents.count ? latents[index] : nil
      }
      var wiring = Wiring()
      let flow = AttendStage(surroundings(file)).connect(upstream, &wiring)
      _ = try await flow.next()
      #expect(pulled.withLock { $0 } == 256)
    }

    @Test func `other data than the model was fitted to is refused`() async throws {
      let (file, _, samples) = try fitted()
      let latents = try await run(EncodeStage(surroundings(file)), samples)
      func problem(_ samples: [Sample]) async throws -> String {
        let error = await #expect(throws: PipelineError.self) {
          try await run(CondenseLatentsStage(surroundings(file)), samples)
        }
        return try #require(error?.underlying as? DataError).problem
      }
      #expect(try await problem(Array(latents.dropLast())).contains("8 of the 9 samples"))
      #expect(try await problem(latents + [latents[0]]).contains("more than the 12 samples"))
      var renamed = latents
      renamed[3].key = "other"
      #expect(try await problem(renamed).contains("other keys"))
      var swapped = latents
      swapped.swapAt(0, 1)
      #expect(try await problem(swapped).contains("other keys"))
    }

    @Test func `a stream that does not fit is refused with both shapes or both lists of classes`() throws {
      let (file, info, _) = try fitted()
      func problem(_ info: DatasetInfo, latents: Bool = false) throws -> String {
        let error = #expect(throws: DataError.self) {
          if latents { try file.check(latents: info) } else { try file.check(images: info) }
        }
        return try #require(error).problem
      }
      var other = info
      other.shape = [1, 28, 28]
      #expect(try problem(other).contains("1×28×28"))
      #expect(try problem(other).contains("3×8×8"))
      other = info
      other.classNames = ["walrus", "cat"]
      #expect(try problem(other).contains("walrus"))
      other = info
      other.kind = .latents
      #expect(try problem(other).contains("latents already"))
      #expect(try problem(info, latents: true).contains("holds images"))
      other.shape = [7]
      #expect(try problem(other, latents: true).contains("7") && problem(other, latents: true).contains("12"))
    }

    @Test func `latents of another model, and steps left out or doubled, are refused`() throws {
      let (file, info, _) = try fitted(steps: 1)
      var latents = info
      (latents.kind, latents.shape) = (.latents, [12])
      let other = String(repeating: "ab", count: 32)
      /// What a verb says of a history; nil where it takes it.
      func problem(_ steps: [(String, String?)], _ attention: LatentModelFile.Attention) throws -> String? {
        var described = latents
        described.provenance = steps.map { verb, model in
          ProvenanceStep(verb: verb, tool: "test", digests: model.map { ["model": $0] } ?? [:])
        }
        do throws(DataError) {
          try file.check(latents: described, attention: attention)
          return nil
        } catch {
          #expect(error.fault == .badInput && error.remedy != nil)
          return error.problem
        }
      }
      let (encode, attend) = (("encode", file.digest as String?), ("attend", file.digest as String?))
      for attention in [LatentModelFile.Attention.none, .once, .any] {
        let found = try problem([("encode", other)], attention)
        #expect(found?.contains("abababababab,") == true && found?.contains(String(file.digest.prefix(12))) == true)
        #expect(try problem([encode, ("attend", other)], attention)?.contains("pipe attend had the model") == true)
        // What lies before the last encode is of another set of latents.
        #expect(try problem([("encode", other), ("attend", other), encode, attend], .once) == nil)
        // Someone's own.
        #expect(try problem([], attention) == nil)
        #expect(try problem([("encode", nil), ("attend", other)], attention) == nil)
        #expect(try problem([encode, attend, ("encode", nil)], attention) == nil)
      }
      #expect(try problem([encode], .none) == nil)
      #expect(try problem([encode, attend], .none)?.contains("already") == true)
      #expect(try problem([encode], .once)?.contains("has not been") == true)
      #expect(try problem([encode, attend], .once) == nil)
      #expect(try problem([encode, ("attend", nil)], .once) == nil)
      #expect(try problem([encode, attend, attend], .once)?.contains("2 times") == true)
      for steps in [[encode], [encode, attend], [encode, attend, ("condense", file.digest as String?)]] {
        #expect(try problem(steps, .any) == nil)
      }
    }

    @Test func `a model file holds everything that is needed to use it`() async throws {
      let (file, _, samples) = try fitted()
      let path = try written(file.bytes)
      defer { try? FileManager.default.removeItem(atPath: path) }
      let read = try LatentModelFile(contentsOf: path)
      #expect(read.description == file.description && read.digest == file.digest && read.bytes == file.bytes)
      #expect(read.description.samplesPerClass == [12, 9] && read.description.condensedPerClass == [8, 8])
      #expect(read.description.formation == Formation(factor: 2))
      #expect(read.description.provenance.last?.options["steps"] == "8")
      #expect(try await condensed(read, samples) == (try await condensed(file, samples)))
    }

    @Test func `a model is named after the bytes of its file, however they were written`() throws {
      let (file, _, _) = try fitted(steps: 1)
      // The same content with its header written otherwise: one more space before the tensors.
      let length = Int(file.bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      let spaced =
        withUnsafeBytes(of: UInt64(length + 8).littleEndian, Array.init) + file.bytes[8..<8 + length]
        + [UInt8](repeating: 0x20, count: 8) + file.bytes[(8 + length)...]
      for bytes in [file.bytes, spaced] {
        let path = try written(bytes)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let read = try LatentModelFile(contentsOf: path)
        #expect(read.description == file.description)
        #expect(try read.digest == sha256(ofFile: path) && read.bytes == bytes)
      }
    }

    @Test func `files that are no model, cut or contradict themselves are refused`() throws {
      let (file, _, _) = try fitted(steps: 1)
      func refusal(_ bytes: [UInt8]) throws -> DataError {
        let path = try written(bytes)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: DataError.self) { try LatentModelFile(contentsOf: path) }
        return try #require(error)
      }
      #expect(try refusal(Array(file.bytes.dropLast(5))).fault == .badInput)
      #expect(try refusal(TensorFile(tensors: ["a": .ones([2])]).encoded()).problem.contains("no model"))
      let whole = try written(file.bytes)
      defer { try? FileManager.default.removeItem(atPath: whole) }
      var tensors = try TensorFile(contentsOf: whole)
      tensors.tensors["map.1"] = .ones([2, 8])
      #expect(try refusal(tensors.encoded()).problem.contains("map.1"))
      tensors.tensors["map.1"] = nil
      #expect(try refusal(tensors.encoded()).problem.contains("lacks the tensor map.1"))
      tensors.metadata["format_version"] = "3.0"
      #expect(try refusal(tensors.encoded()).problem.contains("3.0"))
    }

    @Test func `a model of version 1 has no linear path`() throws {
      let (file, _, _) = try fitted(steps: 1)
      let path = try written(file.bytes)
      defer { try? FileManager.default.removeItem(atPath: path) }
      var tensors = try TensorFile(contentsOf: path)
      #expect(tensors.metadata["format_version"] == "2.0")
      let names = [AutoencoderOptions.linearNames.encoder, AutoencoderOptions.linearNames.decoder]
      for name in names { tensors.tensors[name] = nil }
      let cut = try written(tensors.encoded())
      defer { try? FileManager.default.removeItem(atPath: cut) }
      #expect(throws: DataError.self) { try LatentModelFile(contentsOf: cut) }
      tensors.metadata["format_version"] = "1.0"
      let older = try written(tensors.encoded())
      defer { try? FileManager.default.removeItem(atPath: older) }
      let read = try LatentModelFile(contentsOf: older).model.autoencoder
      for (entry, parameter) in zip(read.options.parameterShapes, read.parameters) {
        let kept = tensors.tensors[entry.name] ?? .zeros(entry.shape)
        #expect(parameter.floats() == kept.floats(), "\(entry.name)")
      }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, 0, -1])
    func `a model with values that cannot be is refused`(value: Float) throws {
      let (file, _, _) = try fitted(steps: 1)
      let whole = try written(file.bytes)
      defer { try? FileManager.default.removeItem(atPath: whole) }
      for name in ["latent.deviation", "latent.mean", "map.1", "decoder.code.bias"] {
        var tensors = try TensorFile(contentsOf: whole)
        let tensor = try #require(tensors.tensors[name])
        var values = tensor.floats()
        values[values.count - 1] = value
        tensors.tensors[name] = Tensor(values, shape: tensor.shape)
        let path = try written(tensors.encoded())
        defer { try? FileManager.default.removeItem(atPath: path) }
        if value.isFinite && name != "latent.deviation" {
          #expect(throws: Never.self) { try LatentModelFile(contentsOf: path) }
        } else {
          let error = #expect(throws: DataError.self) { try LatentModelFile(contentsOf: path) }
          #expect(error?.fault == .badInput && error?.problem.contains(name) == true)
        }
      }
    }

    @Test func `a latent that is no number is refused with its key`() async throws {
      let (file, _, samples) = try fitted(steps: 1)
      var latents = try await run(EncodeStage(surroundings(file)), samples)
      guard case .floats(var array) = latents[7].content else {
        Issue.record("expected a latent, found \(latents[7].content)")
        return
      }
      array.values[3] = .nan
      latents[7].content = .floats(array)
      for stage in [
        AttendStage(surroundings(file)), CondenseLatentsStage(surroundings(file)), RenderStage(surroundings(file)),
      ] as [any Stage<Sample, Sample>] {
        let error = await #expect(throws: PipelineError.self) { try await run(stage, latents) }
        let refusal = try #require(error?.underlying as? DataError)
        #expect(refusal.fault == .badInput && refusal.place == ["sample \(latents[7].key)"])
      }
    }

    @Test func `a run without a step, or whose last loss is not finite, has learned nothing`() throws {
      func check(_ loss: Double) throws(DataError) {
        try checkLearned(
          StepReport(step: 3, steps: 9, loss: loss), method: "koopcon", dataset: "toy", remedy: "lower --lr")
      }
      for loss in [Double.nan, .infinity] {
        let error = #expect(throws: DataError.self) { try check(loss) }
        #expect(error?.fault == .usage && error?.problem.contains("step 3") == true && error?.remedy == "lower --lr")
      }
      #expect(throws: Never.self) { try check(1e9) }
      let error = #expect(throws: DataError.self) {
        try checkLearned(nil, method: "koopcon", dataset: "toy", remedy: "lower --lr")
      }
      #expect(error?.fault == .temporary && error?.problem.contains("before its first step") == true)
    }

    @Test func `a class with too few samples is refused, before they are read where the description counts them`()
      throws
    {
      let (info, samples) = toySamples()
      let error = #expect(throws: DataError.self) {
        try plan(request(10), info, samples)
      }
      #expect(error?.problem.contains("class1") == true)
      var counted = info
      counted.countPerClass = [12, 9]
      let early = #expect(throws: DataError.self) { try request(10).promise(of: counted, tool: "test") }
      #expect(early?.problem == "class class1 has 9 samples, fewer than the 10 asked for")
      #expect(throws: Never.self) { try request(9).promise(of: counted, tool: "test") }
    }

    /// Every number of T is held seven times while it is learned, every latent four times while latents are computed anew.
    @Test func `the memory need counts the maps of T and the latents of all samples`() throws {
      func need(_ ipc: Int, _ perClass: [Int], latent: Int = 12) throws -> MemoryNeed {
        try smallRequest(
          "koopcon", ["steps": "8", "latent": String(latent), "factor": "1", "embed-in": "drawn"]
        ).method.cost(
          of: MethodTask(
            dataset: "toy", shape: ImageShape(channels: 3, height: 8, width: 8), counts: perClass.map { _ in ipc },
            available: perClass)
        ).memory
      }
      let (one, two) = (try need(1, [12, 9]), try need(2, [12, 9]))
      let pixels = 4 * 3 * 8 * 8
      // The samples whose principal directions are sought, twice, their 12 products with these, and the directions, twice.
      func directions(_ samples: Int) -> Int { 2 * samples * pixels + 2 * 12 * (4 * samples + pixels) }
      // Four forms of one more image of a class, and two of one more of each class.
      #expect(two.images - one.images == Double(4 * 7 * (12 + 9) + 4 * pixels + 2 * 2 * pixels))
      // A batch of 8, and 64 real images of one class, however many classes there are.
      let others = 4 * (8 + 64 + 1) * pixels + 2 * 2 * pixels
      #expect(one.images == Double(4 * 7 * (12 + 9) + others + directions(12 + 9)))
      let added = 4 * 7 * 9 + 2 * pixels + directions(12 + 9 + 9) - directions(12 + 9)
      #expect(try need(1, [12, 9, 9]).images - one.images == Double(added))
      #expect(try need(1, [13, 9]).embeddings - one.embeddings == Double(4 * 4 * 12))
      #expect(try need(1, [12, 9], latent: 24).weights > one.weights)
      #expect(
        one.maps
          > MemoryNeed.training(
            try smallNetwork.architecture(for: ImageShape(channels: 3, height: 8, width: 8), classes: 2, of: "x"),
            images: 0
          ).maps)
    }

    @Test func `the work of a step counts features of whole classes, and all latents computed anew`() throws {
      let network = try smallNetwork.architecture(
        for: ImageShape(channels: 3, height: 8, width: 8), classes: 3, of: "toy")
      var method = Koopcon()
      (method.latent, method.network, method.batch) = (12, smallNetwork, 30)
      (method.guidance.encoders, method.formation) = (.drawn, Formation(factor: 1))
      (method.warmUp, method.settling, method.refresh, method.matchingSample) = (0.25, 0.5, 50, 64)
      func work(of change: (inout Koopcon) -> Void) throws -> Double {
        var changed = method
        change(&changed)
        let task = MethodTask(
          dataset: "toy", shape: ImageShape(channels: 3, height: 8, width: 8), counts: [2, 30, 0],
          available: [1000, 40, 500])
        return try #require(changed.cost(of: task).operationsPerStep)
      }
      let forward = network.operations
      let coding = method.autoencoder(for: ImageShape(channels: 3, height: 8, width: 8)).multiplications
      // Of what the third class has, nothing is made; of the second, 20 images are decoded.
      let features = try work { _ in } - work { $0.weights.matching = 0 }
      #expect(abs(features - forward * Double((64 + 40) + 3 * (2 + 20))) < 1e-6 * features)
      let anew = try work { _ in } - work { $0.settling = 0.75 }
      #expect(abs(anew - 2 * coding.encoder * Double(1000 + 40) * 0.25 / 50) < 1e-6 * anew)
      #expect(abs(try work { $0.refresh = 25 } - work { _ in } - anew) < 1e-6 * anew)
      let rest = try work {
        $0.weights.matching = 0
        $0.settling = 0.75
      }
      let expected =
        30 * (8 * coding.encoder + 6 * coding.decoder + 3 * forward) + 22 * (6 * coding.decoder + 3 * forward)
        + Double(6 * 32 * 12 * 5000)
      #expect(abs(rest - expected) < 1e-9 * expected)
      // A snapshot does not learn the real images, recognises in the pass that embeds, and sees real images every few steps.
      let saved =
        try work { $0.settling = 0.75 }
        - work {
          $0.settling = 0.75
          ($0.guidance.encoders, $0.stepsPerWitness) = (.snapshots, 4)
        }
      #expect(abs(saved - forward * (3 * 30 + 3 * 22 + 0.75 * 104)) < 1e-6 * saved)
    }

    @Test func `what does not fit into the machine is refused before anything is computed`() async throws {
      let (info, samples) = toySamples(perClass: [12, 9])
      var surroundings = RunContext(computeThread: thread)
      surroundings.machineMemory = 1 << 30
      surroundings.announce = { _ in Issue.record("an estimate was measured") }
      var request = try request(latent: 1 << 14)
      let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      let error = await #expect(throws: PipelineError.self) { try await flow.next() }
      let refusal = try #require(error?.underlying as? DataError)
      #expect(refusal.fault == .usage && refusal.remedy == "lower --latent or --width", "\(refusal)")
      // Said of the description alone as well.
      #expect(throws: DataError.self) { try request.checkMemory(for: info, memoryLimit: 1 << 30, machine: 1 << 30) }
      request = try self.request()
      #expect(throws: Never.self) { try request.checkMemory(for: info, memoryLimit: 1 << 30, machine: 1 << 30) }
    }
  }
}
