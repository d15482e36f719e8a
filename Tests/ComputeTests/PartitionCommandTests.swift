import Foundation
import Testing

extension ComputeTests {
  /// Parts of one run, made by processes that know nothing of each other.
  @Suite struct PartitionCommandTests {
    private let scratch: Scratch

    init() throws {
      scratch = try Scratch()
    }

    /// With the set in `$A`, `once METHOD…` for a single run, and `part METHOD…` for one.
    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell(
        """
        A=$F/shapes-cifar.tar.gz; S='--width 8 --depth 2 --steps 3 --ipc circle=1,*=2 --seed 4'; set -e; set -o pipefail
        \(line)
        """, in: scratch.folder)
    }

    @Test func `four tasks of a cluster make the folder of one run, one of them killed and started again`() throws {
      let run = try shell(
        """
        condense="pipe condense -q --method dm $S -i $A"
        $condense | pipe shard -q -o once
        export SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_MAX=6
        SLURM_ARRAY_TASK_ID=3 $condense --partition auto -o 1.tar
        SLURM_ARRAY_TASK_ID=4 $condense --partition auto -o 2.tar & kill -KILL $!; wait $! || echo killed; test ! -e 2.tar
        SLURM_ARRAY_TASK_ID=4 $condense --partition auto -o 2.tar
        unset ${!SLURM*}
        JOB_COMPLETION_INDEX=2 $condense --partition auto/4 -o 3.tar
        OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 $condense --partition auto -o 4.tar
        for part in 1 2 3 4; do pipe shard -q -i $part.tar -o part-$part; done
        pipe merge -q part-3 part-1 part-4 part-2 -o whole && diff -r once whole
        pipe merge -q --renumber part-1 part-2 part-3 part-4 -o renumbered && cat once/*.tar | cmp - <(cat renumbered/*.tar)
        pipe merge part-1 part-2 part-4 -o x || echo $?
        """)
      #expect(run.status == 0 && run.output == "killed\n65\n", "\(run.output) \(run.errors)")
      #expect(run.errors.contains("1 part is missing: 3/4"), "\(run.errors)")
    }

    @Test func `parts that begin with an earlier set merge, also where it has none of a part's classes`() throws {
      let run = try shell(
        """
        pipe condense -q --method random --ipc 'checker=2,circle=1,cross=2,*=0' -i $A | pipe shard -q -o earlier
        condense="pipe condense --method dm --factor 1 $S -i $A --start-from earlier"
        $condense 2> log | pipe shard -q -o once; grep -o '[0-9]* of 10 classes begin with the images of earlier' log
        for part in 1 2 3; do $condense -q --partition $part/3 | pipe shard -q -o part-$part; done
        pipe merge -q part-1 part-2 part-3 -o whole && diff -r once whole
        """)
      #expect(
        run.status == 0 && run.output == "3 of 10 classes begin with the images of earlier\n",
        "\(run.output) \(run.errors)")
    }

    @Test func `a part of a set that was ordered by class reads its own shards alone`() throws {
      let run = try shell(
        """
        pipe shard -q --by-class --shards 5 -i $A -o set; pipe verify -q set > verified
        pipe fit -q --method trajectory --width 8 --depth 2 --epochs 2 -i set -o nets
        for method in "guided --trajectories nets $S" "herding --trajectories nets --width 8 --depth 2 --ipc 2"; do
          rm -rf once part-* whole
          pipe condense -q --method $method -i set | pipe shard -q -o once
          for part in 1 2; do
            others=$(ls set/*.tar | if [ $part = 1 ]; then tail -n 2; else head -n 2; fi)
            mkdir away; mv $others away
            pipe condense --method $method --partition $part/2 -i set 2> log | pipe shard -q -o part-$part
            mv away/* set; rmdir away
            grep -o 'reads .* samples, in .*' log
          done
          pipe merge -q part-1 part-2 -o whole; diff -r once whole
        done
        """)
      #expect(run.status == 0, "\(run.output) \(run.errors)")
      let lines = Set(run.output.split(separator: "\n"))
      #expect(lines == ["reads 100 of 200 samples, in 3 of 5 shards"], "\(run.output)")
    }

    @Test func `what is measured of a set is what a run measures, and methods that train on all images read all`()
      throws
    {
      let run = try shell(
        """
        pipe shard -q --by-class -i $A -o set
        pipe condense -q --method random -i set | pipe shard -q -o few
        python3 - <<'END'
        import json
        set, few = (json.load(open(f'{name}/pipe.manifest')) for name in ('set', 'few'))
        assert set['measured']['normalization'] == few['normalization']
        assert set['measured']['source'] == few['provenance'][-1]['digests']['source']
        END
        for part in 1 2; do
          pipe condense --method herding --feature-steps 5 --width 8 --depth 2 --ipc 2 --partition $part/2 -i set 2> log$part |
            pipe shard -q -o part-$part
        done
        pipe condense -q --method herding --feature-steps 5 --width 8 --depth 2 --ipc 2 -i set | pipe shard -q -o once
        pipe merge -q part-1 part-2 -o whole; diff -r once whole; grep -c 'all are read' log1
        """)
      #expect(run.status == 0 && run.output == "1\n", "\(run.output) \(run.errors)")
    }

    @Test func `parts of other runs, and a run that ended early, are refused by name`() throws {
      let run = try shell(
        """
        pipe condense -q --method dm $S -i $A --partition 1/2 | pipe shard -q -o one
        pipe condense -q --method dm $S -i $A --partition 2/2 --steps 2 | pipe shard -q -o two
        pipe merge one two -o x || echo $?
        pipe condense --method dm $S -i $A --partition 1/11 -o x || echo $?
        """)
      #expect(run.output == "65\n64\n", "\(run.errors)")
      #expect(
        run.errors.contains("two: is a part of another run than one: --steps of its step condense is 2, and there 3"))
      #expect(
        run.errors.contains("cannot be divided into 11 parts: images of 10 classes are asked for"), "\(run.errors)")
    }
  }
}
