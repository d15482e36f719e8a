import Foundation
import Testing

extension ComputeTests {
  /// The train and the test part of data, where each comes by itself.
  @Suite struct PartTests {
    private let scratch: Scratch
    private let small = "--epochs 1 --width 8 --depth 1 --repeats 1 --threads 1"

    init() throws { scratch = try Scratch() }

    private func shell(_ line: String) throws -> (status: Int32, output: String, errors: String) {
      try ComputeTests.shell(line, in: scratch.folder)
    }

    @Test func `test images are never taken for real training images`() throws {
      let run = try shell(
        """
        A=$F/shapes-folder.tar.gz
        pipe shard -q -i $A -o train && pipe shard -q -i $A --split test -o test && pipe cat -q test > test.wire || exit
        pipe condense -q --method random --ipc 1 -i $A | pipe shard -q -o one || exit
        for test in test test.wire; do
          pipe evaluate -q --train one --test $test --baselines \(small); echo $?
          pipe evaluate -q --train train --test $test \(small); echo $?
          pipe explain -q one --real $test; echo $?
        done
        pipe evaluate -q --train train --test test --real train \(small) > table; echo $?
        """)
      #expect(run.output == "65\n65\n65\n65\n65\n65\n0\n", "\(run.output) \(run.errors)")
      let refusals = run.errors.components(separatedBy: "there is no train split in it, only a test split")
      #expect(refusals.count == 7, "\(run.errors)")
      #expect(run.errors.contains("give data that has one with --real"), "\(run.errors)")
    }

    @Test(arguments: [
      "condense --method random --ipc 1", "expand --method augment --ratio 1",
      "fit --method trajectory --epochs 1 --width 8 --depth 1",
    ])
    func `what is made of a test part is said to be`(verb: String) throws {
      let run = try shell(
        """
        pipe shard -q -i $F/shapes-folder.tar.gz --split test -o test || exit
        pipe \(verb) -q -i test -o a 2> said; echo $?; grep -c "its test split is read" said
        pipe \(verb) -q --split test -i test -o b 2> said; echo $?; grep -c "its test split is read" said
        pipe \(verb) -q --split train -i test -o c 2> said; echo $?; ls a b c
        """)
      #expect(run.output == "0\n1\n0\n0\n65\na\nb\n", "\(run.output) \(run.errors)")
    }

    @Test func `a test part without the last numbered class is tested on the others`() throws {
      let run = try shell(
        """
        python3 - <<'END' || exit
        import io, random, tarfile
        def pack(name, labels):
            with tarfile.open(name, 'w') as tar:
                for index, label in enumerate(labels):
                    pixels = bytes(random.Random(index).randrange(60) + 90 * label for _ in range(256))
                    for field, data in [('pgm', b'P5 16 16 255\\n' + pixels), ('cls', b'%d' % label)]:
                        info = tarfile.TarInfo('%d.%s' % (index, field)); info.size = len(data); tar.addfile(info, io.BytesIO(data))
        pack('few.tar', [0, 1, 0, 1]); pack('all.tar', [0, 1, 2] * 3)
        END
        pipe condense -q --method random --ipc 2 -i all.tar | pipe shard -q -o set || exit
        pipe evaluate -q --json --train set --test few.tar --real all.tar --baselines \(small) > report.json; echo $?
        pipe condense -q --method random --ipc 2 -i few.tar | pipe shard -q -o less || exit
        pipe evaluate -q --train less --test all.tar \(small); echo $?
        cat report.json
        """)
      #expect(run.output.hasPrefix("0\n65\n"), "\(run.output) \(run.errors)")
      #expect(run.errors.contains("the networks are not tested on 2, of which there are no images"), "\(run.errors)")
      #expect(run.errors.contains("its classes (0, 1) are not those of all (0, 1, 2)"), "\(run.errors)")
      let report = try #require(
        try JSONSerialization.jsonObject(with: Data(run.output.dropFirst(5).utf8)) as? [String: Any])
      #expect(report["classes"] as? [String] == ["0", "1", "2"])
      #expect((report["rows"] as? [[String: Any]])?.count == 3)
    }
  }
}
