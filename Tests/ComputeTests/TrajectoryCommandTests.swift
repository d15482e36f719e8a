import Catalog
import Command
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

@testable import ComputeCommand

extension ComputeTests {
  /// Networks that are trained on the data: fitted, kept, given, and used.
  @Suite struct TrajectoryCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    init() throws {
      scratch = try Scratch()
    }

    /// With a line that finds the set in `$A` and small networks in `$S`.
    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell("A=$F/shapes-cifar.tar.gz; S='--width 8 --depth 2'; \(line)", in: folder)
    }

    @Test func `the catalogue's defaults are the algorithm's`() throws {
      let arguments = try Arguments(["--method", "trajectory", "-o", "x"], for: .fit)
      var typed = TrajectoryTraining()
      try take(TrajectoryTraining.settings, from: arguments, in: &typed)
      #expect(typed == TrajectoryTraining())
      let listed = try #require(Catalog.method(TrajectoryTraining.name)).settings.map(\.option)
      #expect(listed == TrajectoryTraining.settings.map(\.option))
    }

    @Test func `a file can be read by others and its history typed again gives the same`() throws {
      let run = try shell(
        """
        pipe fit --method trajectory $S --networks 2 --epochs 3 --batch 50 --seed 5 --classes circle,cross,square \
          --cutmix 0.5 --norm batch -o a.safetensors < $A || exit
        python3 - <<'END' > again || exit
        import json, struct
        data = open('a.safetensors', 'rb').read()
        length = struct.unpack('<Q', data[:8])[0]
        header = json.loads(data[8:8 + length])
        description = json.loads(header.pop('__metadata__')['description'])
        shapes = {n: tuple(e['shape']) for n, e in header.items()}
        assert (description['networks'], description['epochs']) == (2, 3)
        assert description['class_names'] == ['circle', 'cross', 'square']
        for n in range(2):
            for e in range(4):
                # Two blocks of convolution and norm, each with weight and bias; the classifier.
                own = [shapes.pop(f'network.{n}.epoch.{e}.parameter.{i}') for i in range(10)]
                assert own == [(8, 3, 3, 3), (8,), (8,), (8,), (8, 8, 3, 3), (8,), (8,), (8,), (3, 512), (3,)], own
                assert [shapes.pop(f'network.{n}.epoch.{e}.buffer.{i}') for i in range(4)] == [(8,)] * 4
        assert not shapes
        print(' '.join(f'--{k}={v}' for k, v in description['provenance'][-1]['options'].items()))
        END
        XDG_CACHE_HOME=$PWD/other pipe fit $(cat again) -o b.safetensors < $A && cmp a.safetensors b.safetensors
        """)
      #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test func `what is kept is continued and gives the bytes of one run`() throws {
      let run = try shell(
        """
        fit="pipe fit --method trajectory $S --seed 2 -i $A"
        $fit --epochs 1 -o one 2> log && $fit --networks 2 --epochs 3 -o more 2>> log || exit
        $fit --networks 2 --epochs 3 --dry-run -o none 2> kept && cat kept || exit
        XDG_CACHE_HOME=$PWD/other $fit --networks 2 --epochs 3 -o whole && cmp more whole || exit
        for file in .cache/pipe/trajectory-*; do echo damaged > $file; done
        $fit --networks 2 --epochs 3 -o again 2> damaged; cmp again whole && cat damaged || exit
        # One bit of one weight.
        python3 - .cache/pipe/trajectory-* <<'END'
        import sys
        for path in sys.argv[1:]:
            content = bytearray(open(path, 'rb').read())
            content[-100] ^= 0x40
            open(path, 'wb').write(content)
        END
        $fit --networks 2 --epochs 3 -o third 2> changed; cmp third whole && cat changed
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("networks: 2 of 3 epochs each on the real images, from the cache"), "\(run.output)")
      #expect(run.output.contains("it is made again"), "\(run.output)")
      #expect(run.output.contains("it changed since it was written"), "\(run.output)")
    }

    @Test func `what is trained is kept while it goes on, and a process that is killed costs its last epoch`()
      async throws
    {
      let (info, samples) = toySamples()
      let words = [
        "--method", "guided", "--ipc", "1", "--steps", "1", "--early-epochs", "4", "--width", "4", "--depth", "1",
      ]
      func condensed(into folder: URL, _ watch: @escaping @Sendable (ProgressEvent) -> Void = { _ in }) async throws
        -> [Sample]
      {
        var surroundings = RunContext(computeThread: BlockingThread(name: "compute test"))
        surroundings.cacheDirectory = folder.path
        // Every batch takes a minute, so that every epoch is due.
        let time = Mutex(0.0)
        surroundings.clock = { time.withLock(\.self) }
        surroundings.progress = { event in
          time.withLock { $0 += 60 }
          watch(event)
        }
        let stage = CondenseStage(
          try CondenseRequest(Arguments(words, for: .condense)), of: info, tool: "test", in: surroundings)
        var wiring = Wiring()
        let flow = stage.connect(.elements(samples), &wiring)
        var made: [Sample] = []
        while let sample = try await flow.next() { made.append(sample) }
        return made
      }
      let scratches = (try Scratch(), try Scratch())
      let (whole, part) = (scratches.0.folder, scratches.1.folder)
      // What a process that is killed in the last epoch leaves.
      let made = try await condensed(into: whole) { event in
        guard event.stage == "trajectories", event.done == event.total else { return }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: whole.path)) ?? [] {
          try? FileManager.default.copyItem(at: whole.appending(path: name), to: part.appending(path: name))
        }
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: part.path)
      let file = try #require(names.first { $0.hasPrefix("trajectory-") && $0.hasSuffix(".safetensors") })
      #expect(try TensorFile(contentsOf: part.appending(path: file).path).metadata["epochs"] == "3")
      let batches = Mutex(0)
      let again = try await condensed(into: part) { event in
        if event.stage == "trajectories" { batches.withLock { $0 = event.total ?? 0 } }
      }
      #expect(batches.withLock(\.self) == 1 && again == made)
      #expect(
        try Data(contentsOf: part.appending(path: file)) == Data(contentsOf: whole.appending(path: file)))
    }

    @Test func `a stopped fit has the epochs that it reached and none is no model`() throws {
      let run = try shell(
        """
        set -m
        pipe fit --method trajectory $S --epochs 2000 --progress json -i $A -o nets 2> log &
        until grep -q '"stage":"trajectories","done":[3-9]' log || ! kill -0 $! 2> /dev/null; do :; done
        kill -INT -$!
        wait $! || exit
        epochs=$(grep -ao '\\\\"epochs\\\\":\\\\"[0-9]*' nets | grep -o '[0-9]*$')
        XDG_CACHE_HOME=$PWD/other pipe fit --method trajectory $S --epochs $epochs -i $A -o same && cmp nets same || exit
        pipe fit --method trajectory --seed 9 --epochs 5 --batch 1 --time 0.001s -i $A -o never; echo $?; ls never
        """)
      #expect(run.output == "75\n", "\(run.errors)")
      #expect(run.errors.contains("trajectory was stopped before its first step was finished"), "\(run.errors)")
    }

    @Test func `a time that has room for more epochs than the memory takes what fits`() throws {
      let run = try ComputeTests.shell(
        "pipe fit --method trajectory --time 3h --width 64 --dry-run -i $F/strokes-idx -o m", in: folder)
      #expect(run.status == 0 && run.errors.contains("trained networks: 1 of"), "\(run.errors)")
    }

    @Test func `a rate that is too high is an error and makes no file`() throws {
      let run = try shell(
        "pipe fit --method trajectory $S --epochs 2 --lr 1e9 -i $A -o nets; echo $?; ls nets .cache/pipe")
      #expect(run.output == "64\n", "\(run.errors)")
      #expect(run.errors.contains("lower --lr"), "\(run.errors)")
    }

    @Test func `clusters take the networks that are given as those that are kept`() throws {
      let run = try shell(
        """
        condense="pipe condense -q --method m3d --ipc 2 --steps 1 --batch 8 $S --seed 3 --init kmeans -i $A"
        $condense --cache c | pipe shard -q -o kept && ls c | grep -c trajectory || exit
        pipe fit -q --method trajectory $S --seed 3 --networks 2 --epochs 4 -i $A -o nets || exit
        $condense --trajectories nets --cache none | pipe shard -q -o given || exit
        cmp kept/*.tar given/*.tar && grep -o '"trajectories"' given/pipe.manifest; ls none
        """)
      #expect(run.output == "1\n\"trajectories\"\n", "\(run.output) \(run.errors)")
    }

    @Test func `snapshots are those of the networks that are given, and all of them`() throws {
      let run = try shell(
        """
        condense="pipe condense -q --method guided --ipc 2 --steps 3 --batch 8 $S --seed 3 -i $A"
        $condense --networks 2 --early-epochs 3 --cache c | pipe shard -q -o kept && ls c | grep -c trajectory || exit
        pipe fit -q --method trajectory $S --seed 3 --networks 2 --epochs 3 -i $A -o nets || exit
        $condense --trajectories nets --cache none | pipe shard -q -o given || exit
        cmp kept/*.tar given/*.tar && grep -oE '"(networks|early-epochs)" ?: ?"[0-9]+"' given/pipe.manifest | tr -d ' '; ls none
        """)
      #expect(run.output == "2\n\"early-epochs\":\"3\"\n\"networks\":\"2\"\n", "\(run.output) \(run.errors)")
    }

    @Test(arguments: ["herding", "k-center"])
    func `selections take the features of the last epoch of the first network`(method: String) throws {
      let run = try shell(
        """
        for n in 1 2; do pipe fit -q --method trajectory $S --networks $n --epochs 2 -i $A -o nets$n || exit; done
        for n in 1 2; do
          pipe condense -q --method \(method) $S --ipc 2 -i $A --trajectories nets$n --cache none | pipe shard -q -o $n || exit
        done
        cmp 1/*.tar 2/*.tar && grep -c feature-steps 1/pipe.manifest; ls none; grep -o '"trajectories"' 1/pipe.manifest
        """)
      #expect(run.output == "0\n\"trajectories\"\n", "\(run.output) \(run.errors)")
    }

    @Test func `networks that do not fit are refused before anything is computed`() throws {
      let run = try shell(
        """
        pipe fit -q --method trajectory $S --epochs 1 -i $A -o nets || exit
        pipe fit -q --ipc 1 --steps 1 $S --batch 10 -i $A -o other || exit
        condense="pipe condense -q --ipc 1 -o x"
        $condense --method herding --trajectories nets -i $A; echo $?
        $condense --method herding $S --trajectories nets --classes circle,square -i $A; echo $?
        $condense --method herding $S --trajectories nets --resize 16 -i $A; echo $?
        $condense --method dm $S --init kmeans --trajectories nets -i $A; echo $?
        $condense --method herding $S --trajectories other -i $A; echo $?
        $condense --method dm $S --trajectories nets -i $A; echo $?
        $condense --method herding $S --feature-steps 3 --trajectories nets -i $A; echo $?
        $condense --method random --trajectories nets -i $A; echo $?
        $condense $S --cutmix 0.5 --trajectories nets -i $A; echo $?
        """)
      #expect(run.output == "65\n65\n65\n65\n65\n64\n64\n64\n64\n", "\(run.errors)")
      let lines = run.errors.split(separator: "\n").map(String.init)
      try #require(lines.count == 9, "\(run.errors)")
      let parts = [
        "give --net convnet --width 8 --depth 2", "has the classes circle, square", "3×16×16",
        "holds 1 network of 1 epoch, and the method asks for 1 of 2", "is a model of the method koopcon",
        "--trajectories means nothing here: dm trains no networks", "do not go together",
        "means nothing to the method random", "do not go together",
      ]
      for (line, part) in zip(lines, parts) { #expect(line.contains(part), "\(line)") }
    }

    @Test(arguments: [
      "dm --init real", "m3d --init kmeans", "dm --init real --normalization 0.9,0.1,0.5:0.05,2,0.6",
    ])
    func `the start of a set is evaluated beside it`(method: String) throws {
      let run = try shell(
        """
        condense="pipe condense -q --method \(method) --ipc 'cross=1,*=2' --seed 4 --batch 8 $S -i $A"
        eval "$condense --steps 2 --lr 0 | pipe shard -q -o same" && eval "$condense --steps 2 | pipe shard -q -o moved" || exit
        for set in same moved "same --mirror no"; do
          pipe evaluate -q --train $set --test $A --epochs 1 --repeats 1 $S --baselines --json || exit
          echo ---
        done
        """)
      #expect(run.status == 0, "\(run.errors)")
      let reports = try run.output.components(separatedBy: "---\n").dropLast().map { text in
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(EvaluationResult.self, from: Data(text.utf8))
      }
      for report in reports {
        #expect(report.rows.map(\.label).dropFirst() == ["initial images", "random baseline", "herding baseline"])
        #expect(report.rows[0].trainedOn == report.rows[1].trainedOn && report.rows[1].baseline)
      }
      // Images that were never moved are their own start, under the same networks, also where it is said later that they may not be mirrored.
      #expect(reports[2].rows[0].accuracies == reports[2].rows[1].accuracies)
      #expect(reports[0].rows[0].accuracies == reports[0].rows[1].accuracies)
      #expect(reports[0].rows[1].perClass == reports[1].rows[1].perClass)
    }

    @Test func `a start that cannot be made again is told and left out`() throws {
      let run = try shell(
        """
        pipe fit -q --method trajectory $S --epochs 2 -i $A -o nets || exit
        condense="pipe condense -q --method dm --steps 1 --ipc 1 --batch 8 $S"
        $condense -i $A --classes circle,square | pipe shard -q -o other || exit
        $condense --init kmeans --trajectories nets -i $A | pipe shard -q -o given || exit
        pipe condense -q --method random --ipc 1 -i $A | pipe shard -q -o random || exit
        evaluate="pipe evaluate --test $A --epochs 1 --repeats 1 $S --baselines"
        $evaluate --train given | grep -c '^initial images'
        $evaluate --train random 2> log | grep -c '^initial images'; grep -c 'began with' log
        $evaluate --train other --classes circle,square | grep -c '^initial images'
        pipe condense -q --method random --ipc 15 --classes circle,square -i $A -o few || exit
        $condense -i few | pipe shard -q -o fewer || exit
        $evaluate --train fewer --classes circle,square | grep -c '^initial images'
        $condense -i $A --ipc 2 | pipe shard -q -o two && pipe cat -q --per-class 1 two -o thin.wire || exit
        pipe shard -q -i thin.wire -o thin && $evaluate --train thin | grep -c '^initial images'
        """)
      #expect(run.output == "0\n0\n0\n1\n0\n0\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("its clusters came from networks in a file"), "\(run.errors)")
      #expect(run.errors.contains("it was changed afterwards, by pipe cat --per-class 1"), "\(run.errors)")
      #expect(run.errors.contains("it was condensed from other images than --real has"), "\(run.errors)")
    }

    @Test(arguments: ["", "--net resnet10 --norm batch"])
    func `the memory estimate is between the peak and twice the peak`(network: String) throws {
      let (estimate, peak) = try ComputeTests.memory(
        "fit --method trajectory --epochs 2 \(network) -i $F/shapes-cifar.tar.gz")
      #expect(estimate >= peak && estimate <= 2 * peak, "\(estimate / peak) times the peak of \(peak / 1_048_576) MiB")
    }

    @Test(arguments: ["dm", "m3d"])
    func `the memory of a start at clusters is estimated, too`(method: String) throws {
      let (estimate, peak) = try ComputeTests.memory(
        "condense --method \(method) --init kmeans --steps 2 --ipc 10 -i $F/shapes-cifar.tar.gz")
      #expect(estimate >= peak && estimate <= 2 * peak, "\(estimate / peak) times the peak of \(peak / 1_048_576) MiB")
    }
  }
}
