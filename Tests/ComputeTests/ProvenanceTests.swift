import Catalog
import Command
import Datasets
import Methods
import Networks
import Stages
import Streaming
import Testing

@testable import ComputeCommand

extension ComputeTests {
  /// What the manifest records of a condensation can be typed again.
  @Suite struct ProvenanceTests {
    private let thread = BlockingThread(name: "compute test")
    private let small = ["--ipc", "class0=1,*=2", "--seed", "5", "--width", "4", "--depth", "2"]

    private func condensed(_ words: [String]) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let (info, samples) = toySamples()
      let request = try CondenseRequest(Arguments(words, for: .condense))
      let stage = CondenseStage(request, of: info, tool: "test", in: .init(computeThread: thread))
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    @Test(arguments: [
      ["--method", "herding"], ["--method", "k-center"],
      ["--method", "dm", "--steps", "2", "--batch", "8", "--lr", "0.00001", "--init", "noise", "--augment", "none"],
      ["--method", "m3d", "--steps", "2", "--batch", "8", "--precision", "bfloat16", "--augment", "color_flip"],
      ["--method", "m3d", "--steps", "1", "--batch", "8", "--preset", "paper", "--factor", "1"],
      ["--method", "m3d", "--steps", "2", "--batch", "8", "--kernel", "gaussian", "--bandwidth", "12.25", "--lr", "9"],
      ["--method", "m3d", "--steps", "2", "--batch", "8", "--kernel", "polynomial", "--units", "kernel"],
      [
        "--method", "koopcon", "--steps", "4", "--schedule", "5", "--batch", "8", "--latent", "12", "--heads", "2",
        "--weight-cov", "0", "--reconstruction", "variational",
      ],
    ])
    func `the options of a history are those of the command line and give the same`(words: [String]) async throws {
      let (info, samples) = try await condensed(words + small + ["--split", "train", "--layout", "idx"])
      let options = try #require(info.provenance.last?.options)
      let method = try #require(options["method"].flatMap(Catalog.method))
      for name in options.keys {
        #expect(Verb.condense.option(name) != nil && method.understands(name), "--\(name)")
      }
      #expect(options["layout"] == "idx" && options["resize"] == nil)
      // A uniform formation is not named, nor that Koopcon makes whole images: histories from before them stay as they are.
      let unnamed = ["formation"] + (method.name == "koopcon" ? ["factor"] : [])
      for setting in method.settings where setting.text != nil && !unnamed.contains(setting.option) {
        #expect(options[setting.option] != nil, "--\(setting.option) is in force and not in the history")
      }
      let again = try await condensed(options.sorted { $0.key < $1.key }.map { "--\($0)=\($1)" })
      #expect(again.info == info)
      #expect(again.samples == samples)
    }

    @Test(arguments: [
      ([], "1.0"), (["--factor", "1"], "16.0"), (["--factor", "1", "--bandwidth", "2"], "2.0"),
      (["--factor", "1", "--preset", "paper"], "1.0"), (["--factor", "1", "--kernel", "linear"], nil),
    ])
    func `the width of the kernel suits the factor unless it is typed`(words: [String], width: String?) async throws {
      let (info, _) = try await condensed(["--method", "m3d", "--steps", "1", "--batch", "8"] + words + small)
      #expect(info.provenance.last?.options["bandwidth"] == width)
    }

    @Test(arguments: ["linear", "polynomial"]) func `a kernel without a width refuses one`(kernel: String) throws {
      let words = ["--method", "m3d", "--kernel", kernel]
      #expect(throws: Never.self) { try CondenseRequest(Arguments(words, for: .condense)) }
      #expect(throws: Never.self) { try CondenseRequest(Arguments(words + ["--preset", "paper"], for: .condense)) }
      #expect(throws: UsageError.self) { try CondenseRequest(Arguments(words + ["--bandwidth", "2"], for: .condense)) }
    }

    @Test func `the random method records nothing that it does not use`() async throws {
      let (info, _) = try await condensed(["--method", "random", "--ipc", "2"])
      #expect(info.provenance.last?.options == ["method": "random", "ipc": "2", "seed": "0"])
    }

    @Test func `every network of the catalogue can be built`() throws {
      for choice in Catalog.networks {
        let entry = try #require(Architecture.table.first { $0.name == choice.name })
        #expect((entry.usualSize != nil) == choice.hasSize, "\(choice.name)")
      }
      #expect(Architecture.table.map(\.name) == Catalog.networks.map(\.name))
    }
  }
}
