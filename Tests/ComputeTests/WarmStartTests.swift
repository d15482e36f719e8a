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

extension ComputeTests {
  /// A run that begins with the images of an earlier set.
  @Suite("First images of an earlier set") struct WarmStartTests {
    private let thread = BlockingThread(name: "compute test")
    private static let names = Catalog.methods.filter { $0.understands("start-from") }.map(\.name)

    /// The description and the samples that a command line makes of a toy set, and what it says.
    private func condensed(
      _ words: String, from start: WarmStart?, classes: [String] = ["class0", "class1"]
    ) async throws -> (info: DatasetInfo, samples: [Sample], said: [String]) {
      var (info, samples) = toySamples(perClass: classes.map { _ in 12 })
      info.classNames = classes
      let said = Mutex<[String]>([])
      var surroundings = RunContext(computeThread: thread)
      surroundings.log = { line in said.withLock { $0.append(line) } }
      var request = try CondenseRequest(try Arguments(words.split(separator: " ").map(String.init), for: .condense))
      request.warmStart = start
      let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples), &wiring)
      samples = []
      while let sample = try await flow.next() { samples.append(sample) }
      return (try #require(stage.described), samples, said.withLock { $0 })
    }

    /// A set of so many images of each class, which nothing else would draw; and their values by class.
    private func earlier(
      _ perClass: [(name: String, count: Int)], side: Int = 8, formation: Formation? = nil
    ) throws -> (start: WarmStart, values: [String: [Float]]) {
      var info = DatasetInfo(name: "earlier", classNames: perClass.map(\.name), shape: [3, side, side])
      info.formation = formation
      var builder = TrainingImagesBuilder(info: info)
      var values: [String: [Float]] = [:]
      for (label, (name, count)) in perClass.enumerated() {
        for index in 0..<count {
          let image = (0..<3 * side * side).map { Float(($0 * 7 + 13 * label + 29 * index) % 97) / 97 }
          values[name, default: []] += image
          try builder.add(
            Sample(
              key: "\(label)-\(index)", content: .floats(FloatArray(shape: [3, side, side], values: image)),
              label: label))
        }
      }
      return (try WarmStart(builder.finish(info: info), named: "earlier"), values)
    }

    private func floats(_ samples: [Sample]) -> [Float] {
      samples.flatMap { sample -> [Float] in
        guard case .floats(let array) = sample.content else { return [] }
        return array.values
      }
    }

    private func words(_ name: String) -> String {
      "--method \(name) --ipc 2 --factor 1 --steps 1 --lr 0 --width 4 --depth 1 --batch 4"
        + (["idc", "idc-i", "guided"].contains(name) ? " --early-epochs 1" : "")
    }

    @Test func `every method that learns images can begin with them`() {
      #expect(Set(Self.names) == Set(Registry.methods.filter { $0.traits.resumes }.map { $0.name }))
    }

    @Test(arguments: names) func `classes begin with the images of the class of their name`(name: String) async throws {
      // In another order than here, beside one that is not here.
      let (start, values) = try earlier([("class1", 2), ("other", 2), ("class0", 2)])
      let made = try await condensed(words(name), from: start)
      let expected = ["class0", "class1"].flatMap { values[$0] ?? [] }
      let found = floats(made.samples)
      #expect(made.samples.map(\.label) == [0, 0, 1, 1] && found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(made.said.contains("2 of 2 classes begin with the images of earlier"))
      #expect(made.info.provenance.last?.digests["start"] == start.digest)
      // They are where it begins, not where it stays.
      let learned = try await condensed(words(name).replacing("--lr 0", with: "--lr 0.5"), from: start)
      #expect(zip(floats(learned.samples), expected).contains { abs($0 - $1) > 1e-4 })
    }

