import Foundation
import Shards
import Testing

extension ComputeTests {
  /// The built programs, joined by a shell as users join them.
  @Suite struct CondenseCommandTests {
    private let scratch: Scratch
    private var folder: URL { scratch.folder }

    init() throws {
      scratch = try Scratch()
    }

    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell(line, in: folder)
    }

    private let small = "--width 8 --batch 8"

    @Test(arguments: ["dm", "m3d"])
    func `same seed same bytes`(method: String) throws {
      let run = try shell(
        """
        for n in 1 2; do
          pipe condense --method \(method) --ipc 2 --steps 2 \(small) < $F/shapes-cifar.tar.gz | pipe shard -o $n || exit
        done
        diff -r 1 2 && pipe verify 1
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    /// The history has no number of threads, and needs none.
    @Test(arguments: ["--method dm --steps 2", "--method m3d --steps 2", "--method herding --feature-steps 2"])
    func `one thread and two give the same bytes`(method: String) throws {
      let run = try shell(
        """
        for n in 1 2; do
          pipe condense -q \(method) --ipc 2 --width 32 --threads $n --cache c$n -i $F/shapes-cifar.tar.gz -o $n || exit
        done
        cmp 1 2
        """)
      #expect(run.status == 0, "\(run.errors)")
    }

    /// From the option to the manifest, and from there to the augmentation that networks are trained with; what is typed wins.
    @Test func `whether images are mirrored stays with the data`() throws {
      let run = try shell(
        """
        used() { python3 -c 'import json,sys; print(json.load(sys.stdin)["augmentation"])'; }
        history() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1] + "/pipe.manifest"))["provenance"][-1]["options"]["augment"])' $1; }
        A=$F/strokes-idx.tar; small="--width 8 --depth 1 --epochs 1 --repeats 1 --json"
        make="pipe condense -q --ipc 1 --steps 1 --early-epochs 2 --width 8 --depth 1"
        $make -i $A | pipe shard -q -o plain && history plain || exit
        pipe evaluate -q --train plain --test $A $small | used || exit
        pipe evaluate -q --train plain --test $A --mirror yes $small | used || exit
        pipe decode -q --mirror yes -i $A | $make | pipe shard -q -o mirrored && history mirrored || exit
        pipe cat mirrored | pipe shard -q -o again && pipe merge -q again -o merged && pipe inspect merged | grep mirrored || exit
        pipe evaluate -q --train again --test $A --protocol idc --baselines $small | used || exit
        pipe evaluate -q --train again --test $A --mirror no $small | used || exit
        pipe merge -q plain mirrored -o both; echo $?
        pipe shard -q -i plain --mirror yes -o said && grep -c '"shard"' said/pipe.manifest
        pipe decode -q --mirror yes -i $A -o told.wire
        $make --checkpoint kept -i told.wire -o whole.wire && $make --checkpoint kept -i $A -o other.wire; echo $?
        """)
      #expect(
        run.output == """
          color_crop
          color_crop_cutout_scale_rotate
          color_crop_cutout_flip_scale_rotate
          color_crop_flip
            mirrored      images keep their class when left and right are exchanged
          color_crop_flip_scale_rotate
          color_crop_cutout_scale_rotate
          65
          1
          65

          """, "\(run.output) \(run.errors)")
      #expect(run.errors.contains("mirror"), "\(run.errors)")
    }

    /// In a pipe, from a folder, and beside the real images; other sizes are refused with both.
    @Test func `a set that was resized is evaluated and explained with the same option`() throws {
      for (size, other) in [("--resize 16x16", "--resize 24x24"), ("--resize 20 --center-crop 12", "--center-crop 16")]
      {
        let run = try shell(
          """
          A=$F/shapes-cifar.tar.gz; small="--width 8 --depth 1 --epochs 1 --repeats 1"; rm -rf set set.wire
          pipe condense -q --method dm --ipc 1 --steps 1 --width 8 --depth 1 \(size) -i $A -o set.wire && pipe shard -q -i set.wire -o set || exit
          pipe evaluate -q --train set --test $A \(size) $small > /dev/null || exit
          pipe evaluate -q --test $A \(size) $small < set.wire > /dev/null || exit
          pipe explain -q set --real $A \(size) > /dev/null || exit
          pipe evaluate -q --train set --test $A \(other) $small; echo $?
          """)
        #expect(run.status == 0 && run.output == "65\n" || run.output == "64\n", "\(run.output) \(run.errors)")
        #expect(run.errors.contains("cannot be resized or cropped") || run.errors.contains("those of"), "\(run.errors)")
      }
    }

    @Test func `what a rate that is too high makes is refused or said`() throws {
      let run = try shell(
        """
        condense="pipe condense --method dm --ipc 1 --width 8 --depth 1 -i $F/shapes-cifar.tar.gz"
        $condense --steps 2 --lr 1e7 -o far; echo $?
        ${condense/dm/guided} --early-epochs 1 --pixels free --steps 1 --lr 1e9 --normalization 0.5,0.5,0.5:1e37,1e37,1e37 -o infinite; echo $?; ls | grep -E "far|infinite"
        $condense --steps 1 -o near 2>&1 | grep -c deviations
        """)
      #expect(run.output == "0\n64\nfar\n0\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("deviations from the mean of the data: try a lower --lr"), "\(run.errors)")
      #expect(run.errors.contains("values that are not finite"), "\(run.errors)")
    }

    @Test func `soft labels of others are known by their numbers`() throws {
      let run = try shell(
        """
        python3 - <<'END' || exit
        import io, struct, tarfile
        def npy(values):
            head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(values)
            head += ' ' * (63 - (10 + len(head)) % 64) + '\\n'
            return b'\\x93NUMPY\\x01\\x00' + struct.pack('<H', len(head)) + head.encode() + struct.pack('<%df' % len(values), *values)
        def image(level):
            return b'P5 16 16 255\\n' + bytes([level]) * 256
        for name, soft in [('probability', [(.9, .1), (.2, .8)]), ('logit', [(8, -3), (-1, 2)]), ('mixed', [(.9, .1), (-1, 2)]), ('nan', [(float('nan'), 1), (1, 0)])]:
            with tarfile.open(name + '.tar', 'w') as tar:
                for index, label in enumerate([0, 1]):
                    for field, data in [('pgm', image(200 * label)), ('cls', b'%d' % label), ('soft.npy', npy(soft[label]))]:
                        info = tarfile.TarInfo('%d.%s' % (index, field)); info.size = len(data); tar.addfile(info, io.BytesIO(data))
        END
        for kind in probability logit mixed nan; do
          pipe shard -q -i $kind.tar -o $kind; echo $?
          [ -d $kind ] && grep -o '"label_kind" *: *"[a-z]*"' $kind/pipe.manifest
        done
        """)
      #expect(run.status == 0 || run.status == 1, "\(run.errors)")
      let lines = run.output.split(separator: "\n").map { $0.filter { !$0.isWhitespace } }
      #expect(
        lines == ["0", "\"label_kind\":\"probability\"", "0", "\"label_kind\":\"logit\"", "65", "65"],
        "\(run.output) \(run.errors)")
      #expect(run.errors.contains("1 of 2 soft labels are probabilities"), "\(run.errors)")
    }

    @Test func `every layout of the same pictures condenses`() throws {
      for input in ["shapes-cifar-python.tar.gz", "shapes-folder.tar.gz", "shapes-webdataset.tar", "strokes.npz"] {
        let run = try shell(
          "pipe condense --method random --ipc 1 < $F/\(input) | pipe shard -o \(input).d && pipe verify \(input).d")
        #expect(run.status == 0, "\(input): \(run.errors)")
      }
    }

    @Test func `the default folder is named after dataset method and number`() throws {
      let run = try shell("pipe condense --method random --ipc 3 < $F/shapes-cifar.tar.gz | pipe shard; ls")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("-random-ipc3"))
    }

    @Test func `a second run refuses to overwrite`() throws {
      let line = "pipe condense --method random --ipc 1 < $F/shapes-cifar.tar.gz | pipe shard -o x"
      #expect(try shell(line).status == 0)
      #expect(try shell(line).status == 73)
    }

    @Test func `bad input reaches the sink with its exit code and publishes nothing`() throws {
      let run = try shell(
        "head -c 60000 $F/shapes-cifar.tar.gz > cut.tar.gz; pipe condense --method random < cut.tar.gz | pipe shard -o x; "
          + "echo ${PIPESTATUS[@]}; ls -d x*")
      #expect(run.output == "65 65\n", "\(run.errors)")
    }

    @Test func `an unknown class in the table is said`() throws {
      let run = try shell(
        "pipe condense --method random --ipc 'walrus=3,*=1' -i $F/shapes-cifar.tar.gz | cat > /dev/null")
      #expect(run.status == 65)
      #expect(run.errors.contains("walrus"))
    }

    @Test func `a class of which none is asked for may be empty`() throws {
      let run = try shell(
        """
        mkdir letters && python3 - <<'END'
        import struct
        open("letters/train-images-idx3-ubyte", "wb").write(struct.pack(">IIII", 0x803, 8, 8, 8) + bytes(range(256)) * 2)
        open("letters/train-labels-idx1-ubyte", "wb").write(struct.pack(">II", 0x801, 8) + bytes([1, 2] * 4))
        END
        pipe condense -q --method random --ipc '0=0,*=2' -i letters | pipe shard -q -o x && tar xOf x/*.tar --wildcards '*.cls'
        pipe condense --method random --ipc 2 -i letters > y; echo " $?"
        """)
      #expect(run.output == "1122 65\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("or ask for none of it with --ipc '0=0,*=N'"), "\(run.errors)")
    }

    @Test(arguments: [
      ("--method idc --trajectories nets --train-on snapshots --regularization none", 64, "trained already"),
      ("--method dm --norm group --precision bfloat16 --steps 1", 64, "leave out --precision"),
      ("--time 20s --early-epochs 0 --dry-run", 0, "memory"),
      ("--method dm --embed-in snapshots --early-epochs 0 --time 10s --dry-run", 0, "memory"),
      ("--method koopcon --net resnet18 --factor 1 --resize 16x1 --steps 1", 65, "too small for the autoencoder"),
      ("--method herding --norm none --normalization 0,0,0:0.0001,0.0001,0.0001 --feature-steps 20", 64, "diverged"),
      ("--method k-center --norm none --normalization 0,0,0:0.0001,0.0001,0.0001 --feature-steps 20", 64, "diverged"),
      ("--method dm --memory 1M --dry-run", 0, "memory: 0 B of decoded images"),
    ])
    func `what cannot be done is said, and nothing traps`(words: String, status: Int32, sentence: String) throws {
      let run = try shell(
        "pipe condense --ipc 1 --cache c \(words) -i $F/shapes-cifar.tar.gz > x; s=$?; ls c 2> /dev/null; exit $s")
      #expect(run.status == status && run.errors.contains(sentence), "\(run.status) \(run.errors)")
      #expect(!run.output.contains("features-"), "a network that diverged is not kept")
      #expect(!run.errors.contains(/: -[0-9]/), "\(run.errors)")
    }

    @Test func `batch norm is trained where the last batch has one image, and not on one image`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 13 --classes checker,circle,cross,bars,ring --resize 8x8 -i $F/shapes-cifar.tar.gz | pipe shard -q -o set || exit
        T='--test $F/shapes-cifar.tar.gz --resize 8x8 --net resnet10 --norm batch --protocol idc --epochs 1 --repeats 1'
        pipe evaluate -q --train set --classes checker,circle,cross,bars,ring $(eval echo $T) > /dev/null || exit
        pipe condense -q --method random --ipc 1 --classes checker --resize 8x8 -i $F/shapes-cifar.tar.gz | pipe shard -q -o one || exit
        pipe evaluate -q --train one --classes checker $(eval echo $T); echo $?
        """)
      #expect(run.status == 0 && run.output == "64\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("learns nothing from one image"), "\(run.errors)")
    }

    @Test func `it is said where samples serve more than once`() throws {
      let run = try shell(
        "pipe condense --method dm --steps 1 --ipc 21 \(small) -i $F/shapes-cifar.tar.gz | pipe shard -q -o x")
      #expect(run.status == 0 && run.errors.contains("has 20 samples for 21 first images"), "\(run.errors)")
      let enough = try shell(
        "pipe condense --method dm --steps 1 --ipc 20 \(small) -i $F/shapes-cifar.tar.gz | pipe shard -q -o y")
      #expect(enough.status == 0 && !enough.errors.contains("first images"), "\(enough.errors)")
    }

    @Test func `a dry run prints the estimate and writes nothing`() throws {
      let run = try shell("pipe condense --dry-run \(small) -i $F/shapes-cifar.tar.gz")
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("steps of about") && run.errors.contains("memory"))
    }

    @Test func `a time limit leaves a valid set that the reached steps reproduce`() throws {
      let run = try shell(
        """
        for limit in 3s 30s 3m; do
          rm -rf a
          pipe condense --method dm --ipc 1 --steps 100000 --time $limit \(small) < $F/shapes-cifar.tar.gz \
            | pipe shard -o a || exit
          steps=$(pipe inspect a --json | grep -o '"steps" *: *"[0-9]*"' | grep -o '[0-9]*')
          # A machine with much other work may need longer for the first step.
          test "$steps" -gt 0 && break
        done
        test "$steps" -gt 0 || exit
        pipe condense --method dm --ipc 1 --steps $steps \(small) < $F/shapes-cifar.tar.gz | pipe shard -o b || exit
        diff -r a b
        """)
      #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test func `ctrl-C while condensing leaves a valid set`() throws {
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

    @Test func `ctrl-C in a pipeline file ends the step early and publishes what there is`() throws {
      let run = try shell(
        """
        cp $F/shapes-cifar.tar.gz in.tar.gz
        cat > job.json5 <<'END'
        { format: 1, datasets: [
          { output: "out/first", input: ["in.tar.gz"], steps: [
            { verb: "condense", options: { method: "dm", ipc: 1, steps: 100000, width: 8, batch: 8,
              snapshots: "s", "snapshot-every": 1 } }, { verb: "shard" }] },
          { output: "out/second", input: ["in.tar.gz"], steps: [{ verb: "shard" }] },
        ] }
        END
        set -m
        pipe run job.json5 2> log &
        until [ -e s/step-000001/pipe.manifest ] || ! kill -0 $! 2> /dev/null; do :; done
        kill -INT -- -$!
        wait $!
        echo status $?
        ls -A out
        pipe verify out/first && grep complete out/first/pipe.recipe
        cat log >&2
        pipe run --dry-run job.json5; echo $?
        """)
      // The next run goes on from the checkpoint.
      #expect(
        run.output.firstMatch(of: /^status 130\n\.first\.[0-9a-f]{32}\.checkpoint\nfirst\nout\/first: sound/) != nil,
        "\(run.output) \(run.errors)")
      #expect(run.output.contains("\"complete\" : false"), "\(run.output)")
      #expect(run.errors.contains("ended early by Ctrl-C"), "\(run.errors)")
      #expect(
        run.errors.contains("was ended early by Ctrl-C") && run.output.hasSuffix("73\n"), "\(run.output) \(run.errors)")
    }

    @Test func `the pipeline files of the repository are sound`() throws {
      let run = try shell(
        """
        mkdir pipelines && cp $F/../pipelines/*.json5 pipelines && ln -s $F fixtures
        pipe run pipelines/smoke.json5 && pipe verify pipelines/out/smoke-shards && pipe verify pipelines/out/smoke-dm \
          && pipe run pipelines/smoke.json5 && pipe run --dry-run pipelines/cifar10.json5
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.components(separatedBy: "up to date").count == 3, "\(run.errors)")
      #expect(run.output.components(separatedBy: "cannot be evaluated yet").count == 4, "\(run.output)")
    }

    @Test func `more threads than processors are not taken and that is said`() throws {
      let run = try shell(
        "pipe condense --method random --ipc 1 --threads 1024 -i $F/shapes-cifar.tar.gz | pipe shard -o x; nproc")
      let processors = run.output.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("--threads 1024: taking \(processors), the number of processors"), "\(run.errors)")
    }

    @Test func `what no machine holds is refused at once`() throws {
      let many = try shell("pipe condense --ipc 1000000000 -i $F/shapes-cifar.tar.gz > x")
      #expect(many.status == 64, "\(many.errors)")
      #expect(many.errors.contains("of memory") && many.errors.contains("lower --ipc"), "\(many.errors)")
      // A limit of its own takes the place of a small machine.
      let wide = try shell("ulimit -v 4000000; pipe condense --method dm --width 8192 -i $F/shapes-cifar.tar.gz > x")
      #expect(wide.status == 64, "\(wide.errors)")
      #expect(
        wide.errors.contains(/the limit of 4000000 kB on addresses leaves [123]\./)
          && wide.errors.contains("lower --width"),
        "\(wide.errors)")
      let number = try #require(wide.errors.firstMatch(of: /raise it with ulimit -v ([0-9]+)/)?.output.1)
      #expect(Int(number).map { $0 > 4_000_000 } == true)
      let evaluated = try shell(
        """
        pipe condense --method random --ipc 1 -q -i $F/shapes-cifar.tar.gz | pipe shard -q -o a
        ulimit -v 4000000; pipe evaluate --width 8192 --train a --test $F/shapes-cifar.tar.gz
        """)
      #expect(evaluated.status == 64 && evaluated.errors.contains("lower --width"), "\(evaluated.errors)")
    }

    @Test func `images for which there is no room on the disk are an error and no crash`() throws {
      let run = try shell(
        "ulimit -f 4096; pipe condense --method random --ipc 1 --memory 1K -i $F/shapes-cifar.tar.gz -o x; echo $?; ls -d x .x* 2> /dev/null"
      )
      #expect(run.output == "74\n", "\(run.errors)")
      #expect(run.errors.contains("spill file in /tmp: has no room for"), "\(run.errors)")
      #expect(run.errors.contains("raise --memory or point TMPDIR"), "\(run.errors)")
    }

    @Test func `a class with zero is empty in the dataset and in its evaluation`() throws {
      let run = try shell(
        """
        pipe condense --method random --ipc 'checker=0,*=1' -i $F/shapes-cifar.tar.gz | pipe shard -o a || exit
        pipe verify a && pipe preview a -o sheet.png && pipe inspect a --json | grep -A 3 counts_per_class || exit
        pipe evaluate --train a --test $F/shapes-cifar.tar.gz --epochs 1 --repeats 1 --width 8 --baselines --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.filter { !$0.isWhitespace }.contains("\"counts_per_class\":[0,1,"), "\(run.output)")
    }

    @Test func `a selection from a folder names the files`() throws {
      let run = try shell(
        """
        pipe condense --method random --ipc 2 -i $F/shapes-folder.tar.gz -o x.tar || exit
        tar xOf x.tar --wildcards '*.json' | grep -o 'shapes/[^"]*' | sort > picked
        tar tzf $F/shapes-folder.tar.gz | grep '/train/' | sort > all
        comm -12 picked all | wc -l
        """)
      #expect(run.output.trimmingCharacters(in: .whitespacesAndNewlines) == "20", "\(run.output) \(run.errors)")
    }

    @Test func `with verbose the settings and the times are said`() throws {
      let run = try shell(
        """
        pipe condense -v --method dm --ipc 1 --steps 2 \(small) -i $F/shapes-cifar.tar.gz | pipe shard -q -o a || exit
        pipe evaluate -v --train a --test $F/shapes-cifar.tar.gz --epochs 1 --repeats 1 --width 8
        """)
      #expect(run.status == 0, "\(run.errors)")
      for part in [
        "libtorch ", "of memory; ", "10 classes: checker, circle", "samples of 3×32×32", "in force: --augment",
        "--batch 8 ", "read: 200 samples in ", "dm: 2 steps in ", "the SHA-256 ", "history: condense by pipe",
        "dm, network 1: ", "dm 1/1: 2 epochs in ",
      ] { #expect(run.errors.contains(part), "\(part) is not in \(run.errors)") }
    }

    /// The test archive is damaged behind its description: what is refused first shows what was read.
    @Test func `what does not fit together is found before the test data is read`() throws {
      let run = try shell(
        """
        tar xzf $F/shapes-cifar.tar.gz && cd shapes-batches-bin
        tar cf ../t.tar batches.meta.txt data_batch_*.bin test_batch.bin && cd .. && head -c 200000 t.tar > cut.tar
        for input in strokes.npz shapes-cifar.tar.gz; do
          pipe condense -q --method random --ipc 1 -i $F/$input | pipe shard -q -o set-$input || exit
          pipe evaluate -q --train set-$input --test cut.tar; echo $?
        done
        pipe evaluate -q --train set-shapes-cifar.tar.gz --test t.tar --real $F/strokes.npz --baselines; echo $?
        """)
      #expect(run.output == "65\n65\n65\n", "\(run.errors)")
      let lines = run.errors.split(separator: "\n")
      try #require(lines.count == 3, "\(run.errors)")
      #expect(lines[0].contains("its classes (0, 1, 2"))
      #expect(lines[1].contains("cut short"))
      #expect(lines[2].contains("real training data: its images are 1×28×28"))
    }

    @Test func `a time in which no network is trained is no result`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 1 -i $F/shapes-cifar.tar.gz | pipe shard -q -o a || exit
        pipe evaluate --train a --test $F/shapes-cifar.tar.gz --epochs 1000000 --width 8 --time 0.2s --json
        """)
      #expect(run.status == 75 && run.output.isEmpty, "\(run.output)")
      #expect(run.errors.contains("the time was up before the first network was trained; give it more --time"))
    }

    @Test func `evaluate reports every row and class`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 2 < $F/shapes-cifar.tar.gz | pipe shard -o a || exit
        pipe evaluate --train a --test $F/shapes-cifar.tar.gz --epochs 2 --repeats 2 --width 8 --baselines --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
      let rows = try #require(report["rows"] as? [[String: Any]])
      #expect(rows.map { $0["set"] as? String } == ["random", "random", "herding"])
      #expect(rows.map { $0["baseline"] as? Bool } == [false, true, true])
      #expect(report["test_split"] as? String == "test")
      let order = [
        "for each of random, random baseline, herding baseline; about", "of decoded images", "training a network",
      ]
      let places = order.compactMap { run.errors.range(of: $0)?.lowerBound }
      #expect(places.count == 3 && places == places.sorted(), "\(run.errors)")
      for row in rows {
        #expect((row["accuracies"] as? [Double])?.count == 2)
        #expect((row["per_class"] as? [Double])?.count == 10)
      }
    }

    @Test func `a baseline is told from an evaluated set of the same method`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 1 -i $F/shapes-cifar.tar.gz | pipe shard -q -o a || exit
        pipe evaluate -q --train a --test $F/shapes-cifar.tar.gz --epochs 1 --repeats 1 --width 8 --baselines
        """)
      #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
      for name in ["random", "random baseline", "herding baseline"] {
        #expect(run.output.contains("\n\(name)  "), "\(run.output)")
      }
    }

    @Test func `several networks give a column each and a row per set in the report`() throws {
      let run = try shell(
        """
        export HOME=$PWD; pipe condense -q --method random --ipc 2 -i $F/shapes-cifar.tar.gz -o few.wire || exit
        judge="pipe evaluate -q --train few.wire --test $F/shapes-cifar.tar.gz --epochs 1 --repeats 1 --width 8 --depth 2"
        $judge --nets convnet,alexnet --baselines --json && $judge --nets convnet,alexnet && $judge --net convnet --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      let parts = run.output.components(separatedBy: "\nP-DSA")
      let table = try #require(parts.last?.components(separatedBy: "\n{").first)
      let both = try snakeDecoder.decode(EvaluationResult.self, from: Data(parts[0].utf8))
      #expect(both.networks == ["convnet", "alexnet"] && both.rows.count == 6)
      #expect(both.rows.map(\.network) == ["convnet", "alexnet", "convnet", "alexnet", "convnet", "alexnet"])
      #expect(both.rows.map(\.baseline) == [false, false, true, true, true, true])
      #expect(table.contains("convnet") && table.contains("alexnet"), "\(table)")
      // A network's accuracy does not depend on which others are trained beside it.
      let alone = try #require(run.output.components(separatedBy: "\n{").last.map { "{" + $0 })
      let one = try snakeDecoder.decode(EvaluationResult.self, from: Data(alone.utf8))
      #expect(one.rows[0].accuracies == both.rows[0].accuracies && one.rows[0].perClass == both.rows[0].perClass)
      for words in [
        "--nets convnet,convnet", "--nets zebra", "--nets convnet --net alexnet", "--net alexnet --width 8",
      ] {
        #expect(try shell("pipe evaluate --train x --test y \(words)").status == 64, "\(words)")
      }
    }

    @Test func `a train split in the place of the test split is a warning and in the report`() throws {
      let run = try shell(
        """
        pipe shard -q -i $F/shapes-cifar.tar.gz -o a || exit
        pipe evaluate -q --train a --test a --epochs 1 --repeats 1 --width 8 --json
        """)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("the networks are tested on a train split"), "\(run.errors)")
      let report = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
      #expect(report["test_split"] as? String == "train")
    }

    @Test func `the estimate of a selection has the time of its features`() throws {
      let line =
        "pipe condense --method herding --ipc 1 --width 8 --feature-steps 2 --cache c -i $F/shapes-cifar.tar.gz"
      let first = try shell("\(line) --dry-run")
      #expect(first.status == 0 && first.errors.contains("features: 2 steps of training a network"), "\(first.errors)")
      let second = try shell("\(line) -o x && \(line) --dry-run")
      #expect(second.errors.contains("features: a network from the cache"), "\(second.errors)")
    }

    @Test func `a stream with impossible numbers is refused by the verbs that compute`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 1 -i $F/shapes-cifar.tar.gz -o whole || exit
        python3 - <<'END'
        import io, json, tarfile
        with tarfile.open('whole') as old, tarfile.open('x', 'w', format=tarfile.USTAR_FORMAT) as new:
            for member in old:
                content = old.extractfile(member).read()
                if member.name == '__pipe__/header':
                    document = json.loads(content)
                    document['info']['count_per_class'] = [2**62] * 10
                    content = json.dumps(document).encode()
                    member.size = len(content)
                new.addfile(member, io.BytesIO(content))
        END
        pipe condense -q --method dm -i x -o y; echo $?
        pipe evaluate -q --train x --test $F/shapes-cifar.tar.gz; echo $?
        """)
      #expect(run.output == "65\n65\n", "\(run.errors)")
    }

    @Test func `more than there is cannot be selected whatever the memory`() throws {
      let run = try shell("pipe condense --method random --ipc 1000000000 -i $F/shapes-cifar.tar.gz > x")
      #expect(run.status == 65 && run.errors.contains("has 20 samples, fewer than the 1000000000"), "\(run.errors)")
    }

    @Test func `the feature network is trained once and then taken from the cache`() throws {
      let line = "pipe condense --method herding --ipc 1 --width 8 --cache c -i $F/shapes-cifar.tar.gz | pipe shard -o"
      #expect(try shell("\(line) a").status == 0)
      let again = try shell("\(line) b")
      #expect(again.errors.contains("features from the network in"))
      #expect(try shell("diff -r a b").status == 0)
    }
  }
}

private var snakeDecoder: JSONDecoder {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return decoder
}
