import Foundation
import Testing

extension ComputeTests {
  /// Expansion in the built programs, joined by a shell as users join them.
  @Suite struct ExpandCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    /// Lines see `$P` for a short pre-training, `$S` for a short fine-tuning, and `few.tar`: three, one and two samples of
    /// three classes.
    init() throws {
      scratch = try Scratch()
      let made = try shell(
        """
        pipe condense --method random --classes checker,circle,cross --ipc checker=3,circle=1,cross=2 \
          -i $F/shapes-cifar.tar.gz -o few.tar
        """)
      #expect(made.status == 0, "\(made.errors)")
    }

    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell("P='--pretrain-steps 3'; S='--steps 2 --batch 8'; \(line)", in: folder)
    }

    /// Samples of each class in a shard folder, in the order of their names: `9 3 6`.
    private let counts = """
      counts() { for c in 0 1 2; do tar xOf $1/*.tar --wildcards '*.cls' | tr -d '\\n' | grep -o $c | wc -l; done | xargs; }
      """

    @Test func `augmentation makes the right numbers of any ratio`() throws {
      let run = try shell(
        """
        \(counts)
        for ratio in 3 2.5 0.4; do
          pipe expand --method augment --ratio $ratio < few.tar | pipe shard -o x$ratio || exit
          pipe verify x$ratio && counts x$ratio || exit
        done
        pipe expand --method augment --ipc 'checker=5,*=2' < few.tar | pipe shard -o table && counts table
        """)
      #expect(run.status == 0, "\(run.errors)")
      let lines = run.output.split(separator: "\n").filter { $0.first?.isNumber == true }
      #expect(lines == ["9 3 6", "8 3 5", "1 1 1", "5 2 2"])
    }

    @Test(arguments: ["augment", "expansive"])
    func `the same command gives the same bytes and a smaller ratio the beginning`(method: String) throws {
      let prior = method == "augment" ? "" : "--pretrain $F/shapes-cifar.tar.gz $P $S"
      let run = try shell(
        """
        one() { pipe expand --method \(method) \(prior) --seed 4 "$@" < few.tar | pipe shard -o tmp || exit; mkdir $name
          tar xf tmp/*.tar -C $name; rm -r tmp; }
        name=a one --ratio 4; name=b one --ratio 4; name=c one --ratio 2; name=d one --ratio 4 --seed 5
        diff -r a b || exit 1
        diff -rq a d > /dev/null && exit 2
        for i in 0 1 2 3 4 5; do cmp a/00000000$i.png c/00000000$i.png || exit 3; done
        [ $(cat a/*.png | wc -c) -gt 0 ] && [ $(md5sum a/*.png | cut -c1-32 | sort -u | wc -l) = 24 ]
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `a kept model does what pretraining in one step does`() throws {
      let run = try shell(
        """
        pipe fit --method expansive --steps 3 --seed 2 -o m.safetensors < $F/shapes-cifar.tar.gz || exit
        pipe expand -m m.safetensors $S --seed 2 --ratio 2 < few.tar | pipe shard -o long || exit
        pipe expand --pretrain $F/shapes-cifar.tar.gz $P $S --seed 2 --ratio 2 < few.tar | pipe shard -o short || exit
        for f in long/*.tar; do cmp $f short/${f#long/} || exit; done
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test(arguments: ["rwa", "sa", "sa+sc", "mhsa+sc", "mhsa+sc+egm"])
    func `every setting expands`(setting: String) throws {
      let run = try shell(
        """
        \(counts)
        pipe expand --pretrain $F/shapes-cifar.tar.gz $P $S --setting \(setting) --ratio 3 --progress json < few.tar \
          | pipe shard -o out && pipe verify out && counts out && pipe inspect out --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("9 3 6"))
      #expect(run.output.contains("\"\(setting)\""))
      let last = try #require(run.errors.split(separator: "\n").last { $0.contains("\"losses\"") })
      for name in ["re", "ce", "w", "cov", "att"] { #expect(last.contains("\"\(name)\":")) }
    }

    @Test func `originals are the samples as they are`() throws {
      let run = try shell(
        """
        pipe shard -o few < few.tar || exit
        pipe expand --method augment --originals --ratio 2 < few.tar | pipe shard -o x || exit
        mkdir a b; tar xf few/*.tar -C a; tar xf x/*.tar -C b
        # The originals of a class come before its copies: 3 + 3, 1 + 1, 2 + 2.
        i=0; for j in 0 1 2 6 8 9; do cmp a/00000000$i.png b/00000000$j.png || exit; i=$((i + 1)); done
        ! cmp -s b/000000000.png b/000000003.png
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `a model of other images is refused with both shapes`() throws {
      let run = try shell(
        """
        pipe fit --method expansive --steps 1 -o m.safetensors < $F/shapes-cifar.tar.gz || exit 1
        pipe expand -m m.safetensors -i $F/strokes-idx | pipe shard -o x; echo ${PIPESTATUS[@]}
        pipe expand --pretrain $F/shapes-cifar.tar.gz -i $F/strokes-idx | pipe shard -o x; echo ${PIPESTATUS[@]}
        pipe encode -m m.safetensors -i $F/shapes-cifar.tar.gz > /dev/null; echo $?
        """)
      #expect(run.output == "65 65\n65 65\n65\n", "\(run.errors)")
      #expect(run.errors.contains("1×28×28") && run.errors.contains("3×32×32"))
      #expect(run.errors.contains("of the method expansive"))
    }

    @Test func `what means nothing is refused`() throws {
      for words in [
        "--method augment --steps 3", "--method augment --pretrain x", "--method augment -m x", "--ratio 3 --ipc 3",
        "", "-m x --pretrain y", "-m x --setting sa", "--pretrain x --heads 3", "--ratio 0 --method augment",
        "--pretrain - --ratio 2",
      ] {
        #expect(try shell("pipe expand \(words) < few.tar > /dev/null").status == 64, "\(words)")
      }
      for words in ["--ipc 3", "--latent 8", "--weight-re 3", "--augment none", "--width 3"] {
        let run = try shell("pipe fit --method expansive \(words) -o m < few.tar")
        #expect(run.status == 64, "\(words)")
      }
      #expect(try shell("pipe fit --setting sa -o m < few.tar").status == 64)
      #expect(try shell("pipe condense --method expansive < few.tar > /dev/null").status == 64)
    }

    @Test func `ctrl-C ends the learning with a valid result`() throws {
      let run = try shell(
        """
        set -m
        pipe expand --pretrain $F/shapes-cifar.tar.gz --pretrain-steps 100000 --steps 100000 --ratio 2 --progress json \
          -i few.tar -o out.tar 2> log &
        until grep -q '"stage":"pre-training","done":[1-9]' log || ! kill -0 $! 2> /dev/null; do sleep 0.1; done
        kill -INT -$!
        wait $!
        echo status $?
        pipe shard -o x < out.tar && pipe verify x
        """)
      #expect(run.output.contains("status 0"), "\(run.output) \(run.errors)")
      #expect(run.status == 0, "\(run.errors)")
    }

    @Test func `a pipeline file names the larger set and its content decides what is up to date`() throws {
      let run = try shell(
        """
        mkdir job && mv few.tar job && cp $F/shapes-cifar.tar.gz job/similar.tar.gz
        cat > job/job.json5 <<'END'
        { format: 1, datasets: [{ output: "out", input: ["few.tar"], steps: [
          { verb: "expand", options: { pretrain: "similar.tar.gz", "pretrain-steps": 3, steps: 2, batch: 8, ratio: 2 } },
          { verb: "shard" }] }] }
        END
        pipe run job/job.json5 && pipe verify job/out || exit
        pipe run job/job.json5 || exit
        gunzip < $F/shapes-cifar.tar.gz > job/similar.tar.gz
        pipe run job/job.json5; echo $?
        """)
      #expect(run.output.hasSuffix("73\n"), "\(run.output) \(run.errors)")
      #expect(run.errors.contains("job/out: up to date") && run.errors.contains("was made from other inputs"))
    }

    @Test func `a run that diverges publishes nothing`() throws {
      let run = try shell(
        """
        pipe fit --method expansive --steps 40 --lr 1e9 -o m < $F/shapes-cifar.tar.gz; echo $?; test -e m; echo $?
        pipe expand --pretrain $F/shapes-cifar.tar.gz $P --steps 40 --batch 8 --lr 1e9 < few.tar | pipe shard -o x
        echo ${PIPESTATUS[@]}; ls -d x*
        """)
      #expect(run.output == "64\n1\n64 64\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("expansive diverged") && run.errors.contains("lower --lr"), "\(run.errors)")
    }

    /// The loss of a step is that before it moves anything.
    @Test func `a run that diverges in its last step publishes nothing`() throws {
      let run = try shell(
        """
        pipe fit --method expansive --steps 1 --lr 1e9 -o m < $F/shapes-cifar.tar.gz; echo $?; test -e m; echo $?
        pipe fit --method expansive --steps 1 -o sound -q < $F/shapes-cifar.tar.gz
        pipe expand -m sound --steps 1 --batch 8 --lr 1e9 < few.tar | pipe shard -o x; echo ${PIPESTATUS[@]}; ls -d x*
        """)
      #expect(run.output == "64\n1\n64 64\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("NaN or infinite") && run.errors.contains("not finite"), "\(run.errors)")
    }

    @Test func `a class of which nothing is made needs no samples, and soft labels end with condensing`() throws {
      let run = try shell(
        """
        \(counts)
        pipe condense -q --method random --ipc 'circle=0,*=2' < few.tar > gap.tar
        pipe expand -q --method augment --ipc 'circle=0,*=3' < gap.tar | pipe shard -q -o x && counts x
        pipe fit -q --method koopcon --steps 1 --width 8 --ipc 'circle=0,*=1' -o m < gap.tar; echo $?
        pipe fit -q --method expansive --steps 1 -o prior < $F/shapes-cifar.tar.gz
        pipe expand -q -m prior --steps 1 --batch 8 --ipc 'circle=0,*=3' < gap.tar > /dev/null; echo $?
        pipe expand -q --method augment --soft-labels --ratio 2 < few.tar | pipe condense -q --method random --ipc 1 > hard.tar
        pipe expand -q --method augment --ratio 2 < hard.tar > /dev/null; echo $?
        pipe export --to safetensors hard.tar -o hard.safetensors > /dev/null 2>&1; grep -c probability hard.tar
        """)
      #expect(run.output == "3 0 3\n0\n0\n0\n0\n", "\(run.output) \(run.errors)")
    }

    @Test func `attention is drawn beside the images`() throws {
      let run = try shell(
        """
        pipe fit --method expansive --steps 2 -o m.safetensors < $F/shapes-cifar.tar.gz || exit 1
        pipe shard -o few < few.tar || exit 1
        pipe preview few -o plain.png && pipe preview few --attention m.safetensors --scale 1 -o maps.png || exit 1
        pipe shard -i $F/strokes-idx -o strokes || exit 1
        pipe preview strokes --attention m.safetensors -o x.png; echo $?
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.hasSuffix("65\n"))
      let png = try Data(contentsOf: folder.appending(path: "maps.png"))
      // Three images with their maps stand in the longest row: 6 fields of 32 and 2 pixels between them.
      let width = png[16..<20].reduce(0) { $0 << 8 | Int($1) }
      #expect(width >= 6 * 34)
    }

    @Test func `dry runs print times and write nothing`() throws {
      let run = try shell(
        """
        pipe expand --pretrain $F/shapes-cifar.tar.gz $S --dry-run < few.tar || exit
        pipe fit --method expansive --dry-run -o m < few.tar && ! test -e m
        """)
      #expect(run.status == 0 && run.output.isEmpty)
      #expect(run.errors.contains("pre-training:") && run.errors.contains("fine-tuning: 2 steps"))
    }
  }
}
