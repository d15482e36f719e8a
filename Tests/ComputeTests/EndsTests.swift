import Foundation
import Testing

/// Verbs that learn for as long as they are let: the words, and the stage that tells when they have begun.
private let learning = [
  ["condense --method dm --width 32", "dm"], ["condense --method koopcon --width 32", "koopcon"],
  ["expand --pretrain $A --pretrain-steps 100000 --ratio 2", "pre-training"],
  ["fit --method koopcon --width 32", "koopcon"], ["fit --method expansive", "pre-training"],
]

extension ComputeTests {
  /// How the verbs that learn end: by signals, by limits, by a reader that has gone.
  @Suite struct EndsTests {
    /// Runs a line in an empty folder; `$A` is an archive.
    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      let scratch = try Scratch()
      return try ComputeTests.shell("A=$F/shapes-cifar.tar.gz; mkdir w; cd w; \(line)", in: scratch.folder)
    }

    /// Runs a verb in the background, in a group of its own, until its learning has begun.
    private func begun(_ verb: [String], _ more: String = "-o out") -> String {
      """
      set -m; pipe \(verb[0]) --steps 1000000 --progress json -i $A \(more) 2> log & job=$!
      until grep -q '"stage":"\(verb[1])","done":[1-9]' log || ! kill -0 $job 2> /dev/null; do :; done
      """
    }

    @Test(arguments: learning, ["TERM", "HUP"])
    func `a signal that ends publishes nothing`(verb: [String], signal: String) throws {
      let run = try shell("\(begun(verb)); kill -\(signal) -$job; wait $job; echo code $?; ls -A; cat log >&2")
      #expect(run.output == "code \(signal == "TERM" ? 143 : 129)\nlog\n", "\(run.output) \(run.errors)")
    }

    @Test(arguments: learning) func `kept on SIGTERM the result is there and the code tells`(verb: [String]) throws {
      let run = try shell(
        "\(begun(verb, "-o out --on-term keep")); kill -TERM -$job; wait $job; echo code $?; ls -A; cat log >&2")
      #expect(run.output == "code 143\nlog\nout\n", "\(run.output) \(run.errors)")
    }

    @Test func `of a pipe of two nothing is published on SIGTERM and the short set on Ctrl-C`() throws {
      let line = """
        set -m
        pipe condense --method dm --width 32 --steps 1000000 --progress json -i $A 2> log | pipe shard -q -o set & job=$!
        until grep -q '"stage":"dm","done":[1-9]' log || ! kill -0 $job 2> /dev/null; do :; done
        group=$(ps -o pgid= $job | tr -d ' ')
        """
      let ended = try shell("\(line); kill -TERM -- -$group; wait $job; echo code $?; ls -A; cat log >&2")
      #expect(ended.output == "code 143\nlog\n", "\(ended.output) \(ended.errors)")
      let kept = try shell(
        "\(line); kill -INT -- -$group; wait $job; echo code $?; pipe verify -q set && pipe inspect set")
      #expect(kept.output.contains("code 0\n") && kept.output.contains("--steps"), "\(kept.output) \(kept.errors)")
    }

    @Test(arguments: learning) func `before the first step there is nothing to keep`(verb: [String]) throws {
      // The signal comes while the samples are read.
      let run = try shell(
        """
        set -m; mkfifo f; gzip -dc $A > data; exec 9<>f
        pipe \(verb[0]) --steps 1000000 -i f -o out 2> log 9>&- & job=$!
        head -c 300000 data >&9
        # Its handlers of SIGHUP and SIGINT are installed.
        until grep -qE 'SigCgt:.*[37bf]$' /proc/$job/status || ! kill -0 $job 2> /dev/null; do :; done
        kill -INT $job; until grep -q finishing log || ! kill -0 $job 2> /dev/null; do :; done
        tail -c +300001 data >&9; exec 9>&-; wait $job; echo code $?; ls -A; cat log
        """)
      #expect(run.output.hasPrefix("code 130\ndata\nf\nlog\n"), "\(run.output) \(run.errors)")
      #expect(run.output.contains("before its first step"), "\(run.output)")
    }

