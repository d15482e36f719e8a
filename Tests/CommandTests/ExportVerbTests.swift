import Foundation
import Testing

/// A dataset of 40 images in the folder `set`, and one of them with a formation in `formed`.
private func dataset() throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  let archive = fixtures.appending(path: "shapes-cifar.tar.gz").path
  let outcome = try shell(
    "pipe shard -q --classes circle,square -i \(archive) --max-samples 7 -o set && cp -r set formed && chmod -R u+w formed && "
      + "sed -i 's/\"complete\" : true,/&\"formation\":{\"factor\":2,\"padding\":0.5,\"upsample\":\"bilinear\"},/' formed/pipe.manifest && "
      + "pipe verify -q --repair --accept-manifest formed",
    in: folder)
  #expect(outcome.status == 0, "\(outcome.text)")
  return folder
}

private func left(_ folder: TemporaryFolder) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder.url.path).filter { $0 != "set" && $0 != "formed" }
}

@Suite("The verb that exports") struct ExportVerbTests {
  @Test(arguments: ["npz", "safetensors", "mds", "tfrecord", "imagefolder"])
  func `a folder and its stream are exported alike, and never over anything`(format: String) throws {
    let folder = try dataset()
    let outcome = try shell(
      """
      set -e
      pipe export set --to \(format) -o a
      pipe export -i set --to \(format) -o b
      diff -r a b
      pipe cat set | pipe export --to \(format) -o c
      if pipe export set --to \(format) -o a; then exit 1; else test $? = 73; fi
      if pipe export set --to \(format) -o set/a; then exit 1; else test $? = 65; fi
      diff -r a b
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(try left(folder).sorted() == ["a", "b", "c"])
  }

  @Test(arguments: ["npz", "safetensors", "mds", "tfrecord", "imagefolder"])
  func `a stream that is cut or has failed publishes nothing`(format: String) throws {
    let folder = try dataset()
    let cut = try shell("set -o pipefail; pipe cat set | head -c 60000 | pipe export --to \(format) -o a", in: folder)
    #expect(cut.status == 75, "\(cut.text)")
    let failed = try shell("rm set/*-000003.tar; pipe cat set | pipe export --to \(format) -o a", in: folder)
    #expect(failed.status == 65, "\(failed.text)")
    #expect(try left(folder) == [])
  }

  @Test func `a formation is described, taken off, or refused`() throws {
    let folder = try dataset()
    let outcome = try shell(
      """
      set -e
      pipe export formed --to tfrecord -o a
      grep -q '"factor" : 2' a/description.json
      pipe export --form formed --to tfrecord -o b
      if grep -q formation b/description.json; then exit 1; fi
      grep -q '"samples" : 160' b/description.json
      grep -q '"form" : "true"' b/description.json
      pipe export --form formed --to imagefolder -o c
      test $(find c -name '*.png' | wc -l) = 160
      if pipe export formed --to imagefolder -o d; then exit 1; else test $? = 65; fi
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("each image holds 4 training images, which an ImageFolder cannot say; add --form"))
    #expect(try left(folder).sorted() == ["a", "b", "c"])
  }

  /// Read as plain files they would lose class names and formation.
  @Test func `shards are not read without their manifest`() throws {
    let folder = try dataset()
    let outcome = try shell(
      """
      set -e
      for input in 'set/*.tar' 'set formed' 'set/shapes-cifar-train-000000.tar set'; do
        if pipe export $input --to npz -o a; then exit 1; else test $? = 65; fi
      done
      pipe export set/shapes-cifar-train-000001.tar --to npz -o b
      pipe export set/*.tar --layout webdataset --to npz -o c
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("join datasets with pipe merge") && outcome.text.contains("name its folder"))
    #expect(try left(folder).sorted() == ["b", "c"])
  }

  /// As condensing does: the header of its stream knows no formation yet, and the end does.
  @Test func `a formation that a stream tells at its end is followed`() throws {
    let folder = try dataset()
    let late = """
      import hashlib, json, sys, tarfile
      source = tarfile.open(fileobj=sys.stdin.buffer, mode="r|")
      out, digest = sys.stdout.buffer, hashlib.sha256()
      for member in source:
          body = source.extractfile(member).read()
          if member.name == "__pipe__/header":
              header = json.loads(body)
              header["info"]["provenance"].append({"verb": "condense", "tool": "t", "options": {}, "digests": {}})
              info = json.loads(json.dumps(header["info"]))
              del header["info"]["formation"]
              body = json.dumps(header).encode()
          if member.name == "__pipe__/end":
              body = json.dumps(json.loads(body) | {"info": info, "sha256": digest.hexdigest()}).encode()
          header = tarfile.TarInfo(member.name)
          header.size = len(body)
          blocks = header.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)
          if not member.name.startswith("__"):
              digest.update(blocks)
          out.write(blocks)
      out.write(bytes(1024))
      """
    _ = try folder.file("late.py", late)
    let outcome = try shell(
      """
      set -e -o pipefail
      pipe cat formed | python3 late.py > stream
      pipe export --form --to imagefolder -o a < stream
      test $(find a -name '*.png' | wc -l) = 160
      pipe export --to npz -o b < stream
      python3 -m zipfile -e b c
      grep -q '"factor" : 2' c/description.json
      if pipe export --to imagefolder -o d < stream; then exit 1; else test $? = 65; fi
      if head -c 60000 stream | pipe export --form --to imagefolder -o d; then exit 1; else test $? = 75; fi
      """, in: folder)
    #expect(outcome.status == 0, "\(outcome.text)")
    let found = try left(folder).sorted()
    #expect(found == ["a", "b", "c", "late.py", "stream"])
  }

  @Test(arguments: [
    ("set --to npz", "pipe export needs --output"), ("set -o a", "pipe export needs --to"),
    ("set --to npz --zstd -o a", "--zstd means nothing with --to npz"),
    ("set --to npz --lose precision -o a", "--lose means nothing with --to npz"),
    ("set --to imagefolder --lose colour -o a", "--lose does not know"),
    ("set --to mds --max-bytes 4G -o a", "--max-bytes of mds is less than 4 GiB"),
    ("set --to mds -o -", "mds is a folder, and cannot be written to -"),
    ("set --to mds -o /dev/stdout", "mds is a folder, and cannot be written to /dev/stdout"),
    ("set --to parquet -o a", "parquet"),
  ]) func `command lines that make no sense are refused`(words: String, problem: String) throws {
    let folder = try dataset()
    let outcome = try shell("pipe export \(words)", in: folder)
    #expect(outcome.status == 64, "\(outcome.text)")
    #expect(
      outcome.text.replacingOccurrences(of: "pipe export: export", with: "pipe export").contains(problem),
      "\(outcome.text)")
    #expect(try left(folder) == [])
  }

  /// `ulimit -f` fails a write as a full disk does.
  @Test(arguments: ["npz", "mds", "tfrecord", "imagefolder"])
  func `a disk that is full leaves nothing behind`(format: String) throws {
    let folder = try dataset()
    let outcome = try shell("ulimit -f 1; pipe export set --to \(format) -o a", in: folder)
    #expect(outcome.status == 74, "\(outcome.text)")
    #expect(try left(folder) == [])
  }
}
