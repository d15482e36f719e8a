import Catalog
import Command
import Datasets
import Foundation
import Methods
import Stages
import Streaming
import Testing

@testable import ComputeCommand

extension ComputeTests {
  @Suite("Classes that did not change") struct ClassReuseTests {
    private let thread = BlockingThread(name: "compute test")
    private static let independent = ["random", "dm", "m3d", "kr-dual"]

    /// Runs a command line on so many samples of each class; with a cache, classes are reused.
    private func condensed(
      _ words: [String], _ perClass: [Int], cache: URL?, log: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> (reused: [String]?, samples: [Sample]) {
      let (info, samples) = toySamples(perClass: perClass)
      let scale = ["--normalization", "0.4,0.4,0.4:0.2,0.2,0.2"]
      let arguments = try Arguments(words + scale + (cache == nil ? [] : ["--reuse-classes"]), for: .condense)
      var surroundings = RunContext(computeThread: thread)
      surroundings.cacheDirectory = cache?.path
      surroundings.log = log
      let stage = CondenseStage(try CondenseRequest(arguments), of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described).provenance.last?.reused, result)
    }

    private func small(_ name: String) -> [String] {
      let learns = name != "random"
      return ["--method", name, "--ipc", "2"]
        + (learns ? ["--steps", "3", "--batch", "8", "--width", "4", "--depth", "2"] : [])
    }

    @Test(arguments: independent) func `they are taken from the cache, and the result is that of a full run`(
      name: String
    ) async throws {
      let scratch = try Scratch()
      let first = try await condensed(small(name), [12, 9], cache: scratch.folder)
      #expect(first.reused == nil)
      // One class has more samples now, and one is new.
      let changed = try await condensed(small(name), [12, 11, 7], cache: scratch.folder)
      #expect(changed.reused == ["class0"])
      #expect(changed.samples == (try await condensed(small(name), [12, 11, 7], cache: nil)).samples)
      let again = try await condensed(small(name), [12, 11, 7], cache: scratch.folder)
      #expect(again.reused == ["class0", "class1", "class2"])
      #expect(again.samples == changed.samples)
    }

    @Test(arguments: independent) func `another seed, number of images or option makes all of them anew`(
      name: String
    ) async throws {
      let scratch = try Scratch()
      _ = try await condensed(small(name), [12, 9], cache: scratch.folder)
      var changes = [["--seed", "1"], ["--ipc", "1"]]
      if name != "random" {
        changes += [["--lr", "0.25"], ["--steps", "4"], ["--normalization", "0.5,0.4,0.4:0.2,0.2,0.2"]]
      }
      for change in changes {
        let other = try await condensed(small(name) + change, [12, 9], cache: scratch.folder)
        // The normalisation that `condensed` types comes last, and is the one in force.
        if change[0] == "--normalization" {
          #expect(other.reused != nil)
        } else {
          #expect(other.reused == nil, "\(change)")
        }
      }
    }

    @Test func `a normalisation that is measured changes with the samples of any class`() async throws {
      let scratch = try Scratch()
      let (info, samples) = toySamples(perClass: [12, 9])
      for (text, expected) in [("0.4,0.4,0.4:0.2,0.2,0.2", nil), ("0.4,0.4,0.4:0.2,0.2,0.25", nil)]
        as [(String, [String]?)]
      {
        let arguments = try Arguments(small("dm") + ["--normalization", text, "--reuse-classes"], for: .condense)
        var surroundings = RunContext(computeThread: thread)
        surroundings.cacheDirectory = scratch.folder.path
        let stage = CondenseStage(try CondenseRequest(arguments), of: info, tool: "test", in: surroundings)
        var wiring = Wiring()
        let flow = stage.connect(.elements(samples), &wiring)
        while try await flow.next() != nil {}
        let described = try #require(stage.described)
        #expect(described.provenance.last?.reused == expected)
        #expect(described.provenance.last?.options["normalization"] == text)
        #expect(described.normalization == Normalization(text: text))
      }
    }

    @Test func `classes that take turns are taken only where as many take turns`() async throws {
      let scratch = try Scratch()
      let words = small("dm") + ["--classes-per-step", "1"]
      let first = try await condensed(words, [12, 9], cache: scratch.folder)
      let again = try await condensed(words, [12, 9], cache: scratch.folder)
      #expect(again.reused == ["class0", "class1"] && again.samples == first.samples)
      let more = try await condensed(words, [12, 9, 7], cache: scratch.folder)
      #expect(more.reused == nil)
      #expect(more.samples == (try await condensed(words, [12, 9, 7], cache: nil)).samples)
      // A class that is new while another is kept has its own turns.
      let changed = try await condensed(words, [12, 9, 8], cache: scratch.folder)
      #expect(changed.reused == ["class0", "class1"])
      #expect(changed.samples == (try await condensed(words, [12, 9, 8], cache: nil)).samples)
    }

