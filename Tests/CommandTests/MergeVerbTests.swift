import Foundation
import Testing

/// Twenty samples of ten classes each from the repository's shapes, in folder `a`.
private func dataset(in folder: TemporaryFolder) throws {
  let made = try shell("pipe shard -q -i \(fixtures.path)/shapes-cifar.tar.gz -o a --max-samples 30", in: folder)
  #expect(made.status == 0, "\(made.text)")
}

@Suite("Merging, selecting and cutting") struct MergeVerbTests {
  @Test func `what was divided by class gives the same shards again, whatever the order of the parts`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      """
      set -e
      pipe cat -q --filter class=circle,7,9 a | pipe shard -q -o one
      pipe cat -q --drop-class circle,7 --drop-class 9 a | pipe shard -q --zstd -o two
      pipe merge -q --order class --max-samples 30 a -o sorted
      pipe merge -q --order class --max-samples 30 one two -o first
      pipe merge -q --order class two one | pipe shard -q --max-samples 30 -o second
      cat sorted/*.tar | sha256sum; cat first/*.tar | sha256sum; cat second/*.tar | sha256sum
      pipe verify -q first; pipe verify -q second
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let sums = Set(outcome.text.split(separator: "\n").filter { $0.hasSuffix("-") })
    #expect(sums.count == 1, "\(outcome.text)")
  }

  @Test func `parts that do not belong together publish nothing`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let made = try shell(
      "pipe shard -q -i \(fixtures.path)/strokes.npz -o b; pipe merge a b -o c; echo $?; pipe merge a b | pipe shard -o d; "
        + "echo ${PIPESTATUS[@]}; ls -A", in: folder)
    #expect(made.text.contains("b: does not belong to a: class 0 is “"), "\(made.text)")
    #expect(made.text.contains("\n65\n") && made.text.hasSuffix("65 65\na\nb\n"), "\(made.text)")
  }

  @Test func `more samples of the same classes stay in the order of the parts`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      """
      set -e
      pipe cat -q --take 50 a | pipe shard -q -o head
      pipe merge head a -o x || echo $?
      pipe merge --renumber head a -o both
      cat both/*.tar | tar ti --ignore-zeros | grep -c png
      """, in: folder)
    #expect(outcome.text.contains("is the key of two samples: one in head, one in a; give all samples new keys"))
    #expect(outcome.text.contains("\n65\n"), "\(outcome.text)")
    #expect(outcome.text.contains("50 samples have the content of one before, and are kept"), "\(outcome.text)")
    #expect(outcome.text.hasSuffix("\n250\n"), "\(outcome.text)")
  }

  @Test func `samples are merged into a folder or a stream, and options of shards do not suit a stream`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let refused = try shell("pipe merge a --zstd | wc -c; echo ${PIPESTATUS[0]}; pipe merge; echo $?", in: folder)
    #expect(refused.text.contains("--zstd is for shards, and the output is a stream"), "\(refused.text)")
    #expect(refused.text.contains("\n64\n") && refused.text.hasSuffix("\n64\n"), "\(refused.text)")
    let inside = try shell("pipe merge a -o a/b; echo $?; pipe merge a -o a; echo $?", in: folder)
    #expect(inside.text.contains("lies inside the input a") && inside.text.contains("is both the input"))
    #expect(try shell("pipe merge -q --zstd a -o z && pipe verify -q z", in: folder).status == 0)
  }

  @Test func `so many shards as are asked for, from a folder and from a pipe`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      """
      set -e
      pipe shard -q -i a --shards 7 -o b; pipe cat a | pipe shard -q --shards 7 -o c; diff -r b c; ls b | wc -l
      pipe shard -q --shards 201 -i a -o d || echo $?
      pipe shard -q --shards 2 --max-size 1M -i a -o d || echo $?
      pipe shard -q --max-size 60K -i a -o e; pipe shard -q --max-bytes 60K -i a -o f; diff -r e f
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("9\n"))
    #expect(outcome.text.contains("200 samples cannot fill 201 shards; no shard is empty; ask for fewer\n64\n"))
    #expect(outcome.text.contains("--shards and --max-bytes do not go together"), "\(outcome.text)")
  }

  @Test func `a shuffle is the same from any input, keeps every sample, and is told in the history`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      """
      set -e
      pipe shard -q --shuffle 5 -i a -o b; pipe merge -q --order class a | pipe shard -q --shuffle 5 -o c
      cmp b/*.tar c/*.tar; pipe verify -q b; pipe inspect b | grep -e '--shuffle 5'
      pipe shard -q --shuffle 6 -i a -o d; cmp -s b/*.tar d/*.tar || echo other
      tar tf b/*.tar | sort | sha256sum; cat a/*.tar | tar ti --ignore-zeros | sort | sha256sum
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let lines = outcome.text.split(separator: "\n")
    #expect(lines.contains("other") && lines.suffix(2).first == lines.last, "\(outcome.text)")
  }

  @Test func `what cannot be kept leaves nothing, and the message says where it would be`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      "mkdir t; trap '' XFSZ; (ulimit -f 4; TMPDIR=$PWD/t pipe shard -q --shuffle 0 -i a -o b); echo $?; ls -A . t",
      in: folder)
    #expect(outcome.text.contains("set TMPDIR to a folder with space\n74\n"), "\(outcome.text)")
    #expect(outcome.text.hasSuffix(".:\na\nt\n\nt:\n"), "\(outcome.text)")
  }

  @Test func `a selection is of stored samples, in classes that keep their labels unless told otherwise`() throws {
    let folder = try TemporaryFolder()
    try dataset(in: folder)
    let outcome = try shell(
      """
      set -e
      pipe cat -q --filter class=ring,2 --per-class 3 --take 5 a | pipe shard -q -o b; pipe inspect --json b > b.json
      pipe cat -q --filter class=ring,2 --per-class 3 --relabel a | pipe shard -q -o c; pipe inspect --json c > c.json
      pipe cat -q --relabel b | pipe shard -q -o d; pipe inspect --json d > d.json; pipe verify -q b > log; pipe verify -q c > log
      python3 -c 'import json
      for name in "bcd": x = json.load(open(name + ".json")); print(x["samples"], x["counts_per_class"], x["label_names"][:2])'
      for cls in $(tar xOf c/*.tar --wildcards "*.cls" | fold -w1); do echo -n $cls; done
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let lines = outcome.text.split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("5 [0, 0, ") && lines[0].hasSuffix("['checker', 'circle']"), "\(outcome.text)")
    #expect(lines[1] == "6 [3, 3] ['cross', 'ring']", "\(outcome.text)")
    #expect(lines[2].hasSuffix(" ['cross', 'ring']"), "\(outcome.text)")
    #expect(lines.last.map { Set($0) == ["0", "1"] && $0.count == 6 } == true, "\(outcome.text)")
    let refused = try shell(
      "pipe cat a --filter class=rind | wc -c; pipe cat a --filter ring | wc -c; pipe cat b --filter class=frame | wc -c",
      in: folder)
    for words in [
      "a: has no class 'rind'; did you mean 'ring'?", "--filter takes class=NAME,…, not 'ring'",
      "b: has no sample of these classes",
    ] { #expect(refused.text.contains(words), "\(refused.text)") }
  }

  @Test func `a selection comes before the training images are cut out, and its description is theirs`() throws {
    let folder = try TemporaryFolder()
    let golden = "\(fixtures.path)/shards-1.0"
    let outcome = try shell(
      """
      set -e
      pipe cat -q --form --take 2 --drop-class 0 --relabel \(golden)/formation-multi | pipe shard -q -o a
      pipe cat -q --form \(golden)/formation-multi | pipe shard -q -o all
      pipe cat -q --filter class=1,2 --relabel all | pipe shard -q -o b
      cat a/*.tar | cmp - b/*.tar; pipe verify a; pipe inspect --json a
      pipe cat -q --relabel --filter class=1,2 \(golden)/soft | tar xO --wildcards '*.soft.npy' | tail -c 8 | od -An -tf4
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("a: sound; 10 samples"), "\(outcome.text)")
    #expect(!outcome.text.contains("\"formation\" :"), "\(outcome.text)")
    // 0.75 and 0.125 of what the class that left had not.
    let words = outcome.text.split(whereSeparator: \.isWhitespace).suffix(2).compactMap { Float($0) }
    #expect(words.sorted().map { ($0 * 7).rounded() } == [1, 6] && abs(words.reduce(0, +) - 1) < 1e-6, "\(words)")
  }
}
