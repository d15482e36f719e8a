import Foundation
import Testing

extension ComputeTests {
  /// The built programs, joined by a shell as users join them.
  @Suite struct CondenseCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "pipe-compute-\(UUID().uuidString)")
    private let fixtures = URL(filePath: #filePath).appending(path: "../../../fixtures").standardized.path

    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Runs a line of shell in the test's folder, with `$F` for the fixtures; both streams go to files.
    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      let out = folder.appending(path: "out-\(UUID().uuidString)")
      let err = folder.appending(path: "err-\(UUID().uuidString)")
      for file in [out, err] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
      let process = Process()
      process.executableURL = URL(filePath: "/bin/bash")
      process.arguments = ["-c", "set -o pipefail; cd '\(folder.path)'; \(line)"]
      process.environment = [
        "PATH": "\(Bundle.main.bundleURL.path):/usr/bin:/bin", "F": fixtures, "HOME": folder.path,
      ]
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: out)
      process.standardError = try FileHandle(forWritingTo: err)
      try process.run()
      process.waitUntilExit()
      return (
        process.terminationStatus, try String(contentsOf: out, encoding: .utf8),
        try String(contentsOf: err, encoding: .utf8)
      )
    }

    private let small = "--width 8 --batch 8"

    @Test(arguments: ["dm", "m3d"])
    func sameSeedSameBytes(method: String) throws {
      let run = try shell(
        """
        for n in 1 2; do
          pipe condense --method \(method) --ipc 2 --steps 2 \(small) < $F/shapes-cifar.tar.gz | pipe shard -o $n || exit
        done
        diff -r 1 2 && pipe verify 1
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test func everyLayoutOfTheSamePicturesCondenses() throws {
      for input in ["shapes-cifar-python.tar.gz", "shapes-folder.tar.gz", "shapes-webdataset.tar", "strokes.npz"] {
        let run = try shell(
          "pipe condense --method random --ipc 1 < $F/\(input) | pipe shard -o \(input).d && pipe verify \(input).d")
        #expect(run.status == 0, "\(input): \(run.errors)")
      }
    }

    @Test func theDefaultFolderIsNamedAfterDatasetMethodAndNumber() throws {
      let run = try shell("pipe condense --method random --ipc 3 < $F/shapes-cifar.tar.gz | pipe shard; ls")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("-random-ipc3"))
    }

    @Test func aSecondRunRefusesToOverwrite() throws {
      let line = "pipe condense --method random --ipc 1 < $F/shapes-cifar.tar.gz | pipe shard -o x"
      #expect(try shell(line).status == 0)
      #expect(try shell(line).status == 73)
    }

    @Test func badInputReachesTheSinkWithItsExitCodeAndPublishesNothing() throws {
      let run = try shell(
        "head -c 60000 $F/shapes-cifar.tar.gz > cut.tar.gz; pipe condense --method random < cut.tar.gz | pipe shard -o x; "
          + "echo ${PIPESTATUS[@]}; ls -d x*")
      #expect(run.output == "65 65\n", "\(run.errors)")
    }

    @Test func anUnknownClassInTheTableIsSaid() throws {
      let run = try shell(
        "pipe condense --method random --ipc 'walrus=3,*=1' -i $F/shapes-cifar.tar.gz | cat > /dev/null")
      #expect(run.status == 65)
      #expect(run.errors.contains("walrus"))
    }

    @Test func aDryRunPrintsTheEstimateAndWritesNothing() throws {
      let run = try shell("pipe condense --dry-run \(small) -i $F/shapes-cifar.tar.gz")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("steps of about") && run.errors.contains("memory"))
    }

    @Test func aTimeLimitLeavesAValidSetThatTheReachedStepsReproduce() throws {
      let run = try shell(
        """
        pipe condense --method dm --ipc 1 --steps 100000 --time 3s \(small) < $F/shapes-cifar.tar.gz | pipe shard -o a || exit
        steps=$(pipe inspect a --json | grep -o '"steps" *: *"[0-9]*"' | grep -o '[0-9]*')
        test "$steps" -gt 0 || exit
        pipe condense --method dm --ipc 1 --steps $steps \(small) < $F/shapes-cifar.tar.gz | pipe shard -o b || exit
        diff -r a b
        """)
      #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test func ctrlCWhileCondensingLeavesAValidSet() throws {
      // The signal goes to both processes, as from a terminal; it is sent once the first snapshot shows that steps are being made.
      let run = try shell(
        """
        set -m
        ( pipe condense --method dm --ipc 1 --steps 100000 \(small) --snapshots s --snapshot-every 1 \
            < $F/shapes-cifar.tar.gz | pipe shard -o a ) &
        until [ -e s/step-000001/pipe.manifest ] || ! kill -0 $! 2> /dev/null; do :; done
        kill -INT -$!
        wait $!
        echo status $?
        pipe verify a
        """)
      #expect(run.output.contains("status 0"), "\(run.output) \(run.errors)")
      #expect(run.status == 0)
    }

    @Test func evaluateReportsEveryRowAndClass() throws {
      let run = try shell(
        """
        pipe condense --method random --ipc 2 < $F/shapes-cifar.tar.gz | pipe shard -o a || exit
        pipe evaluate --train a --test $F/shapes-cifar.tar.gz --epochs 2 --repeats 2 --width 8 --baselines --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
      let rows = try #require(report["rows"] as? [[String: Any]])
      #expect(rows.map { $0["set"] as? String } == ["random", "random", "herding"])
      for row in rows {
        #expect((row["accuracies"] as? [Double])?.count == 2)
        #expect((row["per_class"] as? [Double])?.count == 10)
      }
    }

    @Test func theFeatureNetworkIsTrainedOnceAndThenTakenFromTheCache() throws {
      let line = "pipe condense --method herding --ipc 1 --width 8 --cache c -i $F/shapes-cifar.tar.gz | pipe shard -o"
      #expect(try shell("\(line) a").status == 0)
      let again = try shell("\(line) b")
      #expect(again.errors.contains("features from the network in"))
      #expect(try shell("diff -r a b").status == 0)
    }
  }
}