    @Test func `a damaged class is made again`() async throws {
      let scratch = try Scratch()
      let first = try await condensed(small("dm"), [12, 9], cache: scratch.folder)
      for name in try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
      where name.hasPrefix("class-") {
        let file = scratch.folder.appending(path: name)
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 3] ^= 64
        try bytes.write(to: file)
      }
      let again = try await condensed(small("dm"), [12, 9], cache: scratch.folder)
      #expect(again.reused == nil && again.samples == first.samples)
      #expect(try await condensed(small("dm"), [12, 9], cache: scratch.folder).reused == ["class0", "class1"])
    }

    @Test func `methods whose networks are trained on all images make all classes, unless networks are given`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        mkdir in && tar xzf $F/shapes-folder.tar.gz -C in && C="--normalization 0.5,0.5,0.5:0.3,0.3,0.3 --cache cache -q -i in"
        pipe fit -q --method trajectory --networks 1 --epochs 1 --width 4 -i in -o nets.safetensors
        H="--method herding --ipc 2 --width 4"
        pipe condense $H --feature-steps 2 $C --reuse-classes | pipe shard -q -o trained
        ls cache | grep -c class-
        pipe condense $H $C --trajectories nets.safetensors --reuse-classes | pipe shard -q -o before
        rm "$(find in -path '*train/ring*' | sort | tail -1)"
        pipe condense $H $C --trajectories nets.safetensors --reuse-classes | pipe shard -q -o reused
        pipe condense $H $C --trajectories nets.safetensors | pipe shard -q -o full
        cmp reused/*.tar full/*.tar && pipe verify -q reused && grep -c '"reused"' reused/pipe.manifest full/pipe.manifest
        python3 -c 'import json; print(json.load(open("reused/pipe.manifest"))["provenance"][-1]["reused"])'
        """, in: scratch.folder)
      let lines = run.output.split(separator: "\n")
      #expect(lines.first == "0", "\(run)")
      #expect(lines.contains("reused/pipe.manifest:1") && lines.contains("full/pipe.manifest:0"), "\(run)")
      #expect(
        lines.last == "['bars', 'checker', 'circle', 'cross', 'diagonal', 'frame', 'square', 'stripes', 'triangle']",
        "\(run)")
    }

    @Test(arguments: ["0.5", "0.5:0", "0.5,0.5:0.2", "a:b", "0.5:0.2:0.2", "0.5:inf", "0.5,0.4:0.2,0.1"])
    func `a normalisation that fits nothing is refused`(text: String) throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        "pipe condense --method random --ipc 1 --normalization \(text) -i $F/shapes-cifar.tar.gz > out",
        in: scratch.folder)
      #expect(run.status == 64 && run.errors.contains("--normalization"), "\(run)")
    }
  }

  @Suite("Evaluations of a pipeline") struct PipelineEvaluationTests {
    @Test func `they are run once, kept in the dataset, and listed after each`() throws {
      let scratch = try Scratch()
      try Data(
        """
        { format: 1, variables: { data: "${env:F}/shapes-cifar.tar.gz", epochs: 1 }, datasets: [{
          matrix: { method: ["random"], seed: [0, 1] }, output: "out/${method}-${seed}", input: ["${data}"],
          steps: [{ verb: "condense", options: { method: "${method}", ipc: 1, seed: "${seed}" } }, { verb: "shard" }],
          evaluate: [{ test: "${data}", epochs: "${epochs}", repeats: 2, width: 4 }], table: "results",
        }] }
        """.utf8
      ).write(to: scratch.folder.appending(path: "p.json5"))
      let run = try ComputeTests.shell(
        """
        pipe run --plan p.json5 | grep evaluations; pipe run -q p.json5 || exit; pipe verify -q out/random-0 > /dev/null || exit
        cp results.csv first.csv; pipe run --plan p.json5 | grep evaluations
        pipe run p.json5 2>&1 | grep -vc 'up to date'; cmp results.csv first.csv && echo same
        rm out/random-1/pipe.evaluations; pipe run p.json5 2>&1 | grep -c ' % on '
        pipe run p.json5 --set epochs=2 2>&1 | grep -c ' % on '
        pipe run -q p.json5 --set epochs=0 2>/dev/null; echo $?
        echo broken > broken; sed 's|"${data}", epochs|"broken", epochs|' p.json5 > q.json5; pipe run -q q.json5 2> errors; echo $?
        grep -c 'is made, and its evaluation ended with exit code 65' errors; pipe verify -q out/random-1 > /dev/null && cat results.md
        """, in: scratch.folder)
      let lines = run.output.split(separator: "\n")
      #expect(
        lines.prefix(12) == [
          "  evaluations: 1 of 1 to be run", "  evaluations: 1 of 1 to be run", "  evaluations: 0 of 1 to be run",
          "  evaluations: 0 of 1 to be run", "0", "same", "1", "2", "65", "65", "2",
          "Accuracy in %:",
        ], "\(run)")
      #expect(lines.last == "| not run |", "\(run)")
    }
  }
}