    @Test func `what does not fit begins as --init says, and is told`() async throws {
      let cold = try await condensed(words("dm"), from: nil)
      let unfit: [((start: WarmStart, values: [String: [Float]]), String)] = [
        (try earlier([("class0", 3), ("class1", 1)]), "earlier has 3 images of it, and 2 are asked for"),
        (try earlier([("a", 2), ("b", 2)]), "earlier has no images of it"),
        (try earlier([("class0", 2), ("class1", 2)], side: 9), "earlier has images of 3×9×9, and these are of 3×8×8"),
        (
          try earlier([("class0", 2), ("class1", 2)], formation: Formation(factor: 2)),
          "the formation of earlier is uniform with factor 2, and uniform with factor 1 is asked for"
        ),
      ]
      for ((start, _), reason) in unfit {
        let made = try await condensed(words("dm"), from: start)
        #expect(made.samples == cold.samples)
        #expect(made.said.contains("0 of 2 classes begin with the images of earlier"))
        #expect(
          made.said.contains { $0.hasPrefix("begins as --init says: class0") && $0.hasSuffix(reason) }, "\(made.said)")
        #expect(made.info.provenance.last?.digests["start"] == start.digest)
      }
    }

    @Test func `a class that is new begins as it would alone, beside those that begin with their images`() async throws
    {
      let cold = try await condensed(words("m3d"), from: nil)
      let (start, values) = try earlier([("class0", 2)])
      let made = try await condensed(words("m3d"), from: start)
      #expect(zip(floats(Array(made.samples[..<2])), values["class0"] ?? []).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(Array(made.samples[2...]) == Array(cold.samples[2...]))
    }

    @Test func `through the program: a pipeline begins with its own last dataset once there is one`() throws {
      let scratch = try Scratch()
      func job(_ seed: Int) throws {
        try """
        { format: 1, datasets: [{ output: "out", input: ["in"], steps: [
          { verb: "condense", options: { method: "dm", ipc: 1, steps: 1, width: 4, depth: 1, lr: 0, seed: \(seed), "start-from": "out" } },
          { verb: "shard" } ] }] }
        """.write(to: scratch.folder.appending(path: "job.json5"), atomically: true, encoding: .utf8)
      }
      try job(0)
      let first = try ComputeTests.shell(
        "mkdir in && tar xzf $F/shapes-folder.tar.gz -C in && pipe run job.json5 -v && cp -r out first && pipe run job.json5",
        in: scratch.folder)
      #expect(first.status == 0, "\(first.errors)")
      #expect(!first.errors.contains("begin with the images of"))
      #expect(first.errors.contains("up to date"), "\(first.errors)")
      // What changes is the seed; the rate is 0. So the images stay only where they are taken over.
      try job(1)
      let second = try ComputeTests.shell(
        "pipe run --replace job.json5 -v && pipe verify -q out && cp -r out second && rm -r out && pipe run job.json5 && cp -r out cold",
        in: scratch.folder)
      #expect(second.status == 0, "\(second.errors)")
      #expect(second.errors.contains("classes begin with the images of out"), "\(second.errors)")
      // PNG has eight bits, which the way to networks and back does not touch.
      func pictures(_ name: String) throws -> String {
        let listed = try ComputeTests.shell("tar xOf \(name)/*.tar --wildcards '*.png' | sha256sum", in: scratch.folder)
        #expect(listed.status == 0, "\(listed.errors)")
        return listed.output
      }
      #expect(try pictures("second") == pictures("first"))
      #expect(try pictures("cold") != pictures("first"))
      let baselines = try ComputeTests.shell(
        "pipe evaluate --train second --test in --epochs 1 --repeats 1 --width 4 --depth 1 --baselines",
        in: scratch.folder)
      #expect(baselines.status == 0, "\(baselines.errors)")
      #expect(baselines.errors.contains("it began with the images of another dataset"), "\(baselines.errors)")
    }

    @Test func `a first night that was ended early goes on, though there is a set to begin with by then`() throws {
      let scratch = try Scratch()
      try """
      { format: 1, datasets: [{ output: "out", input: ["in"], steps: [
        { verb: "condense", options: { method: "dm", ipc: 1, steps: 200000, width: 4, depth: 1, "start-from": "out" } }, { verb: "shard" } ] }] }
      """.write(to: scratch.folder.appending(path: "job.json5"), atomically: true, encoding: .utf8)
      let run = try ComputeTests.shell(
        """
        mkdir in && tar xzf $F/shapes-folder.tar.gz -C in && mkfifo events; set -m
        night() {
          pipe run --replace --progress=json job.json5 2> events & exec 3< events
          while read -r line <&3; do echo "$line" >> $1; [[ $line == *'"stage":"dm"'*'"done":'* ]] && break; done
          kill -INT -- -$!; cat <&3 >> $1; wait $!; echo $1 $?
        }
        night first; ls out/pipe.manifest; night second
        """, in: scratch.folder)
      let second = try String(contentsOf: scratch.folder.appending(path: "second"), encoding: .utf8)
      #expect(run.output.hasPrefix("first 130\nout/pipe.manifest\n"), "\(run.output) \(run.errors)")
      #expect(second.contains("going on after step ") && !second.contains("belongs to a run"), "\(second.suffix(800))")
    }

    @Test func `methods that learn no images refuse it, and what is no dataset is refused by name`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        mkdir in && tar xzf $F/shapes-folder.tar.gz -C in
        pipe condense -i in --method koopcon --start-from x | cat; echo $?
        pipe condense -i in --method dm --steps 1 --start-from nowhere | cat; echo $?
        """, in: scratch.folder)
      #expect(run.output == "64\n66\n", "\(run.output)")
      #expect(run.errors.contains("nowhere"), "\(run.errors)")
    }
  }
}
