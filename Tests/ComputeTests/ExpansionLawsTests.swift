import Catalog
import Command
import Datasets
import Foundation
import Methods
import Stages
import Streaming
import Testing

@testable import ComputeCommand

/// Of every option that only some methods take, a value that is not its default, for small images.
private let otherValues = [
  "setting": "sa", "pretrain-steps": "5", "steps": "4", "batch": "4", "lr": "0.02", "augment": "flip",
  "sources": "plain", "reach": "0.5", "detail": "0.25", "classify-by": "snapshots", "weight-re": "3", "weight-ce": "2",
  "weight-w": "3",
  "weight-cov": "3", "weight-att": "3",
]

extension ComputeTests {
  /// What holds for every method of `expand`: a new one is tested by this before it has tests of its own.
  @Suite struct ExpansionLawsTests {
    private let thread = BlockingThread(name: "expand test")
    private static let names = Catalog.expansions.map(\.name)

    /// The smallest settings that a method takes.
    private func small(_ name: String) throws -> [String] {
      let method = try #require(Catalog.method(name))
      let values = ["pretrain": "similar", "pretrain-steps": "3", "steps": "2", "batch": "6"]
      return ["--method", name]
        + values.sorted { $0.key < $1.key }.flatMap { option, text in
          method.settings.contains { $0.option == option } ? ["--\(option)", text] : []
        }
    }

    /// Runs a command line, whose last words win, on two classes of 4 and 3 images; `--pretrain` is a larger toy set.
    private func expanded(_ words: [String]) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let (info, samples) = toySamples(perClass: [4, 3])
      let (similarInfo, similar) = toySamples(perClass: [9, 9])
      let request = try ExpandRequest(Arguments(words, for: .expand))
      let prior =
        request.method is any PretrainedMethod
        ? ExpansionPrior.images(try store(similarInfo, similar), similarInfo) : nil
      let stage = ExpandStage(
        request, prior: prior, of: info, tool: "test", in: RunContext(computeThread: thread))
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    @Test(arguments: names) func `the same seed gives the same and another seed another`(name: String) async throws {
      let words = try small(name) + ["--ratio", "3"]
      let first = try await expanded(words + ["--seed", "1"])
      let again = try await expanded(words + ["--seed", "1"])
      #expect(first.samples == again.samples && first.info == again.info)
      #expect(try await expanded(words + ["--seed", "2"]).samples != first.samples)
    }

    @Test(arguments: names) func `counts are those that were asked for`(name: String) async throws {
      for (words, counts) in [
        (["--ratio", "2"], [8, 6]), (["--ipc", "class0=5,class1=1"], [5, 1]), (["--ipc", "class0=0,*=4"], [0, 4]),
      ] {
        let (info, samples) = try await expanded(try small(name) + words)
        #expect(info.countPerClass == counts && info.classNames == ["class0", "class1"])
        #expect([0, 1].map { label in samples.count { $0.label == label } } == counts, "\(words)")
      }
    }

    @Test(arguments: names) func `a smaller expansion is the beginning of a larger`(name: String) async throws {
      let words = try small(name)
      let few = try await expanded(words + ["--ratio", "2"]).samples
      let many = try await expanded(words + ["--ratio", "5"]).samples
      for label in [0, 1] {
        let beginning = many.filter { $0.label == label }.map(\.content)
        let whole = few.filter { $0.label == label }.map(\.content)
        #expect(Array(beginning.prefix(whole.count)) == whole)
      }
    }

    @Test(arguments: names) func `originals are the samples themselves`(name: String) async throws {
      let (_, real) = toySamples(perClass: [4, 3])
      let made = try await expanded(try small(name) + ["--ratio", "2", "--originals"]).samples
      for label in [0, 1] {
        let originals = real.filter { $0.label == label }.map(\.content)
        #expect(made.filter { $0.label == label }.prefix(originals.count).map(\.content) == originals)
      }
    }

