import Datasets
import Foundation
import Stages
import Testing

@testable import Command

extension ComputeTests {
  /// What a night's job keeps to go on from, and what the next one does with it.
  @Suite struct NightCheckpointTests {
    /// A folder with an archive and a pipeline file of one `condense` step.
    private struct Night {
      let scratch: Scratch
      var file: String { scratch.folder.appending(path: "job.json5").path }

      init(_ options: String) throws {
        scratch = try Scratch()
        let fixture = URL(filePath: #filePath).appending(path: "../../../fixtures/shapes-cifar.tar.gz").standardized
        try FileManager.default.copyItem(at: fixture, to: scratch.folder.appending(path: "in.tar.gz"))
        try describe(options)
      }

      func describe(_ options: String) throws {
        try Data(
          """
          { format: 1, datasets: [{ output: "out", input: ["in.tar.gz"], steps: [
            { verb: "condense", options: { \(options) } }, { verb: "shard" }] }] }
          """.utf8
        ).write(to: scratch.folder.appending(path: "job.json5"))
      }

      /// Where a run will look for what an earlier one left.
      func place() throws -> CheckpointPlace {
        let plan = try #require(try DatasetPlan.plans(for: PipelineFile(path: file), at: file).first)
        let recipe = Recipe(plan, inputs: try plan.sources.map { try InputContent(of: $0).digest })
        return try #require(plan.checkpoints(of: plan.output, for: recipe)[0])
      }

      func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
        try ComputeTests.shell(line, in: scratch.folder)
      }
    }

    private static let plain = "method: 'dm', ipc: 1, steps: 2, width: 4, depth: 1, batch: 4, threads: 1"

    @Test(arguments: ["", "no checkpoint"])
    func `a hidden checkpoint that is damaged is said, and the step begins anew`(content: String) throws {
      let night = try Night(Self.plain)
      let place = try night.place()
      try Data(content.utf8).write(to: URL(filePath: place.path))
      let run = try night.shell(
        "pipe run job.json5 --no-cache && mv out first && pipe run -q job.json5 && diff -r out first")
      #expect(run.status == 0, "\(run.output) \(run.errors)")
      #expect(run.errors.contains("the step begins anew"), "\(run.errors)")
      #expect(!place.exists)
    }

    @Test func `a hidden checkpoint of other trained networks is removed, and the run begins the step anew`() throws {
      let night = try Night(
        "method: 'guided', ipc: 1, steps: 4, 'early-epochs': 1, width: 4, depth: 1, batch: 4, threads: 1")
      let words =
        "pipe condense -q -i in.tar.gz --method guided --ipc 1 --steps 4 --early-epochs 1 --width 4 --depth 1 --batch 4 --threads 1"
      let made = try night.shell("\(words) --checkpoint kept -o whole.wire && pipe shard -q -i whole.wire -o whole")
      #expect(made.status == 0, "\(made.errors)")
      var file = try TensorFile(contentsOf: night.scratch.folder.appending(path: "kept").path)
      #expect(file.metadata["trajectories"] != nil)
      (file.metadata["trajectories"], file.metadata["step"]) = ("others", "2")
      let place = try night.place()
      try file.write(to: place.path)
      let run = try night.shell("pipe run job.json5 && cmp whole/*.tar out/*.tar")
      #expect(run.status == 0, "\(run.output) \(run.errors)")
      let sentence = "belongs to a run with other trained networks than these; it is removed"
      #expect(run.errors.contains(sentence), "\(run.errors)")
      #expect(run.errors.contains("beginning anew without it"), "\(run.errors)")
      #expect(!place.exists)
      // What a person typed is refused, and stays.
      try file.write(to: night.scratch.folder.appending(path: "kept").path)
      let typed = try night.shell("\(words) --checkpoint kept -o again.wire")
      #expect(typed.status == 65, "\(typed.errors)")
      #expect(FileManager.default.fileExists(atPath: night.scratch.folder.appending(path: "kept").path))
    }