    @Test func `the second Ctrl-C gives up without a model`() throws {
      for verb in learning.suffix(2) {
        let run = try shell(
          """
          \(begun(verb)); kill -INT $job; until grep -q finishing log || ! kill -0 $job; do :; done; kill -INT $job
          wait $job; echo code $?; ls -A
          """)
        // Where the step at hand ended between the two, the model is there and whole.
        #expect(
          run.output == "code 130\nlog\n" || run.output == "code 0\nlog\nout\n", "\(run.output) \(run.errors)")
      }
    }

    @Test func `what cannot be written is said for what it is`() throws {
      let fit = "pipe fit -q --method koopcon --width 16 --steps 1 -i $A"
      for (redirection, code) in [
        (" -o - > /dev/full", 74), (" -o - >&-", 74), (" -o - | true", 141), (" -o /dev/full", 74),
      ] {
        let run = try shell("set +o pipefail; \(fit)\(redirection); echo code ${PIPESTATUS[0]}")
        #expect(run.output == "code \(code)\n", "\(redirection) \(run.output) \(run.errors)")
      }
      let limited = try shell("ulimit -f 8; \(fit) -o m; echo code $?; ls -A")
      #expect(limited.output == "code 74\n", "\(limited.output) \(limited.errors)")
    }

    @Test(arguments: [200_000, 700_000, 1_000_000, 1_150_000, 1_210_000])
    func `too few addresses are refused with a number that would do`(limit: Int) throws {
      for words in ["", "--dry-run"] {
        var (limit, tries, isLarge) = (limit, 0, false)
        // The first number is that of the library alone, the next counts the data too.
        while tries < 3 {
          let run = try shell(
            """
            ulimit -v \(limit)
            timeout -s KILL 60 pipe condense -q --method dm --width 32 --steps 1 -i $A -o out \(words)
            """)
          if run.status == 0 { break }
          // A large library is not even loaded.
          if run.status == 127 {
            (limit, isLarge) = (limit + 400_000, true)
            continue
          }
          tries += 1
          #expect(run.status == 64, "\(limit): \(run.status) \(run.errors)")
          let number = try #require(run.errors.firstMatch(of: /ulimit -v ([0-9]+)/)?.output.1, "\(run.errors)")
          limit = try #require(Int(number).flatMap { $0 > limit ? $0 : nil })
        }
        // Every core beyond two has a thread of its own.
        let cores = ProcessInfo.processInfo.activeProcessorCount
        #expect(isLarge || limit < 1_400_000 + 200_000 * max(0, cores - 2))
      }
    }

    @Test func `a run that fails leaves no folder for snapshots`() throws {
      let failed = try shell(
        "pipe condense --method dm --steps 1 --snapshots deep/s -i missing.tar -o out; echo $?; ls -A")
      #expect(failed.output == "66\n", "\(failed.output) \(failed.errors)")
      let made = try shell(
        "pipe condense --method dm --width 16 --steps 2 --snapshot-every 1 --snapshots deep/s -i $A -o out && ls deep/s"
      )
      #expect(made.output == "step-000001\nstep-000002\n", "\(made.output) \(made.errors)")
    }

    @Test func `evaluate reports nothing at SIGTERM`() throws {
      let run = try shell(
        """
        set -m; pipe condense -q --method random --ipc 2 -i $A | pipe shard -q -o few
        pipe evaluate --train few --test $A --width 32 --epochs 100000 --progress json > report 2> log & job=$!
        until grep -q '"done":[1-9].*epochs' log || ! kill -0 $job 2> /dev/null; do :; done
        kill -TERM -$job; wait $job; echo code $?; wc -c < report; cat log >&2
        """)
      #expect(run.output == "code 143\n0\n", "\(run.output) \(run.errors)")
    }

    @Test func `without a place for a cache there is none`() throws {
      let select = "pipe condense --method herding --feature-steps 1 --width 16 --ipc 1 -i $A"
      for (place, isKept) in [
        ("env -u HOME", false), ("env HOME=", false), ("env HOME=relative", false), ("env HOME=$PWD/h", true),
        ("env -u HOME XDG_CACHE_HOME=relative", false), ("env XDG_CACHE_HOME=$PWD/x", true),
      ] {
        let run = try shell("\(place) \(select) -o out && find . -name '*.safetensors' | wc -l; [ ! -e relative ]")
        #expect(run.status == 0 && run.output == (isKept ? "1\n" : "0\n"), "\(place) \(run.output) \(run.errors)")
        #expect(run.errors.contains("there is no cache") == !isKept, "\(run.errors)")
      }
    }
  }
}