    @Test(arguments: names) func `soft labels are distributions that lean to the class and change nothing else`(
      name: String
    ) async throws {
      let (_, real) = toySamples(perClass: [4, 3])
      let words = try small(name) + ["--ratio", "3", "--originals"]
      let hard = try await expanded(words)
      let soft = try await expanded(words + ["--soft-labels"])
      #expect(hard.info.labelKind == .hard && soft.info.labelKind == .probability)
      #expect(hard.samples.map(\.content) == soft.samples.map(\.content))
      #expect(hard.samples.map(\.label) == soft.samples.map(\.label))
      #expect(hard.samples.allSatisfy { $0.softLabel == nil })
      for sample in soft.samples {
        let label = try #require(sample.softLabel)
        #expect(label.count == 2 && abs(label.reduce(0, +) - 1) < 1e-5 && label.allSatisfy { $0 >= 0 })
        #expect(label[sample.label] > 0.5)
      }
      // Networks that were trained on the samples tell their own classes.
      let originals = [0, 1].flatMap { label in
        soft.samples.filter { $0.label == label }.prefix(real.count { $0.label == label })
      }
      let shares = originals.map { $0.softLabel?[$0.label] ?? 0 }
      #expect(shares.reduce(0, +) / Float(shares.count) > 0.75, "\(shares)")
      // A part of the same expansion has the same labels.
      let part = try await expanded(try small(name) + ["--ratio", "2", "--originals", "--soft-labels"])
      for label in [0, 1] {
        let (few, many) = (part, soft)
        let beginning = few.samples.filter { $0.label == label }
        let whole = many.samples.filter { $0.label == label }.prefix(beginning.count)
        #expect(beginning.map(\.softLabel) == whole.map(\.softLabel))
      }
    }

    @Test(arguments: names) func `the catalogue's defaults are the algorithm's`(name: String) throws {
      let type = try #require(Registry.expansion(name))
      let words = ["--method", name] + (type is any PretrainedMethod.Type ? ["--pretrain", "similar"] : [])
      let catalogued = try ExpandRequest(Arguments(words, for: .expand)).method
      #expect(catalogued.recorded == type.init().recorded)
      let listed = try #require(Catalog.method(name)).settings.map(\.option).filter { $0 != "pretrain" }
      #expect(Set(settings(of: type)) == Set(listed) && settings(of: type).count == listed.count)
    }

    private func settings<M: ExpandingMethod>(of type: M.Type) -> [String] { M.settings.map(\.option) }

    @Test func `the catalogue and the registry have the same methods`() {
      #expect(Catalog.expansions.map(\.name) == Registry.expansions.map { $0.name })
      for method in Catalog.fittedMethods {
        let fits =
          Registry.method(method.name) is any FittedMethod.Type
          || Registry.expansion(method.name) is any PretrainedMethod.Type || method.name == TrajectoryTraining.name
        #expect(fits, "\(method.name)")
      }
    }

    @Test(arguments: names) func `a history typed again gives the same`(name: String) async throws {
      let flags = ["originals", "soft-labels"]
      let first = try await expanded(
        try small(name) + ["--ipc", "class0=3,*=5", "--seed", "5"] + flags.map { "--\($0)" })
      var options = try #require(first.info.provenance.last?.options)
      for flag in flags { #expect(options.removeValue(forKey: flag) == "true") }
      let words = options.sorted { $0.key < $1.key }.map { "--\($0)=\($1)" } + flags.map { "--\($0)" }
      let again = try await expanded(words + (name == "expansive" ? ["--pretrain=similar"] : []))
      #expect(again.info == first.info && again.samples == first.samples)
    }

    @Test(arguments: names) func `the memory estimate is between the peak and twice the peak`(name: String) throws {
      let isPretrained = Registry.expansion(name) is any PretrainedMethod.Type
      let words = isPretrained ? "--pretrain $F/shapes-cifar.tar.gz --pretrain-steps 2 --steps 2" : ""
      let (estimate, peak) = try ComputeTests.memory(
        "expand --method \(name) \(words) --ratio 2 -i $F/shapes-cifar.tar.gz")
      #expect(estimate >= peak && estimate <= 2 * peak, "\(estimate / peak) times the peak of \(peak / 1_048_576) MiB")
    }

    @Test(arguments: names) func `every option of a method changes something`(name: String) async throws {
      let method = try #require(Catalog.method(name))
      let words = try small(name) + ["--ratio", "3"]
      let plain = try await expanded(words)
      for setting in method.settings where setting.option != "pretrain" {
        let value = try #require(otherValues[setting.option], "there is no other value of --\(setting.option) to try")
        // A cross entropy of the usual weight moves no pixel in two steps.
        let beside = setting.option == "classify-by" ? ["--weight-ce", "100"] : []
        let plain = beside.isEmpty ? plain : try await expanded(words + beside)
        let changed = try await expanded(words + beside + ["--\(setting.option)", value])
        #expect(changed.info.provenance != plain.info.provenance, "--\(setting.option) \(value)")
        #expect(changed.samples != plain.samples, "--\(setting.option) \(value)")
      }
    }
  }
}
