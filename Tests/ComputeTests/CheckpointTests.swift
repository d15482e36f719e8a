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
  /// What holds for every method whose runs can be continued.
  @Suite struct CheckpointTests {
    private let thread = BlockingThread(name: "compute test")
    private static let resuming = Registry.methods.filter { $0.traits.resumes }.map { $0.name }
    private static let others = Registry.methods.filter { !$0.traits.resumes }.map { $0.name }

    private func small(_ name: String) throws -> [String] {
      let method = try #require(Catalog.method(name))
      var words = ["--method", name, "--ipc", "2", "--steps", "6", "--width", "4", "--depth", "2", "--batch", "8"]
      let offered = Set(method.settings.map(\.option))
      let isTrained = offered.contains("early-epochs") && name != "dc" && name != "dsa"
      if isTrained, !offered.contains("embed-in") || name == "guided" { words += ["--early-epochs", "1"] }
      if name == "dc" || name == "dsa" { words += ["--iterations-per-model", "2", "--inner-loop", "1"] }
      return words
    }

    private func condensed(
      _ words: [String], checkpoint path: String?, samples: [Sample]? = nil,
      surroundings prepare: (inout RunContext) -> Void = { _ in }
    ) async throws -> (info: DatasetInfo, samples: [Sample]) {
      let (info, toy) = toySamples()
      var request = try CondenseRequest(Arguments(words, for: .condense))
      var surroundings = RunContext(computeThread: thread)
      prepare(&surroundings)
      if let path {
        let isThere = FileManager.default.fileExists(atPath: path)
        let found = try await thread.run { isThere ? try CheckpointFile(contentsOf: path) : nil }
        request.checkpoint = .init(path: path, found: found)
        try request.checkCheckpoint(tool: "test")
      }
      let stage = CondenseStage(request, of: info, tool: "test", in: surroundings)
      var wiring = Wiring()
      let flow = stage.connect(.elements(samples ?? toy), &wiring)
      var result: [Sample] = []
      while let sample = try await flow.next() { result.append(sample) }
      return (try #require(stage.described), result)
    }

    /// Runs until `steps` steps are done.
    private func stopped(_ words: [String], checkpoint path: String, after steps: Int) async throws {
      let done = Mutex(0)
      _ = try await condensed(words, checkpoint: path) { surroundings in
        surroundings.progress = { event in if event.unit == "steps" { done.withLock { $0 = event.done } } }
        surroundings.shouldStop = { done.withLock { $0 } >= steps }
      }
    }

    @Test(arguments: resuming) func `a stopped run goes on to the bytes of one that was not`(name: String) async throws
    {
      let scratch = try Scratch()
      let path = scratch.folder.appending(path: "run.checkpoint").path
      let words = try small(name)
      let whole = try await condensed(words, checkpoint: nil)
      for steps in [2, 5] { try await stopped(words, checkpoint: path, after: steps) }
      let done = Mutex<[Int]>([])
      let rest = try await condensed(words, checkpoint: path) { surroundings in
        surroundings.progress = { event in
          if event.stage == name { done.withLock { $0.append(event.done) } }
        }
      }
      #expect(rest.samples == whole.samples && rest.info == whole.info)
      // It did not begin anew: methods that train networks between steps go on where a network begins.
      #expect(try #require(done.withLock { $0 }.first) >= 5)
      // Once more: nothing is left to do.
      let again = try await condensed(words, checkpoint: path)
      #expect(again.samples == whole.samples && again.info == whole.info)
    }

    @Test func `trials on held-out images go on as well`() async throws {
      let scratch = try Scratch()
      let path = scratch.folder.appending(path: "run.checkpoint").path
      let words = try small("dm") + ["--steps", "30", "--lr", "0", "--validate", "0.4", "--validate-every", "2"]
      let whole = try await condensed(words, checkpoint: nil)
      // Nothing moves: the first trial is the best, and the second after it the last.
      #expect(whole.info.provenance.last?.options["steps"] == "6")
      try await stopped(words, checkpoint: path, after: 5)
      let rest = try await condensed(words, checkpoint: path)
      #expect(rest.samples == whole.samples && rest.info == whole.info)
    }

    /// Steps that learn for as long as they are let, and the stage that tells when they have begun.
    private static let long = [
      ("condense", "method: 'dm', ipc: 1, steps: 200000, width: 4, depth: 1", "dm"),
      ("expand", "pretrain: 'in', 'pretrain-steps': 200000, ratio: 1", "pre-training"),
    ]

    /// Runs a pipeline of such a step in the background, until it learns; what it says is in `said`, and goes on in descriptor 3.
    private func begun(_ step: (verb: String, options: String, stage: String), _ words: String = "", in folder: URL)
      throws -> String
    {
      try """
      { format: 1, datasets: [{ output: "out", input: ["in"], steps: [
        { verb: "\(step.verb)", options: { \(step.options) } }, { verb: "shard" } ] }] }
      """.write(to: folder.appending(path: "job.json5"), atomically: true, encoding: .utf8)
      return """
        mkdir in && tar xzf $F/shapes-folder.tar.gz -C in && mkfifo events
        set -m # without it a shell has its background ignore SIGINT
        pipe run --progress=json --cache cache \(words) job.json5 2> events & job=$!; exec 3< events
        while read -r line <&3; do echo "$line" >> said; [[ $line == *'"stage":"\(step.stage)"'*'"done":'* ]] && break; done
        """
    }

    @Test(arguments: long)
    func `a pipeline whose step was ended alone publishes nothing and keeps nothing`(
      verb: String, options: String, stage: String
    ) throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        \(try begun((verb, options, stage), in: scratch.folder))
        pkill -INT -P $job -x pipe-compute
        cat <&3 >> said; wait $job; echo status $?; ls; ls cache | grep -c ^step-
        """, in: scratch.folder)
      let said = try String(contentsOf: scratch.folder.appending(path: "said"), encoding: .utf8)
      let sentence = "nothing was published: a signal that came to \(verb) alone ended it early"
      #expect(said.contains(sentence), "\(said.suffix(1000))")
      #expect(run.output.contains("status 75\n") && !run.output.contains("\nout\n"), "\(run.output)")
      #expect(run.output.hasSuffix("\n0\n"), "\(run.output)")
    }

    @Test(arguments: long, [("INT", 130), ("TERM", 143)])
    func `a run that is told to end early keeps what its step reached`(
      step: (verb: String, options: String, stage: String), signal: (name: String, code: Int)
    ) throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        \(try begun(step, "--on-term=keep", in: scratch.folder))
        # Ctrl-C reaches the whole group; a SIGTERM the run alone, which hands it on.
        kill -\(signal.name) \(signal.name == "INT" ? "-- -" : "")$job
        cat <&3 >> said; wait $job; echo status $?; pipe verify -q out && ls cache | grep -c ^step-; cat said >&2
        """, in: scratch.folder)
      #expect(
        run.output.hasPrefix("status \(signal.code)\n") && run.output.hasSuffix("\n0\n"),
        "\(run.output) \(run.errors.suffix(1000))")
    }

    @Test func `the catalogue offers checkpoints to the methods that have them`() {
      #expect(Catalog.methods.filter { $0.understands("checkpoint") }.map(\.name) == Self.resuming)
    }

    @Test(arguments: others) func `a method without steps of images has no checkpoints`(name: String) async throws {
      let scratch = try Scratch()
      let path = scratch.folder.appending(path: "run.checkpoint").path
      let error = await #expect(throws: DataError.self) {
        _ = try await condensed(["--method", name, "--ipc", "1"], checkpoint: path)
      }
      #expect(error?.problem.contains("\(name) has no checkpoints") == true)
    }

    @Test func `a checkpoint of another run is refused and stays as it is`() async throws {
      let scratch = try Scratch()
      let path = scratch.folder.appending(path: "run.checkpoint").path
      let words = try small("guided")
      try await stopped(words, checkpoint: path, after: 2)
      let before = FileManager.default.contents(atPath: path)
      func refusal(_ words: [String], samples: [Sample]? = nil) async throws -> String {
        do {
          _ = try await condensed(words, checkpoint: path, samples: samples)
        } catch {
          return "\(error)"
        }
        Issue.record("it was taken: \(words)")
        return ""
      }
      #expect(try await refusal(words + ["--lr", "3"]).contains("no --lr, and this one has --lr 3"))
      #expect(try await refusal(words + ["--seed", "1"]).contains("--seed 0, and this one has --seed 1"))
      #expect(try await refusal(words + ["--ipc", "1"]).contains("--ipc 2, and this one has --ipc 1"))
      #expect(try await refusal(try small("dm")).contains("--method"))
      #expect(try await refusal(words + ["--steps", "9"]).contains("--steps 6, and this one has --steps 9"))
      #expect(try await refusal(words, samples: toySamples(perClass: [12, 10]).samples).contains("other images"))
      #expect(FileManager.default.contents(atPath: path) == before)
      // Cut, or of another kind.
      for bytes in [try #require(before).prefix(200), Data("no checkpoint".utf8), Data()] {
        try Data(bytes).write(to: URL(filePath: path))
        #expect(try await refusal(words).contains(path))
        #expect(FileManager.default.contents(atPath: path) == Data(bytes))
      }
    }

    /// Kills at moments that the machine chooses; what a run that may end has at last are the bytes of one that was left alone.
    @Test func `a checkpoint in which a bit changed is refused`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        condense="pipe condense --method dm --ipc 1 --steps 3 --batch 4 --width 8 -i $F/shapes-cifar.tar.gz"
        $condense --checkpoint kept -o a 2> log && cp kept whole || exit
        for place in 40 -41 -4000; do
          python3 -c "
        content = bytearray(open('whole', 'rb').read())
        content[$place] ^= 0x40
        open('kept', 'wb').write(content)"
          rm -f b; $condense --checkpoint kept -o b; echo $? $(ls b 2> /dev/null)
        done
        """, in: scratch.folder)
      #expect(run.output == "65\n65\n65\n", "\(run.output) \(run.errors)")
    }

    @Test func `a run that is killed again and again ends with the same bytes`() throws {
      let scratch = try Scratch()
      let words =
        "pipe condense --ipc 2 --method dm --steps 120 --width 8 --batch 8 -i $F/shapes-cifar.tar.gz -q --progress=never"
      let kept = "\(words) --checkpoint run.checkpoint --checkpoint-every 0.05s -o killed.wire"
      let whole = try ComputeTests.shell("\(words) -o whole.wire", in: scratch.folder)
      #expect(whole.status == 0, "\(whole.errors)")
      // The file appears, and grows older: every kill comes after a new one.
      let killed = try ComputeTests.shell(
        """
        for n in 1 2 3; do
          old=$(stat -c %i run.checkpoint 2>/dev/null)
          \(kept) & while kill -0 $! 2>/dev/null; do
            [ "$(stat -c %i run.checkpoint 2>/dev/null)" != "$old" ] && kill -9 $!; done; wait $! 2>/dev/null
        done; rm -f killed.wire; \(kept) && cmp whole.wire killed.wire
        """, in: scratch.folder)
      #expect(killed.status == 0, "\(killed.errors)")
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
      #expect(left.filter { $0.hasSuffix(".partial") }.isEmpty)
    }

    @Test func `a pipeline that is killed goes on and leaves nothing behind`() throws {
      let scratch = try Scratch()
      try Data(
        """
        {format: 1, datasets: [{output: "small", input: ["fixture.tar.gz"], steps: [
          {verb: "condense", options: {method: "dm", ipc: 2, steps: 120, width: 8, batch: 8, "checkpoint-every": "0.05s"}},
          {verb: "shard"}]}]}
        """.utf8
      ).write(to: scratch.folder.appending(path: "p.json5"))
      let done = try ComputeTests.shell(
        """
        cp $F/shapes-cifar.tar.gz fixture.tar.gz
        pipe condense --method dm --ipc 2 --steps 120 --width 8 --batch 8 -q -i fixture.tar.gz | pipe shard -q -o whole || exit 1
        touch .small.0123456789abcdef0123456789abcdef.checkpoint .small.mine.checkpoint
        pipe run p.json5 -q & while kill -0 $! 2>/dev/null; do
          for f in .small.*.checkpoint; do case $f in *mine*|*0123456789abcdef*) ;; *) [ -s "$f" ] && pkill -9 -f "checkpoint=.*$f";; esac; done
        done; wait $!; echo "killed: $?"
        pipe run p.json5 -v && cmp whole/*.tar small/*.tar
        """, in: scratch.folder)
      #expect(done.status == 0, "\(done.errors)")
      #expect(done.output.contains("killed: ") && done.errors.contains("going on after step"), "\(done.errors)")
      // What is not of a recipe of this output is somebody's.
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
      #expect(left.filter { $0.hasPrefix(".small") } == [".small.mine.checkpoint"])
    }
  }

  /// What is said of how well a set trains.
  @Suite struct ValidationTests {
    private func run(_ words: String, in scratch: Scratch) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell(
        "pipe condense --ipc 2 -i $F/shapes-cifar.tar.gz --progress=never \(words)", in: scratch.folder)
    }

    @Test func `what is held back is tried and recorded`() throws {
      let scratch = try Scratch()
      let line = "--method dm --steps 2 --width 8 --validate 0.25"
      let done = try run("\(line) -o a.wire && pipe shard -q -i a.wire -o set && pipe inspect --json set", in: scratch)
      #expect(done.status == 0, "\(done.errors)")
      #expect(
        done.errors.firstMatch(of: /dm: \d+ images in [0-9.]+ minutes: [0-9.]+ % right on \d+ held-out images/) != nil)
      let found = done.output.firstMatch(of: /"held-out-images" ?: ?(\d+)/)
      #expect(found != nil && done.output.contains("random-accuracy"), "\(done.output)")
      #expect(done.errors.contains("its first images reach") && done.output.contains("initial-accuracy"))
      // The history typed again gives the same.
      let again = try run("\(line) -o b.wire && cmp a.wire b.wire", in: scratch)
      #expect(again.status == 0, "\(again.errors)")
      // Without it, other images are made.
      let plain = try run("--method dm --steps 2 --width 8 -o c.wire && cmp -s a.wire c.wire", in: scratch)
      #expect(plain.status == 1 && !plain.errors.contains("held-out"))
    }

    @Test func `a run ends when nothing is gained`() throws {
      let scratch = try Scratch()
      let done = try run(
        "--method dm --steps 40 --lr 0 --width 8 --ipc 1 --validate 0.5 --validate-every 2 -o a.wire && pipe shard -q -i a.wire -o set && pipe inspect --json set",
        in: scratch)
      #expect(done.status == 0, "\(done.errors)")
      // The images never change: the first trial is the best, and two more gain nothing.
      #expect(done.errors.contains("nothing was gained in 2 trials"))
      #expect(done.output.firstMatch(of: /"steps" ?: ?"6"/) != nil, "\(done.output)")
    }

    @Test func `images that are not changed train as well as the first ones, and selected ones have none`() throws {
      let scratch = try Scratch()
      let still = try run(
        "--method dm --steps 2 --lr 0 --width 8 --validate 0.25 -o a.wire && pipe shard -q -i a.wire -o set && pipe inspect --json set",
        in: scratch)
      let reached = still.output.firstMatch(of: /"accuracy" ?: ?([0-9.]+)/)?.1
      #expect(
        reached != nil && reached == still.output.firstMatch(of: /"initial-accuracy" ?: ?([0-9.]+)/)?.1,
        "\(still.output)")
      #expect(!still.errors.contains("train worse"))
      let selected = try run("--method random --validate 0.25 -o b.wire", in: scratch)
      #expect(selected.status == 0 && !selected.errors.contains("first images"), "\(selected.errors)")
    }

    @Test func `of a class of one image and of classes that are not made nothing is held back`() throws {
      let (info, samples) = toySamples(perClass: [3, 1, 8])
      let all = try store(info, samples)
      func counts(_ part: ClassStore) -> [Int] { (0..<3).map(part.count(ofClass:)) }
      let (kept, heldBack) = try all.divided(holdingBack: 0.5, seed: 0)
      #expect(counts(kept) == [1, 1, 4] && counts(heldBack) == [2, 0, 4])
      let some = try all.divided(holdingBack: 0.25, seed: 0) { $0 != 2 }
      #expect(counts(some.kept) == [2, 1, 8] && counts(some.heldBack) == [1, 0, 0])
      let (few, ones) = toySamples(perClass: [1, 1])
      let none = try store(few, ones)
      let error = #expect(throws: DataError.self) { _ = try none.divided(holdingBack: 0.1, seed: 0) }
      #expect(error?.problem.contains("no class has two samples") == true)
    }

    @Test func `held-out accuracy is that of the classes that are made`() throws {
      let scratch = try Scratch()
      let run = try ComputeTests.shell(
        """
        pipe condense --method dm --width 8 --depth 1 --steps 1 --ipc 'circle=0,*=1' --validate 0.2 -i $F/shapes-cifar.tar.gz -o a
        pipe evaluate --train a --test $F/shapes-cifar.tar.gz --epochs 1 --repeats 1 --width 8 --depth 1 > /dev/null; echo $?
        """, in: scratch.folder)
      #expect(run.status == 0 && run.output == "0\n", "\(run.errors)")
      let images = try #require(run.errors.firstMatch(of: /right on ([0-9]+) held-out images/)?.1)
      // A fifth of the twenty images of each of the nine classes that are made.
      #expect(images == "36", "\(run.errors)")
    }

    @Test func `both parts hold every sample once and differ with the seed`() throws {
      let (info, samples) = toySamples(perClass: [30, 20])
      let store = try store(info, samples)
      func keys(_ part: ClassStore) -> [[String]] {
        (0..<2).map { label in (0..<part.count(ofClass: label)).map { part.key(ofClass: label, at: $0) } }
      }
      let (kept, heldBack) = try store.divided(holdingBack: 0.1, seed: 1)
      #expect(keys(heldBack).map(\.count) == [3, 2] && keys(kept).map(\.count) == [27, 18])
      #expect(Set(keys(kept)[0] + keys(heldBack)[0]) == Set(samples.filter { $0.label == 0 }.map(\.key)))
      #expect(kept.count == 45 && heldBack.archiveOrder.count == 5)
      let digests = [
        kept.digest, heldBack.digest, store.digest, try store.divided(holdingBack: 0.1, seed: 2).kept.digest,
      ]
      #expect(Set(digests).count == 4)
      #expect(try keys(store.divided(holdingBack: 0.1, seed: 2).heldBack) != keys(heldBack))
    }
  }
}
