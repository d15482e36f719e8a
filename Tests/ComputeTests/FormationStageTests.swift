import Catalog
import Command
import Datasets
import Foundation
import Methods
import Shards
import Stages
import Streaming
import Tensors
import TensorTurn
import Testing

@testable import ComputeCommand

extension ComputeTests {
  /// Formations from the command line to the training of a classifier.
  @Suite struct FormationStageTests {
    private let thread = BlockingThread(name: "compute test")

    private func condensed(_ line: String) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let (info, samples) = toySamples()
      let words = line.split(separator: " ").map(String.init)
      let request = try CondenseRequest(Arguments(words, for: .condense))
      let stage = CondenseStage(request, of: info, tool: "test", in: RunContext(computeThread: thread))
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    private func images(_ samples: [Sample]) throws -> Tensor {
      var values: [Float] = []
      for sample in samples {
        guard case .floats(let array) = sample.content else {
          Issue.record("expected float pixels, found \(sample.content)")
          continue
        }
        values += array.values
      }
      return Tensor(values, shape: [samples.count, 3, 8, 8])
    }

    /// Methods whose images are learned as they are stored.
    private static let learning = Registry.methods.filter { $0.traits.acceptsFormation && $0.name != "koopcon" }
      .map { $0.name }

    @Test(arguments: learning, [Formation.Kind.uniform, .multi, .time]) func `what learns images takes every kind`(
      method: String, kind: Formation.Kind
    ) async throws {
      let small = "--method \(method) --steps 2 --batch 8 --width 4 --depth 2 --ipc 2 --factor 2"
      let (info, samples) = try await condensed("\(small) --formation \(kind)")
      #expect(info.formation == Formation(kind, factor: 2))
      #expect(samples.count == 4 && info.shape == [3, 8, 8])
      // Histories of the usual kind are as they were before there were others.
      let options = try #require(info.provenance.last?.options)
      #expect(options["factor"] == "2" && options["formation"] == (kind == .uniform ? nil : "\(kind)"))
    }

    /// What the images show is compared with the single steps in `LatentCommandTests`.
    @Test(arguments: [Formation.Kind.uniform, .time]) func `koopcon stores so many images, each of them tiles`(
      kind: Formation.Kind
    ) async throws {
      let small = "--method koopcon --steps 3 --batch 8 --width 4 --depth 2 --latent 12"
      let (info, stored) = try await condensed("\(small) --ipc 2 --factor 2 --formation \(kind)")
      #expect(info.formation == Formation(kind, factor: 2) && info.countPerClass == [2, 2] && stored.count == 4)
      let (plainInfo, whole) = try await condensed("\(small) --ipc 2 --factor 1")
      #expect(plainInfo.formation == nil && whole.count == 4)
    }

    @Test func `a set with formation is not condensed again as if its images were whole`() throws {
      var (info, _) = toySamples()
      let request = try CondenseRequest(Arguments(["--method", "random"], for: .condense))
      info.formation = Formation(.multi, factor: 2)
      let error = #expect(throws: DataError.self) { try request.promise(of: info, tool: "test") }
      #expect(error?.problem == "stores 5 training images in each image, which would be condensed as one")
      info.formation = Formation(factor: 1)
      #expect(throws: Never.self) { try request.promise(of: info, tool: "test") }
    }

    /// What no sample is left for begins as the mean of two.
    @Test(arguments: ["drawn", "snapshots"]) func `koopcon makes more tiles than a class has samples, all different`(
      networks: String
    ) async throws {
      let (_, stored) = try await condensed(
        "--method koopcon --steps 2 --width 4 --depth 2 --latent 12 --ipc 3 --factor 2 --embed-in \(networks)")
      let tiles = try Formation(factor: 2).decoded(images(stored)).flattened(from: 1)
      let distances = try tiles.squaredDistances(to: tiles).floats()
      let count = tiles.shape[0]
      let others = distances.indices.filter { $0 / count != $0 % count }
      #expect(count == 24 && others.allSatisfy { distances[$0] > 0 })
    }

