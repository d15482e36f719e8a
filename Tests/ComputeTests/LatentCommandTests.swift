import Datasets
import Foundation
import Shards
import Testing

extension ComputeTests {
  /// The latent pipeline in the built programs, joined by a shell as users join them.
  @Suite struct LatentCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    init() throws {
      scratch = try Scratch()
    }

    /// A line that finds small settings of a fit in `$S`.
    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell("S='--ipc 1 --width 8 --batch 20 --latent 16'; \(line)", in: folder)
    }

    @Test(arguments: ["", "--formation time", "--factor 1", "--embed-in drawn", "--mirror no"])
    func `long and short form write the same shards`(options: String) throws {
      let run = try shell(
        """
        S="$S \(options)"
        pipe fit $S --steps 6 --seed 2 -o m.safetensors < $F/shapes-cifar.tar.gz || exit
        pipe decode < $F/shapes-cifar.tar.gz | pipe encode -m m.safetensors | pipe attend -m m.safetensors \
          | pipe condense -m m.safetensors | pipe decode -m m.safetensors | pipe shard -o long || exit
        pipe condense --method koopcon $S --steps 6 --seed 2 < $F/shapes-cifar.tar.gz | pipe shard -o short || exit
        pipe verify long && pipe verify short && for f in long/*.tar; do cmp $f short/${f#long/} || exit; done
        """)
      #expect(run.status == 0, "\(run.errors)")
      let flags = try ["long", "short"].map { try Manifest(inFolder: folder.appending(path: $0).path).mirror }
      #expect(flags == (options.contains("mirror") ? [false, false] : [nil, nil]))
      // What made them is found in either, without the model's file.
      func condensing(_ name: String) throws -> ProvenanceStep {
        let steps = try Manifest(inFolder: folder.appending(path: name).path).provenance
        return try #require(steps.last { $0.verb == "condense" })
      }
      var long = try condensing("long")
      let short = try condensing("short")
      #expect(long.digests.removeValue(forKey: "model") != nil)
      #expect(long.options == short.options && long.digests == short.digests)
      #expect(long.options["seed"] == "2" && long.options["steps"] == "6" && long.digests["source"]?.count == 64)
    }

    @Test func `latents are kept inspected and taken up again`() throws {
      let run = try shell(
        """
        pipe fit $S --steps 2 -o m.safetensors < $F/shapes-cifar.tar.gz || exit
        pipe encode -m m.safetensors < $F/shapes-cifar.tar.gz | pipe shard -o latents || exit
        pipe verify latents || exit
        pipe inspect latents --json | grep '"latent.npy"' > /dev/null || exit
        tar tf latents/*.tar | grep latent.npy > /dev/null || exit
        pipe cat latents | pipe attend -m m.safetensors | pipe condense -m m.safetensors | pipe shard -o few || exit
        pipe decode -m m.safetensors -i few | pipe shard -o images || exit
        pipe verify images && pipe preview images -o sheet.png
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `a model of other images is refused with both shapes`() throws {
      let run = try shell(
        """
        pipe fit $S --steps 1 -o m.safetensors < $F/shapes-cifar.tar.gz || exit 1
        pipe encode -m m.safetensors --resize 28x28 < $F/shapes-cifar.tar.gz | pipe shard -o x; echo ${PIPESTATUS[@]}
        """)
      #expect(run.output == "65 65\n", "\(run.errors)")
      #expect(run.errors.contains("3×28×28") && run.errors.contains("3×32×32"))
    }

    /// Keys are numbers, so they are those of the fit in each case.
    @Test func `latents of other images or in another order are refused`() throws {
      let run = try shell(
        """
        mkdir -p same/train/{cat,dog} && pipe decode < $F/shapes-cifar.tar.gz | pipe shard --fields png,cls -o set || exit
        python3 - <<'END'
        import os, tarfile
        for part, order in (('same', 1), ('turned', -1), ('others', 1)):
            count = {}
            with tarfile.open('set/' + [n for n in os.listdir('set') if n.endswith('.tar')][0]) as tar:
                images = {m.name[:-4]: tar.extractfile(m).read() for m in tar if m.name.endswith('.png')}
                tar = tarfile.open(tar.name)
                labels = {m.name[:-4]: tar.extractfile(m).read() for m in tar if m.name.endswith('.cls')}
            for label in (b'0', b'1'):
                own = [images[k] for k in sorted(images) if labels[k] == label]
                chosen = (own[4:8] if part == 'others' else own[:4])[::order]
                folder = f'{part}/train/c{label.decode()}'
                os.makedirs(folder, exist_ok=True)
                for place, image in enumerate(chosen):
                    open(f'{folder}/{place}.png', 'wb').write(image)
        END
        rm -r same/train/cat same/train/dog
        pipe fit $S --steps 2 -i same -o m || exit
        for part in same turned others; do
          pipe encode -m m -i $part | pipe attend -m m | pipe condense -m m | pipe decode -m m > images; echo ${PIPESTATUS[@]}
        done
        """)
      #expect(run.status == 65 || run.status == 0, "\(run.errors)")
      #expect(run.output == "0 0 0 0\n0 0 65 65\n0 0 65 65\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("from other images than those that the model was fitted to"), "\(run.errors)")
    }

    @Test func `every verb refuses what its model did not make`() throws {
      let run = try shell(
        """
        pipe fit $S --steps 1 --seed 1 -o one < $F/shapes-cifar.tar.gz || exit
        pipe fit $S --steps 1 --seed 2 -o two < $F/shapes-cifar.tar.gz || exit
        pipe encode -m one < $F/shapes-cifar.tar.gz > y || exit
        pipe attend -m one < y > a || exit
        for line in 'attend -m two -i y' 'decode -m two -i y' 'condense -m two -i a' 'condense -m one -i y' \
          'attend -m one -i a'; do pipe $line > x; echo $?; done
        pipe condense -m one -i a > x
        """)
      #expect(run.status == 0 && run.output == "65\n65\n65\n65\n65\n", "\(run.errors)")
      #expect(run.errors.contains("has not been through pipe attend") && run.errors.contains("had the model"))
    }

    @Test func `a run that diverged is not published`() throws {
      let run = try shell(
        """
        pipe fit $S --steps 8 --lr 1e9 -o m.safetensors < $F/shapes-cifar.tar.gz; echo $?; test -e m.safetensors; echo $?
        pipe condense --method koopcon $S --steps 8 --lr 1e9 < $F/shapes-cifar.tar.gz | pipe shard -o x
        echo ${PIPESTATUS[@]}; test -e x/pipe.manifest; echo $?
        """)
      #expect(run.output == "64\n1\n64 64\n1\n", "\(run.errors)")
      #expect(run.errors.contains("diverged") && run.errors.contains("lower --lr or --map-lr"))
    }

    @Test func `an existing model is not overwritten`() throws {
      let run = try shell("touch m.safetensors; pipe fit $S --steps 1 -o m.safetensors < $F/shapes-cifar.tar.gz")
      #expect(run.status == 73)
    }

    @Test func `ctrl-C while fitting leaves a valid model`() throws {
      let run = try shell(
        """
        set -m
        pipe fit $S --steps 100000 --progress json -o m.safetensors -i $F/shapes-cifar.tar.gz 2> log &
        until grep -q '"stage":"koopcon","done":[1-9]' log || ! kill -0 $! 2> /dev/null; do :; done
        kill -INT -$!
        wait $!
        echo status $?
        pipe encode -m m.safetensors -i $F/shapes-cifar.tar.gz | pipe attend -m m.safetensors \
          | pipe condense -m m.safetensors | pipe decode -m m.safetensors | pipe shard -o x && pipe verify x
        """)
      #expect(run.output.contains("status 0"), "\(run.output) \(run.errors)")
      #expect(run.status == 0, "\(run.errors)")
    }

    /// A run that the time ended equals one of the steps that it reached, on the same schedule.
    @Test func `a time limit leaves a model that the reached steps reproduce`() throws {
      let run = try shell(
        """
        for limit in 3s 30s 3m; do
          rm -f a
          # A machine with much other work may need longer for the networks.
          pipe fit $S --steps 100000 --time $limit -o a < $F/shapes-cifar.tar.gz || { test $? = 75 && continue || exit; }
          steps=$(head -c 20000 a | grep -ao 'steps\\\\":\\\\"[0-9]*' | grep -o '[0-9]*$')
          # A machine with much other work may need longer for the first step.
          test "$steps" -gt 0 && break
        done
        test "$steps" -gt 0 || exit
        pipe fit $S --steps $steps --schedule 100000 -o b < $F/shapes-cifar.tar.gz && cmp a b
        """)
      #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test func `a dry run prints the estimate and writes nothing`() throws {
      for line in ["pipe condense --method koopcon", "pipe fit -o m.safetensors"] {
        let run = try shell("\(line) $S --dry-run -i $F/shapes-cifar.tar.gz && ! test -e m.safetensors")
        #expect(run.status == 0 && run.output.isEmpty, "\(run.errors)")
        #expect(run.errors.contains("steps of about") && run.errors.contains("memory"))
      }
    }

    @Test func `what cannot be made or held is refused`() throws {
      for line in [
        "pipe condense --method koopcon --width 8 --ipc 99999", "pipe fit -o m.safetensors --width 8 --ipc 99999",
      ] {
        let run = try shell("\(line) < $F/shapes-cifar.tar.gz > x; echo $?; test -s m.safetensors && echo model")
        #expect(run.output == "65\n" && run.errors.contains("fewer than the 99999 asked for"), "\(run.errors)")
      }
      let run = try shell("pipe fit -o m.safetensors $S --latent 65536 --heads 1 < $F/shapes-cifar.tar.gz; echo $?")
      #expect(run.output == "64\n" && run.errors.contains("lower --latent or --width"), "\(run.errors)")
    }

    /// A shard is damaged behind the manifest: what is refused first shows whether it was read.
    @Test func `fit refuses before it reads and shows that it reads`() throws {
      let run = try shell(
        """
        pipe decode < $F/shapes-cifar.tar.gz | pipe shard -o whole || exit
        cp -r whole bad
        for f in bad/*.tar; do printf damaged | dd of=$f bs=1 seek=60000 conv=notrunc status=none; done
        : > log
        for more in '--ipc 99999' '--latent 65536 --heads 1 --ipc 1' '--ipc 1'; do
          pipe fit --width 8 $more -o m -i bad 2>> log; echo $?
        done
        pipe fit $S --steps 1 --progress json -o m.safetensors -i whole 2> progress
        grep -c '"stage":"read"' progress
        """)
      let log = try String(contentsOf: folder.appending(path: "log"), encoding: .utf8)
      let lines = run.output.split(separator: "\n").map(String.init)
      #expect(lines.count == 4 && lines.prefix(2) == ["65", "64"], "\(run.output) \(log)")
      #expect(lines.count == 4 && lines[2] != "0" && Int(lines[3]) ?? 0 > 0, "\(run.output) \(log)")
      #expect(log.contains("fewer than the 99999 asked for") && log.contains("lower --latent or --width"), "\(log)")
    }

    @Test func `progress shows the four losses`() throws {
      let run = try shell(
        "pipe fit $S --steps 6 --progress json -o m.safetensors -i $F/shapes-cifar.tar.gz")
      #expect(run.status == 0, "\(run.errors)")
      let last = try #require(run.errors.split(separator: "\n").last { $0.contains("\"losses\"") })
      for name in ["re", "ce", "w", "cov"] { #expect(last.contains("\"\(name)\":")) }
    }

    @Test func `options that mean nothing beside a model are refused`() throws {
      #expect(try shell("pipe condense -m x --ipc 3 < /dev/null > /dev/null").status == 64)
      #expect(try shell("pipe decode -m x --resize 8 < /dev/null > /dev/null").status == 64)
      #expect(try shell("pipe condense --method dm --latent 3 < /dev/null > /dev/null").status == 64)
    }

    @Test func `evaluation takes what Koopcon makes`() throws {
      let run = try shell(
        """
        pipe condense --method koopcon $S --steps 6 < $F/shapes-cifar.tar.gz \
          | pipe evaluate --test $F/shapes-cifar.tar.gz --epochs 2 --repeats 1 --width 8 --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("\"koopcon\""))
    }
  }
}
