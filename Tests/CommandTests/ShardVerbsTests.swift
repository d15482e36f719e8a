import Foundation
import Testing

/// A folder per class with two tiny images each, as a tar that GNU tar made.
private func archive(in folder: TemporaryFolder) throws -> String {
  let python = """
    import struct, sys, zlib, os
    def png(value):
        def chunk(kind, body):
            return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))
        rows = b''.join(b'\\0' + bytes([value, x, 9] * 4) for x in range(4))
        return (b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 4, 4, 8, 2, 0, 0, 0))
                + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    for name in ('cat', 'dog'):
        os.makedirs(f'{sys.argv[1]}/pets/{name}')
        for index in range(2):
            open(f'{sys.argv[1]}/pets/{name}/{index}.png', 'wb').write(png(10 * index + len(name)))
    """
  try shell("python3 -c '\(python.replacingOccurrences(of: "'", with: "'\\''"))' .", in: folder)
  try shell("tar cf pets.tar --remove-files pets", in: folder)
  return "pets.tar"
}

private func names(_ folder: TemporaryFolder, _ name: String = "") throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: name).path).sorted()
}

@Suite("The verbs that move shards") struct ShardVerbsTests {
  @Test func `soft labels that are left out are said and no more promised`() throws {
    let folder = try TemporaryFolder()
    let soft = "\(fixtures.path)/shards-1.0/soft"
    let outcome = try shell(
      """
      set -e
      pipe shard -q -i \(soft) -o whole; pipe shard -q -i \(soft) --fields png,cls -o hard
      pipe verify -q hard; grep -h label_kind whole/pipe.manifest hard/pipe.manifest
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("its soft labels are left out, so that each sample has one class"), "\(outcome.text)")
    let kinds = outcome.text.split(separator: "\n").filter { $0.contains("label_kind") }
    #expect(kinds.map { $0.contains("\"hard\"") } == [false, true], "\(outcome.text)")
  }

  @Test func `an archive becomes a dataset, through a pipe and directly`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let piped = try shell("pipe decode < \(tar) | pipe shard -o a", in: folder)
    #expect(piped.status == 0, "\(piped.text)")
    #expect(piped.text.contains("wrote 4 samples of 2 classes in 1 shard of png, cls"))
    let direct = try shell("pipe shard --zstd -i \(tar)", in: folder)
    #expect(direct.status == 0, "\(direct.text)")
    #expect(try names(folder, "pets") == ["SHA256SUMS", "pets-train-000000.tar.zst", "pipe.manifest"])
    let verified = try shell("pipe verify a && cd a && sha256sum --quiet -c SHA256SUMS", in: folder)
    #expect(verified.status == 0, "\(verified.text)")
  }

  @Test func `cat and shard again give the same bytes`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let outcome = try shell(
      "pipe decode -i \(tar) | pipe shard -o a && pipe cat a | pipe shard -o b && diff -r a b && pipe cat a > w && "
        + "tar tf w | head -2 && pipe shard -q -i w -o c && diff -r a c", in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("__pipe__/header\n000000000.png\n"))
  }

  /// Gives the dataset in folder `a` a formation, as the end of a condensation does.
  private static let addFormation = """
    import json, os
    os.chmod('a/pipe.manifest', 0o644)
    document = json.load(open('a/pipe.manifest'))
    document['formation'] = {formation}
    json.dump(document, open('a/pipe.manifest', 'w'))
    os.system('pipe verify -q --repair --accept-manifest a')
    """

  @Test(arguments: [
    ("{'factor': 2, 'upsample': 'bilinear', 'padding': 0.5}", 4),
    ("{'kind': 'multi', 'parts': 2, 'upsample': 'bilinear', 'padding': 0.5}", 5),
    ("{'kind': 'time', 'parts': 4, 'upsample': 'bilinear', 'padding': 0}", 4),
  ]) func `cat --form writes a sample for each training image, and plain cat the stored ones`(
    formation: String, tiles: Int
  ) throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let script = try folder.file("form.py", Self.addFormation.replacing("{formation}", with: formation))
    let outcome = try shell(
      "pipe shard -q -i \(tar) -o a && pipe cat -q a -o before && python3 \(script.path) && pipe cat a -o plain && "
        + "pipe cat --form a | pipe shard -o formed && pipe verify -q formed && pipe cat --form formed -q | cmp - <(pipe cat formed)",
      in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let listed = try shell("tar tf formed/*.tar | grep png; tar xOf plain __pipe__/header", in: folder).text
    let keys = (0..<4).flatMap { stored in (0..<tiles).map { "00000000\(stored)-\($0).png\n" } }.joined()
    #expect(listed.hasPrefix(keys) && listed.contains(#""formation":{"#), "\(listed)")
    let inspected = try shell("pipe inspect --json formed", in: folder).text
    #expect(!inspected.contains(#""formation" :"#), "\(inspected)")
    #expect(
      inspected.contains(#""samples" : \#(4 * tiles)"#) && inspected.contains(#""form" : "true""#), "\(inspected)")
  }

  @Test func `a formation that does not fit its images is refused where they are cut`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let formation = "{'kind': 'multi', 'parts': 3, 'upsample': 'bilinear', 'padding': 0.5}"
    let script = try folder.file("form.py", Self.addFormation.replacing("{formation}", with: formation))
    let made = try shell("pipe shard -q -i \(tar) -o a && python3 \(script.path)", in: folder)
    #expect(made.status == 0, "\(made.text)")
    let refused = try shell("pipe cat --form a | pipe shard -o x; echo ${PIPESTATUS[@]}; ls", in: folder)
    #expect(refused.text.contains("scales of 1 to 3 tiles per side does not fit images of 4×4"), "\(refused.text)")
    #expect(refused.text.contains("65 65\n") && !refused.text.contains("x\n"), "\(refused.text)")
    #expect(try shell("pipe cat a | tar t | grep -c png", in: folder).text == "4\n")
  }

  @Test func `an upstream that dies publishes nothing and its reader says that trying again can help`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    try shell("pipe decode -i \(tar) -o whole", in: folder)
    let cut = try shell("head -c 3072 whole | pipe shard -o out", in: folder)
    #expect(cut.status == 75)
    #expect(cut.text.contains("the program that wrote it did not finish"))
    #expect(try shell("false | pipe shard -o out", in: folder).status == 75)
    #expect(try !names(folder).contains("out"))
  }

  @Test func `an upstream that fails passes on its exit code and its sentence`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let damaged = try shell("head -c 5000 \(tar) | pipe decode | pipe shard -o out; echo ${PIPESTATUS[@]}", in: folder)
    #expect(damaged.text.hasSuffix("0 65 65\n"), "\(damaged.text)")
    #expect(damaged.text.contains("pipe shard: standard input: the program before this one failed: "))
    let missing = try shell("pipe decode -i nothing.tar | pipe shard; echo ${PIPESTATUS[@]}", in: folder)
    #expect(missing.text.hasSuffix("66 66\n"), "\(missing.text)")
    #expect(try !names(folder).contains("out"))
  }

  @Test func `nothing is ever overwritten`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let twice = try shell("pipe shard -i \(tar) -o a && pipe shard -i \(tar) -o a", in: folder)
    #expect(twice.status == 73)
    #expect(twice.text.contains("a: holds a dataset already; name another folder with -o, or remove this one"))
    #expect(try shell("echo mine > f; pipe decode -i \(tar) -o f", in: folder).status == 73)
    #expect(try shell("pipe preview a -o f", in: folder).status == 73)
    #expect(try String(contentsOf: folder.url.appending(path: "f"), encoding: .utf8) == "mine\n")
  }

  @Test func `what a killed run leaves is no dataset, and the same command again gives the same bytes`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let killed = try shell(
      "pipe decode -q -i \(tar) -o whole; mkfifo f; pipe shard -q -i f -o out & exec 3> f; head -c 4096 whole >&3; "
        + "until [ -e out/.pipe-unfinished ]; do :; done; kill -9 $!; wait $!; echo $?; ls -A out", in: folder)
    let lines = killed.text.split(separator: "\n")
    let status = try #require(lines.firstIndex(of: "137"), "\(killed.text)")
    #expect(lines[(status + 1)...].allSatisfy { $0.hasPrefix(".") }, "\(killed.text)")
    #expect(try shell("pipe verify out", in: folder).status == 66)
    let again = try shell(
      "pipe shard -q -i whole -o out && pipe shard -q -i whole -o once && diff -r out once && pipe verify out",
      in: folder)
    #expect(again.status == 0, "\(again.text)")
  }

  @Test func `a write that fails leaves nothing`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let outcome = try shell("trap '' XFSZ; ulimit -f 1; pipe shard -q -i \(tar) -o out", in: folder)
    #expect(outcome.status == 74, "\(outcome.text)")
    #expect(try names(folder) == ["pets.tar"])
  }

  /// A pipe whose classes are known last is kept in a temporary file, which may not grow here.
  @Test func `where a pipe cannot be kept it is said, with what to do`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let outcome = try shell(
      "mkdir t; cat \(tar) | (ulimit -f 4; TMPDIR=$PWD/t exec pipe decode -q -o out); echo $?; ls -A t", in: folder)
    #expect(outcome.text.contains("/t: no room for the 0 bytes that were piped in: File too large"), "\(outcome.text)")
    #expect(
      outcome.text.hasSuffix("set TMPDIR to a folder with space, or give a file with -i\n74\n"), "\(outcome.text)")
    #expect(try names(folder) == ["pets.tar", "t"])
  }

  @Test func `the part of a dataset that is asked for must be there`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    try shell("pipe shard -q -i \(tar) -o train", in: folder)
    for input in [tar, "train", "train/pets-train-000000.tar"] {
      let refused = try shell("pipe decode -q --split test -i \(input) -o x", in: folder)
      #expect(refused.status == 65, "\(refused.text)")
      #expect(refused.text.contains("there is no test split"), "\(refused.text)")
      #expect(try shell("pipe decode -q --split train -i \(input) > x && rm x", in: folder).status == 0)
    }
    let stream = try shell("pipe cat train | pipe decode --split test -o x", in: folder)
    #expect(stream.status == 65 && stream.text.contains("only a train split"), "\(stream.text)")
  }

  @Test func `with --verbose it is said what is read and what took how long`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let said = try [
      "decode -v -i \(tar) -o stream", "shard -v -i stream -o a", "verify -v a", "cat -v a -o again",
    ].map { line in
      let outcome = try shell("pipe \(line)", in: folder)
      #expect(outcome.status == 0, "\(outcome.text)")
      #expect(outcome.text.contains("pets, train split: 2 classes: cat, dog"), "\(outcome.text)")
      #expect(outcome.text.contains("4 samples, 2 in a class"), "\(outcome.text)")
      #expect(outcome.text.contains(": 4 samples in "), "\(outcome.text)")
      #expect(outcome.text.contains(" of memory\n"), "\(outcome.text)")
      return outcome.text
    }
    for text in said[1...] {
      #expect(text.contains("history: decode by pipe"), "\(text)")
      #expect(text.contains("pets-train-000000.tar: 4 samples, "), "\(text)")
    }
    let plain = try shell("pipe decode -i \(tar) > x", in: folder).text
    #expect(plain.split(separator: "\n").count == 1, "\(plain)")
  }

  @Test func `a full disk is an error of its own`() throws {
    let folder = try TemporaryFolder()
    let outcome = try shell("pipe decode -q -i \(try archive(in: folder)) > /dev/full", in: folder)
    #expect(outcome.status == 74, "\(outcome.text)")
  }

  @Test func `verify leaves with 2 and names shard and sample`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    // The 20th byte from the end of the second sample's image is inside its compressed pixels.
    let outcome = try shell(
      "pipe shard -q -i \(tar) -o a && chmod u+w a/*.tar && "
        + "printf X | dd of=$(echo a/*.tar) bs=1 seek=2620 conv=notrunc status=none; pipe verify a", in: folder)
    #expect(outcome.status == 2, "\(outcome.text)")
    #expect(outcome.text.contains("000000.tar: sample 000000001: "), "\(outcome.text)")
    let json = try shell("pipe verify --json a", in: folder)
    #expect(json.status == 2)
    #expect(json.text.contains("\"sound\": false"))
    #expect(try shell("pipe verify .", in: folder).status == 66)
  }

  @Test func `inspect tells what there is, for people and for programs`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    try shell("pipe shard -q -i \(tar) -o a", in: folder)
    let text = try shell("pipe inspect a", in: folder).text
    for part in ["4 samples of 3×4×4 in 2 classes", "0 cat", "1 dog", "1. shard, pipe"] {
      #expect(text.contains(part), "\(text)")
    }
    let json = try shell(
      "pipe inspect --json a | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"label_names\"])'", in: folder)
    #expect(json.text == "['cat', 'dog']\n")
  }

  @Test func `preview draws a sheet, classes and sizes can be chosen`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let outcome = try shell(
      "pipe shard -q -i \(tar) -o a && pipe preview a -o sheet.png --scale 8 && head -c 4 sheet.png | tail -c 3 && "
        + "pipe decode -q -i a --classes dog --resize 8 | pipe shard -q -o b && pipe inspect b", in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("2 samples of 3×8×8 in 1 class"), "\(outcome.text)")
  }

  @Test func `a reader that goes away is no error`() throws {
    let folder = try TemporaryFolder()
    let tar = try archive(in: folder)
    let outcome = try shell("pipe decode -q -i \(tar) | head -c 10 > head; echo ${PIPESTATUS[0]}", in: folder)
    // The pipe may have taken everything before `head` left.
    #expect(["0\n", "141\n"].contains(outcome.text), "\(outcome.text)")
  }
}
