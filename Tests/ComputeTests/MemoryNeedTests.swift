import Catalog
import Datasets
import Methods
import Networks
import Streaming
import Tensors
import Testing

@testable import Stages

@Suite struct MemoryNeedTests {
  private let network = known { try .convNet(ImageShape(channels: 3, height: 32, width: 32), classes: 10) }

  /// 320,010 weights, the published number, of which a convolution's 147,456 are the most in one tensor.
  @Test func `the weights are those of the ConvNet of the literature`() {
    #expect(MemoryNeed.training(network, images: 100).weights == 4 * (6 * 320_010 + 2 * 147_456))
  }

  @Test func `maps of 64 images wait for the gradient in half the room in bfloat16`() {
    var half = network
    half.precision = .bfloat16
    let (full, small) = (MemoryNeed.training(network, images: 1).maps, MemoryNeed.training(half, images: 1).maps)
    #expect(full == 2 * small)
    // Three convolutions make 128 maps of 32², 16² and 8² values; a quarter of them remains after pooling.
    let kept = 64 * 128 * (1024 + 256 + 64)
    #expect(full == Double(4 * (kept + kept / 4 + 2 * 64 * 128 * 1024)))
  }

  @Test func `a refusal names the largest part and what makes it smaller`() throws {
    var need = MemoryNeed()
    need.library = 0
    need.maps = Double(3 << 30)
    need.images = Double(1 << 30)
    #expect(throws: Never.self) { try need.check(decoded: 1 << 30, machine: 5 << 30, dataset: "x") }
    let error = #expect(throws: DataError.self) { try need.check(decoded: 1 << 30, machine: 4 << 30, dataset: "x") }
    #expect(
      error?.description
        == "x: this takes about 5.0 GiB of memory, 3.0 GiB of it for the maps of a network, and there are 4.0 GiB; lower"
        + " --width, --factor or --ipc")
    let decoded = #expect(throws: DataError.self) { try need.check(decoded: 9 << 30, machine: 4 << 30, dataset: "x") }
    #expect(decoded?.remedy?.contains("--memory") == true)
  }

  /// What asks for less is among the options of the verb that is told.
  @Test func `a remedy is one of the purpose`() throws {
    let exhausted = TensorError("matmul", [[1, 2]], "memory is exhausted: 8 bytes were asked for at once")
    for (purpose, verb) in [
      (MemoryNeed.Purpose.making, Verb.condense), (.selecting, .condense), (.evaluating, Catalog.verb("evaluate")),
      (.fitting, .condense), (.fitting, Catalog.verb("fit")), (.expanding, Catalog.verb("expand")),
      (.expanding, Catalog.verb("fit")), (.passing, Catalog.verb("fit")),
    ] as [(MemoryNeed.Purpose, Verb?)] {
      var remedies = [(forgivingMemory(exhausted, for: purpose) as? DataError)?.remedy ?? ""]
      for part in [\MemoryNeed.weights, \.maps, \.embeddings, \.images] {
        var need = MemoryNeed(for: purpose)
        need[keyPath: part] = Double(9 << 30)
        let error = #expect(throws: DataError.self) { try need.check(decoded: 0, machine: 1 << 30, dataset: "x") }
        remedies.append(error?.remedy ?? "")
      }
      for remedy in remedies {
        let options = remedy.matches(of: /--([a-z-]+)/).map { String($0.1) }
        #expect(!options.isEmpty, "\(purpose): \(remedy)")
        for name in options { #expect(verb?.option(name) != nil, "\(purpose): \(remedy)") }
      }
    }
    var need = MemoryNeed(for: .evaluating)
    need.images = Double(9 << 30)
    let error = #expect(throws: DataError.self) { try need.check(decoded: 0, machine: 1 << 30, dataset: "x") }
    #expect(error?.problem.contains("for the images to be trained on") == true)
  }

  /// What passes latents on has no option that takes less memory; its remedy names the verb that has one.
  @Test func `a chunk of latents without memory is no fault of the program`() async throws {
    let exhausted = TensorError("matmul", [[1, 2]], "memory is exhausted: 8 bytes were asked for at once")
    let samples = toySamples().samples
    let thread = BlockingThread(name: "exhausted")
    for (thrown, isForgiven) in [(exhausted, true), (TensorError("matmul", [], "the inner extents differ"), false)] {
      let flow = flattened(.elements([samples]), "attend", on: thread) { _ in throw thrown }
      let error = await #expect(throws: PipelineError.self) { try await flow.next() }
      #expect(error?.stage == "attend")
      let refusal = error?.underlying as? DataError
      #expect((refusal != nil) == isForgiven && refusal.map { $0.fault == .temporary } ?? true)
      #expect(refusal?.remedy.map { $0.contains("the --latent that pipe fit makes") } ?? true)
    }
  }

  /// A formation of factor 4 makes sixteen training images of one, and baselines embed a whole class.
  @Test func `what evaluating takes counts tiles and baselines`() {
    let plain = MemoryNeed.evaluating(network, images: 100, tiles: 1)
    let tiled = MemoryNeed.evaluating(network, images: 100, tiles: 16)
    #expect(plain.images == Double(4 * 3072 * 100 * (3 + 1)) && tiled.images == Double(4 * 3072 * 100 * (48 + 1)))
    #expect(plain.embeddings == 0)
    #expect(MemoryNeed.evaluating(network, images: 100, tiles: 1, baselines: 5000).embeddings == 4 * 3 * 5000 * 2048)
  }

  @Test func `memory that was not given may be there another time and mistakes stay mistakes`() {
    let exhausted = TensorError("matmul", [[1, 2]], "memory is exhausted: 8 bytes were asked for at once")
    let forgiven = forgivingMemory(exhausted, for: .making) as? DataError
    #expect(forgiven?.fault == .temporary)
    #expect(forgiven?.problem == "matmul of [1, 2]: memory is exhausted: 8 bytes were asked for at once")
    let mistake = TensorError("matmul", [[1, 2]], "the inner extents differ")
    #expect(forgivingMemory(mistake, for: nil) as? TensorError == mistake)
  }
}