    @Test func `a checkpoint that a step names is the place alone, and other data and options pass it`() throws {
      let night = try Night(Self.plain + ", checkpoint: 'kept/a.checkpoint', 'checkpoint-every': '0.001s'")
      let first = try night.shell("mkdir kept; pipe run job.json5; echo $?; ls -A kept")
      #expect(first.output == "0\n", "\(first.output) \(first.errors)")
      try night.describe(Self.plain + ", lr: 2, checkpoint: 'kept/a.checkpoint'")
      let second = try night.shell(
        "cp $F/shapes-cifar-python.tar.gz in.tar.gz; pipe run --replace job.json5; echo $?; ls -A kept")
      #expect(second.output == "0\n", "\(second.output) \(second.errors)")
    }

    @Test func `a run that alone gets Ctrl-C ends its steps early`() throws {
      let night = try Night("method: 'dm', ipc: 1, steps: 200000, width: 4, depth: 1, threads: 1")
      let run = try night.shell(
        """
        mkfifo events; set -m # without it a shell has its background ignore SIGINT
        pipe run --progress=json --no-cache job.json5 2> events & job=$!; exec 3< events
        while read -r line <&3; do echo "$line" >> said; [[ $line == *'"stage":"dm"'*'"done":'* ]] && break; done
        kill -INT $job; cat <&3 >> said; wait $job; echo "status $?"; pipe verify -q out && grep complete out/pipe.recipe
        """)
      #expect(
        run.output.hasPrefix("status 130\n") && run.output.contains("\"complete\" : false"),
        "\(run.output) \(run.errors)")
    }

    @Test func `without the cache no trained network is taken from it, and none is kept`() throws {
      let night = try Night("method: 'herding', ipc: 1, 'feature-steps': 1, width: 4, depth: 1, threads: 1")
      let run = try night.shell("pipe run --no-cache job.json5; echo $?; ls -A .cache 2> /dev/null")
      #expect(run.output == "0\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("not to be kept: there is no cache"), "\(run.errors)")
      let kept = try night.shell("rm -r out; pipe run -q job.json5; ls .cache/pipe | grep -c ^features-")
      #expect(kept.output == "1\n", "\(kept.output) \(kept.errors)")
    }

    @Test func `snapshots are of the last run`() throws {
      let options = Self.plain + ", snapshots: 'snap', 'snapshot-every': 1"
      let night = try Night(options + ", seed: 0")
      #expect(try night.shell("pipe run -q --no-cache job.json5 && cp -r snap old").status == 0)
      try night.describe(options + ", seed: 1")
      let run = try night.shell(
        """
        pipe run --replace --no-cache job.json5 && pipe verify -q snap/step-000001 && pipe verify -q snap/step-000002 || exit
        cmp -s snap/step-000001/pipe.manifest old/step-000001/pipe.manifest; echo $?
        """)
      #expect(run.output.hasSuffix("\n1\n") && !run.errors.contains("no snapshot"), "\(run.output) \(run.errors)")
    }

    @Test func `where --start-from is left out, the dataset is made anew, and where it is added, it stays`() throws {
      let night = try Night(Self.plain)
      #expect(try night.shell("pipe run -q job.json5").status == 0)
      try night.describe(Self.plain + ", 'start-from': 'out'")
      let added = try night.shell("pipe run job.json5 && rm -r out && pipe run -q job.json5 && pipe run job.json5")
      #expect(added.status == 0, "\(added.errors)")
      #expect(added.errors.components(separatedBy: "up to date").count == 3, "\(added.errors)")
      try night.describe(Self.plain)
      let left = try night.shell("pipe run job.json5")
      #expect(left.status == 73, "\(left.errors)")
      #expect(left.errors.contains("began with the images of an earlier dataset (--start-from)"), "\(left.errors)")
      #expect(try night.shell("pipe run -q --replace job.json5 && pipe run -q job.json5").status == 0)
    }
  }
}