    @Test(arguments: [Formation.Kind.uniform, .multi, .time]) func `a classifier is trained on every training image`(
      kind: Formation.Kind
    ) async throws {
      let (real, samples) = toySamples()
      var info = real
      info.formation = Formation(kind, factor: 2)
      let test = try store(real, samples)
      let set = try TrainingImages(reading: Prepared(info, samples))
      var recipe = TrainingProtocol.dc()
      recipe.epochs = 12
      let contestant = try Contestant(set, testedOn: test, testName: "toy", fallback: .measured(on: test))
      let tiles = Formation(kind, factor: 2).multiplicity
      for isEqual in [false, true] {
        let request = EvaluationRequest(
          recipe: recipe, equalSteps: isEqual, repeats: 1, seed: 1, networks: [smallNetwork])
        let row = try await thread.run {
          Result {
            try evaluate(
              contestant, on: test, network: smallNetwork, request: request, in: RunContext(computeThread: thread))
          }
        }.get()
        #expect(row.images == 21 && row.trainedOn == 21 * tiles)
        // 21 images and their tiles are one batch of 256 alike: as many passes.
        #expect(row.epochs == (isEqual ? 12 : nil) && row.steps == (isEqual ? 13 : nil))
      }
    }

    @Test func `equal steps are in the report where they were asked for and nowhere else`() throws {
      let scratch = try Scratch()
      let made = try ComputeTests.shell(
        "pipe condense -q --method dm --factor 2 --formation multi --width 8 --steps 1 --ipc 40 -i $F/shapes-cifar.tar.gz "
          + "| pipe shard -q -o few", in: scratch.folder)
      try #require(made.status == 0, "\(made.errors)")
      let evaluate =
        "pipe evaluate -q --train few --test $F/shapes-cifar.tar.gz --width 8 --repeats 1 --protocol idc --epochs 3"
      let plain = try ComputeTests.shell("\(evaluate) --json", in: scratch.folder)
      let equal = try ComputeTests.shell("\(evaluate) --equal-steps --json", in: scratch.folder)
      try #require(plain.status == 0 && equal.status == 0, "\(plain.errors)\(equal.errors)")
      let (before, after) = try (result(plain.output), result(equal.output))
      #expect(!plain.output.contains("equal_steps") && before.rows[0].epochs == nil && before.rows[0].steps == nil)
      // 7 batches of 400 images and 32 of 2,000: 21 steps are nearest to 32, one pass.
      #expect(after.equalSteps == true && after.rows[0].epochs == 1 && after.rows[0].steps == 32)
      #expect(before.rows[0].trainedOn == 2000 && after.rows[0].images == 400)
      let table = try ComputeTests.shell("\(evaluate) --equal-steps", in: scratch.folder)
      #expect(table.output.contains("P-IDC (3 of 1000 epochs), equal training steps, "), "\(table.output)")
      #expect(table.output.contains(" images  trained on  epochs  networks "), "\(table.output)")
    }

    private func result(_ text: String) throws -> EvaluationResult {
      try decodeJSON(EvaluationResult.self, from: Array(text.utf8), at: ["report"])
    }

    @Test func `cat --form gives what a classifier is trained on`() throws {
      let scratch = try Scratch()
      for kind in Formation.Kind.allCases {
        let made = try ComputeTests.shell(
          "pipe condense -q --method dm --factor 3 --formation \(kind) --width 8 --steps 1 --ipc 2 -i $F/shapes-cifar.tar.gz "
            + "| pipe shard -q -o \(kind) && pipe cat -q --form \(kind) | pipe shard -q -o \(kind)-formed",
          in: scratch.folder)
        try #require(made.status == 0, "\(made.errors)")
        func set(_ name: String) throws -> TrainingImages {
          try TrainingImages(reading: DatasetReader(scratch.folder.appending(path: name).path))
        }
        let (stored, formed) = try (set("\(kind)"), set("\(kind)-formed"))
        let formation = try #require(stored.info.formation)
        #expect(formation == Formation(kind, factor: 3) && formed.info.formation == nil)
        let decoded = try formation.decoded(stored.images)
        // Decoded are all first tiles, then all second ones; formed are the tiles of one image after the other.
        let count = stored.labels.count
        let order = (0..<count).flatMap { image in (0..<formation.multiplicity).map { $0 * count + image } }
        let same = try decoded.indexed(by: Tensor(integers: order), axis: 0) - formed.images
        #expect(formed.images.shape == decoded.shape && same.abs().floats().allSatisfy { $0 < 1e-5 })
        #expect(formed.labels == order.map { formation.decoded(labels: stored.labels)[$0] })
        #expect(formed.info.normalization == stored.info.normalization)
      }
    }
  }
}
